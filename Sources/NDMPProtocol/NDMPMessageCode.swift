// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Every message of the three versions. The high byte is the interface.
package enum NDMPMessageCode: UInt32, CaseIterable, Sendable {
    case configGetHostInfo = 0x100
    case configGetBackupTypeAttributes = 0x101
    case configGetConnectionType = 0x102
    case configGetAuthAttributes = 0x103
    case configGetBackupTypeInfo = 0x104
    case configGetFileSystemInfo = 0x105
    case configGetTapeInfo = 0x106
    case configGetSCSIInfo = 0x107
    case configGetServerInfo = 0x108
    case configSetExtensionList = 0x109
    case configGetExtensionList = 0x10a

    case scsiOpen = 0x200
    case scsiClose = 0x201
    case scsiGetState = 0x202
    case scsiSetTarget = 0x203
    case scsiResetDevice = 0x204
    case scsiResetBus = 0x205
    case scsiExecuteCDB = 0x206

    case tapeOpen = 0x300
    case tapeClose = 0x301
    case tapeGetState = 0x302
    case tapeMTIO = 0x303
    case tapeWrite = 0x304
    case tapeRead = 0x305
    case tapeExecuteCDB = 0x307

    case dataGetState = 0x400
    case dataStartBackup = 0x401
    case dataStartRecover = 0x402
    case dataAbort = 0x403
    case dataGetEnvironment = 0x404
    case dataStop = 0x407
    case dataListen = 0x409
    case dataConnect = 0x40a
    case dataStartRecoverFileHistory = 0x40b

    case notifyDataHalted = 0x501
    case notifyConnected = 0x502
    case notifyMoverHalted = 0x503
    case notifyMoverPaused = 0x504
    case notifyDataRead = 0x505

    case logText = 0x600
    case logDebug = 0x601
    case logFile = 0x602
    case logMessage = 0x603

    case fileHistoryAddUnixPath = 0x700
    case fileHistoryAddUnixDirectory = 0x701
    case fileHistoryAddUnixNode = 0x702
    case fileHistoryAddFile = 0x703
    case fileHistoryAddDirectory = 0x704
    case fileHistoryAddNode = 0x705

    case connectOpen = 0x900
    case connectClientAuth = 0x901
    case connectClose = 0x902
    case connectServerAuth = 0x903

    case moverGetState = 0xa00
    case moverListen = 0xa01
    case moverContinue = 0xa02
    case moverAbort = 0xa03
    case moverStop = 0xa04
    case moverSetWindow = 0xa05
    case moverRead = 0xa06
    case moverClose = 0xa07
    case moverSetRecordSize = 0xa08
    case moverConnect = 0xa09
}
