// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// /proc/THREAD/syscall: the system call that a thread is blocked in (proc(5)): its number, six arguments in
/// hexadecimal, stack pointer and program counter; or `running`, or `-1` and two pointers outside of any call.
struct SystemCallLine: Equatable {
    /// What is known of a call that moves bytes.
    enum Length: Equatable {
        /// It was asked for this many.
        case bytes(UInt64)
        /// It was asked for the sum of `count` struct iovec at `address`, of a 32-bit process when `isCompatible`.
        case vector(address: UInt64, count: UInt64, isCompatible: Bool)
    }

    var number: UInt64
    var arguments: [UInt64]

    private static let argumentCount = 6

    /// Nil when it is no such line, or the thread is in no call.
    init?(_ text: some Sequence<UInt8>) {
        let words = Array(text).split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        guard words.count > Self.argumentCount, let number = Self.decimal(words[0]) else { return nil }
        self.number = number
        arguments = []
        for word in words[1...Self.argumentCount] {
            guard let value = Self.hexadecimal(word) else { return nil }
            arguments.append(value)
        }
    }

    /// Nil when the call is none that reads or writes a file.
    var length: Length? { Self.table[number].map { $0.length(arguments) } }

    // MARK: Numbers

    private enum Shape {
        /// The count is this argument, counted from 0.
        case count(Int)
        /// As for readv(2).
        case vector(isCompatible: Bool)

        func length(_ arguments: [UInt64]) -> Length {
            switch self {
            case .count(let index): .bytes(arguments[index])
            case .vector(let isCompatible):
                .vector(address: arguments[1], count: arguments[2], isCompatible: isCompatible)
            }
        }
    }

    #if arch(x86_64)
        /// Of x86_64, and of i386 where its number is no other call that could wait for a file's bytes.
        private static let table: [UInt64: Shape] = [
            0: .count(2), 1: .count(2),  // read, write
            17: .count(2), 18: .count(2),  // pread64, pwrite64
            19: .vector(isCompatible: false), 20: .vector(isCompatible: false),  // readv, writev
            295: .vector(isCompatible: false), 296: .vector(isCompatible: false),  // preadv, pwritev
            327: .vector(isCompatible: false), 328: .vector(isCompatible: false),  // preadv2, pwritev2
            3: .count(2), 4: .count(2),  // i386: read, write (here close and stat)
            180: .count(2), 181: .count(2),  // i386: pread64, pwrite64
            145: .vector(isCompatible: true), 146: .vector(isCompatible: true),  // i386: readv, writev
        ]
    #elseif arch(arm64)
        private static let table: [UInt64: Shape] = [
            63: .count(2), 64: .count(2),  // read, write
            67: .count(2), 68: .count(2),  // pread64, pwrite64
            65: .vector(isCompatible: false), 66: .vector(isCompatible: false),  // readv, writev
            69: .vector(isCompatible: false), 70: .vector(isCompatible: false),  // preadv, pwritev
            286: .vector(isCompatible: false), 287: .vector(isCompatible: false),  // preadv2, pwritev2
        ]
    #else
        private static let table: [UInt64: Shape] = [:]
    #endif

    // MARK: Words

    private static func decimal(_ word: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in word {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow, shifted <= UInt64.max - 10 else { return nil }
            value = shifted + UInt64(digit - UInt8(ascii: "0"))
        }
        return word.isEmpty ? nil : value
    }

    /// `0x` and 1 to 16 digits.
    private static func hexadecimal(_ word: ArraySlice<UInt8>) -> UInt64? {
        guard word.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "x")]), (3...18).contains(word.count) else {
            return nil
        }
        var value: UInt64 = 0
        for digit in word.dropFirst(2) {
            let nibble: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            value = value << 4 | UInt64(nibble)
        }
        return value
    }
}
