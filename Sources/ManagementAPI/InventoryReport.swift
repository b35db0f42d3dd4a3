// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Kinds of places in the library, as one writes them: `drive:0`, `slot:3`, `mail:1`.
package enum ElementKind: String, Codable, Sendable, CaseIterable {
    case drive
    case slot
    case mail
    /// Outside the library: the cartridge exists in the store but is in no element.
    case shelf
}

/// One place in the library.
package struct ElementReport: Codable, Sendable, Equatable {
    package var kind: ElementKind
    /// Drives count from 0, slots and mail slots from 1, as in every command.
    package var index: Int
    /// SMC element address.
    package var element: Int
    package var barcode: String?
    /// Slot that a cartridge in a drive came from, as `slot:3`.
    package var source: String?

    package init(kind: ElementKind, index: Int, element: Int, barcode: String?, source: String? = nil) {
        self.kind = kind
        self.index = index
        self.element = element
        self.barcode = barcode
        self.source = source
    }
}

/// `GET /v1/inventory`: every element, and the cartridges on the shelf.
package struct InventoryReport: Codable, Sendable, Equatable {
    package var elements: [ElementReport]
    package var cartridges: [CartridgeSummary]

    package init(elements: [ElementReport], cartridges: [CartridgeSummary]) {
        self.elements = elements
        self.cartridges = cartridges
    }
}

/// What a list says about a cartridge.
package struct CartridgeSummary: Codable, Sendable, Equatable {
    package var barcode: String
    /// `LTO-8`, `LTO-7 type M`.
    package var generation: String
    /// `data`, `worm` or `cleaning`.
    package var kind: String
    package var writeProtected: Bool
    package var capacityBytes: UInt64
    /// Nil when nobody looked into the cartridge (lists of very large libraries).
    package var usedBytes: UInt64?
    /// `slot:3`, `drive:0`, `mail:1`, `shelf`; nil in a list made without a daemon.
    package var location: String?
    /// Nil for a good cartridge, else `missing` or `damaged`.
    package var problem: String?

    package init(
        barcode: String,
        generation: String,
        kind: String,
        writeProtected: Bool,
        capacityBytes: UInt64,
        usedBytes: UInt64?,
        location: String?,
        problem: String? = nil
    ) {
        self.barcode = barcode
        self.generation = generation
        self.kind = kind
        self.writeProtected = writeProtected
        self.capacityBytes = capacityBytes
        self.usedBytes = usedBytes
        self.location = location
        self.problem = problem
    }
}

/// `GET /v1/cartridges/BARCODE`: the cartridge and a map of its tape. `?from=N&files=M` gives the tape files from number N
/// on, M of each partition at most (1000 when left out, 10,000 at most).
package struct CartridgeReport: Codable, Sendable, Equatable {
    /// Tape files of a partition that one answer lists when it is not said, and at most.
    package static let filesDefault = 1000
    package static let filesLimit = 10_000

    package struct Partition: Codable, Sendable, Equatable {
        package var capacityBytes: UInt64
        package var usedBytes: UInt64
        /// Bytes of all records.
        package var payloadBytes: UInt64
        /// Records and filemarks together; also the block address of the end of data.
        package var objects: UInt64
        package var records: UInt64
        package var filemarks: UInt64
        /// Tape files, listed or not.
        package var fileCount: UInt64
        package var files: [TapeFile]
        /// True when there are tape files behind the last that is listed.
        package var filesCut: Bool

        package init(
            capacityBytes: UInt64,
            usedBytes: UInt64,
            payloadBytes: UInt64,
            objects: UInt64,
            records: UInt64,
            filemarks: UInt64,
            fileCount: UInt64,
            files: [TapeFile],
            filesCut: Bool
        ) {
            self.capacityBytes = capacityBytes
            self.usedBytes = usedBytes
            self.payloadBytes = payloadBytes
            self.objects = objects
            self.records = records
            self.filemarks = filemarks
            self.fileCount = fileCount
            self.files = files
            self.filesCut = filesCut
        }
    }

    /// The records between two filemarks.
    package struct TapeFile: Codable, Sendable, Equatable {
        /// From 0, as `mt` counts.
        package var index: UInt64
        package var firstBlock: UInt64
        package var records: UInt64
        package var bytes: UInt64
        /// Length of the first record, 0 when there is none.
        package var recordBytes: Int
        /// Length of the last record, which is often shorter.
        package var lastRecordBytes: Int
        /// Nil when there are no records, or too many to look at each.
        package var smallestRecordBytes: Int?
        package var largestRecordBytes: Int?
        /// False for the last file when no filemark follows it.
        package var endsWithFilemark: Bool
        /// What it was recognised as: a short name that stays the same, and a line for people. Nil: nothing known.
        package var format: String?
        package var title: String?
        /// What is wrong with it; nil when nothing is.
        package var problem: String?

        package init(
            index: UInt64,
            firstBlock: UInt64,
            records: UInt64,
            bytes: UInt64,
            recordBytes: Int,
            lastRecordBytes: Int,
            smallestRecordBytes: Int? = nil,
            largestRecordBytes: Int? = nil,
            endsWithFilemark: Bool,
            format: String? = nil,
            title: String? = nil,
            problem: String? = nil
        ) {
            self.index = index
            self.firstBlock = firstBlock
            self.records = records
            self.bytes = bytes
            self.recordBytes = recordBytes
            self.lastRecordBytes = lastRecordBytes
            self.smallestRecordBytes = smallestRecordBytes
            self.largestRecordBytes = largestRecordBytes
            self.endsWithFilemark = endsWithFilemark
            self.format = format
            self.title = title
            self.problem = problem
        }
    }

    /// A medium auxiliary memory attribute (SPC-5 clause 7.4).
    package struct Attribute: Codable, Sendable, Equatable {
        package var partition: Int
        /// Four hexadecimal digits, e.g. `0803`.
        package var id: String
        package var name: String?
        package var readOnly: Bool
        /// Text as text, anything else in hexadecimal.
        package var value: String

        package init(partition: Int, id: String, name: String?, readOnly: Bool, value: String) {
            self.partition = partition
            self.id = id
            self.name = name
            self.readOnly = readOnly
            self.value = value
        }
    }

    package var summary: CartridgeSummary
    package var formatVersion: Int
    package var loadCount: UInt64
    package var bytesWritten: UInt64
    package var bytesRead: UInt64
    package var cleaningsLeft: Int?
    /// Text label (MAM attribute 0803).
    package var label: String?
    package var partitions: [Partition]
    package var attributes: [Attribute]

    package init(
        summary: CartridgeSummary,
        formatVersion: Int,
        loadCount: UInt64,
        bytesWritten: UInt64,
        bytesRead: UInt64,
        cleaningsLeft: Int?,
        label: String?,
        partitions: [Partition],
        attributes: [Attribute]
    ) {
        self.summary = summary
        self.formatVersion = formatVersion
        self.loadCount = loadCount
        self.bytesWritten = bytesWritten
        self.bytesRead = bytesRead
        self.cleaningsLeft = cleaningsLeft
        self.label = label
        self.partitions = partitions
        self.attributes = attributes
    }
}
