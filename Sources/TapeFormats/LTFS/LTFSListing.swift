// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Makes a table of an index: its directories and files, and where the bytes of each lie.
struct LTFSListing {
    /// A run of bytes of a file: from `startBlock` on, `byteOffset` bytes into it, over as many blocks as it takes. All
    /// of these but the last are full.
    struct Extent: Equatable {
        var fileOffset: UInt64 = 0
        var partition: UInt8 = 0
        var startBlock: UInt64 = 0
        var byteOffset: UInt64 = 0
        var byteCount: UInt64 = 0
    }

    /// A file or a directory of the index, while it is read.
    private struct Item {
        var isDirectory: Bool
        var name: [UInt8]?
        var lengthBytes: UInt64 = 0
        var isReadOnly = false
        var modified: Int64 = 0
        var target: [UInt8]?
        var extents: [Extent] = []
        var identity = ""
        /// Of a directory, once it is in the table; and of where it is to be.
        var number: UInt32?
        var parent: UInt32 = 0
    }

    /// Extents of all files, and of one.
    static let maximumExtents = 8 << 20
    static let maximumFileExtents = 1 << 20
    /// Longest index that is read: 16 GiB, more files than an archive may list.
    static let maximumIndexBytes: UInt64 = 16 << 30
    /// Longest text of an element that is of use.
    private static let maximumTextBytes = 64 << 10

    private let builder: ContentTableBuilder
    private let partitions: [String: UInt8]
    private var extents: [Extent] = []
    /// Elements around the present one.
    private var path: [String] = []
    private var items: [Item] = []
    private var extent = Extent()
    private var text: [UInt8] = []
    private var isPercentEncoded = false
    private var unplaced = 0

    private(set) var volumeName = ""

    private init(_ partitions: [String: UInt8], _ builder: ContentTableBuilder) {
        self.partitions = partitions
        self.builder = builder
    }

    /// Reads an index into `builder`, at its root; what follows damage is left out, and said.
    ///
    /// - Parameter partitions: numbers of the volume's partitions by their letters.
    /// - Returns: extents, which the locators of the table count: the first, and how many.
    static func read(
        _ file: any TapeFileBytes,
        partitions: [String: UInt8],
        limits: ContentLimits,
        into builder: ContentTableBuilder
    ) -> (extents: [Extent], volumeName: String) {
        var listing = LTFSListing(partitions, builder)
        do {
            guard file.lengthBytes <= maximumIndexBytes else {
                throw FormatError.limit("an index longer than \(maximumIndexBytes >> 30) GiB is not read")
            }
            var scanner = XMLScanner(file, maximumDepth: min(limits.depth, 1000) * 2 + 16)
            while !builder.isFull, let event = try scanner.next() { try listing.take(event) }
        } catch {
            builder.problem("the index cannot be read further: \(error)")
        }
        if listing.unplaced > 0 {
            builder.problem("\(listing.unplaced) extents lie in a partition that the volume does not have")
        }
        return (listing.extents, listing.volumeName)
    }

    private mutating func take(_ event: XMLScanner.Event) throws(FormatError) {
        switch event {
        case .start(let name, let attributes):
            let name = String(decoding: name, as: UTF8.self)
            text = []
            isPercentEncoded = attributes.contains {
                $0.name == Array("percentencoded".utf8) && $0.value == Array("true".utf8)
            }
            begin(name)
            path.append(name)
        case .text(let bytes):
            if text.count + bytes.count <= Self.maximumTextBytes { text += bytes }
        case .end:
            guard let name = path.popLast() else { return }
            try end(name)
            text = []
        }
    }

    // MARK: Items

    private mutating func begin(_ name: String) {
        switch (name, path.last) {
        case ("directory", "contents"), ("directory", "ltfsindex"): items.append(Item(isDirectory: true))
        case ("file", "contents"): items.append(Item(isDirectory: false))
        case ("contents", "directory"): place()
        case ("extent", _): extent = Extent()
        default: break
        }
    }

    /// Puts the directory that is being read into the table: what is in it comes next.
    private mutating func place() {
        guard let last = items.indices.last, items[last].isDirectory, items[last].number == nil else { return }
        if last == 0 {
            volumeName = FieldText.shown((items[0].name ?? [])[...])
            items[0].number = builder.add(path: [], entry(items[0]))
            return
        }
        guard let parent = items[last - 1].number else { return }
        items[last].number = builder.add(name: name(items[last]), in: parent, entry(items[last]))
    }

    private func name(_ item: Item) -> [UInt8] {
        guard let name = item.name, !name.isEmpty else {
            builder.problem("entry \(item.identity) has no name before its contents")
            return Array("unnamed-\(item.identity)".utf8)
        }
        return name
    }

