// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Glibc
import LogicalUnits
import SCSI
import Sockets
import TapeLibrary

/// A leased drive as the mover uses it.
final class LeasedTape: MoverTape {
    private let lease: DriveLease
    private let drive: TapeDrive
    /// Records are verified through it before they are sent: hot in the processor's cache.
    private lazy var verifyBuffer = AlignedBuffer(count: Self.verifyBytes)

    private static let verifyBytes = 1 << 20

    init(_ lease: DriveLease) {
        self.lease = lease
        drive = lease.drive
    }

    func takeEarlyWarning() -> Bool {
        drive.takeEarlyWarning()
    }

    func writeRun(_ run: Span<UInt8>, recordLength: Int) throws(CheckCondition) -> Int {
        try drive.writeRun(run, recordLength: recordLength).records
    }

    func read(into room: inout MutableSpan<UInt8>) throws(CheckCondition) -> MoverTapeRead {
        // Looking first keeps the tape before the mark.
        guard case .record = try drive.nextObject() else { return try markOrEnd() }
        switch try drive.read(into: &room) {
        case .record(let length): return .record(length: length)
        case .filemark: return .filemark
        case .endOfData: return .endOfData
        }
    }

    private func markOrEnd() throws(CheckCondition) -> MoverTapeRead {
        if case .filemark = try drive.nextObject() { return .filemark }
        return .endOfData
    }

    func nextRecordLength() throws(CheckCondition) -> Int? {
        guard case .record(let length) = try drive.nextObject() else { return nil }
        return length
    }

    func skip(records: Int64) throws(CheckCondition) -> MoverTapeSkip {
        let outcome = try drive.space(.blocks, count: records)
        switch outcome.stop {
        case .none: return .done
        case .endOfData: return .endOfData
        case .beginningOfPartition: return .beginning
        case .filemark:
            // SPACE stops behind the mark it met, seen in its direction; one step back leaves it where it was met.
            _ = try drive.space(.filemarks, count: records > 0 ? -1 : 1)
            return .filemark
        }
    }

    func send(maximumBytes: Int, to socket: Socket) throws(MoverSendFailure) -> MoverTapeRun {
        do throws(CheckCondition) {
            let sent = try drive.send(
                maximumBytes: maximumBytes,
                toSocket: socket.descriptor,
                verifyBuffer: verifyBuffer
            )
            var run = MoverTapeRun(records: sent.records, bytes: sent.bytes, bytesIntoRecord: sent.bytesIntoRecord)
            switch sent.stop {
            case .filemark: run.stop = .filemark
            case .endOfData: run.stop = .endOfData
            case .maximumBytes, .otherLength, .socketFull, .interrupted: break
            }
            return run
        } catch {
            // The drive reports a failed socket so, because the tape is not to blame.
            let isSocket = error.sense.key == .hardwareError && error.sense.additional == .internalTargetFailure
            throw isSocket ? .socket(ECONNRESET) : .tape(error)
        }
    }

    func publish() {
        lease.publish()
    }

    func finish() {
        lease.end()
    }
}
