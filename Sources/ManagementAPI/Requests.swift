// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// `POST /v1/moves`. Places are written as `drive:0`, `slot:3`, `mail:1`, or a barcode where a source is wanted.
package struct MoveRequest: Codable, Sendable, Equatable {
    package var from: String
    package var to: String

    package init(from: String, to: String) {
        self.from = from
        self.to = to
    }
}

/// `POST /v1/loads`: a barcode, `slot:3` or `3`, and a drive number.
package struct LoadRequest: Codable, Sendable, Equatable {
    package var cartridge: String
    package var drive: Int

    package init(cartridge: String, drive: Int) {
        self.cartridge = cartridge
        self.drive = drive
    }
}

/// `POST /v1/unloads`: to the slot the cartridge came from unless `slot` says another.
package struct UnloadRequest: Codable, Sendable, Equatable {
    package var drive: Int
    package var slot: Int?

    package init(drive: Int, slot: Int?) {
        self.drive = drive
        self.slot = slot
    }
}

/// `POST /v1/imports`: from the shelf into `to`, or into the first free mail slot, else the first free slot.
package struct ImportRequest: Codable, Sendable, Equatable {
    package var barcode: String
    package var to: String?

    package init(barcode: String, to: String?) {
        self.barcode = barcode
        self.to = to
    }
}

/// `POST /v1/exports`: from a slot or mail slot to the shelf.
package struct ExportRequest: Codable, Sendable, Equatable {
    /// A barcode or a place.
    package var cartridge: String

    package init(cartridge: String) { self.cartridge = cartridge }
}

/// The answer to everything that moves a cartridge.
package struct MoveReport: Codable, Sendable, Equatable {
    package var barcode: String
    package var from: String
    package var to: String

    package init(barcode: String, from: String, to: String) {
        self.barcode = barcode
        self.from = from
        self.to = to
    }
}

/// `POST /v1/cartridges`. Without barcodes the next free ones of the library's series are taken.
package struct CreateCartridgesRequest: Codable, Sendable, Equatable {
    package var barcodes: [String]
    /// How many to create when `barcodes` is empty; 1 when nil.
    package var count: Int?
    /// Whole medium in bytes; the generation's native capacity when nil.
    package var capacityBytes: UInt64?
    /// 5 … 9; 78 is an LTO-7 cartridge formatted as M8. From the barcode's last two characters when nil.
    package var generation: Int?
    package var worm: Bool
    package var cleaning: Bool

    package init(
        barcodes: [String],
        count: Int?,
        capacityBytes: UInt64?,
        generation: Int?,
        worm: Bool,
        cleaning: Bool
    ) {
        self.barcodes = barcodes
        self.count = count
        self.capacityBytes = capacityBytes
        self.generation = generation
        self.worm = worm
        self.cleaning = cleaning
    }
}

/// `GET /v1/cartridges` and the answer to creating some.
package struct CartridgeList: Codable, Sendable, Equatable {
    package var cartridges: [CartridgeSummary]

    package init(cartridges: [CartridgeSummary]) { self.cartridges = cartridges }
}

/// `PATCH /v1/cartridges/BARCODE`: what is nil stays as it is.
package struct ChangeCartridgeRequest: Codable, Sendable, Equatable {
    /// At most 160 bytes of UTF-8 (MAM attribute 0803, SPC-5).
    package var label: String?
    package var writeProtected: Bool?

    package init(label: String? = nil, writeProtected: Bool? = nil) {
        self.label = label
        self.writeProtected = writeProtected
    }
}

/// `DELETE /v1/cartridges/BARCODE`, and other answers with nothing to say.
package struct DoneReport: Codable, Sendable, Equatable {
    package var done: Bool

    package init() { done = true }
}

/// Answer to `PUT /v1/cartridges/BARCODE/contents`.
package struct ImageReport: Codable, Sendable, Equatable {
    package var barcode: String
    package var records: UInt64
    package var filemarks: UInt64
    package var bytes: UInt64
    /// Records that every read will report as damaged, as they could not be read when the image was made.
    package var damagedRecords: UInt64
    /// Those of them that the image has no byte of; they have one now.
    package var emptyDamagedRecords: UInt64

    package init(
        barcode: String,
        records: UInt64,
        filemarks: UInt64,
        bytes: UInt64,
        damagedRecords: UInt64 = 0,
        emptyDamagedRecords: UInt64 = 0
    ) {
        self.barcode = barcode
        self.records = records
        self.filemarks = filemarks
        self.bytes = bytes
        self.damagedRecords = damagedRecords
        self.emptyDamagedRecords = emptyDamagedRecords
    }
}
