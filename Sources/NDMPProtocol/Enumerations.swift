// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// What a server answers. NDMP v4 draft, 3.1 (error codes); the codes above 22 came with later versions.
package struct NDMPError: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let noError = Self(rawValue: 0)
    package static let notSupported = Self(rawValue: 1)
    package static let deviceBusy = Self(rawValue: 2)
    package static let deviceOpened = Self(rawValue: 3)
    package static let notAuthorized = Self(rawValue: 4)
    package static let permission = Self(rawValue: 5)
    package static let deviceNotOpen = Self(rawValue: 6)
    package static let io = Self(rawValue: 7)
    package static let timeout = Self(rawValue: 8)
    package static let illegalArguments = Self(rawValue: 9)
    package static let noTapeLoaded = Self(rawValue: 10)
    package static let writeProtected = Self(rawValue: 11)
    /// A filemark was met by a read.
    package static let endOfFile = Self(rawValue: 12)
    /// Early warning on a write; end of data on a read in v4.
    package static let endOfMedium = Self(rawValue: 13)
    package static let fileNotFound = Self(rawValue: 14)
    package static let badFile = Self(rawValue: 15)
    package static let noDevice = Self(rawValue: 16)
    package static let noBus = Self(rawValue: 17)
    package static let xdrDecode = Self(rawValue: 18)
    package static let illegalState = Self(rawValue: 19)
    package static let undefined = Self(rawValue: 20)
    package static let xdrEncode = Self(rawValue: 21)
    package static let noMemory = Self(rawValue: 22)
    /// Since v3.
    package static let connect = Self(rawValue: 23)
    /// This and all that follow: since v4.
    package static let sequenceNumber = Self(rawValue: 24)
    package static let readInProgress = Self(rawValue: 25)
    package static let precondition = Self(rawValue: 26)
    package static let classNotSupported = Self(rawValue: 27)
    package static let classVersionNotSupported = Self(rawValue: 28)
    package static let duplicateExtensionClasses = Self(rawValue: 29)
    package static let extensionNegotiationTooLate = Self(rawValue: 30)

    package var name: String? {
        switch self {
        case .noError: "NO_ERR"
        case .notSupported: "NOT_SUPPORTED_ERR"
        case .deviceBusy: "DEVICE_BUSY_ERR"
        case .deviceOpened: "DEVICE_OPENED_ERR"
        case .notAuthorized: "NOT_AUTHORIZED_ERR"
        case .permission: "PERMISSION_ERR"
        case .deviceNotOpen: "DEV_NOT_OPEN_ERR"
        case .io: "IO_ERR"
        case .timeout: "TIMEOUT_ERR"
        case .illegalArguments: "ILLEGAL_ARGS_ERR"
        case .noTapeLoaded: "NO_TAPE_LOADED_ERR"
        case .writeProtected: "WRITE_PROTECT_ERR"
        case .endOfFile: "EOF_ERR"
        case .endOfMedium: "EOM_ERR"
        case .fileNotFound: "FILE_NOT_FOUND_ERR"
        case .badFile: "BAD_FILE_ERR"
        case .noDevice: "NO_DEVICE_ERR"
        case .noBus: "NO_BUS_ERR"
        case .xdrDecode: "XDR_DECODE_ERR"
        case .illegalState: "ILLEGAL_STATE_ERR"
        case .undefined: "UNDEFINED_ERR"
        case .xdrEncode: "XDR_ENCODE_ERR"
        case .noMemory: "NO_MEM_ERR"
        case .connect: "CONNECT_ERR"
        case .sequenceNumber: "SEQUENCE_NUM_ERR"
        case .readInProgress: "READ_IN_PROGRESS_ERR"
        case .precondition: "PRECONDITION_ERR"
        case .classNotSupported: "CLASS_NOT_SUPPORTED_ERR"
        case .classVersionNotSupported: "VERSION_NOT_SUPPORTED_ERR"
        case .duplicateExtensionClasses: "EXT_DUPL_CLASSES_ERR"
        case .extensionNegotiationTooLate: "EXT_DANDN_ILLEGAL_ERR"
        default: nil
        }
    }

    /// The nearest code that a session of this version knows: a v2 client has no CONNECT_ERR, and only v4 has
    /// the finer state errors.
    package func wireValue(version: Int) -> Int32 {
        switch rawValue {
        case Self.connect.rawValue where version < 3: Self.io.rawValue
        case Self.sequenceNumber.rawValue...Self.extensionNegotiationTooLate.rawValue where version < 4:
            Self.illegalState.rawValue
        default: rawValue
        }
    }
}

package struct AuthType: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let none = Self(rawValue: 0)
    package static let text = Self(rawValue: 1)
    package static let md5 = Self(rawValue: 2)

    package var name: String? {
        switch self {
        case .none: "NONE"
        case .text: "TEXT"
        case .md5: "MD5"
        default: nil
        }
    }
}

