// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// The maps of sparse files: where the data in the archive belongs in the file.
extension TarReader {
    /// From the headers: GNU tar's type S with its extension blocks, and GNU.sparse 0.0 and 0.1.
    func setRegions(_ entry: inout TarEntry, _ block: UstarBlock, _ extensions: TarExtensions) throws(StreamError) {
        guard entry.content == .regular else { return }
        if block.type == UInt8(ascii: "S") {
            guard let real = block.number(UstarBlock.Field.realSize).flatMap({ UInt64(exactly: $0) }) else {
                throw damaged(entry)
            }
            entry.status.size = real
            entry.regions = try check(try oldMap(block, entry), entry)
        } else if extensions.hasMapInContent {
            entry.hasMapInContent = true
        } else if !extensions.sparseMap.isEmpty {
            entry.regions = try check(extensions.sparseMap, entry)
        }
    }

    private func oldMap(_ block: UstarBlock, _ entry: TarEntry) throws(StreamError) -> [UInt64] {
        var map: [UInt64] = []
        try append(block.sparseNumbers(UstarBlock.Field.sparse), to: &map, entry)
        var hasMore = block.hasMoreSparse
        while hasMore {
            input.expect(1024)
            guard let next = try input.takeBlock() else { throw .truncated(at: input.position) }
            // 21 pairs of 24 bytes, then whether more follow.
            try append(next.sparseNumbers(0..<504), to: &map, entry)
            hasMore = next.byte(504) != 0
        }
        return map
    }

    private func append(_ numbers: [UInt64]?, to map: inout [UInt64], _ entry: TarEntry) throws(StreamError) {
        guard let numbers, map.count + numbers.count <= 2 * TarExtensions.maximumRegions else { throw damaged(entry) }
        map.append(contentsOf: numbers)
    }

    /// GNU.sparse 1.0: decimal numbers, each with a line end, at the beginning of the content, filled up to a block. Takes
    /// them from the input, and off the stored bytes.
    func takeMap(_ entry: inout TarEntry) throws(StreamError) {
        guard entry.hasMapInContent else { return }
        var taken: UInt64 = 0
        var text: [UInt8] = []
        var numbers: [UInt64] = []
        var count: UInt64?
        while count.map({ UInt64(numbers.count) < 2 * $0 }) ?? true {
            guard taken + 512 <= entry.storedBytes else { throw damaged(entry) }
            text.append(contentsOf: try input.take(512))
            taken += 512
            var start = text.startIndex
            while let end = text[start...].firstIndex(of: 0x0A) {
                var trouble: String?
                guard let number = TarExtensions.number(text[start..<end], &trouble, "map") else {
                    throw damaged(entry)
                }
                start = end + 1
                if count == nil {
                    guard number <= UInt64(TarExtensions.maximumRegions) else { throw damaged(entry) }
                    count = number
                } else {
                    numbers.append(number)
                }
                if let count, UInt64(numbers.count) == 2 * count { break }
            }
            text.removeSubrange(..<start)
            guard text.count <= 512 else { throw damaged(entry) }
        }
        entry.storedBytes -= taken
        entry.hasMapInContent = false
        entry.regions = try check(numbers, entry)
    }

    /// In order, within the file, and as long together as the stored bytes.
    private func check(_ map: [UInt64], _ entry: TarEntry) throws(StreamError) -> [Range<UInt64>] {
        var regions: [Range<UInt64>] = []
        var position: UInt64 = 0
        var stored: UInt64 = 0
        for index in stride(from: 0, to: map.count - 1, by: 2) {
            let (end, overflow) = map[index].addingReportingOverflow(map[index + 1])
            guard !overflow, map[index] >= position, end <= entry.status.size else { throw damaged(entry) }
            if map[index + 1] > 0 { regions.append(map[index]..<end) }
            stored += map[index + 1]
            position = end
        }
        guard stored == entry.storedBytes else { throw damaged(entry) }
        return regions
    }

    private func damaged(_ entry: TarEntry) -> StreamError {
        .malformed(
            "the map of holes of \(displayed(entry.writtenPath)) at byte \(entry.offset) of the stream is damaged"
        )
    }
}

extension UstarBlock {
    /// Pairs of offset and length, 12 bytes each, up to the first empty one; nil when one is no number.
    func sparseNumbers(_ field: Range<Int>) -> [UInt64]? {
        var numbers: [UInt64] = []
        for start in stride(from: field.lowerBound, to: field.upperBound - 23, by: 24) {
            if byte(start) == 0 { break }
            guard let offset = number(start..<(start + 12)).flatMap({ UInt64(exactly: $0) }),
                let count = number((start + 12)..<(start + 24)).flatMap({ UInt64(exactly: $0) })
            else { return nil }
            numbers.append(offset)
            numbers.append(count)
        }
        return numbers
    }
}
