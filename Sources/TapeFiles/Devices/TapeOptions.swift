// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The Boolean driver options of MTSETDRVBUFFER (st(4)). Those without a name here are kept and change nothing: they
/// are about buffers that a driver has and this one has not.
struct TapeOptions: OptionSet, Sendable, Equatable {
    let rawValue: UInt32

    static let bufferWrites = Self(rawValue: 0x1)
    static let asynchronousWrites = Self(rawValue: 0x2)
    /// Fixed-block mode: a read need not ask for whole blocks.
    static let readAhead = Self(rawValue: 0x4)
    /// Close after writing leaves two filemarks, and the position between them.
    static let twoFilemarks = Self(rawValue: 0x10)
    static let fastEndOfMedium = Self(rawValue: 0x20)
    /// The medium cannot be taken out from the first read or write until close.
    static let autoLock = Self(rawValue: 0x40)
    static let canPartition = Self(rawValue: 0x400)
    /// Close after reading passes over the next filemark.
    static let systemV = Self(rawValue: 0x1000)
    /// MTWEOF does not wait for the medium.
    static let immediateFilemarks = Self(rawValue: 0x8000)

    /// What the driver starts with.
    static let standard: Self = [.bufferWrites, .asynchronousWrites, .readAhead]

    /// All that the kernel knows.
    private static let known: UInt32 = 0xFFFF

    /// What one MTSETDRVBUFFER asks for: its argument has the kind in the upper four bits.
    enum Change: Equatable {
        /// BUFFERED MODE of the drive.
        case driveBuffer(UInt8)
        case set(TapeOptions)
        case add(TapeOptions)
        case remove(TapeOptions)
        case defaultBlockLength(UInt32)
        case defaultDensity(UInt8)
        case defaultCompression(Bool)
        case defaultDriveBuffer(UInt8)
        /// Write threshold, timeouts, cleaning bits, and defaults that are taken back: nothing here depends on them.
        case withoutEffect
    }

    /// nil: not a kind that there is.
    static func change(_ argument: UInt32) -> Change? {
        let value = argument & 0x0FFF_FFFF
        let options = TapeOptions(rawValue: value & known)
        switch argument >> 28 {
        case 0: return .driveBuffer(UInt8(value & 7))
        case 1: return .set(options)
        case 2, 7, 8: return .withoutEffect
        case 3: return .add(options)
        case 4: return .remove(options)
        case 5: return value == 0x0FFF_FFFF ? .withoutEffect : .defaultBlockLength(value)
        case 6: return defaults(value)
        default: return nil
        }
    }

    private static func defaults(_ value: UInt32) -> Change? {
        let cleared: UInt32 = 0xF_FFFF
        let argument = value & cleared
        guard argument != cleared else { return .withoutEffect }
        switch value >> 20 {
        case 1: return .defaultDensity(UInt8(argument & 0xFF))
        case 2: return argument & 0xFF == 0xFF ? .withoutEffect : .defaultCompression(argument & 1 == 1)
        case 3: return .defaultDriveBuffer(UInt8(argument & 7))
        default: return nil
        }
    }
}
