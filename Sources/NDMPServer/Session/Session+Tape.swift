// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import NDMPProtocol
import SCSI
import TapeLibrary
import WireFormat

/// TAPE: open, close, state, records. Positioning is in `Session+TapeMotion`.
extension Session {
    func handleTape(_ request: Request) {
        switch request.code {
        case .tapeGetState: return getTapeState(request)
        case .tapeExecuteCDB: return executeTapeCDB(request)
        default: break
        }
        // A CLOSE after a failed CLOSE lets go; anything else in between makes it an ordinary one again.
        let mayLetGo = closeHasFailed
        closeHasFailed = false
        switch request.code {
        case .tapeOpen:
            guard let body = decode(request, as: TapeOpenRequest.self) else { return }
            reply(request, error: openTape(body))
        case .tapeClose: reply(request, error: closeTape(lettingGo: mayLetGo))
        case .tapeMTIO:
            guard let body = decode(request, as: TapeMTIORequest.self) else { return }
            reply(request, move(body))
        case .tapeWrite:
            guard let body = decode(request, as: TapeWriteRequest.self) else { return }
            let (error, count) = write(body.data)
            reply(request, TapeWriteReply(error: error, count: UInt32(count)))
        case .tapeRead:
            guard let body = decode(request, as: TapeReadRequest.self) else { return }
            read(request, count: body.count)
        default: refuse(request.header, .notSupported)
        }
    }

    /// The open tape, or why there is none for this request.
    func tapeForUse() -> Result<OpenTape, TapeRefusal> {
        guard !mover.state.holdsTape else {
            return .failure(TapeRefusal(error: TapeRules.busyWithMover(version: version)))
        }
        guard case .tape(let tape) = device else { return .failure(TapeRefusal(error: .deviceNotOpen)) }
        return .success(tape)
    }

    struct TapeRefusal: Error {
        var error: NDMPError
    }

    /// Uses the drive for one operation; refusals of the drive and of the library become NDMP errors.
    func using<R>(
        _ tape: OpenTape,
        _ body: (TapeDrive) throws(CheckCondition) -> R
    ) -> Result<R, TapeRefusal> {
        do throws(DeviceBusy) {
            let result: Result<R, CheckCondition> = try tape.station.perform(as: nexus, body)
            switch result {
            case .success(let value): return .success(value)
            case .failure(let condition):
                if condition.sense.key == .mediumError { tape.notes.hadMediumError = true }
                return .failure(TapeRefusal(error: TapeErrors.error(for: condition.sense)))
            }
        } catch {
            context.logger.info("\(nexus.name): \(error.sentence)")
            return .failure(TapeRefusal(error: .deviceBusy))
        }
    }

    // MARK: Open and close

    /// The order of the checks is what clients rely on: mode, what is open, name, holder, medium.
    private func openTape(_ body: TapeOpenRequest) -> NDMPError {
        guard let mode = TapeRules.mode(body.mode, version: version) else { return .illegalArguments }
        guard !mover.state.holdsTape else { return TapeRules.busyWithMover(version: version) }
        guard case .none = device else { return .deviceOpened }
        guard case .drive(let station, let name, let rewinds) = context.devices.device(body.device.text) else {
            return .noDevice
        }
        do throws(DeviceBusy) {
            try station.open(as: nexus)
        } catch {
            context.logger.info("\(nexus.name): \(error.sentence)")
            return .deviceBusy
        }
        let tape = OpenTape(station: station, nexus: nexus, name: name, mode: mode, rewindsOnClose: rewinds)
        if mode != .raw, let error = refusal(of: tape) {
            station.close(nexus)
            return error
        }
        device = .tape(tape)
        handle.updateStatus { $0.device = name }
        return .noError
    }

    /// RAW opens without a tape, and on a protected one.
    private func refusal(of tape: OpenTape) -> NDMPError? {
        let checked = using(tape) { drive -> NDMPError? in
            guard drive.condition == .ready else { return .noTapeLoaded }
            return tape.mode == .readWrite && drive.isWriteProtected ? .writeProtected : nil
        }
        switch checked {
        case .success(let error): return error
        case .failure(let refusal): return refusal.error
        }
    }

    private func closeTape(lettingGo: Bool) -> NDMPError {
        switch tapeForUse() {
        case .failure(let refusal): return refusal.error
        case .success(let tape):
            if !lettingGo, let error = finish(tape) {
                closeHasFailed = true
                return error
            }
            releaseDevice(isFinished: true)
            return .noError
        }
    }

    /// What a close does on the tape: the closing filemark, durability, the rewind of a rewinding name.
    private func finish(_ tape: OpenTape) -> NDMPError? {
        let outcome = using(tape) { (drive) throws(CheckCondition) -> Void in
            guard drive.condition == .ready else { return }
            try drive.endRecords()
            if tape.mayWrite { try drive.synchronize() }
            if tape.rewindsOnClose { try drive.rewind() }
        }
        guard case .failure(let refusal) = outcome else { return nil }
        return refusal.error
    }

    /// Gives the open device back.
    ///
    /// - Parameter isFinished: the client closed the tape, or gave up closing it. Else it is closed for the client, as
    ///   far as that works, with all that a close does.
    func releaseDevice(isFinished: Bool = false) {
        switch device {
        case .none: return
        case .tape(let tape):
            if !isFinished, let error = finish(tape) {
                context.logger.warning("\(nexus.name): closing \(tape.name): \(error.text)")
            }
            tape.station.close(nexus)
        case .scsi(.drive(let station, _, _)): station.close(nexus)
        case .scsi(.changer(let station, _)): station.close(nexus)
        }
        device = .none
        handle.updateStatus { $0.device = nil }
    }

