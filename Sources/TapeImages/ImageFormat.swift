// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The kinds of tape images.
package enum ImageFormat: String, Sendable, CaseIterable, Codable {
    /// SIMH: docs of that emulator, "SIMH magtape representation and handling".
    case tap
    /// As `tap`, but records of odd length are not padded; read only.
    case e11
    /// The P/390's, which Hercules and others read and write.
    case aws
    /// Hercules: `aws` with compressed records.
    case het
    /// A folder with one file for each tape file and an index.
    case directory
    /// A cartridge of mhvtl; read only.
    case mhvtl

    /// Formats that can be written.
    package static let writable: [Self] = [.tap, .aws, .het, .directory]

    /// In words, for people.
    package var name: String {
        switch self {
        case .tap: "SIMH image"
        case .e11: "E11 image"
        case .aws: "AWSTAPE image"
        case .het: "Hercules (HET) image"
        case .directory: "directory of tape files"
        case .mhvtl: "mhvtl cartridge"
        }
    }

    /// What a file's name says: its extension, or a slash at its end.
    package init?(fileName: String) {
        guard !fileName.hasSuffix("/") else {
            self = .directory
            return
        }
        let name = fileName.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return nil }
        switch name[name.index(after: dot)...].lowercased() {
        case "tap": self = .tap
        case "e11": self = .e11
        case "aws": self = .aws
        case "het": self = .het
        default: return nil
        }
    }

    /// Whether more than one partition can be told apart.
    package var holdsPartitions: Bool { self == .directory || self == .mhvtl }
    /// Whether a record that could not be read can be marked as such.
    package var holdsDamage: Bool { self == .tap || self == .directory }
    package var isFolder: Bool { self == .directory || self == .mhvtl }
}
