// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI
import Testing

@Suite("JSON of the management API")
struct WireTests {
    private func json(_ value: some Encodable) throws -> String {
        String(decoding: try ManagementAPI.encode(value), as: UTF8.self)
    }

    @Test("an error has code, message and hint")
    func errorEnvelope() throws {
        let error = APIError(.notFound, "There is no drive 9", hint: "Drives are numbered from 0 to 3.")
        let expected =
            #"{"error":{"code":"not_found","hint":"Drives are numbered from 0 to 3.","message":"There is no drive 9"}}"#
        #expect(try json(ErrorEnvelope(error)) == expected)
    }

    @Test("an error without a hint has no such key, and a code of a newer daemon reads as failure")
    func unknownCode() throws {
        #expect(try json(ErrorEnvelope(APIError(.busy, "x"))) == #"{"error":{"code":"busy","message":"x"}}"#)
        let newer = Array(#"{"error":{"code":"on_fire","message":"the library burns"}}"#.utf8)
        #expect(
            try ManagementAPI.decode(ErrorEnvelope.self, from: newer).error == APIError(.failure, "the library burns")
        )
    }

    @Test("keys of status are stable")
    func status() throws {
        let cartridge = CartridgeSummary(
            barcode: "CAP001L8",
            generation: "LTO-8",
            kind: "data",
            writeProtected: false,
            capacityBytes: 12,
            usedBytes: 1,
            location: "drive:0"
        )
        let report = StatusReport(
            version: "1",
            pid: 2,
            uptimeSeconds: 3,
            store: "/s",
            storeFreeBytes: 4,
            library: LibraryReport(vendor: "IBM", product: "3573-TL", serial: "X", changer: "sg0"),
            doors: DoorsReport(
                ndmp: .init(host: "127.0.0.1", port: 10000, dataPorts: "any"),
                http: .init(socket: "/s/capstan.sock", url: nil)
            ),
            drives: [
                DriveReport(
                    index: 0,
                    name: "nst0",
                    element: 256,
                    product: "P",
                    serial: "S",
                    activity: "transferring",
                    owner: "ndmp a:1",
                    cartridge: cartridge,
                    position: .init(partition: 0, block: 5, file: 1, blockInFile: 2),
                    bytesRead: 0,
                    bytesWritten: 9
                )
            ],
            slots: SlotSummary(total: 24, used: 15, shelf: 0),
            mailSlots: [ElementReport(kind: .mail, index: 1, element: 16, barcode: nil)],
            robot: RobotReport(element: 1, owner: nil),
            sessions: []
        )
        let expected =
            #"{"doors":{"http":{"socket":"/s/capstan.sock"},"#
            + #""ndmp":{"dataPorts":"any","host":"127.0.0.1","port":10000}},"#
            + #""drives":[{"activity":"transferring","bytesRead":0,"bytesWritten":9,"#
            + #""cartridge":{"barcode":"CAP001L8","capacityBytes":12,"generation":"LTO-8","kind":"data","#
            + #""location":"drive:0","usedBytes":1,"writeProtected":false},"element":256,"index":0,"name":"nst0","#
            + #""owner":"ndmp a:1","position":{"block":5,"blockInFile":2,"file":1,"partition":0},"product":"P","#
            + #""serial":"S"}],"library":{"changer":"sg0","product":"3573-TL","serial":"X","vendor":"IBM"},"#
            + #""mailSlots":[{"element":16,"index":1,"kind":"mail"}],"pid":2,"robot":{"element":1},"sessions":[],"#
            + #""slots":{"shelf":0,"total":24,"used":15},"store":"/s","storeFreeBytes":4,"uptimeSeconds":3,"#
            + #""version":"1"}"#
        #expect(try json(report) == expected)
        #expect(try ManagementAPI.decode(StatusReport.self, from: Array(expected.utf8)) == report)
    }

    @Test("requests are what the reference page shows")
    func requests() throws {
        #expect(try json(MoveRequest(from: "slot:1", to: "drive:0")) == #"{"from":"slot:1","to":"drive:0"}"#)
        #expect(try json(LoadRequest(cartridge: "CAP001L8", drive: 0)) == #"{"cartridge":"CAP001L8","drive":0}"#)
        #expect(try json(UnloadRequest(drive: 0, slot: nil)) == #"{"drive":0}"#)
        #expect(try json(ChangeCartridgeRequest(label: "x")) == #"{"label":"x"}"#)
    }

    @Test("every error code has its own word, and exit codes stay within what a shell can tell")
    func exitCodes() {
        #expect(Set(ErrorCode.allCases.map(\.rawValue)).count == ErrorCode.allCases.count)
        #expect(ErrorCode.allCases.allSatisfy { (1...64).contains($0.exitCode) })
        #expect(ErrorCode.noDaemon.exitCode == 3)
        #expect(ErrorCode.allCases.allSatisfy { (400..<600).contains($0.httpStatus) })
    }

    @Test("a barcode in a path cannot leave it")
    func paths() {
        #expect(APIPath.cartridge("CAP001L8", "verify") == "/v1/cartridges/CAP001L8/verify")
        #expect(APIPath.cartridge("../x y") == "/v1/cartridges/..%2Fx%20y")
    }
}
