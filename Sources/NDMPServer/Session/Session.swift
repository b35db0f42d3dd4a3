// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import NDMPProtocol
import SCSI
import Sockets
import TapeLibrary
import WireFormat

/// One control connection. Lives on its own thread from greeting to end; nothing of it is shared but `handle`.
///
/// The thread waits for the client and for the mover thread, takes one message at a time, asks the machines what is
/// allowed, does it, and replies. A session that ends, for whatever reason, gives back everything it held.
final class Session {
    /// What a request handler needs to know of its request.
    struct Request {
        let header: NDMPHeader
        let code: NDMPMessageCode
        /// The body, as a range of the receive buffer.
        let body: Range<Int>
    }

    /// At most one device is open in a session.
    enum Device {
        case none
        case tape(OpenTape)
        case scsi(NamedDevice)
    }

    let handle: SessionHandle
    let context: ServerContext
    let nexus: Nexus
    var counters: MoverCounters { handle.moverCounters }
    var machine: SessionMachine
    var extensions = ExtensionNegotiation()
    var mover: MoverMachine
    var data: DataMachine
    var device = Device.none
    var engine: MoverEngine?
    var dataEngine: DataEngine?
    /// Attempts to connect that are under way: of the mover, and of the data service.
    var moverDial: PendingDial?
    var dataDial: PendingDial?
    /// The variables of the last START request, with what the job added.
    var environment = DataEnvironment()
    /// Numbers the data connections and the attempts.
    var lastRun = 0
    var moverRun = 0
    var dataRun = 0
    /// The last TAPE_CLOSE failed; the next one only lets go.
    var closeHasFailed = false
    var buffer = NDMPReceiveBuffer()
    private var output = NDMPSendBuffer()
    private var sequence: UInt32 = 0
    /// The last request carried a record: the next one is likely to come at once.
    private var isStreaming = false
    /// Looks at the socket before sleeping, while records come one after the other: some 30 µs. Falling asleep and
    /// being woken costs more than that on a virtual machine, for both sides.
    private static let looksForNextRecord = 64
    /// In milliseconds, as the socket has it; 0 waits for ever.
    private var receiveTimeout: Int32 = 0
    /// Set when the connection is to end after what is in the send buffer.
    var isOver = false

    /// A client that takes no bytes for this long is gone.
    private static let sendTimeoutSeconds = 120
    /// After this long without a message, room for bulky ones is given back.
    private static let idleMilliseconds: Int32 = 2000
    /// Malformed messages that are answered or dropped before the connection is closed.
    private static let maximumMalformed = 32
    /// A character has at most a few bytes, and this many of them fit into every version's text.
    private static let logCharacters = NDMPLimits.textBytes / 8
    private var malformed = 0
    private let openedMilliseconds = MonotonicClock.milliseconds()

    init(handle: SessionHandle, context: ServerContext, nexusID: UInt64) {
        self.handle = handle
        self.context = context
        nexus = Nexus(id: nexusID, name: "ndmp \(handle.peer)")
        let isLoopback = handle.socket.peerAddress?.isLoopback ?? false
        let configuration = context.configuration
        machine = SessionMachine(
            announcedVersion: configuration.highestVersion,
            authenticator: Authenticator(configuration, peerIsLoopback: isLoopback)
        )
        mover = MoverMachine(
            version: configuration.highestVersion,
            strict: configuration.strict,
            largestRecord: TapeRules.largestRecord
        )
        data = DataMachine(version: configuration.highestVersion)
    }

    /// The version that bodies are encoded in now.
    var version: Int { machine.version }

    // MARK: The thread

    func runToEnd() {
        handle.socket.setSendTimeout(seconds: Self.sendTimeoutSeconds)
        post(.notifyConnected, NotifyConnectedPost(reason: .connected, protocolVersion: UInt16(version)))
        while !isOver {
            guard takeMessages(), !isOver else { break }
            guard receive() else { break }
        }
        end()
    }

    /// Handles every whole message that has come.
    private func takeMessages() -> Bool {
        while !isOver {
            buffer.messageLimit =
                machine.user == nil ? NDMPLimits.messageBytesBeforeAuthentication : NDMPLimits.messageBytes
            do throws(RecordMarkError) {
                guard let range = try buffer.nextMessage() else { return true }
                handle(range)
                takeEvents()
            } catch {
                context.logger.notice("\(nexus.name): \(error.description); the connection is closed")
                return false
            }
        }
        return false
    }

