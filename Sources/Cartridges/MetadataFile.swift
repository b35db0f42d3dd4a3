// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import FoundationEssentials

/// Reads and writes `cartridge.json` and says clearly what is wrong with one that cannot be used.
enum MetadataFile {
    static let name = "cartridge.json"

    private struct VersionOnly: Decodable {
        var formatVersion: Int
    }

    static func read(in directory: String, on disk: any Disk) throws(CartridgeError) -> CartridgeMetadata {
        let path = directory + "/" + name
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try disk.readContents(of: path, limit: CartridgeLimits.metadataBytes)
        } catch  where error.isNotFound {
            throw .foreign(path: directory, reason: "it has no \(name)")
        } catch  where error.isTooLarge {
            throw .foreign(path: path, reason: "it is larger than \(CartridgeLimits.metadataBytes) bytes")
        } catch {
            throw .disk(error)
        }
        guard let version = try? JSONDecoder().decode(VersionOnly.self, from: Data(bytes)).formatVersion else {
            throw .foreign(path: path, reason: "it is not JSON with a formatVersion")
        }
        guard version == CartridgeMetadata.currentFormatVersion else {
            throw .unsupportedFormat(path: path, version: version)
        }
        let metadata: CartridgeMetadata
        do {
            metadata = try JSONDecoder().decode(CartridgeMetadata.self, from: Data(bytes))
        } catch {
            throw .foreign(path: path, reason: "a field is missing or has the wrong type")
        }
        if let reason = problem(with: metadata) { throw .foreign(path: path, reason: reason) }
        guard metadata.barcode == lastComponent(of: directory) else {
            throw .foreign(path: directory, reason: "its label says \(metadata.barcode)")
        }
        return metadata
    }

    static func write(_ metadata: CartridgeMetadata, in directory: String, on disk: any Disk) throws(CartridgeError) {
        if let reason = problem(with: metadata) { throw .invalidArgument(reason) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(metadata), data.count <= CartridgeLimits.metadataBytes else {
            throw .invalidArgument("The description would be larger than \(CartridgeLimits.metadataBytes) bytes")
        }
        try onDisk { () throws(DiskError) in
            try disk.replaceContents(of: directory + "/" + name, with: Array(data) + [0x0A])
        }
    }

    /// What version 1 does not allow; nil when all is well.
    private static func problem(with metadata: CartridgeMetadata) -> String? {
        guard Barcode.isValid(metadata.barcode) else { return "its barcode is not valid" }
        guard identity(of: metadata) != nil else { return "its identity is not 16 hexadecimal digits" }
        guard (1...CartridgeLimits.partitions).contains(metadata.partitions.count) else {
            return "it has \(metadata.partitions.count) partitions; 1 to \(CartridgeLimits.partitions) are possible"
        }
        for partition in metadata.partitions where !isPossible(partition.capacity) {
            return "a partition of \(partition.capacity) is not possible"
        }
        guard isPossible(metadata.capacity) else { return "a medium of \(metadata.capacity) is not possible" }
        guard metadata.counters.all.allSatisfy({ $0 <= CartridgeLimits.largestCounter }) else {
            return "a counter is higher than any use can make it"
        }
        guard metadata.attributes.count <= CartridgeLimits.attributes else { return "it has too many attributes" }
        for attribute in metadata.attributes {
            guard attribute.value.count <= CartridgeLimits.attributeValueBytes else {
                return "attribute \(attribute.identifier) is too long"
            }
            guard (0..<CartridgeLimits.partitions).contains(attribute.partition) else {
                return "attribute \(attribute.identifier) is of a partition that cannot be"
            }
        }
        return nil
    }

    static func isPossible(_ capacity: ByteCount) -> Bool {
        (CartridgeLimits.smallestPartitionBytes...CartridgeLimits.largestPartitionBytes).contains(capacity.rawValue)
    }

    static func identity(of metadata: CartridgeMetadata) -> UInt64? {
        guard metadata.identity.utf8.count == 16 else { return nil }
        return UInt64(metadata.identity, radix: 16)
    }

    private static func lastComponent(of path: String) -> Substring {
        path.split(separator: "/").last ?? ""
    }
}

extension MediumAttribute: Codable {
    private enum CodingKeys: String, CodingKey {
        case partition, identifier, format, readOnly, value
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        partition = try container.decode(Int.self, forKey: .partition)
        identifier = try container.decode(UInt16.self, forKey: .identifier)
        format = try container.decode(UInt8.self, forKey: .format)
        readOnly = try container.decode(Bool.self, forKey: .readOnly)
        let digits = Array(try container.decode(String.self, forKey: .value).utf8)
        value = []
        guard digits.count.isMultiple(of: 2) else { throw Self.notHexadecimal(container) }
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.digit(digits[index]), let low = Self.digit(digits[index + 1]) else {
                throw Self.notHexadecimal(container)
            }
            value.append(high << 4 | low)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(partition, forKey: .partition)
        try container.encode(identifier, forKey: .identifier)
        try container.encode(format, forKey: .format)
        try container.encode(readOnly, forKey: .readOnly)
        let digits = Array("0123456789abcdef".utf8)
        let text = value.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        try container.encode(String(decoding: text, as: UTF8.self), forKey: .value)
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func notHexadecimal(_ container: KeyedDecodingContainer<CodingKeys>) -> DecodingError {
        .dataCorruptedError(forKey: .value, in: container, debugDescription: "not hexadecimal")
    }
}
