// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The stream of a recovery, as a tar reader takes it: exactly so many bytes, with their position.
final class TarInput {
    private let source: any StreamSource
    private var buffer = [UInt8](repeating: 0, count: TarInput.bufferBytes)
    private var start = 0
    private var end = 0
    /// Of the next byte, in the stream.
    private(set) var position: UInt64 = 0
    /// Where what was asked for ends; nil: the stream is read to its end.
    private var asked: UInt64?

    /// Also the largest piece of content that is written at once.
    static let bufferBytes = 256 << 10

    init(_ source: any StreamSource) {
        self.source = source
    }

    /// Reads on at `offset`; see `StreamSource.position`.
    func seek(to offset: UInt64, expecting count: UInt64?) throws(StreamError) {
        try source.position(at: offset, expecting: count)
        start = 0
        end = 0
        position = offset
        asked = count.map { offset &+ $0 }
    }

    /// So many bytes from here on will be wanted: what was not asked for before is asked for now.
    func expect(_ count: UInt64) {
        guard let asked else { return }
        let (wanted, overflow) = position.addingReportingOverflow(count)
        guard !overflow, wanted > asked else { return }
        self.asked = wanted
        // The source counts from where it is, which is what lies in the buffer ahead of us.
        let ahead = position &+ UInt64(end - start)
        if wanted > ahead { source.expect(wanted - ahead) }
    }

    /// Bytes that lie in the buffer.
    var aheadBytes: UInt64 { UInt64(end - start) }

    /// Bytes that were asked for and not taken yet.
    var left: UInt64 {
        guard let asked else { return .max }
        return asked > position ? asked - position : 0
    }

    /// Exactly `count` bytes.
    ///
    /// - Throws: `.truncated` at the end of the stream.
    func take(_ count: Int) throws(StreamError) -> [UInt8] {
        var bytes: [UInt8] = []
        // A header may lie about its length: memory is taken as bytes come.
        bytes.reserveCapacity(min(count, Self.bufferBytes))
        while bytes.count < count {
            let part = try fill(count - bytes.count)
            bytes.append(contentsOf: buffer[start..<(start + part)])
            advance(part)
        }
        return bytes
    }

    /// Nil at the end of the stream.
    func takeBlock() throws(StreamError) -> UstarBlock? {
        if start == end, try refill() == 0 { return nil }
        return UstarBlock(try take(UstarBlock.size))
    }

    /// Passes `count` bytes to `body` in pieces of up to 256 KiB.
    func forward(_ count: UInt64, _ body: (Span<UInt8>) throws(StreamError) -> Void) throws(StreamError) {
        var left = count
        var taken: [UInt8] = []
        // Taken out while it is lent: one owner, no copy.
        while left > 0 {
            let part = try fill(Int(min(left, UInt64(Self.bufferBytes))))
            swap(&taken, &buffer)
            defer { swap(&taken, &buffer) }
            try body(taken.span.extracting(start..<(start + part)))
            advance(part)
            left -= UInt64(part)
        }
    }

    func skip(_ count: UInt64) throws(StreamError) {
        var left = count
        while left > 0 {
            let part = try fill(Int(min(left, UInt64(Self.bufferBytes))))
            advance(part)
            left -= UInt64(part)
        }
    }

    private func advance(_ count: Int) {
        start += count
        position &+= UInt64(count)
    }

    /// How many of `count` bytes are in the buffer, at least one.
    private func fill(_ count: Int) throws(StreamError) -> Int {
        if start == end, try refill() == 0 { throw .truncated(at: position) }
        return min(count, end - start)
    }

    private func refill() throws(StreamError) -> Int {
        start = 0
        end = 0
        var taken: [UInt8] = []
        swap(&taken, &buffer)
        defer { swap(&taken, &buffer) }
        var room = taken.mutableSpan
        end = try source.read(into: &room)
        return end
    }
}
