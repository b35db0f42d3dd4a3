// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Logging
import NDMPProtocol
import Sockets
import Synchronization
import Testing
import WireFormat

@testable import NDMPServer

/// A job that does what the test says.
private struct ScriptedJob: DataJob {
    var names: [XDRString] = []
    var title: String { "test" }
    let body: @Sendable (DataConnection, DataObserver) throws -> DataOutcome

    func run(_ connection: DataConnection, _ observer: DataObserver) throws(StreamError) -> DataOutcome {
        do {
            return try body(connection, observer)
        } catch let error as StreamError {
            throw error
        } catch {
            throw .impossible("\(error)")
        }
    }
}

/// An engine over one end of a pair of sockets; the test is mover and session.
private final class DataRig: Sendable {
    let engine: DataEngine
    let peer: Socket
    private let reports: ReportList

    final class ReportList: Sendable {
        private let list = Mutex<[DataEngine.Report]>([])
        let signal: WakeUp

        init() throws { signal = try WakeUp() }

        func add(_ report: DataEngine.Report) {
            list.withLock { $0.append(report) }
            signal.signal()
        }

        func first() -> DataEngine.Report? { list.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
        var count: Int { list.withLock { $0.count } }
    }

    init(version: Int = 4) throws {
        let (ours, peer) = try Socket.pair()
        let list = try ReportList()
        self.peer = peer
        reports = list
        engine = try DataEngine(version: version, counters: DataCounters()) { list.add($0) }
        try engine.start(.connected(ours), .init(logger: Logger(label: "test"), session: "test"))
    }

    deinit { engine.end() }

    func run(
        names: [XDRString] = [],
        _ body: @escaping @Sendable (DataConnection, DataObserver) throws -> DataOutcome
    ) {
        engine.run(ScriptedJob(names: names, body: body))
    }

    /// The next report; posts are taken as sent.
    func next() throws -> DataEngine.Report {
        for _ in 0..<1000 {
            if let report = reports.first() {
                if case .post = report { engine.postSent() }
                return report
            }
            _ = Poll.wait([Poll.Interest(reports.signal.descriptor, .readable)], timeoutMilliseconds: 10)
            reports.signal.clear()
        }
        throw Missing()
    }

    struct Missing: Error {}

    /// The next NOTIFY_DATA_READ; other posts are passed over.
    func nextRead() throws -> [UInt64] {
        while true {
            if case .post(.read(let offset, let length)) = try next() { return [offset, length] }
        }
    }

    func finish() throws -> DataEvent {
        while true {
            if case .event(let event) = try next() { return event }
        }
    }

    var waiting: Int { reports.count }

    func send(_ bytes: [UInt8]) throws { try peer.send(bytes.span) }

    func receive(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var fill = 0
        while fill < count, case .bytes(let got) = peer.receive(into: &bytes, at: fill, count: count - fill) {
            fill += got
        }
        return Array(bytes[..<fill])
    }
}

@Suite("Data connection and its job")
struct DataConnectionTests {
    private static func read(_ connection: DataConnection, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var fill = 0
        while fill < count {
            var span = bytes.mutableSpan
            var rest = span._mutatingExtracting(fill..<count)
            let got = try connection.read(into: &rest)
            if got == 0 { break }
            fill += got
        }
        return Array(bytes[..<fill])
    }

    @Test("A backup's bytes arrive as written, whatever the sizes of the writes")
    func backup() throws {
        let rig = try DataRig()
        let data = MoverRig.stream(3 << 20)
        rig.run { connection, _ in
            var start = 0
            for size in [1, 511, 512, 200_000, 300_000, 7, 1 << 20, data.count] {
                let end = min(start + size, data.count)
                let part = Array(data[start..<end])
                try connection.write(part.span)
                start = end
            }
            var outcome = DataOutcome(files: 3)
            outcome.variables = [NDMPVariable(name: "DUMP_DATE", value: "1")]
            return outcome
        }
        #expect(rig.receive(data.count) == data)
        #expect(try rig.finish() == .finished(.successful, ""))
        #expect(rig.engine.counters.current.bytes == UInt64(data.count))
        #expect(rig.engine.counters.current.files == 3)
    }

