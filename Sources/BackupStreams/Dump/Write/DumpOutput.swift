// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes records to the sink, gathered into large pieces, and counts them.
final class DumpOutput {
    private let sink: any StreamSink
    private var buffer = [UInt8](repeating: 0, count: DumpOutput.bufferBytes)
    /// Bytes of the buffer that wait to be written.
    private var waiting = 0
    /// What all headers of the stream have in common.
    private let template: DumpHeader
    /// Bytes of the stream so far: where the next record begins.
    private(set) var position: UInt64 = 0

    private static let bufferBytes = 256 * 1024
    /// Pieces from this size on go to the sink as they are.
    private static let directBytes = 64 * 1024

    init(_ sink: any StreamSink, template: DumpHeader) {
        self.sink = sink
        self.template = template
    }

    /// A header of this stream, for the caller to fill in.
    func header(_ kind: DumpRecordKind, inode: UInt32 = 0) -> DumpHeader {
        var header = template
        header.kind = kind
        header.inode = inode
        return header
    }

    func write(_ header: DumpHeader) throws(StreamError) {
        var header = header
        header.record = UInt32(truncatingIfNeeded: position / UInt64(DumpFormat.recordBytes))
        try write(header.encoded().span)
    }

    func write(_ bytes: Span<UInt8>) throws(StreamError) {
        position += UInt64(bytes.count)
        if waiting + bytes.count > Self.bufferBytes || bytes.count >= Self.directBytes { try flush() }
        if bytes.count >= Self.directBytes { return try sink.write(bytes) }
        let start = waiting
        var target = buffer.mutableSpan
        for index in bytes.indices { target[start + index] = bytes[index] }
        waiting += bytes.count
    }

    /// Fills the last record with zeros.
    func pad() throws(StreamError) {
        let over = Int(position % UInt64(DumpFormat.recordBytes))
        guard over > 0 else { return }
        let zeros = [UInt8](repeating: 0, count: DumpFormat.recordBytes - over)
        try write(zeros.span)
    }

    func flush() throws(StreamError) {
        guard waiting > 0 else { return }
        // Taken out for the call: a span of a class's property would outlive its access.
        var taken: [UInt8] = []
        swap(&taken, &buffer)
        defer { swap(&taken, &buffer) }
        try sink.write(taken.span.extracting(0..<waiting))
        waiting = 0
    }

    /// End records up to a full tape block, and at least as many bytes as direct access asks for at once: it must not
    /// ask for more than there is.
    func finish(highest: UInt32) throws(StreamError) {
        let block = UInt64(DumpFormat.recordBytes * DumpFormat.recordsPerBlock)
        let least = position + DumpStream.firstRead
        while position < least || position % block != 0 { try write(header(.end, inode: highest)) }
        try flush()
    }
}

/// A file without holes: puts a header before every 512 records of its data.
struct DumpContiguousFile {
    private let output: DumpOutput
    private var header: DumpHeader
    private var recordsLeft: UInt64
    private var bytesInSegment = 0

    /// - Parameter header: of kind `.inode`, with the size that will follow.
    init(_ output: DumpOutput, _ header: DumpHeader) throws(StreamError) {
        self.output = output
        self.header = header
        let record = UInt64(DumpFormat.recordBytes)
        recordsLeft = header.file.size / record + (header.file.size % record > 0 ? 1 : 0)
        try startSegment()
    }

    private mutating func startSegment() throws(StreamError) {
        let records = Int(min(recordsLeft, UInt64(DumpFormat.recordsPerHeader)))
        header.count = UInt32(records)
        header.addresses = [UInt8](repeating: 1, count: records)
        try output.write(header)
        header.kind = .addresses
        recordsLeft -= UInt64(records)
        bytesInSegment = records * DumpFormat.recordBytes
    }

    /// At most as many bytes in all as the header's size says.
    mutating func append(_ bytes: [UInt8]) throws(StreamError) {
        var start = 0
        while start < bytes.count {
            if bytesInSegment == 0 { try startSegment() }
            let count = min(bytes.count - start, bytesInSegment)
            try output.write(bytes.span.extracting(start..<start + count))
            bytesInSegment -= count
            start += count
        }
    }

    func finish() throws(StreamError) {
        try output.pad()
    }
}
