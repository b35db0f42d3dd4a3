// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Unpacks LZO1X, after the description of its stream in the Linux kernel's documentation (staging/lzo.rst).
///
/// Bad input throws; output never passes the limit.
struct LempelZivOberhumer {
    private let input: [UInt8]
    private let limit: Int
    private var at = 0
    private var output: [UInt8] = []

    private static let broken = FormatError.malformed("compressed bytes are damaged")

    private init(_ input: [UInt8], limit: Int) {
        self.input = input
        self.limit = limit
    }

    static func unpack(_ input: ArraySlice<UInt8>, limit: Int) throws(FormatError) -> [UInt8] {
        var unpacking = LempelZivOberhumer(Array(input), limit: limit)
        try unpacking.run()
        return unpacking.output
    }

    private mutating func byte() throws(FormatError) -> Int {
        guard at < input.count else { throw Self.broken }
        defer { at += 1 }
        return Int(input[at])
    }

    private mutating func little16() throws(FormatError) -> Int {
        let low = try byte()
        return try byte() << 8 | low
    }

    /// A length whose field was zero: 255 for each zero byte, and the byte behind them.
    private mutating func longLength(_ base: Int) throws(FormatError) -> Int {
        var length = base
        while true {
            let next = try byte()
            if next != 0 { return length + next }
            length += 255
        }
    }

    private mutating func literals(_ count: Int) throws(FormatError) {
        guard input.count - at >= count else { throw Self.broken }
        guard limit - output.count >= count else { throw .limit("a record unpacks to more than \(limit) bytes") }
        output += input[at..<at + count]
        at += count
    }

    private mutating func copy(_ length: Int, distance: Int) throws(FormatError) {
        guard (1...output.count + 1).contains(distance), distance <= output.count else { throw Self.broken }
        guard limit - output.count >= length else { throw .limit("a record unpacks to more than \(limit) bytes") }
        for _ in 0..<length { output.append(output[output.count - distance]) }
    }

    private mutating func run() throws(FormatError) {
        // How many literals the last instruction copied: 0 to 3, or 4 for more.
        var state = 0
        guard let first = input.first else { throw Self.broken }
        if first > 17 {
            at = 1
            let count = Int(first) - 17
            try literals(count)
            state = min(count, 4)
        }
        while true {
            let code = try byte()
            let low: Int
            switch code {
            case 0..<16:
                if state == 0 {
                    try literals(code == 0 ? try longLength(18) : code + 3)
                    state = 4
                    continue
                }
                low = code & 3
                let distance = try byte() << 2 + code >> 2
                if state == 4 {
                    try copy(3, distance: distance + 2049)
                } else {
                    try copy(2, distance: distance + 1)
                }
            case 16..<32:
                let length = code & 7 == 0 ? try longLength(9) : code & 7 + 2
                let word = try little16()
                low = word & 3
                let distance = (code & 8) << 11 + word >> 2
                // Distance 16384 is the end.
                guard distance > 0 else {
                    guard at == input.count else { throw Self.broken }
                    return
                }
                try copy(length, distance: distance + 16_384)
            case 32..<64:
                let length = code & 31 == 0 ? try longLength(33) : code & 31 + 2
                let word = try little16()
                low = word & 3
                try copy(length, distance: word >> 2 + 1)
            case 64..<128:
                low = code & 3
                try copy(3 + (code >> 5 & 1), distance: try byte() << 3 + (code >> 2 & 7) + 1)
            default:
                low = code & 3
                try copy(5 + (code >> 5 & 3), distance: try byte() << 3 + (code >> 2 & 7) + 1)
            }
            if low > 0 { try literals(low) }
            state = low
        }
    }
}
