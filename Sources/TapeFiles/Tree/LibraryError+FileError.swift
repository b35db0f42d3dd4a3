// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import TapeLibrary

extension FileError {
    /// The one table of what the library's refusals are for a caller of mv and mkdir; the reason is the library's own
    /// sentence.
    init(_ error: LibraryError) {
        self.init(Self.code(for: error), error.sentence)
    }

    private static func code(for error: LibraryError) -> Int32 {
        switch error {
        // In the library already: it does not lie on the shelf any more.
        case .noSuchPlace, .noSuchElement, .noSuchCartridge, .sourceEmpty, .cartridgeInLibrary: ENOENT
        case .destinationFull: ENOTEMPTY
        case .driveLeased, .cartridgeInDrive, .cartridgeBusy, .notReady, .storeInUse, .noFreeMailSlot: EBUSY
        case .removalPreventedByDrive, .removalPreventedByLibrary, .refused: EPERM
        case .cartridgeExists: EEXIST
        case .invalidBarcode, .invalidCapacity, .invalidGeneration, .configurationInvalid: EINVAL
        case .diskFull, .noFreeSlot, .tooManyCartridges: ENOSPC
        case .diskFailed, .loadFailed, .unloadFailed, .robotFailed, .cartridgeMissing, .cartridgeDamaged,
            .storeUnusable, .inventoryDamaged, .inventoryTooNew:
            EIO
        case .closed: ENODEV
        }
    }
}
