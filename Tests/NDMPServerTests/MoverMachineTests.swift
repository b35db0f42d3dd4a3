// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing

@testable import NDMPServer

private let address = DataAddress.tcp(ip: 0x7f00_0001, port: 4711)
private let toTape = MoverMachine.Connection(mode: .read, address: address)
private let fromTape = MoverMachine.Connection(mode: .write, address: address)
private let writable = MoverSurroundings(tapeIsOpen: true, tapeIsWritable: true)

/// A machine in each of the states, with a record size and a window, by the requests that lead there.
private enum Station: CaseIterable, Sendable {
    case idle, listen, activeToTape, activeFromTape, paused, halted

    func machine(version: Int) -> MoverMachine {
        var machine = MoverMachine(version: version, strict: false, largestRecord: 16 << 20)
        #expect(machine.handle(.setRecordSize(1024), writable).error == .noError)
        #expect(machine.handle(.setWindow(offset: 0, length: 1 << 20), writable).error == .noError)
        switch self {
        case .idle: break
        case .listen: machine.listening(at: toTape)
        case .activeToTape: machine.connected(toTape)
        case .activeFromTape: machine.connected(fromTape)
        case .paused:
            machine.connected(toTape)
            _ = machine.receive(.paused(.endOfMedium, position: 0))
        case .halted:
            machine.connected(toTape)
            _ = machine.receive(.halted(.connectClosed, ""))
        }
        return machine
    }
}

private let requests: [(String, MoverRequest)] = [
    ("LISTEN", .listen(.read, .tcp)), ("CONNECT", .connect(.read, address)), ("SET_RECORD_SIZE", .setRecordSize(2048)),
    ("SET_WINDOW", .setWindow(offset: 0, length: 4096)), ("READ", .read(offset: 0, length: 512)),
    ("CONTINUE", .resume), ("CLOSE", .close), ("ABORT", .abort), ("STOP", .stop),
]

/// The table of the mover's states, NDMP v4 draft, written out: error and state after each request, "IS" is
/// ILLEGAL_STATE. Columns in the order of `requests`.
private let table: [(Station, [String])] = [
    (.idle, ["ok IDLE", "ok IDLE", "ok IDLE", "ok IDLE", "IS", "IS", "IS", "IS", "IS"]),
    (.listen, ["IS", "IS", "IS", "v4 IS, else ok LISTEN", "IS", "IS", "IS", "ok HALTED", "IS"]),
    (.activeToTape, ["IS", "IS", "IS", "IS", "IS", "IS", "IS", "ok HALTED", "IS"]),
    (.activeFromTape, ["IS", "IS", "IS", "IS", "ok ACTIVE", "IS", "IS", "ok HALTED", "IS"]),
    (
        .paused,
        ["IS", "IS", "IS", "ok PAUSED", "IS", "v4 PRECONDITION, else ok ACTIVE", "ok HALTED", "ok HALTED", "IS"]
    ),
    (.halted, ["IS", "IS", "IS", "IS", "IS", "IS", "IS", "IS", "ok IDLE"]),
]

private func expected(_ cell: String, version: Int) -> String {
    guard cell.hasPrefix("v4 "), let comma = cell.firstIndex(of: ",") else { return cell }
    return version == 4 ? String(cell[..<comma].dropFirst(3)) : String(cell[comma...].dropFirst(", else ".count))
}

@Suite("Mover machine")
struct MoverMachineTests {
    @Test("Every request in every state gets the error and leads to the state of the table", arguments: 2...4)
    func everyCell(version: Int) {
        for (station, cells) in table {
            for ((name, request), cell) in zip(requests, cells) {
                var machine = station.machine(version: version)
                let before = machine
                let outcome = machine.handle(request, writable)
                let state = machine.state.wire.text
                switch expected(cell, version: version) {
                case "IS":
                    #expect(outcome == .refused(.illegalState), "\(name) in \(station), v\(version)")
                    #expect(machine == before, "\(name) refused in \(station) changes nothing, v\(version)")
                case "PRECONDITION":
                    #expect(outcome == .refused(.precondition), "\(name) in \(station), v\(version)")
                    #expect(machine == before)
                case let accepted:
                    #expect(outcome.error == .noError, "\(name) in \(station), v\(version)")
                    #expect("ok \(state)" == accepted, "\(name) in \(station), v\(version)")
                }
            }
        }
    }

