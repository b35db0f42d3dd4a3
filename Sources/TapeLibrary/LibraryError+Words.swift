// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

extension LibraryError {
    struct Explanation {
        let code: String
        let sentence: String
        let hint: String

        init(_ code: String, _ sentence: String, _ hint: String = "") {
            self.code = code
            self.sentence = sentence
            self.hint = hint
        }
    }

    var explanation: Explanation {
        switch self {
        case .storeInUse, .storeUnusable, .inventoryDamaged, .inventoryTooNew, .configurationInvalid, .diskFull,
            .diskFailed, .closed:
            storeExplanation
        case .invalidBarcode, .invalidCapacity, .invalidGeneration, .cartridgeExists, .cartridgeInDrive,
            .cartridgeInLibrary, .cartridgeBusy, .cartridgeMissing, .cartridgeDamaged, .tooManyCartridges:
            cartridgeExplanation
        default:
            moveExplanation
        }
    }

    private var storeExplanation: Explanation {
        switch self {
        case .storeInUse(let path, let pid):
            Explanation(
                "store-in-use",
                "The store \(path) is in use by another capstan" + (pid.map { ", process \($0)." } ?? "."),
                "Stop that one, or give this one a store of its own with --store."
            )
        case .storeUnusable(let path, let reason):
            Explanation("store-unusable", "\(path) cannot be used: \(reason).", "Check that it exists and is writable.")
        case .inventoryDamaged(let path, let reason):
            Explanation(
                "inventory-damaged",
                "The inventory \(path) is damaged: \(reason).",
                "Nothing was changed. Put a good copy in its place, or move the file away: the next start makes a "
                    + "new library and lays the cartridges it finds on the shelf."
            )
        case .inventoryTooNew(let path, let version):
            Explanation(
                "inventory-too-new",
                "The inventory \(path) has format version \(version), which is newer than this program knows.",
                "Use the capstan that wrote it, or a newer one."
            )
        case .configurationInvalid(let reason):
            Explanation("configuration-invalid", "The library cannot be made like this: \(reason).")
        case .diskFull(let path):
            Explanation(
                "disk-full",
                "The disk is full: \(path) could not be written.",
                "Free some space; nothing was changed."
            )
        case .diskFailed(let operation, let path, let reason):
            Explanation("disk-failed", "The disk failed to \(operation) \(path): \(reason).", "Nothing was changed.")
        default:
            Explanation("closed", "The library is closed.", "Start capstan again.")
        }
    }

    private var moveExplanation: Explanation {
        switch self {
        case .noSuchPlace(let text):
            Explanation(
                "no-such-place",
                "\"\(text.prefix(64))\" is neither a place nor a cartridge of this library.",
                "Write slot:3, mail:1, drive:0, or a barcode; `capstan inventory` lists them."
            )
        case .noSuchElement(let place, let count):
            Explanation("no-such-element", "There is no \(place).", Self.rangeHint(place, count))
        case .noSuchCartridge(let barcode):
            Explanation(
                "no-such-cartridge",
                "There is no cartridge \(barcode.prefix(64)).",
                "`capstan cartridge list` shows all of them."
            )
        case .sourceEmpty(let place):
            Explanation(
                "source-empty",
                "There is no cartridge in \(place).",
                "`capstan inventory` shows what is where."
            )
        case .destinationFull(let place, let barcode):
            Explanation(
                "destination-full",
                "\(Self.capitalised(place)) holds \(barcode ?? "a cartridge") already.",
                "Choose an empty place, or move that one away first."
            )
        case .noFreeSlot:
            Explanation("no-free-slot", "Every slot is full.", "Export a cartridge, or name another place.")
        case .noFreeMailSlot:
            Explanation(
                "no-free-mail-slot",
                "Every mail slot is full.",
                "Move a cartridge from a mail slot into a slot, or export it."
            )
        case .driveLeased(let drive, let holder):
            Explanation(
                "drive-busy",
                "Drive \(drive) is in use by \(holder).",
                "Wait until that is done, or abort it there."
            )
        case .removalPreventedByDrive(let drive):
            Explanation(
                "removal-prevented",
                "An initiator locked the cartridge into drive \(drive) (PREVENT MEDIUM REMOVAL).",
                "Release it there, or end that session."
            )
        case .removalPreventedByLibrary:
            Explanation(
                "removal-prevented",
                "An initiator locked the mail slots (PREVENT MEDIUM REMOVAL on the changer).",
                "Release it there, or end that session."
            )
        default: troubleExplanation
        }
    }

