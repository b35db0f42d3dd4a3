// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation

/// Makes a cartridge of millions of records cheaply: the payload is one hole, the index is written after the format's
/// document, not by the program's own encoder.
package struct SparseCartridge {
    package var barcode = "BIG001L8"
    package var identity: UInt64 = 0x0123_4567_89AB_CDEF
    package var records: UInt64 = 2_000_000
    package var recordBytes = 50_000
    /// A filemark behind so many records.
    package var recordsPerFile: UInt64 = 1000
    package var capacity: UInt64 = 200_000_000_000

    package init() {}

    /// Makes it in an existing folder; returns its directory.
    package func make(in folder: String) throws -> String {
        let directory = folder + "/" + barcode
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(description.utf8).write(to: URL(filePath: directory + "/cartridge.json"))
        guard FileManager.default.createFile(atPath: directory + "/p0.data", contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        let payload = try FileHandle(forWritingTo: URL(filePath: directory + "/p0.data"))
        try payload.truncate(atOffset: records * UInt64(recordBytes))
        try payload.close()
        try index().write(to: URL(filePath: directory + "/p0.index"))
        return directory
    }

    private var description: String {
        """
        {"formatVersion": 1, "barcode": "\(barcode)", "identity": "\(hex(identity))", "generation": 8,
         "densityCode": 94, "kind": "data", "writeProtected": false, "capacity": \(capacity),
         "partitions": [{"capacity": \(capacity)}], "attributes": [], "volumeChangeReference": 1, "cleaningsLeft": 0,
         "counters": {"loadCount": 1, "bytesWritten": 0, "bytesRead": 0, "recordsWritten": 0, "recordsRead": 0,
                      "filemarksWritten": 0, "writeErrors": 0, "readErrors": 0}}
        """
    }

    private func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func index() -> Data {
        let filemarks = records / recordsPerFile
        let checksum = crc32c([UInt8](repeating: 0, count: recordBytes).span)
        var seedBytes = [UInt8](repeating: 0, count: 12)
        put(identity, 8, at: 0, in: &seedBytes)
        let seed = crc32c(seedBytes.span)
        var bytes = [UInt8](repeating: 0, count: 4096 + Int(records + filemarks) * 32)
        var entry = [UInt8](repeating: 0, count: 36)
        var address: UInt64 = 0
        var marks: UInt64 = 0
        // Plain stores: a debug build takes a minute for two million entries put together byte by byte.
        func append(_ offset: UInt64, kind: UInt64, _ length: Int, _ checksum: UInt32) {
            entry.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: (offset | kind << 48).littleEndian, as: UInt64.self)
                bytes.storeBytes(of: UInt32(length).littleEndian, toByteOffset: 8, as: UInt32.self)
                bytes.storeBytes(of: UInt32(length).littleEndian, toByteOffset: 12, as: UInt32.self)
                bytes.storeBytes(of: checksum.littleEndian, toByteOffset: 16, as: UInt32.self)
                bytes.storeBytes(of: UInt32(marks).littleEndian, toByteOffset: 20, as: UInt32.self)
                bytes.storeBytes(of: UInt32(1).littleEndian, toByteOffset: 24, as: UInt32.self)
                bytes.storeBytes(of: address.littleEndian, toByteOffset: 28, as: UInt64.self)
            }
            let check = crc32c(entry.span, seed: seed)
            entry.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: check.littleEndian, toByteOffset: 28, as: UInt32.self)
            }
            entry.withUnsafeBytes { from in
                bytes.withUnsafeMutableBytes { to in
                    let place = UnsafeMutableRawBufferPointer(rebasing: to[(4096 + Int(address) * 32)...].prefix(32))
                    place.copyMemory(from: UnsafeRawBufferPointer(rebasing: from.prefix(32)))
                }
            }
            address += 1
        }
        for record in 0..<records {
            append(record * UInt64(recordBytes), kind: 1, recordBytes, checksum)
            if (record + 1).isMultiple(of: recordsPerFile) {
                append((record + 1) * UInt64(recordBytes), kind: 2, 0, 0)
                marks += 1
            }
        }
        bytes.replaceSubrange(0..<512, with: superblock(count: address, marks: marks))
        return Data(bytes)
    }

    private func superblock(count: UInt64, marks: UInt64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        block.replaceSubrange(0..<8, with: Array("CAPINDEX".utf8))
        put(1, 4, at: 8, in: &block)
        put(identity, 8, at: 16, in: &block)
        put(1, 8, at: 24, in: &block)
        put(count, 8, at: 32, in: &block)
        put(records * UInt64(recordBytes), 8, at: 40, in: &block)
        put(marks, 8, at: 48, in: &block)
        put(1, 4, at: 56, in: &block)
        put(UInt64(crc32c(block.span.extracting(0..<508))), 4, at: 508, in: &block)
        return block
    }

    private func put(_ value: UInt64, _ count: Int, at place: Int, in bytes: inout [UInt8]) {
        for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }
}
