// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import WireFormat

@testable import DMA

/// The network between fake servers: who listens where.
final class FakeNetwork: @unchecked Sendable {
    let servers: [FakeServer]
    var listeners: [UInt16: FakeCaller] = [:]
    private var nextPort: UInt16 = 40_000

    init(_ servers: FakeServer...) { self.servers = servers }

    /// Used by one thread: the job's.
    var callers: Callers {
        Callers(
            open: { endpoint throws(NDMPClientError) in
                guard let server = self.servers.first(where: { $0.name == endpoint.name }) else {
                    throw NDMPClientError(.connectionRefused, server: endpoint.name)
                }
                return FakeCaller(server, self)
            },
            wait: { _, _ in }
        )
    }

    func listen(_ caller: FakeCaller) -> UInt16 {
        nextPort += 1
        listeners[nextPort] = caller
        return nextPort
    }
}

/// One session of a fake server: tape, SCSI, mover and data service, all at once and without threads.
final class FakeCaller: NDMPCaller {
    let host: FakeServer
    private let network: FakeNetwork
    private var posts: [NDMPPost] = []
    private var drive: Int?
    // mover
    private var mover = MoverGetStateReply(error: .noError, state: .idle)
    /// Where the tape stood when the window was set.
    private var windowBase = 0
    private var wire: [UInt8] = []
    private var wireIsClosed = false
    private var pending: (offset: UInt64, length: UInt64)?
    // data
    private var data = DataGetStateReply()
    private var peer: FakeCaller?
    private weak var dataSide: FakeCaller?
    private var ranges: [(offset: UInt64, length: UInt64)] = []

    init(_ host: FakeServer, _ network: FakeNetwork) {
        self.host = host
        self.network = network
    }

    var version: Int { host.version }
    var server: String { host.name }
    func bytes(of payload: XDRPayload) -> [UInt8] {
        if case .bytes(let bytes) = payload { return bytes }
        return []
    }
    func nextPost(timeoutMilliseconds: Int) throws(NDMPClientError) -> NDMPPost? {
        posts.isEmpty ? nil : posts.removeFirst()
    }
    func close() { if let drive { host.holders[drive] = nil } }

    func exchange<Body: XDRStruct, Reply: NDMPReplyBody>(
        _ code: NDMPMessageCode,
        _ body: Body,
        as type: Reply.Type
    ) throws(NDMPClientError) -> Reply {
        let reply: any NDMPReplyBody = answer(code, body)
        if let reply = reply as? Reply { return reply }
        return Reply(refusing: reply.error)
    }

    private func answer(_ code: NDMPMessageCode, _ body: any XDRStruct) -> any NDMPReplyBody {
        switch code.rawValue >> 8 {
        case 0x1: config(code)
        case 0x2: scsi(code, body)
        case 0x3: tape(code, body)
        case 0x4: dataService(code, body)
        default: moverService(code, body)
        }
    }

    private func config(_ code: NDMPMessageCode) -> any NDMPReplyBody {
        func device(_ name: String) -> DeviceInfo { DeviceInfo(names: [DeviceCapability(device: XDRString(name))]) }
        switch code {
        case .configGetTapeInfo:
            return ConfigGetDeviceInfoReply(devices: host.drives.indices.map { device("nst\($0)") })
        case .configGetSCSIInfo: return ConfigGetDeviceInfoReply(devices: [device("sg0")])
        case .configGetBackupTypeInfo:
            var reply = ConfigGetBackupTypeInfoReply()
            reply.backupTypes = [BackupType(name: "tar"), BackupType(name: "dump")]
            return reply
        case .configGetServerInfo:
            var reply = ConfigGetServerInfoReply()
            reply.productName = XDRString(host.exports == nil ? "Other" : "Capstan virtual tape library")
            return reply
        case .configGetFileSystemInfo:
            var reply = ConfigGetFileSystemInfoReply()
            reply.fileSystems = (host.exports ?? []).map { export in
                let isReadOnly = export.hasSuffix(":ro")
                return FileSystemInfo(
                    logicalDevice: XDRString(isReadOnly ? String(export.dropLast(3)) : export),
                    environment: [
                        NDMPVariable(name: "AVAILABLE_RECOVERY", value: isReadOnly ? "" : "tar,dump")
                    ]
                )
            }
            return reply
        default: return ErrorReply(error: .notSupported)
        }
    }

