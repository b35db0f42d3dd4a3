// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import capstan

@Suite("Tables and status for people")
struct TableTests {
    @Test("columns line up, numbers to the right, and no line ends with blanks")
    func alignment() {
        var table = Table(["PLACE", "SIZE", "NOTE"], right: [1])
        table.add("slot:1", "9", "x")
        table.add("slot:10", "1000", "")
        #expect(table.lines(.plain) == ["PLACE    SIZE  NOTE", "slot:1      9  x", "slot:10  1000"])
    }

    @Test("a column that is empty in every row is left out")
    func emptyColumn() {
        var table = Table(["A", "B", "C"])
        table.add("1", "", "3")
        #expect(table.lines(.plain) == ["A  C", "1  3"])
    }

    @Test("colour takes no room")
    func colour() {
        let style = Style(colour: true, unicode: true)
        #expect(Table.width(style.bold("abc")) == 3)
        #expect(Table.width(style.bar(used: 1, total: 2, width: 8)) == 10)
    }

    @Test(
        "a bar is filled by its share; anything above nothing shows",
        arguments: [(0, "[....]"), (1, "[#...]"), (50, "[##..]"), (99, "[###.]"), (100, "[####]"), (200, "[####]")]
            as [(UInt64, String)]
    )
    func bar(used: UInt64, text: String) {
        #expect(Style.plain.bar(used: used, total: 100, width: 4) == text)
    }

    @Test("a bar of nothing is empty")
    func emptyBar() { #expect(Style.plain.bar(used: 0, total: 0, width: 2) == "[..]") }

    @Test(
        "times are told in two units",
        arguments: [
            (7, "7 s"), (125, "2 min 05 s"), (11_520, "3 h 12 min"), (352_800, "4 d 2 h"),
        ] as [(UInt64, String)]
    )
    func spans(seconds: UInt64, text: String) { #expect(Spans.text(seconds: seconds) == text) }

    @Test("progress tells share, rate and time left")
    func progress() {
        #expect(
            ProgressLine.text("verify A", done: 1 << 30, total: 4 << 30, elapsed: .seconds(10))
                == "verify A: 1.0 GiB of 4.0 GiB (25 %), 102.4 MiB/s, 30 s left"
        )
        #expect(ProgressLine.text("x", done: 0, total: nil, elapsed: .zero) == "x: 0 B")
    }
}
