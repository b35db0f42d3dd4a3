// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A read-only text as it was when it was opened.
final class TextFile: OpenFile {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Direct: the text may be longer now than when its length was last asked for, and the kernel would cut it off.
    let traits = OpenTraits(isDirect: true)

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        guard offset < UInt64(bytes.count) else { return 0 }
        let start = Int(offset)
        let count = min(room.count, bytes.count - start)
        for index in 0..<count {
            room[index] = bytes[start + index]
        }
        return count
    }
}
