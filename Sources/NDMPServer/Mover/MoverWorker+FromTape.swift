// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI
import Sockets

/// Mode WRITE: from the tape to the data connection. NDMP v4 draft, 3.6 and its mover data flow.
///
/// `streamPosition` is the place in the stream of the record the tape stands before. Records are found by counting
/// from there, one record size each; blocks that are shorter are sent one after the other.
extension MoverWorker {
    /// Bytes sent in one go before counters are brought up to date.
    static let sendBytes = 4 << 20
    /// Records passed over in one go: as many as MTIO can ask for.
    private static let largestSkip = UInt64(UInt32.max)

    func moveFromTape(_ tape: any MoverTape, _ socket: Socket) -> Stop {
        while true {
            if readRemaining == 0 {
                if let stop = waitForRead(socket) { return stop }
            }
            while readRemaining > 0 {
                if engine.isEnded { return .ended }
                if let stop = step(tape, socket) { return stop }
            }
        }
    }

    /// Watches the peer too: it closes when it has what it wants.
    private func waitForRead(_ socket: Socket) -> Stop? {
        var watches = true
        while true {
            switch engine.nextOrder(takingRead: true) {
            case .end: return .ended
            case .read(let offset, let length):
                readPosition = offset
                readRemaining = length
                return nil
            case .resume, nil: break
            }
            let ready = Poll.wait([
                Poll.Interest(engine.wakeUp.descriptor, .readable),
                Poll.Interest(watches ? socket.descriptor : -1, .readable),
            ])
            if ready[0] { engine.wakeUp.clear() }
            guard watches, ready[1] else { continue }
            switch socket.peek() {
            case .end: return peerClosed()
            case .failed(let code): return peerFailed(code)
            case .bytes: watches = false
            case nil: break
            }
        }
    }

    /// One move towards the end of the read: from the record in the buffer, by a run of records, or record by record.
    private func step(_ tape: any MoverTape, _ socket: Socket) -> Stop? {
        guard readPosition >= window.offset, readPosition < window.end else {
            return .paused(.seek, position: readPosition)
        }
        let limit = min(readRemaining, window.end - readPosition)
        if held.contains(readPosition) { return sendHeld(limit, socket) }
        do throws(CheckCondition) {
            if let stop = try positionTape(tape) { return stop }
            if readPosition == streamPosition, limit >= UInt64(recordSize) {
                return try sendRun(limit, tape, socket)
            }
            return try readRecord(tape)
        } catch {
            return .mediaError(TapeErrors.text(error.sense))
        }
    }

    private func positionTape(_ tape: any MoverTape) throws(CheckCondition) -> Stop? {
        let size = UInt64(recordSize)
        let isAhead = readPosition >= streamPosition
        let distance = isAhead ? readPosition - streamPosition : streamPosition - readPosition
        guard !isAhead || distance >= size else { return nil }
        // Forward to the record that holds the position, back to the start of it or before.
        let records = min(isAhead ? distance / size : (distance - 1) / size + 1, Self.largestSkip)
        switch try tape.skip(records: isAhead ? Int64(records) : -Int64(records)) {
        case .done:
            let bytes = records * size
            // Short records may make the way back longer than the stream is.
            streamPosition = isAhead ? streamPosition + bytes : streamPosition - min(bytes, streamPosition)
            return nil
        case .filemark: return .paused(.endOfFile, position: 0)
        case .endOfData: return .paused(.endOfMedium, position: 0)
        case .beginning: return .paused(.seek, position: readPosition)
        }
    }

    private func sendRun(_ limit: UInt64, _ tape: any MoverTape, _ socket: Socket) throws(CheckCondition) -> Stop? {
        if let length = try tape.nextRecordLength(), length > recordSize { return tooLong(length) }
        let records = max(1, min(limit, UInt64(Self.sendBytes)) / UInt64(recordSize))
        do throws(MoverSendFailure) {
            let run = try tape.send(maximumBytes: Int(records) * recordSize, to: socket)
            streamPosition &+= UInt64(run.bytes - run.bytesIntoRecord)
            sent(run.bytes, tape)
            switch run.stop {
            case .filemark: return .paused(.endOfFile, position: 0)
            case .endOfData: return .paused(.endOfMedium, position: 0)
            case .record, nil: return nil
            }
        } catch {
            switch error {
            case .tape(let condition): throw condition
            case .socket(let code): return peerFailed(code)
            }
        }
    }

    private func readRecord(_ tape: any MoverTape) throws(CheckCondition) -> Stop? {
        guard let buffer else { return .halted(.internalError, "the mover has no buffer") }
        let outcome = try buffer.withMutableSpan(0..<recordSize) { (room) throws(CheckCondition) in
            try tape.read(into: &room)
        }
        switch outcome {
        case .record(let length) where length > recordSize: return tooLong(length)
        case .record(let length):
            // A window may begin so near the largest position that a record reaches over it.
            held = streamPosition..<streamPosition + min(UInt64(length), .max - streamPosition)
            streamPosition = held.upperBound
            moved(length, on: tape)
            return nil
        case .filemark: return .paused(.endOfFile, position: 0)
        case .endOfData: return .paused(.endOfMedium, position: 0)
        }
    }

    private func sendHeld(_ limit: UInt64, _ socket: Socket) -> Stop? {
        guard let buffer else { return .halted(.internalError, "the mover has no buffer") }
        let start = Int(readPosition - held.lowerBound)
        let count = Int(min(limit, held.upperBound - readPosition))
        do throws(NetworkError) {
            try buffer.withSpan(start..<start + count) { (bytes) throws(NetworkError) in try socket.send(bytes) }
        } catch {
            return peerFailed(error.code)
        }
        sent(count, nil)
        return nil
    }

    private func sent(_ bytes: Int, _ tape: (any MoverTape)?) {
        readPosition &+= UInt64(bytes)
        readRemaining -= UInt64(bytes)
        engine.counters.update {
            $0.bytesMoved &+= UInt64(bytes)
            $0.bytesLeftToRead = readRemaining
            $0.recordNumber = streamPosition / UInt64(recordSize)
        }
        if let tape { moved(bytes, on: tape) }
    }

    private func tooLong(_ length: Int) -> Stop {
        .mediaError("a record of \(length) bytes is longer than the record size of \(recordSize)")
    }
}
