// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A tape as a directory, for people and scripts, that keeps everything a cartridge has:
///
/// - `tape.json`: what the tape is: barcode, generation, partitions, attributes.
/// - `blocks.csv`: a line for each record and filemark in their order: `partition,block,kind,bytes,crc32c`.
/// - `file0001.bin` …: the records of each tape file back to back; `p1-file0001.bin` … those of partition 1.
enum TapeFolder {
    static let descriptionName = "tape.json"
    static let blocksName = "blocks.csv"
    static let header = "partition,block,kind,bytes,crc32c"
    static let version = 1

    enum Kind: String {
        case record, damaged, filemark
        /// The last line; `block` counts the lines before it.
        case end
    }

    struct Description: Codable {
        /// Says that this is one of ours.
        var capstanTape: Int
        var tape: TapeDescription
    }

    /// - Parameter number: of the tape file in its partition, from 0.
    static func fileName(partition: Int, number: UInt64) -> String {
        let digits = String(number + 1)
        let name = "file" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".bin"
        return partition == 0 ? name : "p\(partition)-" + name
    }
}
