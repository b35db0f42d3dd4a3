// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Inode numbers: a hash of what a node is, so that the same thing has the same number after a new mount.
///
/// 63 bits: two of a million nodes share a number with a probability of about 1 in 18 million. Nothing but `stat`'s
/// readers depends on them.
package enum InodeNumber {
    /// As every filesystem's root has it.
    static let root: UInt64 = 1

    package static func of(_ node: FileNode) -> UInt64 {
        var hash = NodeHash()
        switch node {
        case .root: return root
        case .libraryDescription: hash.add(1)
        case .changer: hash.add(2)
        case .changerDevice: hash.add(3)
        case .changerStatus: hash.add(4)
        case .drives: hash.add(5)
        case .drive(let number): hash.add(6, number)
        case .driveDevice(let number, let device): hash.add(7, number, device)
        case .driveStatus(let number): hash.add(8, number)
        case .slots: hash.add(9)
        case .slot(let number): hash.add(10, number)
        case .mail: hash.add(11)
        case .mailSlot(let number): hash.add(12, number)
        case .shelf: hash.add(13)
        // A cartridge has one link in the tree; a move takes its number along, as rename(2) does.
        case .placed(_, let barcode): hash.add(14, barcode)
        case .justMade(_, let barcode): hash.add(15, barcode)
        case .cartridges: hash.add(16)
        case .cartridge(let barcode, let inner):
            hash.add(17, barcode)
            add(inner, to: &hash)
        }
        return hash.number
    }

    private static func add(_ node: CartridgeNode, to hash: inout NodeHash) {
        switch node {
        case .directory: hash.add(1)
        case .label: hash.add(2)
        case .attributes: hash.add(3)
        case .attribute(let partition, let identifier): hash.add(4, partition, Int(identifier))
        case .blocks(let partition): hash.add(5, partition)
        case .files(let partition): hash.add(6, partition)
        case .file(let file): hash.add(7, file)
        case .fileData(let file): hash.add(8, file)
        case .fileInformation(let file): hash.add(9, file)
        case .fileContents(let file, let generation, let entry):
            hash.add(10, file)
            hash.add(UInt64(generation) << 32 | UInt64(entry))
        case .contents(let generation, let entry):
            hash.add(11)
            hash.add(UInt64(generation) << 32 | UInt64(entry))
        }
    }
}

/// SplitMix64's mixing step over a list of words: every bit of the input reaches every bit of the number. Must never
/// change, since backup programs know files by their inode numbers.
private struct NodeHash {
    private var state: UInt64 = 0x6361_7073_7461_6E31

    mutating func add(_ word: UInt64) {
        state = (state ^ word) &+ 0x9E37_79B9_7F4A_7C15
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
        state ^= state >> 31
    }

    mutating func add(_ kind: UInt64, _ numbers: Int...) {
        add(kind)
        for number in numbers { add(UInt64(bitPattern: Int64(number))) }
    }

    mutating func add(_ kind: UInt64, _ text: String) {
        add(kind)
        add(UInt64(text.utf8.count))
        var word: UInt64 = 0
        for (index, byte) in text.utf8.enumerated() {
            word = word << 8 | UInt64(byte)
            if index % 8 == 7 {
                add(word)
                word = 0
            }
        }
        add(word)
    }

    mutating func add(_ kind: UInt64, _ number: Int, _ device: FileNode.DriveDevice) {
        let ordinal =
            switch device {
            case .nst: 0
            case .st: 1
            case .sg: 2
            }
        add(kind, number, ordinal)
    }

    mutating func add(_ kind: UInt64, _ file: TapeFileNumber) {
        add(kind, file.partition)
        add(file.number)
    }

    /// Positive as a signed number too, and none of the small ones that programs treat specially.
    var number: UInt64 { max(state >> 1, 16) }
}
