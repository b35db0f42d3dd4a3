// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import TapeLibrary

/// Opening files, and the texts among them.
extension MountedTree {
    package func openFile(_ node: FileNode, _ request: OpenRequest) throws(FileError) -> any OpenFile {
        let inventory = try current()
        try requireExistence(of: node, in: inventory)
        switch node {
        case .cartridge(let barcode, let inner):
            return try cartridges.openFile(inner, of: stored(barcode), request)
        case .changerDevice:
            return try requireDevices().openGeneric(drive: nil, request)
        case .driveDevice(let number, .sg):
            return try requireDevices().openGeneric(drive: number, request)
        case .driveDevice(let number, let device):
            return try requireDevices().openTape(drive: number, rewinds: device == .st, request)
        case .libraryDescription, .changerStatus, .driveStatus:
            guard !request.writes, !request.isTruncating else {
                throw FileError(isLive ? EACCES : EROFS, "this file is read-only")
            }
            return TextFile(text(of: node, in: inventory).bytes)
        case .placed: throw FileError(ELOOP)
        default: throw FileError(EISDIR)
        }
    }

    private func requireDevices() throws(FileError) -> any DeviceOpener {
        guard let devices else { throw FileError(ENXIO, "no daemon runs the library here") }
        return devices
    }

    package func truncate(_ node: FileNode) throws(FileError) {
        try requireExistence(of: node, in: try current())
        switch node {
        // `>` does this to a tape; the tape ends where it is written.
        case .changerDevice, .driveDevice: return
        case .cartridge(_, let inner) where inner != .directory: throw FileError(readOnlyCode)
        default: throw FileError(isDirectory(node) ? EISDIR : readOnlyCode)
        }
    }

    private var readOnlyCode: Int32 { isLive ? EACCES : EROFS }

    // MARK: Texts

    /// The file's text as of now. Texts of the inventory are made once for each state of it.
    func text(of node: FileNode, in inventory: TreeInventory) -> TreeState.Text {
        let known = state.withLock { $0.texts[node] }
        let bytes: [UInt8]
        let time: Int64
        switch node {
        case .driveStatus(let drive):
            bytes = DriveDescription.text(drive, in: inventory, source: source)
            time = known == nil ? state.withLock { $0.time(of: .drive(drive)) } : nanoseconds(clock.now())
        default:
            if let known, known.number == inventory.number { return known }
            bytes =
                node == .libraryDescription
                ? LibraryDescription.text(inventory, source: source) : ChangerListing.text(inventory.snapshot)
            time = state.withLock { $0.inventoryTime }
        }
        let isSame = known?.bytes == bytes
        let made = TreeState.Text(
            bytes: bytes,
            time: isSame ? known?.time ?? time : time,
            number: inventory.number
        )
        state.withLock { $0.texts[node] = made }
        return made
    }
}
