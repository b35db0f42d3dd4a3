// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// `capstan status` for people: one screen, the drives first.
struct StatusPage {
    let report: StatusReport
    let style: Style

    func lines() -> [String] {
        var lines = heading()
        lines += section("DRIVES", drives())
        lines += section("LIBRARY", library())
        lines += section("DOORS", doors())
        lines += section("SESSIONS", SessionRows.lines(report.sessions, style))
        return lines
    }

    private func heading() -> [String] {
        let library = "\(report.library.vendor) \(report.library.product)"
        var store = "store \(report.store)"
        if let free = report.storeFreeBytes { store += ", \(ByteSize.text(free)) free" }
        return [
            style.bold("Capstan \(report.version)") + "  \(library), serial \(report.library.serial), "
                + "up \(Spans.text(seconds: report.uptimeSeconds))",
            style.dim(store),
        ]
    }

    private func section(_ title: String, _ body: [String]) -> [String] { ["", style.bold(title)] + body }

    private func drives() -> [String] {
        var table = Table(Array(repeating: "", count: 8), right: [6], indent: "  ")
        for drive in report.drives {
            let number = style.cyan("\(drive.index)")
            guard let cartridge = drive.cartridge else {
                table.add(number, drive.name, style.dim("empty"), "", "", "", "", state(drive))
                continue
            }
            table.add(
                number,
                drive.name,
                style.bold(cartridge.barcode),
                marks(cartridge),
                position(drive),
                style.bar(used: cartridge.usedBytes ?? 0, total: cartridge.capacityBytes, width: 16),
                "\(cartridge.usedText) of \(cartridge.capacityText)",
                state(drive)
            )
        }
        return table.lines(style)
    }

    private func marks(_ cartridge: CartridgeSummary) -> String {
        var text = cartridge.generation
        if cartridge.kind != "data" { text += " \(cartridge.kind)" }
        if cartridge.writeProtected { text += " " + style.yellow("protected") }
        return text
    }

    private func position(_ drive: DriveReport) -> String {
        guard let position = drive.position else { return "" }
        let partition = position.partition == 0 ? "" : "partition \(position.partition) "
        return "\(partition)block \(position.block) file \(position.file)"
    }

    private func state(_ drive: DriveReport) -> String {
        let word =
            switch drive.activity {
            case "idle", "empty": style.dim(drive.cartridge == nil ? "" : drive.activity)
            case "open", "transferring": style.green(drive.activity)
            default: style.yellow(drive.activity)
            }
        guard let owner = drive.owner else { return word }
        return word.isEmpty ? owner : "\(word), \(owner)"
    }

    private func library() -> [String] {
        var table = Table(["", ""], indent: "  ")
        table.add("robot", "\(report.library.changer), \(report.robot.owner.map { "held by \($0)" } ?? "idle")")
        let slots = report.slots
        table.add(
            "slots",
            style.bar(used: UInt64(slots.used), total: UInt64(slots.total), width: 16)
                + " \(slots.used) of \(slots.total) used"
                + (slots.shelf > 0 ? ", \(Plural.of(UInt64(slots.shelf), "cartridge")) on the shelf" : "")
        )
        let mail = report.mailSlots.map { "\($0.index) \($0.barcode.map(style.bold) ?? style.dim("empty"))" }
        if !mail.isEmpty { table.add("mail", mail.joined(separator: "   ")) }
        return table.lines(style)
    }

    private func doors() -> [String] {
        var table = Table(["", ""], indent: "  ")
        if let ndmp = report.doors.ndmp {
            let ports = ndmp.dataPorts == "any" ? "any data port" : "data ports \(ndmp.dataPorts)"
            table.add("NDMP", "\(bracketed(ndmp.host)):\(ndmp.port), \(ports)")
        }
        if let url = report.doors.http.url { table.add("HTTP", url) }
        table.add("socket", report.doors.http.socket)
        return table.lines(style)
    }

    private func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// `capstan inventory` for people.
struct InventoryPage {
    let report: InventoryReport
    let style: Style

    func lines() -> [String] {
        let cartridges = Dictionary(report.cartridges.map { ($0.barcode, $0) }) { first, _ in first }
        var table = Table(["PLACE", "BARCODE", "MEDIUM", "USED", "CAPACITY", "NOTES"], right: [3, 4])
        for element in report.elements {
            let place = "\(element.kind.rawValue):\(element.index)"
            guard let barcode = element.barcode else {
                table.add(place, style.dim("-"))
                continue
            }
            addRow(to: &table, place, barcode, cartridges[barcode], source: element.source)
        }
        for cartridge in report.cartridges where cartridge.location == ElementKind.shelf.rawValue {
            addRow(to: &table, "shelf", cartridge.barcode, cartridge, source: nil)
        }
        return table.lines(style)
    }

    private func addRow(
        to table: inout Table,
        _ place: String,
        _ barcode: String,
        _ cartridge: CartridgeSummary?,
        source: String?
    ) {
        var notes: [String] = []
        if let source, source != place { notes.append("from \(source)") }
        if let cartridge { notes += CartridgeRows.notes(cartridge) }
        table.add(
            place,
            style.bold(barcode),
            cartridge?.generation ?? "",
            cartridge?.usedText ?? "",
            cartridge?.capacityText ?? "",
            notes.joined(separator: ", ")
        )
    }
}

extension CartridgeSummary {
    /// Empty when nobody looked.
    var usedText: String { usedBytes.map { ByteSize.capacityText($0, of: capacityBytes) } ?? "" }
    /// Empty for a cartridge that cannot be read.
    var capacityText: String {
        capacityBytes == 0 ? "" : ByteSize.capacityText(capacityBytes, of: capacityBytes)
    }
}

/// Lists of cartridges.
enum CartridgeRows {
    static func notes(_ cartridge: CartridgeSummary) -> [String] {
        var notes: [String] = []
        if cartridge.kind != "data" { notes.append(cartridge.kind) }
        if cartridge.writeProtected { notes.append("write-protected") }
        if let problem = cartridge.problem { notes.append(problem) }
        return notes
    }

    static func lines(_ cartridges: [CartridgeSummary], _ style: Style) -> [String] {
        var table = Table(["BARCODE", "MEDIUM", "PLACE", "USED", "CAPACITY", "NOTES"], right: [3, 4])
        for cartridge in cartridges.sorted(by: { $0.barcode < $1.barcode }) {
            table.add(
                style.bold(cartridge.barcode),
                cartridge.generation,
                cartridge.location ?? "",
                cartridge.usedText,
                cartridge.capacityText,
                notes(cartridge).joined(separator: ", ")
            )
        }
        return table.lines(style)
    }
}
