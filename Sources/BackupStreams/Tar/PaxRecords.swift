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

    /// Takes the `hdrcharset` record out of the header that libarchive made, where the names are UTF-8 anyway: that is
    /// what a reader expects, and GNU tar warns of the record.
    static func dropCharacterSet(from header: inout [UInt8]) {
        let size = UstarBlock.size
        guard header.count >= 2 * size else { return }
        let block = UstarBlock(Array(header[..<size]))
        guard block.type == UInt8(ascii: "x"), let length = block.number(UstarBlock.Field.size).map({ Int($0) }),
            length > 0, length <= header.count - 2 * size
        else { return }
        let mark = Array("21 hdrcharset=BINARY\n".utf8)
        let records = header[size..<(size + length)]
        guard let start = records.indices.first(where: { header[$0...].starts(with: mark) }) else { return }
        guard String(validating: records, as: UTF8.self) != nil else { return }
        var kept = Array(records)
        kept.removeSubrange((start - size)..<(start - size + mark.count))
        let rest = header[(size + (length + size - 1) / size * size)...]
        if kept.isEmpty {
            header = Array(rest)
            return
        }
        var first = Array(header[..<size])
        UstarBlock.setSize(kept.count, of: &first)
        kept.append(contentsOf: repeatElement(0, count: (size - kept.count % size) % size))
        header = first + kept + rest
    }
}
