// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import Testing

@Suite("Command table (SPC-4 6.31; fact sheet 1.10)")
struct CommandTableTests {
    private let table = TapeCommands.table

    private func sense(_ cdb: [UInt8]) -> SenseData? {
        do throws(CheckCondition) {
            _ = try table.row(for: CDB(cdb))
            return nil
        } catch {
            return error.sense
        }
    }

    @Test("all commands with timeouts: a multiple of 20 bytes, below 4096, no timeout of 0, ascending")
    func allCommands() {
        let data = table.allCommands(withTimeouts: true)
        #expect((data.count - 4) % 20 == 0)
        #expect(data.count < 4096)
        #expect(Int(data[2]) << 8 | Int(data[3]) == data.count - 4)
        var last: [UInt8] = []
        for start in stride(from: 4, to: data.count, by: 20) {
            #expect(data[start + 5] & 0x02 != 0, "CTDP")
            #expect(data[start + 8...start + 9] == [0, 0x0A])
            #expect(data[start + 16...start + 19] != [0, 0, 0, 0])
            #expect(last.lexicographicallyPrecedes([data[start], data[start + 3]]))
            last = [data[start], data[start + 3]]
        }
        #expect(
            Array(data[4..<24]) == [0x00, 0, 0, 0, 0, 2, 0, 6, 0, 0x0A, 0, 0, 0, 0, 0, 1, 0, 0, 0, 60],
            "TEST UNIT READY"
        )
        let short = table.allCommands(withTimeouts: false)
        #expect((short.count - 4) / 8 == table.rows.count)
        #expect(stride(from: 4, to: short.count, by: 8).allSatisfy { short[$0 + 5] & 0x02 == 0 })
        #expect(table.rows.count == TapeCommand.allCases.count)
    }

    @Test("one command: usage map of WRITE(6), SERVICE ACTION kept, timeouts behind it")
    func oneCommand() throws {
        let write = try table.oneCommand(option: 1, operationCode: 0x0A, serviceAction: 0, withTimeouts: false)
        #expect(write == [0, 3, 0, 6, 0x0A, 0x01, 0xFF, 0xFF, 0xFF, 0x04])
        let codes = try table.oneCommand(option: 2, operationCode: 0xA3, serviceAction: 0x0C, withTimeouts: true)
        #expect(
            codes == [0, 0x83, 0, 12, 0xA3, 0x0C, 0x87, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04]
                + [0, 0x0A, 0, 0, 0, 0, 0, 1, 0, 0, 0, 60]
        )
        let locate = try table.oneCommand(option: 3, operationCode: 0x92, serviceAction: 0, withTimeouts: false)
        #expect(Array(locate[4..<8]) == [0x92, 0x3B, 0, 0xFF], "BAM has no effect")
        for (option, code, action) in [(1, 0x5E, 0), (2, 0xA3, 0x05), (3, 0xA3, 0x05), (3, 0x0A, 1), (2, 0x5E, 1)] {
            let data = try table.oneCommand(
                option: option,
                operationCode: UInt8(code),
                serviceAction: action,
                withTimeouts: true
            )
            #expect(data == [0, 1, 0, 0], "\(option) \(code) \(action)")
        }
    }

    @Test("option 1 refuses commands with service actions, option 2 those without")
    func wrongOption() {
        #expect(throws: CheckCondition.self) {
            try table.oneCommand(option: 1, operationCode: 0xA3, serviceAction: 0, withTimeouts: false)
        }
        #expect(throws: CheckCondition.self) {
            try table.oneCommand(option: 2, operationCode: 0x0A, serviceAction: 0, withTimeouts: false)
        }
    }

    @Test("reserved bits are refused at their place; the LUN of old hosts and vendor bits of CONTROL are not")
    func reservedBits() {
        func pointer(_ cdb: [UInt8]) -> FieldPointer? { sense(cdb)?.fieldPointer }
        #expect(pointer([0x00, 0, 0, 0, 0, 0]) == nil)
        #expect(pointer([0x00, 0xE0, 0, 0, 0, 0]) == nil, "LUN")
        #expect(pointer([0x00, 0x10, 0, 0, 0, 0]) == FieldPointer(inCDB: true, byte: 1, bit: 4))
        #expect(pointer([0x00, 0, 0, 0x81, 0, 0]) == FieldPointer(inCDB: true, byte: 3, bit: 7))
        #expect(pointer([0x00, 0, 0, 0, 0, 0xC0]) == nil, "vendor")
        #expect(pointer([0x00, 0, 0, 0, 0, 0x04]) == FieldPointer(inCDB: true, byte: 5, bit: 2), "NACA")
        #expect(pointer([0x2B, 4, 0, 0, 0, 0, 0, 0, 0, 0]) == nil, "BT is ignored")
        #expect(pointer([0x2B, 0, 0, 0, 0, 0, 0, 1, 0, 0]) == FieldPointer(inCDB: true, byte: 7, bit: 0))
        #expect(pointer([0x2B, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]) == FieldPointer(inCDB: true, byte: 1, bit: 7))
        #expect(sense([0x5E, 0, 0, 0, 0, 0, 0, 0, 0, 0])?.additional == .invalidCommand)
        #expect(sense([])?.additional == .invalidCommand)
        #expect(sense([0x08, 0, 0])?.fieldPointer == FieldPointer(inCDB: true, byte: 3))
        #expect(
            sense([0xA3, 0x1F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])?.fieldPointer
                == FieldPointer(inCDB: true, byte: 1, bit: 4)
        )
    }

    @Test("the trace names command and fields")
    func describe() {
        #expect(table.describe(cdb: [0x08, 2, 0, 4, 0, 0]) == "READ(6) SILI TRANSFER LENGTH=1024")
        #expect(table.describe(cdb: [0x11, 1, 0xFF, 0xFF, 0xFF, 0]) == "SPACE(6) CODE=1 COUNT=-1")
        #expect(table.describe(cdb: [0x00, 0, 0, 0, 0, 0]) == "TEST UNIT READY")
        #expect(
            table.describe(cdb: [0xA3, 0x0F, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0]) == "REPORT TIMESTAMP ALLOCATION LENGTH=12"
        )
        #expect(table.describe(cdb: [0xC1, 0]) == "opcode C1h")
        #expect(table.describe(cdb: []) == "opcode FFh")
    }
}
