// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization

/// What a compressed tape file holds, as bytes that can be read anywhere. Forward is fast; going back begins anew at
/// the first byte. Passes that were begun are kept for the next reader.
///
/// Its length is not known until all has been read: until then `lengthBytes` is what it could be at most.
final class DecompressedBytes: TapeFileBytes {
    private struct State {
        var idle: [DecompressionStream] = []
        var length: UInt64?
        /// Where zeros begin that fill the last record; nil while nobody has come across them.
        var inputBytes: UInt64?
    }

    private let file: any TapeFileBytes
    private let compression: Compression
    private let expansion: UInt64
    private let state = Mutex(State())

    /// Passes that wait for a reader; each may hold the window of its format (some MiB).
    private static let maximumIdle = 4

    init(_ file: any TapeFileBytes, _ compression: Compression, limits: ContentLimits) {
        self.file = file
        self.compression = compression
        expansion = limits.expansion
    }

    var lengthBytes: UInt64 {
        if let length = state.withLock({ $0.length }) { return length }
        let (product, overflow) = file.lengthBytes.multipliedReportingOverflow(by: expansion)
        let (sum, tooFar) = product.addingReportingOverflow(DecompressionStream.freeBytes)
        return overflow || tooFar ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
    }

    var recordCount: UInt64 { 0 }
    func record(_ index: UInt64) -> (offset: UInt64, lengthBytes: Int)? { nil }
    func recordIndex(holding offset: UInt64) -> UInt64? { nil }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard room.count > 0 else { return 0 }
        guard offset < lengthBytes else {
            if state.withLock({ $0.length }) != nil { return 0 }
            throw .limit("it grows to more than \(expansion) times its length on tape: reading ends there")
        }
        var stream = try stream(for: offset)
        defer { giveBack(stream) }
        var done = 0
        var isSecond = false
        while done < room.count {
            var part = room._mutatingExtracting(done..<room.count)
            let got: Int
            do {
                got = try stream.read(into: &part, at: offset + UInt64(done))
            } catch {
                if let end = stream.fillingStart, !isSecond {
                    isSecond = true
                    state.withLock { $0.inputBytes = end }
                    stream = try begin()
                    continue
                }
                // What came before the damage is good.
                if done > 0 { return done }
                throw error
            }
            guard got > 0 else { break }
            done += got
        }
        return done
    }

    /// The pass that is nearest before `offset`, or a new one.
    private func stream(for offset: UInt64) throws(FormatError) -> DecompressionStream {
        let found = state.withLock { state -> DecompressionStream? in
            let usable = state.idle.indices.filter { state.idle[$0].firstOffset <= offset }
            guard let best = usable.max(by: { state.idle[$0].producedBytes < state.idle[$1].producedBytes }) else {
                return nil
            }
            return state.idle.remove(at: best)
        }
        if let found { return found }
        return try begin()
    }

    private func begin() throws(FormatError) -> DecompressionStream {
        let inputBytes = state.withLock { $0.inputBytes }
        return try DecompressionStream(file, compression, expansion: expansion, inputBytes: inputBytes)
    }

    private func giveBack(_ stream: DecompressionStream) {
        state.withLock { state in
            if stream.isAtEnd { state.length = stream.producedBytes }
            // What has failed or is at its end is of no use to the next reader, and keeps its window.
            guard stream.fillingStart == nil, !stream.isAtEnd, stream.failure == nil else { return }
            if state.idle.count == Self.maximumIdle { state.idle.removeFirst() }
            state.idle.append(stream)
        }
    }
}
