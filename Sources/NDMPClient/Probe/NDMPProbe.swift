// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets
import WireFormat

/// Looks at any NDMP server from the outside: what it says about itself, and whether data connections come about in
/// either direction. Everything that it opens it closes again; no tape is moved and no file is touched.
///
/// Blocks, with several threads of its own. Each step has a time limit, so that the whole has one.
package struct NDMPProbe: Sendable {
    let options: ProbeOptions

    package init(_ options: ProbeOptions) {
        self.options = options
    }

    package func run() -> ProbeReport {
        var report = ProbeReport(
            host: options.host,
            port: Int(options.port),
            control: .init(outcome: .open, milliseconds: 0)
        )
        let start = MonotonicClock.milliseconds()
        let first: NDMPConnection
        do throws(NDMPClientError) {
            first = try NDMPConnection.greeted(host: options.host, port: options.port, clientOptions)
        } catch {
            report.control.outcome = Self.outcome(error)
            report.control.milliseconds = Self.elapsed(since: start)
            report.control.problem = error.description
            report.findings = ProbeFindings(report, options).all()
            return report
        }
        report.control.milliseconds = Self.elapsed(since: start)
        report.control.address = "\(first.peerAddress)"
        report.control.localAddress = "\(first.localAddress)"
        report.control.announcedVersion = first.announcedVersion
        first.close()
        report.versions = versions(announced: first.announcedVersion, &report.notes)
        ask(&report)
        if report.agreedVersion != nil { tryDataConnections(&report, local: first.localAddress) }
        report.findings = ProbeFindings(report, options).all()
        return report
    }

    // MARK: Connections

    /// Time for what the server does beside the network.
    private static let answerSeconds = 10

    var clientOptions: NDMPClientOptions {
        var client = NDMPClientOptions(user: options.user, password: options.password)
        client.authentication = options.user == nil && options.authentication == .best ? .skip : options.authentication
        client.connectTimeoutSeconds = options.timeoutSeconds
        client.greetingTimeoutSeconds = options.timeoutSeconds
        client.replyTimeoutSeconds = options.timeoutSeconds + Self.answerSeconds
        client.interrupt = options.interrupt
        client.trace = options.trace
        return client
    }

    /// A session of its own for a thread.
    func session(_ adjust: (inout NDMPClientOptions) -> Void = { _ in }) throws(NDMPClientError) -> NDMPConnection {
        var client = clientOptions
        adjust(&client)
        return try NDMPConnection.open(host: options.host, port: options.port, client)
    }

    static func elapsed(since start: UInt64) -> Int {
        let now = MonotonicClock.milliseconds()
        return now > start ? Int(now - start) : 0
    }

    static func outcome(_ error: NDMPClientError) -> ProbeOutcome {
        switch error.kind {
        case .connectionRefused: .refused
        case .connectionSilent: .dropped
        case .unknownHost, .unreachable: .unreachable
        default: .serverRefused
        }
    }

    // MARK: Questions

    /// Tries every version on a connection of its own.
    private func versions(announced: Int, _ notes: inout [String]) -> [ProbeReport.Version] {
        var found: [ProbeReport.Version] = []
        for version in NDMPCatalogue.versions.reversed() {
            do throws(NDMPClientError) {
                let connection = try NDMPConnection.greeted(host: options.host, port: options.port, clientOptions)
                defer { connection.close() }
                let request = ConnectOpenRequest(protocolVersion: UInt16(version))
                let answer = try connection.exchange(.connectOpen, request, as: ErrorReply.self).error
                found.append(
                    .init(
                        version: version,
                        accepted: answer == .noError,
                        answer: answer == .noError ? nil : answer.text
                    )
                )
            } catch {
                notes.append("version \(version): \(error.description)")
            }
        }
        return found
    }

    /// Everything that the server tells about itself.
    private func ask(_ report: inout ProbeReport) {
        let connection: NDMPConnection
        do throws(NDMPClientError) {
            connection = try session { $0.authentication = .skip }
        } catch {
            report.notes.append(error.description)
            return
        }
        defer { connection.close() }
        report.agreedVersion = connection.version
        logIn(connection, &report)
        do throws(NDMPClientError) {
            try askServer(connection, &report)
            try askOffers(connection, &report)
        } catch {
            report.notes.append(error.description)
        }
    }

    private func logIn(_ connection: NDMPConnection, _ report: inout ProbeReport) {
        var authentication = ProbeReport.Authentication(offered: [])
        defer { report.authentication = authentication }
        do throws(NDMPClientError) {
            authentication.offered = try connection.offeredAuthentication().map(\.text)
            guard clientOptions.authentication != .skip else { return }
            try connection.authenticate(as: clientOptions.authentication)
            authentication.succeeded = true
        } catch {
            authentication.succeeded = false
            authentication.problem = error.description
        }
    }

    private func askServer(_ connection: NDMPConnection, _ report: inout ProbeReport) throws(NDMPClientError) {
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            let host = try connection.hostInfo()
            report.server.hostName = Self.text(host.hostname)
            report.server.system = Self.text(XDRString("\(host.osType.text) \(host.osVersion.text)"))
            report.server.hostID = Self.text(host.hostID)
        }
        guard connection.version >= 3 else { return }
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            let server = try connection.serverInfo()
            report.server.vendor = Self.text(server.vendorName)
            report.server.product = Self.text(server.productName)
            report.server.revision = Self.text(server.revisionNumber)
        }
    }

    private func askOffers(_ connection: NDMPConnection, _ report: inout ProbeReport) throws(NDMPClientError) {
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            report.offers.connectionTypes = try connection.connectionTypes().map(\.text)
        }
        guard connection.version >= 3 else { return }
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            report.offers.tapes = try connection.tapeInfo().prefix(ProbeLimits.listed).map(Self.device)
        }
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            report.offers.changers = try connection.scsiInfo().prefix(ProbeLimits.listed).map(Self.device)
        }
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            report.offers.backupTypes = try connection.backupTypeInfo().prefix(ProbeLimits.listed).map {
                Self.text($0.name) ?? ""
            }
        }
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            report.offers.fileSystems = try connection.fileSystemInfo().prefix(ProbeLimits.listed).map(Self.fileSystem)
        }
        guard connection.version >= 4 else { return }
        try note(&report) { (report: inout ProbeReport) throws(NDMPClientError) in
            report.offers.extensions = try connection.extensionList().prefix(ProbeLimits.listed).map {
                "class 0x\(String($0.classID, radix: 16)): \($0.versions.map { "\($0)" }.joined(separator: ", "))"
            }
        }
    }

    /// A refusal is noted; anything worse ends the questions.
    private func note(
        _ report: inout ProbeReport,
        _ body: (inout ProbeReport) throws(NDMPClientError) -> Void
    ) throws(NDMPClientError) {
        do throws(NDMPClientError) { try body(&report) } catch {
            guard !error.isFatal else { throw error }
            let isStranger = error.refusal == .notAuthorized && report.authentication?.succeeded != true
            let note = isStranger ? "\(report.host) tells no more without a log-in." : error.description
            if !report.notes.contains(note) { report.notes.append(note) }
        }
    }

    // MARK: Words

    /// Longest text of a server that a report shows.
    private static let textCharacters = 200

    /// For people: without control characters, cut; nil when empty.
    static func text(_ string: XDRString) -> String? {
        let clean = String(string.text.map { $0.isASCII && ($0.asciiValue ?? 0) < 0x20 ? " " : $0 })
        var words = clean.prefix(textCharacters)
        while words.last == " " { words.removeLast() }
        return words.isEmpty ? nil : String(words)
    }

    private static func device(_ info: DeviceInfo) -> ProbeReport.Device {
        let serial = info.names.lazy.flatMap(\.capabilities).first { $0.name == "SERIAL_NUMBER" }
        return ProbeReport.Device(
            model: text(info.model) ?? "",
            names: info.names.compactMap { text($0.device) },
            serial: serial.flatMap { text($0.value) }
        )
    }

    private static func fileSystem(_ info: FileSystemInfo) -> ProbeReport.FileSystem {
        ProbeReport.FileSystem(
            path: text(info.logicalDevice) ?? "",
            type: text(info.type) ?? "",
            status: text(info.status) ?? "",
            totalBytes: info.unsupported.contains(.totalSize) ? nil : info.totalSize,
            availableBytes: info.unsupported.contains(.availableSize) ? nil : info.availableSize
        )
    }
}
