// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc

/// One cartridge at one moment: what an answer is made from.
struct Scene {
    let cartridge: LiveCartridge
    let view: CartridgeView

    /// ENOENT: the cartridge has no such partition.
    func partition(_ number: Int) throws(FileError) -> PartitionView {
        guard view.partitions.indices.contains(number) else { throw FileError(ENOENT) }
        return view.partitions[number]
    }

    /// ENOENT: there is no such tape file.
    func file(_ number: TapeFileNumber) throws(FileError) -> (PartitionView, TapeFileExtent) {
        let partition = try partition(number.partition)
        let found = try viewing { () throws(ViewError) in try partition.tapeFile(number.number) }
        guard let found else { throw FileError(ENOENT) }
        return (partition, found)
    }

    func tapeFile(_ number: TapeFileNumber, upTo block: UInt64? = nil) throws(FileError) -> LiveTapeFile {
        let (partition, whole) = try file(number)
        return try viewing { () throws(ViewError) in
            var extent = whole
            if let block, block < whole.endBlock.rawValue, block > whole.firstBlock.rawValue,
                let next = try partition.block(at: BlockAddress(block)), next.offset >= whole.firstByte
            {
                extent.recordCount = block - whole.firstBlock.rawValue
                extent.lengthBytes = next.offset - whole.firstByte
            }
            return try LiveTapeFile(extent, of: partition, on: cartridge)
        }
    }

    /// Turns what a view tells into what the tree tells.
    func viewing<R>(_ body: () throws(ViewError) -> R) throws(FileError) -> R {
        do throws(ViewError) { return try body() } catch { throw FileError(error, cartridge.stored.barcode) }
    }
}