    // MARK: State

    /// Answered in every state of the mover, from what the drive last published.
    private func getTapeState(_ request: Request) {
        guard case .tape(let tape) = device else {
            return reply(request, TapeGetStateReply(refusing: .deviceNotOpen))
        }
        let status = tape.station.status
        var state = TapeGetStateReply()
        if !tape.rewindsOnClose { state.flags.insert(.noRewind) }
        if status.isWriteProtected { state.flags.insert(.writeProtected) }
        if tape.notes.hadMediumError { state.flags.insert(.error) }
        state.softErrors = 0
        state.blockSize = UInt32(clamping: status.fixedBlockLength)
        state.partition = UInt32(clamping: status.position.partition)
        state.totalSpace = status.capacityBytes
        state.spaceRemaining = status.capacityBytes - min(status.usedBytes, status.capacityBytes)
        state.fileNumber = UInt32(clamping: status.position.file)
        state.blockNumber = UInt32(clamping: status.position.blockInFile)
        let isReady = status.condition == .ready
        if !isReady || !status.position.isFileKnown {
            state.fileNumber = .max
            state.blockNumber = .max
            state.unsupported.formUnion([.fileNumber, .blockNumber])
        }
        if !isReady {
            state.totalSpace = .max
            state.spaceRemaining = .max
            state.unsupported.formUnion([.totalSpace, .spaceRemaining])
        }
        reply(request, state)
    }

    private func executeTapeCDB(_ request: Request) {
        guard let body = decode(request, as: ExecuteCDBRequest.self) else { return }
        guard case .tape(let tape) = device else {
            return reply(request, ExecuteCDBReply(refusing: .deviceNotOpen))
        }
        guard !mover.state.holdsTape else {
            return reply(request, ExecuteCDBReply(refusing: TapeRules.busyWithMover(version: version)))
        }
        reply(request, execute(body, on: .drive(tape.station, name: tape.name, rewinds: tape.rewindsOnClose)))
    }

    // MARK: Records

    /// One request is one record, or as many as it holds in fixed-block mode.
    private func write(_ data: XDRPayload) -> (error: NDMPError, count: Int) {
        guard data.count > 0 else { return (.noError, 0) }
        let tape: OpenTape
        switch tapeForUse() {
        case .failure(let refusal): return (refusal.error, 0)
        case .success(let open): tape = open
        }
        guard tape.mayWrite else { return (.permission, 0) }
        guard data.count <= Int(TapeRules.largestRecord) else { return (.illegalArguments, 0) }
        let outcome = using(tape) { (drive) throws(CheckCondition) -> NDMPError in
            // The write after the one that entered the early-warning zone fails once.
            if drive.takeEarlyWarning() { return .endOfMedium }
            try data.withSpan(in: buffer.bytes) { (record) throws(CheckCondition) in
                try Self.write(record, to: drive)
            }
            return .noError
        }
        switch outcome {
        case .success(.noError):
            tape.notes.hadMediumError = false
            return (.noError, data.count)
        case .success(let error): return (error, 0)
        case .failure(let refusal): return (refusal.error, 0)
        }
    }

    private static func write(_ record: Span<UInt8>, to drive: TapeDrive) throws(CheckCondition) {
        let block = drive.fixedBlockLength
        guard block > 0 else {
            _ = try drive.write(record)
            return
        }
        guard record.count % block == 0 else { throw CheckCondition(.illegalRequest, .invalidFieldInCDB) }
        var done = 0
        while done < record.count {
            let rest = record.extracting(done..<record.count)
            let (records, _) = try drive.writeRun(rest, recordLength: block)
            guard records > 0 else { throw CheckCondition(.volumeOverflow, .endOfPartition) }
            done += records * block
        }
    }

    private func read(_ request: Request, count: UInt32) {
        guard count > 0 else { return reply(request, TapeReadReply()) }
        guard count <= TapeRules.largestReadCount else {
            return reply(request, TapeReadReply(refusing: .illegalArguments))
        }
        let tape: OpenTape
        switch tapeForUse() {
        case .failure(let refusal): return reply(request, TapeReadReply(refusing: refusal.error))
        case .success(let open): tape = open
        }
        let capacity = min(Int(count), Int(TapeRules.largestRecord))
        let crossesFilemarks = version < 4
        replyTapeRead(request, capacity: capacity) { room in
            let outcome = using(tape) { (drive) throws(CheckCondition) -> (NDMPError, Int) in
                try Self.read(from: drive, into: &room, crossesFilemarks: crossesFilemarks)
            }
            switch outcome {
            case .success(let (error, length)): return (error, length)
            case .failure(let refusal): return (refusal.error, 0)
            }
        }
    }

    /// v2 and v3 pass over a filemark that they report, and know no other end; v4 stays before it and tells the end
    /// of the data apart.
    private static func read(
        from drive: TapeDrive,
        into room: inout MutableSpan<UInt8>,
        crossesFilemarks: Bool
    ) throws(CheckCondition) -> (NDMPError, Int) {
        switch try drive.nextObject() {
        case .filemark:
            if crossesFilemarks { _ = try drive.skipFilemark() }
            return (.endOfFile, 0)
        case nil:
            return (crossesFilemarks ? .endOfFile : .endOfMedium, 0)
        case .record:
            guard case .record(let length) = try drive.read(into: &room) else { return (.endOfMedium, 0) }
            return (.noError, min(length, room.count))
        }
    }
}