package struct AddressType: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let local = Self(rawValue: 0)
    package static let tcp = Self(rawValue: 1)
    /// v3 only.
    package static let fibreChannel = Self(rawValue: 2)
    package static let ipc = Self(rawValue: 3)

    package var name: String? {
        switch self {
        case .local: "LOCAL"
        case .tcp: "TCP"
        case .fibreChannel: "FC"
        case .ipc: "IPC"
        default: nil
        }
    }
}

/// Why the server speaks up about the connection.
package struct ConnectionReason: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let connected = Self(rawValue: 0)
    package static let shutdown = Self(rawValue: 1)
    package static let refused = Self(rawValue: 2)

    package var name: String? {
        switch self {
        case .connected: "CONNECTED"
        case .shutdown: "SHUTDOWN"
        case .refused: "REFUSED"
        default: nil
        }
    }
}

package struct TapeMode: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let read = Self(rawValue: 0)
    package static let readWrite = Self(rawValue: 1)
    /// v4; v3 clients use it unofficially.
    package static let raw = Self(rawValue: 2)
    /// What some v3 clients send instead.
    package static let rawUnofficial = Self(rawValue: 0x7fff_ffff)

    package var name: String? {
        switch self {
        case .read: "READ"
        case .readWrite: "RDWR"
        case .raw: "RAW"
        case .rawUnofficial: "RAW1"
        default: nil
        }
    }
}

/// Operations of TAPE_MTIO.
package struct TapeOperation: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let forwardFilemarks = Self(rawValue: 0)
    package static let backwardFilemarks = Self(rawValue: 1)
    package static let forwardRecords = Self(rawValue: 2)
    package static let backwardRecords = Self(rawValue: 3)
    package static let rewind = Self(rawValue: 4)
    package static let writeFilemarks = Self(rawValue: 5)
    package static let unload = Self(rawValue: 6)
    /// v4 only.
    package static let testUnitReady = Self(rawValue: 7)

    package var name: String? {
        switch self {
        case .forwardFilemarks: "FSF"
        case .backwardFilemarks: "BSF"
        case .forwardRecords: "FSR"
        case .backwardRecords: "BSR"
        case .rewind: "REW"
        case .writeFilemarks: "EOF"
        case .unload: "OFF"
        case .testUnitReady: "TUR"
        default: nil
        }
    }
}

/// The direction is the tape's view of the stream: READ reads the data connection and writes the tape.
package struct MoverMode: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Data connection to tape: a backup.
    package static let read = Self(rawValue: 0)
    /// Tape to data connection: a recover.
    package static let write = Self(rawValue: 1)
    /// v4, in GET_STATE while idle.
    package static let noAction = Self(rawValue: 2)

    package var name: String? {
        switch self {
        case .read: "READ"
        case .write: "WRITE"
        case .noAction: "NOACTION"
        default: nil
        }
    }
}

package struct MoverState: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let idle = Self(rawValue: 0)
    package static let listen = Self(rawValue: 1)
    package static let active = Self(rawValue: 2)
    package static let paused = Self(rawValue: 3)
    package static let halted = Self(rawValue: 4)

    package var name: String? {
        switch self {
        case .idle: "IDLE"
        case .listen: "LISTEN"
        case .active: "ACTIVE"
        case .paused: "PAUSED"
        case .halted: "HALTED"
        default: nil
        }
    }
}

package struct MoverPauseReason: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let notApplicable = Self(rawValue: 0)
    package static let endOfMedium = Self(rawValue: 1)
    package static let endOfFile = Self(rawValue: 2)
    package static let seek = Self(rawValue: 3)
    /// v2 and v3; v4 halts instead.
    package static let mediaError = Self(rawValue: 4)
    /// Since v3; sent as EOF in v2.
    package static let endOfWindow = Self(rawValue: 5)

    package var name: String? {
        switch self {
        case .notApplicable: "NA"
        case .endOfMedium: "EOM"
        case .endOfFile: "EOF"
        case .seek: "SEEK"
        case .mediaError: "MEDIA_ERROR"
        case .endOfWindow: "EOW"
        default: nil
        }
    }

    package func wireValue(version: Int) -> Int32 {
        self == .endOfWindow && version < 3 ? Self.endOfFile.rawValue : rawValue
    }
}