    @Test("Reading to the end asks once, for all ones")
    func sequential() throws {
        let rig = try DataRig()
        rig.run { connection, _ in
            try connection.position(at: 0, expecting: nil)
            var outcome = DataOutcome()
            outcome.files = UInt64(try Self.read(connection, 100).count)
            outcome.files += UInt64(try Self.read(connection, 100).count)
            return outcome
        }
        #expect(try rig.nextRead() == [0, .max])
        try rig.send([UInt8](repeating: 1, count: 150))
        rig.peer.shutdown()
        #expect(try rig.finish() == .finished(.successful, ""))
        #expect(rig.engine.counters.current.files == 150)
    }

    @Test("Direct access asks for what is expected, then for what is announced, and never twice for the same")
    func direct() throws {
        let rig = try DataRig()
        rig.run { connection, _ in
            try connection.position(at: 10_000, expecting: 512)
            _ = try Self.read(connection, 512)
            connection.expect(1000)
            _ = try Self.read(connection, 1000)
            // A place in what is under way: nothing is asked for again, the bytes between are passed over.
            try connection.position(at: 50_000, expecting: 4096)
            _ = try Self.read(connection, 100)
            try connection.position(at: 51_000, expecting: 200)
            var outcome = DataOutcome()
            outcome.sentence = "\(try Self.read(connection, 1)[0])"
            // Elsewhere: the rest of what was asked for comes all the same, and is dropped.
            try connection.position(at: 2000, expecting: 10)
            outcome.sentence += " \(try Self.read(connection, 10)[9])"
            return outcome
        }
        #expect(try rig.nextRead() == [10_000, 512])
        try rig.send([UInt8](repeating: 1, count: 512))
        #expect(try rig.nextRead() == [10_512, 1000])
        try rig.send([UInt8](repeating: 1, count: 1000))
        #expect(try rig.nextRead() == [50_000, 4096])
        try rig.send((0..<4096).map { $0 >= 1000 ? 7 : 1 })
        #expect(try rig.nextRead() == [2000, 10])
        try rig.send([UInt8](repeating: 9, count: 10))
        #expect(try rig.finish() == .finished(.successful, "7 9"))
        #expect(rig.engine.counters.current.readOffset == 2000)
        #expect(rig.engine.counters.current.readLength == 10)
    }

    @Test("More is read than was expected: it is asked for in modest pieces")
    func beyond() throws {
        let rig = try DataRig()
        rig.run { connection, _ in
            try connection.position(at: 0, expecting: 512)
            var outcome = DataOutcome()
            outcome.files = UInt64(try Self.read(connection, 600).count)
            return outcome
        }
        #expect(try rig.nextRead() == [0, 512])
        try rig.send([UInt8](repeating: 1, count: 512))
        #expect(try rig.nextRead() == [512, 88])
        rig.peer.shutdown()
        #expect(try rig.finish() == .finished(.successful, ""))
        #expect(rig.engine.counters.current.files == 512, "the end of the stream is an end, not an error")
    }

    @Test("An offset near the largest position asks for nothing beyond it")
    func farOffset() throws {
        let rig = try DataRig()
        rig.run { connection, _ in
            try connection.position(at: .max - 100, expecting: 16 << 10)
            connection.expect(.max)
            _ = try Self.read(connection, 200)
            return DataOutcome()
        }
        #expect(try rig.nextRead() == [.max - 100, 100])
        rig.peer.shutdown()
        #expect(try rig.finish() == .finished(.successful, ""))
    }

    @Test("A mover that sends more than it was asked for is a broken connection")
    func unasked() throws {
        let rig = try DataRig()
        rig.run { connection, _ in
            try connection.position(at: 0, expecting: 100)
            _ = try Self.read(connection, 200)
            return DataOutcome()
        }
        #expect(try rig.nextRead() == [0, 100])
        try rig.send([UInt8](repeating: 1, count: 150))
        guard case .finished(.connectError, let text) = try rig.finish() else {
            Issue.record("not halted")
            return
        }
        #expect(text.contains("more than"))
    }

