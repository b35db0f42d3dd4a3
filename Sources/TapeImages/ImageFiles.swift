// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Opens images for reading and writing.
package enum ImageFiles {
    /// - Parameter format: nil finds out from what is in the file.
    package static func reader(
        _ path: String,
        format: ImageFormat?,
        on disk: any Disk
    ) throws(ImageError) -> any ImageReader {
        let found: ImageFormat
        if let format { found = format } else { found = try ImageRecogniser.format(of: path, on: disk) }
        switch found {
        case .tap, .e11: return try SIMHReader(path, on: disk, format: found)
        default: throw .notRecognised(file: path, hint: "")
        }
    }

    /// - Parameter standardOutput: takes the place of a file.
    package static func writer(
        _ format: ImageFormat,
        to path: String,
        on disk: any Disk,
        tape: TapeDescription,
        options: ImageExport.Options,
        standardOutput: (any ImageOutput)?
    ) throws(ImageError) -> any ImageWriter {
        let output: any ImageOutput
        if let standardOutput {
            output = standardOutput
        } else {
            output = try ImageFileOutput(path, on: disk, replaces: options.replaces)
        }
        switch format {
        case .tap: return SIMHWriter(output)
        default: throw .cannotHold(reason: "", hint: "")
        }
    }
}
