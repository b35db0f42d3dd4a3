// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import FUSEMount
import Foundation
import Logging
import ManagementAPI
import TapeFiles
import TapeLibrary

/// The mounted filesystem as a door of the daemon: the tree of its library at one mount point. Calls block.
final class MountDoor: Sendable {
    private let mount: Mount
    private let tree: MountedTree
    private let devices: DeviceFiles?

    var path: String { mount.path }
    var servesOthers: Bool { mount.servesOthers }

    /// Mounts the tree of a library that this process serves, its devices included.
    init(_ library: Library, disk: any Disk, settings: MountSettings, logger: Logger) throws(APIError) {
        let cartridges = CartridgeFiles(disk: disk, inode: { InodeNumber.of($0) }, logger: logger)
        let devices = DeviceFiles(library: library, name: "fuse \(settings.path)", logger: logger)
        tree = MountedTree(library: library, cartridges: cartridges, devices: devices)
        self.devices = devices
        do throws(APIError) {
            mount = try Self.started(tree, at: settings.path, MountOptions(others: settings.others), logger)
        } catch {
            tree.close()
            devices.close()
            throw error
        }
    }

    /// Mounts the tree of a store, read-only and without devices. A daemon may work on the store meanwhile.
    ///
    /// - Parameter onLost: see `Mount`.
    init(
        store: String,
        disk: any Disk,
        settings: MountSettings,
        logger: Logger,
        onLost: @escaping @Sendable (Int32) -> Void
    ) throws(APIError) {
        let cartridges = CartridgeFiles(disk: disk, inode: { InodeNumber.of($0) }, logger: logger)
        do throws(LibraryError) { tree = try MountedTree(store: store, disk: disk, cartridges: cartridges) } catch {
            throw APIError(error)
        }
        devices = nil
        let options = MountOptions(others: settings.others, isReadOnly: true)
        do throws(APIError) { mount = try Self.started(tree, at: settings.path, options, logger, onLost) } catch {
            tree.close()
            throw error
        }
    }

    private static func started(
        _ tree: MountedTree,
        at path: String,
        _ options: MountOptions,
        _ logger: Logger,
        _ onLost: @escaping @Sendable (Int32) -> Void = { _ in }
    ) throws(APIError) -> Mount {
        do throws(MountError) {
            let mount = try Mount(tree: tree, at: path, options: options, logger: logger, onLost: onLost)
            try mount.start()
            return mount
        } catch {
            throw APIError(error)
        }
    }

    /// Unmounts; programs that have a tape device open get `drainSeconds` to end.
    func stop(drainSeconds: Int) {
        mount.stop(drainSeconds: drainSeconds)
        tree.close()
        devices?.close()
    }
}

/// What was said about the mount, checked.
struct MountSettings: Sendable, Equatable {
    /// Absolute.
    var path: String
    var others: MountOptions.Others

    /// Values of `mount-access`.
    static func others(_ text: String) -> MountOptions.Others? {
        switch text.lowercased() {
        case "auto": .whenPermitted
        case "everyone": .everyone
        case "owner": .nobody
        default: nil
        }
    }

    /// A store below its own mount would wait for itself, and one with a mount inside is no store any more.
    func problem(store: String?) -> APIError? {
        guard let store else { return nil }
        let stores = Self.spellings(store)
        let isApart = Self.spellings(path).allSatisfy { point in
            stores.allSatisfy { !Self.isWithin(point, $0) && !Self.isWithin($0, point) }
        }
        guard !isApart else { return nil }
        return APIError(
            .invalid,
            "the mount point \(path) and the store \(store) lie within each other",
            hint: "name a directory of its own for the mount"
        )
    }

    /// As it was said, and without links: of the directory above it, which exists when it does not yet, and its own.
    private static func spellings(_ path: String) -> Set<String> {
        let url = URL(filePath: path)
        let above = url.deletingLastPathComponent().resolvingSymlinksInPath()
        return [path, above.appending(path: url.lastPathComponent).path, url.resolvingSymlinksInPath().path]
    }

    private static func isWithin(_ path: String, _ directory: String) -> Bool {
        path == directory || path.hasPrefix(directory.hasSuffix("/") ? directory : directory + "/")
    }
}

extension APIError {
    init(_ error: MountError) {
        let code: ErrorCode =
            switch error.cause {
            case .mountPoint: .invalid
            case .taken: .busy
            case .permission: .permission
            case .missing, .system: .failure
            }
        self.init(code, error.message, hint: error.hint)
    }
}
