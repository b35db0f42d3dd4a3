// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI
import TapeLibrary
import WireFormat

/// SCSI: CDBs for the changer, and for drives by those clients that want it.
extension Session {
    /// Longest CDB: the variable-length format of SPC-4 4.3.3.
    private static let maximumCDBBytes = 260
    /// Data-In of one CDB: a tape record of the largest size.
    private static let maximumDataInBytes = 16 << 20

    func handleSCSI(_ request: Request) {
        switch request.code {
        case .scsiOpen:
            guard let body = decode(request, as: SCSIOpenRequest.self) else { return }
            reply(request, error: openSCSI(body.device.text))
        case .scsiClose:
            guard case .scsi = device else { return reply(request, error: .deviceNotOpen) }
            releaseDevice()
            reply(request, error: .noError)
        case .scsiGetState: getSCSIState(request)
        case .scsiSetTarget:
            guard let body = decode(request, as: SCSISetTargetRequest.self) else { return }
            reply(request, error: setTarget(body))
        case .scsiExecuteCDB:
            guard let body = decode(request, as: ExecuteCDBRequest.self) else { return }
            guard case .scsi(let target) = device else {
                return reply(request, ExecuteCDBReply(refusing: .deviceNotOpen))
            }
            reply(request, execute(body, on: target))
        default:
            // RESET_DEVICE and RESET_BUS are optional, and there is no bus.
            refuse(request.header, .notSupported)
        }
    }

    private func openSCSI(_ name: String) -> NDMPError {
        guard case .none = device else { return .deviceOpened }
        guard let target = context.devices.device(name) else { return .noDevice }
        return open(target)
    }

    private func open(_ target: NamedDevice) -> NDMPError {
        do throws(DeviceBusy) {
            switch target {
            case .drive(let station, _, _): try station.open(as: nexus)
            case .changer(let station, _): try station.open(as: nexus)
            }
        } catch {
            context.logger.info("\(nexus.name): \(error.sentence)")
            return .deviceBusy
        }
        device = .scsi(target)
        handle.updateStatus { $0.device = target.name }
        return .noError
    }

    /// The library is controller 0; the changer is id 0, the drives follow.
    private func identifier(of target: NamedDevice) -> Int16 {
        switch target {
        case .changer: 0
        case .drive(let station, _, _): Int16(clamping: station.index + 1)
        }
    }

    private func getSCSIState(_ request: Request) {
        guard case .scsi(let target) = device else {
            return reply(request, SCSIGetStateReply(refusing: .deviceNotOpen))
        }
        reply(request, SCSIGetStateReply(controller: 0, targetID: identifier(of: target), lun: 0))
    }

    /// v2 and v3: another device behind the same open.
    private func setTarget(_ body: SCSISetTargetRequest) -> NDMPError {
        guard case .scsi(let present) = device else { return .deviceNotOpen }
        guard body.controller == 0 else { return .noBus }
        guard let wanted = context.devices.device(body.device.text), body.lun == 0,
            identifier(of: wanted) == Int16(clamping: body.targetID)
        else { return .noDevice }
        guard identifier(of: wanted) != identifier(of: present) else { return .noError }
        releaseDevice()
        return open(wanted)
    }

    // MARK: CDBs

    /// CHECK CONDITION is a good reply with status and sense; NDMP errors are for requests that never reached the
    /// device.
    ///
    /// Deviation: the request's timeout is not applied. Nothing but the disk can delay a command here, and one that is
    /// given up half way would leave the client not knowing what is on the tape: it gets the true outcome, late.
    func execute(_ body: ExecuteCDBRequest, on target: NamedDevice) -> ExecuteCDBReply {
        guard !body.flags.isSuperset(of: [.dataIn, .dataOut]) else {
            return ExecuteCDBReply(refusing: .illegalArguments)
        }
        let cdb = body.cdb.copy(from: buffer.bytes)
        guard !cdb.isEmpty, cdb.count <= Self.maximumCDBBytes else {
            return ExecuteCDBReply(refusing: .illegalArguments)
        }
        let limit = body.flags.contains(.dataIn) ? min(Int(body.dataInLength), Self.maximumDataInBytes) : 0
        let payload = body.flags.contains(.dataOut) ? body.dataOut : .bytes([])
        do throws(DeviceBusy) {
            let result = try payload.withSpan(in: buffer.bytes) { (dataOut) throws(DeviceBusy) in
                switch target {
                case .drive(let station, _, _):
                    try station.execute(cdb: cdb, dataOut: dataOut, dataInLimit: limit, nexus: nexus)
                case .changer(let station, _):
                    station.execute(cdb: cdb, dataOut: dataOut, dataInLimit: limit, nexus: nexus)
                }
            }
            return ExecuteCDBReply(
                status: result.status.rawValue,
                dataOutLength: UInt32(clamping: result.dataOutConsumed),
                dataIn: result.dataIn,
                sense: Array(result.senseBytes.prefix(NDMPLimits.senseBytes))
            )
        } catch {
            context.logger.info("\(nexus.name): \(error.sentence)")
            return ExecuteCDBReply(refusing: .deviceBusy)
        }
    }
}
