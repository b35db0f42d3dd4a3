// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

package struct MoverListenRequest: XDRStruct, Equatable {
    package var mode: MoverMode = .read
    package var addressType: AddressType = .local

    package init() {}

    package init(mode: MoverMode = .read, addressType: AddressType = .local) {
        self.mode = mode
        self.addressType = addressType
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&mode, "mode")
        try pass.enumeration(&addressType, "addr_type")
    }
}

package struct MoverListenReply: NDMPReplyBody, Equatable {
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

package struct MoverConnectRequest: XDRStruct, Equatable {
    package var mode: MoverMode = .read
    package var address: DataAddress = .local

    package init() {}

    package init(mode: MoverMode = .read, address: DataAddress = .local) {
        self.mode = mode
        self.address = address
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&mode, "mode")
        try address.fields(&pass)
    }
}

package struct MoverGetStateReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var mode: MoverMode = .noAction
    package var state: MoverState = .idle
    package var pauseReason: MoverPauseReason = .notApplicable
    package var haltReason: MoverHaltReason = .notApplicable
    package var recordSize: UInt32 = 0
    package var recordNumber: UInt32 = 0
    /// Called data_written in v2 and v3.
    package var bytesMoved: UInt64 = 0
    package var seekPosition: UInt64 = 0
    package var bytesLeftToRead: UInt64 = 0
    package var windowOffset: UInt64 = 0
    package var windowLength: UInt64 = 0
    package var dataConnectionAddress: DataAddress = .local

    package init() {}

    package init(
        error: NDMPError = .noError,
        mode: MoverMode = .noAction,
        state: MoverState = .idle,
        pauseReason: MoverPauseReason = .notApplicable,
        haltReason: MoverHaltReason = .notApplicable,
        recordSize: UInt32 = 0,
        recordNumber: UInt32 = 0,
        bytesMoved: UInt64 = 0,
        seekPosition: UInt64 = 0,
        bytesLeftToRead: UInt64 = 0,
        windowOffset: UInt64 = 0,
        windowLength: UInt64 = 0,
        dataConnectionAddress: DataAddress = .local
    ) {
        self.error = error
        self.mode = mode
        self.state = state
        self.pauseReason = pauseReason
        self.haltReason = haltReason
        self.recordSize = recordSize
        self.recordNumber = recordNumber
        self.bytesMoved = bytesMoved
        self.seekPosition = seekPosition
        self.bytesLeftToRead = bytesLeftToRead
        self.windowOffset = windowOffset
        self.windowLength = windowLength
        self.dataConnectionAddress = dataConnectionAddress
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        if pass.version >= 4 { try pass.enumeration(&mode, "mode") }
        try pass.enumeration(&state, "state")
        try pass.enumeration(&pauseReason, "pause_reason")
        try pass.enumeration(&haltReason, "halt_reason")
        try pass.u32(&recordSize, "record_size")
        try pass.u32(&recordNumber, "record_num")
        try pass.quad(&bytesMoved, "bytes_moved")
        try pass.quad(&seekPosition, "seek_position")
        try pass.quad(&bytesLeftToRead, "bytes_left_to_read")
        try pass.quad(&windowOffset, "window_offset")
        try pass.quad(&windowLength, "window_length")
        if pass.version >= 3 { try dataConnectionAddress.fields(&pass) }
    }
}

package struct MoverSetRecordSizeRequest: XDRStruct, Equatable {
    package var length: UInt32 = 0

    package init() {}

    package init(length: UInt32) {
        self.length = length
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&length, "len")
    }
}

package struct MoverSetWindowRequest: XDRStruct, Equatable {
    package var offset: UInt64 = 0
    package var length: UInt64 = 0

    package init() {}

    package init(offset: UInt64 = 0, length: UInt64 = 0) {
        self.offset = offset
        self.length = length
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.quad(&offset, "offset")
        try pass.quad(&length, "length")
    }
}

package struct MoverReadRequest: XDRStruct, Equatable {
    package var offset: UInt64 = 0
    package var length: UInt64 = 0

    package init() {}

    package init(offset: UInt64 = 0, length: UInt64 = 0) {
        self.offset = offset
        self.length = length
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.quad(&offset, "offset")
        try pass.quad(&length, "length")
    }
}
