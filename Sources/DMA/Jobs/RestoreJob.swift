// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol

/// A file that was asked for and did not come.
package struct RestoreFailure: Sendable, Equatable {
    package var path: String
    /// The protocol's word for the reason, e.g. `PERMISSION`.
    package var reason: String
}

/// What came of a restore.
package struct RestoreResult: Sendable, Equatable {
    package var images: [Int64] = []
    package var cartridges: [String] = []
    /// Bytes that the movers sent.
    package var bytes: UInt64 = 0
    /// Entries of the recover lists that were restored.
    package var restored = 0
    package var failures: [RestoreFailure] = []
    package var direct = false
    package var complaints = 0
}

/// Restores from one or several images: loads the cartridge that the stream is wanted from, swaps at its end and for
/// seeks, follows both services. Blocks; one thread runs it.
package final class RestoreJob {
    /// Failures that are listed by name; the rest is counted with them in `complaints`.
    static let failureLimit = 10_000

    private let request: RestoreRequest
    private let servers: JobServers
    private let catalogue: Catalogue
    private let callers: Callers
    private let control: JobControl

    package init(
        _ request: RestoreRequest,
        servers: JobServers,
        catalogue: Catalogue,
        callers: Callers = .network,
        control: JobControl = JobControl()
    ) {
        self.request = request
        self.servers = servers
        self.catalogue = catalogue
        self.callers = callers
        self.control = control
    }

    package func run() throws(DMAError) -> RestoreResult {
        // What cannot be planned needs no server.
        _ = try RestorePlan(request, catalogue: catalogue)
        do {
            let session = try JobSession(servers, control: control, callers: callers)
            defer { session.close() }
            let plan = try RestorePlan(request, catalogue: catalogue, version: session.data.version)
            try ExportCheck.check(request.destination, writing: true, on: session.data)
            return try restore(plan.passes, session)
        } catch {
            throw DMAError(error)
        }
    }

    private func restore(_ passes: [RestorePass], _ session: JobSession) throws -> RestoreResult {
        var result = RestoreResult()
        let first = passes.first?.segments.first?.barcode
        let station = try session.station(drive: servers.drive, holding: first)
        do {
            for pass in passes {
                let run = RestoreRun(pass, session: session, station: station, catalogue: catalogue, control: control)
                try run.transfer()
                result.images.append(pass.image.id)
                result.bytes += run.bytes
                result.restored += run.restored
                result.failures += run.failures.prefix(max(0, Self.failureLimit - result.failures.count))
                result.failures += pass.missing.map { RestoreFailure(path: $0, reason: "NOT_FOUND") }
                result.direct = result.direct || pass.direct
                for barcode in run.cartridges where !result.cartridges.contains(barcode) {
                    result.cartridges.append(barcode)
                }
            }
            try station.unload()
        } catch {
            let explained = session.explained(error)
            session.abortAll()
            try? station.unload()
            throw explained
        }
        result.complaints = session.complaints
        return result
    }
}

/// The transfer of one pass: from the mover's LISTEN to both services' halt.
final class RestoreRun {
    private(set) var bytes: UInt64 = 0
    private(set) var restored = 0
    private(set) var failures: [RestoreFailure] = []
    private(set) var cartridges: [String] = []
    private let pass: RestorePass
    private let session: JobSession
    private let station: TapeStation
    private let catalogue: Catalogue
    private let control: JobControl
    /// Index of the segment that the window stands for.
    private var current = 0
    private var dataHalt: DataHaltReason?
    private var moverHalt: MoverHaltReason?
    private var isClosing = false
    private var nextProgress: Int64 = 0
    /// Pauses in a row between which nothing was read.
    private var idlePauses = 0
    private var movedAtPause: UInt64 = 0
    private static let idlePauseLimit = 4

    init(
        _ pass: RestorePass,
        session: JobSession,
        station: TapeStation,
        catalogue: Catalogue,
        control: JobControl
    ) {
        self.pass = pass
        self.session = session
        self.station = station
        self.catalogue = catalogue
        self.control = control
    }

    func transfer() throws {
        let tape = session.tape
        let wanted = pass.direct ? pass.names.map(\.fileHistoryInfo).min() ?? 0 : 0
        guard let first = Windows.segment(holding: wanted, in: pass.segments) ?? pass.segments.indices.first else {
            throw DMAError(.damaged, "image \(pass.image.id) has no piece on any cartridge")
        }
        try bring(first)
        try tape.moverSetRecordSize(pass.image.recordBytes)
        if tape.version >= 4 { try setWindow() }
        let address = try tape.moverListen(.write, session.isLocal ? .local : .tcp)
        if tape.version < 4 { try setWindow() }
        try session.data.dataConnect(address)
        let how = pass.direct ? "by direct access" : "reading the stream"
        control.tell(.step("restoring from image \(pass.image.id), \(how)"))
        try session.data.dataStartRecover(type: pass.image.type, environment: pass.environment, names: pass.names)
        try follow()
        bytes = try tape.moverGetState().bytesMoved
        try session.data.dataStop()
        try tape.moverStop()
        for (_, post) in try session.arrived() { try handle(post) }
        guard dataHalt == .successful else {
            let reason = dataHalt.map { " with \($0.text)" } ?? ""
            throw DMAError(.failure, "the data service on \(session.data.server) ended the restore\(reason)")
        }
    }