    private func entry(_ item: Item) -> ContentEntry {
        let kind: ContentEntry.Kind = item.isDirectory ? .directory : item.target != nil ? .symbolicLink : .regular
        // LTFS keeps no permissions but this one.
        let permissions: UInt16 =
            switch (item.isDirectory, item.isReadOnly) {
            case (true, false): 0o755
            case (true, true): 0o555
            case (false, false): 0o644
            case (false, true): 0o444
            }
        return ContentEntry(
            kind: kind,
            permissions: kind == .symbolicLink ? 0o777 : permissions,
            lengthBytes: item.lengthBytes,
            modifiedNanoseconds: item.modified
        )
    }

    private mutating func end(_ name: String) throws(FormatError) {
        guard let last = items.indices.last else { return }
        switch name {
        case "directory":
            place()
            items.removeLast()
        case "file" where !items[last].isDirectory: addFile(items.removeLast())
        case "extent":
            guard items[last].extents.count < Self.maximumFileExtents else {
                throw .limit("a file has more than \(Self.maximumFileExtents) extents")
            }
            items[last].extents.append(extent)
        default: field(name, last)
        }
    }

    private mutating func field(_ name: String, _ last: Int) {
        let value = String(decoding: text.prefix(64), as: UTF8.self).filter { !$0.isWhitespace }
        switch (path.last, name) {
        case ("directory", "name"), ("file", "name"): items[last].name = decoded()
        case ("directory", "readonly"), ("file", "readonly"): items[last].isReadOnly = value == "true" || value == "1"
        case ("directory", "modifytime"), ("file", "modifytime"): items[last].modified = Self.time(value)
        case ("directory", "fileuid"), ("file", "fileuid"): items[last].identity = value
        case ("file", "length"): items[last].lengthBytes = UInt64(value) ?? 0
        case ("file", "symlink"): items[last].target = decoded()
        case ("extent", "fileoffset"): extent.fileOffset = UInt64(value) ?? 0
        case ("extent", "startblock"): extent.startBlock = UInt64(value) ?? .max
        case ("extent", "byteoffset"): extent.byteOffset = UInt64(value) ?? 0
        case ("extent", "bytecount"): extent.byteCount = UInt64(value) ?? 0
        case ("extent", "partition"):
            extent.partition = partitions[value] ?? .max
            if extent.partition == .max { unplaced += 1 }
        default: break
        }
    }

    private mutating func addFile(_ item: Item) {
        guard let parent = items.last?.number else { return }
        guard extents.count + item.extents.count <= Self.maximumExtents else {
            return builder.problem("the index has more than \(Self.maximumExtents) extents: some files are left out")
        }
        // Sorted, and without what overlaps: later ones are newer.
        var kept = item.extents.filter { $0.byteCount > 0 }
        if zip(kept, kept.dropFirst()).contains(where: { $0.0.fileOffset > $0.1.fileOffset }) {
            kept.sort { $0.fileOffset < $1.fileOffset }
        }
        let first = UInt64(extents.count)
        extents += kept
        builder.add(
            name: name(item),
            in: parent,
            entry(item),
            locator: first,
            second: UInt64(kept.count),
            linkTarget: item.target
        )
    }

    /// The text of a name, `%` and two digits for a byte where its tag says so.
    private func decoded() -> [UInt8] {
        guard isPercentEncoded, text.contains(UInt8(ascii: "%")) else { return text }
        var bytes: [UInt8] = []
        var at = 0
        while at < text.count {
            if text[at] == UInt8(ascii: "%"), at + 2 < text.count,
                let value = UInt8(String(decoding: text[at + 1...at + 2], as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                at += 3
            } else {
                bytes.append(text[at])
                at += 1
            }
        }
        return bytes
    }

    /// `2013-02-16T19:13:58.245954278Z`, in nanoseconds since 1970; 0 for what is none.
    static func time(_ text: String) -> Int64 {
        let parts = text.utf8.split { !(0x30...0x39).contains($0) }.map { Int(String(decoding: $0, as: UTF8.self)) }
        guard parts.count >= 6, let year = parts[0], let month = parts[1], let day = parts[2], let hour = parts[3],
            let minute = parts[4], let second = parts[5],
            let seconds = UTCText.seconds(
                year: year,
                month: month,
                day: day,
                hour: hour,
                minute: minute,
                second: second
            )
        else { return 0 }
        var nanoseconds: UInt32 = 0
        if let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")) {
            let digits = text.utf8[text.utf8.index(after: dot)...].prefix { (0x30...0x39).contains($0) }.prefix(9)
            for digit in digits { nanoseconds = nanoseconds * 10 + UInt32(digit - 0x30) }
            for _ in digits.count..<9 { nanoseconds *= 10 }
        }
        return ContentEntry.nanoseconds(seconds, nanoseconds)
    }
}
