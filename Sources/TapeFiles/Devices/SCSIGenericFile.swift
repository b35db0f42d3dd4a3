// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// An open `sg` of a drive or the changer: CDBs by ioctl SG_IO. Shared: any number of opens.
final class SCSIGenericFile: OpenFile {
    let traits = OpenTraits(isDirect: true, isStream: true)
    private let generic: GenericControl

    init(_ generic: GenericControl) {
        self.generic = generic
    }

    func control(_ request: ControlRequest) throws(FileError) -> ControlReply {
        try generic.control(request)
    }

    /// The interface of the 1990s: a header and a CDB by write(2), the answer by read(2).
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        throw Self.onlyByControl
    }

    func write(_ bytes: Span<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        throw Self.onlyByControl
    }

    private static let onlyByControl = FileError(
        EINVAL,
        "a generic SCSI device takes commands by ioctl SG_IO only, not by read and write"
    )
}
