// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FoundationEssentials

/// A file of state in the data service's directory, one for each key: magic, length of the key, key, content, and a check
/// sum of all that. Replaced whole.
struct DumpStateFile {
    private let directory: String
    private let path: String
    private let key: [UInt8]

    /// A longer file was not written by us: some hundred million names.
    private static let maximumBytes = 8 << 30

    init(directory: String, prefix: String, key: [UInt8]) {
        self.directory = directory
        self.key = key
        path = directory + "/" + prefix + "-" + String(Self.hash(key[...]), radix: 16) + ".state"
    }

    var damaged: StreamError {
        .impossible("\(path) is damaged: remove it, and begin with a level 0")
    }

    /// The content; nil when there is no such file.
    func load(magic: [UInt8]) throws(StreamError) -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let bytes: [UInt8]
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64 ?? 0
            guard size <= UInt64(Self.maximumBytes) else { throw damaged }
            bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch let error as StreamError {
            throw error
        } catch {
            throw .impossible("cannot read \(path): \(error)")
        }
        let head = magic.count + 4 + key.count
        guard bytes.count >= head + 8, bytes.starts(with: magic), Int(bytes.little32(magic.count)) == key.count,
            bytes.dropFirst(magic.count + 4).starts(with: key),
            Self.hash(bytes[..<(bytes.count - 8)]) == bytes.little64(bytes.count - 8)
        else { throw damaged }
        return Array(bytes[head..<(bytes.count - 8)])
    }

    func save(magic: [UInt8], _ content: [UInt8]) throws(StreamError) {
        var bytes = magic + [0, 0, 0, 0] + key
        bytes.setLittle32(magic.count, UInt32(clamping: key.count))
        bytes.append(contentsOf: content)
        let sum = Self.hash(bytes[...])
        bytes.append(contentsOf: [UInt8](repeating: 0, count: 8))
        bytes.setLittle64(bytes.count - 8, sum)
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw .impossible("cannot write \(path): \(error)")
        }
    }

    func remove() throws(StreamError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw .impossible("cannot remove \(path): \(error)")
        }
    }

    /// FNV-1a, 64 bits: against damage and for file names, not against malice.
    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
