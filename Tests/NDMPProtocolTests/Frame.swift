// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing

/// One captured message.
struct Frame: Sendable, CustomTestStringConvertible {
    enum Kind: String { case request = "req", reply = "rep", cut }

    var code: UInt32
    var kind: Kind
    /// The version it stands under in the list.
    var version: Int
    /// Versions in which the layout is the same.
    var versions: [Int]
    /// With the record mark.
    var bytes: [UInt8]

    var testDescription: String { "0x\(String(code, radix: 16)) v\(version) \(kind.rawValue)" }

    /// The message without its mark.
    var message: [UInt8] { Array(bytes[4...]) }

    static let all: [Frame] = {
        var frames: [(code: UInt32, version: String, kind: Kind, hex: String)] = []
        for line in capturedFrames.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix(" ") {
                frames[frames.count - 1].hex += line.drop { $0 == " " }
            } else {
                let words = line.split(separator: " ")
                guard let code = UInt32(words[0].dropFirst(2), radix: 16), let kind = Kind(rawValue: String(words[2]))
                else { preconditionFailure("not a frame: \(line)") }
                frames.append((code, String(words[1]), kind, ""))
            }
        }
        return frames.map { frame in
            let version = Int(frame.version) ?? 2
            let own = Set(
                frames.filter { $0.code == frame.code && $0.kind == frame.kind && $0.version != frame.version }
                    .compactMap { Int($0.version) }
            )
            let next = own.filter { $0 > version }.min() ?? 5
            let versions =
                frame.kind == .cut || !own.isEmpty && frame.version == "any" ? [version] : Array(version..<next)
            return Frame(
                code: frame.code,
                kind: frame.kind,
                version: version,
                versions: versions.filter { NDMPCatalogue.row(frame.code, version: $0) != nil },
                bytes: hexBytes(frame.hex)
            )
        }
    }()

    static let whole = all.filter { $0.kind != .cut }

    /// The only frame of that code, version and kind.
    static func captured(_ code: NDMPMessageCode, _ version: Int, _ kind: Kind) -> Frame {
        for frame in all where frame.code == code.rawValue && frame.version == version && frame.kind == kind {
            return frame
        }
        preconditionFailure("no frame of \(code) in v\(version)")
    }
}

func hexBytes(_ hex: some StringProtocol) -> [UInt8] {
    var result: [UInt8] = []
    var digits = Substring(hex)
    while !digits.isEmpty {
        guard let byte = UInt8(digits.prefix(2), radix: 16) else { preconditionFailure("not hex: \(digits)") }
        result.append(byte)
        digits = digits.dropFirst(2)
    }
    return result
}

/// Feeds a stream to a receive buffer in pieces and answers the messages that come out.
func messages(in stream: [UInt8], pieces: (Int) -> Int) throws -> [[UInt8]] {
    var buffer = NDMPReceiveBuffer()
    var result: [[UInt8]] = []
    var sent = 0
    while sent < stream.count {
        let wanted = max(1, pieces(sent))
        let count = buffer.withFreeSpace { space in
            let count = min(wanted, space.count, stream.count - sent)
            for index in 0..<count { space[index] = stream[sent + index] }
            return count
        }
        try #require(count > 0)
        sent += count
        while let range = try buffer.nextMessage() { result.append(Array(buffer.bytes[range])) }
    }
    return result
}

/// A small generator with a seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
