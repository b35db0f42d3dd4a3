// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// In v2 there is no mask, and the address is the mover's.
package struct DataGetStateReply: NDMPReplyBody, Equatable {
    package var unsupported: DataStateMask = []
    package var error: NDMPError = .noError
    package var operation: DataOperation = .noAction
    package var state: DataState = .idle
    package var haltReason: DataHaltReason = .notApplicable
    package var bytesProcessed: UInt64 = 0
    package var estimatedBytesRemaining: UInt64 = 0
    package var estimatedTimeRemaining: UInt32 = 0
    package var dataConnectionAddress: DataAddress = .local
    package var readOffset: UInt64 = 0
    package var readLength: UInt64 = 0

    package init() {}

    package init(
        unsupported: DataStateMask = [],
        error: NDMPError = .noError,
        operation: DataOperation = .noAction,
        state: DataState = .idle,
        haltReason: DataHaltReason = .notApplicable,
        bytesProcessed: UInt64 = 0,
        estimatedBytesRemaining: UInt64 = 0,
        estimatedTimeRemaining: UInt32 = 0,
        dataConnectionAddress: DataAddress = .local,
        readOffset: UInt64 = 0,
        readLength: UInt64 = 0
    ) {
        self.unsupported = unsupported
        self.error = error
        self.operation = operation
        self.state = state
        self.haltReason = haltReason
        self.bytesProcessed = bytesProcessed
        self.estimatedBytesRemaining = estimatedBytesRemaining
        self.estimatedTimeRemaining = estimatedTimeRemaining
        self.dataConnectionAddress = dataConnectionAddress
        self.readOffset = readOffset
        self.readLength = readLength
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        if pass.version >= 3 { try pass.u32(&unsupported.rawValue, "unsupported") }
        try pass.enumeration(&error, "error")
        try pass.enumeration(&operation, "operation")
        try pass.enumeration(&state, "state")
        try pass.enumeration(&haltReason, "halt_reason")
        try pass.quad(&bytesProcessed, "bytes_processed")
        try pass.quad(&estimatedBytesRemaining, "est_bytes_remain")
        try pass.u32(&estimatedTimeRemaining, "est_time_remain")
        try dataConnectionAddress.fields(&pass)
        try pass.quad(&readOffset, "read_offset")
        try pass.quad(&readLength, "read_length")
    }
}

/// DATA_START_BACKUP. In v2 it carries the mover's address; an address of unknown type ends the decoding there.
package struct DataStartBackupRequest: XDRStruct, Equatable {
    package var moverAddress: DataAddress = .local
    package var backupType: XDRString = XDRString()
    package var environment: [NDMPVariable] = []

    package init() {}

    package init(
        moverAddress: DataAddress = .local,
        backupType: XDRString = XDRString(),
        environment: [NDMPVariable] = []
    ) {
        self.moverAddress = moverAddress
        self.backupType = backupType
        self.environment = environment
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        if pass.version == 2 {
            try moverAddress.fields(&pass)
            // Nobody knows how long an unknown address is, so nothing behind it can be found.
            if case .unknown = moverAddress { return }
        }
        try pass.string(&backupType, limit: NDMPLimits.textBytes, "bu_type")
        try pass.array(&environment, limit: NDMPLimits.variables, "env")
    }
}

/// One name to recover. v2 has path, destination, ssid and offset only.
package struct NameListEntry: XDRStruct, Equatable {
    package var originalPath: XDRString = XDRString()
    package var destination: XDRString = XDRString()
    package var newName: XDRString = XDRString()
    package var otherName: XDRString = XDRString()
    package var node: UInt64 = 0
    package var ssid: UInt16 = 0
    /// Offset of the file in the backup stream; all ones when unknown.
    package var fileHistoryInfo: UInt64 = 0

    package init() {}

    package init(
        originalPath: XDRString = XDRString(),
        destination: XDRString = XDRString(),
        newName: XDRString = XDRString(),
        otherName: XDRString = XDRString(),
        node: UInt64 = 0,
        ssid: UInt16 = 0,
        fileHistoryInfo: UInt64 = 0
    ) {
        self.originalPath = originalPath
        self.destination = destination
        self.newName = newName
        self.otherName = otherName
        self.node = node
        self.ssid = ssid
        self.fileHistoryInfo = fileHistoryInfo
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&originalPath, limit: NDMPLimits.pathBytes, "original_path")
        try pass.string(&destination, limit: NDMPLimits.pathBytes, "destination")
        if pass.version >= 3 {
            try pass.string(&newName, limit: NDMPLimits.pathBytes, "new_name")
            try pass.string(&otherName, limit: NDMPLimits.pathBytes, "other_name")
            try pass.quad(&node, "node")
        }
        if pass.version == 2 { try pass.u16(&ssid, "ssid") }
        try pass.quad(&fileHistoryInfo, "fh_info")
    }
}

/// DATA_START_RECOVER and DATA_START_RECOVER_FILEHIST. In v2 it carries the mover's address.
package struct DataStartRecoverRequest: XDRStruct, Equatable {
    package var moverAddress: DataAddress = .local
    package var environment: [NDMPVariable] = []
    package var names: [NameListEntry] = []
    package var backupType: XDRString = XDRString()

    package init() {}

    package init(
        moverAddress: DataAddress = .local,
        environment: [NDMPVariable] = [],
        names: [NameListEntry] = [],
        backupType: XDRString = XDRString()
    ) {
        self.moverAddress = moverAddress
        self.environment = environment
        self.names = names
        self.backupType = backupType
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        if pass.version == 2 {
            try moverAddress.fields(&pass)
            // Nobody knows how long an unknown address is, so nothing behind it can be found.
            if case .unknown = moverAddress { return }
        }
        try pass.array(&environment, limit: NDMPLimits.variables, "env")
        try pass.array(&names, limit: NDMPLimits.recoverNames, "nlist")
        try pass.string(&backupType, limit: NDMPLimits.textBytes, "bu_type")
    }
}

package struct DataListenRequest: XDRStruct, Equatable {
    package var addressType: AddressType = .local

    package init() {}

    package init(addressType: AddressType) {
        self.addressType = addressType
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&addressType, "addr_type")
    }
}

package struct DataListenReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var address: DataAddress = .local

    package init() {}

    package init(error: NDMPError = .noError, address: DataAddress = .local) {
        self.error = error
        self.address = address
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try address.fields(&pass)
    }
}

package struct DataConnectRequest: XDRStruct, Equatable {
    package var address: DataAddress = .local

    package init() {}

    package init(address: DataAddress) {
        self.address = address
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try address.fields(&pass)
    }
}

package struct DataGetEnvironmentReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var environment: [NDMPVariable] = []

    package init() {}

    package init(error: NDMPError = .noError, environment: [NDMPVariable] = []) {
        self.error = error
        self.environment = environment
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.array(&environment, limit: NDMPLimits.returnedVariables, "env")
    }
}
