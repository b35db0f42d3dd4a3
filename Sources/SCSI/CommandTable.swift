// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// The commands of one kind of logical unit: dispatch, reserved bits, REPORT SUPPORTED OPERATION CODES, trace and
/// reference page all come from here.
package struct CommandTable<Command: Sendable & Hashable>: Sendable {
    package typealias Row = CommandDescriptor<Command>

    /// Ascending by operation code, then service action.
    package let rows: [Row]
    private let byOperationCode: [UInt8: [Row]]

    package init(_ rows: [Row]) {
        self.rows = rows.sorted {
            ($0.operationCode, $0.serviceAction ?? 0) < ($1.operationCode, $1.serviceAction ?? 0)
        }
        self.byOperationCode = Dictionary(grouping: self.rows, by: \.operationCode)
    }

    /// The row for a CDB whose length and reserved bits are in order.
    ///
    /// - Throws: 5/20/00 for an unknown operation code; 5/24/00 with a field pointer for an unknown service action, a
    ///   CDB that is too short, or a reserved bit that is set.
    package func row(for cdb: CDB) throws(CheckCondition) -> Row {
        let row = try uncheckedRow(for: cdb)
        if let pointer = row.firstReservedBit(in: cdb) {
            throw CheckCondition(SenseData(.illegalRequest, .invalidFieldInCDB, fieldPointer: pointer))
        }
        return row
    }

    /// The row by operation code and service action only: what may run at all is decided before what is well formed.
    package func uncheckedRow(for cdb: CDB) throws(CheckCondition) -> Row {
        guard let candidates = byOperationCode[cdb.operationCode], let first = candidates.first else {
            throw CheckCondition(.illegalRequest, .invalidCommand)
        }
        guard cdb.bytes.count >= first.length else {
            throw CheckCondition(
                SenseData(
                    .illegalRequest,
                    .invalidFieldInCDB,
                    fieldPointer: FieldPointer(inCDB: true, byte: cdb.bytes.count)
                )
            )
        }
        guard first.serviceAction != nil else { return first }
        let action = cdb.unsigned(Row.serviceActionField)
        guard let row = candidates.first(where: { UInt64($0.serviceAction ?? 0) == action }) else {
            throw .invalidField(Row.serviceActionField)
        }
        return row
    }

    /// One line for a trace: name and named fields, never data. Fields that are zero are left out.
    package func describe(cdb bytes: [UInt8]) -> String {
        let cdb = CDB(bytes)
        guard let candidates = byOperationCode[cdb.operationCode], let first = candidates.first else {
            return "opcode \(Self.hexadecimal(UInt64(cdb.operationCode), digits: 2))h"
        }
        let action = cdb.unsigned(Row.serviceActionField)
        let row = first.serviceAction == nil ? first : candidates.first { UInt64($0.serviceAction ?? 0) == action }
        guard let row else {
            return "opcode \(Self.hexadecimal(UInt64(cdb.operationCode), digits: 2))h service action \(action)"
        }
        let values = row.fields.compactMap { field -> String? in
            guard cdb.isSet(field) else { return nil }
            guard field.width > 1 else { return field.name }
            return field.isSigned ? "\(field.name)=\(cdb.signed(field))" : "\(field.name)=\(cdb.unsigned(field))"
        }
        return ([row.name] + values).joined(separator: " ")
    }

    private static func hexadecimal(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    // MARK: REPORT SUPPORTED OPERATION CODES (SPC-4 6.31)

    /// REPORTING OPTIONS 0: every command, 8 bytes each, 20 with timeouts.
    package func allCommands(withTimeouts: Bool) -> [UInt8] {
        var writer = ByteWriter()
        writer.u32(0)
        for row in rows {
            writer.u8(row.operationCode)
            writer.u8(0)
            writer.u16(UInt16(row.serviceAction ?? 0))
            writer.u8(0)
            writer.u8((withTimeouts ? 0x02 : 0) | (row.serviceAction == nil ? 0 : 0x01))
            writer.u16(UInt16(row.length))
            if withTimeouts {
                Self.appendTimeouts(of: row, to: &writer)
            }
        }
        writer.patch32(at: 0, UInt32(writer.count - 4))
        return writer.bytes
    }

    /// REPORTING OPTIONS 1 to 3: one command.
    ///
    /// - Throws: 5/24/00 when option 1 names a command with service actions or option 2 one without.
    package func oneCommand(
        option: Int,
        operationCode: UInt8,
        serviceAction: Int,
        withTimeouts: Bool
    ) throws(CheckCondition) -> [UInt8] {
        let candidates = byOperationCode[operationCode] ?? []
        let hasActions = candidates.first?.serviceAction != nil
        if option == 1, hasActions {
            throw .invalidField(ReportSupportedOperationCodes.options)
        }
        if option == 2, !candidates.isEmpty, !hasActions {
            throw .invalidField(ReportSupportedOperationCodes.options)
        }
        let row = candidates.first { $0.serviceAction.map { Int($0) == serviceAction } ?? (serviceAction == 0) }
        // Option 1 does not look at the service action at all.
        guard let row = option == 1 ? candidates.first : row else { return [0, 0x01, 0, 0] }
        var writer = ByteWriter()
        writer.u8(0)
        writer.u8((withTimeouts ? 0x80 : 0) | 0x03)
        writer.u16(UInt16(row.length))
        writer.append(row.usageMap)
        if withTimeouts {
            Self.appendTimeouts(of: row, to: &writer)
        }
        return writer.bytes
    }

    private static func appendTimeouts(of row: Row, to writer: inout ByteWriter) {
        writer.u16(0x000A)
        writer.zeros(2)
        writer.u32(row.nominalSeconds)
        writer.u32(row.recommendedSeconds)
    }

    // MARK: Reference page

    /// The table as Markdown, one line per command, for `docs/reference`.
    package var markdown: String {
        var lines = ["| Opcode | Command | Fields | Data | Timeout (s) |", "|---|---|---|---|---|"]
        for row in rows {
            let code = Self.hexadecimal(UInt64(row.operationCode), digits: 2)
            let action = row.serviceAction.map { "/" + Self.hexadecimal(UInt64($0), digits: 2) } ?? ""
            let fields = row.fields.map { $0.isIgnored ? "(\($0.name))" : $0.name }.joined(separator: ", ")
            lines.append(
                "| \(code)\(action) | \(row.name) | \(fields) | \(row.direction.rawValue) | \(row.recommendedSeconds) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// A3/0C; the same fields for every kind of logical unit.
package enum ReportSupportedOperationCodes {
    package static let withTimeouts = CDBField("RCTD", byte: 2, bit: 7)
    package static let options = CDBField("REPORTING OPTIONS", byte: 2, bit: 2, width: 3)
    package static let operationCode = CDBField("REQUESTED OPERATION CODE", bytes: 3...3)
    package static let serviceAction = CDBField("REQUESTED SERVICE ACTION", bytes: 4...5)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 6...9)
    package static let fields = [withTimeouts, options, operationCode, serviceAction, allocationLength]
}
