// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import TapeFormats

/// A map of a tape: its tape files, how long they and their records are, and what they were recognised as. Made from
/// the cartridge's files alone, also while a drive writes.
package struct CartridgeMap {
    package struct File: Sendable, Equatable {
        package var extent: TapeFileExtent
        package var sizes: RecordSizes
        /// `Recognition.format` and `title`; nil when no format fits or there are no records.
        package var format: String?
        package var title: String?
        /// What is wrong with it; nil when nothing is.
        package var problem: String?
    }

    package let view: CartridgeView
    private let cartridge: LiveCartridge

    /// Smallest and largest record are looked for in shorter tape files.
    private static let measuredRecords: UInt64 = 65_536

    package init(of stored: StoredCartridge, on disk: any Disk) throws(FileError) {
        cartridge = try LiveCartridge(stored, on: disk, budget: SharedBudget(bytes: 0))
        view = try cartridge.now()
    }

    /// Tape files from number `first` on, at most `limit` of them.
    package func files(partition number: Int, from first: UInt64, limit: Int) throws(FileError) -> [File] {
        guard view.partitions.indices.contains(number), limit > 0 else { return [] }
        let partition = view.partitions[number]
        let count = partition.fileCount
        var files: [File] = []
        var previous: TapeFileExtent?
        while files.count < limit, first + UInt64(files.count) < count {
            let file = first + UInt64(files.count)
            do throws(ViewError) {
                let extent =
                    if let previous { try partition.tapeFile(behind: previous) } else { try partition.tapeFile(file) }
                guard let extent else { return files }
                files.append(try described(extent, of: partition))
                previous = extent
            } catch {
                guard case .cartridge = error else { throw FileError(error, cartridge.stored.barcode) }
                files.append(Self.damaged(file, error))
                previous = nil
            }
        }
        return files
    }

    private func described(_ extent: TapeFileExtent, of partition: PartitionView) throws(ViewError) -> File {
        let sizes = try RecordSizes.measured(extent, of: partition, limit: Self.measuredRecords)
        var file = File(extent: extent, sizes: sizes)
        guard extent.recordCount > 0 else { return file }
        let recognition = Recogniser.recognise(
            try LiveTapeFile(extent, of: partition, on: cartridge),
            place: TapePlace(partition: partition.number, file: extent.number),
            volume: LiveVolume(view, on: cartridge)
        )
        file.format = recognition?.format
        file.title = recognition?.title
        file.problem = recognition?.problems.first
        return file
    }

    private static func damaged(_ number: UInt64, _ error: ViewError) -> File {
        let extent = TapeFileExtent(
            number: number,
            firstBlock: .zero,
            recordCount: 0,
            firstByte: 0,
            lengthBytes: 0,
            endsWithFilemark: true
        )
        return File(extent: extent, sizes: RecordSizes(), problem: error.description)
    }
}
