// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol

/// The servers of a job.
package struct JobServers: Sendable {
    package var data: NDMPEndpoint
    package var tape: NDMPEndpoint
    /// NDMP name of the drive; nil: any free one.
    package var drive: String?
    /// NDMP name of the changer; nil: the first.
    package var changer: String?

    package init(data: NDMPEndpoint, tape: NDMPEndpoint, drive: String? = nil, changer: String? = nil) {
        self.data = data
        self.tape = tape
        self.drive = drive
        self.changer = changer
    }
}

/// The control connections of a backup or restore, and the wait for what comes over them.
///
/// One connection has the tape and the mover, one the robot, and one the data service: the tape's own when both are
/// one server, so that the stream stays inside it.
final class JobSession {
    enum Role: Sendable { case data, tape }

    /// How long a wait may last before cancellation is looked at.
    private static let waitMilliseconds = 200
    /// How often progress is asked for.
    private static let progressMilliseconds: Int64 = 1000
    private static let oldestVersion = 3

    let tape: any NDMPCaller
    let data: any NDMPCaller
    let robot: Robot
    let isLocal: Bool
    let control: JobControl
    private let callers: Callers
    /// The last error that the data service or the mover told, for the sentence about why a job failed.
    private(set) var lastComplaint: String?
    /// Warnings and errors that the servers told.
    private(set) var complaints = 0

    init(_ servers: JobServers, control: JobControl, callers: Callers) throws {
        self.control = control
        self.callers = callers
        isLocal = servers.data.isSameServer(as: servers.tape)
        let tape = try Self.open(servers.tape, callers)
        self.tape = tape
        do {
            data = isLocal ? tape : try Self.open(servers.data, callers)
        } catch {
            tape.close()
            throw error
        }
        do {
            robot = try Self.openRobot(servers, control, callers)
        } catch {
            tape.close()
            if !isLocal { data.close() }
            throw error
        }
    }

    private static func open(_ endpoint: NDMPEndpoint, _ callers: Callers) throws -> any NDMPCaller {
        let caller = try callers.open(endpoint)
        guard caller.version >= oldestVersion else {
            caller.close()
            throw DMAError(.refused, "\(endpoint.name) speaks NDMP \(caller.version); this program needs 3 or 4")
        }
        return caller
    }

    private static func openRobot(
        _ servers: JobServers,
        _ control: JobControl,
        _ callers: Callers
    ) throws -> Robot {
        let caller = try open(servers.tape, callers)
        do {
            let names = try caller.scsiInfo().compactMap { $0.names.first?.device.text }
            guard let device = servers.changer ?? names.first else {
                throw DMAError(.notFound, "\(servers.tape.name) has no changer, so no cartridge can be loaded")
            }
            return try Robot(caller, device: device, control: control, callers: callers)
        } catch {
            caller.close()
            throw error
        }
    }

    func station(drive: String?, holding barcode: String?) throws -> TapeStation {
        try TapeStation(
            tape,
            robot: robot,
            driveNamed: drive,
            holding: barcode,
            control: control,
            callers: callers
        )
    }

    func close() {
        robot.caller.close()
        if !isLocal { data.close() }
        tape.close()
    }

    // MARK: Posts

    /// Takes what has come, in order; waits a moment when nothing has. Log messages are told and not returned.
    func posts() throws -> [(role: Role, post: NDMPPost)] {
        try control.checkCancelled()
        let found = try arrived()
        guard found.isEmpty else { return found }
        callers.wait(isLocal ? [tape] : [tape, data], Self.waitMilliseconds)
        return try arrived()
    }

    /// What has come already.
    func arrived() throws -> [(role: Role, post: NDMPPost)] {
        // One connection at a time up to a limit, so that neither starves the other.
        var found: [(Role, NDMPPost)] = []
        for (role, caller) in isLocal ? [(Role.tape, tape)] : [(Role.tape, tape), (Role.data, data)] {
            for _ in 0..<Self.postsAtOnce {
                guard let post = try caller.nextPost(timeoutMilliseconds: 0) else { break }
                if case .log(let type, let text) = post {
                    tell(type, text, caller.server)
                } else {
                    found.append((role, post))
                }
            }
        }
        return found
    }

    private static let postsAtOnce = 64

    private func tell(_ type: LogType, _ text: String, _ server: String) {
        let severity: JobEvent.Severity =
            switch type {
            case .error: .error
            case .warning: .warning
            case .debug: .debug
            default: .normal
            }
        let text = text.hasSuffix("\n") ? String(text.dropLast()) : text
        if severity == .error { lastComplaint = text }
        if severity == .error || severity == .warning { complaints += 1 }
        control.tell(.log(source: server, severity, text))
    }

    /// Sends requests that may cross a halt on their way: the ILLEGAL_STATE that they get then is no error, the halt
    /// that is told next says what happened.
    func crossingHalt(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as NDMPClientError where error.refusal == .illegalState {
            guard try tape.moverGetState().state == .halted else { throw error }
        }
    }

    /// An error as the servers explained it: a refusal of a request with the log message that came before it.
    func explained(_ error: any Error, hint: String? = nil) -> DMAError {
        _ = try? arrived()
        var result = DMAError(error)
        if result.kind == .aborted { return result }
        if let lastComplaint { result.message += ": " + lastComplaint }
        if result.message.hasSuffix(".") { result.message.removeLast() }
        if result.hint == nil { result.hint = Self.hint(for: result.message) ?? hint }
        return result
    }

    /// What helps against the usual causes, by the words that servers use.
    static func hint(for text: String) -> String? {
        let text = text.lowercased()
        if text.contains("export") {
            return "`capstan ndmp set exports=/DIR[:ro],…` says what may be backed up and restored to"
        }
        if text.contains("data connection") || text.contains("data port") || text.contains("connect_err") {
            return "`capstan doctor ndmp HOST:PORT` shows which data port is blocked, and on which side"
        }
        return nil
    }
}

/// Aborts and stops what is still running, as far as the servers take it.
extension JobSession {
    /// How often a halt is looked for after an abort, `waitMilliseconds` apart.
    private static let haltRounds = 50

    func abortAll() {
        try? data.dataAbort()
        try? tape.moverAbort()
        for _ in 0..<Self.haltRounds {
            let dataState = try? data.dataGetState().state
            let moverState = try? tape.moverGetState().state
            if dataState ?? .idle == .idle || dataState == .halted,
                moverState ?? .idle == .idle || moverState == .halted
            {
                break
            }
            callers.wait([], Self.waitMilliseconds)
        }
        try? data.dataStop()
        try? tape.moverStop()
        _ = try? arrived()
    }

    /// Asks both services where they stand.
    func progress(totalBytes: UInt64?, files: UInt64) throws -> JobProgress {
        let mover = try tape.moverGetState()
        let state = try data.dataGetState()
        var progress = JobProgress(
            bytes: max(mover.bytesMoved, state.bytesProcessed),
            totalBytes: totalBytes,
            files: files
        )
        let left = state.estimatedBytesRemaining
        if !state.unsupported.contains(.estimatedBytesRemaining), left > 0, left < UInt64.max / 2 {
            let total = state.bytesProcessed.addingReportingOverflow(left)
            if !total.overflow { progress.totalBytes = total.partialValue }
        }
        if !state.unsupported.contains(.estimatedTimeRemaining), state.estimatedTimeRemaining > 0 {
            progress.secondsLeft = state.estimatedTimeRemaining
        }
        return progress
    }
}
