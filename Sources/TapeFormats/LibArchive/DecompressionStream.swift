// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CArchive

/// How a tape file is compressed: what libarchive reads by itself, without starting another program.
enum Compression: String, CaseIterable, Sendable {
    case gzip, bzip2, xz, zstd, lz4, lzip, compress

    /// The first bytes.
    var signature: [UInt8] {
        switch self {
        case .gzip: [0x1F, 0x8B, 0x08]
        case .bzip2: Array("BZh".utf8)
        case .xz: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
        case .zstd: [0x28, 0xB5, 0x2F, 0xFD]
        case .lz4: [0x04, 0x22, 0x4D, 0x18]
        case .lzip: Array("LZIP".utf8) + [1]
        case .compress: [0x1F, 0x9D]
        }
    }

    fileprivate func enable(_ archive: OpaquePointer) -> Int32 {
        switch self {
        case .gzip: unsafe archive_read_support_filter_gzip(archive)
        case .bzip2: unsafe archive_read_support_filter_bzip2(archive)
        case .xz: unsafe archive_read_support_filter_xz(archive)
        case .zstd: unsafe archive_read_support_filter_zstd(archive)
        case .lz4: unsafe archive_read_support_filter_lz4(archive)
        case .lzip: unsafe archive_read_support_filter_lzip(archive)
        case .compress: unsafe archive_read_support_filter_compress(archive)
        }
    }
}

/// One pass through a compressed tape file, from its beginning on. The last two pieces are kept, so that a reader may
/// step back a little.
///
/// `@unchecked Sendable`: the pool of `DecompressedBytes` lends it to one thread at a time, under a lock.
@safe final class DecompressionStream: @unchecked Sendable {
    private let archive: OpaquePointer
    private let input: DecompressionInput
    private let expansion: UInt64
    private let compression: Compression
    private var pieces: [(start: UInt64, bytes: [UInt8])] = []
    /// Why it ends here: said again to everyone who wants to read on.
    private(set) var failure: FormatError?
    private(set) var isAtEnd = false
    /// Bytes that came out so far.
    private(set) var producedBytes: UInt64 = 0

    /// Set by an error that came of zeros which fill the last record: zstd takes them for a damaged frame, and the
    /// last piece before them is lost. A new pass that ends its input here has it. Other formats pass over zeros.
    private(set) var fillingStart: UInt64?

    /// What every stream may grow to, however small it is.
    static let freeBytes: UInt64 = 64 << 20
    private static let keptPieces = 2

    /// - Parameter inputBytes: how much of the tape file is compressed data; nil: all of it.
    init(
        _ file: any TapeFileBytes,
        _ compression: Compression,
        expansion: UInt64,
        inputBytes: UInt64?
    ) throws(FormatError) {
        guard let archive = unsafe archive_read_new() else { throw .limit("libarchive has no memory") }
        unsafe self.archive = archive
        self.expansion = expansion
        self.compression = compression
        input = DecompressionInput(file, inputBytes ?? .max)
        // A warning means that it would start a program.
        guard unsafe compression.enable(archive) == ARCHIVE_OK else {
            throw .opaque("libarchive was built without \(compression.rawValue)")
        }
        let context = unsafe Unmanaged.passUnretained(input).toOpaque()
        // The input lives as long as the archive; its buffer stays where it is until the next call.
        let result = unsafe Self.open(archive, context)
        guard result == ARCHIVE_OK else { throw error() }
        var entry: OpaquePointer?
        let header = unsafe archive_read_next_header(archive, &entry)
        if header == ARCHIVE_EOF {
            isAtEnd = true
        } else if header != ARCHIVE_OK && header != ARCHIVE_WARN {
            throw error()
        } else if unsafe archive_filter_count(archive) < 2 {
            throw .malformed("it begins like \(compression.rawValue), and is not")
        }
    }

    private static func open(_ archive: OpaquePointer, _ context: UnsafeMutableRawPointer) -> Int32 {
        var result = unsafe archive_read_support_format_raw(archive)
        guard result == ARCHIVE_OK else { return result }
        result = unsafe archive_read_support_format_empty(archive)
        guard result == ARCHIVE_OK else { return result }
        return unsafe archive_read_open(
            archive,
            context,
            nil,
            { _, context, buffer in
                guard let context = unsafe context, let buffer = unsafe buffer else { return -1 }
                let input = unsafe Unmanaged<DecompressionInput>.fromOpaque(context).takeUnretainedValue()
                let count = input.fill()
                unsafe buffer.pointee = unsafe UnsafeRawPointer(input.memory.baseAddress)
                return count
            },
            nil
        )
    }