    private func scsi(_ code: NDMPMessageCode, _ body: any XDRStruct) -> any NDMPReplyBody {
        if code == .scsiOpen {
            guard host.changerHolder == nil else { return ErrorReply(error: .deviceBusy) }
            host.changerHolder = self
        }
        if code == .scsiClose { host.changerHolder = nil }
        guard code == .scsiExecuteCDB, let request = body as? ExecuteCDBRequest else { return ErrorReply() }
        let cdb = bytes(of: request.cdb)
        if cdb[0] == 0xB8 {
            return ExecuteCDBReply(dataIn: Array(host.elementStatus.prefix(Int(request.dataInLength))))
        }
        func address(_ at: Int) -> UInt16 { UInt16(cdb[at]) << 8 | UInt16(cdb[at + 1]) }
        let isMoved = host.move(address(4), address(6))
        return isMoved
            ? ExecuteCDBReply()
            : ExecuteCDBReply(status: 2, sense: [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3B, 0x0D])
    }

    // MARK: Tape

    private var loaded: FakeTape? { drive.flatMap { host.drives[$0].barcode }.flatMap { host.tapes[$0] } }

    private func tape(_ code: NDMPMessageCode, _ body: any XDRStruct) -> any NDMPReplyBody {
        switch body {
        case let request as TapeOpenRequest: return open(request)
        case let request as TapeMTIORequest: return motion(request)
        case let request as TapeReadRequest: return read(Int(request.count))
        case let request as TapeWriteRequest:
            let record = bytes(of: request.data)
            loaded?.write(.record(record))
            return TapeWriteReply(count: UInt32(record.count))
        default: break
        }
        guard let tape = loaded else { return ErrorReply(error: .deviceNotOpen) }
        guard code == .tapeGetState else {
            close()
            drive = nil
            return ErrorReply()
        }
        return TapeGetStateReply(fileNumber: UInt32(tape.fileNumber), blockNumber: UInt32(tape.blockNumber))
    }

    private func open(_ request: TapeOpenRequest) -> ErrorReply {
        guard let index = host.drives.indices.first(where: { "nst\($0)" == request.device.text }) else {
            return ErrorReply(error: .noDevice)
        }
        guard host.holders[index] == nil else { return ErrorReply(error: .deviceBusy) }
        guard let barcode = host.drives[index].barcode, let tape = host.tapes[barcode] else {
            return ErrorReply(error: .noTapeLoaded)
        }
        guard !tape.isWriteProtected || request.mode == .read else { return ErrorReply(error: .writeProtected) }
        drive = index
        host.holders[index] = self
        return ErrorReply()
    }

    private func motion(_ request: TapeMTIORequest) -> TapeMTIOReply {
        guard let tape = loaded else { return TapeMTIOReply(error: .noTapeLoaded) }
        switch request.operation {
        case .rewind, .unload: tape.position = 0
        case .writeFilemarks: for _ in 0..<request.count { tape.write(.mark) }
        case .forwardFilemarks:
            return TapeMTIOReply(residualCount: UInt32(tape.space(forwardMarks: Int(request.count))))
        case .backwardRecords: tape.position -= Int(request.count)
        default: return TapeMTIOReply(error: .illegalArguments)
        }
        return TapeMTIOReply()
    }

    private func read(_ count: Int) -> TapeReadReply {
        guard let tape = loaded else { return TapeReadReply(error: .noTapeLoaded) }
        switch tape.here {
        case .record(let bytes):
            tape.position += 1
            return TapeReadReply(data: .bytes(Array(bytes.prefix(count))))
        case .mark: return TapeReadReply(error: .endOfFile)
        case nil: return TapeReadReply(error: .endOfMedium)
        }
    }

