// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Why a view could not be read.
package enum ViewError: Error, Sendable, Equatable, CustomStringConvertible {
    case cartridge(CartridgeError)
    /// The tape was overwritten, erased or formatted since the view was taken: take it again.
    case changed

    package var description: String {
        switch self {
        case .cartridge(let error): error.description
        case .changed: "The cartridge was overwritten meanwhile."
        }
    }
}

/// A cartridge as it was at one moment, read by its files alone: no lock, and no word with the drive that may be
/// writing it, in this process or another.
///
/// Owns: open files. Nothing in it changes; ``refreshed()`` gives the next state and costs a few system calls.
/// Promises: everything up to the last complete record is in it. What is read from it is of the state that was seen,
/// or the read fails with ``ViewError/changed``: the writer raises the epoch on disk before it overwrites anything,
/// and every index entry carries its own (docs/decisions/0014-live-views.md).
/// Leaves to its owner: the payload of the last records after a loss of power is not looked at before it is read.
///
/// Any number of threads.
package struct CartridgeView: Sendable {
    package let directory: String
    package let metadata: CartridgeMetadata
    package let partitions: [PartitionView]

    private let disk: any Disk
    /// Of `cartridge.json`.
    private let metadataStatus: FileStatus

    package init(opening directory: String, on disk: any Disk) throws(CartridgeError) {
        try self.init(directory, on: disk, after: nil)
    }

    /// The state now. Where the cartridge's files are still the same they stay open, and only what is behind the
    /// known end of data is read.
    package func refreshed() throws(CartridgeError) -> CartridgeView {
        try CartridgeView(directory, on: disk, after: self)
    }

    /// How often reading is tried anew when the cartridge is being formatted or replaced meanwhile.
    private static let attempts = 5

    private init(_ directory: String, on disk: any Disk, after known: CartridgeView?) throws(CartridgeError) {
        self.directory = directory
        self.disk = disk
        var attempt = 1
        while true {
            let status = try onDisk { () throws(DiskError) in try disk.status(directory + "/" + MetadataFile.name) }
            let metadata =
                if let known, known.metadataStatus == status {
                    known.metadata
                } else {
                    try MetadataFile.read(in: directory, on: disk)
                }
            do throws(CartridgeError) {
                partitions = try Self.partitions(of: metadata, in: directory, on: disk, after: known)
                self.metadata = metadata
                metadataStatus = status
                return
            } catch {
                // In the middle of a format the description and the partitions' files may not belong together.
                let now = try? disk.status(directory + "/" + MetadataFile.name)
                guard now != status, attempt < Self.attempts else { throw error }
                attempt += 1
            }
        }
    }

    private static func partitions(
        of metadata: CartridgeMetadata,
        in directory: String,
        on disk: any Disk,
        after known: CartridgeView?
    ) throws(CartridgeError) -> [PartitionView] {
        let isSame = known?.metadata.identity == metadata.identity
        var views: [PartitionView] = []
        for number in metadata.partitions.indices {
            let before = isSame && number < (known?.partitions.count ?? 0) ? known?.partitions[number] : nil
            views.append(try PartitionView(number, of: metadata, in: directory, on: disk, after: before))
        }
        return views
    }

    /// Payload and overhead charged against the capacity, in bytes.
    package var usedBytes: UInt64 { partitions.reduce(0) { $0 + $1.usedBytes } }

    /// The last change of any of its files: nanoseconds since 1970.
    package var modifiedNanoseconds: Int64 {
        partitions.reduce(metadataStatus.modifiedNanoseconds) { max($0, $1.modifiedNanoseconds) }
    }

    /// The last change of `cartridge.json`: nanoseconds since 1970.
    package var describedNanoseconds: Int64 { metadataStatus.modifiedNanoseconds }
}
