// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@Suite("Cartridge on a disk that fails")
struct SimulationTests {
    /// `CAPSTAN_SIMULATION_SEEDS` says how many seeds; `CAPSTAN_SIMULATION_SEED` plays one.
    static var seeds: Range<UInt64> {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["CAPSTAN_SIMULATION_SEED"].flatMap(UInt64.init) { return one..<one + 1 }
        return 0..<(environment["CAPSTAN_SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 500)
    }

    @Test("Faults, kills and crashes never lose what was synchronised and never show wrong data")
    func invariants() {
        var failures = 0
        for seed in Self.seeds where failures < 5 {
            do {
                try CartridgeSimulation(seed: seed).run()
            } catch {
                failures += 1
                Issue.record("seed \(seed): \(error)")
            }
        }
    }
}