    // MARK: Mover

    private func moverService(_ code: NDMPMessageCode, _ body: any XDRStruct) -> any NDMPReplyBody {
        switch (code, body) {
        case (.moverGetState, _): return mover
        case (_, let request as MoverSetRecordSizeRequest): mover.recordSize = request.length
        case (_, let request as MoverSetWindowRequest):
            mover.windowOffset = request.offset
            mover.windowLength = request.length
            windowBase = loaded?.position ?? 0
        case (_, let request as MoverListenRequest):
            mover.mode = request.mode
            mover.state = .listen
            guard request.addressType == .tcp else { return MoverListenReply(address: .local) }
            return MoverListenReply(address: .tcp(ip: 0x7F00_0001, port: network.listen(self)))
        case (_, let request as MoverConnectRequest):
            mover.mode = request.mode
            guard let peer = peer(at: request.address) else { return ErrorReply(error: .connect) }
            self.peer = peer
            mover.state = .active
            peer.mover.state = .active
        case (_, let request as MoverReadRequest): read(request.offset, request.length)
        case (.moverContinue, _):
            mover.state = .active
            mover.mode == .read ? takeFromWire() : giveToWire()
        case (.moverClose, _), (.moverAbort, _):
            guard mover.state != .idle, mover.state != .halted else { return ErrorReply(error: .illegalState) }
            haltMover(code == .moverClose ? .connectClosed : .aborted)
            dataSide?.streamEnded()
            peer?.closeWire()
        case (.moverStop, _):
            guard mover.state == .halted else { return ErrorReply(error: .illegalState) }
            mover = MoverGetStateReply(recordSize: mover.recordSize)
            (wire, wireIsClosed, pending) = ([], false, nil)
        default: return ErrorReply(error: .notSupported)
        }
        return ErrorReply()
    }

    private func peer(at address: DataAddress) -> FakeCaller? {
        switch address {
        case .local: self
        case .tcp(let list): list.first.flatMap { network.listeners[$0.port] }
        default: nil
        }
    }

    private func haltMover(_ reason: MoverHaltReason) {
        mover.state = .halted
        mover.haltReason = reason
        posts.append(.moverHalted(reason, text: ""))
    }

    private func pauseMover(_ reason: MoverPauseReason, _ position: UInt64) {
        mover.state = .paused
        mover.pauseReason = reason
        posts.append(.moverPaused(reason, seekPosition: position))
    }

    private func closeWire() {
        wireIsClosed = true
        if mover.state == .active, mover.mode == .read { takeFromWire() }
    }

    /// To tape: whole records until the wire is empty; the last one is padded when the wire is closed.
    private func takeFromWire() {
        guard let tape = loaded else { return haltMover(.internalError) }
        let size = Int(mover.recordSize)
        while wire.count >= size || wireIsClosed && !wire.isEmpty {
            guard tape.hasRoom(size) else { return pauseMover(.endOfMedium, 0) }
            let piece = Array(wire.prefix(size))
            wire.removeFirst(piece.count)
            tape.write(.record(piece + [UInt8](repeating: 0, count: size - piece.count)))
            mover.bytesMoved += UInt64(piece.count)
        }
        if wireIsClosed { haltMover(.connectClosed) }
    }

    private func read(_ offset: UInt64, _ length: UInt64) {
        pending = (offset, length)
        mover.seekPosition = offset
        giveToWire()
    }

