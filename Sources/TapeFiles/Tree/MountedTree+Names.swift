// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import TapeLibrary

/// Names, links and attributes.
extension MountedTree {
    /// A directory of this tree never has more fixed names than this; barcodes of a drive come behind them.
    static let occupantCookie: UInt64 = 100
    /// Directories that stay as they are while the library runs need not be asked for again and again.
    private static let fixedValidMilliseconds: UInt32 = 60_000
    /// Elements stay too; the time of the last change in one does not, but the kernel is told of each change.
    private static let elementValidMilliseconds: UInt32 = 1000

    // MARK: Looking up

    package func lookUp(
        _ name: [UInt8],
        in directory: FileNode
    ) throws(FileError) -> (node: FileNode, FileAttributes) {
        if case .cartridge(let barcode, let inner) = directory {
            let inventory = try current()
            try requireCartridge(barcode, in: inventory)
            let (node, attributes) = try cartridges.lookUp(name, in: inner, of: stored(barcode))
            return (.cartridge(barcode: barcode, node), believed(attributes, barcode, node, in: inventory))
        }
        let inventory = try current()
        guard let node = child(named: name, of: directory, in: inventory) else {
            guard isDirectory(directory) else { throw FileError(ENOTDIR) }
            throw FileError(ENOENT)
        }
        return (node, try attributes(of: node, in: inventory))
    }

    /// Nil when there is no such name.
    func child(named name: [UInt8], of directory: FileNode, in inventory: TreeInventory) -> FileNode? {
        guard let text = String(validating: name, as: UTF8.self) else { return nil }
        switch directory {
        case .root, .changer, .drive:
            if let fixed = fixedEntries(of: directory).first(where: { $0.name == text })?.node { return fixed }
        case .drives:
            return Self.number(text).flatMap { inventory.has(.drive($0)) ? .drive($0) : nil }
        case .slots:
            return Self.number(text).flatMap { inventory.has(.slot($0)) ? .slot($0) : nil }
        case .mail:
            return Self.number(text).flatMap { inventory.has(.mailSlot($0)) ? .mailSlot($0) : nil }
        case .cartridges:
            return inventory.locations[text] == nil ? nil : .cartridge(barcode: text, .directory)
        default: break
        }
        guard let place = directory.asPlace, let location = inventory.locations[text], location.place == place else {
            return nil
        }
        return .placed(place, barcode: text)
    }

    /// As the tree writes numbers: decimal, without zeros before it.
    private static func number(_ text: String) -> Int? {
        guard (1...6).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        guard text == "0" || !text.hasPrefix("0") else { return nil }
        return Int(text)
    }

    /// The names of a directory that are always there, in the order of a listing.
    func fixedEntries(of directory: FileNode) -> [(name: String, node: FileNode)] {
        switch directory {
        case .root:
            var entries: [(name: String, node: FileNode)] = [("library.json", .libraryDescription)]
            if isLive { entries.append(("changer", .changer)) }
            return entries + [
                ("drives", .drives), ("slots", .slots), ("mail", .mail), ("shelf", .shelf),
                ("cartridges", .cartridges),
            ]
        case .changer: return [("sg", .changerDevice), ("status", .changerStatus)]
        case .drive(let number):
            let devices: [FileNode.DriveDevice] = isLive ? [.nst, .st, .sg] : []
            return devices.map { ($0.rawValue, .driveDevice(number, $0)) } + [("status.json", .driveStatus(number))]
        default: return []
        }
    }

    func isDirectory(_ node: FileNode) -> Bool { kind(of: node) == .directory }

    /// Of nodes that are not below a cartridge.
    func kind(of node: FileNode) -> FileAttributes.Kind {
        switch node {
        case .libraryDescription, .changerDevice, .changerStatus, .driveDevice, .driveStatus: .regular
        case .placed: .symbolicLink
        default: .directory
        }
    }

    // MARK: Attributes

    package func attributes(of node: FileNode) throws(FileError) -> FileAttributes {
        if case .cartridge(let barcode, let inner) = node, inner != .directory {
            let inventory = try current()
            try requireCartridge(barcode, in: inventory)
            return believed(try cartridges.attributes(of: inner, in: stored(barcode)), barcode, inner, in: inventory)
        }
        return try attributes(of: node, in: try current())
    }

    /// The kernel may believe a second long that a cartridge which is in no drive has the directories it always has:
    /// that halves what `find` costs over thousands of them.
    private func believed(
        _ attributes: FileAttributes,
        _ barcode: String,
        _ inner: CartridgeNode,
        in inventory: TreeInventory
    ) -> FileAttributes {
        guard isLive, inner.isAlwaysThere, !inventory.isInDrive(barcode) else { return attributes }
        var attributes = attributes
        attributes.validMilliseconds = Self.elementValidMilliseconds
        return attributes
    }

