// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Formats that are told by their first bytes, with what their header says.
enum OtherFormats {
    static let rows: [FormatRow] = [
        FormatRow("proxmox-backup") { (probe) throws(FormatError) in proxmox(probe.head) },
        FormatRow("networker") { (probe) throws(FormatError) in netWorker(probe.head) },
        FormatRow("openvms-backup") { (probe) throws(FormatError) in openVMS(probe.head) },
        FormatRow("mksysb") { (probe) throws(FormatError) in
            guard probe.head.prefix(512).count == 512, probe.head.begins(with: "DUMMY TAPE TOC") else { return nil }
            return Recognition(format: "mksysb", title: "Table of contents of an AIX mksysb tape, a dummy")
        },
        FormatRow("other") { (probe) throws(FormatError) in signed(probe.head) },
    ]

    /// What has a signature and nothing else that we know.
    private static let signatures: [(offset: Int, bytes: [UInt8], format: String, title: String)] = [
        (4, [0xD8, 0xE2, 0xD9, 0xC4], "savlib", "AS/400 saved library (SAVLIB)"),
        (512, [0xAB, 0xBA, 0xAB, 0xBA], "arcserve", "ARCserve"),
        (0, Array("VTBL".utf8), "qic", "QIC volume table"),
        (56, Array("<<NoVaStOr>>".utf8), "novastor", "NovaStor backup"),
        (0, [0xAA, 0x55, 0xAA, 0x55], "qic", "QIC-80 or Colorado backup"),
        (0, Array("::::".utf8), "txplus", "TXPLUS"),
    ]

    private static func signed(_ head: [UInt8]) -> Recognition? {
        for (offset, bytes, format, title) in signatures
        where head.field(at: offset, width: bytes.count).elementsEqual(bytes) {
            // Two short signatures have a second part.
            if format == "savlib", head.littleEndian32(at: 0) != 0xFFFF_FFFF { continue }
            if format == "arcserve", head.littleEndian32(at: 0) != 0xDDDD_DDDD { continue }
            return Recognition(format: format, title: title)
        }
        return nil
    }

    // MARK: Proxmox Backup

    /// A block of 256 KiB begins with 16 bytes; in the first of a tape file these follow: magic, kind (8), identity
    /// (16), time (8), size of a header (4), part (1), 3 more, and the header, which is JSON (its source, `tape/
    /// file_formats`).
    private static func proxmox(_ head: [UInt8]) -> Recognition? {
        let block: [UInt8] = [0xDC, 0xBD, 0xAF, 0xCA, 0xEB, 0xA0, 0xA5, 0x28]
        guard head.field(at: 0, width: 8).elementsEqual(block), head.count >= 64 else { return nil }
        let kinds: [[UInt8]: String] = [
            [0x2A, 0x05, 0xBF, 0x3C, 0xB0, 0x30, 0xAA, 0x39]: "media label",
            [0x08, 0x60, 0x63, 0xF9, 0x2F, 0x97, 0x53, 0xD8]: "media set label",
        ]
        let kind = kinds[Array(head[24..<32])] ?? "archive"
        var facts: [Recognition.Fact] = [.init("identity", uuid(head[32..<48]))]
        if let time = head.littleEndian64(at: 48), let text = UTCText.text(seconds: Int64(bitPattern: time)) {
            facts.append(.init("written", text))
        }
        facts.append(.init("part", "\(head[60])"))
        let size = Int(head.littleEndian32(at: 56) ?? 0)
        let header = head.field(at: 64, width: min(size, 900))
        if header.first == UInt8(ascii: "{") { facts.append(.init("header", FieldText.trimmed(header))) }
        return Recognition(format: "proxmox-backup", title: "Proxmox Backup \(kind)", facts: facts)
    }

    private static func uuid(_ bytes: ArraySlice<UInt8>) -> String {
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        var parts: [Substring] = []
        var rest = digits[...]
        for width in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(width))
            rest = rest.dropFirst(width)
        }
        return parts.joined(separator: "-")
    }

    // MARK: NetWorker and OSM

    /// The label is a structure of XDR in the first record: magic 00070460, times at which it was made and expires,
    /// record size, volume number, name (NetWorker's mm_data manual page; OSM has the same).
    private static func netWorker(_ head: [UInt8]) -> Recognition? {
        for at in stride(from: 0, to: 512, by: 4) where head.bigEndian32(at: at) == 0x0007_0460 {
            guard let made = head.bigEndian32(at: at + 4), let expires = head.bigEndian32(at: at + 8),
                let recordBytes = head.bigEndian32(at: at + 12), recordBytes >= 512, recordBytes <= 16 << 20,
                let length = head.bigEndian32(at: at + 20), (1...64).contains(length)
            else { continue }
            let name = head.field(at: at + 24, width: Int(length))
            guard name.count == Int(length), name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { continue }
            var facts: [Recognition.Fact] = [.init("volume", FieldText.trimmed(name))]
            if let text = UTCText.text(seconds: Int64(made)) { facts.append(.init("labelled", text)) }
            if let text = UTCText.text(seconds: Int64(expires)) { facts.append(.init("expires", text)) }
            facts.append(.init("record size", "\(recordBytes)"))
            return Recognition(
                format: "networker",
                title: "NetWorker or OSM volume \(FieldText.trimmed(name))",
                facts: facts
            )
        }
        return nil
    }

    // MARK: OpenVMS

    /// A block of a save set of OpenVMS BACKUP: header of 256 bytes, little-endian; subsystem 1 of operating system
    /// 0400, structure level 0101, counted name at 48.
    private static func openVMS(_ head: [UInt8]) -> Recognition? {
        guard head.littleEndian16(at: 0) == 256, let system = head.littleEndian16(at: 2),
            [0x0400, 0x0800, 0x0C00].contains(system), head.littleEndian16(at: 4) == 1,
            head.littleEndian16(at: 32) == 0x0101, let blockBytes = head.littleEndian32(at: 40),
            (2048...65_535).contains(blockBytes), let length = head.field(at: 48, width: 1).first, length <= 31
        else { return nil }
        let name = FieldText.trimmed(head.field(at: 49, width: Int(length)))
        return Recognition(
            format: "openvms-backup",
            title: "OpenVMS BACKUP save set \(name)",
            facts: [
                .init("save set", name), .init("block size", "\(blockBytes)"),
                .init("volume number", "\(head.littleEndian16(at: 34) ?? 0)"),
            ]
        )
    }
}