    /// From tape: positions inside the window by arithmetic, pauses at everything else.
    private func giveToWire() {
        guard let tape = loaded, let (offset, length) = pending else { return }
        let size = UInt64(mover.recordSize)
        let (windowEnd, isEndless) = mover.windowOffset.addingReportingOverflow(mover.windowLength)
        var (position, left) = (offset, length)
        var skip = Int((position &- mover.windowOffset) % size)
        var isPlaced = false
        while left > 0 {
            pending = (position, left)
            guard position >= mover.windowOffset, isEndless || position < windowEnd else {
                return pauseMover(.seek, position)
            }
            if !isPlaced { tape.position = windowBase + Int((position - mover.windowOffset) / size) }
            isPlaced = true
            guard case .record(let record) = tape.here else {
                return pauseMover(tape.here == .mark ? .endOfFile : .endOfMedium, position)
            }
            guard record.count <= Int(size) else {
                haltMover(.mediaError)
                peer?.closeWire()
                return
            }
            tape.position += 1
            let room = isEndless ? Int.max : Int(clamping: windowEnd - position)
            let piece = record.dropFirst(skip).prefix(min(room, Int(min(left, UInt64(Int.max)))))
            skip = 0
            mover.bytesMoved += UInt64(piece.count)
            position += UInt64(piece.count)
            if left != .max { left -= UInt64(piece.count) }
            (peer ?? dataSide)?.got(Array(piece), from: self)
        }
        pending = nil
        dataSide?.nextRange()
    }

    /// Bytes of a mover: to our tape when we are one, to the files when we are a data service.
    private func got(_ bytes: [UInt8], from sender: FakeCaller) {
        if mover.mode == .read, mover.state == .active {
            wire += bytes
            takeFromWire()
        } else {
            host.recovered += bytes
        }
    }

    // MARK: Data service

    private func dataService(_ code: NDMPMessageCode, _ body: any XDRStruct) -> any NDMPReplyBody {
        switch (code, body) {
        case (.dataGetState, _): return data
        case (_, let request as DataConnectRequest):
            guard let mover = peer(at: request.address) else { return ErrorReply(error: .connect) }
            self.moverSide = mover
            mover.dataSide = self
            mover.mover.state = .active
            data.state = .connected
        case (_, let request as DataStartBackupRequest):
            host.backupRequest = request
            if let refusal = host.refusal {
                posts.append(.log(.error, text: refusal))
                return ErrorReply(error: .illegalArguments)
            }
            data.state = .halted
            posts += host.history.map { .fileHistory($0) }
            posts.append(.dataHalted(.successful, text: ""))
            data.bytesProcessed = UInt64(host.stream.count)
            moverSide?.wire = host.stream
            moverSide?.closeWire()
        case (_, let request as DataStartRecoverRequest):
            host.recoverRequest = request
            host.recovered = []
            data.state = .active
            ranges = host.wantedRanges.isEmpty ? [(0, .max)] : host.wantedRanges
            nextRange()
        case (.dataGetEnvironment, _):
            let sent = host.backupRequest?.environment ?? []
            return DataGetEnvironmentReply(environment: sent + [NDMPVariable(name: "DUMP_DATE", value: "1700000000")])
        case (.dataAbort, _):
            guard data.state != .idle, data.state != .halted else { return ErrorReply(error: .illegalState) }
            haltData(.aborted)
        case (.dataStop, _):
            guard data.state == .halted else { return ErrorReply(error: .illegalState) }
            data = DataGetStateReply()
        default: return ErrorReply(error: .notSupported)
        }
        return ErrorReply()
    }

    private weak var moverSide: FakeCaller?

    private func nextRange() {
        guard data.state == .active else { return }
        guard !ranges.isEmpty else { return haltData(.successful) }
        let range = ranges.removeFirst()
        posts.append(.dataRead(offset: range.offset, length: range.length))
        if moverSide === self { read(range.offset, range.length) }
    }

    private func streamEnded() { if data.state == .active { haltData(.successful) } }

    private func haltData(_ reason: DataHaltReason) {
        data.state = .halted
        for name in host.recoverRequest?.names ?? [] { posts.append(.logFile(name: name.originalPath, .successful)) }
        posts.append(.dataHalted(reason, text: ""))
        if let mover = moverSide, mover.mover.state == .active || mover.mover.state == .listen {
            mover.haltMover(.connectClosed)
        }
    }
}
