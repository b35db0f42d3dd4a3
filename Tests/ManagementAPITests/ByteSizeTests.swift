// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI
import Testing

@Suite("Sizes as people write them")
struct ByteSizeTests {
    @Test(
        "binary, decimal and bare units",
        arguments: [
            ("0", 0), ("4096", 4096), ("1B", 1), ("64MiB", 67_108_864), ("64M", 67_108_864), ("64 MiB", 67_108_864),
            ("12TB", 12_000_000_000_000), ("1.5GiB", 1_610_612_736), ("1.5gb", 1_500_000_000), ("0.5k", 512),
            ("2.5TB", 2_500_000_000_000), ("1KB", 1000),
        ] as [(String, UInt64)]
    )
    func accepted(text: String, bytes: UInt64) { #expect(ByteSize.parse(text) == bytes) }

    @Test(
        "what is no size is refused",
        arguments: [
            "", " ", "-1", "1.5", "x", "MiB", "1.2.3GB", "1,5GB", "64Mib/s", "9999999999999999TB", "1e6", "１GB",
            "18446744073709551615", "1.GB", "0x10",
        ]
    )
    func refused(text: String) {
        // A fraction of a byte is rounded down, which is the one of these that is a size.
        #expect(ByteSize.parse(text) == (text == "1.5" ? 1 : nil))
    }

    @Test(
        "text has one decimal and never a thousand of a unit",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (67_108_864, "64.0 MiB"), (1_048_575, "1.0 MiB"),
            (12_000_000_000_000, "10.9 TiB"),
        ] as [(UInt64, String)]
    )
    func binaryText(bytes: UInt64, text: String) { #expect(ByteSize.text(bytes) == text) }

    @Test("a capacity is shown in the units it was given in")
    func capacityText() {
        #expect(ByteSize.capacityText(12_000_000_000_000, of: 12_000_000_000_000) == "12.0 TB")
        #expect(ByteSize.capacityText(1_000_000, of: 12_000_000_000_000) == "1.0 MB")
        #expect(ByteSize.capacityText(64 << 20, of: 64 << 20) == "64.0 MiB")
        #expect(ByteSize.capacityText(1 << 20, of: 64 << 20) == "1.0 MiB")
    }
}
