// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import ManagementAPI
import TapeFiles
import TapeLibrary

extension APIError {
    /// The operator's view of a cartridge's failure.
    init(_ error: CartridgeError, barcode: String) {
        let code: ErrorCode =
            switch error {
            case .disk(let disk): disk.isOutOfSpace ? .outOfSpace : disk.isNotFound ? .notFound : .failure
            case .full: .outOfSpace
            case .corruptRecord, .corruptIndex, .foreign, .unsupportedFormat: .damaged
            case .invalidBarcode, .invalidArgument: .invalid
            case .alreadyExists, .readOnly: .refused
            default: .failure
            }
        self.init(code, "\(barcode): \(error.description.withoutFullStop)")
    }

    /// What looking at a cartridge's files came to.
    init(_ error: FileError) {
        let code: ErrorCode =
            switch error.code {
            case ENOENT: .notFound
            case EIO: .damaged
            case ESTALE: .busy
            default: .failure
            }
        self.init(code, error.reason.isEmpty ? error.description : error.reason.withoutFullStop)
    }

    /// The library's own sentence and hint under the API's code.
    package init(_ error: LibraryError) {
        let code: ErrorCode =
            switch error {
            case .storeInUse: .storeInUse
            case .diskFull: .outOfSpace
            case .inventoryDamaged, .cartridgeDamaged: .damaged
            case .configurationInvalid, .noSuchPlace, .invalidBarcode, .invalidCapacity, .invalidGeneration: .invalid
            case .noSuchElement, .noSuchCartridge, .cartridgeMissing, .sourceEmpty: .notFound
            case .driveLeased, .cartridgeBusy: .busy
            case .storeUnusable, .diskFailed, .inventoryTooNew, .closed: .failure
            default: .refused
            }
        self.init(code, error.sentence.withoutFullStop, hint: error.hint.isEmpty ? nil : error.hint)
    }
}

extension String {
    /// Messages are shown behind the program's name, without a full stop.
    package var withoutFullStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
