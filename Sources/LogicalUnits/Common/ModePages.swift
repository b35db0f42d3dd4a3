// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// A field of a mode page: place, width, default and whether MODE SELECT may change it.
package struct ModeField: Hashable, Sendable {
    package let layout: CDBField
    package let page: UInt8
    package let subpage: UInt8
    package let defaultValue: UInt64
    package let isChangeable: Bool

    /// A field inside one byte; `byte` counts from the page's first byte, `bit` is the most significant one.
    package init(
        _ name: String,
        page: UInt8,
        subpage: UInt8 = 0,
        byte: Int,
        bit: Int,
        width: Int = 1,
        value: UInt64 = 0,
        changeable: Bool = false
    ) {
        self.layout = CDBField(name, byte: byte, bit: bit, width: width)
        self.page = page
        self.subpage = subpage
        self.defaultValue = value
        self.isChangeable = changeable
    }

    /// A field of whole bytes.
    package init(
        _ name: String,
        page: UInt8,
        subpage: UInt8 = 0,
        bytes: ClosedRange<Int>,
        value: UInt64 = 0,
        changeable: Bool = false
    ) {
        self.layout = CDBField(name, bytes: bytes)
        self.page = page
        self.subpage = subpage
        self.defaultValue = value
        self.isChangeable = changeable
    }
}

/// One mode page as data. What no field covers is zero and cannot be changed.
package struct ModePage: Sendable {
    package let code: UInt8
    package let subpage: UInt8
    package let name: String
    /// Of the whole page in bytes, header included.
    package let length: Int
    package let fields: [ModeField]

    /// `parameterLength` is the value of the PAGE LENGTH field.
    package init(_ name: String, code: UInt8, subpage: UInt8 = 0, parameterLength: Int, fields: [ModeField]) {
        self.name = name
        self.code = code
        self.subpage = subpage
        self.length = parameterLength + (subpage == 0 ? 2 : 4)
        self.fields = fields
    }

    var header: [UInt8] {
        subpage == 0
            ? [code, UInt8(length - 2)]
            : [code | 0x40, subpage, UInt8((length - 4) >> 8), UInt8((length - 4) & 0xFF)]
    }

    /// The page with every field at its default.
    var defaults: [UInt8] {
        var bytes = header + [UInt8](repeating: 0, count: length - header.count)
        for field in fields {
            field.layout.store(field.defaultValue, in: &bytes)
        }
        return bytes
    }

    /// Header and ones where MODE SELECT may change something.
    var changeableMask: [UInt8] {
        var bytes = header + [UInt8](repeating: 0, count: length - header.count)
        for field in fields where field.isChangeable {
            field.layout.store(.max, in: &bytes)
        }
        return bytes
    }
}

