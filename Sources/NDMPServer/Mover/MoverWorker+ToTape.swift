// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI
import Sockets

/// Mode READ: from the data connection to the tape. NDMP v4 draft, 3.6 and its mover data flow.
extension MoverWorker {
    func moveToTape(_ tape: any MoverTape, _ notes: TapeNotes, _ socket: Socket) -> Stop {
        guard let buffer else { return .halted(.internalError, "the mover has no buffer") }
        while true {
            if peerHasClosed { padLastRecord(buffer) }
            let whole = (fill - head) / recordSize
            if whole > 0 || windowIsFull, fill > head {
                if windowIsFull { return .paused(.endOfWindow, position: 0) }
                if let stop = write(min(whole, recordsLeftInWindow), buffer, tape, notes) { return stop }
                continue
            }
            if peerHasClosed { return peerError.map { peerFailed($0) } ?? peerClosed() }
            if let stop = receive(buffer, socket) { return stop }
        }
    }

    /// A record that does not fit as a whole belongs behind the window.
    private var windowIsFull: Bool { recordsLeftInWindow == 0 }

    private var recordsLeftInWindow: Int {
        guard window.end != .max else { return .max }
        guard streamPosition < window.end else { return 0 }
        return Int(clamping: (window.end - streamPosition) / UInt64(recordSize))
    }

    private func receive(_ buffer: AlignedMemory, _ socket: Socket) -> Stop? {
        if head == fill {
            head = 0
            fill = 0
        }
        let received = buffer.withMutableSpan(fill..<buffer.count) { socket.receive(into: &$0) }
        switch received {
        case .bytes(let count):
            fill += count
            return nil
        case .end:
            peerHasClosed = true
            return engine.isEnded ? .ended : nil
        case .failed(let code):
            // What came before the failure is written like the end of a stream; the halt tells that it was none.
            peerHasClosed = true
            peerError = code
            return engine.isEnded ? .ended : nil
        }
    }

    /// The last record goes out in full size; the peer's bytes alone are counted.
    private func padLastRecord(_ buffer: AlignedMemory) {
        let partial = (fill - head) % recordSize
        guard partial > 0 else { return }
        padding = recordSize - partial
        buffer.clear(fill..<fill + padding)
        fill += padding
    }

    private func write(_ records: Int, _ buffer: AlignedMemory, _ tape: any MoverTape, _ notes: TapeNotes) -> Stop? {
        // The record stays in the buffer and is written again after CONTINUE.
        if tape.takeEarlyWarning() { return .paused(.endOfMedium, position: 0) }
        do throws(CheckCondition) {
            let length = records * recordSize
            let written = try buffer.withSpan(head..<head + length) { (run) throws(CheckCondition) in
                try tape.writeRun(run, recordLength: recordSize)
            }
            notes.hadMediumError = false
            advance(written, tape)
            return nil
        } catch {
            return stop(for: error, notes)
        }
    }

    private func advance(_ records: Int, _ tape: any MoverTape) {
        let bytes = records * recordSize
        head += bytes
        streamPosition &+= UInt64(bytes)
        let real = head == fill ? bytes - padding : bytes
        engine.counters.update {
            $0.recordNumber &+= UInt64(records)
            $0.bytesMoved &+= UInt64(real)
        }
        moved(bytes, on: tape)
    }

    /// The physical end pauses like the early warning; everything else is an error of the medium.
    private func stop(for condition: CheckCondition, _ notes: TapeNotes) -> Stop {
        let sense = condition.sense
        if sense.key == .volumeOverflow { return .paused(.endOfMedium, position: 0) }
        notes.hadMediumError = true
        return .mediaError(TapeErrors.text(sense))
    }
}
