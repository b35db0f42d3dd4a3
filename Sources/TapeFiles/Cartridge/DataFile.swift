// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import Logging
import Synchronization
import TapeLibrary

/// `files/NNNN/data`: a tape file as one run of bytes. A file without a filemark behind it is read on as it grows.
final class DataFile: OpenFile {
    private let cartridge: LiveCartridge
    private let number: TapeFileNumber
    private let file: Guarded<LiveTapeFile>
    private let logger: Logger
    /// The log hears of a bad place once, however often it is read again.
    private let isTold = Atomic(false)
    /// Direct: two to four times as fast as through the kernel's cache, whose pages come in slices of 128 KiB and are
    /// copied once more; and what one reader got is never shown to another behind an overwrite.
    let traits = OpenTraits(isDirect: true)

    init(_ file: LiveTapeFile, number: TapeFileNumber, logger: Logger) {
        cartridge = file.cartridge
        self.number = number
        self.file = Guarded(file, name: "data")
        self.logger = logger
    }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        do throws(FileError) {
            let now = file.withLock { $0 }
            var done = try now.readBytes(into: &room, at: offset)
            guard done < room.count, !now.extent.endsWithFilemark, let longer = try grown(now) else { return done }
            var rest = room._mutatingExtracting(done..<room.count)
            done += try longer.readBytes(into: &rest, at: offset + UInt64(done))
            return done
        } catch {
            if error.code == EIO, !isTold.exchange(true, ordering: .relaxed) {
                logger.error(
                    "a tape file cannot be read",
                    metadata: [
                        "cartridge": "\(cartridge.stored.barcode)", "partition": "\(number.partition)",
                        "file": "\(number.number)", "byte": "\(offset)", "reason": "\(error.reason)",
                    ]
                )
            }
            throw error
        }
    }

    /// The file as it is now, when it is longer than `known`; ESTALE when it is another.
    private func grown(_ known: LiveTapeFile) throws(FileError) -> LiveTapeFile? {
        let view = try cartridge.now()
        let barcode = cartridge.stored.barcode
        guard view.partitions.indices.contains(number.partition) else { throw FileError(ViewError.changed, barcode) }
        let partition = view.partitions[number.partition]
        do throws(ViewError) {
            guard let extent = try partition.tapeFile(number.number), extent.firstBlock == known.extent.firstBlock,
                try partition.holds(known.stamp)
            else { throw .changed }
            guard extent != known.extent else { return nil }
            let longer = try LiveTapeFile(extent, of: partition, on: cartridge)
            file.withLock { $0 = longer }
            return longer
        } catch {
            throw FileError(error, barcode)
        }
    }

    func close() { file.withLock { $0 }.release() }
}
