// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Something that happened in the library.
package struct LibraryEvent: Codable, Sendable, Equatable {
    /// From 1, without gaps, for the life of the daemon.
    package var sequence: UInt64
    /// Milliseconds since 1970-01-01 00:00 UTC.
    package var time: UInt64
    package var kind: Kind
    /// For people.
    package var sentence: String
    package var barcode: String?
    /// Where it happened, or where the cartridge is now.
    package var place: ElementPlace?
    /// Who asked for it, when someone did.
    package var actor: String?

    package enum Kind: String, Codable, Sendable {
        case libraryOpened
        case libraryClosed
        case configurationChanged
        case cartridgeMoved
        case cartridgeLoaded
        case cartridgeUnloaded
        case loadFailed
        case cartridgeImported
        case cartridgeExported
        case cartridgeCreated
        case cartridgeDeleted
        case cartridgeChanged
        case cartridgeMissing
        case cartridgeDamaged
        case cartridgeFound
        case cleaned
        case driveHeld
        case driveReleased
        case nexusLost
        case warning
    }
}
