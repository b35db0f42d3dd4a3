// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What the tree asks of the files below `cartridges/BARCODE`. The cartridge exists; errors as `CartridgeFiles` has them.
package protocol CartridgeSubtree: AnyObject, Sendable {
    func attributes(of node: CartridgeNode, in cartridge: StoredCartridge) throws(FileError) -> FileAttributes
    func lookUp(
        _ name: [UInt8],
        in directory: CartridgeNode,
        of cartridge: StoredCartridge
    ) throws(FileError) -> (node: CartridgeNode, FileAttributes)
    func list(
        _ directory: CartridgeNode,
        of cartridge: StoredCartridge,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError)
    func readLink(_ node: CartridgeNode, of cartridge: StoredCartridge) throws(FileError) -> [UInt8]
    func openFile(
        _ node: CartridgeNode,
        of cartridge: StoredCartridge,
        _ request: OpenRequest
    ) throws(FileError) -> any OpenFile
    func use(of cartridge: StoredCartridge) throws(FileError) -> CartridgeUse
    /// It was deleted, moved or made.
    func changed(_ barcode: String)
}

extension CartridgeFiles: CartridgeSubtree {}

/// What the tree asks of the device files. The drive exists.
package protocol DeviceOpener: Sendable {
    /// - Parameter rewinds: the tape is rewound at the last close (`st`).
    func openTape(drive: Int, rewinds: Bool, _ request: OpenRequest) throws(FileError) -> any OpenFile
    /// - Parameter drive: nil for the changer.
    func openGeneric(drive: Int?, _ request: OpenRequest) throws(FileError) -> any OpenFile
    /// Waits, not for ever, until a close of the drive's tape file that is on its way is done.
    func settle(drive: Int)
}

extension DeviceFiles: DeviceOpener {}
