// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The label in front of each partition: VOL1 in a tape file of its own, and XML in the next ("LTFS Format
/// Specification" 2.4, 7.1 Label Construct).
struct LTFSLabel: Equatable {
    /// Tags in one another in a label: four.
    private static let maximumDepth = 16
    /// Longest label.
    static let maximumBytes: UInt64 = 1 << 20
    /// Blocks of a volume: 512 KiB as a rule.
    static let blockBytes = 4096...16 << 20

    var version = ""
    var creator = ""
    var formatTime = ""
    var volume = ""
    /// The letter of the partition that it is on.
    var partition = ""
    var indexPartition = ""
    var dataPartition = ""
    var blockBytes = 0
    var compression = ""

    /// Whether a record is the VOL1 of LTFS: an ANSI label with `LTFS` as what wrote it.
    static func isVolumeLabel(_ record: [UInt8]) -> Bool {
        record.begins(with: "VOL1") && record.begins(with: "LTFS", at: 24)
    }

    /// nil: the tape file is no such label.
    init?(_ file: any TapeFileBytes) throws(FormatError) {
        guard file.lengthBytes <= Self.maximumBytes else { return nil }
        let head = try file.bytes(1024)
        guard head.first == UInt8(ascii: "<"), String(decoding: head, as: UTF8.self).contains("<ltfslabel") else {
            return nil
        }
        var scanner = XMLScanner(file, maximumDepth: Self.maximumDepth)
        var path: [String] = []
        while let event = try scanner.next() {
            switch event {
            case .start(let name, let attributes):
                path.append(String(decoding: name, as: UTF8.self))
                if path == ["ltfslabel"], let version = attributes.first(where: { $0.name == Array("version".utf8) }) {
                    self.version = FieldText.trimmed(version.value[...])
                }
            case .end: _ = path.popLast()
            case .text(let bytes): take(FieldText.trimmed(bytes[...]), path.dropFirst().joined(separator: "/"))
            }
        }
    }

    private mutating func take(_ text: String, _ path: String) {
        switch path {
        case "creator": creator = text
        case "formattime": formatTime = text
        case "volumeuuid": volume = text
        case "location/partition": partition = text
        case "partitions/index": indexPartition = text
        case "partitions/data": dataPartition = text
        case "blocksize": blockBytes = Int(text).flatMap { Self.blockBytes.contains($0) ? $0 : nil } ?? 0
        case "compression": compression = text
        default: break
        }
    }

    var facts: [Recognition.Fact] {
        [
            .init("version", version), .init("creator", creator), .init("formatted", formatTime),
            .init("volume UUID", volume), .init("partition", partition), .init("index partition", indexPartition),
            .init("data partition", dataPartition), .init("block size", "\(blockBytes)"),
            .init("compression", compression),
        ].filter { !$0.value.isEmpty }
    }
}
