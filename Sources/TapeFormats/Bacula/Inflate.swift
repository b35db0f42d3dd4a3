// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Unpacks a zlib stream (RFC 1950) that is in memory as a whole: what Bacula makes of each record.
///
/// Bad input throws; output never passes the limit.
struct Inflate {
    /// Symbols by length of their code, as RFC 1951 3.2.2 numbers them.
    private struct Codes {
        /// How many codes there are of each length, 0 to 15.
        var counts: [UInt16]
        var symbols: [UInt16]

        init(_ lengths: ArraySlice<UInt8>) {
            counts = [UInt16](repeating: 0, count: 16)
            for length in lengths { counts[Int(length & 15)] += 1 }
            var starts = [Int](repeating: 0, count: 17)
            for length in 1..<16 { starts[length + 1] = starts[length] + Int(counts[length]) }
            symbols = [UInt16](repeating: 0, count: lengths.count)
            for (symbol, length) in lengths.enumerated() where length > 0 {
                symbols[starts[Int(length)]] = UInt16(symbol)
                starts[Int(length)] += 1
            }
            counts[0] = 0
        }
    }

    private static let lengthBases: [Int] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits: [Int] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases: [Int] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ]
    private static let fixedLengths = Codes(
        ([UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112) + [UInt8](repeating: 7, count: 24)
            + [UInt8](repeating: 8, count: 8))[...]
    )
    private static let fixedDistances = Codes([UInt8](repeating: 5, count: 30)[...])
    private static let codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    private let input: [UInt8]
    private let limit: Int
    private var at = 0
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []

    private init(_ input: [UInt8], limit: Int) {
        self.input = input
        self.limit = limit
    }

    /// - Parameter limit: the most bytes that come out of it.
    static func zlib(_ input: ArraySlice<UInt8>, limit: Int) throws(FormatError) -> [UInt8] {
        let header = Array(input.prefix(2))
        guard let word = header.bigEndian16(at: 0), header[0] & 0x0F == 8, word % 31 == 0, word & 0x20 == 0 else {
            throw .malformed("compressed bytes do not begin as a zlib stream")
        }
        var inflate = Inflate(Array(input.dropFirst(2)), limit: limit)
        try inflate.run()
        guard let sum = inflate.input.bigEndian32(at: inflate.at) else { throw Self.broken }
        guard sum == Self.adler(inflate.output) else { throw .malformed("compressed bytes have a wrong sum") }
        return inflate.output
    }

    private static let broken = FormatError.malformed("compressed bytes are damaged")

    private static func adler(_ bytes: [UInt8]) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        var at = 0
        while at < bytes.count {
            let end = min(at + 5552, bytes.count)
            while at < end {
                low += UInt32(bytes[at])
                high += low
                at += 1
            }
            low %= 65521
            high %= 65521
        }
        return high << 16 | low
    }

    private mutating func run() throws(FormatError) {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try stored()
            case 1: try coded(Self.fixedLengths, Self.fixedDistances)
            case 2:
                let (lengths, distances) = try dynamicCodes()
                try coded(lengths, distances)
            default: throw Self.broken
            }
        }
        // Whole bytes that were taken into `bits` go back.
        at -= bitCount / 8
    }

    private mutating func take(_ count: Int) throws(FormatError) -> Int {
        while bitCount < count {
            guard at < input.count else { throw Self.broken }
            bits |= UInt32(input[at]) << UInt32(bitCount)
            at += 1
            bitCount += 8
        }
        defer {
            bits >>= UInt32(count)
            bitCount -= count
        }
        return Int(bits & ((1 << UInt32(count)) - 1))
    }

    private mutating func symbol(_ codes: Codes) throws(FormatError) -> Int {
        var code = 0
        var first = 0
        var index = 0
        for length in 1..<16 {
            code |= try take(1)
            let count = Int(codes.counts[length])
            if code - count < first { return Int(codes.symbols[index + code - first]) }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        throw Self.broken
    }

    private mutating func stored() throws(FormatError) {
        at -= bitCount / 8
        bits = 0
        bitCount = 0
        guard let length = input.littleEndian16(at: at), let check = input.littleEndian16(at: at + 2),
            length == ~check, input.count - at - 4 >= Int(length), limit - output.count >= Int(length)
        else { throw Self.broken }
        output += input[at + 4..<at + 4 + Int(length)]
        at += 4 + Int(length)
    }

    private mutating func dynamicCodes() throws(FormatError) -> (Codes, Codes) {
        let literals = try take(5) + 257
        let distances = try take(5) + 1
        let used = try take(4) + 4
        guard literals <= 286, distances <= 30 else { throw Self.broken }
        var codeLengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<used { codeLengths[Self.codeLengthOrder[index]] = UInt8(try take(3)) }
        let codes = Codes(codeLengths[...])
        try Self.check(codes)
        var lengths: [UInt8] = []
        while lengths.count < literals + distances {
            let symbol = try symbol(codes)
            switch symbol {
            case 0..<16: lengths.append(UInt8(symbol))
            case 16:
                guard let last = lengths.last else { throw Self.broken }
                lengths += [UInt8](repeating: last, count: try take(2) + 3)
            case 17: lengths += [UInt8](repeating: 0, count: try take(3) + 3)
            default: lengths += [UInt8](repeating: 0, count: try take(7) + 11)
            }
        }
        guard lengths.count == literals + distances else { throw Self.broken }
        let first = Codes(lengths[0..<literals])
        let second = Codes(lengths[literals...])
        try Self.check(first)
        try Self.check(second)
        return (first, second)
    }

    /// No more codes of a length than there can be: else numbers would fall out of the symbols.
    private static func check(_ codes: Codes) throws(FormatError) {
        var left = 1
        for length in 1..<16 {
            left = left << 1 - Int(codes.counts[length])
            guard left >= 0 else { throw broken }
        }
    }

    private mutating func coded(_ lengths: Codes, _ distances: Codes) throws(FormatError) {
        while true {
            let symbol = try symbol(lengths)
            if symbol < 256 {
                guard output.count < limit else { throw .limit("a record unpacks to more than \(limit) bytes") }
                output.append(UInt8(symbol))
                continue
            }
            guard symbol > 256 else { return }
            guard symbol - 257 < Self.lengthBases.count else { throw Self.broken }
            let length = Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
            let place = try self.symbol(distances)
            guard place < Self.distanceBases.count else { throw Self.broken }
            let distance = Self.distanceBases[place] + (try take(place < 2 ? 0 : place / 2 - 1))
            guard distance <= output.count else { throw Self.broken }
            guard limit - output.count >= length else { throw .limit("a record unpacks to more than \(limit) bytes") }
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }
}
