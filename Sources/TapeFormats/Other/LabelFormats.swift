// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The rows of backup programs' own formats and of labels.
enum LabelFormats {
    /// Labels of LTFS and of NetBackup are standard labels too: those come last.
    static let rows: [FormatRow] =
        LTFSFormat.rows + [
            AmandaFormat.row,
            FormatRow("bacula-data") { (probe) throws(FormatError) in try BaculaVolume.recognise(probe.file) },
            MTFFormat.row,
            NetBackupFormat.row,
        ] + OtherFormats.rows + [StandardLabels.row]
    static let volumeRows: [VolumeRow] = [
        LTFSFormat.volumeRow, AmandaFormat.volumeRow, baculaRow("bacula"), baculaRow("bareos"),
        StandardLabels.volumeRow,
    ]

    private static func baculaRow(_ name: String) -> VolumeRow {
        VolumeRow(
            name,
            recognise: { (volume) throws(FormatError) in
                let recognition = try BaculaVolume.recogniseVolume(volume)
                return recognition?.format == name ? recognition : nil
            },
            open: { (volume, _, limits) throws(FormatError) in try BaculaVolume.contents(of: volume, limits: limits) }
        )
    }
}
