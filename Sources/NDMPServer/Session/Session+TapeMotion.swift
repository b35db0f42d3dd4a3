// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import NDMPProtocol
import SCSI

/// TAPE_MTIO. NDMP v4 draft, 3.4: it never fails for running out of tape, but tells what was left to do.
extension Session {
    func move(_ body: TapeMTIORequest) -> TapeMTIOReply {
        let tape: OpenTape
        switch tapeForUse() {
        case .failure(let refusal): return TapeMTIOReply(refusing: refusal.error)
        case .success(let open): tape = open
        }
        guard TapeRules.isKnown(body.operation, version: version) else {
            return TapeMTIOReply(refusing: .illegalArguments)
        }
        let isCounted = ![.rewind, .unload, .testUnitReady].contains(body.operation)
        if isCounted, body.count == 0 { return TapeMTIOReply() }
        if body.operation == .writeFilemarks, let error = refusal(ofMarks: body.count, on: tape) {
            return TapeMTIOReply(refusing: error)
        }
        let strict = context.configuration.strict
        let endsRecords = TapeRules.writesImplicitFilemark(before: body.operation, strict: strict)
        let staysAtMarks = version >= 4
        let outcome = using(tape) { (drive) throws(CheckCondition) -> Int64 in
            guard drive.condition == .ready else { throw CheckCondition(.notReady, .mediumNotPresent) }
            if endsRecords { try drive.endRecords() }
            return try Self.perform(body.operation, Int64(body.count), on: drive, staysAtMarks: staysAtMarks)
        }
        switch outcome {
        case .success(let done):
            tape.notes.hadMediumError = false
            guard isCounted else { return TapeMTIOReply() }
            return TapeMTIOReply(residualCount: UInt32(clamping: Int64(body.count) - done))
        case .failure(let refusal):
            return TapeMTIOReply(error: refusal.error, residualCount: isCounted ? body.count : 0)
        }
    }

    private func refusal(ofMarks count: UInt32, on tape: OpenTape) -> NDMPError? {
        guard tape.mayWrite else { return .permission }
        return count <= TapeRules.maximumFilemarks ? nil : .illegalArguments
    }

    /// How many of `count` were done.
    private static func perform(
        _ operation: TapeOperation,
        _ count: Int64,
        on drive: TapeDrive,
        staysAtMarks: Bool
    ) throws(CheckCondition) -> Int64 {
        switch operation {
        case .forwardFilemarks: return try drive.space(.filemarks, count: count).moved
        case .backwardFilemarks: return try drive.space(.filemarks, count: -count).moved
        case .forwardRecords: return try passRecords(count, on: drive, staysAtMarks)
        case .backwardRecords: return try passRecords(-count, on: drive, staysAtMarks)
        case .rewind:
            try drive.rewind()
            return 0
        case .writeFilemarks: return try writeMarks(count, on: drive)
        case .unload:
            try drive.eject(hold: false)
            return 0
        default: return 0
        }
    }

    /// A mark ends the motion: v4 stays on the side it came from, v2 and v3 pass over it. It is not counted.
    private static func passRecords(
        _ count: Int64,
        on drive: TapeDrive,
        _ staysAtMarks: Bool
    ) throws(CheckCondition) -> Int64 {
        let outcome = try drive.space(.blocks, count: count)
        if outcome.stop == .filemark, staysAtMarks {
            _ = try drive.space(.filemarks, count: count > 0 ? -1 : 1)
        }
        return outcome.moved
    }

    /// Marks in the early-warning zone are written like any; behind the physical end none is.
    private static func writeMarks(_ count: Int64, on drive: TapeDrive) throws(CheckCondition) -> Int64 {
        do throws(CheckCondition) {
            _ = try drive.writeFilemarks(Int(count), immediate: false)
            return count
        } catch  where error.sense.key == .volumeOverflow {
            return 0
        }
    }
}
