// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import SCSI
import Testing

@Suite("Sense data (SPC-4 4.5; fact sheet 1.2, 1.3)")
struct SenseDataTests {
    @Test("fixed format: a filemark met by READ with 512 bytes left")
    func fixedFilemark() {
        let sense = SenseData(.noSense, .filemarkDetected, information: 512, filemark: true)
        #expect(
            sense.encoded(descriptor: false)
                == [0xF0, 0, 0x80, 0, 0, 2, 0, 0x0A, 0, 0, 0, 0, 0x00, 0x01, 0, 0, 0, 0]
        )
    }

    @Test("fixed format: an overlength record has a negative residual")
    func fixedIncorrectLength() {
        let sense = SenseData(.noSense, .none, information: -488, incorrectLength: true)
        #expect(
            sense.encoded(descriptor: false)
                == [0xF0, 0, 0x20, 0xFF, 0xFF, 0xFE, 0x18, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        )
    }

    @Test("fixed format: a bad field of the CDB with bit pointer; deferred errors are 71h")
    func fieldPointer() {
        let pointer = FieldPointer(inCDB: true, byte: 1, bit: 4)
        let sense = SenseData(.illegalRequest, .invalidFieldInCDB, fieldPointer: pointer)
        #expect(
            sense.encoded(descriptor: false, deferred: true)
                == [0x71, 0, 0x05, 0, 0, 0, 0, 0x0A, 0, 0, 0, 0, 0x24, 0, 0, 0xCC, 0, 1]
        )
    }

    @Test("fixed format: what does not fit into 32 bits is not valid")
    func tooLarge() {
        let sense = SenseData(.blankCheck, .endOfData, information: 1 << 40)
        #expect(sense.encoded(descriptor: false).prefix(7) == [0x70, 0, 8, 0, 0, 0, 0])
    }

    @Test("descriptor format: information in 64 bits, stream commands and key-specific descriptors")
    func descriptors() {
        let end = SenseData(.volumeOverflow, .endOfPartition, information: 7, endOfMedium: true)
        #expect(
            end.encoded(descriptor: true)
                == [0x72, 0x0D, 0, 2, 0, 0, 0, 16] + [0, 0x0A, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 7] + [4, 2, 0, 0x40]
        )
        let pointer = FieldPointer(inCDB: false, byte: 300, bit: nil)
        let field = SenseData(.illegalRequest, .invalidFieldInParameterList, fieldPointer: pointer)
        #expect(
            field.encoded(descriptor: true)
                == [0x72, 5, 0x26, 0, 0, 0, 0, 8] + [2, 6, 0, 0, 0x80, 0x01, 0x2C, 0]
        )
        let progress = SenseData(.notReady, .becomingReady, progress: 0x8000)
        #expect(
            progress.encoded(descriptor: true) == [0x72, 2, 4, 1, 0, 0, 0, 8] + [2, 6, 0, 0, 0x80, 0x80, 0, 0]
        )
    }

    struct Named: Sendable {
        let sense: SenseData
        let texts: [String]
    }

    /// What the program of sg3_utils reads out of our bytes.
    @Test(
        "sg_decode_sense reads key, additional sense and flags as they were meant",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/sg_decode_sense")),
        arguments: [
            Named(
                sense: SenseData(.noSense, .filemarkDetected, information: 5, filemark: true),
                texts: ["No Sense", "Filemark detected", "FMK"]
            ),
            Named(
                sense: SenseData(.noSense, .endOfPartition, information: 0, endOfMedium: true),
                texts: ["No Sense", "End-of-partition/medium detected", "EOM"]
            ),
            Named(
                sense: SenseData(.blankCheck, .endOfData, information: 9),
                texts: ["Blank Check", "End-of-data detected"]
            ),
            Named(
                sense: SenseData(.noSense, .none, information: -5, incorrectLength: true),
                texts: ["No Sense", "ILI"]
            ),
            Named(sense: SenseData(.notReady, .mediumNotPresent), texts: ["Not Ready", "Medium not present"]),
            Named(sense: SenseData(.dataProtect, .writeProtected), texts: ["Data Protect", "Write protected"]),
            Named(
                sense: SenseData(.dataProtect, .wormOverwrite),
                texts: ["Data Protect", "WORM medium - overwrite attempted"]
            ),
            Named(
                sense: SenseData(.dataProtect, .operatorSelectedWriteProtect),
                texts: ["Operator selected write protect"]
            ),
            Named(
                sense: SenseData(.volumeOverflow, .endOfPartition, information: 1, endOfMedium: true),
                texts: ["Volume Overflow", "EOM"]
            ),
            Named(
                sense: SenseData(.unitAttention, .mediumMayHaveChanged),
                texts: ["Unit Attention", "Not ready to ready change, medium may have changed"]
            ),
            Named(sense: SenseData(.unitAttention, .timestampChanged), texts: ["Timestamp changed"]),
            Named(
                sense: SenseData(
                    .illegalRequest,
                    .invalidFieldInCDB,
                    fieldPointer: FieldPointer(inCDB: true, byte: 2, bit: 3)
                ),
                texts: ["Illegal Request", "Invalid field in cdb", "byte 2"]
            ),
            Named(
                sense: SenseData(.illegalRequest, .positionPastBeginningOfMedium),
                texts: ["Position past beginning of medium"]
            ),
            Named(sense: SenseData(.illegalRequest, .mediumRemovalPrevented), texts: ["Medium removal prevented"]),
            Named(sense: SenseData(.notReady, .cleaningCartridgeInstalled), texts: ["Cleaning cartridge installed"]),
            Named(
                sense: SenseData(.noSense, .programmableEarlyWarning),
                texts: ["Programmable early warning detected"]
            ),
            Named(
                sense: SenseData(.mediumError, .unrecoveredReadError),
                texts: ["Medium Error", "Unrecovered read error"]
            ),
            Named(sense: SenseData(.illegalRequest, .savingNotSupported), texts: ["Saving parameters not supported"]),
            Named(
                sense: SenseData(.illegalRequest, .notAppendOnly),
                texts: ["Illegal command when not in append-only mode"]
            ),
        ]
    )
    func decoded(_ row: Named) throws {
        for isDescriptor in [false, true] {
            let text = try decode(row.sense.encoded(descriptor: isDescriptor)).lowercased()
            for expected in row.texts {
                // In descriptor format the tool spells the stream flags out.
                let spelled =
                    isDescriptor ? ["fmk": "filemark", "eom": "end of medium", "ili": "incorrect length"] : [:]
                let low = expected.lowercased()
                #expect(text.contains(low) || spelled[low].map(text.contains) ?? false, "\(expected) in \(text)")
            }
        }
    }

    private func decode(_ bytes: [UInt8]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sg_decode_sense")
        process.arguments = bytes.map { String($0, radix: 16) }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
