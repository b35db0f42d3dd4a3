// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import TapeFormats

/// Lengths of the records of a tape file.
package struct RecordSizes: Sendable, Equatable {
    /// 0 where there is no record.
    package var first = 0
    package var last = 0
    /// nil: the file has too many records to look at each, or the index is damaged.
    package var smallest: Int?
    package var largest: Int?

    /// - Parameter limit: of files with more records only the first and the last are looked at.
    static func measured(
        _ file: TapeFileExtent,
        of partition: PartitionView,
        limit: UInt64
    ) throws(ViewError) -> RecordSizes {
        var sizes = RecordSizes()
        guard file.recordCount > 0 else { return sizes }
        sizes.first = try partition.block(at: file.firstBlock)?.lengthBytes ?? 0
        sizes.last = try partition.block(at: file.endBlock - 1)?.lengthBytes ?? 0
        guard file.recordCount <= limit else { return sizes }
        var smallest = Int.max
        var largest = 0
        var place = file.firstBlock
        while place < file.endBlock {
            let rest = file.endBlock - place
            let blocks: [TapeBlock]
            do throws(ViewError) {
                blocks = try partition.blocks(
                    from: place,
                    count: Int(min(rest, UInt64(PartitionView.maximumBlocksAtOnce)))
                )
            } catch .cartridge(.corruptIndex) {
                return sizes
            }
            for block in blocks {
                smallest = min(smallest, block.lengthBytes)
                largest = max(largest, block.lengthBytes)
            }
            place += UInt64(blocks.count)
        }
        sizes.smallest = smallest
        sizes.largest = largest
        return sizes
    }
}

/// `info.json` of a tape file. The keys are documented in docs/reference/cartridge-files.md.
enum FileInformation {
    /// Bytes of the first record that are shown.
    static let firstBytes = 64

    static func text(
        _ number: TapeFileNumber,
        _ file: TapeFileExtent,
        _ sizes: RecordSizes,
        firstBytes: Result<[UInt8], FormatError>,
        _ archive: FoundArchive
    ) -> [UInt8] {
        JSONText.object { text in
            text.member("partition", number.partition)
            text.member("file", number.number)
            text.member("firstBlock", file.firstBlock.rawValue)
            text.member("records", file.recordCount)
            text.member("bytes", file.lengthBytes)
            text.member("endsWithFilemark", file.endsWithFilemark)
            text.object("recordBytes") { text in
                text.member("first", sizes.first)
                text.member("last", sizes.last)
                text.member("smallest", sizes.smallest)
                text.member("largest", sizes.largest)
            }
            switch firstBytes {
            case .success(let bytes):
                text.member("firstBytes", CartridgeNames.hexadecimal(bytes))
                text.member("problem", nil as String?)
            case .failure(let error):
                text.member("firstBytes", nil as String?)
                text.member("problem", error.description)
            }
            format(archive.recognition, &text)
            contents(archive, &text)
        }
    }

    private static func format(_ recognition: Recognition?, _ text: inout JSONText) {
        text.object("format", isNull: recognition == nil) { text in
            guard let recognition else { return }
            text.member("name", recognition.format)
            text.member("title", recognition.title)
            text.array("facts", recognition.facts) { text, fact in
                text.member("name", fact.name)
                text.member("value", fact.value)
            }
            text.texts("problems", recognition.problems)
        }
    }

    private static func contents(_ archive: FoundArchive, _ text: inout JSONText) {
        text.object("contents") { text in
            text.member("browsable", archive.recognition?.isBrowsable ?? false)
            switch archive.listed {
            case nil:
                text.member("listed", false)
                text.member("entries", nil as Int?)
                text.texts("problems", [])
            case .success(let contents)?:
                text.member("listed", true)
                text.member("entries", contents.entryCount)
                text.texts("problems", contents.problems)
            case .failure(let error)?:
                text.member("listed", false)
                text.member("entries", nil as Int?)
                text.texts("problems", [error.description])
            }
        }
    }
}
