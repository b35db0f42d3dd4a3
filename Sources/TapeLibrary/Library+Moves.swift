// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// Moves asked for by an operator. `actor` says who, for events: `console`, a user's name.
extension Library {
    /// Moves a cartridge with the robot, exactly as MOVE MEDIUM does. A cartridge that is loaded in a drive is
    /// rewound, written back and ejected first.
    package func move(
        from source: ElementPlace,
        to destination: ElementPlace,
        actor: String = "operator"
    ) throws(LibraryError) {
        try change(actor) { (core) throws(LibraryError) in
            try core.move(from: source, to: destination)
        }
    }

    /// Puts a cartridge into a drive, wherever in the library it is.
    ///
    /// - Returns: where it came from.
    @discardableResult
    package func load(
        barcode: String,
        drive: Int,
        actor: String = "operator"
    ) throws(LibraryError) -> ElementPlace {
        try change(actor) { (core) throws(LibraryError) in
            let source = try core.place(ofCartridge: barcode)
            try core.move(from: source, to: .drive(drive))
            return source
        }
    }

    /// Takes the cartridge out of a drive: to `destination`, or where it came from when that is free, or the first
    /// free slot.
    ///
    /// - Returns: where it went.
    @discardableResult
    package func unload(
        drive: Int,
        to destination: ElementPlace? = nil,
        actor: String = "operator"
    ) throws(LibraryError) -> ElementPlace {
        try change(actor) { (core) throws(LibraryError) in
            let target = try core.destination(forUnloading: drive, wished: destination)
            try core.move(from: .drive(drive), to: target)
            return target
        }
    }

    /// EXCHANGE MEDIUM: what is in `source` goes to `first`, what was in `first` goes to `second`.
    package func exchange(
        source: ElementPlace,
        first: ElementPlace,
        second: ElementPlace,
        actor: String = "operator"
    ) throws(LibraryError) {
        try change(actor) { (core) throws(LibraryError) in
            try core.exchange(source: source, first: first, second: second)
        }
    }

    /// Puts a cartridge from the shelf into the library: into the mail slot, as an operator's hand does, or into the
    /// slot asked for.
    ///
    /// - Returns: where it is now.
    @discardableResult
    package func importCartridge(
        barcode: String,
        to destination: ElementPlace? = nil,
        actor: String = "operator"
    ) throws(LibraryError) -> ElementPlace {
        try change(actor) { (core) throws(LibraryError) in
            try core.importCartridge(barcode, to: destination)
        }
    }

    /// Takes a cartridge out of the library and lays it on the shelf; from a slot or drive it travels through a mail
    /// slot.
    package func exportCartridge(barcode: String, actor: String = "operator") throws(LibraryError) {
        try change(actor) { (core) throws(LibraryError) in
            try core.exportCartridge(barcode)
        }
    }

    /// Moves this cartridge from here to there, nil being the shelf: what `mv` of its name in a mounted tree means. Takes
    /// nothing out of a drive that a door has open, and nothing else when another door was faster.
    ///
    /// - Throws: `.sourceEmpty`, `.driveLeased`, and what a move, an import or an export throws.
    package func carry(
        _ barcode: String,
        from source: ElementPlace?,
        to destination: ElementPlace?,
        actor: String = "operator"
    ) throws(LibraryError) {
        try change(actor) { (core) throws(LibraryError) in
            try core.carry(barcode, from: source, to: destination)
        }
    }

    /// Turns what a person wrote into a place: `slot:3`, `drive:0`, `mail:1`, `3`, or the barcode of a cartridge.
    ///
    /// - Throws: `.noSuchPlace`, `.noSuchCartridge` (it lies on the shelf).
    package func place(_ text: String) throws(LibraryError) -> ElementPlace {
        try core.withLock { (core) throws(LibraryError) in try core.place(named: text) }
    }

    /// One change under the library's lock, said to be `actor`'s in the events.
    func change<Result>(
        _ actor: String,
        _ body: (LibraryCore) throws(LibraryError) -> Result
    ) throws(LibraryError) -> Result {
        try core.withLock { (core) throws(LibraryError) in
            guard !core.isClosed else { throw LibraryError.closed }
            core.actor = actor
            defer { core.actor = nil }
            return try body(core)
        }
    }
}