    /// Waits for bytes and receives some. False when the connection is over.
    private func receive() -> Bool {
        guard machine.user != nil || millisecondsToAuthenticate > 0 else {
            let seconds = context.configuration.authenticationSeconds
            context.logger.notice("\(nexus.name): no authentication within \(seconds) s; the connection is closed")
            return false
        }
        // Without a helper only the client, or the end of the server, can wake this thread: one call waits and receives.
        if hasHelpers {
            if !waitForClientOrHelpers() { return false }
        } else {
            setReceiveTimeout(milliseconds: max(0, patienceMilliseconds))
        }
        var received = Socket.Received.end
        let socket = handle.socket
        _ = buffer.withFreeSpace { room in
            received = socket.receive(into: &room, looks: isStreaming ? Self.looksForNextRecord : 0)
            if case .bytes(let count) = received { return count }
            return 0
        }
        switch received {
        case .bytes:
            return true
        case .failed(EAGAIN):
            isStreaming = false
            releaseSpareRoom()
            return true
        case .end, .failed:
            if handle.isEnding { sayGoodbye() }
            return false
        }
    }

    /// Threads that work for this session, and may wake it.
    private var hasHelpers: Bool {
        engine != nil || dataEngine != nil || moverDial != nil || dataDial != nil
    }

    private var millisecondsToAuthenticate: Int32 {
        let end = openedMilliseconds + UInt64(max(1, context.configuration.authenticationSeconds)) * 1000
        let now = MonotonicClock.milliseconds()
        return end > now ? Int32(clamping: end - now) : 0
    }

    /// How long to wait for a message before there is something else to do; negative: for ever.
    private var patienceMilliseconds: Int32 {
        let idle = hasSpareRoom ? Self.idleMilliseconds : -1
        guard machine.user == nil else { return idle }
        let left = max(1, millisecondsToAuthenticate)
        return idle < 0 ? left : min(idle, left)
    }

    /// Waits until the client has sent something, and takes what the helpers report meanwhile. False when the
    /// connection is over.
    private func waitForClientOrHelpers() -> Bool {
        setReceiveTimeout(milliseconds: 0)
        while true {
            let ready = Poll.wait(
                readable: handle.socket.descriptor,
                handle.wakeUp.descriptor,
                timeoutMilliseconds: patienceMilliseconds
            )
            if ready.second {
                handle.wakeUp.clear()
                takeEvents()
                if handle.isEnding {
                    sayGoodbye()
                    return false
                }
            }
            if ready.first { return true }
            if !ready.second { releaseSpareRoom() }
            if isOver { return false }
        }
    }

    private func setReceiveTimeout(milliseconds: Int32) {
        guard milliseconds != receiveTimeout else { return }
        receiveTimeout = milliseconds
        handle.socket.setReceiveTimeout(milliseconds: milliseconds)
    }

    private func releaseSpareRoom() {
        buffer.releaseSpareRoom()
        output.releaseSpareRoom()
    }

    /// Room beyond what an idle session keeps.
    private var hasSpareRoom: Bool {
        buffer.bytes.count > NDMPReceiveBuffer.idleRoomBytes || output.bytes.count > NDMPSendBuffer.idleRoomBytes
    }

    private func sayGoodbye() {
        post(
            .notifyConnected,
            NotifyConnectedPost(
                reason: .shutdown,
                protocolVersion: UInt16(version),
                text: XDRString("the server is shutting down")
            )
        )
    }

    /// Lets go of everything, in the order that frees the drive first.
    private func end() {
        if case .active(_, let operation) = data.state {
            context.logger.warning("\(nexus.name): the client is gone; its \(operation.text) is aborted")
        } else if case .active = mover.state {
            context.logger.warning("\(nexus.name): the client is gone; its mover is aborted")
        }
        perform(data.sessionEnded())
        perform(mover.sessionEnded())
        releaseDevice()
        context.library.nexusLost(nexus)
        handle.socket.shutdown()
    }

    // MARK: Messages in

    private func handle(_ range: Range<Int>) {
        var reader = XDRReader(buffer.bytes, in: range, version: version)
        guard range.count >= NDMPHeader.byteCount, let header: NDMPHeader = try? reader.decode() else {
            countMalformed()
            return
        }
        let body = range.lowerBound + NDMPHeader.byteCount..<range.upperBound
        let admission = machine.admit(header)
        if let trace = context.trace {
            let line = NDMPTrace.describe(buffer.bytes, in: range, version: version)
            trace.message(session: handle.id, peer: handle.peer, direction: .received, line: line)
        }
        handle.updateStatus {
            $0.messagesReceived += 1
            $0.version = machine.agreedVersion
        }
        mover.version = version
        data.version = version
        switch admission {
        case .handle(let row):
            dispatch(Request(header: header, code: row.code, body: body))
        case .refuse(let error):
            refuse(header, error)
        case .close:
            isOver = true
        case .ignore:
            countMalformed()
        }
    }

