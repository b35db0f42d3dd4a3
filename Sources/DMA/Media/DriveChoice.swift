// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

/// The drives of a tape server: which NDMP name is which element of the library.
struct TapeDrive: Equatable, Sendable {
    /// The name to open; one that does not rewind when closed if there is one.
    var name: String
    /// Every name of the drive.
    var names: [String]
    /// Its element; nil when the server has more drives than the library.
    var element: UInt16?
}

enum DriveChoice {
    private static let serialCapability = "SERIAL_NUMBER"
    private static let devicePrefix = "/dev/"

    /// Matches TAPE_INFO's entries with the library's drives: by serial number where both tell one, else by their order.
    static func match(_ devices: [DeviceInfo], _ elements: [LibraryElement]) -> [TapeDrive] {
        let serials = devices.map(serial)
        let bySerial = serials.map { serial in
            serial.flatMap { serial in elements.first { !serial.isEmpty && $0.identifier.hasSuffix(serial) } }
        }
        let allBySerial = !bySerial.contains { $0 == nil }
        return devices.indices.compactMap { index in
            let names = devices[index].names
            guard let first = names.first else { return nil }
            let closing: TapeAttributes = [.rewindOnClose, .unloadOnClose]
            let preferred = names.first { closing.isDisjoint(with: TapeAttributes(rawValue: $0.attributes)) } ?? first
            let byOrder = index < elements.count ? elements[index] : nil
            return TapeDrive(
                name: preferred.device.text,
                names: names.map(\.device.text),
                element: (allBySerial ? bySerial[index] : byOrder)?.address
            )
        }
    }

    /// The drive of that name, with or without `/dev/`.
    static func named(_ name: String, in drives: [TapeDrive]) -> TapeDrive? {
        let wanted = bare(name)
        return drives.first { $0.names.contains { bare($0) == wanted } }
    }

    private static func bare(_ name: String) -> Substring {
        name.hasPrefix(devicePrefix) ? name.dropFirst(devicePrefix.count) : name[...]
    }

    private static func serial(_ device: DeviceInfo) -> String? {
        for name in device.names {
            if let found = name.capabilities.first(where: { $0.name.text == serialCapability }) {
                return found.value.text
            }
        }
        return nil
    }
}
