// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Why a cartridge could not do what was asked. `description` is a sentence for the operator.
package enum CartridgeError: Error, Sendable, Equatable, CustomStringConvertible {
    case disk(DiskError)
    /// The socket that records are sent to went away or failed; `code` is its errno.
    case connection(code: Int32)
    /// Physical end of partition: the object does not fit and nothing was written.
    case full
    /// The payload of this record does not match its checksum, or is not there.
    case corruptRecord(partition: Int, address: BlockAddress)
    /// The index does not say where this object is.
    case corruptIndex(partition: Int, address: BlockAddress, reason: String)
    /// Not a cartridge of this program, or one whose parts do not belong together.
    case foreign(path: String, reason: String)
    case unsupportedFormat(path: String, version: Int)
    case invalidBarcode(String)
    /// A value outside what the format can hold.
    case invalidArgument(String)
    case alreadyExists(path: String)
    /// Opened for reading only.
    case readOnly
    /// An earlier write could not be made durable, so nothing may follow it until the cartridge is opened again.
    case writingStopped(DiskError)
    /// Nothing lies at this address: it is behind the end of data.
    case beyondEndOfData(partition: Int, address: BlockAddress)
    case notARecord(partition: Int, address: BlockAddress)
    case closed

    package var description: String {
        switch self {
        case .disk(let error) where error.isOutOfSpace:
            "The disk is full: \(error). Free some space; what is on the cartridge stays readable."
        case .disk(let error): "The disk failed: \(error)."
        case .connection(let code): "The connection that records are sent over failed (errno \(code))."
        case .full: "The partition is full: the object does not fit before its physical end."
        case .corruptRecord(let partition, let address):
            "Record \(address) in partition \(partition) is damaged: its contents do not match its checksum."
        case .corruptIndex(let partition, let address, let reason):
            "The index of partition \(partition) is damaged at object \(address): \(reason)."
        case .foreign(let path, let reason): "\(path) is not a cartridge that can be used: \(reason)."
        case .unsupportedFormat(let path, let version):
            "\(path) has format version \(version); this program knows \(CartridgeMetadata.currentFormatVersion)."
        case .invalidBarcode(let barcode):
            "\"\(barcode.prefix(64))\" is not a barcode: use 1 to 32 of A to Z, 0 to 9, \"-\" and \"_\"."
        case .invalidArgument(let reason): "\(reason)."
        case .alreadyExists(let path): "\(path) exists already."
        case .readOnly: "The cartridge is open for reading only."
        case .writingStopped(let error):
            "Writing has stopped because earlier data could not be made durable (\(error)). Unload the cartridge; "
                + "at the next load it holds everything that can be verified."
        case .beyondEndOfData(let partition, let address):
            "Object \(address) in partition \(partition) lies behind the end of data."
        case .notARecord(let partition, let address):
            "Object \(address) in partition \(partition) is a filemark, not a record."
        case .closed: "The cartridge is closed."
        }
    }
}

/// Runs a disk operation and turns its error into ours.
func onDisk<R>(_ body: () throws(DiskError) -> R) throws(CartridgeError) -> R {
    do throws(DiskError) { return try body() } catch { throw CartridgeError.disk(error) }
}
