// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

package struct ConfigGetHostInfoReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var hostname: XDRString = XDRString()
    package var osType: XDRString = XDRString()
    package var osVersion: XDRString = XDRString()
    package var hostID: XDRString = XDRString()
    package var authTypes: [AuthType] = []

    package init() {}

    package init(
        error: NDMPError = .noError,
        hostname: XDRString = XDRString(),
        osType: XDRString = XDRString(),
        osVersion: XDRString = XDRString(),
        hostID: XDRString = XDRString(),
        authTypes: [AuthType] = []
    ) {
        self.error = error
        self.hostname = hostname
        self.osType = osType
        self.osVersion = osVersion
        self.hostID = hostID
        self.authTypes = authTypes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.string(&hostname, limit: NDMPLimits.textBytes, "hostname")
        try pass.string(&osType, limit: NDMPLimits.textBytes, "os_type")
        try pass.string(&osVersion, limit: NDMPLimits.textBytes, "os_vers")
        try pass.string(&hostID, limit: NDMPLimits.textBytes, "hostid")
        if pass.version == 2 { try pass.array(&authTypes, limit: NDMPLimits.authTypes, "auth_types") }
    }
}

/// CONFIG_GET_BUTYPE_ATTR, v2: the attributes say what the type cannot do.
package struct ConfigGetBackupTypeAttributesRequest: XDRStruct, Equatable {
    package var name: XDRString = XDRString()

    package init() {}

    package init(name: XDRString) {
        self.name = name
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&name, limit: NDMPLimits.textBytes, "name")
    }
}

package struct ConfigGetBackupTypeAttributesReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var attributes: UInt32 = 0

    package init() {}

    package init(error: NDMPError = .noError, attributes: UInt32 = 0) {
        self.error = error
        self.attributes = attributes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.u32(&attributes, "attrs")
    }
}

/// CONFIG_GET_MOVER_TYPE in v2, CONFIG_GET_CONNECTION_TYPE since v3.
package struct ConfigGetConnectionTypeReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var addressTypes: [AddressType] = []

    package init() {}

    package init(error: NDMPError = .noError, addressTypes: [AddressType] = []) {
        self.error = error
        self.addressTypes = addressTypes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.array(&addressTypes, limit: NDMPLimits.addressTypes, "addr_types")
    }
}

package struct ConfigGetAuthAttributesRequest: XDRStruct, Equatable {
    package var authType: AuthType = .none

    package init() {}

    package init(authType: AuthType) {
        self.authType = authType
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&authType, "auth_type")
    }
}

package struct ConfigGetAuthAttributesReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var challenge: AuthChallenge = .none

    package init() {}

    package init(error: NDMPError = .noError, challenge: AuthChallenge = .none) {
        self.error = error
        self.challenge = challenge
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try challenge.fields(&pass)
    }
}

package struct ConfigGetServerInfoReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var vendorName: XDRString = XDRString()
    package var productName: XDRString = XDRString()
    package var revisionNumber: XDRString = XDRString()
    package var authTypes: [AuthType] = []

    package init() {}

    package init(
        error: NDMPError = .noError,
        vendorName: XDRString = XDRString(),
        productName: XDRString = XDRString(),
        revisionNumber: XDRString = XDRString(),
        authTypes: [AuthType] = []
    ) {
        self.error = error
        self.vendorName = vendorName
        self.productName = productName
        self.revisionNumber = revisionNumber
        self.authTypes = authTypes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.string(&vendorName, limit: NDMPLimits.textBytes, "vendor_name")
        try pass.string(&productName, limit: NDMPLimits.textBytes, "product_name")
        try pass.string(&revisionNumber, limit: NDMPLimits.textBytes, "revision_number")
        try pass.array(&authTypes, limit: NDMPLimits.authTypes, "auth_types")
    }
}

package struct BackupType: XDRStruct, Equatable {
    package var name: XDRString = XDRString()
    package var defaultEnvironment: [NDMPVariable] = []
    package var attributes: UInt32 = 0

    package init() {}

    package init(name: XDRString = XDRString(), defaultEnvironment: [NDMPVariable] = [], attributes: UInt32 = 0) {
        self.name = name
        self.defaultEnvironment = defaultEnvironment
        self.attributes = attributes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&name, limit: NDMPLimits.textBytes, "butype_name")
        try pass.array(&defaultEnvironment, limit: NDMPLimits.variables, "default_env")
        try pass.u32(&attributes, "attrs")
    }
}

package struct ConfigGetBackupTypeInfoReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var backupTypes: [BackupType] = []

    package init() {}

    package init(error: NDMPError = .noError, backupTypes: [BackupType] = []) {
        self.error = error
        self.backupTypes = backupTypes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.array(&backupTypes, limit: NDMPLimits.backupTypes, "butype_info")
    }
}

