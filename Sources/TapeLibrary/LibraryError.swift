// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SCSI

/// Why the library did not do what it was asked: what failed, on which object, and what the operator can do.
package enum LibraryError: Error, Sendable, Equatable {
    case storeInUse(path: String, pid: Int32?)
    case storeUnusable(path: String, reason: String)
    case inventoryDamaged(path: String, reason: String)
    case inventoryTooNew(path: String, version: Int)
    case configurationInvalid(reason: String)
    case diskFull(path: String)
    case diskFailed(operation: String, path: String, reason: String)
    case closed

    case noSuchPlace(String)
    case noSuchElement(ElementPlace, count: Int)
    case noSuchCartridge(barcode: String)
    case sourceEmpty(ElementPlace)
    case destinationFull(ElementPlace, barcode: String?)
    case noFreeSlot
    case noFreeMailSlot
    case driveLeased(drive: Int, holder: String)
    case removalPreventedByDrive(drive: Int)
    case removalPreventedByLibrary
    case notReady(reason: String)
    case loadFailed(drive: Int, barcode: String, reason: String)
    case unloadFailed(drive: Int, reason: String)
    case robotFailed(SenseData)
    case refused(reason: String)

    case invalidBarcode(String, reason: String)
    case invalidCapacity(reason: String)
    case invalidGeneration(Int)
    case cartridgeExists(barcode: String)
    case cartridgeInDrive(barcode: String, drive: Int)
    case cartridgeInLibrary(barcode: String, ElementPlace)
    case cartridgeBusy(barcode: String, with: String)
    case cartridgeMissing(barcode: String)
    case cartridgeDamaged(barcode: String, reason: String)
    case tooManyCartridges(limit: Int)

    /// What failed, on which object.
    package var sentence: String { explanation.sentence }

    /// What the operator can do; empty when there is nothing to add.
    package var hint: String { explanation.hint }

    /// Stable word for scripts, for example `source-empty`.
    package var code: String { explanation.code }
}

extension LibraryError: CustomStringConvertible {
    package var description: String { hint.isEmpty ? sentence : "\(sentence) \(hint)" }
}
