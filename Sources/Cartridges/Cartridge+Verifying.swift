// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// How far a verification is.
package struct VerifyProgress: Sendable, Equatable {
    package let partition: Int
    package let objectsDone: UInt64
    package let objectsTotal: UInt64
    package let bytesDone: UInt64
    package let bytesTotal: UInt64
}

/// What a verification found.
package struct VerifyReport: Sendable, Equatable {
    package struct Problem: Sendable, Equatable {
        package let partition: Int
        package let address: BlockAddress
        package let reason: String
    }

    package internal(set) var records: UInt64 = 0
    package internal(set) var filemarks: UInt64 = 0
    package internal(set) var payloadBytes: UInt64 = 0
    /// The first ``maximumProblems`` of them.
    package internal(set) var problems: [Problem] = []
    package internal(set) var problemCount: UInt64 = 0
    /// The progress callback returned false before the end.
    package internal(set) var wasStopped = false

    package var isSound: Bool { problemCount == 0 && !wasStopped }

    /// A report for people: nobody reads more.
    package static let maximumProblems = 1000

    mutating func add(_ partition: Int, _ address: UInt64, _ reason: String) {
        problemCount += 1
        guard problems.count < Self.maximumProblems else { return }
        problems.append(Problem(partition: partition, address: BlockAddress(address), reason: reason))
    }
}

extension Cartridge {
    /// Reads everything and changes nothing: every entry's check, position and filemark count, every record's
    /// checksum. `progress` is called every 16 MiB or 8,192 objects; it returns false to stop.
    package func verify(progress: (VerifyProgress) -> Bool) throws(CartridgeError) -> VerifyReport {
        try requireOpen()
        var report = VerifyReport()
        for partition in partitions {
            try partition.verify(into: &report, progress: progress)
            if report.wasStopped { break }
        }
        return report
    }
}

extension Partition {
    private static let progressBytes: UInt64 = 16 << 20
    private static let progressObjects: UInt64 = 8192

    func verify(into report: inout VerifyReport, progress: (VerifyProgress) -> Bool) throws(CartridgeError) {
        let buffer = AlignedBuffer(count: 1 << 20)
        var expected = TapeMark()
        var reported = TapeMark()
        for address in 0..<end.count {
            if expected.payloadEnd - min(expected.payloadEnd, reported.payloadEnd) >= Self.progressBytes
                || address - reported.count >= Self.progressObjects
            {
                reported = expected
                guard progress(progressNow(expected, address)) else {
                    report.wasStopped = true
                    return
                }
            }
            try verifyObject(address, &expected, into: &report, through: buffer)
        }
        if expected.payloadEnd != end.payloadEnd || expected.filemarks != end.filemarks {
            report.add(number, end.count, "the superblock's totals do not match the entries")
        }
        _ = progress(progressNow(end, end.count))
    }

    private func progressNow(_ mark: TapeMark, _ address: UInt64) -> VerifyProgress {
        VerifyProgress(
            partition: number,
            objectsDone: address,
            objectsTotal: end.count,
            bytesDone: mark.payloadEnd,
            bytesTotal: end.payloadEnd
        )
    }

    private func verifyObject(
        _ address: UInt64,
        _ expected: inout TapeMark,
        into report: inout VerifyReport,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) {
        let entry: IndexEntry
        do throws(CartridgeError) {
            entry = try self.entry(at: address)
        } catch .corruptIndex(_, _, let reason) {
            report.add(number, address, reason)
            return
        }
        if entry.offset != expected.payloadEnd {
            report.add(number, address, "it begins at byte \(entry.offset) instead of \(expected.payloadEnd)")
        }
        if UInt64(entry.filemarksBefore) != expected.filemarks {
            report.add(number, address, "it counts \(entry.filemarksBefore) filemarks instead of \(expected.filemarks)")
        }
        // One wrong entry is one problem, not one for each that follows it.
        expected.payloadEnd = entry.offset + UInt64(entry.storedLength)
        expected.filemarks = UInt64(entry.filemarksBefore) + (entry.kind == .filemark ? 1 : 0)
        switch entry.kind {
        case .filemark:
            report.filemarks += 1
        case .record:
            report.records += 1
            report.payloadBytes += UInt64(entry.storedLength)
            if try !isIntact(entry, through: buffer) {
                report.add(number, address, "its contents do not match its checksum, or are missing")
            }
        }
    }
}
