// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// `capstan cartridge show` for people.
struct CartridgePage {
    let report: CartridgeReport
    let style: Style

    /// Tape files shown; `--json` gives all that the daemon lists.
    static let filesShown = 40

    func lines() -> [String] {
        let summary = report.summary
        var title = style.bold(summary.barcode) + "  \(summary.generation)"
        if summary.kind != "data" { title += " \(summary.kind)" }
        if summary.writeProtected { title += ", " + style.yellow("write-protected") }
        if let location = summary.location { title += ", \(location)" }
        var lines = [title]
        if let label = report.label, !label.isEmpty { lines.append("label \"\(label)\"") }
        let loads = report.loadCount == 1 ? "once" : "\(report.loadCount) times"
        var counts = "loaded \(loads), \(ByteSize.text(report.bytesWritten)) written and "
        counts += "\(ByteSize.text(report.bytesRead)) read in its life, format \(report.formatVersion)"
        if let cleanings = report.cleaningsLeft { counts += ", \(cleanings) cleanings left" }
        lines.append(style.dim(counts))
        for (number, partition) in report.partitions.enumerated() {
            lines += ["", style.bold("PARTITION \(number)")] + self.partition(partition)
        }
        if !report.attributes.isEmpty { lines += ["", style.bold("ATTRIBUTES")] + attributes() }
        return lines
    }

    private func partition(_ partition: CartridgeReport.Partition) -> [String] {
        var lines = [
            "  " + style.bar(used: partition.usedBytes, total: partition.capacityBytes, width: 24)
                + " \(ByteSize.capacityText(partition.usedBytes, of: partition.capacityBytes)) of "
                + "\(ByteSize.capacityText(partition.capacityBytes, of: partition.capacityBytes)), "
                + "\(partition.objects) records and filemarks"
        ]
        guard !partition.files.isEmpty else { return lines + ["  " + style.dim("nothing written")] }
        var table = Table(["FILE", "BLOCK", "RECORDS", "SIZE", "RECORD SIZE", ""], right: [0, 1, 2, 3], indent: "  ")
        for file in partition.files.prefix(Self.filesShown) {
            let sizes =
                file.records == 0
                ? ""
                : file.recordBytes == file.lastRecordBytes
                    ? "\(file.recordBytes)" : "\(file.recordBytes), last \(file.lastRecordBytes)"
            table.add(
                "\(file.index)",
                "\(file.firstBlock)",
                "\(file.records)",
                ByteSize.text(file.bytes),
                sizes,
                file.endsWithFilemark ? "" : style.dim("no filemark behind it")
            )
        }
        lines += table.lines(style)
        if partition.files.count > Self.filesShown || partition.filesCut {
            lines.append("  " + style.dim("and more; --json lists them"))
        }
        return lines
    }

    private func attributes() -> [String] {
        var table = Table(["", "", ""], indent: "  ")
        for attribute in report.attributes {
            let id = report.partitions.count > 1 ? "\(attribute.partition)/\(attribute.id)" : attribute.id
            table.add(id, attribute.name ?? "", String(attribute.value.prefix(64)))
        }
        return table.lines(style)
    }
}
