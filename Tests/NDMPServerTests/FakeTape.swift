// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI
import Sockets
import Synchronization
import TapeLibrary

@testable import NDMPServer

/// A tape of an array: what the mover sees of a drive, without one.
final class FakeTape: Sendable, MoverTapeSource {
    enum Object: Equatable {
        case record([UInt8])
        case mark
    }

    struct Content {
        var objects: [Object] = []
        var position = 0
        /// Records from here on are in the early-warning zone.
        var earlyWarningAt = Int.max
        var isWarningPending = false
        var hasWarned = false
        /// No record fits from here on.
        var endsAt = Int.max
        /// Thrown by the next write.
        var writeError: CheckCondition?
        var readError: CheckCondition?
        var isTaken = false
        /// Who has it instead; nil: it can be taken.
        var holder: String?
        /// Lengths of the runs that were written in one go.
        var runs: [Int] = []
    }

    let content: Mutex<Content>
    let notes = TapeNotes()

    init(_ objects: [Object] = [], earlyWarningAt: Int = .max, endsAt: Int = .max) {
        var content = Content()
        content.objects = objects
        content.earlyWarningAt = earlyWarningAt
        content.endsAt = endsAt
        self.content = Mutex(content)
    }

    var objects: [Object] { content.withLock { $0.objects } }
    var position: Int { content.withLock { $0.position } }
    var isTaken: Bool { content.withLock { $0.isTaken } }
    var records: [[UInt8]] {
        objects.compactMap { if case .record(let bytes) = $0 { bytes } else { nil } }
    }

    func change(_ body: (inout Content) -> Void) {
        content.withLock { (value: inout sending Content) in body(&value) }
    }

    func take() throws(DeviceBusy) -> any MoverTape {
        let holder = content.withLock { content -> String? in
            if content.holder == nil { content.isTaken = true }
            return content.holder
        }
        if let holder { throw DeviceBusy(device: "drive 0", holder: holder) }
        return FakeTapeInUse(self)
    }
}

private final class FakeTapeInUse: MoverTape {
    private let tape: FakeTape

    init(_ tape: FakeTape) {
        self.tape = tape
    }

    func takeEarlyWarning() -> Bool {
        var isPending = false
        tape.change { content in
            isPending = content.isWarningPending
            content.isWarningPending = false
        }
        return isPending
    }

    func writeRun(_ run: Span<UInt8>, recordLength: Int) throws(CheckCondition) -> Int {
        var failure: CheckCondition?
        var records = 0
        var bytes: [UInt8] = []
        for index in run.indices { bytes.append(run[index]) }
        tape.change { content in
            if let error = content.writeError {
                failure = error
                content.writeError = nil
                return
            }
            for start in stride(from: 0, to: bytes.count, by: recordLength) {
                if content.position >= content.endsAt { break }
                content.objects.removeSubrange(content.position...)
                content.objects.append(.record(Array(bytes[start..<start + recordLength])))
                content.position += 1
                records += 1
                if content.position > content.earlyWarningAt {
                    if !content.hasWarned { content.isWarningPending = true }
                    content.hasWarned = true
                    break
                }
            }
            content.runs.append(records)
            if records == 0 { failure = CheckCondition(.volumeOverflow, .endOfPartition) }
        }
        if let failure { throw failure }
        return records
    }

    func read(into room: inout MutableSpan<UInt8>) throws(CheckCondition) -> MoverTapeRead {
        var found: FakeTape.Object?
        var failure: CheckCondition?
        tape.change { content in
            failure = content.readError
            guard failure == nil, content.position < content.objects.count else { return }
            found = content.objects[content.position]
            if case .record = found { content.position += 1 }
        }
        if let failure { throw failure }
        switch found {
        case nil: return .endOfData
        case .mark: return .filemark
        case .record(let bytes):
            for index in 0..<min(room.count, bytes.count) { room[index] = bytes[index] }
            return .record(length: bytes.count)
        }
    }

    func nextRecordLength() throws(CheckCondition) -> Int? {
        tape.content.withLock { content in
            guard content.position < content.objects.count, case .record(let bytes) = content.objects[content.position]
            else { return nil }
            return bytes.count
        }
    }

    func skip(records: Int64) throws(CheckCondition) -> MoverTapeSkip {
        var outcome = MoverTapeSkip.done
        tape.change { content in
            for _ in 0..<abs(records) {
                let next = records > 0 ? content.position : content.position - 1
                guard next >= 0 else { return outcome = .beginning }
                guard next < content.objects.count else { return outcome = .endOfData }
                guard case .record = content.objects[next] else { return outcome = .filemark }
                content.position += records > 0 ? 1 : -1
            }
        }
        return outcome
    }

    func send(maximumBytes: Int, to socket: Socket) throws(MoverSendFailure) -> MoverTapeRun {
        var run = MoverTapeRun()
        var first: Int?
        while run.bytes < maximumBytes {
            let length: Int?
            do throws(CheckCondition) { length = try nextRecordLength() } catch { throw .tape(error) }
            guard let length else {
                run.stop = tape.position < tape.objects.count ? .filemark : .endOfData
                return run
            }
            if let first, first != length { return run }
            first = length
            var bytes = [UInt8](repeating: 0, count: length)
            do throws(CheckCondition) {
                var room = bytes.mutableSpan
                _ = try read(into: &room)
            } catch {
                throw .tape(error)
            }
            let part = min(length, maximumBytes - run.bytes)
            do throws(NetworkError) { try socket.send(bytes.span.extracting(0..<part)) } catch {
                throw .socket(error.code)
            }
            run.bytes += part
            if part == length { run.records += 1 } else { run.bytesIntoRecord = part }
            if part < length { tape.change { $0.position -= 1 } }
        }
        return run
    }

    func publish() {}

    func finish() {
        tape.change { $0.isTaken = false }
    }
}
