// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The rows of archives: what programs write into a tape file.
enum ArchiveFormats {
    /// A signature and a checksum.
    static let checked: [FormatRow] = [TarFormat.row, DumpTapeFormat.row]
    /// A signature.
    static let signed: [FormatRow] = CpioFormat.rows + CompressedFormat.rows
    /// A checksum and nothing else.
    static let guessed: [FormatRow] = [TarFormat.oldRow]
}