    private func follow() throws {
        var haltWait = HaltWait()
        while dataHalt == nil || moverHalt == nil {
            for (_, post) in try session.posts() { try handle(post) }
            try showProgress()
            if dataHalt != nil, moverHalt == nil { try closeMover(&haltWait) }
            if let moverHalt, dataHalt == nil {
                // The data service sees the end of its stream, and says itself how it went.
                guard !haltWait.isOver(now: control.now()) else {
                    throw DMAError(.failure, "the mover ended with \(moverHalt.text), and the data service goes on")
                }
            }
        }
    }

    /// The data service is through: a paused mover is let go, one that does not notice is aborted.
    private func closeMover(_ wait: inout HaltWait) throws {
        if !isClosing {
            isClosing = true
            if try session.tape.moverGetState().state == .paused { try? session.tape.moverClose() }
        }
        if wait.isOver(now: control.now()) { try? session.tape.moverAbort() }
    }

    private func handle(_ post: NDMPPost) throws {
        switch post {
        case .dataRead(let offset, let length):
            // Inside one server the data service pulls by itself.
            guard !session.isLocal else { return }
            try session.crossingHalt { try session.tape.moverRead(offset: offset, length: length) }
        case .moverPaused(let reason, let position): try moverPaused(reason, position)
        case .dataHalted(let reason, let text):
            dataHalt = reason
            if !text.isEmpty, reason != .successful {
                control.tell(.log(source: session.data.server, .error, text))
            }
        case .moverHalted(let reason, _): moverHalt = reason
        case .logFile(let name, let status):
            if status == .successful {
                restored += 1
            } else if failures.count < RestoreJob.failureLimit {
                // The root of a backup has no name of its own.
                let path = name.isEmpty ? pass.image.path : name.text
                failures.append(RestoreFailure(path: path, reason: status.text))
            }
        case .connectionStatus(let reason, _, let text) where reason != .connected:
            throw DMAError(.failure, "a server ends the session (\(reason.text)): \(text)")
        default: break
        }
    }

    private func moverPaused(_ reason: MoverPauseReason, _ position: UInt64) throws {
        // It may have been on its way when the data service came to its end.
        if dataHalt != nil { return }
        let wanted: UInt64
        switch reason {
        case .seek: wanted = position
        case .endOfMedium, .endOfFile, .endOfWindow: wanted = pass.segments[current].end
        default:
            throw DMAError(
                .damaged,
                "\(pass.segments[current].barcode) cannot be read",
                hint: "`capstan cartridge verify \(pass.segments[current].barcode)` says where it is damaged"
            )
        }
        guard let next = Windows.segment(holding: wanted, in: pass.segments) else {
            // Behind the last piece there is nothing: the data service sees the end of the stream.
            try session.crossingHalt { try session.tape.moverClose() }
            return
        }
        try checkAdvance()
        try bring(next)
        try session.crossingHalt {
            try setWindow()
            try session.tape.moverContinue()
        }
    }

    /// A tape that is shorter than the catalogue says would be asked for the same bytes for ever.
    private func checkAdvance() throws {
        let moved = try session.tape.moverGetState().bytesMoved
        idlePauses = moved == movedAtPause ? idlePauses + 1 : 0
        movedAtPause = moved
        guard idlePauses < Self.idlePauseLimit else {
            throw DMAError(
                .damaged,
                "\(pass.segments[current].barcode) ends before the catalogue says",
                hint: "`capstan cartridge verify \(pass.segments[current].barcode)` says whether it is damaged"
            )
        }
    }

    /// Loads the cartridge of a segment and goes to its first record.
    private func bring(_ index: Int) throws {
        let segment = pass.segments[index]
        if station.barcode != segment.barcode || !station.isOpen {
            try station.load(segment.barcode)
            try station.open(.read)
            try checkLabel(segment.barcode)
            if !cartridges.contains(segment.barcode) { cartridges.append(segment.barcode) }
        }
        try station.position(atFile: segment.tapeFile)
        current = index
    }

    /// The very label that the pieces were written behind: a cartridge that somebody labelled anew holds other data in
    /// the same tape files.
    private func checkLabel(_ barcode: String) throws {
        if case .labelled(let label) = try station.contents(), label.barcode == barcode,
            label.written == (try catalogue.medium(barcode: barcode)?.labelled)
        {
            return
        }
        throw DMAError(
            .damaged,
            "\(barcode) does not carry the label that the catalogue expects: it was written anew since",
            hint: "`capstan catalogue forget --medium \(barcode)` takes it out of the catalogue"
        )
    }

    private func setWindow() throws {
        let segment = pass.segments[current]
        let length = Windows.readLength(of: segment, recordBytes: pass.image.recordBytes)
        try session.tape.moverSetWindow(offset: segment.offset, length: length)
    }

    private func showProgress() throws {
        guard control.now() >= nextProgress, dataHalt == nil, moverHalt == nil else { return }
        nextProgress = control.now() + 1
        let progress = try session.progress(totalBytes: pass.totalBytes, files: UInt64(restored))
        control.tell(.progress(progress))
    }
}
