// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// CONFIG: what can be backed up, and how.
extension Session {
    func backupTypes() -> [BackupType] {
        StreamFormat.allCases.map { format in
            BackupType(
                name: XDRString(format.rawValue),
                defaultEnvironment: Self.defaultEnvironment(format),
                attributes: version >= 4
                    ? BackupTypeAttributes.version4.rawValue : BackupTypeAttributes.version3.rawValue
            )
        }
    }

    /// v2 asks for one type, and is told what it cannot do: nothing.
    func backupTypeAttributes(_ name: XDRString) -> ConfigGetBackupTypeAttributesReply {
        guard StreamFormat(rawValue: name.text) != nil else {
            return ConfigGetBackupTypeAttributesReply(refusing: .illegalArguments)
        }
        return ConfigGetBackupTypeAttributesReply(attributes: 0)
    }

    private static func defaultEnvironment(_ format: StreamFormat) -> [NDMPVariable] {
        [
            NDMPVariable(name: "TYPE", value: XDRString(format.rawValue)),
            NDMPVariable(name: "HIST", value: "n"),
            NDMPVariable(name: "LEVEL", value: "0"),
            NDMPVariable(name: "UPDATE", value: "y"),
            NDMPVariable(name: "DIRECT", value: "n"),
            NDMPVariable(name: "RECURSIVE", value: "y"),
            NDMPVariable(name: "EXTRACT", value: "y"),
        ]
    }

    func fileSystems() -> [FileSystemInfo] {
        context.currentSettings.exports.list.map { export in
            let known = FileSystemInformation(path: export.path)
            var info = FileSystemInfo(
                type: XDRString(known.type),
                logicalDevice: XDRString(export.path),
                physicalDevice: XDRString(known.device),
                totalSize: known.totalBytes,
                usedSize: known.usedBytes,
                availableSize: known.availableBytes,
                totalInodes: known.totalInodes,
                usedInodes: known.usedInodes
            )
            if !known.isOnline { info.unsupported.insert([.totalSize, .usedSize, .availableSize]) }
            // File systems that make inodes as they need them say 0.
            if known.totalInodes == 0 { info.unsupported.insert([.totalInodes, .usedInodes]) }
            let types = StreamFormat.allCases.map(\.rawValue).joined(separator: ",")
            info.environment = [
                NDMPVariable(name: "LOCAL", value: known.isLocal ? "y" : "n"),
                NDMPVariable(name: "TYPE", value: XDRString(known.type)),
                NDMPVariable(name: "AVAILABLE_BACKUP", value: XDRString(types)),
                NDMPVariable(name: "AVAILABLE_RECOVERY", value: XDRString(export.isWritable ? types : "")),
            ]
            let access = export.isWritable ? "" : ", exported read-only"
            info.status = XDRString(known.isOnline ? "online\(access)" : "offline: \(known.trouble)")
            return info
        }
    }
}

/// What a backup type can do, in CONFIG_GET_BUTYPE_INFO. The bits above the common ones differ by version.
struct BackupTypeAttributes: OptionSet, Sendable, Equatable {
    var rawValue: UInt32

    static let backupFileList = Self(rawValue: 0x02)
    static let recoverFileList = Self(rawValue: 0x04)
    static let backupDirect = Self(rawValue: 0x08)
    static let recoverDirect = Self(rawValue: 0x10)
    static let backupIncremental = Self(rawValue: 0x20)
    static let recoverIncremental = Self(rawValue: 0x40)
    private static let common: Self = [
        .backupFileList, .recoverFileList, .backupDirect, .recoverDirect, .backupIncremental, .recoverIncremental,
    ]

    /// v3: file history of backup (1) and recovery (0x200).
    static let version3 = common.union(Self(rawValue: 0x201))
    /// v4: history in file form (0x200) and node form (0x400) of backups, START_RECOVER_FILEHIST (0x800) in file form
    /// (0x1000) and node form (0x2000).
    static let version4 = common.union(Self(rawValue: 0x3e00))
}
