// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The records of a pax extended header: `LENGTH KEY=VALUE\n`, LENGTH counting the whole record (POSIX.1-2001, pax).
enum PaxRecords {
    /// Calls `body` with each key and value; false when the bytes are no such records.
    static func forEach(_ bytes: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>, ArraySlice<UInt8>) -> Void) -> Bool {
        var start = bytes.startIndex
        while start < bytes.endIndex {
            guard let end = recordEnd(bytes, start) else { return false }
            guard let space = bytes[start..<end].firstIndex(of: 0x20),
                let equals = bytes[space..<end].firstIndex(of: UInt8(ascii: "="))
            else { return false }
            body(bytes[(space + 1)..<equals], bytes[(equals + 1)..<(end - 1)])
            start = end
        }
        return true
    }

    /// Where the record that begins at `start` ends; nil when it is none.
    private static func recordEnd(_ bytes: ArraySlice<UInt8>, _ start: Int) -> Int? {
        var length = 0
        var at = start
        while at < bytes.endIndex, bytes[at] != 0x20 {
            guard (0x30...0x39).contains(bytes[at]), length < 1 << 40 else { return nil }
            length = length * 10 + Int(bytes[at] - 0x30)
            at += 1
        }
        guard at > start, length > at - start + 2, length <= bytes.endIndex - start else { return nil }
        let end = start + length
        return bytes[end - 1] == 0x0A ? end : nil
    }

    private static let characterSet = Array("hdrcharset=BINARY".utf8)
    private static let identityMark = Array("capstan inode ".utf8)

    /// One record.
    static func record(_ text: [UInt8]) -> [UInt8] {
        // The length counts its own digits too.
        var length = text.count + 3
        while String(length).utf8.count + text.count + 2 != length { length += 1 }
        return Array("\(length) ".utf8) + text + [0x0A]
    }

    /// Changes the header that libarchive made.
    ///
    /// The `hdrcharset` record goes where all is UTF-8: that is what a reader expects, and GNU tar warns of the record. A
    /// comment, which every reader passes over, keeps the file's number and how many names it has.
    static func finish(_ header: inout [UInt8], inode: UInt64, links: UInt32, names: [UInt8]?) {
        let size = UstarBlock.size
        guard header.count >= size else { return }
        var kept = record(Array("comment=".utf8) + identityMark + Array("\(inode) links \(links)".utf8))
        if let names { kept += record(Array("GNU.dumpdir=".utf8) + names) }
        var first = UstarBlock.extendedHeader
        var rest = header[...]
        let block = UstarBlock(Array(header[..<size]))
        if block.type == UInt8(ascii: "x"), let length = block.number(UstarBlock.Field.size).map({ Int($0) }) {
            guard length >= 0, length <= header.count - 2 * size else { return }
            let records = header[size..<(size + length)]
            let isUTF8 = String(validating: records, as: UTF8.self) != nil
            var others: [UInt8] = []
            _ = forEach(records) { key, value in
                let text = key + [UInt8(ascii: "=")] + value
                if isUTF8 && text.elementsEqual(characterSet) { return }
                others.append(contentsOf: record(Array(text)))
            }
            kept = others + kept
            first = Array(header[..<size])
            rest = header[(size + (length + size - 1) / size * size)...]
        }
        UstarBlock.setSize(kept.count, of: &first)
        kept.append(contentsOf: repeatElement(0, count: (size - kept.count % size) % size))
        header = first + kept + rest
    }

    /// The number and the names of a file, from the comment; nil for another comment.
    static func identity(_ comment: ArraySlice<UInt8>) -> (inode: UInt64, links: UInt32)? {
        guard comment.starts(with: identityMark) else { return nil }
        let words = comment.dropFirst(identityMark.count).split(separator: 0x20)
            .map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, let inode = UInt64(words[0]), let links = UInt32(words[2]) else { return nil }
        return (inode, links)
    }
}
