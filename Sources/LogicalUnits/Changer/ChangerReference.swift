// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// The reference page of the changer, made from the tables that the changer runs on. A test compares the page in
/// `docs/reference` with it.
package enum ChangerReference {
    package static var markdown: String {
        [
            """
            # SCSI reference: media changer

            This page is made from the changer's own tables; do not edit it. Numbers are hexadecimal unless they say
            otherwise. Anything that is not listed is answered with 5/20/00 (command), 5/24/00 (field, page) or 5/26/00
            (parameter).

            ## Commands

            Fields in parentheses are accepted without effect. Every bit that no field covers must be zero.

            """,
            ChangerCommands.table.markdown,
            """
            READ ELEMENT STATUS chooses elements by address and reports them in pages by type: robot, slots, mail
            slots, drives.

            ## Refusals of moves

            In the order in which they are looked for.

            | Sense | When |
            |---|---|
            | 5/21/01 | an address is no place for cartridges, or the robot named is another |
            | 5/24/00 | a cartridge is to be turned over |
            | 2/3A/02 | a mail slot concerned is open |
            | 5/3B/0E | the source is empty |
            | 5/3B/0D | the destination is full |
            | 5/53/02 | to a mail slot, while an initiator prevents removal on the changer |
            | 5/53/03 | a drive concerned is moving data, or an initiator prevents removal on it |
            | 2/04/07 | the cartridge is being verified |
            | 4/53/09 | the cartridge cannot be opened |
            | 4/53/0C | the drive could not write back what it was given; a second move takes the cartridge out |
            | 4/44/00 | the inventory could not be written; nothing moved |

            ## Mode pages

            The addresses are those of the default library. Fields that MODE SELECT may change are marked with *.

            | Page | Name | Fields and defaults |
            |---|---|---|
            """,
            modePages,
            """

            ## Log pages

            | Page | Name |
            |---|---|
            """,
            ChangerLogPage.allCases.map { "| \(hexadecimal($0.rawValue)) | \($0.name) |" }.joined(separator: "\n"),
            """

            ## Vital product data

            Pages \(ChangerVitalProductDataPage.allCases.map { hexadecimal($0.rawValue) }.joined(separator: ", ")).

            """,
        ].joined(separator: "\n")
    }

    /// 4 drives, 24 slots, 2 mail slots.
    private static let defaultMap = ElementMap(
        mediumTransport: ElementRange(first: 0x0001, count: 1),
        storage: ElementRange(first: 0x1000, count: 24),
        importExport: ElementRange(first: 0x0010, count: 2),
        dataTransfer: ElementRange(first: 0x0100, count: 4)
    )

    private static var modePages: String {
        ChangerModePages.pages(for: defaultMap).pages.map { page in
            let fields = page.fields.map { field in
                let mark = field.isChangeable ? "*" : ""
                let value = String(field.defaultValue, radix: 16, uppercase: true)
                return field.layout.name + mark + (field.defaultValue == 0 ? "" : " = " + value)
            }
            return "| \(hexadecimal(page.code)) | \(page.name) | \(fields.joined(separator: ", ")) |"
        }.joined(separator: "\n")
    }

    private static func hexadecimal(_ value: UInt8) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return text.count == 1 ? "0" + text : text
    }
}
