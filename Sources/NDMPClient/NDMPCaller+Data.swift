// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// DATA: the file system's end of a data connection. All throw `.refused` for an error of the server.
extension NDMPCaller {
    /// Since v3.
    ///
    /// - Returns: what the mover is to connect to.
    package func dataListen(_ type: AddressType) throws(NDMPClientError) -> DataAddress {
        try call(.dataListen, DataListenRequest(addressType: type), as: DataListenReply.self).address
    }

    /// Since v3.
    package func dataConnect(_ address: DataAddress) throws(NDMPClientError) {
        _ = try call(.dataConnect, DataConnectRequest(address: address), as: ErrorReply.self)
    }

    /// - Parameter mover: v2 only, which has no DATA_CONNECT: where the mover listens.
    package func dataStartBackup(
        type: String,
        environment: [NDMPVariable],
        mover: DataAddress = .local
    ) throws(NDMPClientError) {
        let request = DataStartBackupRequest(
            moverAddress: mover,
            backupType: XDRString(type),
            environment: environment
        )
        _ = try call(.dataStartBackup, request, as: ErrorReply.self)
    }

    /// - Parameters:
    ///   - names: what to recover; the fields mean different things in each version.
    ///   - mover: v2 only: where the mover listens.
    package func dataStartRecover(
        type: String,
        environment: [NDMPVariable],
        names: [NameListEntry],
        mover: DataAddress = .local
    ) throws(NDMPClientError) {
        let request = DataStartRecoverRequest(
            moverAddress: mover,
            environment: environment,
            names: names,
            backupType: XDRString(type)
        )
        _ = try call(.dataStartRecover, request, as: ErrorReply.self)
    }

    /// File history of a stream on tape, without recovering it.
    package func dataStartRecoverFileHistory(
        type: String,
        environment: [NDMPVariable],
        names: [NameListEntry],
        mover: DataAddress = .local
    ) throws(NDMPClientError) {
        let request = DataStartRecoverRequest(
            moverAddress: mover,
            environment: environment,
            names: names,
            backupType: XDRString(type)
        )
        _ = try call(.dataStartRecoverFileHistory, request, as: ErrorReply.self)
    }

    package func dataGetEnvironment() throws(NDMPClientError) -> [NDMPVariable] {
        try call(.dataGetEnvironment, EmptyBody(), as: DataGetEnvironmentReply.self).environment
    }

    package func dataGetState() throws(NDMPClientError) -> DataGetStateReply {
        try call(.dataGetState, EmptyBody())
    }

    package func dataAbort() throws(NDMPClientError) {
        _ = try call(.dataAbort, EmptyBody(), as: ErrorReply.self)
    }

    package func dataStop() throws(NDMPClientError) {
        _ = try call(.dataStop, EmptyBody(), as: ErrorReply.self)
    }
}
