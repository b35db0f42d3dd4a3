// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import Sockets
import Synchronization
import WireFormat

/// What a job came to.
struct DataOutcome: Sendable, Equatable {
    /// What DATA_GET_ENV tells beside what the client has sent.
    var variables: [NDMPVariable] = []
    var files: UInt64 = 0
    /// One sentence for the client's log.
    var sentence = ""
    /// Something could not be read or written, and was passed over.
    var isIncomplete = false
}

/// A backup or recovery, ready to run.
protocol DataJob: Sendable {
    /// For the log: what is done, and to what.
    var title: String { get }
    /// Names of the recover list, in its order.
    var names: [XDRString] { get }
    func run(_ connection: DataConnection, _ observer: DataObserver) throws(StreamError) -> DataOutcome
}

/// One data connection and the thread that runs a job over it, as the session sees it.
///
/// Owns the thread and the data socket: it waits for the peer when it is to be accepted, then for the order to start,
/// then runs the job. What happens is reported through `report`, on its own thread; posts of the job wait when the
/// session has not sent the last ones yet.
final class DataEngine: Sendable {
    /// What the engine tells the session.
    enum Report: Sendable {
        case event(DataEvent)
        /// To be sent, and answered with `postSent`.
        case post(DataPost)
        /// What the finished job came to. Comes before its event.
        case outcome(DataOutcome)
    }

    /// Where the data connection comes from.
    enum Origin: Sendable {
        /// `name` is the address as the peer was told it.
        case listener(Socket, name: String, timeoutSeconds: Int)
        case connected(Socket)
    }

    private struct Control {
        var isEnded = false
        var listener: Socket?
        var socket: Socket?
        var job: (any DataJob)?
        var postsUnderWay = 0
    }

    /// Posts that may wait for the session's thread. A history post has up to 60 KiB, so this is at most a megabyte.
    static let maximumPosts = 16

    let version: Int
    let counters: DataCounters
    let wakeUp: WakeUp
    private let room: WakeUp
    private let control = Mutex(Control())
    private let report: @Sendable (Report) -> Void
    private let thread = Mutex<DedicatedThread?>(nil)

    init(version: Int, counters: DataCounters, report: @escaping @Sendable (Report) -> Void) throws(NetworkError) {
        self.version = version
        self.counters = counters
        self.report = report
        wakeUp = try WakeUp()
        room = try WakeUp()
    }

    // MARK: For the session

    func start(_ origin: Origin, _ surroundings: DataWorker.Surroundings) throws(NetworkError) {
        control.withLock { control in
            switch origin {
            case .connected(let socket): control.socket = socket
            case .listener(let listener, _, _): control.listener = listener
            }
        }
        let started = try DedicatedThread(name: "ndmp data", stackBytes: DataWorker.stackBytes) {
            DataWorker(engine: self, surroundings).run(origin)
        }
        thread.withLock { $0 = started }
    }

    func run(_ job: any DataJob) {
        control.withLock { $0.job = job }
        wakeUp.signal()
    }

    /// A peer has connected, whether the thread has taken it already or not.
    var peerIsComing: Bool {
        control.withLock { $0.listener }?.hasPeer ?? false
    }

    /// The session has sent a post: there is room for another.
    func postSent() {
        control.withLock { $0.postsUnderWay -= 1 }
        room.signal()
    }

    /// Closes the data connection and returns when the thread has ended: after the file operation that may be under
    /// way, at most.
    func end() {
        let socket = control.withLock { control in
            control.isEnded = true
            return control.socket
        }
        socket?.shutdown()
        wakeUp.signal()
        room.signal()
        thread.withLock { $0 }?.join()
        control.withLock { control in
            control.socket = nil
            control.listener = nil
        }
    }

    // MARK: For the thread

    func send(_ event: DataEvent) {
        report(.event(event))
    }

    func send(_ outcome: DataOutcome) {
        report(.outcome(outcome))
    }

    /// Hands a post to the session's thread; waits while too many are under way. An ended job's posts are dropped.
    func post(_ post: DataPost) {
        while true {
            enum Turn { case taken, full, ended }
            let turn = control.withLock { control -> Turn in
                if control.isEnded { return .ended }
                guard control.postsUnderWay < Self.maximumPosts else { return .full }
                control.postsUnderWay += 1
                return .taken
            }
            switch turn {
            case .taken: return report(.post(post))
            case .ended: return
            case .full:
                _ = Poll.wait([Poll.Interest(room.descriptor, .readable)])
                room.clear()
            }
        }
    }

    var isEnded: Bool { control.withLock { $0.isEnded } }

    /// False when the connection is not wanted any more.
    func adopt(_ socket: Socket) -> Bool {
        control.withLock { control in
            guard !control.isEnded else { return false }
            control.socket = socket
            return true
        }
    }

    func takeJob() -> (any DataJob)? {
        control.withLock { control in
            let job = control.job
            control.job = nil
            return job
        }
    }
}
