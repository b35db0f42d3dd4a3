// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams

/// A tape file as the readers of backup streams take one. Read from place to place it asks for little at first, and for
/// more the further it is read on.
final class TapeFileSource: StreamSource {
    private let file: any TapeFileBytes
    private var position: UInt64 = 0
    private var step = TapeFileSource.firstStep

    private static let firstStep = 4 << 10
    private static let largestStep = 256 << 10

    init(_ file: any TapeFileBytes) {
        self.file = file
    }

    func position(at offset: UInt64, expecting count: UInt64?) throws(StreamError) {
        position = offset
        step = Self.firstStep
    }

    func expect(_ count: UInt64) {}

    func read(into room: inout MutableSpan<UInt8>) throws(StreamError) -> Int {
        var part = room._mutatingExtracting(first: min(step, room.count))
        step = min(step * 2, Self.largestStep)
        do {
            let got = try file.read(into: &part, at: position)
            position += UInt64(got)
            return got
        } catch {
            throw .impossible(error.description)
        }
    }
}
