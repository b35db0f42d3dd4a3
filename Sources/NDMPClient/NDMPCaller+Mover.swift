// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// MOVER: the tape's end of a data connection. All throw `.refused` for an error of the server.
extension NDMPCaller {
    package func moverSetRecordSize(_ bytes: UInt32) throws(NDMPClientError) {
        _ = try call(.moverSetRecordSize, MoverSetRecordSizeRequest(length: bytes), as: ErrorReply.self)
    }

    /// - Parameter length: all ones is "to the end", with offset 0.
    package func moverSetWindow(offset: UInt64, length: UInt64) throws(NDMPClientError) {
        _ = try call(.moverSetWindow, MoverSetWindowRequest(offset: offset, length: length), as: ErrorReply.self)
    }

    /// - Returns: what the data service, or another mover, is to connect to.
    package func moverListen(_ mode: MoverMode, _ type: AddressType) throws(NDMPClientError) -> DataAddress {
        let request = MoverListenRequest(mode: mode, addressType: type)
        return try call(.moverListen, request, as: MoverListenReply.self).address
    }

    /// Since v3.
    package func moverConnect(_ mode: MoverMode, _ address: DataAddress) throws(NDMPClientError) {
        _ = try call(.moverConnect, MoverConnectRequest(mode: mode, address: address), as: ErrorReply.self)
    }

    /// - Parameter length: all ones is "to the end", with offset 0.
    package func moverRead(offset: UInt64, length: UInt64) throws(NDMPClientError) {
        _ = try call(.moverRead, MoverReadRequest(offset: offset, length: length), as: ErrorReply.self)
    }

    package func moverContinue() throws(NDMPClientError) {
        _ = try call(.moverContinue, EmptyBody(), as: ErrorReply.self)
    }

    package func moverAbort() throws(NDMPClientError) {
        _ = try call(.moverAbort, EmptyBody(), as: ErrorReply.self)
    }

    package func moverStop() throws(NDMPClientError) {
        _ = try call(.moverStop, EmptyBody(), as: ErrorReply.self)
    }

    package func moverClose() throws(NDMPClientError) {
        _ = try call(.moverClose, EmptyBody(), as: ErrorReply.self)
    }

    package func moverGetState() throws(NDMPClientError) -> MoverGetStateReply {
        try call(.moverGetState, EmptyBody())
    }
}
