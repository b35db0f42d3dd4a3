// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One member of a tar archive, as it is read.
struct TarEntry {
    enum Content: Equatable {
        case regular
        case directory
        case symbolicLink
        case hardLink
        case fifo
        case characterDevice
        case blockDevice
        /// Of no use to us: volume labels, continuations.
        case unknown
    }

    var content: Content
    /// Nil for a name that leaves the archive's root.
    var path: TreePath?
    var writtenPath: [UInt8]
    var link: [UInt8] = []
    var status: FileStatus
    /// The file's number and how many names it had, where the archive tells.
    var node: UInt64?
    var links: UInt32?
    var attributes: [ExtendedAttribute] = []
    /// Of the first header block.
    var offset: UInt64
    /// Bytes of content in the archive, without the filling of the last block.
    var storedBytes: UInt64
    /// Stretches of data, in order; nil for a file without holes.
    var regions: [Range<UInt64>]?
    /// Whether the map of a sparse file is the beginning of its content (GNU.sparse 1.0).
    var hasMapInContent = false
    /// All names in the directory, as GNU tar's incremental archives tell; nil when this one does not. In the content
    /// when `hasNamesInContent`.
    var names: [UInt8]?
    var hasNamesInContent = false
    /// The type byte of its header.
    var type: UInt8 = 0
    /// Of a file that began on an earlier volume: its own name, where the header has another, and the bytes before.
    var volumeName: [UInt8]?
    var missingBytes: UInt64 = 0

    /// Content with the filling of the last block; nil when the sum does not fit 64 bits.
    var storedBlockBytes: UInt64? {
        let (sum, overflow) = storedBytes.addingReportingOverflow(511)
        return overflow ? nil : sum & ~511
    }

    var fileKind: FileKind? {
        switch content {
        case .regular, .hardLink: .regular
        case .directory: .directory
        case .symbolicLink: .symbolicLink
        case .fifo: .fifo
        case .characterDevice: .characterDevice
        case .blockDevice: .blockDevice
        case .unknown: nil
        }
    }
}

/// What the extended headers before a member say: its name and size where the block has no room, and all that plain tar
/// cannot tell.
struct TarExtensions {
    var path: [UInt8]?
    var link: [UInt8]?
    var size: UInt64?
    var owner: UInt32?
    var group: UInt32?
    var modified: Timestamp?
    var accessed: Timestamp?
    var deviceMajor: UInt32?
    var deviceMinor: UInt32?
    var node: UInt64?
    var links: UInt32?
    var attributes: [ExtendedAttribute] = []
    var names: [UInt8]?
    // GNU tar's continuation of a file from an earlier volume.
    var volumeName: [UInt8]?
    var volumeOffset: UInt64?
    // GNU tar's sparse files, versions 0.0, 0.1 and 1.0.
    var sparseName: [UInt8]?
    var sparseSize: UInt64?
    var sparseMap: [UInt64] = []
    var hasMapInContent = false
    private var sparseMajor: UInt64?
    /// A value that cannot be read; the text names the keyword.
    var trouble: String?

    /// Stretches of one file.
    static let maximumRegions = 1 << 20
    /// Attributes of one file: the kernel lists 64 KiB of names.
    static let maximumAttributes = 4096
    private static let attributePrefix = Array("SCHILY.xattr.".utf8)
    private static let archivePrefix = Array("LIBARCHIVE.xattr.".utf8)

    var isEmpty: Bool { path == nil && link == nil && size == nil && modified == nil && attributes.isEmpty }

    /// Takes one record in.
    mutating func apply(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        switch String(decoding: key, as: UTF8.self) {
        case "path": path = Array(value)
        case "linkpath": link = Array(value)
        case "size": size = Self.number(value, &trouble, "size")
        case "uid": owner = Self.small(value, &trouble, "uid")
        case "gid": group = Self.small(value, &trouble, "gid")
        case "mtime": modified = Self.time(value)
        case "atime": accessed = Self.time(value)
        case "SCHILY.devmajor": deviceMajor = Self.small(value, &trouble, "SCHILY.devmajor")
        case "SCHILY.devminor": deviceMinor = Self.small(value, &trouble, "SCHILY.devminor")
        case "comment":
            if let identity = PaxRecords.identity(value) { (node, links) = identity }
        case "SCHILY.ino": node = Self.number(value, &trouble, "SCHILY.ino")
        case "SCHILY.nlink": links = Self.small(value, &trouble, "SCHILY.nlink")
        case "SCHILY.acl.access": add(AccessControlList.accessName, list: value)
        case "SCHILY.acl.default": add(AccessControlList.defaultName, list: value)
        case "GNU.dumpdir": names = Array(value)
        case "GNU.volume.filename": volumeName = Array(value)
        case "GNU.volume.offset": volumeOffset = Self.number(value, &trouble, "GNU.volume.offset")
        case "GNU.sparse.name": sparseName = Array(value)
        case "GNU.sparse.size", "GNU.sparse.realsize", "SCHILY.realsize":
            sparseSize = Self.number(value, &trouble, "GNU.sparse.size")
        case "GNU.sparse.major": sparseMajor = Self.number(value, &trouble, "GNU.sparse.major")
        case "GNU.sparse.minor": hasMapInContent = sparseMajor == 1
        case "GNU.sparse.offset", "GNU.sparse.numbytes": addToMap(value)
        case "GNU.sparse.map":
            for part in value.split(separator: UInt8(ascii: ",")) { addToMap(part) }
        default: addAttribute(key, value)
        }
    }