package struct MoverHaltReason: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let notApplicable = Self(rawValue: 0)
    package static let connectClosed = Self(rawValue: 1)
    package static let aborted = Self(rawValue: 2)
    package static let internalError = Self(rawValue: 3)
    package static let connectError = Self(rawValue: 4)
    /// Since v4; sent as INTERNAL_ERROR before.
    package static let mediaError = Self(rawValue: 5)

    package var name: String? {
        switch self {
        case .notApplicable: "NA"
        case .connectClosed: "CONNECT_CLOSED"
        case .aborted: "ABORTED"
        case .internalError: "INTERNAL_ERROR"
        case .connectError: "CONNECT_ERROR"
        case .mediaError: "MEDIA_ERROR"
        default: nil
        }
    }

    package func wireValue(version: Int) -> Int32 {
        self == .mediaError && version < 4 ? Self.internalError.rawValue : rawValue
    }
}

package struct DataState: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let idle = Self(rawValue: 0)
    package static let active = Self(rawValue: 1)
    package static let halted = Self(rawValue: 2)
    /// Since v3.
    package static let listen = Self(rawValue: 3)
    /// Since v3.
    package static let connected = Self(rawValue: 4)

    package var name: String? {
        switch self {
        case .idle: "IDLE"
        case .active: "ACTIVE"
        case .halted: "HALTED"
        case .listen: "LISTEN"
        case .connected: "CONNECTED"
        default: nil
        }
    }
}

package struct DataOperation: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let noAction = Self(rawValue: 0)
    package static let backup = Self(rawValue: 1)
    package static let recover = Self(rawValue: 2)
    package static let recoverFileHistory = Self(rawValue: 3)

    package var name: String? {
        switch self {
        case .noAction: "NOACTION"
        case .backup: "BACKUP"
        case .recover: "RECOVER"
        case .recoverFileHistory: "RECOVER_FILEHIST"
        default: nil
        }
    }
}

package struct DataHaltReason: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let notApplicable = Self(rawValue: 0)
    package static let successful = Self(rawValue: 1)
    package static let aborted = Self(rawValue: 2)
    package static let internalError = Self(rawValue: 3)
    package static let connectError = Self(rawValue: 4)

    package var name: String? {
        switch self {
        case .notApplicable: "NA"
        case .successful: "SUCCESSFUL"
        case .aborted: "ABORTED"
        case .internalError: "INTERNAL_ERROR"
        case .connectError: "CONNECT_ERROR"
        default: nil
        }
    }
}

package struct LogType: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let normal = Self(rawValue: 0)
    package static let debug = Self(rawValue: 1)
    package static let error = Self(rawValue: 2)
    package static let warning = Self(rawValue: 3)

    package var name: String? {
        switch self {
        case .normal: "NORMAL"
        case .debug: "DEBUG"
        case .error: "ERROR"
        case .warning: "WARNING"
        default: nil
        }
    }
}

/// Outcome for one file of a recover list, v4.
package struct RecoveryStatus: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let successful = Self(rawValue: 0)
    package static let permission = Self(rawValue: 1)
    package static let notFound = Self(rawValue: 2)
    package static let noDirectory = Self(rawValue: 3)
    package static let noMemory = Self(rawValue: 4)
    package static let io = Self(rawValue: 5)
    package static let undefined = Self(rawValue: 6)
    package static let pathExists = Self(rawValue: 7)

    package var name: String? {
        switch self {
        case .successful: "SUCCESSFUL"
        case .permission: "PERMISSION"
        case .notFound: "NOT_FOUND"
        case .noDirectory: "NO_DIRECTORY"
        case .noMemory: "OUT_OF_MEMORY"
        case .io: "IO_ERROR"
        case .undefined: "UNDEFINED_ERROR"
        case .pathExists: "FILE_PATH_EXISTS"
        default: nil
        }
    }
}

package struct FileSystemType: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let unix = Self(rawValue: 0)
    package static let nt = Self(rawValue: 1)
    package static let other = Self(rawValue: 2)

    package var name: String? {
        switch self {
        case .unix: "UNIX"
        case .nt: "NT"
        case .other: "OTHER"
        default: nil
        }
    }
}

package struct FileType: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let directory = Self(rawValue: 0)
    package static let fifo = Self(rawValue: 1)
    package static let characterSpecial = Self(rawValue: 2)
    package static let blockSpecial = Self(rawValue: 3)
    package static let regular = Self(rawValue: 4)
    package static let symbolicLink = Self(rawValue: 5)
    package static let socket = Self(rawValue: 6)
    /// Since v3.
    package static let registry = Self(rawValue: 7)
    /// Since v3.
    package static let other = Self(rawValue: 8)

    package var name: String? {
        switch self {
        case .directory: "DIR"
        case .fifo: "FIFO"
        case .characterSpecial: "CSPEC"
        case .blockSpecial: "BSPEC"
        case .regular: "REG"
        case .symbolicLink: "SLINK"
        case .socket: "SOCK"
        case .registry: "REGISTRY"
        case .other: "OTHER"
        default: nil
        }
    }
}
