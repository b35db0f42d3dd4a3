// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A cartridge taken out of the robot's reach for a while, so that its files can be read or written directly.
///
/// Ends with `end()`, or at the latest when nobody holds it any more. Meanwhile the cartridge cannot be loaded,
/// changed, verified or deleted; moves between slots go on.
package final class CartridgeLoan: Sendable {
    /// The cartridge's directory.
    package let directory: String
    private let barcode: String
    private let library: Library
    private let isOut = Guarded(true, name: "cartridge loan")

    init(barcode: String, directory: String, library: Library) {
        self.barcode = barcode
        self.directory = directory
        self.library = library
    }

    deinit { end() }

    /// Tells everyone that the cartridge has other contents now: to be called after its files were changed.
    package func noteChange() { library.noteNewContents(of: barcode) }

    /// Gives the cartridge back. A second call does nothing.
    package func end() {
        let wasOut = isOut.withLock { isOut in
            defer { isOut = false }
            return isOut
        }
        guard wasOut else { return }
        library.core.withLock { $0.endVerification(of: barcode) }
    }
}

extension Library {
    /// Takes a cartridge for direct use of its files.
    ///
    /// - Throws: `.noSuchCartridge`, `.cartridgeInDrive`, `.cartridgeBusy`.
    package func borrowCartridge(barcode: String) throws(LibraryError) -> CartridgeLoan {
        let directory = try core.withLock { (core) throws(LibraryError) in
            try core.beginVerification(of: barcode)
        }
        return CartridgeLoan(barcode: barcode, directory: directory, library: self)
    }

    fileprivate func noteNewContents(of barcode: String) {
        core.withLock { core in
            guard !core.isClosed else { return }
            core.events.record(
                .cartridgeChanged,
                "\(barcode) has new contents.",
                barcode: barcode,
                place: core.elements.table.place(of: barcode)
            )
        }
    }
}
