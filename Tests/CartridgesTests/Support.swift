// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk

/// A cartridge of a few mebibytes on a simulated disk, open for writing.
struct Bench {
    static let directory = "/store/TEST01L8"
    let disk: SimulatedDisk
    var cartridge: Cartridge

    init(capacity: ByteCount = .mebibytes(4), partitions: [ByteCount]? = nil) throws {
        disk = SimulatedDisk(seed: 1)
        try disk.makeDirectory("/store")
        try Cartridge.create(
            at: Self.directory,
            on: disk,
            CartridgeSpecification(barcode: "TEST01L8", capacity: capacity)
        )
        cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readWrite)
        if let partitions { try cartridge.format(partitionCapacities: partitions) }
    }

    /// Opens the cartridge again, without closing it first.
    mutating func reopen(_ access: CartridgeAccess = .readWrite) throws {
        cartridge = try Cartridge(opening: Self.directory, on: disk, access: access)
    }
}

extension Cartridge {
    var end: BlockAddress { endOfData(0) }

    func append(_ bytes: [UInt8], partition: Int = 0) throws(CartridgeError) {
        try writeRecord(bytes.span, at: endOfData(partition), partition: partition)
    }

    func appendFilemarks(_ count: Int = 1) throws(CartridgeError) {
        try writeFilemarks(count, at: end, partition: 0)
    }

    func bytes(at address: UInt64, partition: Int = 0) throws(CartridgeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 0)
        if case .record(let length) = try object(at: BlockAddress(address), partition: partition) {
            bytes = [UInt8](repeating: 0, count: length)
        }
        var span = bytes.mutableSpan
        let length = try readRecord(at: BlockAddress(address), partition: partition, into: &span)
        return Array(bytes.prefix(length))
    }

    /// R or F for each object.
    func shape(_ partition: Int = 0) throws(CartridgeError) -> String {
        var shape = ""
        for address in 0..<endOfData(partition).rawValue {
            switch try object(at: BlockAddress(address), partition: partition) {
            case .filemark: shape += "F"
            case .record: shape += "R"
            case nil: shape += "?"
            }
        }
        return shape
    }
}

/// Bytes that count up from `first`.
func pattern(_ length: Int, _ first: UInt8) -> [UInt8] {
    (0..<length).map { first &+ UInt8(truncatingIfNeeded: $0) }
}

/// A directory that is gone when the test is over.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "capstan-cartridges-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
