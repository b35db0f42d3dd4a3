// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// CONFIG: what the server has. All throw `.refused` for an error of the server.
extension NDMPCaller {
    package func hostInfo() throws(NDMPClientError) -> ConfigGetHostInfoReply {
        try call(.configGetHostInfo, EmptyBody())
    }

    /// Since v3.
    package func serverInfo() throws(NDMPClientError) -> ConfigGetServerInfoReply {
        try call(.configGetServerInfo, EmptyBody())
    }

    package func connectionTypes() throws(NDMPClientError) -> [AddressType] {
        try call(.configGetConnectionType, EmptyBody(), as: ConfigGetConnectionTypeReply.self).addressTypes
    }

    /// One entry per drive. Since v3.
    package func tapeInfo() throws(NDMPClientError) -> [DeviceInfo] {
        try call(.configGetTapeInfo, EmptyBody(), as: ConfigGetDeviceInfoReply.self).devices
    }

    /// One entry per changer. Since v3.
    package func scsiInfo() throws(NDMPClientError) -> [DeviceInfo] {
        try call(.configGetSCSIInfo, EmptyBody(), as: ConfigGetDeviceInfoReply.self).devices
    }

    /// Since v3.
    package func backupTypeInfo() throws(NDMPClientError) -> [BackupType] {
        try call(.configGetBackupTypeInfo, EmptyBody(), as: ConfigGetBackupTypeInfoReply.self).backupTypes
    }

    /// Since v3.
    package func fileSystemInfo() throws(NDMPClientError) -> [FileSystemInfo] {
        try call(.configGetFileSystemInfo, EmptyBody(), as: ConfigGetFileSystemInfoReply.self).fileSystems
    }

    /// v4.
    package func extensionList() throws(NDMPClientError) -> [OfferedExtension] {
        try call(.configGetExtensionList, EmptyBody(), as: ConfigGetExtensionListReply.self).extensions
    }
}
