// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// Fields of the primary commands (SPC-4 clause 6, SPC-2 for RESERVE and RELEASE), shared by drive and changer tables.
// REPORT SUPPORTED OPERATION CODES stands in CommandTable.swift.

package enum Inquiry {
    package static let vitalProductData = CDBField("EVPD", byte: 1, bit: 0)
    package static let pageCode = CDBField("PAGE CODE", bytes: 2...2)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 3...4)
    package static let fields = [vitalProductData, pageCode, allocationLength]
}

package enum RequestSense {
    package static let descriptorFormat = CDBField("DESC", byte: 1, bit: 0)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 4...4)
    package static let fields = [descriptorFormat, allocationLength]
}

package enum ReportLUNs {
    package static let selectReport = CDBField("SELECT REPORT", bytes: 2...2)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 6...9)
    package static let fields = [selectReport, allocationLength]
}

package enum ReportSupportedTaskManagement {
    package static let extended = CDBField("REPD", byte: 2, bit: 7)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 6...9)
    package static let fields = [extended, allocationLength]
}

package enum ReportTimestamp {
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 6...9)
    package static let fields = [allocationLength]
}

package enum SetTimestamp {
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 6...9)
    package static let fields = [parameterListLength]
}

package enum ModeSense6 {
    package static let disableBlockDescriptors = CDBField("DBD", byte: 1, bit: 3)
    package static let pageControl = CDBField("PC", byte: 2, bit: 7, width: 2)
    package static let pageCode = CDBField("PAGE CODE", byte: 2, bit: 5, width: 6)
    package static let subpageCode = CDBField("SUBPAGE CODE", bytes: 3...3)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 4...4)
    package static let fields = [disableBlockDescriptors, pageControl, pageCode, subpageCode, allocationLength]
}

package enum ModeSense10 {
    package static let longLBAAccepted = CDBField("LLBAA", byte: 1, bit: 4, ignored: true)
    package static let disableBlockDescriptors = CDBField("DBD", byte: 1, bit: 3)
    package static let pageControl = CDBField("PC", byte: 2, bit: 7, width: 2)
    package static let pageCode = CDBField("PAGE CODE", byte: 2, bit: 5, width: 6)
    package static let subpageCode = CDBField("SUBPAGE CODE", bytes: 3...3)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 7...8)
    package static let fields = [
        longLBAAccepted, disableBlockDescriptors, pageControl, pageCode, subpageCode, allocationLength,
    ]
}

package enum ModeSelect6 {
    package static let pageFormat = CDBField("PF", byte: 1, bit: 4)
    package static let savePages = CDBField("SP", byte: 1, bit: 0)
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 4...4)
    package static let fields = [pageFormat, savePages, parameterListLength]
}

package enum ModeSelect10 {
    package static let pageFormat = CDBField("PF", byte: 1, bit: 4)
    package static let savePages = CDBField("SP", byte: 1, bit: 0)
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 7...8)
    package static let fields = [pageFormat, savePages, parameterListLength]
}

package enum LogSense {
    package static let savePages = CDBField("SP", byte: 1, bit: 0)
    package static let pageControl = CDBField("PC", byte: 2, bit: 7, width: 2)
    package static let pageCode = CDBField("PAGE CODE", byte: 2, bit: 5, width: 6)
    package static let subpageCode = CDBField("SUBPAGE CODE", bytes: 3...3)
    package static let parameterPointer = CDBField("PARAMETER POINTER", bytes: 5...6)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 7...8)
    package static let fields = [savePages, pageControl, pageCode, subpageCode, parameterPointer, allocationLength]
}

package enum LogSelect {
    package static let parameterCodeReset = CDBField("PCR", byte: 1, bit: 1)
    package static let savePages = CDBField("SP", byte: 1, bit: 0)
    package static let pageControl = CDBField("PC", byte: 2, bit: 7, width: 2)
    package static let pageCode = CDBField("PAGE CODE", byte: 2, bit: 5, width: 6)
    package static let subpageCode = CDBField("SUBPAGE CODE", bytes: 3...3)
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 7...8)
    package static let fields = [
        parameterCodeReset, savePages, pageControl, pageCode, subpageCode, parameterListLength,
    ]
}

package enum PreventAllow {
    package static let prevent = CDBField("PREVENT", byte: 4, bit: 1, width: 2)
    package static let fields = [prevent]
}

package enum SendDiagnostic {
    package static let selfTestCode = CDBField("SELF-TEST CODE", byte: 1, bit: 7, width: 3)
    package static let pageFormat = CDBField("PF", byte: 1, bit: 4)
    package static let selfTest = CDBField("SELFTEST", byte: 1, bit: 2)
    package static let deviceOffline = CDBField("DEVOFFL", byte: 1, bit: 1, ignored: true)
    package static let unitOffline = CDBField("UNITOFFL", byte: 1, bit: 0, ignored: true)
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 3...4)
    package static let fields = [selfTestCode, pageFormat, selfTest, deviceOffline, unitOffline, parameterListLength]
}

package enum ReadBuffer {
    package static let mode = CDBField("MODE", byte: 1, bit: 4, width: 5)
    package static let bufferID = CDBField("BUFFER ID", bytes: 2...2)
    package static let bufferOffset = CDBField("BUFFER OFFSET", bytes: 3...5)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 6...8)
    package static let fields = [mode, bufferID, bufferOffset, allocationLength]
}

package enum WriteBuffer {
    package static let mode = CDBField("MODE", byte: 1, bit: 4, width: 5)
    package static let bufferID = CDBField("BUFFER ID", bytes: 2...2)
    package static let bufferOffset = CDBField("BUFFER OFFSET", bytes: 3...5)
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 6...8)
    package static let fields = [mode, bufferID, bufferOffset, parameterListLength]
}

package enum ReadAttribute {
    package static let serviceAction = CDBField("SERVICE ACTION", byte: 1, bit: 4, width: 5)
    package static let logicalVolumeNumber = CDBField("LOGICAL VOLUME NUMBER", bytes: 5...5)
    package static let partitionNumber = CDBField("PARTITION NUMBER", bytes: 7...7)
    package static let firstAttribute = CDBField("FIRST ATTRIBUTE IDENTIFIER", bytes: 8...9)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 10...13)
    package static let cache = CDBField("CACHE", byte: 14, bit: 0, ignored: true)
    package static let fields = [
        serviceAction, logicalVolumeNumber, partitionNumber, firstAttribute, allocationLength, cache,
    ]
}

package enum WriteAttribute {
    package static let writeThrough = CDBField("WTC", byte: 1, bit: 0, ignored: true)
    package static let logicalVolumeNumber = CDBField("LOGICAL VOLUME NUMBER", bytes: 5...5)
    package static let partitionNumber = CDBField("PARTITION NUMBER", bytes: 7...7)
    package static let parameterListLength = CDBField("PARAMETER LIST LENGTH", bytes: 10...13)
    package static let fields = [writeThrough, logicalVolumeNumber, partitionNumber, parameterListLength]
}