    deinit {
        unsafe archive_read_free(archive)
    }

    /// Where a reader may begin without a new pass.
    var firstOffset: UInt64 { pieces.first?.start ?? 0 }

    /// Bytes from `offset` on; 0 at the end. What lies before `firstOffset` is gone.
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        while producedBytes <= offset {
            guard try produce() else { return 0 }
        }
        guard let piece = pieces.last(where: { $0.start <= offset }) else { throw .stale }
        let from = Int(offset - piece.start)
        let count = min(room.count, piece.bytes.count - from)
        let bytes = piece.bytes.span
        for index in 0..<count { room[index] = bytes[from + index] }
        return count
    }

    /// The next piece.
    ///
    /// - Returns: false at the end.
    private func produce() throws(FormatError) -> Bool {
        if let failure { throw failure }
        guard !isAtEnd else { return false }
        var start: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        let result = unsafe archive_read_data_block(archive, &start, &count, &offset)
        if result == ARCHIVE_EOF {
            isAtEnd = true
            return false
        }
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN, count >= 0 else {
            let taken = UInt64(max(0, unsafe archive_filter_bytes(archive, -1)))
            if compression == .zstd, taken > 0, input.isZero(from: taken) { fillingStart = taken }
            throw fail(error())
        }
        guard let start = unsafe start, count > 0 else { return try produceNothing() }
        // The block is libarchive's until its next call: copied at once.
        let bytes = unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        let (product, overflow) = input.takenBytes.multipliedReportingOverflow(by: expansion)
        let (allowed, tooFar) = product.addingReportingOverflow(Self.freeBytes)
        guard overflow || tooFar || producedBytes + UInt64(count) <= allowed else {
            throw fail(.limit("it grows to more than \(expansion) times its length on tape: reading ends there"))
        }
        if pieces.count == Self.keptPieces { pieces.removeFirst() }
        pieces.append((producedBytes, bytes))
        producedBytes += UInt64(count)
        emptyPieces = 0
        return true
    }

    /// Pieces without a byte, one behind the other.
    private var emptyPieces = 0

    private func produceNothing() throws(FormatError) -> Bool {
        emptyPieces += 1
        guard emptyPieces < 1000 else { throw fail(.malformed("its compressed data holds nothing")) }
        return true
    }

    private func fail(_ error: FormatError) -> FormatError {
        failure = error
        pieces = pieces.filter { !$0.bytes.isEmpty }
        return error
    }

    private func error() -> FormatError {
        if let cause = input.failure { return cause }
        // The text is libarchive's until its next call.
        guard let text = unsafe archive_error_string(archive) else {
            return .malformed("its compressed data is damaged")
        }
        return .malformed("its compressed data is damaged: \(unsafe String(cString: text))")
    }
}

/// What libarchive reads from: a buffer at a fixed place that is filled piece by piece.
@safe private final class DecompressionInput {
    private let file: any TapeFileBytes
    let memory: UnsafeMutableBufferPointer<UInt8>
    /// Where the compressed data ends.
    private let limit: UInt64
    private(set) var takenBytes: UInt64 = 0
    private(set) var failure: FormatError?

    private static let bufferBytes = 128 << 10
    /// For the beginning, which is all that a look at the format needs.
    private static let firstBytes = 32 << 10

    init(_ file: any TapeFileBytes, _ limit: UInt64) {
        self.file = file
        self.limit = limit
        unsafe memory = .allocate(capacity: Self.bufferBytes)
        unsafe memory.initialize(repeating: 0)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Whether nothing but zeros stands there, and no more of them than fill a record.
    func isZero(from offset: UInt64) -> Bool {
        guard failure == nil, file.lengthBytes >= offset, file.lengthBytes - offset <= 4 << 20 else { return false }
        guard let bytes = try? file.bytes(Int(file.lengthBytes - offset), at: offset) else { return false }
        return bytes.allSatisfy { $0 == 0 }
    }

    /// - Returns: bytes now in `memory`; 0 at the end, -1 for an error.
    func fill() -> Int {
        // Nobody else looks at the memory while it is filled.
        var all = unsafe memory.mutableSpan
        let wanted = min(UInt64(takenBytes == 0 ? Self.firstBytes : Self.bufferBytes), limit - min(limit, takenBytes))
        guard wanted > 0 else { return 0 }
        var room = all._mutatingExtracting(first: Int(wanted))
        do {
            let count = try file.read(into: &room, at: takenBytes)
            takenBytes += UInt64(count)
            return count
        } catch {
            failure = error
            return -1
        }
    }
}
