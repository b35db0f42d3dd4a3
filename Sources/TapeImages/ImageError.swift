// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Why an image cannot be read or written. `description` is a sentence without a full stop, `hint` what helps.
package enum ImageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The bytes at this offset are not what the format says.
    case malformed(file: String, offset: UInt64, reason: String)
    /// Sound, but something that is not read here.
    case unsupported(file: String, reason: String, hint: String)
    /// The format has no place for something that is on the cartridge.
    case cannotHold(reason: String, hint: String)
    /// Nobody knows what this file is.
    case notRecognised(file: String, hint: String)
    case disk(DiskError)

    package var description: String {
        switch self {
        case .malformed(let file, let offset, let reason): "at byte \(offset) of \(file): \(reason)"
        case .unsupported(let file, let reason, _): "\(file): \(reason)"
        case .cannotHold(let reason, _): reason
        case .notRecognised(let file, _): "\(file) is no tape image that is known here"
        case .disk(let error): "\(error)"
        }
    }

    package var hint: String? {
        switch self {
        case .unsupported(_, _, let hint), .cannotHold(_, let hint), .notRecognised(_, let hint): hint
        case .malformed, .disk: nil
        }
    }
}

/// Runs a disk operation and turns its error into ours.
func onDisk<R>(_ body: () throws(DiskError) -> R) throws(ImageError) -> R {
    do throws(DiskError) { return try body() } catch { throw .disk(error) }
}