    private mutating func addToMap(_ text: ArraySlice<UInt8>) {
        guard sparseMap.count < 2 * Self.maximumRegions else { return trouble = "more holes than anyone needs" }
        if let number = Self.number(text, &trouble, "GNU.sparse.map") { sparseMap.append(number) }
    }

    private mutating func add(_ name: [UInt8], list: ArraySlice<UInt8>) {
        guard let list = AccessControlList(text: Array(list)) else { return }
        replace(ExtendedAttribute(name: name, value: list.attribute))
    }

    private mutating func addAttribute(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        if key.starts(with: Self.attributePrefix) {
            let name = Array(key.dropFirst(Self.attributePrefix.count))
            replace(ExtendedAttribute(name: Self.unescaped(name) ?? name, value: Array(value)))
        } else if key.starts(with: Self.archivePrefix) {
            let name = Array(key.dropFirst(Self.archivePrefix.count))
            // libarchive writes both forms; this one is base 64, with the name's odd bytes as %XX.
            guard let bytes = Base64.decode(value), let plain = Self.unescaped(name) else { return }
            guard !attributes.contains(where: { $0.name == plain }) else { return }
            replace(ExtendedAttribute(name: plain, value: bytes))
        }
    }

    private mutating func replace(_ attribute: ExtendedAttribute) {
        guard !attribute.name.isEmpty, !attribute.name.contains(0) else { return }
        if let index = attributes.firstIndex(where: { $0.name == attribute.name }) {
            attributes[index] = attribute
        } else if attributes.count < Self.maximumAttributes {
            attributes.append(attribute)
        }
    }

    /// A keyword cannot have "=": GNU tar and libarchive write such bytes as %XX. Nil when the digits are none.
    private static func unescaped(_ name: [UInt8]) -> [UInt8]? {
        guard name.contains(UInt8(ascii: "%")) else { return name }
        var bytes: [UInt8] = []
        var at = 0
        while at < name.count {
            guard name[at] == UInt8(ascii: "%") else {
                bytes.append(name[at])
                at += 1
                continue
            }
            guard at + 2 < name.count else { return nil }
            let digits = String(decoding: name[(at + 1)...(at + 2)], as: UTF8.self)
            guard let byte = UInt8(digits, radix: 16) else { return nil }
            bytes.append(byte)
            at += 3
        }
        return bytes
    }

    static func number(_ text: ArraySlice<UInt8>, _ trouble: inout String?, _ key: String) -> UInt64? {
        let number = UInt64(String(decoding: text, as: UTF8.self))
        if number == nil || number ?? 0 > UInt64(Int64.max) {
            trouble = "\(key) is no number"
            return nil
        }
        return number
    }

    private static func small(_ text: ArraySlice<UInt8>, _ trouble: inout String?, _ key: String) -> UInt32? {
        number(text, &trouble, key).map { UInt32(clamping: $0) }
    }

    /// Decimal seconds with a fraction; the sign is that of the whole number.
    static func time(_ text: ArraySlice<UInt8>) -> Timestamp? {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.drop { $0 == UInt8(ascii: "-") }
            .split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, let seconds = Int64(String(decoding: whole, as: UTF8.self)) else { return nil }
        var nanoseconds: UInt32 = 0
        if parts.count > 1 {
            var scale: UInt32 = 100_000_000
            for digit in parts[1].prefix(9) {
                guard (0x30...0x39).contains(digit) else { return nil }
                nanoseconds += UInt32(digit - 0x30) * scale
                scale /= 10
            }
        }
        guard isNegative else { return Timestamp(seconds: seconds, nanoseconds: nanoseconds) }
        if nanoseconds == 0 { return Timestamp(seconds: -seconds) }
        return Timestamp(seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }
}

/// RFC 4648, 4, with or without the filling at the end.
enum Base64 {
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text where character != UInt8(ascii: "=") {
            let value: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
