// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// TAPE and SCSI. At most one device is open per connection.
extension NDMPCaller {
    package func tapeOpen(_ device: String, mode: TapeMode) throws(NDMPClientError) {
        _ = try call(.tapeOpen, TapeOpenRequest(device: XDRString(device), mode: mode), as: ErrorReply.self)
    }

    package func tapeClose() throws(NDMPClientError) {
        _ = try call(.tapeClose, EmptyBody(), as: ErrorReply.self)
    }

    package func tapeGetState() throws(NDMPClientError) -> TapeGetStateReply {
        try call(.tapeGetState, EmptyBody())
    }

    /// - Returns: with the server's error in it: EOF and EOM are outcomes, not failures.
    package func tapeMTIO(_ operation: TapeOperation, count: UInt32 = 1) throws(NDMPClientError) -> TapeMTIOReply {
        try exchange(.tapeMTIO, TapeMTIORequest(operation: operation, count: count), as: TapeMTIOReply.self)
    }

    /// Reads one record of at most `count` bytes.
    ///
    /// - Returns: with the server's error: EOF_ERR for a filemark, EOM_ERR for the end of data in v4.
    package func tapeRead(count: UInt32) throws(NDMPClientError) -> (error: NDMPError, data: [UInt8]) {
        let reply = try exchange(.tapeRead, TapeReadRequest(count: count), as: TapeReadReply.self)
        return (reply.error, bytes(of: reply.data))
    }

    /// Writes one record.
    ///
    /// - Returns: with the server's error: EOM_ERR means written, and the end is near.
    package func tapeWrite(_ record: [UInt8]) throws(NDMPClientError) -> TapeWriteReply {
        try exchange(.tapeWrite, TapeWriteRequest(data: .bytes(record)), as: TapeWriteReply.self)
    }

    package func scsiOpen(_ device: String) throws(NDMPClientError) {
        _ = try call(.scsiOpen, SCSIOpenRequest(device: XDRString(device)), as: ErrorReply.self)
    }

    package func scsiClose() throws(NDMPClientError) {
        _ = try call(.scsiClose, EmptyBody(), as: ErrorReply.self)
    }

    /// Sends a CDB to the open SCSI device.
    ///
    /// - Parameters:
    ///   - dataInLength: bytes wanted from the device; 0 when it gives none.
    ///   - dataOut: bytes for the device. Not together with `dataInLength`.
    /// - Returns: CHECK CONDITION is no error: `status` and `sense` tell of it.
    package func scsiExecute(
        cdb: [UInt8],
        dataInLength: UInt32 = 0,
        dataOut: [UInt8] = [],
        timeoutMilliseconds: UInt32 = 300_000
    ) throws(NDMPClientError) -> ExecuteCDBReply {
        try executeCDB(.scsiExecuteCDB, cdb, dataInLength, dataOut, timeoutMilliseconds)
    }

    /// The same for the open tape drive.
    package func tapeExecute(
        cdb: [UInt8],
        dataInLength: UInt32 = 0,
        dataOut: [UInt8] = [],
        timeoutMilliseconds: UInt32 = 300_000
    ) throws(NDMPClientError) -> ExecuteCDBReply {
        try executeCDB(.tapeExecuteCDB, cdb, dataInLength, dataOut, timeoutMilliseconds)
    }

    private func executeCDB(
        _ code: NDMPMessageCode,
        _ cdb: [UInt8],
        _ dataInLength: UInt32,
        _ dataOut: [UInt8],
        _ timeoutMilliseconds: UInt32
    ) throws(NDMPClientError) -> ExecuteCDBReply {
        var flags: CDBFlags = []
        if dataInLength > 0 { flags.insert(.dataIn) }
        if !dataOut.isEmpty { flags.insert(.dataOut) }
        let request = ExecuteCDBRequest(
            flags: flags,
            timeoutMilliseconds: timeoutMilliseconds,
            dataInLength: dataInLength,
            cdb: .bytes(cdb),
            dataOut: .bytes(dataOut)
        )
        return try call(code, request)
    }
}
