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
        return switch found {
        case .tap, .e11: try SIMHReader(path, on: disk, format: found)
        case .aws, .het: try AWSReader(path, on: disk, format: found)
        case .directory: try FolderReader(path, on: disk)
        case .mhvtl: try MHVTLReader(path, on: disk)
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
        guard format != .directory else {
            guard standardOutput == nil else {
                throw .cannotHold(reason: "a directory cannot be written to standard output", hint: "name one")
            }
            return try FolderWriter(path, on: disk, tape: tape, replaces: options.replaces)
        }
        let output: any ImageOutput
        if let standardOutput {
            output = standardOutput
        } else {
            output = try ImageFileOutput(path, on: disk, replaces: options.replaces)
        }
        switch format {
        case .tap: return SIMHWriter(output)
        case .aws: return AWSWriter(output, compression: .none)
        case .het: return AWSWriter(output, compression: options.compression)
        case .e11, .mhvtl, .directory:
            output.discard()
            throw .cannotHold(reason: "\(format.name)s are read only", hint: "take another format")
        }
    }
}
