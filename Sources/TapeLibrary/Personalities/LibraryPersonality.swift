// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A family of libraries as data: what it says it is and how it numbers its elements. Decoded from
/// `Config/personalities/*.yaml`; the default is built in.
package struct LibraryPersonality: Codable, Sendable, Equatable {
    /// As a configuration names it, for example `ibm-3573-tl`.
    package var name: String
    /// For people.
    package var title: String
    /// INQUIRY: at most 8, 16 and 4 characters.
    package var vendor: String
    package var product: String
    package var revision: String
    /// What follows the serial number in VPD page 80h.
    package var serialSuffix: String
    package var addresses: Addresses
    /// What READ ELEMENT STATUS gives as the identifier of a drive.
    package var driveIdentifier: DriveIdentifier

    /// First element address of each type.
    package struct Addresses: Codable, Sendable, Equatable {
        package var robot: UInt16
        package var drive: UInt16
        package var mailSlot: UInt16
        package var slot: UInt16

        package init(robot: UInt16, drive: UInt16, mailSlot: UInt16, slot: UInt16) {
            self.robot = robot
            self.drive = drive
            self.mailSlot = mailSlot
            self.slot = slot
        }
    }

    package enum DriveIdentifier: String, Codable, Sendable {
        /// Vendor, product and serial number in their INQUIRY widths: 34 characters with a serial of 10.
        case vendorProductSerial
        case serial
    }

    package init(
        name: String,
        title: String,
        vendor: String,
        product: String,
        revision: String,
        serialSuffix: String = "",
        addresses: Addresses,
        driveIdentifier: DriveIdentifier = .vendorProductSerial
    ) {
        self.name = name
        self.title = title
        self.vendor = vendor
        self.product = product
        self.revision = revision
        self.serialSuffix = serialSuffix
        self.addresses = addresses
        self.driveIdentifier = driveIdentifier
    }

    /// IBM TS3100 and TS3200, the default.
    package static let ibm3573TL = Self(
        name: "ibm-3573-tl",
        title: "IBM TS3200 (3573-TL)",
        vendor: "IBM",
        product: "3573-TL",
        revision: "E.60",
        serialSuffix: "_LL0",
        addresses: Addresses(robot: 0x0001, drive: 0x0100, mailSlot: 0x0010, slot: 0x1000)
    )

    /// What is wrong with the personality itself, or with it and these counts; nil when it fits.
    func problem(drives: Int, slots: Int, mailSlots: Int) -> String? {
        if let problem = inquiryProblem(of: "library \(name)", vendor: vendor, product: product, revision: revision) {
            return problem
        }
        let ranges = [
            ("robot", Int(addresses.robot), 1), ("drives", Int(addresses.drive), drives),
            ("mail slots", Int(addresses.mailSlot), mailSlots), ("slots", Int(addresses.slot), slots),
        ].filter { $0.2 > 0 }.sorted { $0.1 < $1.1 }
        for (name, first, count) in ranges where first + count > 0x1_0000 {
            return "the \(name) of library \(self.name) do not fit below element address 65536"
        }
        for (lower, upper) in zip(ranges, ranges.dropFirst()) where lower.1 + lower.2 > upper.1 {
            return "\(lower.2) \(lower.0) of library \(name) would run into the addresses of its \(upper.0): "
                + "at most \(upper.1 - lower.1)"
        }
        return nil
    }
}

/// A model of drive as data.
package struct DrivePersonality: Codable, Sendable, Equatable {
    /// As a configuration names it, for example `ibm-lto8`.
    package var name: String
    /// For people.
    package var title: String
    /// INQUIRY: at most 8, 16 and 4 characters.
    package var vendor: String
    package var product: String
    package var revision: String
    /// 5…9.
    package var generation: Int

    package init(name: String, title: String, vendor: String, product: String, revision: String, generation: Int) {
        self.name = name
        self.title = title
        self.vendor = vendor
        self.product = product
        self.revision = revision
        self.generation = generation
    }

    package static let ibmLTO8 = Self(
        name: "ibm-lto8",
        title: "IBM LTO-8 full height",
        vendor: "IBM",
        product: "ULT3580-TD8",
        revision: "R3G3",
        generation: 8
    )

    var problem: String? {
        guard (5...9).contains(generation) else { return "drive \(name): LTO-5 to LTO-9 can be modelled" }
        return inquiryProblem(of: "drive \(name)", vendor: vendor, product: product, revision: revision)
    }
}

/// INQUIRY strings have fixed widths and hold printable ASCII only.
private func inquiryProblem(of what: String, vendor: String, product: String, revision: String) -> String? {
    for (field, text, width) in [("vendor", vendor, 8), ("product", product, 16), ("revision", revision, 4)] {
        guard (1...width).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            return "\(what): the \(field) has 1 to \(width) printable ASCII characters"
        }
    }
    return nil
}
