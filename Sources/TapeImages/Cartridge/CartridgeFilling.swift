// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO

/// Fills a cartridge from a tape stream. Blocks; one thread at a time.
///
/// The new contents come together beside the cartridge and take its place in one step when the stream is whole: whatever
/// fails before leaves the cartridge as it was.
package final class CartridgeFilling {
    /// Why the cartridge cannot take the stream.
    package enum Failure: Error, Sendable {
        case stream(TapeStreamError)
        case cartridge(CartridgeError)
        /// The medium is protected, was written once already, or is for cleaning.
        case refused(String)
    }

    /// What went onto the cartridge.
    package private(set) var tally = ImageTally()
    /// Damaged records that the image had no byte of; a tape has none without length, so they got one.
    package private(set) var emptyDamagedRecords: UInt64 = 0

    private let directory: String
    private let disk: any Disk
    private let metadata: CartridgeMetadata
    private var decoder = TapeStreamDecoder()
    private var replacement: CartridgeReplacement?
    private var description: TapeDescription?
    private var partition = 0
    private var address = BlockAddress.zero
    private var record: [UInt8] = []

    package init(_ directory: String, on disk: any Disk) throws(Failure) {
        self.directory = directory
        self.disk = disk
        let cartridge: Cartridge
        do throws(CartridgeError) {
            cartridge = try Cartridge(opening: directory, on: disk, access: .readOnly)
        } catch { throw .cartridge(error) }
        metadata = cartridge.metadata
        let used = (0..<cartridge.partitionCount).reduce(0) { $0 + cartridge.usedBytes($1) }
        if let reason = Self.refusal(metadata, used: used) { throw .refused(reason) }
    }

    /// Why this cartridge must not be overwritten; nil when it may be.
    private static func refusal(_ metadata: CartridgeMetadata, used: UInt64) -> String? {
        if metadata.writeProtected { return "\(metadata.barcode) is write-protected" }
        return switch metadata.kind {
        case .data: nil
        case .worm: used == 0 ? nil : "\(metadata.barcode) is a write-once cartridge and has been written"
        case .cleaning: "\(metadata.barcode) is a cleaning cartridge"
        }
    }

    /// Takes the next piece of the stream, of any length.
    package func write(_ piece: [UInt8]) throws(Failure) {
        decoder.feed(piece)
        while let element = try next() {
            do throws(CartridgeError) { try store(element) } catch { throw .cartridge(error) }
        }
    }

    private func next() throws(Failure) -> TapeStreamDecoder.Element? {
        do throws(TapeStreamError) { return try decoder.next(into: &record) } catch { throw .stream(error) }
    }

    private func store(_ element: TapeStreamDecoder.Element) throws(CartridgeError) {
        switch element {
        case .description(let description): try begin(description)
        case .object(.partition(let number)):
            guard let replacement, number < replacement.cartridge.partitionCount else {
                throw .invalidArgument("The tape has no partition \(number)")
            }
            partition = number
            address = replacement.cartridge.endOfData(number)
        case .object(let object):
            guard let cartridge = replacement?.cartridge else { throw .closed }
            tally.count(object)
            var record: [UInt8] = []
            swap(&record, &self.record)
            defer { swap(&record, &self.record) }
            switch object {
            case .record: try cartridge.writeRecord(record.span, at: address, partition: partition)
            case .damagedRecord:
                if record.isEmpty {
                    emptyDamagedRecords += 1
                    record.append(0)
                }
                try cartridge.writeDamagedRecord(record.span, at: address, partition: partition)
            case .filemark: try cartridge.writeFilemarks(1, at: address, partition: partition)
            case .gap, .partition, .endOfMedium: return
            }
            address += 1
        }
    }

    private func begin(_ description: TapeDescription) throws(CartridgeError) {
        self.description = description
        replacement = try CartridgeReplacement(
            of: directory,
            on: disk,
            partitionCapacities: try PartitionShares.capacities(for: description.partitions, of: metadata.capacity)
        )
    }

    /// The stream is over: what came takes the place of what was there.
    package func finish() throws(Failure) {
        guard decoder.hasEnded, let replacement else {
            throw .stream(TapeStreamError(description: "the tape's contents ended too early"))
        }
        do throws(CartridgeError) {
            let tally = tally
            let attributes = attributes(for: replacement.cartridge)
            try replacement.cartridge.updateMetadata { metadata in
                metadata.volumeChangeReference &+= 1
                metadata.counters.bytesWritten += tally.bytes
                metadata.counters.recordsWritten += tally.records
                metadata.counters.filemarksWritten += tally.filemarks
                if let attributes { metadata.attributes = attributes }
            }
            try replacement.commit()
        } catch { throw .cartridge(error) }
    }

    /// Those of the image that an application wrote, and those of the cartridge that belong to the medium; nil when the
    /// image knows none.
    private func attributes(for cartridge: Cartridge) -> [MediumAttribute]? {
        guard let found = description?.attributes else { return nil }
        let kept = metadata.attributes.filter { !HostAttributes.contains($0.identifier) }
        let new = found.compactMap { attribute -> MediumAttribute? in
            guard HostAttributes.contains(attribute.identifier), attribute.format <= 2,
                (0..<cartridge.partitionCount).contains(attribute.partition),
                let value = Hexadecimal.bytes(attribute.value), value.count <= CartridgeLimits.attributeValueBytes
            else { return nil }
            return MediumAttribute(
                partition: attribute.partition,
                identifier: attribute.identifier,
                format: attribute.format,
                readOnly: false,
                value: value
            )
        }
        return kept + new.prefix(max(0, CartridgeLimits.attributes - kept.count))
    }

    /// Gives up; the cartridge is as it was.
    package func abandon() {
        replacement?.discard()
        replacement = nil
    }
}

