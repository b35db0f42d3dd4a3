// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// The reference page of the drive, made from the tables that the drive runs on. A test compares the page in
/// `docs/reference` with it.
package enum DriveReference {
    package static var markdown: String {
        sections.joined(separator: "\n")
    }

    private static var sections: [String] {
        [
            """
            # SCSI reference: tape drive

            This page is made from the drive's own tables; do not edit it. Numbers are hexadecimal unless they say
            otherwise. Anything that is not listed is answered with 5/20/00 (command), 5/24/00 (field, page) or 5/26/00
            (parameter).

            ## Commands

            Fields in parentheses are accepted without effect. Every bit that no field covers must be zero.

            """,
            TapeCommands.table.markdown,
            """
            ## Drives and media

            | Drive | Reads | Writes |
            |---|---|---|
            """,
            models,
            """

            | Medium | Density | Medium type | WORM type | Capacity (MB) | Partitions |
            |---|---|---|---|---|---|
            """,
            formats,
            """

            Early warning comes when 0.5 % of a partition is left, but at least 16 MiB, at most 4 GiB and never more than an
            eighth of the partition.

            ## Mode pages

            Fields that MODE SELECT may change are marked with *.

            | Page | Name | Fields and defaults |
            |---|---|---|
            """,
            modePages,
            """

            ## Log pages

            | Page | Name |
            |---|---|
            """,
            TapeLogPage.allCases.map { "| \(hexadecimal($0.rawValue)) | \($0.name) |" }.joined(separator: "\n"),
            """

            ## Vital product data

            Pages 00, 80, 83, B0, B1, B3 and B4.

            ## Medium auxiliary memory

            | Attribute | Name | Length | Format | Kept by |
            |---|---|---|---|---|
            """,
            attributes,
            "",
        ]
    }

    private static var models: String {
        DriveModel.all.map { model in
            let reads = model.formats.map(\.name).joined(separator: ", ")
            let writes = model.writes.compactMap { MediumFormat.of(generation: $0)?.name }.joined(separator: ", ")
            return "| \(model.name) | \(reads) | \(writes) |"
        }.joined(separator: "\n")
    }

    private static var formats: String {
        MediumFormat.all.map { format in
            let worm = format.wormMediumType.map { hexadecimal($0) } ?? "none"
            return
                "| \(format.name) | \(hexadecimal(format.densityCode)) | \(hexadecimal(format.mediumType)) | \(worm) | "
                + "\(format.capacityMegabytes) | \(format.maximumPartitions) |"
        }.joined(separator: "\n")
    }

    private static var modePages: String {
        TapeModePages.pages(for: .lto8).pages.map { page in
            let subpage = page.subpage == 0 ? "" : "/" + hexadecimal(page.subpage)
            let fields = page.fields.map { field in
                let mark = field.isChangeable ? "*" : ""
                let value =
                    field.defaultValue == 0 ? "" : " = " + String(field.defaultValue, radix: 16, uppercase: true)
                return field.layout.name + mark + value
            }
            return "| \(hexadecimal(page.code))\(subpage) | \(page.name) | \(fields.joined(separator: ", ")) |"
        }.joined(separator: "\n")
    }

    private static var attributes: String {
        MediumAttributes.rows.map { row in
            let code = hexadecimal(UInt8(row.identifier >> 8)) + hexadecimal(UInt8(row.identifier & 0xFF))
            let length = row.isVariable ? "up to \(row.length)" : "\(row.length)"
            return "| \(code) | \(row.name) | \(length) | \(row.format) | \(row.access.rawValue) |"
        }.joined(separator: "\n")
    }

    private static func hexadecimal(_ value: UInt8) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return text.count == 1 ? "0" + text : text
    }
}
