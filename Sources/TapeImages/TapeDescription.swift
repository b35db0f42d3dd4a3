// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What is known of a tape apart from what is written on it. Fields are optional for images that do not tell them.
package struct TapeDescription: Codable, Sendable, Equatable {
    package struct Partition: Codable, Sendable, Equatable {
        package var capacityBytes: UInt64?
        /// Records and filemarks.
        package var objects: UInt64?
        /// Bytes of all records.
        package var bytes: UInt64?

        package init(capacityBytes: UInt64? = nil, objects: UInt64? = nil, bytes: UInt64? = nil) {
            self.capacityBytes = capacityBytes
            self.objects = objects
            self.bytes = bytes
        }
    }

    /// One attribute of the medium auxiliary memory (SPC-5).
    package struct Attribute: Codable, Sendable, Equatable {
        package var partition: Int
        package var identifier: UInt16
        /// 0 binary, 1 ASCII, 2 text.
        package var format: UInt8
        /// Hexadecimal digits.
        package var value: String

        package init(partition: Int, identifier: UInt16, format: UInt8, value: String) {
            self.partition = partition
            self.identifier = identifier
            self.format = format
            self.value = value
        }
    }

    package var barcode: String?
    /// LTO generation.
    package var generation: Int?
    package var kind: String?
    package var partitions: [Partition]
    /// nil: the image knows none, and those of the cartridge stay.
    package var attributes: [Attribute]?

    package init(
        barcode: String? = nil,
        generation: Int? = nil,
        kind: String? = nil,
        partitions: [Partition] = [Partition()],
        attributes: [Attribute]? = nil
    ) {
        self.barcode = barcode
        self.generation = generation
        self.kind = kind
        self.partitions = partitions
        self.attributes = attributes
    }

    package var totalBytes: UInt64 { partitions.reduce(0) { $0 &+ ($1.bytes ?? 0) } }
}

/// What went through, counted.
package struct ImageTally: Codable, Sendable, Equatable {
    package var records: UInt64 = 0
    package var filemarks: UInt64 = 0
    /// Of all records, damaged ones too.
    package var bytes: UInt64 = 0
    /// Records that could not be read, or are marked as such; also counted in `records`.
    package var damagedRecords: UInt64 = 0
    package var longestRecordBytes = 0
    /// Erased stretches, which a cartridge does not have.
    package var gaps: UInt64 = 0
    package var gapBytes: UInt64 = 0

    package init() {}

    package mutating func count(_ object: ImageObject) {
        switch object {
        case .record(let length): add(length)
        case .damagedRecord(let length):
            add(length)
            damagedRecords += 1
        case .filemark: filemarks += 1
        case .gap(let length):
            gaps += 1
            gapBytes &+= length
        case .partition, .endOfMedium: break
        }
    }

    private mutating func add(_ length: Int) {
        records += 1
        bytes += UInt64(length)
        longestRecordBytes = max(longestRecordBytes, length)
    }
}