    @Test("Every event in every state: action and state after; one that no longer fits changes nothing")
    func everyEvent() {
        let events: [(MoverEvent, [Station: (MoverState, [MoverAction])])] = [
            (.peerConnected, [.listen: (.active, [])]),
            (.acceptFailed("x"), [.listen: (.halted, [.endConnection, .postHalted(.connectError, "x")])]),
            (
                .paused(.endOfFile, position: 0),
                [
                    .activeToTape: (.paused, [.postPaused(.endOfFile, seekPosition: 0)]),
                    .activeFromTape: (.paused, [.postPaused(.endOfFile, seekPosition: 0)]),
                ]
            ),
            (
                .halted(.connectClosed, "x"),
                [
                    .activeToTape: (.halted, [.endConnection, .postHalted(.connectClosed, "x")]),
                    .activeFromTape: (.halted, [.endConnection, .postHalted(.connectClosed, "x")]),
                    .paused: (.halted, [.endConnection, .postHalted(.connectClosed, "x")]),
                ]
            ),
        ]
        for (event, effects) in events {
            for station in Station.allCases {
                var machine = station.machine(version: 4)
                let before = machine
                let actions = machine.receive(event)
                if let (state, wanted) = effects[station] {
                    #expect(machine.state.wire == state, "\(event) in \(station)")
                    #expect(actions == wanted, "\(event) in \(station)")
                } else {
                    #expect(machine == before, "\(event) in \(station)")
                    #expect(actions.isEmpty, "\(event) in \(station)")
                }
            }
        }
    }

    @Test("An error of the medium halts v4 and pauses v2 and v3")
    func mediaError() {
        var four = Station.activeToTape.machine(version: 4)
        #expect(four.receive(.mediaError("bad")) == [.endConnection, .postHalted(.mediaError, "bad")])
        #expect(four.state.haltReason == .mediaError)
        for version in 2...3 {
            var older = Station.activeToTape.machine(version: version)
            #expect(older.receive(.mediaError("bad")) == [.postPaused(.mediaError, seekPosition: 0)])
            #expect(older.state.pauseReason == .mediaError)
        }
    }

    @Test("LISTEN checks arguments, state, record size, tape and mode in this order")
    func listenOrder() {
        var machine = MoverMachine(version: 4, strict: false, largestRecord: 1 << 20)
        let readOnly = MoverSurroundings(tapeIsOpen: true, tapeIsWritable: false)
        #expect(machine.handle(.listen(MoverMode(rawValue: 123), .tcp), writable).error == .illegalArguments)
        #expect(machine.handle(.listen(.read, AddressType(rawValue: 123)), writable).error == .illegalArguments)
        #expect(machine.handle(.listen(.read, .tcp), writable).error == .precondition)
        #expect(machine.handle(.setRecordSize(1024), writable).error == .noError)
        #expect(machine.handle(.listen(.read, .tcp), MoverSurroundings()).error == .deviceNotOpen)
        #expect(machine.handle(.listen(.read, .tcp), readOnly).error == .permission)
        #expect(machine.handle(.listen(.write, .tcp), readOnly).error == .noError)
        #expect(machine.handle(.listen(.read, .local), writable).actions == [.openListener(.read, .local)])
        machine.listening(at: toTape)
        #expect(machine.handle(.listen(MoverMode(rawValue: 123), .tcp), writable).error == .illegalArguments)
        #expect(machine.handle(.listen(.read, .tcp), writable).error == .illegalState)
    }

    @Test("CONNECT refuses addresses that mean nothing, and LOCAL while no data service listens")
    func connectArguments() {
        let machine = Station.idle.machine(version: 4)
        var copy = machine
        #expect(copy.handle(.connect(.read, .unknown(AddressType(rawValue: 9))), writable).error == .illegalArguments)
        #expect(copy.handle(.connect(.noAction, address), writable).error == .illegalArguments)
        #expect(copy.handle(.connect(.read, .local), writable).error == .illegalState)
        #expect(copy == machine)
        #expect(copy.handle(.connect(.write, address), writable) == .accepted(.dial(.write, address)))
    }

    @Test("A record size is above zero, within the limit and a multiple of the block length; it clears the window")
    func recordSize() {
        var machine = Station.idle.machine(version: 4)
        #expect(machine.handle(.setRecordSize(0), writable).error == .illegalArguments)
        #expect(machine.handle(.setRecordSize((16 << 20) + 1), writable).error == .illegalArguments)
        var fixed = writable
        fixed.fixedBlockLength = 512
        #expect(machine.handle(.setRecordSize(1000), fixed).error == .illegalArguments)
        #expect(machine.recordSize == 1024)
        #expect(machine.handle(.setRecordSize(1536), fixed).error == .noError)
        #expect(machine.recordSize == 1536)
        #expect(machine.window == nil)
        #expect(machine.effectiveWindow == .unlimited)
    }

