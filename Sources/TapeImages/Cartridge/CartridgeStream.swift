// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO

/// Reads a cartridge out, from beginning to end, as a tape stream. Blocks; one thread at a time.
///
/// A record that fails its checksum goes out as a damaged one with what can be read of it. Where the index itself is
/// damaged, nobody knows the record's length: it goes out as a damaged record without bytes.
package final class CartridgeStream {
    private let cartridge: Cartridge
    private var encoder = TapeStreamEncoder()
    private var partition = 0
    private var address = BlockAddress.zero
    private var hasEnded = false

    package init(opening directory: String, on disk: any Disk) throws(CartridgeError) {
        let cartridge = try Cartridge(opening: directory, on: disk, access: .readOnly)
        self.cartridge = cartridge
        encoder.append(Self.description(of: cartridge))
        encoder.append(.partition(0))
    }

    package static func description(of cartridge: Cartridge) -> TapeDescription {
        let metadata = cartridge.metadata
        let partitions = (0..<cartridge.partitionCount).map { number in
            let objects = cartridge.endOfData(number).rawValue
            return TapeDescription.Partition(
                capacityBytes: cartridge.capacity(number),
                objects: objects,
                bytes: cartridge.usedBytes(number) - objects * CartridgeLimits.objectOverheadBytes
            )
        }
        return TapeDescription(
            barcode: metadata.barcode,
            generation: metadata.generation,
            kind: metadata.kind.rawValue,
            partitions: partitions,
            attributes: metadata.attributes.map { attribute in
                TapeDescription.Attribute(
                    partition: attribute.partition,
                    identifier: attribute.identifier,
                    format: attribute.format,
                    value: Hexadecimal.text(attribute.value)
                )
            }
        )
    }

    /// The next piece, about `size` bytes and at most a record more; nil at the end.
    package func next(about size: Int) throws(CartridgeError) -> [UInt8]? {
        guard !hasEnded else { return nil }
        while encoder.bytes.count < size, !hasEnded { try step() }
        return encoder.take()
    }

    private func step() throws(CartridgeError) {
        guard address < cartridge.endOfData(partition) else {
            guard partition + 1 < cartridge.partitionCount else {
                hasEnded = true
                return encoder.append(.endOfMedium)
            }
            partition += 1
            address = .zero
            return encoder.append(.partition(partition))
        }
        defer { address += 1 }
        do throws(CartridgeError) {
            switch try cartridge.object(at: address, partition: partition) {
            case .filemark?: encoder.append(.filemark)
            case .record(let length)?: try read(length)
            case nil: break
            }
        } catch .corruptIndex {
            encoder.append(.damagedRecord(lengthBytes: 0))
        }
    }

    private func read(_ length: Int) throws(CartridgeError) {
        let (cartridge, partition, address) = (cartridge, partition, address)
        try encoder.appendRecord(upTo: length) { (bytes) throws(CartridgeError) in
            do throws(CartridgeError) {
                return (try cartridge.readRecord(at: address, partition: partition, into: &bytes), true)
            } catch  where error.isOfOneRecord {
                return (try cartridge.salvageRecord(at: address, partition: partition, into: &bytes), false)
            }
        }
    }
}

extension CartridgeError {
    /// Whether only this record cannot be read, so that those behind it still may.
    fileprivate var isOfOneRecord: Bool {
        switch self {
        case .corruptRecord: true
        case .disk(let error): Self.mediumErrors.contains(error.code)
        default: false
        }
    }

    /// What a bad sector answers: EIO, EBADMSG. Others, as too many open files, say nothing about the record.
    private static let mediumErrors: [Int32] = [5, 74]
}

enum Hexadecimal {
    static func text(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// nil when it is none.
    static func bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            guard let digit = UInt8(String(decoding: [character], as: UTF8.self), radix: 16) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? bytes : nil
    }
}
