// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SCSI

/// How errors of the layers below read at this height: one place each.
extension LibraryError {
    init(_ error: DiskError) {
        if error.isOutOfSpace {
            self = .diskFull(path: error.path)
        } else {
            self = .diskFailed(operation: error.operation, path: error.path, reason: error.description)
        }
    }

    init(_ error: CartridgeError, barcode: String) {
        switch error {
        case .disk(let error) where error.isOutOfSpace: self = .diskFull(path: error.path)
        case .disk(let error) where error.isNotFound: self = .cartridgeMissing(barcode: barcode)
        case .invalidBarcode: self = .invalidBarcode(barcode, reason: Self.barcodeRule)
        case .alreadyExists: self = .cartridgeExists(barcode: barcode)
        default: self = .cartridgeDamaged(barcode: barcode, reason: error.description)
        }
    }

    /// The changer's refusals (facts of SMC and SPC) as sentences about the places that were named.
    init(
        _ condition: CheckCondition,
        from source: ElementPlace,
        to destinations: [ElementPlace],
        in table: InventoryTable
    ) {
        let destination = destinations.last ?? source
        let drive = ([source] + destinations).first { $0.kind == .drive }?.number ?? 0
        switch condition.sense.additional {
        case .sourceEmpty:
            self = .sourceEmpty(([source] + destinations.dropLast()).first { table[$0] == nil } ?? source)
        case .destinationFull:
            let full = destinations.last { table[$0] != nil } ?? destination
            self = .destinationFull(full, barcode: table[full]?.barcode)
        case .mediumRemovalPrevented:
            self = .removalPreventedByLibrary
        case .removalPreventedByDataTransferElement:
            self = .removalPreventedByDrive(drive: drive)
        case .importExportOpen:
            self = .notReady(reason: "a mail slot is open")
        case .invalidElementAddress:
            self = .noSuchPlace(([source] + destinations).first { !table.has($0) }?.reference ?? source.reference)
        default:
            self = .robotFailed(condition.sense)
        }
    }

    static let barcodeRule = "it has 1 to 32 of the characters A to Z, 0 to 9, - and _"
}
