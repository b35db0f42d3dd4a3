// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// CONFIG: what there is.
extension Session {
    func handleConfig(_ request: Request) {
        switch request.code {
        case .configGetHostInfo: reply(request, hostInfo())
        case .configGetServerInfo: reply(request, serverInfo())
        case .configGetConnectionType:
            reply(request, ConfigGetConnectionTypeReply(addressTypes: [.local, .tcp]))
        case .configGetAuthAttributes:
            guard let body = decode(request, as: ConfigGetAuthAttributesRequest.self) else { return }
            reply(request, machine.attributes(of: body.authType, fresh: Self.freshChallenge()))
        case .configGetBackupTypeAttributes:
            guard let body = decode(request, as: ConfigGetBackupTypeAttributesRequest.self) else { return }
            reply(request, backupTypeAttributes(body.name))
        case .configGetBackupTypeInfo: reply(request, ConfigGetBackupTypeInfoReply(backupTypes: backupTypes()))
        case .configGetFileSystemInfo: reply(request, ConfigGetFileSystemInfoReply(fileSystems: fileSystems()))
        case .configGetTapeInfo: reply(request, ConfigGetDeviceInfoReply(devices: tapeInfo()))
        case .configGetSCSIInfo: reply(request, ConfigGetDeviceInfoReply(devices: changerInfo()))
        case .configGetExtensionList: reply(request, extensions.list())
        case .configSetExtensionList:
            guard let body = decode(request, as: ConfigSetExtensionListRequest.self) else { return }
            reply(request, error: extensions.select(body.extensions))
        default: refuse(request.header, .notSupported)
        }
    }

    private static func freshChallenge() -> [UInt8] {
        // The system's generator, which nobody can predict.
        var generator = SystemRandomNumberGenerator()
        return (0..<NDMPLimits.challengeBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    private func hostInfo() -> ConfigGetHostInfoReply {
        let host = HostInformation.current
        return ConfigGetHostInfoReply(
            hostname: XDRString(host.name),
            osType: XDRString(host.system),
            osVersion: XDRString(host.release),
            hostID: XDRString(context.library.identity.serial),
            authTypes: machine.authenticator.methods
        )
    }

    /// v4 tells its names only to those it knows.
    private func serverInfo() -> ConfigGetServerInfoReply {
        let configuration = context.configuration
        let tells = version < 4 || machine.user != nil
        return ConfigGetServerInfoReply(
            vendorName: XDRString(tells ? configuration.vendor : ""),
            productName: XDRString(tells ? configuration.product : ""),
            revisionNumber: XDRString(tells ? configuration.revision : ""),
            authTypes: machine.authenticator.methods
        )
    }

    /// One entry per drive, in the order of the drive elements: clients count entries as drives. The serial number is
    /// the one that the changer tells for the drive's element.
    private func tapeInfo() -> [DeviceInfo] {
        context.library.drives.map { drive in
            let identity = drive.identity
            let capabilities = [
                variable("EXECUTE_CDB", "b"),
                variable("SERIAL_NUMBER", identity.serial),
                variable("WORLD_WIDE_NAME", String(identity.worldWideName, radix: 16)),
            ]
            return DeviceInfo(
                model: XDRString("\(identity.vendor) \(identity.product)"),
                names: context.devices.names(of: drive).map { name, rewinds in
                    var attributes: TapeAttributes = rewinds ? .rewindOnClose : []
                    if version >= 4 { attributes.insert(.rawOpen) }
                    return DeviceCapability(
                        device: XDRString(name),
                        attributes: attributes.rawValue,
                        capabilities: capabilities
                    )
                }
            )
        }
    }

    private func changerInfo() -> [DeviceInfo] {
        let changer = context.library.changer
        let identity = changer.identity
        let capabilities = [variable("EXECUTE_CDB", "s"), variable("SERIAL_NUMBER", identity.serial)]
        return [
            DeviceInfo(
                model: XDRString("\(identity.vendor) \(identity.product)"),
                names: context.devices.names(of: changer).map { name in
                    DeviceCapability(device: XDRString(name), attributes: 0, capabilities: capabilities)
                }
            )
        ]
    }

    private func variable(_ name: String, _ value: String) -> NDMPVariable {
        NDMPVariable(name: XDRString(name), value: XDRString(value))
    }
}