    @Test("Windows that deployed clients send are taken; an overflow is not")
    func windows() {
        var machine = MoverMachine(version: 4, strict: false, largestRecord: 1 << 20)
        #expect(machine.handle(.setWindow(offset: 0, length: 0), writable).error == .noError)
        #expect(machine.effectiveWindow == MoverWindow(offset: 0, length: 0))
        #expect(machine.handle(.setWindow(offset: 512, length: .max), writable).error == .noError)
        #expect(machine.effectiveWindow.end == .max)
        #expect(machine.handle(.setWindow(offset: .max - 1, length: 2), writable).error == .illegalArguments)
        #expect(machine.effectiveWindow.offset == 512)
    }

    @Test("Strict: the draft's rules for windows")
    func strictWindows() {
        var machine = MoverMachine(version: 4, strict: true, largestRecord: 1 << 20)
        #expect(machine.handle(.setWindow(offset: 0, length: 1024), writable).error == .precondition)
        _ = machine.handle(.setRecordSize(1024), writable)
        #expect(machine.handle(.listen(.read, .tcp), writable).error == .precondition)
        #expect(machine.handle(.setWindow(offset: 0, length: 0), writable).error == .illegalArguments)
        #expect(machine.handle(.setWindow(offset: 1, length: .max), writable).error == .illegalArguments)
        #expect(machine.handle(.setWindow(offset: 0, length: 1000), writable).error == .noError)
        #expect(machine.handle(.listen(.read, .tcp), writable).error == .precondition)
        #expect(machine.handle(.setWindow(offset: 0, length: 2048), writable).error == .noError)
        #expect(machine.handle(.listen(.read, .tcp), writable).error == .noError)
        machine.connected(toTape)
        _ = machine.receive(.paused(.endOfWindow, position: 0))
        #expect(machine.handle(.setWindow(offset: 2048, length: 1000), writable).error == .illegalArguments)
        #expect(machine.handle(.setWindow(offset: 2048, length: 1024), writable).error == .noError)
    }

    @Test("READ takes a range once; a second one while bytes are left is READ_IN_PROGRESS")
    func read() {
        var machine = Station.activeFromTape.machine(version: 4)
        #expect(machine.handle(.read(offset: 0, length: 0), writable).error == .illegalArguments)
        #expect(machine.handle(.read(offset: .max, length: 2), writable).error == .illegalArguments)
        let wanted = MoverMachine.Outcome.accepted(.beginRead(offset: 7, length: 9))
        #expect(machine.handle(.read(offset: 7, length: 9), writable) == wanted)
        var busy = writable
        busy.readOutstanding = true
        #expect(machine.handle(.read(offset: 0, length: 1), busy).error == .readInProgress)
    }

    @Test("CONTINUE in v4 needs a window set while paused, and a tape that fits")
    func resume() {
        var machine = Station.paused.machine(version: 4)
        #expect(machine.handle(.setWindow(offset: 4096, length: 4096), writable).error == .noError)
        #expect(machine.handle(.resume, MoverSurroundings()).error == .deviceNotOpen)
        #expect(machine.handle(.resume, MoverSurroundings(tapeIsOpen: true)).error == .permission)
        #expect(machine.handle(.resume, writable) == .accepted(.resume))
        #expect(machine.state == .active(toTape))
    }

    @Test("ABORT, CLOSE and STOP: reply, end of the connection, post; STOP clears all but the record size")
    func endings() {
        var machine = Station.paused.machine(version: 4)
        let closed = machine.handle(.close, writable)
        #expect(closed.actions.first == .endConnection)
        #expect(machine.state.haltReason == .connectClosed)
        #expect(machine.handle(.stop, writable) == .accepted(.clearCounters))
        #expect(machine.state == .idle)
        #expect(machine.recordSize == 1024)
        #expect(machine.window == nil)
        #expect(machine.state.haltReason == .notApplicable)
        machine.listening(at: toTape)
        #expect(machine.handle(.abort, writable).actions.count == 2)
        #expect(machine.state.haltReason == .aborted)
    }

    @Test("The tape belongs to the mover in LISTEN and ACTIVE only")
    func holdsTape() {
        let holding = Station.allCases.filter { $0.machine(version: 4).state.holdsTape }
        #expect(holding == [.listen, .activeToTape, .activeFromTape])
    }
}