    private func countMalformed() {
        malformed += 1
        if malformed > Self.maximumMalformed { isOver = true }
    }

    private func dispatch(_ request: Request) {
        isStreaming = request.code == .tapeWrite || request.code == .tapeRead
        switch request.code.rawValue >> 8 {
        case 0x1: handleConfig(request)
        case 0x2: handleSCSI(request)
        case 0x3: handleTape(request)
        case 0x4: handleData(request)
        case 0x9: handleConnect(request)
        case 0xa: handleMover(request)
        default: refuse(request.header, .notSupported)
        }
    }

    /// Decodes the body of a request; nil when that failed, and the client has been told.
    func decode<Body: XDRStruct>(_ request: Request, as type: Body.Type = Body.self) -> Body? {
        var reader = XDRReader(buffer.bytes, in: request.body, version: version)
        do throws(XDRError) {
            return try reader.decode(type)
        } catch {
            context.logger.info("\(nexus.name): \(request.code): \(error.description)")
            refuse(request.header, .xdrDecode)
            return nil
        }
    }

    // MARK: Messages out

    func reply<Body: NDMPReplyBody>(_ request: Request, _ body: Body) {
        send(replyHeader(to: request.header), body)
    }

    func reply(_ request: Request, error: NDMPError) {
        reply(request, ErrorReply(error: error))
    }

    /// A reply with the error in its header and no body.
    func refuse(_ request: NDMPHeader, _ error: NDMPError) {
        var header = replyHeader(to: request)
        header.error = NDMPError(rawValue: error.wireValue(version: version))
        send(header, EmptyBody())
    }

    func post<Body: XDRStruct>(_ code: NDMPMessageCode, _ body: Body) {
        sequence &+= 1
        send(NDMPHeader(request: code, sequence: sequence, timeStamp: MonotonicClock.wallSeconds()), body)
    }

    func replyHeader(to request: NDMPHeader) -> NDMPHeader {
        sequence &+= 1
        return NDMPHeader(replyTo: request, sequence: sequence, timeStamp: MonotonicClock.wallSeconds())
    }

    private func send<Body: XDRStruct>(_ header: NDMPHeader, _ body: Body) {
        do throws(XDRError) {
            try output.append(header, body, version: version)
        } catch {
            context.logger.error("\(nexus.name): a message could not be encoded: \(error.description)")
            var failed = header
            failed.error = .xdrEncode
            output.append(failed)
        }
        if let trace = context.trace {
            let line = NDMPTrace.describe(header, body, version: version)
            trace.message(session: handle.id, peer: handle.peer, direction: .sent, line: line)
        }
        flush()
    }

    /// The reply to TAPE_READ, its record read straight into the message.
    func replyTapeRead(
        _ request: Request,
        capacity: Int,
        _ fill: (inout MutableSpan<UInt8>) -> (error: NDMPError, count: Int)
    ) {
        let header = replyHeader(to: request.header)
        var result = (error: NDMPError.noError, count: 0)
        output.appendTapeRead(header, capacity: capacity, version: version) { room in
            result = fill(&room)
            return result
        }
        if let trace = context.trace {
            let body = TapeReadReply(error: result.error, data: .inMessage(0..<result.count))
            let line = NDMPTrace.describe(header, body, version: version)
            trace.message(session: handle.id, peer: handle.peer, direction: .sent, line: line)
        }
        flush()
    }

    private func flush() {
        handle.updateStatus { $0.messagesSent += 1 }
        let pending = output.pending
        do throws(NetworkError) {
            try handle.socket.send(output.bytes.span.extracting(pending))
        } catch {
            // The client is gone: nothing more can be said.
            if !isOver { context.logger.notice("\(nexus.name): \(error.description); the connection is closed") }
            isOver = true
        }
        output.sent(pending.count)
    }

    // MARK: Log

    /// Trouble of a request or a connection: a line in the client's job log, and a warning in ours.
    func report(_ type: LogType, _ text: String) {
        context.logger.warning("\(nexus.name): \(text)")
        log(type, text)
    }

    /// A line in the client's job log. v2 has only LOG_LOG.
    func log(_ type: LogType, _ text: String) {
        let text = String(text.prefix(Self.logCharacters))
        if version == 2 {
            post(.logText, LogTextPost(entry: XDRString(text)))
        } else {
            post(.logMessage, LogMessagePost(type: type, messageID: 0, entry: XDRString(text)))
        }
    }
}
