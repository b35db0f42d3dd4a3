// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// SPC-4 annex F: additional sense code and qualifier, named by what they say.
package struct AdditionalSense: Hashable, Sendable {
    package let code: UInt8
    package let qualifier: UInt8

    package init(_ code: UInt8, _ qualifier: UInt8) {
        self.code = code
        self.qualifier = qualifier
    }

    package static let none = Self(0x00, 0x00)
    package static let filemarkDetected = Self(0x00, 0x01)
    package static let endOfPartition = Self(0x00, 0x02)
    package static let beginningOfPartition = Self(0x00, 0x04)
    package static let endOfData = Self(0x00, 0x05)
    package static let programmableEarlyWarning = Self(0x00, 0x07)
    package static let cleaningRequested = Self(0x00, 0x17)
    package static let becomingReady = Self(0x04, 0x01)
    package static let initializingCommandRequired = Self(0x04, 0x02)
    package static let manualInterventionRequired = Self(0x04, 0x03)
    package static let writeError = Self(0x0C, 0x00)
    package static let unrecoveredReadError = Self(0x11, 0x00)
    package static let endOfDataNotFound = Self(0x14, 0x03)
    package static let mechanicalPositioningError = Self(0x15, 0x01)
    package static let parameterListLengthError = Self(0x1A, 0x00)
    package static let invalidCommand = Self(0x20, 0x00)
    package static let notAppendOnly = Self(0x20, 0x0C)
    package static let invalidElementAddress = Self(0x21, 0x01)
    package static let invalidFieldInCDB = Self(0x24, 0x00)
    package static let logicalUnitNotSupported = Self(0x25, 0x00)
    package static let invalidFieldInParameterList = Self(0x26, 0x00)
    package static let parameterNotSupported = Self(0x26, 0x01)
    package static let parameterValueInvalid = Self(0x26, 0x02)
    package static let writeProtected = Self(0x27, 0x00)
    package static let softwareWriteProtected = Self(0x27, 0x02)
    package static let mediumMayHaveChanged = Self(0x28, 0x00)
    package static let importExportElementAccessed = Self(0x28, 0x01)
    package static let powerOnOrReset = Self(0x29, 0x00)
    package static let deviceReset = Self(0x29, 0x03)
    package static let nexusLossOccurred = Self(0x29, 0x07)
    package static let modeParametersChanged = Self(0x2A, 0x01)
    package static let logParametersChanged = Self(0x2A, 0x02)
    package static let timestampChanged = Self(0x2A, 0x10)
    package static let incompatibleMedium = Self(0x30, 0x00)
    package static let unknownFormat = Self(0x30, 0x01)
    package static let incompatibleFormat = Self(0x30, 0x02)
    package static let cleaningCartridgeInstalled = Self(0x30, 0x03)
    package static let cannotWriteIncompatibleFormat = Self(0x30, 0x05)
    package static let cleaningCartridgeExpired = Self(0x30, 0x0B)
    package static let wormOverwrite = Self(0x30, 0x0C)
    package static let commandSequenceError = Self(0x2C, 0x00)
    package static let mediumFormatCorrupted = Self(0x31, 0x00)
    package static let formatFailed = Self(0x31, 0x01)
    package static let savingNotSupported = Self(0x39, 0x00)
    package static let mediumNotPresent = Self(0x3A, 0x00)
    package static let importExportOpen = Self(0x3A, 0x02)
    package static let mediumNotPresentMemoryAccessible = Self(0x3A, 0x04)
    package static let sequentialPositioningError = Self(0x3B, 0x00)
    package static let positionPastBeginningOfMedium = Self(0x3B, 0x0C)
    package static let destinationFull = Self(0x3B, 0x0D)
    package static let sourceEmpty = Self(0x3B, 0x0E)
    package static let magazineNotAccessible = Self(0x3B, 0x11)
    package static let elementDisabled = Self(0x3B, 0x18)
    package static let internalTargetFailure = Self(0x44, 0x00)
    package static let mediaLoadOrEjectFailed = Self(0x53, 0x00)
    package static let mediumRemovalPrevented = Self(0x53, 0x02)
    package static let removalPreventedByDataTransferElement = Self(0x53, 0x03)
    package static let auxiliaryMemoryOutOfSpace = Self(0x55, 0x06)
    package static let operatorMediumRemovalRequest = Self(0x5A, 0x01)
    package static let operatorSelectedWriteProtect = Self(0x5A, 0x02)
}
