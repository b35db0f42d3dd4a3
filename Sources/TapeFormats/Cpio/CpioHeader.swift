// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The header of a cpio member, in each of the formats that cpio(5) describes.
struct CpioHeader: Equatable {
    enum Format: String, CaseIterable {
        /// SVR4: hexadecimal digits, everything filled up to four bytes.
        case newc
        /// The same with a sum of each file's bytes.
        case crc
        /// POSIX.1: octal digits, nothing filled up.
        case odc
        /// The oldest one: 16-bit words of the writing machine, filled up to two bytes.
        case littleEndian
        case bigEndian

        var headerBytes: Int {
            switch self {
            case .newc, .crc: 110
            case .odc: 76
            case .littleEndian, .bigEndian: 26
            }
        }

        /// What name and content are filled up to.
        var alignment: UInt64 {
            switch self {
            case .newc, .crc: 4
            case .odc: 1
            case .littleEndian, .bigEndian: 2
            }
        }

        var title: String {
            switch self {
            case .newc: "cpio archive (SVR4, newc)"
            case .crc: "cpio archive (SVR4 with sums, crc)"
            case .odc: "cpio archive (POSIX, odc)"
            case .littleEndian: "cpio archive (binary, little-endian)"
            case .bigEndian: "cpio archive (binary, big-endian)"
            }
        }
    }

    var format: Format
    /// Tells files with several names from one another, together with the device.
    var inode: UInt32
    var device: UInt64
    var mode: UInt32
    var user: UInt32
    var group: UInt32
    var links: UInt32
    var modifiedSeconds: UInt32
    var lengthBytes: UInt64
    /// With its closing zero.
    var nameBytes: Int

    /// Longest name that is believed.
    static let maximumNameBytes = 64 << 10
    static let largestHeaderBytes = 110

    static let directoryMode: UInt32 = 0o040000
    static let regularMode: UInt32 = 0o100000
    static let linkMode: UInt32 = 0o120000
    /// fifo, character device, block device, HP-UX network special, socket.
    private static let otherModes: [UInt32] = [0o010000, 0o020000, 0o060000, 0o110000, 0o140000]
    static let typeMask: UInt32 = 0o170000

    /// Nil when the bytes are no header.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 26 else { return nil }
        if bytes.starts(with: "070701".utf8) {
            self.init(hexadecimal: bytes, .newc)
        } else if bytes.starts(with: "070702".utf8) {
            self.init(hexadecimal: bytes, .crc)
        } else if bytes.starts(with: "070707".utf8) {
            self.init(octal: bytes)
        } else if bytes.starts(with: [0xC7, 0x71]) {
            self.init(words: bytes, .littleEndian)
        } else if bytes.starts(with: [0x71, 0xC7]) {
            self.init(words: bytes, .bigEndian)
        } else {
            return nil
        }
        guard nameBytes >= 1, nameBytes <= Self.maximumNameBytes else { return nil }
        let type = mode & Self.typeMask
        // The trailer has no type.
        let known = [0, Self.directoryMode, Self.regularMode, Self.linkMode] + Self.otherModes
        guard known.contains(type), mode <= 0o177777 else { return nil }
    }

    private init?(hexadecimal bytes: [UInt8], _ format: Format) {
        guard bytes.count >= format.headerBytes else { return nil }
        var values: [UInt32] = []
        for start in stride(from: 6, to: 110, by: 8) {
            var value: UInt32 = 0
            for digit in bytes[start..<start + 8] {
                let part: UInt8
                switch digit {
                case 0x30...0x39: part = digit - 0x30
                case 0x41...0x46: part = digit - 0x41 + 10
                case 0x61...0x66: part = digit - 0x61 + 10
                default: return nil
                }
                value = value << 4 | UInt32(part)
            }
            values.append(value)
        }
        self.format = format
        inode = values[0]
        mode = values[1]
        user = values[2]
        group = values[3]
        links = values[4]
        modifiedSeconds = values[5]
        lengthBytes = UInt64(values[6])
        device = UInt64(values[7]) << 32 | UInt64(values[8])
        nameBytes = Int(values[11])
    }

    private init?(octal bytes: [UInt8]) {
        guard bytes.count >= 76 else { return nil }
        var at = 6
        var isSound = true
        func number(_ count: Int) -> UInt64 {
            defer { at += count }
            var value: UInt64 = 0
            for digit in bytes[at..<at + count] {
                guard (0x30...0x37).contains(digit) else {
                    isSound = false
                    return 0
                }
                value = value << 3 | UInt64(digit - 0x30)
            }
            return value
        }
        format = .odc
        device = number(6)
        inode = UInt32(truncatingIfNeeded: number(6))
        mode = UInt32(truncatingIfNeeded: number(6))
        user = UInt32(truncatingIfNeeded: number(6))
        group = UInt32(truncatingIfNeeded: number(6))
        links = UInt32(truncatingIfNeeded: number(6))
        _ = number(6)
        modifiedSeconds = UInt32(clamping: number(11))
        nameBytes = Int(number(6))
        lengthBytes = number(11)
        guard isSound else { return nil }
    }

    private init?(words bytes: [UInt8], _ format: Format) {
        func word(_ index: Int) -> UInt32 {
            let (first, second) = (UInt32(bytes[index * 2]), UInt32(bytes[index * 2 + 1]))
            return format == .littleEndian ? first | second << 8 : first << 8 | second
        }
        self.format = format
        device = UInt64(word(1))
        inode = word(2)
        mode = word(3)
        user = word(4)
        group = word(5)
        links = word(6)
        // Long words have their upper half first, whatever the machine.
        modifiedSeconds = word(8) << 16 | word(9)
        nameBytes = Int(word(10))
        lengthBytes = UInt64(word(11) << 16 | word(12))
    }

    /// Where the content lies when the header is at `offset`, and where the next header is.
    func places(at offset: UInt64) -> (content: UInt64, next: UInt64)? {
        func filled(_ value: UInt64) -> UInt64 { (value + format.alignment - 1) / format.alignment * format.alignment }
        guard offset < UInt64(Int64.max) else { return nil }
        let head = filled(UInt64(format.headerBytes + nameBytes))
        return (offset + head, offset + head + filled(lengthBytes))
    }
}
