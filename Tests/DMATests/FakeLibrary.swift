// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import WireFormat

@testable import DMA

/// A tape as an array of records and filemarks.
final class FakeTape {
    enum Item: Equatable {
        case record([UInt8])
        case mark
    }

    var items: [Item] = []
    var position = 0
    /// Bytes until the early warning.
    var capacity: Int
    var isWriteProtected = false

    init(capacity: Int = .max) { self.capacity = capacity }

    private var used: Int {
        items.prefix(position).reduce(0) { sum, item in
            if case .record(let bytes) = item { return sum + bytes.count }
            return sum
        }
    }

    func hasRoom(_ bytes: Int) -> Bool { capacity == .max || used + bytes <= capacity }

    func write(_ item: Item) {
        items.removeSubrange(position...)
        items.append(item)
        position += 1
    }

    var here: Item? { position < items.count ? items[position] : nil }

    /// The tape files, each as its records.
    var files: [[[UInt8]]] {
        var files: [[[UInt8]]] = [[]]
        for item in items {
            switch item {
            case .record(let bytes): files[files.count - 1].append(bytes)
            case .mark: files.append([])
            }
        }
        return files
    }

    var fileNumber: Int { items.prefix(position).count { $0 == .mark } }
    var blockNumber: Int { items.prefix(position).reversed().prefix { $0 != .mark }.count }

    /// - Returns: how many were left over.
    func space(forwardMarks count: Int) -> Int {
        var left = count
        while left > 0, position < items.count {
            if items[position] == .mark { left -= 1 }
            position += 1
        }
        return left
    }
}

/// A server: a library of drives and slots, and a data service whose stream is given.
final class FakeServer: @unchecked Sendable {
    static let firstDrive: UInt16 = 256
    static let firstSlot: UInt16 = 1024

    let name: String
    var tapes: [String: FakeTape] = [:]
    /// Barcode or nothing.
    var slots: [String?]
    var drives: [(barcode: String?, source: UInt16?)]
    /// Who has the drive open.
    var holders: [FakeCaller?]
    /// Who has the changer open.
    var changerHolder: FakeCaller?
    let version: Int
    /// What a backup sends, and the file history it tells.
    var stream: [UInt8] = []
    var history: [FileHistory] = []
    /// What is asked of the stream by a recover: nothing means all of it.
    var wantedRanges: [(offset: UInt64, length: UInt64)] = []
    /// What the last recover got.
    var recovered: [UInt8] = []
    var recoverRequest: DataStartRecoverRequest?
    var backupRequest: DataStartBackupRequest?
    /// What a server of our kind exports; nil: another kind of server.
    var exports: [String]?
    /// Refuses START_BACKUP after telling this.
    var refusal: String?
    /// Barcodes in the order they were loaded.
    var loads: [String] = []

    init(_ name: String, barcodes: [String], slots count: Int, drives driveCount: Int = 1, version: Int = 4) {
        self.name = name
        self.version = version
        slots = (0..<count).map { $0 < barcodes.count ? barcodes[$0] : nil }
        drives = Array(repeating: (nil, nil), count: driveCount)
        holders = Array(repeating: nil, count: driveCount)
        for barcode in barcodes { tapes[barcode] = FakeTape() }
    }

    func move(_ from: UInt16, _ to: UInt16) -> Bool {
        guard let barcode = contents(from), contents(to) == nil else { return false }
        set(from, nil, source: nil)
        set(to, barcode, source: from)
        if to < Self.firstSlot {
            loads.append(barcode)
            tapes[barcode]?.position = 0
        }
        return true
    }

    private func contents(_ address: UInt16) -> String? {
        address >= Self.firstSlot
            ? slots[Int(address - Self.firstSlot)] : drives[Int(address - Self.firstDrive)].barcode
    }

    private func set(_ address: UInt16, _ barcode: String?, source: UInt16?) {
        if address >= Self.firstSlot {
            slots[Int(address - Self.firstSlot)] = barcode
        } else {
            drives[Int(address - Self.firstDrive)] = (barcode, source)
        }
    }

    var elementStatus: [UInt8] {
        ElementStatusBytes.report(
            [
                .init(type: 1, address: 0, barcode: nil, source: nil)
            ]
                + slots.enumerated().map {
                    .init(type: 2, address: Self.firstSlot + UInt16($0), barcode: $1, source: nil)
                }
                + drives.enumerated().map {
                    .init(type: 4, address: Self.firstDrive + UInt16($0), barcode: $1.barcode, source: $1.source)
                }
        )
    }
}

/// READ ELEMENT STATUS data written by hand after SMC-3 6.12, tables 42 to 47, with primary volume tags.
enum ElementStatusBytes {
    struct Element {
        var type: UInt8
        var address: UInt16
        var barcode: String?
        var source: UInt16?
    }

    static func report(_ elements: [Element]) -> [UInt8] {
        var pages: [UInt8] = []
        for type: UInt8 in 1...4 {
            let members = elements.filter { $0.type == type }
            guard !members.isEmpty else { continue }
            let length = 12 + 36 + 4
            let bytes = length * members.count
            pages += [
                type, 0x80, 0, UInt8(length), 0, UInt8(bytes >> 16), UInt8(bytes >> 8 & 0xFF), UInt8(bytes & 0xFF),
            ]
            for member in members {
                pages += [UInt8(member.address >> 8), UInt8(member.address & 0xFF)]
                pages += [(member.barcode == nil ? 0 : 1) | (type == 1 ? 0 : 8), 0, 0, 0, 0, 0, 0]
                let source = member.source ?? 0
                pages += [member.source == nil ? 0 : 0x80, UInt8(source >> 8), UInt8(source & 0xFF)]
                let tag = Array((member.barcode ?? "").utf8)
                pages += tag + [UInt8](repeating: 0x20, count: 32 - tag.count) + [0, 0, 0, 0]
                pages += [0, 0, 0, 0]
            }
        }
        let first = elements.map(\.address).min() ?? 0
        let header: [UInt8] = [
            UInt8(first >> 8), UInt8(first & 0xFF), UInt8(elements.count >> 8), UInt8(elements.count & 0xFF), 0,
            UInt8(pages.count >> 16), UInt8(pages.count >> 8 & 0xFF), UInt8(pages.count & 0xFF),
        ]
        return header + pages
    }
}
