// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeLibrary

/// A device by one of its names.
enum NamedDevice: Sendable {
    /// `rewinds`: the name rewinds the tape on close.
    case drive(DriveStation, name: String, rewinds: Bool)
    case changer(ChangerStation, name: String)

    var name: String {
        switch self {
        case .drive(_, let name, _), .changer(_, let name): name
        }
    }
}

/// The names of the library's devices: `nst0` and `st0` for the first drive, `sg0` for the changer, and aliases of
/// these. A leading `/dev/` is accepted on any of them.
struct DeviceNames: Sendable {
    private let library: Library
    private let aliases: [String: String]

    init(library: Library, aliases: [String: String]) {
        self.library = library
        self.aliases = Dictionary(
            aliases.map { (Self.bare($0.key), Self.bare($0.value)) },
            uniquingKeysWith: { _, last in last }
        )
    }

    func device(_ text: String) -> NamedDevice? {
        let given = Self.bare(text)
        let name = aliases[given] ?? given
        if name == library.changer.deviceName { return .changer(library.changer, name: given) }
        for drive in library.drives {
            if name == drive.deviceName { return .drive(drive, name: given, rewinds: false) }
            if name == Self.rewindingName(drive) { return .drive(drive, name: given, rewinds: true) }
        }
        return nil
    }

    /// Every name of a drive with whether it rewinds on close, the plain no-rewind name first: clients take the first.
    func names(of drive: DriveStation) -> [(name: String, rewinds: Bool)] {
        let rewinding = Self.rewindingName(drive)
        return [(drive.deviceName, false)] + aliasNames(drive.deviceName).map { ($0, false) }
            + [(rewinding, true)] + aliasNames(rewinding).map { ($0, true) }
    }

    func names(of changer: ChangerStation) -> [String] {
        [changer.deviceName] + aliasNames(changer.deviceName)
    }

    private func aliasNames(_ target: String) -> [String] {
        aliases.filter { $0.value == target }.map(\.key).sorted()
    }

    private static func rewindingName(_ drive: DriveStation) -> String {
        drive.deviceName.hasPrefix("n") ? String(drive.deviceName.dropFirst()) : drive.deviceName + "r"
    }

    private static func bare(_ name: String) -> String {
        name.hasPrefix("/dev/") ? String(name.dropFirst(5)) : name
    }
}
