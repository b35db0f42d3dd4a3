// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import TapeLibrary

/// `blocks.csv`: a line for each record and filemark of a partition. All lines but the first have the same length, so
/// that any part of it can be made without the rest. Numbers are padded with blanks on their left.
final class BlocksTable: OpenFile {
    static let header = Array("partition,block,kind,file,record,length,offset,crc32c\n".utf8)
    /// Digits of the largest value each can have: 1 partition, 2^47/32 blocks, 2^32 files, 2^24 bytes, 2^47 bytes.
    private static let widths = [1, 13, 8, 10, 13, 8, 15, 8]
    /// With a comma or the line feed behind each.
    static let lineBytes = widths.reduce(0) { $0 + $1 + 1 }

    private let cartridge: LiveCartridge
    private let partition: PartitionView
    /// The file whose lines were made last: of it the first record is known.
    private let file = Guarded<TapeFileExtent?>(nil, name: "blocks.csv")

    init(_ partition: PartitionView, of cartridge: LiveCartridge) {
        self.partition = partition
        self.cartridge = cartridge
    }

    static func lengthBytes(_ partition: PartitionView) -> UInt64 {
        UInt64(header.count) + partition.blockCount * UInt64(lineBytes)
    }

    /// Direct: there are more lines by now than when its length was last asked for.
    let traits = OpenTraits(isDirect: true)

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        let length = Self.lengthBytes(partition)
        guard offset < length else { return 0 }
        let wanted = Int(min(UInt64(room.count), length - offset))
        var done = 0
        let head = UInt64(Self.header.count)
        while done < wanted, offset + UInt64(done) < head {
            room[done] = Self.header[Int(offset) + done]
            done += 1
        }
        while done < wanted {
            let place = offset + UInt64(done) - head
            let first = place / UInt64(Self.lineBytes)
            let skipped = Int(place % UInt64(Self.lineBytes))
            let lines = try lines(from: first, count: (wanted - done + skipped) / Self.lineBytes + 1)
            let part = lines.dropFirst(skipped).prefix(wanted - done)
            for byte in part {
                room[done] = byte
                done += 1
            }
        }
        return done
    }

    /// Whole lines from that block on, at least one.
    private func lines(from block: UInt64, count: Int) throws(FileError) -> [UInt8] {
        do throws(ViewError) {
            let blocks: [TapeBlock]
            do throws(ViewError) {
                blocks = try partition.blocks(from: BlockAddress(block), count: count)
            } catch .cartridge(.corruptIndex) {
                return line(damaged: block)
            }
            var text: [UInt8] = []
            text.reserveCapacity(blocks.count * Self.lineBytes)
            for block in blocks { append(block, record: try recordNumber(of: block), to: &text) }
            return text
        } catch {
            throw FileError(error, cartridge.stored.barcode)
        }
    }

    /// The record's number in its tape file; nil for a filemark, and where the index does not tell.
    private func recordNumber(of block: TapeBlock) throws(ViewError) -> UInt64? {
        guard block.kind == .record else { return nil }
        let known = file.withLock { $0 }
        if let known, known.number == block.filemarksBefore, block.address >= known.firstBlock {
            return block.address - known.firstBlock
        }
        do throws(ViewError) {
            guard let found = try partition.tapeFile(block.filemarksBefore) else { return nil }
            file.withLock { $0 = found }
            return block.address >= found.firstBlock ? block.address - found.firstBlock : nil
        } catch .cartridge(.corruptIndex) {
            return nil
        }
    }

    private func append(_ block: TapeBlock, record: UInt64?, to text: inout [UInt8]) {
        let isRecord = block.kind == .record
        let checksum = String(block.checksum, radix: 16)
        Self.append(
            [
                "\(partition.number)", "\(block.address)", isRecord ? "record" : "filemark", "\(block.filemarksBefore)",
                record.map { "\($0)" } ?? "", "\(block.lengthBytes)", "\(block.offset)",
                isRecord ? String(repeating: "0", count: 8 - checksum.count) + checksum : "",
            ],
            to: &text
        )
    }

    private func line(damaged block: UInt64) -> [UInt8] {
        var text: [UInt8] = []
        Self.append(["\(partition.number)", "\(block)", "damaged", "", "", "", "", ""], to: &text)
        return text
    }

    private static func append(_ fields: [String], to text: inout [UInt8]) {
        for (field, width) in zip(fields, widths) {
            text.append(contentsOf: repeatElement(0x20, count: max(0, width - field.utf8.count)))
            text.append(contentsOf: field.utf8)
            text.append(UInt8(ascii: ","))
        }
        text[text.count - 1] = 0x0A
    }
}
