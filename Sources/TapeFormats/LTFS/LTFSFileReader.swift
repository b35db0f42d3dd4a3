// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The bytes of a file of LTFS: its extents, zeros between them and behind the last ("LTFS Format Specification" 2.4,
/// 5 Data Extents).
final class LTFSFileReader: ContentReader {
    private let volume: any TapeVolume
    /// In order of their place in the file.
    private let extents: ArraySlice<LTFSListing.Extent>
    private let lengthBytes: UInt64
    private let blockBytes: UInt64
    /// The block that was read last.
    private var block: [UInt8] = []
    private var blockPlace: (partition: UInt8, address: UInt64)?

    init(
        _ volume: any TapeVolume,
        extents: ArraySlice<LTFSListing.Extent>,
        lengthBytes: UInt64,
        blockBytes: Int
    ) {
        self.volume = volume
        self.extents = extents
        self.lengthBytes = lengthBytes
        self.blockBytes = UInt64(blockBytes)
    }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let wanted = Int(min(UInt64(room.count), lengthBytes - offset))
        var done = 0
        var index = firstExtent(behind: offset)
        while done < wanted {
            let at = offset + UInt64(done)
            while index < extents.endIndex, end(extents[index]) <= at { index += 1 }
            guard index < extents.endIndex, extents[index].fileOffset <= at else {
                let next = index < extents.endIndex ? extents[index].fileOffset : lengthBytes
                let zeros = Int(min(UInt64(wanted - done), max(next, at + 1) - at))
                for place in done..<done + zeros { room[place] = 0 }
                done += zeros
                continue
            }
            let extent = extents[index]
            let count = try read(extent, at: at - extent.fileOffset, into: &room, done..<wanted)
            done += count
        }
        return done
    }

    private func end(_ extent: LTFSListing.Extent) -> UInt64 {
        let (sum, overflow) = extent.fileOffset.addingReportingOverflow(extent.byteCount)
        return overflow ? .max : sum
    }

    /// Where to begin to look: extents before it end at or before `offset`, as long as none lies within another.
    private func firstExtent(behind offset: UInt64) -> Int {
        var low = extents.startIndex
        var high = extents.endIndex
        while low < high {
            let middle = (low + high) / 2
            if end(extents[middle]) <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Bytes of one block of an extent, from `within` on.
    private func read(
        _ extent: LTFSListing.Extent,
        at within: UInt64,
        into room: inout MutableSpan<UInt8>,
        _ range: Range<Int>
    ) throws(FormatError) -> Int {
        let (place, overflow) = extent.byteOffset.addingReportingOverflow(within)
        let (address, tooFar) = extent.startBlock.addingReportingOverflow(place / blockBytes)
        guard !overflow, !tooFar else { throw .malformed("an extent lies behind the end of everything") }
        let bytes = try load(extent.partition, address)
        let from = Int(place % blockBytes)
        guard from < bytes.count else {
            throw .malformed("block \(address) of partition \(extent.partition) is shorter than the index says")
        }
        let count = Int(min(UInt64(min(range.count, bytes.count - from)), extent.byteCount - within))
        for index in 0..<count { room[range.lowerBound + index] = bytes[from + index] }
        return count
    }

    private func load(_ partition: UInt8, _ address: UInt64) throws(FormatError) -> [UInt8] {
        if let blockPlace, blockPlace == (partition, address) { return block }
        guard Int(partition) < volume.partitionCount else {
            throw .unreadable("its bytes are in a partition that the cartridge does not have")
        }
        guard let bytes = try volume.record(atBlock: address, partition: Int(partition), limit: Int(blockBytes)) else {
            throw .malformed("where block \(address) of partition \(partition) should be is none")
        }
        block = bytes
        blockPlace = (partition, address)
        return bytes
    }
}
