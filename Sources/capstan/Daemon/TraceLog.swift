// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import NDMPServer
import SCSI
import SGNames
import Synchronization
import TapeLibrary

/// `serve --trace FILE`: one line per NDMP message and per SCSI command, never user data.
///
/// Whoever traces pays for formatting a line and a short lock; a thread of its own writes the file. When the disk
/// cannot keep up lines are dropped, counted, and the count is written.
final class TraceLog: CommandTrace, NDMPTraceSink {
    /// Lines waiting for the disk; about a second of the fastest chatter.
    static let pendingLimitBytes = 8 << 20
    /// Longest time a line stays in memory.
    static let flushInterval = Duration.milliseconds(100)
    /// Longest line; the descriptions are far shorter.
    static let lineLimit = 2048

    private struct Pending {
        var bytes: [UInt8] = []
        var dropped: UInt64 = 0
    }

    private let pending = Mutex(Pending())
    private let handle: FileHandle
    private let thread = DeviceThread(name: "trace")

    /// Opens `path` for appending.
    init(path: String) throws(APIError) {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw APIError(.permission, "the trace file \(path) cannot be written", hint: "check --trace")
        }
        do { _ = try handle.seekToEnd() } catch {
            throw APIError(.failure, "the trace file \(path) cannot be extended: \(error.localizedDescription)")
        }
        self.handle = handle
    }

    // MARK: Lines

    func command(
        door: String,
        nexus: Nexus,
        unit: String,
        cdb: [UInt8],
        description: String,
        result: CommandResult,
        duration: Duration
    ) {
        add(
            TraceLine.command(
                time: Self.now(),
                nexus: nexus.name,
                unit: unit,
                cdb: cdb,
                description: description,
                result: result,
                duration: duration
            )
        )
    }

    func message(session: UInt64, peer: String, direction: NDMPTraceDirection, line: String) {
        add(TraceLine.message(time: Self.now(), session: session, peer: peer, direction: direction, text: line))
    }

    private func add(_ line: String) {
        pending.withLock { pending in
            let bytes = line.utf8.prefix(Self.lineLimit)
            guard pending.bytes.count + bytes.count < Self.pendingLimitBytes else {
                pending.dropped += 1
                return
            }
            pending.bytes.append(contentsOf: bytes)
            pending.bytes.append(UInt8(ascii: "\n"))
        }
    }

    private static func now() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970 * 1000)) }

    // MARK: Writing

    /// Writes until the task is cancelled, then what is left.
    func run() async {
        let gate = ThreadGate(thread)
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.flushInterval)
            await gate.run { self.flush() }
        }
        await gate.run { self.flush() }
    }

    /// Writes what waits; on the trace's own thread.
    private func flush() {
        let batch = pending.withLock { pending in
            let batch = pending
            pending = Pending()
            return batch
        }
        var bytes = batch.bytes
        if batch.dropped > 0 {
            bytes += Array("\(TraceLine.time(Self.now())) trace: \(batch.dropped) lines dropped\n".utf8)
        }
        guard !bytes.isEmpty else { return }
        guard (try? handle.write(contentsOf: Data(bytes))) != nil else {
            // The disk is full or gone: say so with the next batch that can be written.
            pending.withLock { $0.dropped += UInt64(bytes.count { $0 == UInt8(ascii: "\n") }) }
            return
        }
    }
}

/// How trace lines read.
enum TraceLine {
    /// `2026-03-01T12:00:00.000Z ndmp#3 127.0.0.1:40112 < CONNECT_OPEN …`
    static func message(
        time: UInt64,
        session: UInt64,
        peer: String,
        direction: NDMPTraceDirection,
        text: String
    ) -> String {
        "\(Self.time(time)) ndmp#\(session) \(peer) \(direction.rawValue) \(text)"
    }

    /// `… scsi drive 0, ndmp 127.0.0.1:40112: Read(6) LENGTH=512 [08 00 00 02 00 00] good, 512 bytes, 0.041 ms`
    static func command(
        time: UInt64,
        nexus: String,
        unit: String,
        cdb: [UInt8],
        description: String,
        result: CommandResult,
        duration: Duration
    ) -> String {
        let type: SGNames.DeviceType = unit == "changer" ? .changer : .tape
        var outcome = status(result)
        if !result.dataIn.isEmpty { outcome += ", \(result.dataIn.count) bytes in" }
        if result.dataOutConsumed > 0 { outcome += ", \(result.dataOutConsumed) bytes out" }
        return "\(Self.time(time)) scsi \(unit), \(nexus): \(named(description, cdb, type)) "
            + "[\(hexadecimal(cdb.prefix(32)))] \(outcome), \(milliseconds(duration)) ms"
    }

    /// The command under the name that the SCSI tools use, with its fields.
    static func named(_ description: String, _ cdb: [UInt8], _ type: SGNames.DeviceType) -> String {
        guard let name = SGNames.commandName(cdb: cdb, deviceType: type) else { return description }
        guard description.lowercased().hasPrefix(name.lowercased()) else { return "\(name), \(description)" }
        return name + description.dropFirst(name.count)
    }

    private static func status(_ result: CommandResult) -> String {
        guard let sense = result.sense else { return "\(result.status)" }
        let key = sense.key.rawValue
        let (asc, ascq) = (sense.additional.code, sense.additional.qualifier)
        let code = "\(String(key, radix: 16, uppercase: true))/\(hexadecimal([asc]))/\(hexadecimal([ascq]))"
        var text = result.status == .good ? "good" : "\(result.status)"
        text += ", \(SGNames.senseKeyName(key))"
        if let meaning = SGNames.senseText(asc: asc, ascq: ascq) { text += ", \(meaning)" }
        text += " (\(code))"
        if sense.filemark { text += " FILEMARK" }
        if sense.endOfMedium { text += " EOM" }
        if sense.incorrectLength { text += " ILI" }
        if let information = sense.information { text += " information \(information)" }
        return text
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        return "\(microseconds / 1000).\(padded(UInt64(microseconds % 1000), 3))"
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }

    private static func padded(_ value: UInt64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// RFC 3339 in UTC with milliseconds, from milliseconds since 1970.
    static func time(_ milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1000
        let (year, month, day) = civil(days: seconds / 86_400)
        let clock = [seconds % 86_400 / 3600, seconds % 3600 / 60, seconds % 60].map { padded($0, 2) }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(clock.joined(separator: ":"))"
            + ".\(padded(milliseconds % 1000, 3))Z"
    }

    /// Gregorian date of a day counted from 1970-01-01: years are taken to begin in March, so that the leap day is
    /// the last of its year.
    private static func civil(days: UInt64) -> (year: UInt64, month: UInt64, day: UInt64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
