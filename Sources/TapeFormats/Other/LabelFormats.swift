// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The rows of backup programs' own formats and of labels.
enum LabelFormats {
    static let rows: [FormatRow] = []
    static let volumeRows: [VolumeRow] = []
}
