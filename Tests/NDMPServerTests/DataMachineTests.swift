// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing

@testable import NDMPServer

/// The table of the data service: what every request gets in every state. NDMP v4 draft, 3.5 and its data state
/// machine; v2 by its own interface.
@Suite("Data machine")
struct DataMachineTests {
    enum Situation: CaseIterable, Sendable {
        case idle, connecting, listen, connected, active, halted
    }

    enum Ask: CaseIterable, Sendable {
        case listen, connect, start, abort, stop
    }

    static let peer = DataAddress.tcp(ip: 0x7f00_0001, port: 4000)
    static let port = DataAddress.tcp(ip: 0x7f00_0001, port: 4001)

    /// The machine by reference, so that expectations can ask it.
    final class Subject {
        var machine: DataMachine

        init(version: Int) { machine = DataMachine(version: version) }

        var state: DataMachine.State { machine.state }

        func handle(_ request: DataRequest, _ mover: DataSurroundings = DataSurroundings()) -> DataMachine.Outcome {
            machine.handle(request, mover)
        }

        func receive(_ event: DataEvent) -> [DataAction] { machine.receive(event) }
        func connected(to address: DataAddress) -> Bool { machine.connected(to: address) }
        func listening(at address: DataAddress) { machine.listening(at: address) }
        func connecting(to address: DataAddress) { machine.connecting(to: address) }
        func notConnected() { machine.notConnected() }
        func started(_ operation: DataOperation) { machine.started(operation) }
        func sessionEnded() -> [DataAction] { machine.sessionEnded() }
    }

    static func machine(_ version: Int, _ situation: Situation) -> Subject {
        let machine = Subject(version: version)
        switch situation {
        case .idle: break
        case .connecting: machine.connecting(to: peer)
        case .listen: machine.listening(at: port)
        case .connected: #expect(machine.connected(to: peer))
        case .active:
            #expect(machine.connected(to: peer))
            machine.started(.backup)
        case .halted:
            #expect(machine.connected(to: peer))
            machine.started(.backup)
            _ = machine.receive(.finished(.successful, "done"))
        }
        return machine
    }

    static func request(_ ask: Ask, _ version: Int) -> DataRequest {
        switch ask {
        case .listen: .listen(.tcp)
        case .connect: .connect(peer)
        case .start: .start(.backup, mover: version == 2 ? peer : nil)
        case .abort: .abort
        case .stop: .stop
        }
    }

    /// What is accepted; everything else is ILLEGAL_STATE.
    static func accepted(_ situation: Situation, _ ask: Ask, _ version: Int) -> [DataAction]? {
        let aborted = DataAction.postHalted(.aborted, "the client aborted the data service")
        switch (situation, ask) {
        case (.idle, .listen): return [.openListener(.tcp)]
        case (.idle, .connect): return [.dial(peer)]
        case (.idle, .start): return version == 2 ? [.dial(peer), .begin(.backup)] : nil
        case (.connected, .start): return version == 2 ? nil : [.begin(.backup)]
        case (.connecting, .abort): return [.cancelDial, aborted]
        case (.listen, .abort), (.connected, .abort), (.active, .abort): return [.endConnection, aborted]
        case (.halted, .stop): return [.clear]
        default: return nil
        }
    }

    @Test("Every request in every state", arguments: 2...4, Situation.allCases)
    func table(version: Int, situation: Situation) {
        for ask in Ask.allCases {
            let machine = Self.machine(version, situation)
            let before = machine.machine
            let outcome = machine.handle(Self.request(ask, version))
            if let actions = Self.accepted(situation, ask, version) {
                #expect(outcome == .init(error: .noError, actions: actions), "\(ask) in \(situation)")
            } else {
                #expect(outcome == .init(error: .illegalState, actions: []), "\(ask) in \(situation)")
                #expect(machine.machine == before, "a refused request changes nothing")
            }
        }
    }

    @Test("ABORT halts with ABORTED from every state in between, and STOP leads back to IDLE", arguments: 2...4)
    func abort(version: Int) {
        for situation: Situation in [.connecting, .listen, .connected, .active] {
            let machine = Self.machine(version, situation)
            _ = machine.handle(.abort)
            #expect(machine.state.wire == .halted)
            #expect(machine.state.haltReason == .aborted)
            #expect(machine.handle(.stop).error == .noError)
            #expect(machine.state == .idle)
            #expect(machine.state.haltReason == .notApplicable)
            #expect(machine.state.operation == .noAction)
        }
    }

