// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

// Fields of the media changer's commands (SMC-3 clause 6).

enum InitializeElementStatusWithRange {
    /// Bar codes only, without looking into each element; here that is always so.
    static let fast = CDBField("FAST", byte: 1, bit: 1, ignored: true)
    static let range = CDBField("RANGE", byte: 1, bit: 0)
    static let startingAddress = CDBField("STARTING ELEMENT ADDRESS", bytes: 2...3)
    static let count = CDBField("NUMBER OF ELEMENTS", bytes: 6...7)
    static let fields = [fast, range, startingAddress, count]
}

enum OpenCloseImportExport {
    static let address = CDBField("ELEMENT ADDRESS", bytes: 2...3)
    static let action = CDBField("ACTION CODE", byte: 4, bit: 4, width: 5)
    static let fields = [address, action]
}

enum PositionToElement {
    static let transport = CDBField("MEDIUM TRANSPORT ELEMENT ADDRESS", bytes: 2...3)
    static let destination = CDBField("DESTINATION ELEMENT ADDRESS", bytes: 4...5)
    static let invert = CDBField("INVERT", byte: 8, bit: 0)
    static let fields = [transport, destination, invert]
}

enum MoveMedium {
    static let transport = CDBField("MEDIUM TRANSPORT ELEMENT ADDRESS", bytes: 2...3)
    static let source = CDBField("SOURCE ADDRESS", bytes: 4...5)
    static let destination = CDBField("DESTINATION ADDRESS", bytes: 6...7)
    static let invert = CDBField("INVERT", byte: 10, bit: 0)
    static let fields = [transport, source, destination, invert]
}

enum ExchangeMedium {
    static let transport = CDBField("MEDIUM TRANSPORT ELEMENT ADDRESS", bytes: 2...3)
    static let source = CDBField("SOURCE ADDRESS", bytes: 4...5)
    static let first = CDBField("FIRST DESTINATION ADDRESS", bytes: 6...7)
    static let second = CDBField("SECOND DESTINATION ADDRESS", bytes: 8...9)
    static let invertFirst = CDBField("INV1", byte: 10, bit: 1)
    static let invertSecond = CDBField("INV2", byte: 10, bit: 0)
    static let fields = [transport, source, first, second, invertFirst, invertSecond]
}

enum ReadElementStatus {
    static let volumeTag = CDBField("VOLTAG", byte: 1, bit: 4)
    static let elementType = CDBField("ELEMENT TYPE CODE", byte: 1, bit: 3, width: 4)
    static let startingAddress = CDBField("STARTING ELEMENT ADDRESS", bytes: 2...3)
    static let count = CDBField("NUMBER OF ELEMENTS", bytes: 4...5)
    /// Every volume of this library has the same kind of descriptor, so there is nothing to mix.
    static let mixed = CDBField("MIXED", byte: 6, bit: 2, ignored: true)
    static let currentData = CDBField("CURDATA", byte: 6, bit: 1)
    static let deviceIdentifier = CDBField("DVCID", byte: 6, bit: 0)
    static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 7...9)
    static let fields = [
        volumeTag, elementType, startingAddress, count, mixed, currentData, deviceIdentifier, allocationLength,
    ]
}
