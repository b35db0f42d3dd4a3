// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// LOG SENSE and LOG SELECT (SPC-4 6.7, 6.6).
extension TapeDrive {
    private static let allSubpages = 0xFF

    /// Every page control gives cumulative values: there are no thresholds to compare with.
    func performLogSense(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(LogSense.savePages) else { throw .invalidField(LogSense.savePages) }
        guard let page = TapeLogPage(rawValue: UInt8(cdb[LogSense.pageCode])) else {
            throw .invalidField(LogSense.pageCode)
        }
        let subpage = cdb[LogSense.subpageCode]
        guard subpage == 0 || page == .supported && subpage == Self.allSubpages else {
            throw .invalidField(LogSense.subpageCode)
        }
        let pointer = cdb[LogSense.parameterPointer]
        var writer = ByteWriter()
        writer.u8(page.rawValue | (subpage == 0 ? 0 : 0x40))
        writer.u8(UInt8(subpage))
        writer.u16(0)
        if page == .supported {
            guard pointer == 0 else { throw .invalidField(LogSense.parameterPointer) }
            appendPageList(withSubpages: subpage != 0, to: &writer)
        } else {
            let parameters = logParameters(page, for: nexus).filter { Int($0.code) >= pointer }
            guard !parameters.isEmpty else { throw .invalidField(LogSense.parameterPointer) }
            for parameter in parameters {
                parameter.append(to: &writer)
            }
        }
        writer.patch16(at: 2, UInt16(writer.count - 4))
        if page == .tapeAlert {
            alerts.markRead(by: nexus)
        }
        return CommandReply(writer.bytes, allocationLength: cdb[LogSense.allocationLength])
    }

    private func appendPageList(withSubpages: Bool, to writer: inout ByteWriter) {
        for page in TapeLogPage.allCases {
            writer.u8(page.rawValue)
            if withSubpages {
                writer.u8(0)
                if page == .supported {
                    writer.u8(page.rawValue)
                    writer.u8(UInt8(Self.allSubpages))
                }
            }
        }
    }

    /// Only resetting is possible: no parameter can be set.
    func performLogSelect(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(LogSelect.savePages) else { throw .invalidField(LogSelect.savePages) }
        guard !cdb.isSet(LogSelect.subpageCode) else { throw .invalidField(LogSelect.subpageCode) }
        let resets = cdb.isSet(LogSelect.parameterCodeReset)
        guard cdb[LogSelect.parameterListLength] == 0 else {
            if resets {
                throw .invalidField(LogSelect.parameterListLength)
            }
            throw .invalidParameter(byte: 0, .parameterNotSupported)
        }
        guard let page = TapeLogPage(rawValue: UInt8(cdb[LogSelect.pageCode])) else {
            throw .invalidField(LogSelect.pageCode)
        }
        // PC 3 without a list sets the cumulative values to their defaults, which is zero.
        guard resets || cdb[LogSelect.pageControl] == 3 else { return CommandReply() }
        resetLog(page)
        unit.attentions.raise(.logParametersChanged, exceptFor: nexus)
        return CommandReply()
    }

    private func resetLog(_ page: TapeLogPage) {
        switch page {
        case .supported:
            counters.drive = .init()
            alerts.clearAll()
        case .writeErrors:
            counters.drive.bytesWritten = 0
            counters.drive.writeErrors = 0
        case .readErrors:
            counters.drive.bytesRead = 0
            counters.drive.readErrors = 0
        case .sequentialAccess, .dataCompression:
            counters.drive.bytesWritten = 0
            counters.drive.bytesRead = 0
        case .tapeAlert:
            alerts.clearAll()
        case .nonMediumErrors, .deviceStatus, .alertResponse, .volumeStatistics, .tapeCapacity:
            break
        }
    }
}
