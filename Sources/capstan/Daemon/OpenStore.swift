// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import ManagementAPI
import TapeLibrary

/// The directory that the daemon works in.
struct OpenStore: Sendable {
    let path: String
    let disk: any Disk
    let isTemporary: Bool
    /// True when there was no library in it.
    let isNew: Bool

    /// Finds the store, or makes a temporary one. Blocks.
    init(_ configuration: ServeConfiguration) throws(APIError) {
        disk = POSIXDisk()
        if let store = configuration.store {
            path = store
            isTemporary = false
        } else {
            path = FileManager.default.temporaryDirectory.path + "/capstan-\(UUID().uuidString.prefix(8))"
            isTemporary = true
            do {
                try FileManager.default.createDirectory(
                    atPath: path,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw APIError(
                    .permission,
                    "no temporary store can be made: \(error.localizedDescription)",
                    hint: "set TMPDIR to a directory that is writable"
                )
            }
        }
        isNew = !disk.exists(path + "/library.json")
    }

    /// Opens the library, with what was said about its layout laid over what the store says. Blocks.
    func openLibrary(_ layout: ServeConfiguration.Layout, seams: LibrarySeams) throws(APIError) -> Library {
        do throws(LibraryError) {
            guard !isNew else {
                return try open(layout.applied(to: LibraryConfiguration()), seams)
            }
            let library = try open(nil, seams)
            let wanted = layout.applied(to: library.configuration)
            guard !layout.isEmpty, wanted != library.configuration else { return library }
            try library.close()
            return try open(wanted, seams)
        } catch { throw APIError(error) }
    }

    private func open(_ configuration: LibraryConfiguration?, _ seams: LibrarySeams) throws(LibraryError) -> Library {
        try Library.open(store: path, disk: disk, configuration: configuration, seams: seams)
    }

    func removeIfTemporary() {
        guard isTemporary else { return }
        try? FileManager.default.removeItem(atPath: path)
    }
}
