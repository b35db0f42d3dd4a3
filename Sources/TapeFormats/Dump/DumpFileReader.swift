// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The bytes of one file of a dump: header, the records that its map tells of, the next header, and so on.
///
/// What is found on the way is kept coarsely, so that going back does not begin at the first header again.
final class DumpFileReader: ContentReader {
    /// The stretch of the file that one header tells of.
    private struct Stretch {
        var fileOffset: UInt64
        var headerOffset: UInt64
        /// Records stored before each one of the map; one more for all.
        var storedBefore: [UInt16]

        var lengthBytes: UInt64 { UInt64(storedBefore.count - 1) * 1024 }
        var nextHeader: UInt64 { headerOffset + 1024 * (1 + UInt64(storedBefore.last ?? 0)) }
    }

    private let file: any TapeFileBytes
    private let inode: UInt32
    private let firstHeader: UInt64
    private let lengthBytes: UInt64
    private var current: Stretch?
    /// Places of headers, every `step`th: where it is in the file and on tape.
    private var marks: [(fileOffset: UInt64, headerOffset: UInt64)] = []
    private var walked = 0

    private static let step = 16
    private static let maximumMarks = 1 << 20
    /// Headers of other volumes in the middle of a file, one behind the other.
    private static let maximumForeignHeaders = 8

    init(_ file: any TapeFileBytes, header: UInt64, inode: UInt32, lengthBytes: UInt64) {
        self.file = file
        firstHeader = header
        self.inode = inode
        self.lengthBytes = lengthBytes
    }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let count = Int(min(UInt64(room.count), lengthBytes - offset))
        var done = 0
        while done < count {
            let at = offset + UInt64(done)
            let stretch: Stretch
            do {
                stretch = try self.stretch(holding: at)
            } catch {
                if done > 0 { return done }
                throw error
            }
            let within = Int(at - stretch.fileOffset)
            let first = within / 1024
            let isStored = stretch.storedBefore[first + 1] > stretch.storedBefore[first]
            // As many records of the same kind as there are.
            var last = first
            while last + 1 < stretch.storedBefore.count,
                (stretch.storedBefore[last + 1] > stretch.storedBefore[last]) == isStored, last - first < 512
            {
                last += 1
            }
            let wanted = min(count - done, last * 1024 - within)
            guard isStored else {
                for index in done..<done + wanted { room[index] = 0 }
                done += wanted
                continue
            }
            let stored =
                stretch.headerOffset + 1024 * (1 + UInt64(stretch.storedBefore[first])) + UInt64(within % 1024)
            var part = room._mutatingExtracting(done..<done + wanted)
            let got = try file.read(into: &part, at: stored)
            if got == 0 {
                if done > 0 { return done }
                throw .truncated(at: stored)
            }
            done += got
        }
        return count
    }

    private func stretch(holding offset: UInt64) throws(FormatError) -> Stretch {
        var stretch: Stretch
        if let current, current.fileOffset <= offset {
            stretch = current
        } else {
            let mark = marks.last { $0.fileOffset <= offset }
            stretch = try self.stretch(at: mark?.headerOffset ?? firstHeader, fileOffset: mark?.fileOffset ?? 0)
        }
        while offset - stretch.fileOffset >= stretch.lengthBytes {
            let (next, overflow) = stretch.fileOffset.addingReportingOverflow(stretch.lengthBytes)
            guard !overflow else { throw .malformed("a file of the dump is longer than anything can be") }
            stretch = try self.stretch(at: stretch.nextHeader, fileOffset: next)
        }
        current = stretch
        return stretch
    }

    private func stretch(at headerOffset: UInt64, fileOffset: UInt64) throws(FormatError) -> Stretch {
        var at = headerOffset
        for _ in 0..<Self.maximumForeignHeaders {
            let bytes = try file.bytes(DumpTapeHeader.recordBytes, at: at)
            guard bytes.count == DumpTapeHeader.recordBytes else { throw .truncated(at: at) }
            guard let header = DumpTapeHeader(bytes) else { throw .malformed("there is no dump header at byte \(at)") }
            if header.kind == .tape {
                at += 1024
                continue
            }
            let isFirst = at == firstHeader && header.kind == .inode
            guard isFirst || header.kind == .addresses, header.inode == inode else {
                throw .malformed("the file's data ends early at byte \(at)")
            }
            var storedBefore: [UInt16] = [0]
            storedBefore.reserveCapacity(header.map.count + 1)
            for byte in header.map { storedBefore.append((storedBefore.last ?? 0) + (byte == 0 ? 0 : 1)) }
            walked += 1
            if walked % Self.step == 0, marks.count < Self.maximumMarks, marks.last?.fileOffset ?? 0 < fileOffset {
                marks.append((fileOffset, at))
            }
            return Stretch(fileOffset: fileOffset, headerOffset: at, storedBefore: storedBefore)
        }
        throw .malformed("tape headers without end at byte \(headerOffset)")
    }
}

/// The same of a file that is stored without holes, each header but the last with a full map: places are computed.
final class DumpDenseReader: ContentReader {
    private let file: any TapeFileBytes
    private let firstHeader: UInt64
    private let lengthBytes: UInt64

    private static let stretchBytes = UInt64(DumpTapeHeader.recordsPerHeader * DumpTapeHeader.recordBytes)

    init(_ file: any TapeFileBytes, header: UInt64, lengthBytes: UInt64) {
        self.file = file
        firstHeader = header
        self.lengthBytes = lengthBytes
    }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let count = Int(min(UInt64(room.count), lengthBytes - offset))
        var done = 0
        while done < count {
            let at = offset + UInt64(done)
            let (stretch, within) = at.quotientAndRemainder(dividingBy: Self.stretchBytes)
            let wanted = Int(min(UInt64(count - done), Self.stretchBytes - within))
            let stored = firstHeader + 1024 + stretch * (Self.stretchBytes + 1024) + within
            var part = room._mutatingExtracting(done..<done + wanted)
            let got = try file.read(into: &part, at: stored)
            if got == 0 {
                if done > 0 { return done }
                throw .truncated(at: stored)
            }
            done += got
        }
        return count
    }
}
