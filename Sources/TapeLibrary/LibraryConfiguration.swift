// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a library is made of. Given when a store is first opened, kept in its `library.json`; given again later it
/// changes the library, and cartridges of elements that are gone lie on the shelf.
package struct LibraryConfiguration: Codable, Sendable, Equatable {
    /// Drives are numbered from 0; one model for all, or one each in `driveModels`.
    package var drives: Int
    package var slots: Int
    package var mailSlots: Int
    package var library: LibraryPersonality
    /// Model of drive `n` is `driveModels[n]`, or the last one for the drives beyond.
    package var driveModels: [DrivePersonality]
    /// Serial number of the library, from which those of the drives follow; nil: made up once, then kept.
    package var serial: String?
    /// Cartridges of a new store.
    package var cartridges: NewCartridges

    /// The cartridges that a new store starts with: `prefix` + three digits + generation suffix, in slots from 1.
    package struct NewCartridges: Codable, Sendable, Equatable {
        package var count: Int
        package var prefix: String
        package var generation: Int
        /// Whole medium, in bytes; nil: the generation's own.
        package var capacityBytes: UInt64?

        package init(count: Int = 16, prefix: String = "CAP", generation: Int = 8, capacityBytes: UInt64? = nil) {
            self.count = count
            self.prefix = prefix
            self.generation = generation
            self.capacityBytes = capacityBytes
        }

        /// `CAP001L8`, …
        package var barcodes: [String] {
            let suffix = generation == 78 ? "M8" : "L\(generation)"
            return (0..<max(0, count)).map { index in
                let digits = String(index + 1)
                return prefix + String(repeating: "0", count: max(0, 3 - digits.count)) + digits + suffix
            }
        }
    }

    /// Default: 4 LTO-8 drives, 24 slots, 2 mail slots, 16 cartridges.
    package init(
        drives: Int = 4,
        slots: Int = 24,
        mailSlots: Int = 2,
        library: LibraryPersonality = .ibm3573TL,
        driveModels: [DrivePersonality] = [.ibmLTO8],
        serial: String? = nil,
        cartridges: NewCartridges = NewCartridges()
    ) {
        self.drives = drives
        self.slots = slots
        self.mailSlots = mailSlots
        self.library = library
        self.driveModels = driveModels
        self.serial = serial
        self.cartridges = cartridges
    }

    /// More would not fit between the address ranges of the families that are modelled, and one thread per drive is
    /// started on demand.
    package static let maximumDrives = 64
    /// The 16-bit element address leaves about this much above 0x1000.
    package static let maximumSlots = 50_000
    package static let maximumMailSlots = 200
    package static let maximumSerialLength = 20

    /// The model of drive `index`.
    package func driveModel(_ index: Int) -> DrivePersonality {
        if driveModels.indices.contains(index) { return driveModels[index] }
        return driveModels.last ?? .ibmLTO8
    }

    /// - Throws: `.configurationInvalid` with the first thing that is wrong.
    package func validate() throws(LibraryError) {
        if let reason = firstProblem {
            throw .configurationInvalid(reason: reason)
        }
    }

    private var firstProblem: String? {
        guard (1...Self.maximumDrives).contains(drives) else {
            return "a library has 1 to \(Self.maximumDrives) drives, not \(drives)"
        }
        guard (1...Self.maximumSlots).contains(slots) else {
            return "a library has 1 to \(Self.maximumSlots) slots, not \(slots)"
        }
        guard (0...Self.maximumMailSlots).contains(mailSlots) else {
            return "a library has 0 to \(Self.maximumMailSlots) mail slots, not \(mailSlots)"
        }
        if let serial {
            let isPlain = serial.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            guard isPlain, (6...Self.maximumSerialLength).contains(serial.utf8.count) else {
                return "a serial number has 6 to \(Self.maximumSerialLength) letters and digits"
            }
        }
        for model in driveModels {
            if let problem = model.problem { return problem }
        }
        return library.problem(drives: drives, slots: slots, mailSlots: mailSlots)
    }
}