    @Test("What is shown: connecting is IDLE, an operation stays until STOP")
    func shown() {
        #expect(Self.machine(4, .connecting).state.wire == .idle)
        #expect(Self.machine(4, .connecting).state.address == nil)
        #expect(Self.machine(4, .listen).state.address == Self.port)
        #expect(Self.machine(4, .active).state.operation == .backup)
        #expect(Self.machine(4, .halted).state.operation == .backup)
        #expect(Self.machine(4, .halted).state.haltReason == .successful)
    }

    @Test("An environment can be asked for in ACTIVE and HALTED only")
    func environment() {
        for situation in Situation.allCases {
            let has = Self.machine(4, situation).state.hasEnvironment
            #expect(has == (situation == .active || situation == .halted))
        }
    }

    @Test("Address types that nobody has are ILLEGAL_ARGS, whatever the state", arguments: Situation.allCases)
    func badAddresses(situation: Situation) {
        let machine = Self.machine(4, situation)
        #expect(machine.handle(.listen(AddressType(rawValue: 123))).error == .illegalArguments)
        #expect(machine.handle(.listen(.ipc)).error == .illegalArguments)
        for address: DataAddress in [.unknown(AddressType(rawValue: 9)), .ipc([1]), .tcp([])] {
            #expect(machine.handle(.connect(address)).error == .illegalArguments)
        }
        let old = Subject(version: 2)
        let start = DataRequest.start(.backup, mover: .unknown(AddressType(rawValue: 9)))
        #expect(old.handle(start).error == .illegalArguments)
    }

    @Test("LOCAL needs this session's mover: idle for LISTEN, listening locally for CONNECT")
    func local() {
        let machine = Subject(version: 4)
        var busy = DataSurroundings(moverIsIdle: false)
        #expect(machine.handle(.listen(.local), busy).error == .illegalState)
        #expect(machine.handle(.listen(.local)).actions == [.openListener(.local)])
        #expect(machine.handle(.connect(.local)).error == .illegalState)
        busy.moverListensLocally = true
        busy.localMover = .read
        #expect(machine.handle(.connect(.local), busy).actions == [.joinMover])
    }

    @Test("A local mover that goes the other way gets no job")
    func localMode() {
        let mover = DataSurroundings(moverIsIdle: false, moverListensLocally: true, localMover: .read)
        let old = Subject(version: 2)
        #expect(old.handle(.start(.recover, mover: .local), mover).error == .illegalState)
        #expect(old.handle(.start(.backup, mover: .local), mover).actions == [.joinMover, .begin(.backup)])
        let new = Subject(version: 4)
        #expect(new.connected(to: .local))
        #expect(new.handle(.start(.recoverFileHistory, mover: nil), mover).error == .illegalState)
        #expect(new.handle(.start(.backup, mover: nil), mover).actions == [.begin(.backup)])
    }

    @Test("A connection that does not come about halts with CONNECT_ERROR; one that crossed an ABORT changes nothing")
    func events() {
        var machine = Self.machine(4, .listen)
        #expect(machine.receive(.acceptFailed("late")) == [.endConnection, .postHalted(.connectError, "late")])
        machine = Self.machine(4, .connected)
        #expect(machine.receive(.connectionLost("gone")) == [.endConnection, .postHalted(.connectError, "gone")])
        for situation: Situation in [.idle, .connecting, .halted] {
            machine = Self.machine(4, situation)
            let before = machine.machine
            for event: DataEvent in [
                .peerConnected, .acceptFailed(""), .connectionLost(""), .finished(.successful, ""),
            ] {
                #expect(machine.receive(event) == [])
            }
            #expect(machine.machine == before)
        }
        machine = Self.machine(4, .halted)
        #expect(!machine.connected(to: Self.peer), "the attempt was called off")
    }

    @Test("A failed attempt leaves the service idle")
    func notConnected() {
        let machine = Self.machine(4, .connecting)
        machine.notConnected()
        #expect(machine.state == .idle)
    }

    @Test("The end of a session ends what is under way")
    func sessionEnd() {
        let expected: [Situation: [DataAction]] = [
            .idle: [], .halted: [], .connecting: [.cancelDial], .listen: [.endConnection], .connected: [.endConnection],
            .active: [.endConnection],
        ]
        for (situation, actions) in expected {
            let machine = Self.machine(4, situation)
            #expect(machine.sessionEnded() == actions)
        }
    }
}
