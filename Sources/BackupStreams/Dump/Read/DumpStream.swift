// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Reads records from the source: headers, checked, and the data behind them.
///
/// Read from end to end it takes as much as the source gives; with direct access it never asks for more than it has
/// announced, so that the tape is not read for nothing.
final class DumpStream {
    private let source: any StreamSource
    private let observer: any JobObserver
    private var buffer = [UInt8](repeating: 0, count: DumpStream.bufferBytes)
    private var start = 0
    private var end = 0
    /// Bytes that the source may still be asked for; nil: no limit.
    private var granted: UInt64?
    private var pending: DumpHeader?
    /// Stream position of the next byte that nobody has seen.
    private(set) var position: UInt64 = 0
    /// Stream position of the header that was read last.
    private(set) var headerPosition: UInt64 = 0

    private static let bufferBytes = 256 * 1024
    /// A file's header, and all of a small file.
    static let firstRead: UInt64 = 16 * 1024

    init(_ source: any StreamSource, observer: any JobObserver) {
        self.source = source
        self.observer = observer
    }

    /// Reads on from `offset`: to the end of the stream, or one file.
    func begin(at offset: UInt64, direct: Bool) throws(StreamError) {
        start = 0
        end = 0
        pending = nil
        position = offset
        granted = direct ? Self.firstRead : nil
        try source.position(at: offset, expecting: granted)
    }

    /// That many bytes from the next one on will be read.
    func expect(_ bytes: UInt64) {
        guard let granted else { return }
        let wanted = bytes - min(bytes, UInt64(end - start))
        if wanted > granted {
            self.granted = wanted
            source.expect(wanted)
        }
    }

    /// Gets at least `count` bytes into the buffer, `count` at most its size.
    ///
    /// - Returns: false at the end of the stream.
    private func fill(_ count: Int) throws(StreamError) -> Bool {
        if end - start >= count { return true }
        if start + count > buffer.count || start == end {
            for index in 0..<(end - start) { buffer[index] = buffer[start + index] }
            end -= start
            start = 0
        }
        while end - start < count {
            var room = buffer.count - end
            if let granted { room = min(room, max(Int(clamping: granted), count - (end - start))) }
            // Taken out for the call: a span of a class's property would outlive its access.
            var taken: [UInt8] = []
            swap(&taken, &buffer)
            defer { swap(&taken, &buffer) }
            var all = taken.mutableSpan
            var span = all._mutatingExtracting(end..<end + room)
            let got = try source.read(into: &span)
            guard got > 0 else { return false }
            precondition(got <= room, "a source gave more than there was room for")
            end += got
            if let granted { self.granted = granted - min(granted, UInt64(got)) }
        }
        return true
    }

    /// The next 1024 bytes; nil at the end of the stream.
    private func record() throws(StreamError) -> [UInt8]? {
        guard try fill(DumpFormat.recordBytes) else { return nil }
        defer { advance(DumpFormat.recordBytes) }
        return Array(buffer[start..<start + DumpFormat.recordBytes])
    }

    private func advance(_ count: Int) {
        start += count
        position += UInt64(count)
    }

    /// The next header; records that are none are passed over with a note. Nil at the end of the stream, and with direct
    /// access where no header is.
    func header() throws(StreamError) -> DumpHeader? {
        if let pending {
            self.pending = nil
            return pending
        }
        var damaged: (count: UInt64, first: UInt64, error: DumpHeaderError)?
        while true {
            let offset = position
            guard let record = try record() else { break }
            do throws(DumpHeaderError) {
                let header = try DumpHeader(record)
                headerPosition = offset
                note(damaged)
                return header
            } catch {
                // A direct read does not go looking for what comes next.
                guard granted == nil else { return nil }
                damaged = (1 + (damaged?.count ?? 0), damaged?.first ?? offset, damaged?.error ?? error)
            }
        }
        note(damaged)
        return nil
    }

    /// The header at this very place.
    ///
    /// - Returns: nil at the end of the stream.
    func headerHere() throws(StreamError) -> Result<DumpHeader, DumpHeaderError>? {
        if let pending {
            self.pending = nil
            return .success(pending)
        }
        let offset = position
        guard let record = try record() else { return nil }
        headerPosition = offset
        do throws(DumpHeaderError) { return .success(try DumpHeader(record)) } catch { return .failure(error) }
    }

    /// Gives a header back that belongs to what comes next. Its position is `headerPosition`.
    func giveBack(_ header: DumpHeader) {
        pending = header
    }

    private func note(_ damaged: (count: UInt64, first: UInt64, error: DumpHeaderError)?) {
        guard let damaged else { return }
        observer.note(
            .error,
            "the dump is damaged at byte \(damaged.first): where a header should be, \(damaged.error.sentence); "
                + "passed over \(damaged.count) records"
        )
    }

    /// Hands out the next records of data in pieces.
    func data(records: Int, _ body: (Span<UInt8>) throws(StreamError) -> Void) throws(StreamError) {
        var left = records
        while left > 0 {
            if observer.isCancelled { throw .cancelled }
            guard try fill(DumpFormat.recordBytes) else { throw .truncated(at: position + UInt64(end - start)) }
            let count = min(left, (end - start) / DumpFormat.recordBytes)
            let range = start..<start + count * DumpFormat.recordBytes
            var taken: [UInt8] = []
            swap(&taken, &buffer)
            defer { swap(&taken, &buffer) }
            try body(taken.span.extracting(range))
            advance(range.count)
            left -= count
        }
    }

    /// The whole data of a file whose first header has been read.
    ///
    /// - Parameter body: gets each piece with its offset in the file, nothing beyond the file's size; nil: the data is passed
    ///   over.
    /// - Returns: false when the stream holds less than the size says.
    func file(
        _ first: DumpHeader,
        _ body: ((UInt64, Span<UInt8>) throws(StreamError) -> Void)?
    ) throws(StreamError) -> Bool {
        var header = first
        let size = first.file.size
        var offset: UInt64 = 0
        while true {
            var index = 0
            let map = header.addresses
            while index < map.count {
                var last = index
                while last < map.count, (map[last] == 0) == (map[index] == 0) { last += 1 }
                if map[index] != 0 {
                    var at = offset
                    try data(records: last - index) { (bytes) throws(StreamError) in
                        if at < size {
                            let count = Int(min(UInt64(bytes.count), size - at))
                            try body?(at, bytes.extracting(0..<count))
                        }
                        at += UInt64(bytes.count)
                    }
                }
                offset += UInt64((last - index) * DumpFormat.recordBytes)
                index = last
            }
            if offset >= size { return true }
            guard let next = try self.header() else { throw .truncated(at: self.position) }
            guard next.kind == .addresses, next.inode == first.inode else {
                giveBack(next)
                return false
            }
            header = next
        }
    }
}
