// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Where things lie in a store.
struct StorePaths: Sendable {
    let store: String

    /// Held by the one daemon that uses the store.
    var lock: String { store + "/capstan.lock" }
    var inventory: String { store + "/library.json" }
    var cartridges: String { store + "/cartridges" }

    func cartridge(_ barcode: String) -> String { cartridges + "/" + barcode }

    /// A cartridge on its way out: from the moment it has this name it is deleted. The dot cannot be in a barcode.
    func deleted(_ barcode: String) -> String { cartridge(barcode) + Self.deletedSuffix }

    static let deletedSuffix = ".deleted"
    /// A cartridge that was never finished; see `Cartridge.create`.
    static let unfinishedSuffix = ".new"
}
