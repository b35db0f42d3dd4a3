// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// What TAPE_GET_STATE tells of the device.
package struct TapeFlags: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The device name does not rewind on close.
    package static let noRewind = Self(rawValue: 0x08)
    package static let writeProtected = Self(rawValue: 0x10)
    /// The previous operation met a medium error.
    package static let error = Self(rawValue: 0x20)
    /// The device name unloads on close.
    package static let unload = Self(rawValue: 0x40)
}

/// Fields of a TAPE_GET_STATE reply that mean nothing; they are all ones then.
package struct TapeStateMask: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let fileNumber = Self(rawValue: 0x01)
    package static let softErrors = Self(rawValue: 0x02)
    package static let blockSize = Self(rawValue: 0x04)
    package static let blockNumber = Self(rawValue: 0x08)
    package static let totalSpace = Self(rawValue: 0x10)
    package static let spaceRemaining = Self(rawValue: 0x20)
    /// v3 only; reserved in v4.
    package static let partition = Self(rawValue: 0x40)
}

/// Fields of a DATA_GET_STATE reply that mean nothing.
package struct DataStateMask: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let estimatedBytesRemaining = Self(rawValue: 0x01)
    package static let estimatedTimeRemaining = Self(rawValue: 0x02)
}

/// Direction of EXECUTE_CDB's data.
package struct CDBFlags: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let dataIn = Self(rawValue: 0x01)
    package static let dataOut = Self(rawValue: 0x02)
}

/// What a tape device name does, in CONFIG_GET_TAPE_INFO.
package struct TapeAttributes: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let rewindOnClose = Self(rawValue: 0x01)
    package static let unloadOnClose = Self(rawValue: 0x02)
    /// v4: TAPE_OPEN in RAW mode works without a tape.
    package static let rawOpen = Self(rawValue: 0x04)
}

/// What a changer name does, in CONFIG_GET_SCSI_INFO.
package struct SCSIAttributes: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// v4.
    package static let sharedRobot = Self(rawValue: 0x01)
}

/// Fields of a CONFIG_GET_FS_INFO entry that mean nothing.
package struct FileSystemMask: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let totalSize = Self(rawValue: 0x01)
    package static let usedSize = Self(rawValue: 0x02)
    package static let availableSize = Self(rawValue: 0x04)
    package static let totalInodes = Self(rawValue: 0x08)
    package static let usedInodes = Self(rawValue: 0x10)
}

/// Fields of a file's attributes that mean nothing.
package struct FileAttributesMask: OptionSet, Sendable, Equatable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let accessTime = Self(rawValue: 0x01)
    package static let changeTime = Self(rawValue: 0x02)
    package static let group = Self(rawValue: 0x04)
}
