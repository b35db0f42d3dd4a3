// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import FoundationEssentials

/// Writes a tape as a directory. It gets its name when it is whole.
package final class FolderWriter: ImageWriter {
    package let notes: [String] = []

    private let path: String
    /// Made by us, with a name that nobody else has.
    private let unfinished: String
    private let disk: any Disk
    private let tape: TapeDescription
    private let replaces: Bool
    private let blocks: ImageFileOutput
    private var records: ImageFileOutput?
    private var partition = 0
    private var block: UInt64 = 0
    private var filemarks: UInt64 = 0
    private var objects: UInt64 = 0
    private var isSettled = false

    /// - Parameter replaces: whether a directory of ours may be there already; any other is never touched.
    package init(_ path: String, on disk: any Disk, tape: TapeDescription, replaces: Bool) throws(ImageError) {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.path = path
        self.disk = disk
        self.tape = tape
        self.replaces = replaces
        if disk.exists(path) {
            guard replaces else { throw .disk(DiskError(operation: "create", path: path, code: Self.exists)) }
            guard disk.exists(path + "/" + TapeFolder.descriptionName) else {
                throw .cannotHold(
                    reason: "\(path) is there and is no tape directory, so it is not replaced",
                    hint: "take another name"
                )
            }
        }
        let unfinished = ImageFileOutput.unfinishedName(of: path)
        self.unfinished = unfinished
        try onDisk { () throws(DiskError) in try disk.makeNewDirectory(unfinished) }
        do throws(ImageError) {
            blocks = try ImageFileOutput(unfinished + "/" + TapeFolder.blocksName, on: disk, replaces: false)
        } catch {
            try? disk.removeTree(unfinished)
            throw error
        }
        try line(TapeFolder.header)
    }

    deinit { discard() }

    private static let exists: Int32 = 17  // EEXIST
    private static let invalid: Int32 = 22  // EINVAL
    private static let notSupported: Int32 = 38  // ENOSYS

    package func write(_ object: ImageObject, _ bytes: [UInt8]) throws(ImageError) {
        switch object {
        case .record:
            try store(bytes)
            try row(.record, bytes.count, Self.checksum(bytes))
        case .damagedRecord:
            try store(bytes)
            try row(.damaged, bytes.count)
        case .filemark:
            try row(.filemark, 0)
            try closeRecords()
            filemarks += 1
        case .partition(let number):
            try closeRecords()
            (partition, block, filemarks) = (number, 0, 0)
        case .gap, .endOfMedium: break
        }
    }

    private func store(_ bytes: [UInt8]) throws(ImageError) {
        guard !bytes.isEmpty else { return }
        let output: ImageFileOutput
        if let records {
            output = records
        } else {
            let name = TapeFolder.fileName(partition: partition, number: filemarks)
            output = try ImageFileOutput(unfinished + "/" + name, on: disk, replaces: false)
            records = output
        }
        try output.write(bytes)
    }

    private func row(_ kind: TapeFolder.Kind, _ bytes: Int, _ checksum: String = "") throws(ImageError) {
        let length = kind == .filemark ? "" : String(bytes)
        try line("\(partition),\(block),\(kind.rawValue),\(length),\(checksum)")
        block += 1
        objects += 1
    }

    private func line(_ text: String) throws(ImageError) { try blocks.write(Array((text + "\n").utf8)) }

    static func checksum(_ bytes: [UInt8]) -> String {
        let digits = String(crc32c(bytes.span), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private func closeRecords() throws(ImageError) {
        try records?.finish()
        records = nil
    }

    package func finish() throws(ImageError) {
        guard !isSettled else { return }
        try closeRecords()
        try line(",\(objects),\(TapeFolder.Kind.end.rawValue),,")
        try blocks.finish()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // Numbers and texts only: always possible.
        let json = (try? encoder.encode(TapeFolder.Description(capstanTape: TapeFolder.version, tape: tape))) ?? Data()
        try onDisk { () throws(DiskError) in
            try disk.replaceContents(of: unfinished + "/" + TapeFolder.descriptionName, with: Array(json) + [0x0A])
            let old = try putInPlace()
            isSettled = true
            try disk.synchronizeDirectory(parentDirectory(of: path))
            // Not before the new one is there for good.
            if let old { try? disk.removeTree(old) }
        }
    }

    /// Gives the directory its name.
    ///
    /// - Returns: where the tape directory is now that had it before, nil when there was none.
    private func putInPlace() throws(DiskError) -> String? {
        guard disk.exists(path) else {
            try disk.rename(from: unfinished, to: path)
            return nil
        }
        // It may have come since we began.
        guard replaces, disk.exists(path + "/" + TapeFolder.descriptionName) else {
            throw DiskError(operation: "replace", path: path, code: Self.exists)
        }
        do throws(DiskError) {
            guard let exchanging = disk as? any ExchangingDisk else {
                throw DiskError(operation: "exchange", path: path, code: Self.notSupported)
            }
            try exchanging.exchange(unfinished, path)
            return unfinished
        } catch {
            guard [Self.notSupported, Self.invalid].contains(error.code) else { throw error }
        }
        let aside = ImageFileOutput.unfinishedName(of: path)
        try disk.rename(from: path, to: aside)
        do throws(DiskError) { try disk.rename(from: unfinished, to: path) } catch {
            try? disk.rename(from: aside, to: path)
            throw error
        }
        return aside
    }

    package func discard() {
        guard !isSettled else { return }
        isSettled = true
        records?.discard()
        blocks.discard()
        try? disk.removeTree(unfinished)
    }
}
