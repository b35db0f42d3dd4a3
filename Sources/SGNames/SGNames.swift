// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
import CSGUtils2

/// Names that the SCSI tools know: one table for people, kept by sg3_utils, so that a trace reads like `sg_logs` does.
///
/// Every function is pure and may be called on any thread: the library only reads constant tables.
package enum SGNames {
    /// Longest name asked for, in bytes; the longest in the library's tables is below 100.
    static let nameLimitBytes = 160

    /// SPC peripheral device types whose command names differ.
    package enum DeviceType: Int32, Sendable {
        case tape = 1
        case changer = 8
    }

    /// The name of the command in `cdb`, e.g. `Read element status(12)`; nil when the tables do not know it.
    /// - Parameter cdb: a command descriptor block; the service action is taken from it where the opcode has one.
    package static func commandName(cdb: [UInt8], deviceType: DeviceType) -> String? {
        guard let opcode = cdb.first else { return nil }
        let serviceAction = cdb.count > 1 ? Int32(cdb[1] & 0x1F) : 0
        let name = unsafe text { buffer, count in
            unsafe sg_get_opcode_sa_name(opcode, serviceAction, deviceType.rawValue, count, buffer)
        }
        // The library answers "Opcode=0x.." or "Vendor specific [0x..]" for what it does not know.
        guard !name.isEmpty, !name.contains("0x") else { return nil }
        return name
    }

    /// The text of an additional sense code, e.g. `Medium not present`; nil when the tables do not know the pair.
    package static func senseText(asc: UInt8, ascq: UInt8) -> String? {
        var text = unsafe text { buffer, count in
            _ = unsafe sg_get_asc_ascq_str(Int32(asc), Int32(ascq), count, buffer)
        }
        let label = "Additional sense: "
        if text.hasPrefix(label) { text.removeFirst(label.count) }
        guard !text.isEmpty, !text.contains("ASC=") else { return nil }
        return text
    }

    /// The name of a sense key, e.g. `Illegal Request`.
    package static func senseKeyName(_ key: UInt8) -> String {
        unsafe text { buffer, count in
            _ = unsafe sg_get_sense_key_str(Int32(key), count, buffer)
        }
    }

    /// Runs a library call that fills a C string of at most `nameLimitBytes`.
    private static func text(_ fill: (UnsafeMutablePointer<CChar>, Int32) -> Void) -> String {
        // Safe: the buffer outlives the call, its true size is passed, and the library always ends it with NUL.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: nameLimitBytes) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            unsafe buffer.initialize(repeating: 0)
            unsafe fill(base, Int32(nameLimitBytes))
            return unsafe String(cString: base)
        }
    }
}