    @Test("A peer that closes ends a backup with CONNECT_ERROR")
    func closedBackup() throws {
        let rig = try DataRig()
        rig.peer.shutdown()
        rig.run { connection, _ in
            let bytes = [UInt8](repeating: 0, count: 1 << 20)
            for _ in 0..<100_000 { try connection.write(bytes.span) }
            return DataOutcome()
        }
        let event = try rig.finish()
        // Which of the two depends on who is first: the close or the order.
        switch event {
        case .finished(.connectError, _), .connectionLost: break
        default: Issue.record("\(event)")
        }
    }

    @Test("A job on a stalled connection ends with its engine, and says nothing any more", .timeLimit(.minutes(1)))
    func stalled() throws {
        let rig = try DataRig()
        rig.run { connection, _ in
            let bytes = [UInt8](repeating: 0, count: 1 << 20)
            for _ in 0..<100_000 { try connection.write(bytes.span) }
            return DataOutcome()
        }
        while rig.engine.counters.current.bytes < 1 << 20 { _ = Poll.wait([], timeoutMilliseconds: 1) }
        rig.engine.end()
        #expect(rig.waiting == 0)
    }

    @Test("Posts wait while the session has not sent the last ones, and an end frees them", .timeLimit(.minutes(1)))
    func backPressure() throws {
        let rig = try DataRig()
        let told = Mutex(0)
        let count = TestCounter()
        rig.run { _, observer in
            for number in 0..<1000 {
                observer.note(.normal, "\(number)")
                count.add()
            }
            return DataOutcome()
        }
        while rig.waiting < DataEngine.maximumPosts { _ = Poll.wait([], timeoutMilliseconds: 1) }
        _ = Poll.wait([], timeoutMilliseconds: 50)
        #expect(rig.waiting == DataEngine.maximumPosts)
        #expect(count.value <= DataEngine.maximumPosts)
        for _ in 0..<100 {
            _ = try rig.next()
            told.withLock { $0 += 1 }
        }
        rig.engine.end()
        #expect(count.value == 1000, "a job that is not wanted any more is not held up")
    }

    @Test("Each name of a recover list is told once, and none that the list does not have")
    func names() throws {
        let rig = try DataRig()
        rig.run(names: ["/a", "/b"]) { _, observer in
            observer.finished(1, .notFound)
            observer.finished(1, .recovered)
            observer.finished(2, .recovered)
            observer.finished(-1, .recovered)
            observer.finished(0, .recovered)
            return DataOutcome()
        }
        var posts: [DataPost] = []
        while true {
            let report = try rig.next()
            if case .event = report { break }
            if case .post(let post) = report, case .file = post { posts.append(post) }
        }
        #expect(posts == [.file("/b", .notFound), .file("/a", .recovered)])
    }

    @Test("What went wrong is told with the reason of the halt")
    func failures() throws {
        let cases: [(StreamError, DataHaltReason)] = [
            (.connection("x"), .connectError), (.truncated(at: 5), .internalError), (.malformed("x"), .internalError),
            (.impossible("x"), .internalError),
        ]
        for (error, reason) in cases {
            let rig = try DataRig()
            rig.run { _, _ in throw error }
            #expect(try rig.finish() == .finished(reason, "test failed: \(error.description)"))
        }
    }

    @Test("History is complete before the end is told")
    func historyFirst() throws {
        let rig = try DataRig()
        rig.run { _, observer in
            observer.file(TreePath(), FileStatus(kind: .directory, inode: 2, mode: 0o755), node: 2, offset: 0)
            throw StreamError.impossible("enough")
        }
        guard case .post(.history(.files(let files))) = try rig.next() else {
            Issue.record("no history")
            return
        }
        #expect(files.count == 1)
    }

    @Test("A peer that goes before anything is started is a lost connection")
    func lost() throws {
        let rig = try DataRig()
        rig.peer.shutdown()
        guard case .connectionLost = try rig.finish() else {
            Issue.record("not lost")
            return
        }
    }
}

private final class TestCounter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
