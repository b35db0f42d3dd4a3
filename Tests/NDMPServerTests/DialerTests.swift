// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets
import Synchronization
import Testing

@testable import NDMPServer

@Suite("Data ports and the way to a peer", .serialized)
struct DialerTests {
    private static let loopback = SocketAddress.loopbackIPv4

    private func listener() throws -> (socket: Socket, address: TCPAddress) {
        let socket = try Socket.listening(on: .ipv4(Self.loopback, port: 0), backlog: 8)
        return (socket, TCPAddress(ip: Self.loopback, port: try #require(socket.localAddress?.port)))
    }

    /// Some ports that were free a moment ago, one behind the other.
    private func freeRange(_ count: UInt16) throws -> ClosedRange<UInt16> {
        for base in stride(from: UInt16(42_000), to: 60_000, by: 97) {
            let range = base...base + count - 1
            let all = try? range.map { try Socket.listening(on: .ipv4(Self.loopback, port: $0), backlog: 1) }
            if all != nil { return range }
        }
        throw CancellationError()
    }

    private final class Box: Sendable {
        let outcome = Mutex<Dialer.Outcome?>(nil)
    }

    private func dial(
        _ targets: [TCPAddress],
        ports: ClosedRange<UInt16>? = nil,
        policy: DataPortPolicy = .next,
        seconds: Int = 5
    ) throws -> Dialer.Outcome {
        let parameters = Dialer.Parameters(
            targets: targets,
            sourceAddress: nil,
            sourcePorts: ports,
            policy: policy,
            timeoutSeconds: seconds
        )
        let dialer = try Dialer(parameters, ports: DataPorts())
        let box = Box()
        let done = try WakeUp()
        try dialer.start { outcome in
            box.outcome.withLock { $0 = outcome }
            done.signal()
        }
        _ = Poll.wait([Poll.Interest(done.descriptor, .readable)], timeoutMilliseconds: 20_000)
        return try #require(box.outcome.withLock { $0 })
    }

    /// Documentation addresses, RFC 5737: nothing answers there, or there is no way to them.
    private static let nowhere = TCPAddress(ip: 0xc000_0201, port: 9)

    @Test("The first address that answers is taken, and the failed ones are told with their cause")
    func order() throws {
        let (socket, address) = try listener()
        let closed = TCPAddress(ip: Self.loopback, port: 1)
        let outcome = try dial([closed, address])
        #expect(outcome.connection?.address == address)
        #expect(outcome.failures.count == 1)
        #expect(outcome.failures[0].contains("127.0.0.1:1: refused; nobody listens"))
        withExtendedLifetime(socket) {}
    }

    @Test("At most four addresses are tried, all within one time limit")
    func limit() throws {
        let started = MonotonicClock.milliseconds()
        let outcome = try dial(Array(repeating: Self.nowhere, count: 64), seconds: 2)
        #expect(outcome.connection == nil)
        #expect(outcome.failures.count == Dialer.maximumTargets)
        #expect(MonotonicClock.milliseconds() - started < 4000)
    }

    @Test("An attempt can be called off at once", .timeLimit(.minutes(1)))
    func cancel() throws {
        let parameters = Dialer.Parameters(targets: [Self.nowhere], policy: .next, timeoutSeconds: 30)
        let dialer = try Dialer(parameters, ports: DataPorts())
        let started = MonotonicClock.milliseconds()
        try dialer.start { _ in }
        dialer.cancel()
        #expect(MonotonicClock.milliseconds() - started < 5000)
    }

    @Test("An outgoing connection comes from the range, and a small range lasts for many connections in a row")
    func sourceRange() throws {
        let (socket, address) = try listener()
        let range = try freeRange(4)
        let ports = DataPorts()
        for _ in 0..<12 {
            let parameters = Dialer.Parameters(
                targets: [address],
                sourcePorts: range,
                policy: .next,
                timeoutSeconds: 5
            )
            let dialer = try Dialer(parameters, ports: ports)
            let box = Box()
            let done = try WakeUp()
            try dialer.start { outcome in
                box.outcome.withLock { $0 = outcome }
                done.signal()
            }
            _ = Poll.wait([Poll.Interest(done.descriptor, .readable)], timeoutMilliseconds: 10_000)
            let outcome = try #require(box.outcome.withLock { $0 })
            let connection = try #require(outcome.connection, "\(outcome.failures)")
            #expect(range.contains(connection.socket.localAddress?.port ?? 0))
            // The other side closes first here, so that no port of the range lingers.
            let peer = try #require(try socket.accept())
            peer.shutdown()
        }
    }

    @Test("With the policy fail a taken port is named; with next the others are tried, and then the range is named")
    func policies() throws {
        let range = try freeRange(2)
        let taken = try range.map { try Socket.listening(on: .ipv4(Self.loopback, port: $0), backlog: 1) }
        let ports = DataPorts()
        let place = SocketAddress.ipv4(Self.loopback, port: 0)
        do throws(DataPorts.Unavailable) {
            _ = try ports.listen(on: place, range: range, policy: .fail)
            Issue.record("a taken port was opened")
        } catch {
            #expect(range.contains { error.description.contains("port \($0) is taken") })
        }
        do throws(DataPorts.Unavailable) {
            _ = try ports.listen(on: place, range: range, policy: .next)
            Issue.record("a taken port was opened")
        } catch {
            #expect(error.description.contains("\(range.lowerBound)-\(range.upperBound)"))
        }
        withExtendedLifetime(taken) {}
        let wider = range.lowerBound...range.upperBound + 1
        let open = try ports.listen(on: place, range: wider, policy: .next)
        #expect(open.localAddress?.port == wider.upperBound)
    }

    @Test("The words for what went wrong name the place, the time and the likely causes")
    func words() {
        let silent = ConnectionTrouble.cannotConnect(to: "192.0.2.1:10000", code: ETIMEDOUT, seconds: 7)
        #expect(silent.contains("192.0.2.1:10000: no answer within 7 s; a firewall drops"))
        let barred = ConnectionTrouble.cannotConnect(to: "192.0.2.1:10000", code: EHOSTUNREACH, seconds: 7)
        #expect(barred.contains("a firewall rejects"))
        let nobody = ConnectionTrouble.nobodyConnected(to: "192.0.2.1:10001", withinSeconds: 3)
        #expect(nobody.hasPrefix("nobody connected to 192.0.2.1:10001 within 3 s; "))
    }
}

@Suite("Extension negotiation")
struct ExtensionNegotiationTests {
    private let echo = SelectedExtension(classID: 0x7ff0, version: 1)

    @Test("SET before GET is PRECONDITION; classes that are not offered are CLASS_NOT_SUPPORTED; a settled list stays")
    func order() {
        var negotiation = ExtensionNegotiation()
        var answers = [negotiation.select([])]
        #expect(negotiation.list() == ConfigGetExtensionListReply())
        answers += [negotiation.select([echo, echo]), negotiation.select([echo]), negotiation.select([])]
        answers += [negotiation.select([]), negotiation.select([echo])]
        #expect(
            answers == [
                .precondition, .duplicateExtensionClasses, .classNotSupported, .noError, .extensionNegotiationTooLate,
                .extensionNegotiationTooLate,
            ]
        )
    }
}

@Suite("File systems")
struct FileSystemInformationTests {
    @Test("The mount with the longest name holds a path; blanks are written in octal")
    func mounts() {
        let table = """
            /dev/sda1 / ext4 rw 0 0
            proc /proc proc rw 0 0
            /dev/sdb1 /srv/my\\040data xfs rw 0 0
            host:/x /srv nfs4 rw 0 0
            """
        func type(_ path: String) -> String? { FileSystemInformation.mount(holding: path, in: table)?.type }
        #expect(type("/home") == "ext4")
        #expect(type("/srv/my data/a") == "xfs")
        #expect(type("/srv/my dat") == "nfs4")
        #expect(type("/srvx") == "ext4")
        #expect(FileSystemInformation.mount(holding: "/a", in: "") == nil)
    }

    @Test("A directory that is there has sizes; one that is not says why")
    func looking() {
        let root = FileSystemInformation(path: "/")
        #expect(root.isOnline && root.totalBytes > 0 && root.totalBytes >= root.usedBytes)
        let missing = FileSystemInformation(path: "/no/such/place")
        #expect(!missing.isOnline && missing.trouble == "No such file or directory")
    }
}
