// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// SplitMix64: a small generator whose whole state is the seed, so that a failure can be played again.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// True once in `rarity` calls on average; never for 0.
    package mutating func once(in rarity: UInt64) -> Bool {
        rarity > 0 && next() % rarity == 0
    }

    package mutating func number(below limit: Int) -> Int {
        limit > 0 ? Int(next() % UInt64(limit)) : 0
    }
}
