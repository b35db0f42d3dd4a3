// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// `capstan cartridge show` for people.
struct CartridgePage {
    let report: CartridgeReport
    let style: Style

    /// Tape files shown without `--all`.
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
        let capacity = ByteSize.capacityText(partition.capacityBytes, of: partition.capacityBytes)
        var lines = [
            "  " + style.bar(used: partition.usedBytes, total: partition.capacityBytes, width: 24)
                + " \(ByteSize.capacityText(partition.usedBytes, of: partition.capacityBytes)) of \(capacity), "
                + "\(partition.records) records and \(partition.filemarks) filemarks"
        ]
        guard partition.objects > 0 else { return lines + ["  " + style.dim("nothing written")] }
        var table = Table(
            ["FILE", "BLOCK", "RECORDS", "SIZE", "RECORD SIZE", "CONTENTS"],
            right: [0, 1, 2, 3],
            indent: "  "
        )
        for file in partition.files {
            table.add(
                "\(file.index)",
                "\(file.firstBlock)",
                "\(file.records)",
                ByteSize.text(file.bytes),
                Self.recordSizes(file),
                contents(file)
            )
        }
        lines += table.lines(style)
        if partition.filesCut, let last = partition.files.last {
            let more = partition.fileCount - min(partition.fileCount, last.index + 1)
            lines.append("  " + style.dim("and \(more) more tape files: --from \(last.index + 1), or --all"))
        } else {
            lines.append("  " + style.dim("end of data at block \(partition.objects)"))
        }
        return lines
    }

    /// `65536`, `512 to 65536`, `10240, last 2048`; nothing where there are no records.
    private static func recordSizes(_ file: CartridgeReport.TapeFile) -> String {
        guard file.records > 0 else { return "" }
        if let smallest = file.smallestRecordBytes, let largest = file.largestRecordBytes {
            if smallest == largest { return "\(largest)" }
            if file.recordBytes == largest, file.lastRecordBytes == smallest, file.records > 1 {
                return "\(largest), last \(smallest)"
            }
            return "\(smallest) to \(largest)"
        }
        if file.recordBytes == file.lastRecordBytes { return "\(file.recordBytes)" }
        return "\(file.recordBytes), last \(file.lastRecordBytes)"
    }

    private func contents(_ file: CartridgeReport.TapeFile) -> String {
        var parts: [String] = []
        if let title = file.title {
            parts.append(Self.printable(title))
        } else if file.records == 0, file.problem == nil {
            parts.append(style.dim("empty"))
        }
        if let problem = file.problem { parts.append(style.yellow(Self.printable(problem))) }
        if !file.endsWithFilemark { parts.append(style.dim("no filemark behind it")) }
        return parts.joined(separator: "; ")
    }

    /// A title comes from a tape, which may hold anything: nothing in it reaches the terminal as a control.
    private static func printable(_ text: String) -> String {
        let safe = text.unicodeScalars.map { scalar -> Character in
            scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "?" : Character(scalar)
        }
        return String(safe.prefix(maximumTitle))
    }

    private static let maximumTitle = 100

    private func attributes() -> [String] {
        var table = Table(["", "", ""], indent: "  ")
        for attribute in report.attributes {
            let id = report.partitions.count > 1 ? "\(attribute.partition)/\(attribute.id)" : attribute.id
            table.add(id, attribute.name ?? "", String(attribute.value.prefix(64)))
        }
        return table.lines(style)
    }
}