    private var troubleExplanation: Explanation {
        switch self {
        case .notReady(let reason):
            Explanation("not-ready", "The library is not ready: \(reason).")
        case .loadFailed(let drive, let barcode, let reason):
            Explanation(
                "load-failed",
                "Drive \(drive) could not load \(barcode): \(reason).",
                "The cartridge stayed where it was; `capstan cartridge verify \(barcode)` looks into it."
            )
        case .unloadFailed(let drive, let reason):
            Explanation(
                "unload-failed",
                "Drive \(drive) could not unload its cartridge: \(reason).",
                "What was not written back is lost to the backup that wrote it; a second unload gives the cartridge out."
            )
        case .robotFailed(let sense):
            Explanation("robot-failed", "The robot reported \(Self.words(for: sense)).")
        case .refused(let reason):
            Explanation("refused", "The library refused: \(reason).")
        default:
            Explanation("refused", "The library refused.")
        }
    }

    private var cartridgeExplanation: Explanation {
        switch self {
        case .invalidBarcode(let barcode, let reason):
            Explanation("invalid-barcode", "\"\(barcode.prefix(64))\" is not a barcode: \(reason).")
        case .invalidCapacity(let reason):
            Explanation("invalid-capacity", "A cartridge of that capacity cannot be made: \(reason).")
        case .invalidGeneration(let generation):
            Explanation(
                "invalid-generation",
                "There is no LTO generation \(generation) here.",
                "Use 5, 6, 7, 8 or 9, or 78 for type M8."
            )
        case .cartridgeExists(let barcode):
            Explanation(
                "cartridge-exists",
                "A cartridge \(barcode) exists already.",
                "Choose another barcode, or delete that one first."
            )
        case .cartridgeInDrive(let barcode, let drive):
            Explanation("cartridge-in-use", "\(barcode) is in drive \(drive).", "Unload it first.")
        case .cartridgeInLibrary(let barcode, let place):
            Explanation("cartridge-in-library", "\(barcode) is in the library already, in \(place).")
        case .cartridgeBusy(let barcode, let work):
            Explanation("cartridge-in-use", "\(barcode) is being used for \(work).", "Wait until that is done.")
        case .cartridgeMissing(let barcode):
            Explanation(
                "cartridge-missing",
                "The directory of \(barcode) is gone from the store.",
                "Bring it back and start capstan again, or delete the cartridge."
            )
        case .cartridgeDamaged(let barcode, let reason):
            Explanation("cartridge-damaged", "\(barcode) cannot be opened. \(reason)")
        default:
            Explanation(
                "too-many-cartridges",
                "A store holds at most \(InventoryTable.maximumCartridges) cartridges.",
                "Delete some, or use another store."
            )
        }
    }

    /// Sense key, code and qualifier as manuals write them: `4/15/01`.
    static func words(for sense: SenseData) -> String {
        let codes = [sense.additional.code, sense.additional.qualifier].map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return "sense \(String(sense.key.rawValue, radix: 16, uppercase: true))/\(codes.joined(separator: "/"))"
    }

    private static func rangeHint(_ place: ElementPlace, _ count: Int) -> String {
        guard count > 0 else { return "This library has none of that kind." }
        return place.kind == .drive
            ? "Drives are numbered from 0 to \(count - 1)."
            : "They are numbered from 1 to \(count)."
    }

    private static func capitalised(_ place: ElementPlace) -> String {
        let text = place.description
        return text.prefix(1).uppercased() + text.dropFirst()
    }
}
