// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// SMC-3 table 21: what an element is.
package enum ElementType: UInt8, Sendable, CaseIterable {
    /// The robot's gripper.
    case mediumTransport = 1
    /// A slot.
    case storage = 2
    /// A mail slot.
    case importExport = 3
    /// A drive.
    case dataTransfer = 4
}

/// Consecutive element addresses.
package struct ElementRange: Sendable, Equatable {
    package let first: UInt16
    package let count: Int

    package init(first: UInt16, count: Int) {
        self.first = first
        self.count = count
    }

    package func contains(_ address: UInt16) -> Bool {
        index(of: address) != nil
    }

    /// From 0.
    package func index(of address: UInt16) -> Int? {
        let index = Int(address) - Int(first)
        return (0..<count).contains(index) ? index : nil
    }
}

/// Which addresses the library has: what mode page 1Dh says.
package struct ElementMap: Sendable, Equatable {
    package let mediumTransport: ElementRange
    package let storage: ElementRange
    package let importExport: ElementRange
    package let dataTransfer: ElementRange

    package init(
        mediumTransport: ElementRange,
        storage: ElementRange,
        importExport: ElementRange,
        dataTransfer: ElementRange
    ) {
        self.mediumTransport = mediumTransport
        self.storage = storage
        self.importExport = importExport
        self.dataTransfer = dataTransfer
    }

    package subscript(_ type: ElementType) -> ElementRange {
        switch type {
        case .mediumTransport: mediumTransport
        case .storage: storage
        case .importExport: importExport
        case .dataTransfer: dataTransfer
        }
    }

    package func type(of address: UInt16) -> ElementType? {
        ElementType.allCases.first { self[$0].contains(address) }
    }
}

/// One element as it is now.
package struct ElementState: Sendable, Equatable {
    package var address: UInt16
    package var type: ElementType
    /// The cartridge's bar code; nil when there is no cartridge.
    package var volumeTag: String?
    /// Storage or mail slot that the cartridge came from.
    package var source: UInt16?
    /// Mail slots: an operator's hand put it there.
    package var isImported = false
    /// The robot can reach the cartridge or the place for one.
    package var isAccessible = true
    /// What is wrong with it.
    package var exception: AdditionalSense?
    package var medium = MediumClass.unspecified
    /// Drives only: what DVCID asks for.
    package var deviceIdentifier: ElementDeviceIdentifier?

    package var isFull: Bool { volumeTag != nil }

    package init(address: UInt16, type: ElementType, volumeTag: String? = nil) {
        self.address = address
        self.type = type
        self.volumeTag = volumeTag
    }

    /// SMC-3: the medium type field of an element descriptor.
    package enum MediumClass: UInt8, Sendable {
        case unspecified = 0
        case data = 1
        case cleaning = 2
        case worm = 4
    }
}

/// Identifies the drive in a data transfer element, as a designator does.
package struct ElementDeviceIdentifier: Sendable, Equatable {
    /// 2: ASCII.
    package var codeSet: UInt8
    /// 0: vendor specific, 1: T10 vendor identification.
    package var type: UInt8
    package var bytes: [UInt8]

    package init(codeSet: UInt8, type: UInt8, bytes: [UInt8]) {
        self.codeSet = codeSet
        self.type = type
        self.bytes = bytes
    }
}

/// Where the cartridges are. The changer decides whether a move may be made; the store makes it, durably and as a
/// whole, or not at all. Addresses that reach the store are valid, sources full, destinations empty.
package protocol ElementStore: AnyObject {
    var elementMap: ElementMap { get }

    /// Elements of one type from `start` up, ascending, at most `limit`.
    func elements(of type: ElementType, from start: UInt16, limit: Int) -> [ElementState]

    /// Nil: no such address.
    func element(at address: UInt16) -> ElementState?

    /// - Throws: 5/53/03 for a drive in use, 4/53/xx when a drive does not eject or load, 4/44/00 when the disk fails.
    func move(from source: UInt16, to destination: UInt16) throws(CheckCondition)

    /// `source` to `first`, what was in `first` to `second` (which may be `source`).
    func exchange(source: UInt16, first: UInt16, second: UInt16) throws(CheckCondition)

    /// Looks again what is there; nil: everywhere.
    func takeInventory(of addresses: ClosedRange<UInt16>?) throws(CheckCondition)
}
