// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The row of cpio.
enum CpioFormat {
    static let rows = [FormatRow("cpio", recognise: recognise, open: open)]

    private static func recognise(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        guard let header = CpioHeader(probe.head) else { return nil }
        // The name ends with a zero, and has no other: two bytes of magic alone would say yes too often.
        let name = try probe.bytes(header.nameBytes, at: header.format.headerBytes)
        guard name.count == header.nameBytes, name.last == 0, !name.dropLast().contains(0), name.count > 1 else {
            return nil
        }
        return Recognition(
            format: "cpio",
            title: header.format.title,
            facts: [.init("first member", ContentNames.shown(name.dropLast()))],
            isBrowsable: true
        )
    }

    private static func open(_ request: ContentRequest) throws(FormatError) -> any ArchiveContents {
        var contents = CpioContents(request.file, request.limits)
        contents.list()
        return contents.finish()
    }
}

/// Lists a cpio archive: members become ranges of the tape file.
struct CpioContents: ~Copyable {
    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt32
    }

    private let file: any TapeFileBytes
    private let builder: ContentTableBuilder
    private var window: FileWindow
    /// Names of files that have several, while more of them may come.
    private var families: [Identity: [UInt32]] = [:]
    private var familyNames = 0

    private static let trailer = Array("TRAILER!!!".utf8)
    /// Bytes that are looked through for the next header after damage.
    private static let maximumSearchBytes: UInt64 = 64 << 20
    /// Names of files with several that are kept while their bytes have not come.
    private static let maximumFamilyNames = 1 << 20

    init(_ file: any TapeFileBytes, _ limits: ContentLimits) {
        self.file = file
        builder = ContentTableBuilder(limits: limits)
        window = FileWindow(file)
    }

    consuming func finish() -> ContentTable {
        let file = file
        return builder.finish { (member) throws(FormatError) in
            RangeReader(file, offset: member.locator, lengthBytes: member.entry.lengthBytes)
        }
    }

    mutating func list() {
        var offset: UInt64 = 0
        var searched: UInt64 = 0
        while !builder.isFull {
            do {
                let bytes = try window.take(CpioHeader.largestHeaderBytes, at: offset)
                guard !bytes.isEmpty else { return builder.problem("it ends at byte \(offset) without its trailer") }
                if let header = CpioHeader(bytes), let places = header.places(at: offset) {
                    let name = try window.take(header.nameBytes, at: offset + UInt64(header.format.headerBytes))
                    guard name.count == header.nameBytes else {
                        return builder.problem("it ends in the middle of a header at byte \(offset)")
                    }
                    let path = Array(name.prefix { $0 != 0 })
                    if path == Self.trailer, header.mode & CpioHeader.typeMask == 0 { return }
                    try take(header, path, places.content)
                    offset = places.next
                    continue
                }
                builder.problem("there is no cpio header at byte \(offset)")
            } catch {
                builder.problem(error.description)
                guard let behind = behindRecord(holding: offset) else { return }
                offset = behind
            }
            guard let next = search(from: offset + 1, &searched) else { return }
            offset = next
        }
    }

    private func behindRecord(holding offset: UInt64) -> UInt64? {
        guard let index = try? file.recordIndex(holding: offset), let record = try? file.record(index) else {
            return nil
        }
        let (end, overflow) = record.offset.addingReportingOverflow(UInt64(record.lengthBytes))
        return overflow || end <= offset ? nil : end - 1
    }

    /// The next place with the digits of a header; the binary formats have too short a sign to be looked for.
    private func search(from start: UInt64, _ searched: inout UInt64) -> UInt64? {
        var offset = start
        var step = 4 << 10
        while searched < Self.maximumSearchBytes {
            guard let bytes = try? file.bytes(step, at: offset), bytes.count >= 110 else { return nil }
            searched += UInt64(bytes.count)
            step = min(step * 2, 64 << 10)
            for at in 0..<(bytes.count - 109) where bytes[at] == 0x30 && bytes[at + 1] == 0x37 {
                guard let header = CpioHeader(Array(bytes[at..<at + 110])), header.format.alignment != 2 else {
                    continue
                }
                return offset + UInt64(at)
            }
            offset += UInt64(bytes.count - 109)
        }
        builder.problem("the next header was not found within \(Self.maximumSearchBytes >> 20) MiB")
        return nil
    }

    private mutating func take(_ header: CpioHeader, _ path: [UInt8], _ content: UInt64) throws(FormatError) {
        var entry = ContentEntry(
            kind: .other,
            permissions: UInt16(truncatingIfNeeded: header.mode & 0o7777),
            user: header.user,
            group: header.group,
            modifiedNanoseconds: Int64(header.modifiedSeconds) * 1_000_000_000,
            links: max(1, header.links)
        )
        switch header.mode & CpioHeader.typeMask {
        case CpioHeader.directoryMode:
            entry.kind = .directory
            builder.add(path: path, entry)
        case CpioHeader.linkMode:
            entry.kind = .symbolicLink
            let count = Int(min(header.lengthBytes, UInt64(ContentNames.maximumTargetBytes + 1)))
            builder.add(path: path, entry, linkTarget: try window.take(count, at: content))
        case CpioHeader.regularMode:
            entry.kind = .regular
            entry.lengthBytes = header.lengthBytes
            takeFile(header, path, entry, content)
        default:
            builder.add(path: path, entry)
        }
    }

    /// SVR4's formats bring the bytes of a file with several names along with the last of them; the others with each.
    private mutating func takeFile(_ header: CpioHeader, _ path: [UInt8], _ entry: ContentEntry, _ content: UInt64) {
        let mayShare = header.format.alignment == 4 && header.links > 1
        guard mayShare else {
            builder.add(path: path, entry, locator: content)
            return
        }
        let identity = Identity(device: header.device, inode: header.inode)
        var family = families[identity] ?? []
        let number: UInt32?
        if let first = family.first {
            number = builder.addHardLink(path: path, to: first, entry)
        } else {
            number = builder.add(path: path, entry, locator: content)
        }
        if header.lengthBytes > 0 {
            for other in family + [number].compactMap(\.self) {
                builder.setLocator(other, locator: content, second: 0, lengthBytes: entry.lengthBytes)
            }
            familyNames -= family.count
            families[identity] = nil
            return
        }
        guard let number else { return }
        guard familyNames < Self.maximumFamilyNames else { return }
        familyNames += 1
        family.append(number)
        families[identity] = family
    }
}