    func attributes(of node: FileNode, in inventory: TreeInventory) throws(FileError) -> FileAttributes {
        try requireExistence(of: node, in: inventory)
        let inode = InodeNumber.of(node)
        switch node {
        case .libraryDescription, .changerStatus, .driveStatus:
            let text = text(of: node, in: inventory)
            let length = UInt64(text.bytes.count)
            return FileAttributes(
                kind: .regular,
                permissions: 0o444,
                lengthBytes: length,
                storedBytes: length,
                inode: inode,
                modifiedNanoseconds: text.time
            )
        case .changerDevice:
            return device(inode, time: began)
        case .driveDevice(let number, _):
            return device(inode, time: state.withLock { $0.time(of: .drive(number)) })
        case .placed(let place, let barcode):
            return FileAttributes(
                kind: .symbolicLink,
                permissions: 0o777,
                lengthBytes: UInt64(Self.target(of: barcode, in: place).count),
                inode: inode,
                modifiedNanoseconds: state.withLock { $0.time(of: place?.directory ?? .shelf) }
            )
        case .cartridge(let barcode, let inner):
            return believed(try cartridgeAttributes(barcode, inner), barcode, inner, in: inventory)
        default:
            return directory(node, inode, in: inventory)
        }
    }

    private func device(_ inode: UInt64, time: Int64) -> FileAttributes {
        FileAttributes(kind: .regular, permissions: 0o660, inode: inode, modifiedNanoseconds: time)
    }

    private func directory(_ node: FileNode, _ inode: UInt64, in inventory: TreeInventory) -> FileAttributes {
        let isChangeable =
            switch node {
            case .justMade: true
            default: node.asPlace != nil
            }
        let validMilliseconds =
            switch node {
            case .root, .changer, .drives, .slots, .mail: Self.fixedValidMilliseconds
            case .drive, .slot, .mailSlot: Self.elementValidMilliseconds
            default: UInt32(0)
            }
        let subdirectories =
            switch node {
            case .root: fixedEntries(of: .root).count { kind(of: $0.node) == .directory }
            case .drives: inventory.snapshot.drives.count
            case .slots: inventory.snapshot.slots.count
            case .mail: inventory.snapshot.mailSlots.count
            case .cartridges: inventory.cartridges.count
            default: 0
            }
        return FileAttributes(
            kind: .directory,
            permissions: isLive && isChangeable ? 0o755 : 0o555,
            inode: inode,
            links: UInt32(clamping: 2 + subdirectories),
            modifiedNanoseconds: state.withLock { $0.time(of: node) },
            validMilliseconds: isLive ? validMilliseconds : 0
        )
    }

    /// A cartridge whose files are gone or damaged keeps its directory, so that what is listed is there; looking into
    /// it tells the reason.
    private func cartridgeAttributes(_ barcode: String, _ inner: CartridgeNode) throws(FileError) -> FileAttributes {
        do throws(FileError) {
            return try cartridges.attributes(of: inner, in: stored(barcode))
        } catch {
            guard inner == .directory else { throw error }
            return FileAttributes(
                kind: .directory,
                permissions: CartridgeFiles.directoryPermissions,
                inode: InodeNumber.of(.cartridge(barcode: barcode, .directory)),
                links: 2,
                modifiedNanoseconds: state.withLock { $0.time(of: .cartridges) }
            )
        }
    }

    /// What a node names may have moved since it was looked up.
    func requireExistence(of node: FileNode, in inventory: TreeInventory) throws(FileError) {
        let exists =
            switch node {
            case .changer, .changerDevice, .changerStatus: isLive
            case .drive(let number), .driveStatus(let number): inventory.has(.drive(number))
            case .driveDevice(let number, _): isLive && inventory.has(.drive(number))
            case .slot(let number): inventory.has(.slot(number))
            case .mailSlot(let number): inventory.has(.mailSlot(number))
            case .placed(let place, let barcode), .justMade(let place, let barcode):
                inventory.locations[barcode].map { $0.place == place } ?? false
            case .cartridge(let barcode, _): inventory.locations[barcode] != nil
            default: true
            }
        guard exists else { throw FileError(ENOENT) }
    }

    func requireCartridge(_ barcode: String, in inventory: TreeInventory) throws(FileError) {
        guard inventory.locations[barcode] != nil else { throw FileError(ENOENT) }
    }

    // MARK: Links

    package func readLink(_ node: FileNode) throws(FileError) -> [UInt8] {
        switch node {
        case .placed(let place, let barcode):
            try requireExistence(of: node, in: try current())
            return Self.target(of: barcode, in: place)
        case .cartridge(let barcode, let inner):
            try requireCartridge(barcode, in: try current())
            return try cartridges.readLink(inner, of: stored(barcode))
        default: throw FileError(EINVAL)
        }
    }

    private static func target(of barcode: String, in place: FileNode.Place?) -> [UInt8] {
        Array(((place == nil ? "../cartridges/" : "../../cartridges/") + barcode).utf8)
    }
}

extension CartridgeNode {
    /// A directory that a cartridge has whatever is written to it.
    fileprivate var isAlwaysThere: Bool {
        switch self {
        case .directory, .attributes, .files(partition: 0): true
        default: false
        }
    }
}
