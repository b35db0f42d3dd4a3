// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import NDMPClient
import NDMPProtocol
import Testing
import WireFormat

@testable import DMA

/// Jobs against servers that are models: a tape is an array, the stream is given.
@Suite("Backup and restore through a library")
struct BackupAndRestoreTests {
    let catalogue: Catalogue
    let endpoint = NDMPEndpoint(host: "one")

    init() throws { catalogue = try Catalogue(path: TemporaryFile.path("jobs")) }

    /// Bytes that tell their place: every 8 bytes their own offset.
    static func stream(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 8) >> (($0 % 8) * 8)) ^ UInt8($0 % 8) }
    }

    static func file(_ path: String, size: UInt64, offset: UInt64, type: FileType = .regular) -> FileEntry {
        FileEntry(
            names: [.unix(XDRString(path))],
            status: [FileStatus(type: type, size: size)],
            node: offset + 7,
            fileHistoryInfo: offset
        )
    }

    func request(_ path: String = "/data", cartridges: [String] = []) -> BackupRequest {
        var request = BackupRequest(path: path, servers: JobServers(data: endpoint, tape: endpoint))
        request.recordBytes = 4096
        request.cartridges = cartridges
        return request
    }

    func backUp(_ request: BackupRequest, _ network: FakeNetwork) throws -> BackupResult {
        try BackupJob(request, catalogue: catalogue, callers: network.callers).run()
    }

    @Test("a backup goes on the next cartridge when one is full, each with label, filemarks and trailer")
    func spans() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2", "A3"], slots: 4)
        for tape in server.tapes.values { tape.capacity = 1024 + 5 * 4096 }
        server.stream = Self.stream(9 * 4096 + 100)
        server.history = [
            .files([Self.file("/", size: 0, offset: 0, type: .directory), Self.file("/a", size: 9, offset: 512)])
        ]
        let result = try backUp(request(), FakeNetwork(server))
        #expect(
            result.segments == [
                Segment(number: 0, barcode: "A1", tapeFile: 1, offset: 0, length: 5 * 4096),
                Segment(number: 1, barcode: "A2", tapeFile: 1, offset: 5 * 4096, length: 4 * 4096 + 100),
            ]
        )
        #expect(result.image.bytes == UInt64(server.stream.count))
        #expect(server.loads == ["A1", "A2"])
        #expect(server.slots == ["A1", "A2", "A3", nil])
        let first = try #require(server.tapes["A1"]).files
        #expect(first.count == 4)
        #expect(
            String(decoding: first[0][0], as: UTF8.self).hasPrefix(
                "CAPSTAN VOLUME LABEL 1\nlabel: A1\nbarcode: A1\npool: default\n"
            )
        )
        #expect(first[1].flatMap { $0 } == Array(server.stream.prefix(5 * 4096)))
        #expect(String(decoding: first[2][0], as: UTF8.self).contains("length: 20480\ncontinues: yes\n"))
        #expect(try catalogue.medium(barcode: "A1")?.state == .full)
        #expect(try catalogue.medium(barcode: "A2")?.state == .open)
        #expect(try catalogue.medium(barcode: "A3") == nil)
    }

    @Test("the next backup is appended behind the last one")
    func appends() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 2)
        server.stream = Self.stream(5000)
        let network = FakeNetwork(server)
        _ = try backUp(request(), network)
        server.stream = Self.stream(9000)
        let second = try backUp(request(), network)
        #expect(second.segments == [Segment(number: 0, barcode: "A1", tapeFile: 3, offset: 0, length: 9000)])
        let files = try #require(server.tapes["A1"]).files
        #expect(files.count == 6)
        #expect(files[1].flatMap { $0 }.prefix(5000) == Self.stream(5000)[...])
        #expect(files[3].count == 3)
    }

    @Test("all of an image comes back over its cartridges", arguments: [true, false])
    func restoresAll(isLocal: Bool) throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2", "A3"], slots: 4)
        let other = FakeServer("two:10000", barcodes: [], slots: 1)
        for tape in server.tapes.values { tape.capacity = 1024 + 3 * 4096 }
        let data = isLocal ? server : other
        data.stream = Self.stream(7 * 4096 + 5)
        let network = FakeNetwork(server, other)
        var request = request()
        if !isLocal { request.servers.data = NDMPEndpoint(host: "two") }
        let image = try backUp(request, network).image
        var restore = RestoreRequest(paths: [], destination: "/back")
        restore.choice = .image(image.id)
        let job = RestoreJob(restore, servers: request.servers, catalogue: catalogue, callers: network.callers)
        let result = try job.run()
        #expect(result.cartridges == ["A1", "A2", "A3"])
        #expect(result.bytes == 8 * 4096)
        #expect(data.recovered.prefix(data.stream.count) == data.stream[...])
        #expect(data.recoverRequest?.names == [NameListEntry(destination: "/back", node: .max, fileHistoryInfo: .max)])
        #expect(server.drives[0].barcode == nil)
    }

    @Test("one file comes from its own records: only the cartridge that holds it is loaded")
    func restoresOneFileDirectly() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 4)
        for tape in server.tapes.values { tape.capacity = 1024 + 4 * 4096 }
        server.stream = Self.stream(7 * 4096)
        let offset = UInt64(5 * 4096 + 512)
        server.history = [
            .files([
                Self.file("/", size: 0, offset: 0, type: .directory),
                Self.file("/d", size: 0, offset: 512, type: .directory),
                Self.file("/d/f", size: 100, offset: offset),
            ])
        ]
        let network = FakeNetwork(server)
        _ = try backUp(request(), network)
        server.loads = []
        server.wantedRanges = [(offset, 612)]
        let restore = RestoreRequest(paths: [Array("/data/d/f".utf8)], destination: "/back")
        let servers = JobServers(data: endpoint, tape: endpoint)
        let result = try RestoreJob(restore, servers: servers, catalogue: catalogue, callers: network.callers).run()
        #expect(server.loads == ["A2"])
        #expect(result.direct)
        #expect(result.bytes == 612)
        #expect(server.recovered == Array(server.stream[Int(offset)..<Int(offset) + 612]))
        let asked = try #require(server.recoverRequest)
        #expect(
            asked.names == [
                NameListEntry(originalPath: "d/f", destination: "/back/d/f", node: offset + 7, fileHistoryInfo: offset)
            ]
        )
        let variables = Dictionary(asked.environment.map { ($0.name.text, $0.value.text) }) { $1 }
        #expect(variables["DIRECT"] == "y")
        #expect(variables["EXTRACT"] == "y")
        #expect(variables["DUMP_DATE"] == "1700000000")
        #expect(variables["FILESYSTEM"] == "/data")
    }

    @Test("a range that crosses from one cartridge to the next is read from both")
    func directAcrossCartridges() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 2)
        for tape in server.tapes.values { tape.capacity = 1024 + 4 * 4096 }
        server.stream = Self.stream(7 * 4096)
        let offset = UInt64(3 * 4096 + 512)
        server.history = [.files([Self.file("/f", size: 5000, offset: offset)])]
        let network = FakeNetwork(server)
        _ = try backUp(request(), network)
        server.wantedRanges = [(offset, 5512)]
        let restore = RestoreRequest(paths: [Array("f".utf8)], destination: "/back")
        let servers = JobServers(data: endpoint, tape: endpoint)
        let result = try RestoreJob(restore, servers: servers, catalogue: catalogue, callers: network.callers).run()
        #expect(result.cartridges == ["A1", "A2"])
        #expect(server.recovered == Array(server.stream[Int(offset)..<Int(offset) + 5512]))
    }

    @Test("a cartridge with foreign data is passed over, and kept as it is")
    func passesOverForeignTape() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 2)
        server.tapes["A1"]?.items = [.record([1, 2, 3])]
        server.stream = Self.stream(100)
        let result = try backUp(request(), FakeNetwork(server))
        #expect(result.segments.map(\.barcode) == ["A2"])
        #expect(server.tapes["A1"]?.items == [.record([1, 2, 3])])
    }

    @Test("a foreign cartridge that was named is refused, and taken with --overwrite")
    func overwritesOnlyWhenAsked() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 2)
        server.tapes["A1"]?.items = [.record([1, 2, 3])]
        server.stream = Self.stream(100)
        let network = FakeNetwork(server)
        var request = request(cartridges: ["A1"])
        let error = #expect(throws: DMAError.self) { try backUp(request, network) }
        #expect(error?.message == "A1 cannot be written: it holds data that is not ours")
        #expect(server.slots == ["A1", nil])
        #expect(server.tapes["A1"]?.items == [.record([1, 2, 3])])
        request.overwrite = true
        #expect(try backUp(request, network).segments.count == 1)
    }

    @Test("a cartridge that was labelled anew with another catalogue is not read for the images that were on it")
    func labelledElsewhere() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 2)
        server.stream = Self.stream(100)
        let network = FakeNetwork(server)
        let image = try backUp(request(), network).image
        var again = request(cartridges: ["A1"])
        again.overwrite = true
        let other = try Catalogue(path: TemporaryFile.path("other/catalogue.sqlite"))
        let later = JobControl(now: { image.started + 1000 })
        _ = try BackupJob(again, catalogue: other, callers: network.callers, control: later).run()
        let restore = RestoreRequest(paths: [], destination: "/back")
        let job = RestoreJob(restore, servers: again.servers, catalogue: catalogue, callers: network.callers)
        let error = #expect(throws: DMAError.self) { try job.run() }
        #expect(error?.kind == .damaged)
        #expect(server.recovered.isEmpty)
        #expect(server.slots == ["A1", nil])
    }

    @Test("a cartridge that was in the drive before stays there, ready for the next backup and swapped when full")
    func alreadyLoaded() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 3)
        server.tapes["A1"]?.capacity = 1024 + 5 * 4096
        server.stream = Self.stream(2 * 4096)
        server.slots[0] = nil
        server.drives[0].barcode = "A1"
        let network = FakeNetwork(server)
        _ = try backUp(request(), network)
        #expect(server.drives[0].barcode == "A1")
        server.stream = Self.stream(6 * 4096)
        let result = try backUp(request(), network)
        #expect(result.segments.map(\.barcode) == ["A1", "A2"])
        #expect(server.drives[0].barcode == nil)
    }

    @Test("a backup that runs out of cartridges fails in a sentence, and the drive is free")
    func outOfCartridges() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 2)
        server.tapes["A1"]?.capacity = 1024 + 2 * 4096
        server.stream = Self.stream(9 * 4096)
        let error = #expect(throws: DMAError.self) { try backUp(request(), FakeNetwork(server)) }
        #expect(error?.kind == .outOfMedia)
        #expect(server.slots == ["A1", nil])
        #expect(server.holders[0] == nil)
        #expect(try catalogue.images().map(\.state) == [.failed])
    }

    @Test("what is not exported is refused with the server's own words and the way out")
    func refusedBackup() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 2)
        server.refusal = "/data is not below an export"
        let error = #expect(throws: DMAError.self) { try backUp(request(), FakeNetwork(server)) }
        #expect(error?.message == "one:10000 refused DATA_START_BACKUP: ILLEGAL_ARGS_ERR: /data is not below an export")
        #expect(error?.hint?.hasPrefix("`capstan ndmp set exports=") == true)
        #expect(server.drives[0].barcode == nil)
    }

    @Test("a server of our kind is asked what it exports before any cartridge moves")
    func exportCheck() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 2)
        server.exports = ["/data:ro", "/data/in"]
        server.stream = Self.stream(10)
        let network = FakeNetwork(server)
        let error = #expect(throws: DMAError.self) { try backUp(request("/database"), network) }
        #expect(error?.message == "/database is not exported by one:10000, which exports /data, /data/in")
        #expect(error?.kind == .refused)
        #expect(server.loads.isEmpty)
        _ = try backUp(request("/data/deep"), network)
        let servers = JobServers(data: endpoint, tape: endpoint)
        func restore(_ destination: String) throws {
            let restore = RestoreRequest(paths: [], destination: destination)
            _ = try RestoreJob(restore, servers: servers, catalogue: catalogue, callers: network.callers).run()
        }
        let readOnly = #expect(throws: DMAError.self) { try restore("/data/out") }
        #expect(readOnly?.message.contains("read-only") == true)
        try restore("/data/in/x")
    }

    @Test("a write-protected cartridge and drives in use are passed over")
    func passesOverProtectedAndBusy() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 3, drives: 2)
        server.tapes["A1"]?.isWriteProtected = true
        let network = FakeNetwork(server)
        server.holders[0] = FakeCaller(server, network)
        server.stream = Self.stream(10)
        let result = try backUp(request(), network)
        #expect(result.segments.map(\.barcode) == ["A2"])
        server.holders[1] = FakeCaller(server, network)
        let error = #expect(throws: DMAError.self) { try backUp(request(), network) }
        #expect(error?.kind == .busy)
    }

    @Test("a cartridge in another job's drive is left alone")
    func otherDrive() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2"], slots: 2, drives: 2)
        server.stream = Self.stream(10)
        let network = FakeNetwork(server)
        #expect(server.move(FakeServer.firstSlot, FakeServer.firstDrive))
        server.holders[0] = FakeCaller(server, network)
        let result = try backUp(request(), network)
        #expect(result.segments.map(\.barcode) == ["A2"])
        #expect(server.drives[0].barcode == "A1")
    }

    @Test("a job whose drive is taken meanwhile goes on with another one, also at a change of cartridges")
    func drivesTaken() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2", "X"], slots: 4, drives: 2)
        for tape in server.tapes.values { tape.capacity = 1024 + 2 * 4096 }
        server.stream = Self.stream(3 * 4096)
        let network = FakeNetwork(server)
        // As soon as the first cartridge is back, somebody else loads X into the same drive.
        let steps = JobControl(tell: { event in
            guard case .step("loading A2 into nst0") = event else { return }
            _ = server.move(FakeServer.firstSlot + 2, FakeServer.firstDrive)
        })
        let request = request(cartridges: ["A1", "A2"])
        let job = BackupJob(request, catalogue: catalogue, callers: network.callers, control: steps)
        #expect(try job.run().segments.map(\.barcode) == ["A1", "A2"])
        #expect(server.drives.map(\.barcode) == ["X", nil])
    }

    @Test("a cartridge that another job takes at the same moment is left to it, also at a change of cartridges")
    func cartridgeTaken() throws {
        let server = FakeServer("one:10000", barcodes: ["A1", "A2", "A3"], slots: 4, drives: 2)
        for tape in server.tapes.values { tape.capacity = 1024 + 2 * 4096 }
        server.stream = Self.stream(3 * 4096)
        let network = FakeNetwork(server)
        let steps = JobControl(tell: { event in
            guard case .step("A1 is full; changing cartridges") = event else { return }
            _ = server.move(FakeServer.firstSlot + 1, FakeServer.firstDrive + 1)
        })
        let job = BackupJob(request(), catalogue: catalogue, callers: network.callers, control: steps)
        #expect(try job.run().segments.map(\.barcode) == ["A1", "A3"])
        #expect(server.drives.map(\.barcode) == [nil, "A2"])
    }

    @Test("a cartridge that nobody needs is used anew, unless another catalogue has written to it")
    func reuse() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 2)
        server.stream = Self.stream(100)
        let network = FakeNetwork(server)
        let first = try backUp(request(), network).image
        #expect(try catalogue.forgetImage(first.id))
        let again = try backUp(request(), network)
        #expect(again.segments.map(\.tapeFile) == [1])
        let other = try Catalogue(path: TemporaryFile.path("other/catalogue.sqlite"))
        #expect(
            try BackupJob(request(), catalogue: other, callers: network.callers).run().segments.map(\.tapeFile) == [3]
        )
        #expect(try catalogue.forgetImage(again.image.id))
        let error = #expect(throws: DMAError.self) { try backUp(request(), network) }
        #expect(error?.kind == .outOfMedia)
        #expect(server.tapes["A1"]?.files.count == 6)
    }

    @Test("a cancelled backup ends with the cartridge in its slot")
    func cancels() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 1)
        server.stream = Self.stream(10)
        let control = JobControl(isCancelled: { true })
        let job = BackupJob(request(), catalogue: catalogue, callers: FakeNetwork(server).callers, control: control)
        let error = #expect(throws: DMAError.self) { try job.run() }
        #expect(error?.kind == .aborted)
        #expect(server.slots == ["A1"])
    }

    @Test("protocol version 3 sets the window after LISTEN and names targets by directory and new name")
    func versionThree() throws {
        let server = FakeServer("one:10000", barcodes: ["A1"], slots: 1, version: 3)
        server.stream = Self.stream(5000)
        server.history = [
            .files([Self.file("/d", size: 0, offset: 0, type: .directory), Self.file("/d/f", size: 1, offset: 512)])
        ]
        let network = FakeNetwork(server)
        _ = try backUp(request(), network)
        let restore = RestoreRequest(paths: [Array("d/f".utf8)], destination: "/back")
        let servers = JobServers(data: endpoint, tape: endpoint)
        server.wantedRanges = [(512, 513)]
        _ = try RestoreJob(restore, servers: servers, catalogue: catalogue, callers: network.callers).run()
        let name = try #require(server.recoverRequest?.names.first)
        #expect((name.destination, name.newName) == ("/back/d", "f"))
    }
}

/// Files that go away with the test run's temporary directory.
enum TemporaryFile {
    static func path(_ name: String) -> String {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "capstan-dma-\(UUID().uuidString)"
        )
        return directory.appendingPathComponent(name).path
    }
}