/// The mode pages of a logical unit and their current values (SPC-4 7.5). Nothing is saved: PC = 3 answers 5/39/00.
package struct ModePages: Sendable {
    /// A page as MODE SELECT wants it, checked but not applied.
    package struct Change: Sendable {
        package let page: ModePage
        package var bytes: [UInt8]
        /// Where the page begins in the parameter list, for field pointers.
        package let offset: Int

        package func value(_ field: ModeField) -> UInt64 {
            field.layout.load(from: bytes)
        }
    }

    /// Ascending by code, then subpage; page 00 would come last.
    package let pages: [ModePage]
    private var current: [[UInt8]]

    package init(_ pages: [ModePage]) {
        self.pages = pages.sorted { ($0.code, $0.subpage) < ($1.code, $1.subpage) }
        self.current = self.pages.map(\.defaults)
    }

    package subscript(_ field: ModeField) -> UInt64 {
        get {
            index(field.page, field.subpage).map { field.layout.load(from: current[$0]) } ?? 0
        }
        set {
            guard let index = index(field.page, field.subpage) else { return }
            field.layout.store(newValue, in: &current[index])
        }
    }

    /// Overwrites bytes of a page whose contents follow the device's state.
    package mutating func setBytes(_ bytes: [UInt8], at offset: Int, code: UInt8, subpage: UInt8 = 0) {
        guard let index = index(code, subpage) else { return }
        for (position, byte) in bytes.enumerated() where offset + position < current[index].count {
            current[index][offset + position] = byte
        }
    }

    package func bytes(code: UInt8, subpage: UInt8 = 0) -> [UInt8] {
        index(code, subpage).map { current[$0] } ?? []
    }

    package mutating func resetToDefaults() {
        current = pages.map(\.defaults)
    }

    private func index(_ code: UInt8, _ subpage: UInt8) -> Int? {
        pages.firstIndex { $0.code == code && $0.subpage == subpage }
    }

    /// The pages that MODE SENSE asks for.
    ///
    /// - Parameters:
    ///   - control: 0 current, 1 changeable, 2 default, 3 saved.
    ///   - code: 3Fh asks for all.
    ///   - subpage: FFh asks for all of the page or pages.
    /// - Returns: nil when there is no such page.
    /// - Throws: 5/39/00 for saved values.
    package func sense(control: Int, code: Int, subpage: Int) throws(CheckCondition) -> [UInt8]? {
        guard control != 3 else { throw CheckCondition(.illegalRequest, .savingNotSupported) }
        var found = false
        var data: [UInt8] = []
        for (index, page) in pages.enumerated() {
            guard code == 0x3F || Int(page.code) == code else { continue }
            guard subpage == 0xFF || Int(page.subpage) == subpage else { continue }
            found = true
            switch control {
            case 1: data += page.changeableMask
            case 2: data += page.defaults
            default: data += current[index]
            }
        }
        return found ? data : nil
    }

    /// Reads the pages of a MODE SELECT parameter list without applying anything.
    ///
    /// - Parameter offset: where the first page begins in the list.
    /// - Throws: 5/1A/00 for a page cut short; 5/26/00 with a field pointer for an unknown page, a wrong length or a
    ///   change to what cannot be changed.
    package func parse(_ list: [UInt8], from offset: Int) throws(CheckCondition) -> [Change] {
        var changes: [Change] = []
        var position = offset
        while position < list.count {
            let hasSubpage = list[position] & 0x40 != 0
            let headerLength = hasSubpage ? 4 : 2
            guard position + headerLength <= list.count else {
                throw CheckCondition(.illegalRequest, .parameterListLengthError)
            }
            let code = list[position] & 0x3F
            let subpage = hasSubpage ? list[position + 1] : 0
            guard let index = index(code, subpage) else {
                throw .invalidParameter(byte: position, bit: 5)
            }
            let page = pages[index]
            let announced =
                hasSubpage
                ? Int(list[position + 2]) << 8 | Int(list[position + 3])
                : Int(list[position + 1])
            guard announced + headerLength == page.length else {
                throw .invalidParameter(byte: position + headerLength - 1)
            }
            guard position + page.length <= list.count else {
                throw CheckCondition(.illegalRequest, .parameterListLengthError)
            }
            let wanted = Array(list[position..<position + page.length])
            changes.append(try check(wanted, page, current: current[index], offset: position))
            position += page.length
        }
        return changes
    }

    private func check(
        _ wanted: [UInt8],
        _ page: ModePage,
        current: [UInt8],
        offset: Int
    ) throws(CheckCondition) -> Change {
        let mask = page.changeableMask
        for index in page.header.count..<page.length {
            let difference = (wanted[index] ^ current[index]) & ~mask[index]
            guard difference == 0 else {
                throw .invalidParameter(byte: offset + index, bit: 7 - difference.leadingZeroBitCount)
            }
        }
        // PS and the header's reserved bits are not the initiator's to set: keep ours.
        return Change(page: page, bytes: page.header + wanted[page.header.count...], offset: offset)
    }

    /// - Returns: true when a value changed.
    package mutating func apply(_ change: Change) -> Bool {
        guard let index = index(change.page.code, change.page.subpage) else { return false }
        defer { current[index] = change.bytes }
        return current[index] != change.bytes
    }
}
