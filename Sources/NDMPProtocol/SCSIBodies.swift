// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

package struct SCSIOpenRequest: XDRStruct, Equatable {
    package var device: XDRString = XDRString()

    package init() {}

    package init(device: XDRString) {
        self.device = device
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&device, limit: NDMPLimits.deviceNameBytes, "device")
    }
}

package struct SCSIGetStateReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var controller: Int16 = 0
    package var targetID: Int16 = 0
    package var lun: Int16 = 0

    package init() {}

    package init(error: NDMPError = .noError, controller: Int16 = 0, targetID: Int16 = 0, lun: Int16 = 0) {
        self.error = error
        self.controller = controller
        self.targetID = targetID
        self.lun = lun
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.i16(&controller, "controller")
        try pass.i16(&targetID, "id")
        try pass.i16(&lun, "lun")
    }
}

/// SCSI_SET_TARGET, v2 and v3.
package struct SCSISetTargetRequest: XDRStruct, Equatable {
    package var device: XDRString = XDRString()
    package var controller: UInt16 = 0
    package var targetID: UInt16 = 0
    package var lun: UInt16 = 0

    package init() {}

    package init(device: XDRString = XDRString(), controller: UInt16 = 0, targetID: UInt16 = 0, lun: UInt16 = 0) {
        self.device = device
        self.controller = controller
        self.targetID = targetID
        self.lun = lun
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&device, limit: NDMPLimits.deviceNameBytes, "device")
        try pass.u16(&controller, "controller")
        try pass.u16(&targetID, "id")
        try pass.u16(&lun, "lun")
    }
}

/// SCSI_EXECUTE_CDB and TAPE_EXECUTE_CDB.
package struct ExecuteCDBRequest: XDRStruct, Equatable {
    package var flags: CDBFlags = []
    /// 0 waits for ever.
    package var timeoutMilliseconds: UInt32 = 0
    package var dataInLength: UInt32 = 0
    package var cdb: XDRPayload = .bytes([])
    package var dataOut: XDRPayload = .bytes([])

    package init() {}

    package init(
        flags: CDBFlags = [],
        timeoutMilliseconds: UInt32 = 0,
        dataInLength: UInt32 = 0,
        cdb: XDRPayload = .bytes([]),
        dataOut: XDRPayload = .bytes([])
    ) {
        self.flags = flags
        self.timeoutMilliseconds = timeoutMilliseconds
        self.dataInLength = dataInLength
        self.cdb = cdb
        self.dataOut = dataOut
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&flags.rawValue, "flags")
        try pass.u32(&timeoutMilliseconds, "timeout")
        try pass.u32(&dataInLength, "datain_len")
        try pass.payload(&cdb, limit: NDMPLimits.messageBytes, "cdb")
        try pass.payload(&dataOut, limit: NDMPLimits.messageBytes, "dataout")
    }
}

/// CHECK CONDITION is no error here: `status` and `sense` tell of it.
package struct ExecuteCDBReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    /// The SCSI status byte.
    package var status: UInt8 = 0
    package var dataOutLength: UInt32 = 0
    package var dataIn: [UInt8] = []
    package var sense: [UInt8] = []

    package init() {}

    package init(
        error: NDMPError = .noError,
        status: UInt8 = 0,
        dataOutLength: UInt32 = 0,
        dataIn: [UInt8] = [],
        sense: [UInt8] = []
    ) {
        self.error = error
        self.status = status
        self.dataOutLength = dataOutLength
        self.dataIn = dataIn
        self.sense = sense
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.u8(&status, "status")
        try pass.u32(&dataOutLength, "dataout_len")
        try pass.opaque(&dataIn, limit: NDMPLimits.messageBytes, "datain")
        try pass.opaque(&sense, limit: NDMPLimits.senseBytes, "ext_sense")
    }
}