package struct FileSystemInfo: XDRStruct, Equatable {
    package var unsupported: FileSystemMask = []
    package var type: XDRString = XDRString()
    package var logicalDevice: XDRString = XDRString()
    package var physicalDevice: XDRString = XDRString()
    package var totalSize: UInt64 = 0
    package var usedSize: UInt64 = 0
    package var availableSize: UInt64 = 0
    package var totalInodes: UInt64 = 0
    package var usedInodes: UInt64 = 0
    package var environment: [NDMPVariable] = []
    package var status: XDRString = XDRString()

    package init() {}

    package init(
        unsupported: FileSystemMask = [],
        type: XDRString = XDRString(),
        logicalDevice: XDRString = XDRString(),
        physicalDevice: XDRString = XDRString(),
        totalSize: UInt64 = 0,
        usedSize: UInt64 = 0,
        availableSize: UInt64 = 0,
        totalInodes: UInt64 = 0,
        usedInodes: UInt64 = 0,
        environment: [NDMPVariable] = [],
        status: XDRString = XDRString()
    ) {
        self.unsupported = unsupported
        self.type = type
        self.logicalDevice = logicalDevice
        self.physicalDevice = physicalDevice
        self.totalSize = totalSize
        self.usedSize = usedSize
        self.availableSize = availableSize
        self.totalInodes = totalInodes
        self.usedInodes = usedInodes
        self.environment = environment
        self.status = status
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&unsupported.rawValue, "unsupported")
        try pass.string(&type, limit: NDMPLimits.textBytes, "fs_type")
        try pass.string(&logicalDevice, limit: NDMPLimits.pathBytes, "fs_logical_device")
        try pass.string(&physicalDevice, limit: NDMPLimits.pathBytes, "fs_physical_device")
        try pass.quad(&totalSize, "total_size")
        try pass.quad(&usedSize, "used_size")
        try pass.quad(&availableSize, "avail_size")
        try pass.quad(&totalInodes, "total_inodes")
        try pass.quad(&usedInodes, "used_inodes")
        try pass.array(&environment, limit: NDMPLimits.variables, "fs_env")
        try pass.string(&status, limit: NDMPLimits.textBytes, "fs_status")
    }
}

package struct ConfigGetFileSystemInfoReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var fileSystems: [FileSystemInfo] = []

    package init() {}

    package init(error: NDMPError = .noError, fileSystems: [FileSystemInfo] = []) {
        self.error = error
        self.fileSystems = fileSystems
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.array(&fileSystems, limit: NDMPLimits.fileSystems, "fs_info")
    }
}

/// One name of a device.
package struct DeviceCapability: XDRStruct, Equatable {
    package var device: XDRString = XDRString()
    /// `TapeAttributes` or `SCSIAttributes`.
    package var attributes: UInt32 = 0
    package var capabilities: [NDMPVariable] = []

    package init() {}

    package init(device: XDRString = XDRString(), attributes: UInt32 = 0, capabilities: [NDMPVariable] = []) {
        self.device = device
        self.attributes = attributes
        self.capabilities = capabilities
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&device, limit: NDMPLimits.deviceNameBytes, "device")
        try pass.u32(&attributes, "attr")
        try pass.array(&capabilities, limit: NDMPLimits.variables, "capability")
    }
}

/// One device: clients take every entry as one drive.
package struct DeviceInfo: XDRStruct, Equatable {
    package var model: XDRString = XDRString()
    package var names: [DeviceCapability] = []

    package init() {}

    package init(model: XDRString = XDRString(), names: [DeviceCapability] = []) {
        self.model = model
        self.names = names
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&model, limit: NDMPLimits.textBytes, "model")
        try pass.array(&names, limit: NDMPLimits.namesPerDevice, "caplist")
    }
}

/// CONFIG_GET_TAPE_INFO and CONFIG_GET_SCSI_INFO.
package struct ConfigGetDeviceInfoReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var devices: [DeviceInfo] = []

    package init() {}

    package init(error: NDMPError = .noError, devices: [DeviceInfo] = []) {
        self.error = error
        self.devices = devices
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.array(&devices, limit: NDMPLimits.devices, "devices")
    }
}

package struct OfferedExtension: XDRStruct, Equatable {
    package var classID: UInt16 = 0
    package var versions: [UInt16] = []

    package init() {}

    package init(classID: UInt16 = 0, versions: [UInt16] = []) {
        self.classID = classID
        self.versions = versions
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u16(&classID, "class_id")
        try pass.array(&versions, limit: NDMPLimits.extensionVersions, "versions")
    }
}

package struct ConfigGetExtensionListReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var extensions: [OfferedExtension] = []

    package init() {}

    package init(error: NDMPError = .noError, extensions: [OfferedExtension] = []) {
        self.error = error
        self.extensions = extensions
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try pass.array(&extensions, limit: NDMPLimits.extensions, "extensions")
    }
}

package struct SelectedExtension: XDRStruct, Equatable {
    package var classID: UInt16 = 0
    package var version: UInt16 = 0

    package init() {}

    package init(classID: UInt16 = 0, version: UInt16 = 0) {
        self.classID = classID
        self.version = version
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u16(&classID, "class_id")
        try pass.u16(&version, "version")
    }
}

package struct ConfigSetExtensionListRequest: XDRStruct, Equatable {
    package var extensions: [SelectedExtension] = []

    package init() {}

    package init(extensions: [SelectedExtension]) {
        self.extensions = extensions
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&extensions, limit: NDMPLimits.extensions, "extensions")
    }
}