/// Attributes that applications write onto a medium (SPC-5: 0800h to 0BFFh, vendors' 1400h to 17FFh). The barcode is
/// not one that travels to another cartridge.
enum HostAttributes {
    static let barcode: UInt16 = 0x0806

    static func contains(_ identifier: UInt16) -> Bool {
        identifier != barcode && ((0x0800...0x0BFF).contains(identifier) || (0x1400...0x17FF).contains(identifier))
    }
}

/// How a medium is divided among the partitions of an image.
enum PartitionShares {
    /// One partition gets the whole medium. Several get what they had where that fits, and are made smaller in
    /// proportion where it does not; those that do not say how large they were share the rest.
    static func capacities(
        for partitions: [TapeDescription.Partition],
        of medium: ByteCount
    ) throws(CartridgeError) -> [ByteCount] {
        guard (1...CartridgeLimits.partitions).contains(partitions.count) else {
            throw .invalidArgument(
                "The image has \(partitions.count) partitions; a cartridge has 1 to \(CartridgeLimits.partitions)"
            )
        }
        guard partitions.count > 1 else { return [medium] }
        let least = CartridgeLimits.smallestPartitionBytes
        var wanted = partitions.map { $0.capacityBytes.map { min(max($0, least), medium.rawValue) } }
        let known = wanted.reduce(0) { $0 + ($1 ?? 0) }
        let unknown = wanted.count { $0 == nil }
        if unknown > 0 {
            let rest = medium.rawValue - min(medium.rawValue, known)
            let share = max(rest / UInt64(unknown), least)
            wanted = wanted.map { $0 ?? share }
        }
        let capacities = wanted.map { $0 ?? least }
        let total = capacities.reduce(0, +)
        guard total > medium.rawValue else { return capacities.map { ByteCount($0) } }
        // Both are below 2 to the power of 47: the quotient is exact enough, and rounding down keeps the sum in bounds.
        return capacities.map {
            ByteCount(max(least, UInt64(Double($0) / Double(total) * Double(medium.rawValue)) - 1))
        }
    }
}
