// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The tape ioctls of <sys/mtio.h>: numbers, structures and bits, as Linux has them.
enum MagneticTapeControl {
    /// `_IOW('m', 1, struct mtop)`, 8 bytes everywhere.
    static let operate: UInt32 = 0x4008_6D01
    /// `_IOR('m', 2, struct mtget)`: 48 bytes for 64-bit callers.
    static let status: UInt32 = 0x8030_6D02
    /// The same of 32-bit callers: 28 bytes.
    static let compatibleStatus: UInt32 = 0x801C_6D02
    /// `_IOR('m', 3, struct mtpos)`: one long.
    static let position: UInt32 = 0x8008_6D03
    static let compatiblePosition: UInt32 = 0x8004_6D03

    /// mt_op of MTIOCTOP.
    enum Operation: Int16, Sendable, CaseIterable {
        case reset = 0
        case forwardFiles = 1
        case backFiles = 2
        case forwardRecords = 3
        case backRecords = 4
        case writeFilemarks = 5
        case rewind = 6
        case offline = 7
        case nothing = 8
        case retension = 9
        /// Back over filemarks, then forward over one.
        case backFilesBehindMark = 10
        /// Forward over filemarks, then back over one.
        case forwardFilesBeforeMark = 11
        case endOfData = 12
        case erase = 13
        case setBlockLength = 20
        case setDensity = 21
        case seek = 22
        case tell = 23
        case setOptions = 24
        case forwardSetmarks = 25
        case backSetmarks = 26
        case writeSetmarks = 27
        case lock = 28
        case unlock = 29
        case load = 30
        case unload = 31
        case compression = 32
        case setPartition = 33
        case makePartition = 34
        case writeFilemarksImmediate = 35
    }

    /// `struct mtop`: a short, two bytes of padding, an int.
    struct Request: Equatable {
        var operation: Int16
        var count: Int32

        /// nil: too short.
        init?(_ bytes: [UInt8]) {
            let words = CallerWords(bytes)
            guard let operation = words.u16(0), let count = words.i32(4) else { return nil }
            self.operation = Int16(bitPattern: operation)
            self.count = count
        }
    }

    /// `struct mtget`.
    struct Status: Equatable {
        /// MT_ISSCSI2
        static let scsi2: Int64 = 0x72

        var type = Status.scsi2
        /// The partition.
        var residual: Int64 = 0
        /// Block length in the low 24 bits, density code above.
        var registers: UInt32 = 0
        var general: GeneralStatus = []
        /// Recovered errors since the last time.
        var errors: UInt16 = 0
        var file: Int32 = -1
        var block: Int32 = -1

        /// 48 bytes, or 28 for a 32-bit caller. The long words that hold bit fields are extended as the kernel does.
        func encoded(isCompatible: Bool) -> [UInt8] {
            var words = CallerWordWriter(isCompatible: isCompatible)
            words.long(type)
            words.long(residual)
            words.long(Int64(registers))
            words.long(Int64(general.rawValue))
            words.long(Int64(errors))
            words.i32(file)
            words.i32(block)
            return words.bytes
        }
    }

    /// mt_gstat.
    struct GeneralStatus: OptionSet, Hashable {
        let rawValue: UInt32
        static let endOfFile = Self(rawValue: 0x8000_0000)
        static let beginningOfTape = Self(rawValue: 0x4000_0000)
        static let endOfTape = Self(rawValue: 0x2000_0000)
        static let setmark = Self(rawValue: 0x1000_0000)
        static let endOfData = Self(rawValue: 0x0800_0000)
        static let writeProtected = Self(rawValue: 0x0400_0000)
        static let online = Self(rawValue: 0x0100_0000)
        static let doorOpen = Self(rawValue: 0x0004_0000)
        static let immediateReports = Self(rawValue: 0x0001_0000)
        static let cleaningRequested = Self(rawValue: 0x0000_8000)
    }
}

/// Little-endian words at fixed places of a caller's structure; nil beyond its end.
struct CallerWords {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func word(_ offset: Int, width: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - width else { return nil }
        var value: UInt64 = 0
        for index in (0..<width).reversed() {
            value = value << 8 | UInt64(bytes[offset + index])
        }
        return value
    }

    func u8(_ offset: Int) -> UInt8? { word(offset, width: 1).map { UInt8(truncatingIfNeeded: $0) } }
    func u16(_ offset: Int) -> UInt16? { word(offset, width: 2).map { UInt16(truncatingIfNeeded: $0) } }
    func u32(_ offset: Int) -> UInt32? { word(offset, width: 4).map { UInt32(truncatingIfNeeded: $0) } }
    func i32(_ offset: Int) -> Int32? { u32(offset).map { Int32(bitPattern: $0) } }
    func u64(_ offset: Int) -> UInt64? { word(offset, width: 8) }
}

/// Writes a caller's structure, little-endian; `long` is as wide as the caller's.
struct CallerWordWriter {
    let isCompatible: Bool
    private(set) var bytes: [UInt8] = []

    init(isCompatible: Bool) {
        self.isCompatible = isCompatible
        bytes.reserveCapacity(48)
    }

    mutating func append(_ value: UInt64, width: Int) {
        for index in 0..<width {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }

    mutating func long(_ value: Int64) {
        append(UInt64(bitPattern: value), width: isCompatible ? 4 : 8)
    }

    mutating func i32(_ value: Int32) {
        append(UInt64(UInt32(bitPattern: value)), width: 4)
    }
}
