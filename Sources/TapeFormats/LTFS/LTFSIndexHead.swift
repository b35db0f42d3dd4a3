// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What an index says before its directories ("LTFS Format Specification" 2.4, 8.2 Index).
struct LTFSIndexHead: Equatable {
    /// Where a block is.
    struct Place: Equatable {
        var partition = ""
        var block: UInt64 = 0
    }

    /// Only what is in the first bytes is looked at for recognition.
    private static let lookBytes = 1024
    /// What stands before the directories is at most this long.
    private static let maximumBytes: UInt64 = 4 << 20

    var version = ""
    var creator = ""
    var volume = ""
    var generation: UInt64 = 0
    var comment = ""
    var updated = ""
    var place = Place()
    var previous: Place?
    var lockState = ""
    /// A set of changes to the index before (from version 2.5 on), no whole index.
    var isIncremental = false

    static func isIndex(_ head: [UInt8]) -> Bool {
        guard head.first == UInt8(ascii: "<") else { return false }
        let text = String(decoding: head.prefix(lookBytes), as: UTF8.self)
        return text.contains("<ltfsindex") || text.contains("<ltfsincrementalindex")
    }

    /// nil: the tape file is no index.
    init?(_ file: any TapeFileBytes) throws(FormatError) {
        guard Self.isIndex(try file.bytes(Self.lookBytes)) else { return nil }
        var scanner = XMLScanner(file, maximumDepth: 64)
        var path: [String] = []
        while scanner.position < Self.maximumBytes, let event = try scanner.next() {
            switch event {
            case .start(let name, let attributes):
                let name = String(decoding: name, as: UTF8.self)
                if name == "directory" { return }
                if path.isEmpty {
                    isIncremental = name == "ltfsincrementalindex"
                    let version = attributes.first { $0.name == Array("version".utf8) }
                    self.version = version.map { FieldText.trimmed($0.value[...]) } ?? ""
                }
                path.append(name)
            case .end: _ = path.popLast()
            case .text(let bytes): take(FieldText.trimmed(bytes[...]), path.dropFirst().joined(separator: "/"))
            }
        }
    }

    private mutating func take(_ text: String, _ path: String) {
        switch path {
        case "creator": creator = text
        case "volumeuuid": volume = text
        case "generationnumber": generation = UInt64(text) ?? 0
        case "comment": comment = text
        case "updatetime": updated = text
        case "location/partition": place.partition = text
        case "location/startblock": place.block = UInt64(text) ?? 0
        case "previousgenerationlocation/partition":
            previous = Place(partition: text, block: previous?.block ?? 0)
        case "previousgenerationlocation/startblock":
            previous = Place(partition: previous?.partition ?? "", block: UInt64(text) ?? 0)
        case "volumelockstate": lockState = text
        default: break
        }
    }

    var title: String { "LTFS index, generation \(generation), \(updated)" + (isIncremental ? ", incremental" : "") }

    var facts: [Recognition.Fact] {
        var facts: [Recognition.Fact] = [
            .init("version", version), .init("creator", creator), .init("volume UUID", volume),
            .init("generation", "\(generation)"), .init("updated", updated), .init("comment", comment),
            .init("location", "\(place.partition) \(place.block)"), .init("lock state", lockState),
        ]
        if let previous { facts.append(.init("previous generation", "\(previous.partition) \(previous.block)")) }
        return facts.filter { !$0.value.isEmpty }
    }
}
