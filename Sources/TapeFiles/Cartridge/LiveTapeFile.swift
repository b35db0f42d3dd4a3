// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Glibc
import TapeFormats
import TapeLibrary

/// A tape file of a cartridge that is looked at, as far as it was there when this was made: later records do not
/// belong to it. Overwriting what it holds makes it stale; overwriting what lies behind it does not.
final class LiveTapeFile: TapeFileBytes {
    let cartridge: LiveCartridge
    let partition: Int
    let extent: TapeFileExtent
    /// Of everything up to its end.
    let stamp: TapeStamp
    private let state: Guarded<State>

    /// The state of the cartridge that is read from, and what reads it.
    private final class State {
        var view: PartitionView
        var reader: VerifiedReader
        /// The last record that was asked for by number, and those behind it.
        var blocks: [TapeBlock] = []

        init(_ extent: TapeFileExtent, of view: PartitionView, budget: any VerifiedBudget) {
            self.view = view
            reader = VerifiedReader(extent, of: view, budget: budget)
        }
    }

    /// How often reading starts anew because the cartridge was overwritten behind this file.
    private static let attempts = 4
    /// Records asked for by number come in order, mostly.
    private static let blocksAtOnce = 256

    init(
        _ extent: TapeFileExtent,
        of view: PartitionView,
        on cartridge: LiveCartridge
    ) throws(ViewError) {
        self.cartridge = cartridge
        self.extent = extent
        partition = view.number
        stamp = try view.stamp(before: extent.endBlock)
        state = Guarded(State(extent, of: view, budget: cartridge.budget), name: "tape file")
    }

    /// One record as a file of its own.
    convenience init(record: TapeBlock, of view: PartitionView, on cartridge: LiveCartridge) throws(ViewError) {
        try self.init(TapeFileExtent(of: record), of: view, on: cartridge)
    }

    var lengthBytes: UInt64 { extent.lengthBytes }
    var recordCount: UInt64 { extent.recordCount }

    /// As ``VerifiedReader/read(into:at:)``; ESTALE when the file was overwritten. That is asked each time, also when
    /// the bytes are at hand: one read never gives parts of two tapes, and what a private mapping caches is no older.
    func readBytes(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FileError) -> Int {
        try current { state throws(ViewError) in
            if self.cartridge.isOvertaken(state.view) { throw .changed }
            return try state.reader.read(into: &room, at: offset)
        }
    }

    func release() {
        state.withLock { $0.reader.release() }
    }

    func block(_ index: UInt64) throws(FileError) -> TapeBlock? {
        guard index < extent.recordCount else { return nil }
        let address = extent.firstBlock + index
        return try current { state throws(ViewError) in
            if let first = state.blocks.first?.address, address >= first,
                address - first < UInt64(state.blocks.count)
            {
                return state.blocks[Int(address - first)]
            }
            let count = Int(min(UInt64(Self.blocksAtOnce), self.extent.recordCount - index))
            state.blocks = try state.view.blocks(from: address, count: count)
            return state.blocks.first
        }
    }

    private func index(holding offset: UInt64) throws(FileError) -> UInt64? {
        try current { state throws(ViewError) in
            try state.view.record(holding: offset, of: self.extent).map { $0.address - self.extent.firstBlock }
        }
    }

    /// Runs the body on the state that was seen last; when that turns out to be overtaken, and this file is not
    /// touched by it, on the present one.
    private func current<R>(_ body: (State) throws(ViewError) -> R) throws(FileError) -> R {
        try state.withLock { state throws(FileError) in
            for _ in 0..<Self.attempts {
                do throws(ViewError) {
                    return try body(state)
                } catch .changed {
                    try follow(state)
                } catch {
                    throw FileError(error, cartridge.stored.barcode)
                }
            }
            throw FileError(ViewError.changed, cartridge.stored.barcode)
        }
    }

    private func follow(_ state: State) throws(FileError) {
        let now = try cartridge.now()
        let barcode = cartridge.stored.barcode
        guard now.partitions.indices.contains(partition) else { throw FileError(ViewError.changed, barcode) }
        let view = now.partitions[partition]
        do throws(ViewError) {
            guard try view.holds(stamp) else { throw .changed }
        } catch {
            throw FileError(error, barcode)
        }
        state.view = view
        state.reader = VerifiedReader(extent, of: view, budget: cartridge.budget)
        state.blocks = []
    }

    // MARK: TapeFileBytes

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        do throws(FileError) { return try readBytes(into: &room, at: offset) } catch { throw FormatError(error) }
    }

    func record(_ index: UInt64) throws(FormatError) -> (offset: UInt64, lengthBytes: Int)? {
        do throws(FileError) {
            return try block(index).map { ($0.offset - min($0.offset, extent.firstByte), $0.lengthBytes) }
        } catch {
            throw FormatError(error)
        }
    }

    func recordIndex(holding offset: UInt64) throws(FormatError) -> UInt64? {
        do throws(FileError) { return try index(holding: offset) } catch { throw FormatError(error) }
    }
}

extension FormatError {
    init(_ error: FileError) {
        self = error.code == ESTALE || error.code == ENOENT ? .stale : .unreadable(error.reason)
    }
}

/// A cartridge as it was when this was made, for formats that span tape files.
final class LiveVolume: TapeVolume {
    private let cartridge: LiveCartridge
    private let partitions: [PartitionView]

    init(_ view: CartridgeView, on cartridge: LiveCartridge) {
        self.cartridge = cartridge
        partitions = view.partitions
    }

    var partitionCount: Int { partitions.count }

    func fileCount(partition: Int) -> UInt64 {
        partitions.indices.contains(partition) ? partitions[partition].fileCount : 0
    }

    func file(_ number: UInt64, partition: Int) throws(FormatError) -> (any TapeFileBytes)? {
        guard partitions.indices.contains(partition) else { return nil }
        do throws(ViewError) {
            guard let extent = try partitions[partition].tapeFile(number) else { return nil }
            return try LiveTapeFile(extent, of: partitions[partition], on: cartridge)
        } catch {
            throw FormatError(FileError(error, cartridge.stored.barcode))
        }
    }

    func record(atBlock address: UInt64, partition: Int, limit: Int) throws(FormatError) -> [UInt8]? {
        guard partitions.indices.contains(partition), limit >= 0 else { return nil }
        let record: LiveTapeFile
        do throws(ViewError) {
            guard let block = try partitions[partition].block(at: BlockAddress(address)), block.kind == .record else {
                return nil
            }
            record = try LiveTapeFile(record: block, of: partitions[partition], on: cartridge)
        } catch {
            throw FormatError(FileError(error, cartridge.stored.barcode))
        }
        return try record.bytes(limit)
    }
}
