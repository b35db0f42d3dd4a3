// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI
import Testing

@Suite("The changer under random commands")
struct ChangerFuzzTests {
    /// SplitMix64: the same commands with every run.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    @Test("No CDB and no parameter list ends anything but the command; cartridges are neither lost nor doubled")
    func random() {
        var generator = Generator(state: 0x4341_5053_5441_4E01)
        let rig = ChangerRig()
        rig.elements.fill(0x1000, "CAP001L8")
        rig.elements.fill(0x1001, "CAP002L8")
        let known: [UInt8] = [
            0x00, 0x03, 0x07, 0x12, 0x15, 0x16, 0x17, 0x1A, 0x1B, 0x1D, 0x1E, 0x2B, 0x37, 0x3B, 0x3C, 0x4D, 0x55,
            0x56, 0x57, 0x5A, 0xA0, 0xA3, 0xA4, 0xA5, 0xA6, 0xB8, 0xE7,
        ]
        for _ in 0..<60_000 {
            let length = Int.random(in: 0...16, using: &generator)
            var cdb = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if !cdb.isEmpty, Bool.random(using: &generator) {
                cdb[0] = known.randomElement(using: &generator) ?? 0
                for index in 1..<max(1, cdb.count) where Bool.random(using: &generator) {
                    cdb[index] = [0, 1, 0x10].randomElement(using: &generator) ?? 0
                }
            }
            let data = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let limit = Int.random(in: 0...300, using: &generator)
            let nexus = Bool.random(using: &generator) ? rig.host : rig.other
            let result = rig.run(cdb, data: data, limit: limit, as: nexus)
            #expect(result.dataIn.count <= limit)
            #expect(result.dataOutConsumed <= data.count)
            #expect((result.status == .checkCondition) == !result.senseBytes.isEmpty)
            if result.status == .reservationConflict {
                rig.changer.nexusLost(rig.host)
                rig.changer.nexusLost(rig.other)
            }
        }
        #expect(rig.elements.states.values.compactMap(\.volumeTag).sorted() == ["CAP001L8", "CAP002L8"])
    }
}
