// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

package struct TapeOpenRequest: XDRStruct, Equatable {
    package var device: XDRString = XDRString()
    package var mode: TapeMode = .read

    package init() {}

    package init(device: XDRString = XDRString(), mode: TapeMode = .read) {
        self.device = device
        self.mode = mode
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&device, limit: NDMPLimits.deviceNameBytes, "device")
        try pass.enumeration(&mode, "mode")
    }
}

/// The mask of fields without meaning stands before the error; v2 has none.
package struct TapeGetStateReply: NDMPReplyBody, Equatable {
    package var unsupported: TapeStateMask = []
    package var error: NDMPError = .noError
    package var flags: TapeFlags = []
    package var fileNumber: UInt32 = 0
    package var softErrors: UInt32 = 0
    package var blockSize: UInt32 = 0
    package var blockNumber: UInt32 = 0
    package var totalSpace: UInt64 = 0
    package var spaceRemaining: UInt64 = 0
    package var partition: UInt32 = 0

    package init() {}

    package init(
        unsupported: TapeStateMask = [],
        error: NDMPError = .noError,
        flags: TapeFlags = [],
        fileNumber: UInt32 = 0,
        softErrors: UInt32 = 0,
        blockSize: UInt32 = 0,
        blockNumber: UInt32 = 0,
        totalSpace: UInt64 = 0,
        spaceRemaining: UInt64 = 0,
        partition: UInt32 = 0
    ) {
        self.unsupported = unsupported
        self.error = error
        self.flags = flags
        self.fileNumber = fileNumber
        self.softErrors = softErrors
        self.blockSize = blockSize
        self.blockNumber = blockNumber
        self.totalSpace = totalSpace
        self.spaceRemaining = spaceRemaining
        self.partition = partition
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        if pass.version >= 3 { try pass.u32(&unsupported.rawValue, "unsupported") }
        try pass.enumeration(&error, "error")
        try pass.u32(&flags.rawValue, "flags")
        try pass.u32(&fileNumber, "file_num")
        try pass.u32(&softErrors, "soft_errors")
        try pass.u32(&blockSize, "block_size")
        try pass.u32(&blockNumber, "blockno")
        try pass.quad(&totalSpace, "total_space")
        try pass.quad(&spaceRemaining, "space_remain")
        if pass.version == 3 { try pass.u32(&partition, "partition") }
    }
}

package struct TapeMTIORequest: XDRStruct, Equatable {
    package var operation: TapeOperation = .rewind
    package var count: UInt32 = 0

    package init() {}

    package init(operation: TapeOperation = .rewind, count: UInt32 = 0) {
        self.operation = operation
        self.count = count
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&operation, "tape_op")
        try pass.u32(&count, "count")
    }
}

package struct TapeMTIOReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var residualCount: UInt32 = 0

    package init() {}

    package init(error: NDMPError = .noError, residualCount: UInt32 = 0) {
        self.error = error
        self.residualCount = residualCount
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.u32(&residualCount, "resid_count")
    }
}

/// TAPE_WRITE: one record. The payload is lent, not copied.
package struct TapeWriteRequest: XDRStruct, Equatable {
    package var data: XDRPayload = .bytes([])

    package init() {}

    package init(data: XDRPayload) {
        self.data = data
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.payload(&data, limit: NDMPLimits.messageBytes, "data_out")
    }
}

package struct TapeWriteReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var count: UInt32 = 0

    package init() {}

    package init(error: NDMPError = .noError, count: UInt32 = 0) {
        self.error = error
        self.count = count
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.u32(&count, "count")
    }
}

package struct TapeReadRequest: XDRStruct, Equatable {
    package var count: UInt32 = 0

    package init() {}

    package init(count: UInt32) {
        self.count = count
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&count, "count")
    }
}

/// The server writes a payload in place instead: `NDMPSendBuffer.appendTapeRead`.
package struct TapeReadReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var data: XDRPayload = .bytes([])

    package init() {}

    package init(error: NDMPError = .noError, data: XDRPayload = .bytes([])) {
        self.error = error
        self.data = data
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.payload(&data, limit: NDMPLimits.messageBytes, "data_in")
    }
}
