// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// One place of a library, as READ ELEMENT STATUS tells of it.
struct LibraryElement: Equatable, Sendable {
    enum Kind: UInt8, Sendable {
        case transport = 1
        case storage = 2
        case importExport = 3
        case drive = 4
    }

    var address: UInt16
    var kind: Kind
    var isFull: Bool
    var isAccessible: Bool
    /// Where the cartridge in it came from; nil when the library does not know.
    var source: UInt16?
    /// Nil for an empty element and for a cartridge without a readable bar code.
    var barcode: String?
    /// Device identifier of a drive; empty when the library tells none.
    var identifier: String
}

/// The data of READ ELEMENT STATUS (SMC-3 6.12): a header, a page per element type, a descriptor per element.
enum ElementStatus {
    private static let headerBytes = 8
    /// Up to here every descriptor is the same; what follows depends on PVOLTAG and AVOLTAG.
    private static let fixedBytes = 12
    private static let volumeTagBytes = 36
    /// Of the tag's field, the name; a sequence number follows.
    private static let volumeNameBytes = 32

    private static let firstAddress = CDBField("FIRST ELEMENT ADDRESS REPORTED", bytes: 0...1)
    private static let reportBytes = CDBField("BYTE COUNT OF REPORT AVAILABLE", bytes: 5...7)
    private static let pageType = CDBField("ELEMENT TYPE CODE", byte: 0, bit: 7, width: 8)
    private static let primaryTags = CDBField("PVOLTAG", byte: 1, bit: 7)
    private static let alternateTags = CDBField("AVOLTAG", byte: 1, bit: 6)
    private static let descriptorBytes = CDBField("ELEMENT DESCRIPTOR LENGTH", bytes: 2...3)
    private static let pageBytes = CDBField("BYTE COUNT OF DESCRIPTOR DATA AVAILABLE", bytes: 5...7)
    private static let elementAddress = CDBField("ELEMENT ADDRESS", bytes: 0...1)
    private static let full = CDBField("FULL", byte: 2, bit: 0)
    private static let access = CDBField("ACCESS", byte: 2, bit: 3)
    private static let sourceValid = CDBField("SVALID", byte: 9, bit: 7)
    private static let sourceAddress = CDBField("SOURCE STORAGE ELEMENT ADDRESS", bytes: 10...11)
    private static let identifierBytes = CDBField("IDENTIFIER LENGTH", byte: 3, bit: 7, width: 8)

    /// Bytes of the whole report, header included, from its first eight.
    static func totalBytes(_ data: [UInt8]) -> Int? {
        guard data.count >= headerBytes else { return nil }
        return headerBytes + Int(reportBytes.load(from: data))
    }

    /// Every element of the report. Whatever the bytes are, nothing beyond them is read; an incomplete descriptor ends
    /// the list.
    static func parse(_ data: [UInt8]) -> [LibraryElement] {
        guard let total = totalBytes(data) else { return [] }
        let end = min(total, data.count)
        var elements: [LibraryElement] = []
        var place = headerBytes
        while place + headerBytes <= end {
            let header = Array(data[place..<place + headerBytes])
            place += headerBytes
            let length = Int(descriptorBytes.load(from: header))
            let pageEnd = min(end, place + Int(pageBytes.load(from: header)))
            // A descriptor shorter than the fixed part says nothing.
            guard length >= fixedBytes else { return elements }
            let kind = LibraryElement.Kind(rawValue: UInt8(pageType.load(from: header)))
            while place + length <= pageEnd {
                if let kind { elements.append(element(Array(data[place..<place + length]), kind, header)) }
                place += length
            }
            place = pageEnd
        }
        return elements
    }

    private static func element(_ bytes: [UInt8], _ kind: LibraryElement.Kind, _ header: [UInt8]) -> LibraryElement {
        var place = fixedBytes
        var barcode: String?
        if primaryTags.load(from: header) != 0 {
            barcode = text(bytes, place, volumeNameBytes)
            place += volumeTagBytes
        }
        if alternateTags.load(from: header) != 0 { place += volumeTagBytes }
        var identifier = ""
        if place + 4 <= bytes.count {
            let count = Int(identifierBytes.load(from: Array(bytes[place..<place + 4])))
            identifier = text(bytes, place + 4, count)
        }
        let isFull = full.load(from: bytes) != 0
        return LibraryElement(
            address: UInt16(elementAddress.load(from: bytes)),
            kind: kind,
            isFull: isFull,
            isAccessible: kind == .transport || access.load(from: bytes) != 0,
            source: sourceValid.load(from: bytes) != 0 ? UInt16(sourceAddress.load(from: bytes)) : nil,
            barcode: isFull ? barcode.flatMap { $0.isEmpty ? nil : $0 } : nil,
            identifier: identifier
        )
    }

    /// Printable ASCII without the blanks around it.
    private static func text(_ bytes: [UInt8], _ start: Int, _ count: Int) -> String {
        guard start < bytes.count else { return "" }
        let field = bytes[start..<min(bytes.count, start + count)].prefix { $0 != 0 }
        let trimmed = field.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed()
        return String(decoding: trimmed.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
