// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import SGNames
import Testing

@testable import capstan

@Suite("Trace lines")
struct TraceLineTests {
    @Test(
        "times are RFC 3339 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(UInt64, String)]
    )
    func times(milliseconds: UInt64, text: String) { #expect(TraceLine.time(milliseconds) == text) }

    @Test("a command has its name, fields, bytes, sense and time")
    func command() {
        let sense = SenseData(.illegalRequest, .invalidFieldInCDB)
        let line = TraceLine.command(
            time: 0,
            nexus: "ndmp 192.0.2.7:40112",
            unit: "drive 0",
            cdb: [0x12, 0x01, 0x83, 0x00, 0xFF, 0x00],
            description: "INQUIRY EVPD PAGE CODE=131",
            result: CommandResult(status: .checkCondition, sense: sense),
            duration: .microseconds(41)
        )
        #expect(
            line == "1970-01-01T00:00:00.000Z scsi drive 0, ndmp 192.0.2.7:40112: Inquiry EVPD PAGE CODE=131 "
                + "[12 01 83 00 ff 00] checkCondition, Illegal Request, Invalid field in cdb (5/24/00), 0.041 ms"
        )
    }

    @Test("data is counted, never shown")
    func data() {
        let line = TraceLine.command(
            time: 0,
            nexus: "n",
            unit: "changer",
            cdb: [0x00, 0, 0, 0, 0, 0],
            description: "TEST UNIT READY",
            result: CommandResult(status: .good, dataIn: [0x53, 0x45, 0x43], dataOutConsumed: 7),
            duration: .milliseconds(2)
        )
        #expect(
            line == "1970-01-01T00:00:00.000Z scsi changer, n: Test Unit Ready [00 00 00 00 00 00] good, 3 bytes in, "
                + "7 bytes out, 2.000 ms"
        )
    }

    @Test("names come from the SCSI tools where they have them, else from our own table")
    func names() {
        #expect(SGNames.commandName(cdb: [0xA5, 0, 0, 0], deviceType: .changer) == "Move medium")
        #expect(SGNames.senseText(asc: 0x3A, ascq: 0) == "Medium not present")
        #expect(SGNames.senseText(asc: 0x7F, ascq: 0x7F) == nil)
        #expect(SGNames.senseKeyName(3) == "Medium Error")
        #expect(SGNames.commandName(cdb: [], deviceType: .tape) == nil)
        #expect(TraceLine.named("opcode C1h", [0xC1], .tape) == "opcode C1h")
    }
}
