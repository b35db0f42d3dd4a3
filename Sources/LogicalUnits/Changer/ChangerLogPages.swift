// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// The changer's log pages (SPC-4 7.3, SMC-3 annex on TapeAlert), ascending.
enum ChangerLogPage: UInt8, CaseIterable {
    case supportedPages = 0x00
    case tapeAlert = 0x2E

    var name: String {
        switch self {
        case .supportedPages: "Supported Log Pages"
        case .tapeAlert: "TapeAlert"
        }
    }
}

extension MediaChanger {
    /// SPC-4 6.8. Nothing is counted, so every page control shows the same.
    func logSense(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        // Saving parameters is not supported.
        guard !cdb.isSet(LogSense.savePages) else { throw .invalidField(LogSense.savePages) }
        guard let page = ChangerLogPage(rawValue: UInt8(cdb[LogSense.pageCode])) else {
            throw .invalidField(LogSense.pageCode)
        }
        let subpage = cdb[LogSense.subpageCode]
        let first = cdb[LogSense.parameterPointer]
        let parameters: [UInt8]
        switch (page, subpage) {
        case (.supportedPages, 0x00):
            parameters = ChangerLogPage.allCases.map(\.rawValue)
        case (.supportedPages, 0xFF):
            parameters = [0x00, 0x00, 0x00, 0xFF] + [ChangerLogPage.tapeAlert.rawValue, 0x00]
        case (.tapeAlert, 0x00):
            guard first <= Self.alertFlags else { throw .invalidField(LogSense.parameterPointer) }
            parameters = (max(1, first)...Self.alertFlags).flatMap { Self.alertParameter($0) }
        default:
            throw .invalidField(LogSense.subpageCode)
        }
        guard first == 0 || page == .tapeAlert else { throw .invalidField(LogSense.parameterPointer) }
        var writer = ByteWriter()
        writer.u8(page.rawValue | (subpage == 0 ? 0 : 0x40))
        writer.u8(UInt8(subpage))
        writer.u16(UInt16(clamping: parameters.count))
        writer.append(parameters)
        return CommandReply(writer.bytes, allocationLength: cdb[LogSense.allocationLength])
    }

    private static let alertFlags = 64

    /// Code, control (binary list, not saved), one byte: the flag. This robot has nothing to raise an alert about.
    private static func alertParameter(_ flag: Int) -> [UInt8] {
        [0, UInt8(flag), 0x60, 1, 0]
    }
}
