// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import NDMPClient
import NDMPProtocol
import Testing
import WireFormat

@testable import DMA

@Suite("The catalogue")
struct CatalogueTests {
    let catalogue: Catalogue

    init() throws { catalogue = try Catalogue(path: TemporaryFile.path("state/catalogue.sqlite")) }

    private func image(_ level: Int = 0, path: String = "/data", started: Int64 = 100) -> Image {
        Image(
            type: "tar",
            level: level,
            path: path,
            dataServer: "one:10000",
            tapeServer: "one:10000",
            started: started,
            recordBytes: 262_144
        )
    }

    private func complete(_ image: Image) throws -> Int64 {
        let id = try catalogue.begin(image)
        try catalogue.finish(id, bytes: 1, files: 1, level: image.level, environment: [], now: image.started + 1)
        return id
    }

    private func status(_ type: FileType, _ size: UInt64 = 0) -> [FileStatus] {
        [FileStatus(type: type, modificationTime: 1_700_000_000, attributes: 0o644, size: size)]
    }

    private func add(_ history: FileHistory..., to image: Int64) throws -> UInt64 {
        let writer = HistoryWriter(catalogue: catalogue, image: image)
        for batch in history { try writer.add(batch) }
        try writer.flush()
        return writer.files + writer.directoriesTold
    }

    private func names(_ path: String, _ image: Int64) throws -> [String] {
        let entry = try #require(try catalogue.entry(Array(path.utf8), in: image))
        var found: [String] = []
        try catalogue.forEachChild(of: entry, in: image) { child in
            found.append(child.pathText)
            return true
        }
        return found
    }

    @Test("paths are found however servers write them, and in any order")
    func paths() throws {
        let id = try catalogue.begin(image())
        let count = try add(
            .files([
                FileEntry(names: [.unix("./b/c/d")], status: status(.regular, 7), node: 9, fileHistoryInfo: 4096),
                FileEntry(names: [.unix("/b")], status: status(.directory), node: 3, fileHistoryInfo: 512),
                FileEntry(names: [.unix("/")], status: status(.directory), node: 2, fileHistoryInfo: 0),
                FileEntry(names: [.unix("a")], status: status(.symbolicLink), node: 0, fileHistoryInfo: .max),
            ]),
            to: id
        )
        #expect(count == 4)
        let file = try #require(try catalogue.entry(Array("/b/c/d".utf8), in: id))
        #expect(file.attributes?.size == 7)
        #expect(file.attributes?.historyInfo == 4096)
        #expect(file.attributes?.node == 9)
        #expect(try catalogue.entry(Array("a".utf8), in: id)?.attributes?.historyInfo == nil)
        #expect(try catalogue.entry(Array("b".utf8), in: id)?.attributes?.historyInfo == 512)
        // Named by nothing but the file in it.
        #expect(try catalogue.entry(Array("b/c".utf8), in: id)?.isDirectory == true)
        #expect(try names("", id) == ["a", "b"])
        #expect(try names("b", id) == ["b/c"])
        #expect(try catalogue.entry(Array("b/x".utf8), in: id) == nil)
    }

    @Test("directory entries and nodes are found by path; names without a node are not held")
    func nodes() throws {
        let id = try catalogue.begin(image())
        func entry(_ name: String, _ node: UInt64, _ parent: UInt64) -> DirectoryEntry {
            DirectoryEntry(names: [.unix(XDRString(name))], node: node, parent: parent)
        }
        let count = try add(
            .directories([
                entry(".", 2, 2), entry("..", 2, 2), entry("sub", 10, 2), entry("kept", 11, 2), entry(".", 10, 10),
                entry("..", 2, 10), entry("new", 12, 10),
            ]),
            .nodes([
                NodeEntry(status: status(.directory), node: 2, fileHistoryInfo: 1024),
                NodeEntry(status: status(.directory), node: 10, fileHistoryInfo: 2048),
                NodeEntry(status: status(.regular, 99), node: 12, fileHistoryInfo: 8192),
            ]),
            to: id
        )
        #expect(count == 3)
        #expect(try catalogue.entry(Array("sub/new".utf8), in: id)?.attributes?.historyInfo == 8192)
        #expect(try names("", id) == ["kept", "sub"])
        let kept = try #require(try catalogue.entry(Array("kept".utf8), in: id))
        #expect(kept.attributes == nil)
        let root = try #require(try catalogue.entry([], in: id))
        let all = try catalogue.tree(below: root, in: id, limit: 10)
        #expect(all?.map(\.pathText) == ["", "sub", "sub/new"])
        #expect(try catalogue.tree(below: root, in: id, limit: 2) == nil)
    }

    @Test("a history that puts a directory into itself does not go round for ever")
    func loop() throws {
        let id = try catalogue.begin(image())
        _ = try add(
            .directories([
                DirectoryEntry(names: [.unix(".")], node: 2, parent: 2),
                DirectoryEntry(names: [.unix("loop")], node: 2, parent: 2),
            ]),
            .nodes([NodeEntry(status: status(.directory), node: 2, fileHistoryInfo: 0)]),
            to: id
        )
        let root = try #require(try catalogue.entry([], in: id))
        #expect(try catalogue.tree(below: root, in: id, limit: 1000) == nil)
    }

    @Test("names of any bytes are kept")
    func oddNames() throws {
        let id = try catalogue.begin(image())
        let name: [UInt8] = [0xFF, 0x0A, 0x22, 0xC3]
        _ = try add(.files([FileEntry(names: [.unix(XDRString(bytes: name))], status: status(.regular))]), to: id)
        #expect(try catalogue.entry(name, in: id)?.path == name)
    }

    @Test("20,000 paths are entered in batches and each is found again")
    func manyPaths() throws {
        let id = try catalogue.begin(image())
        let writer = HistoryWriter(catalogue: catalogue, image: id)
        for directory in 0..<20 {
            for part in 0..<10 {
                let entries = (0..<100).map { file in
                    FileEntry(
                        names: [.unix(XDRString("/dir\(directory)/deeper/file\(part * 100 + file)"))],
                        status: status(.regular, UInt64(file)),
                        node: UInt64(directory * 1000 + part * 100 + file + 1),
                        fileHistoryInfo: UInt64(directory * 1_000_000 + part * 100 + file)
                    )
                }
                try writer.add(.files(entries))
            }
        }
        try writer.flush()
        #expect(writer.files == 20_000)
        for (directory, file) in [(0, 0), (7, 999), (19, 500)] {
            let found = try catalogue.entry(Array("dir\(directory)/deeper/file\(file)".utf8), in: id)
            #expect(found?.attributes?.node == UInt64(directory * 1000 + file + 1))
        }
        #expect(try names("dir3/deeper", id).count == 1000)
        try catalogue.fail(id, now: 200)
        #expect(try catalogue.entry([], in: id) == nil)
    }

    @Test("numbers beyond 63 bits come back as they were")
    func largeNumbers() throws {
        let id = try catalogue.begin(image())
        let large = UInt64.max - 1
        let entry = FileEntry(
            names: [.unix("f")],
            status: status(.regular, large),
            node: large,
            fileHistoryInfo: large
        )
        _ = try add(.files([entry]), to: id)
        let found = try #require(try catalogue.entry(Array("f".utf8), in: id)?.attributes)
        #expect(found.size == large && found.node == large && found.historyInfo == large)
    }

    @Test("a cartridge that is labelled anew takes its images along")
    func relabel() throws {
        let first = try catalogue.label(
            Medium(barcode: "A1", label: "A1", pool: "p", labelled: 10, lastWritten: 10),
            isNew: true
        )
        let id = try complete(image())
        let segment = Segment(number: 0, barcode: "A1", tapeFile: 1, offset: 0, length: 55)
        try catalogue.add(segment, to: id, medium: first.id, now: 20)
        #expect(try catalogue.segments(of: id) == [segment])
        #expect(try catalogue.media(now: 20).map { [$0.images, $0.liveImages] } == [[1, 1]])
        #expect(try catalogue.medium(barcode: "A1")?.usedBytes == 55)
        // The same label again changes nothing.
        let again = try catalogue.label(
            Medium(barcode: "A1", label: "A1", pool: "p", labelled: 10, lastWritten: 10),
            isNew: false
        )
        #expect(again.id == first.id)
        #expect(try catalogue.image(id)?.state == .complete)
        let anew = Medium(barcode: "A1", label: "A1", pool: "p", labelled: 30, lastWritten: 30)
        #expect(try catalogue.label(anew, isNew: true).id == first.id)
        #expect(try catalogue.image(id)?.state == .overwritten)
        #expect(try catalogue.medium(barcode: "A1")?.usedBytes == 0)
    }

    @Test("images count for their cartridge until they expire or are forgotten")
    func expiry() throws {
        let medium = try catalogue.label(
            Medium(barcode: "A1", label: "A1", pool: "p", labelled: 10, lastWritten: 10),
            isNew: true
        )
        var expiring = image()
        expiring.expires = 1000
        let ids = [try complete(expiring), try complete(image())]
        for id in ids {
            try catalogue.add(
                Segment(number: 0, barcode: "A1", tapeFile: 1, offset: 0, length: 5),
                to: id,
                medium: medium.id,
                now: 20
            )
        }
        #expect(try catalogue.media(now: 999).first?.liveImages == 2)
        #expect(try catalogue.media(now: 1000).first?.liveImages == 1)
        #expect(try catalogue.forgetImage(ids[1]))
        #expect(try !catalogue.forgetImage(ids[1]))
        #expect(try catalogue.media(now: 1000).first?.liveImages == 0)
    }

    @Test("a chain goes over the images that the data service compared with, and over no others")
    func chainByDates() throws {
        func backUp(_ level: Int, started: Int64, base: Int64?) throws -> Int64 {
            let id = try catalogue.begin(image(level, started: started))
            var environment = [EnvironmentVariable("DUMP_DATE", "\(started)")]
            if let base { environment.append(EnvironmentVariable("BASE_DUMP_DATE", "\(base)")) }
            try catalogue.finish(id, bytes: 1, files: 1, level: level, environment: environment, now: started + 1)
            return id
        }
        let first = try backUp(0, started: 100, base: nil)
        let second = try backUp(0, started: 200, base: nil)
        let third = try backUp(1, started: 300, base: 200)
        let beside = try backUp(1, started: 400, base: 100)
        func chain(_ id: Int64) throws -> [Int64] {
            try catalogue.chain(to: try #require(try catalogue.image(id))).map(\.id)
        }
        #expect(try chain(third) == [second, third])
        #expect(try chain(beside) == [first, beside])
        // The full backup before it is another one: what changed between the two would be missing.
        try catalogue.forgetImage(second)
        #expect(try chain(third) == [third])
    }

    @Test("a chain goes back to the full backup over the latest of each lower level")
    func chain() throws {
        // Levels in time: 0 1 2 1 3 2, and a full one of another tree between.
        var ids: [Int64] = []
        for (index, level) in [0, 1, 2, 1, 3, 2].enumerated() {
            ids.append(try complete(image(level, started: Int64(100 + index))))
        }
        _ = try complete(image(0, path: "/other", started: 105))
        func chain(_ index: Int) throws -> [Int64] {
            let image = try #require(try catalogue.image(ids[index]))
            return try catalogue.chain(to: image).map(\.id)
        }
        #expect(try chain(0) == [ids[0]])
        #expect(try chain(2) == [ids[0], ids[1], ids[2]])
        #expect(try chain(4) == [ids[0], ids[3], ids[4]])
        #expect(try chain(5) == [ids[0], ids[3], ids[5]])
    }

    @Test("the environment comes back in its order, byte for byte")
    func environment() throws {
        let id = try catalogue.begin(image())
        let variables = [
            EnvironmentVariable("B", "2"), EnvironmentVariable(name: [0xFF], value: []), EnvironmentVariable("A", "1"),
            EnvironmentVariable("B", "3"),
        ]
        try catalogue.finish(id, bytes: 1, files: 0, level: 3, environment: variables, now: 5)
        #expect(try catalogue.environment(of: id) == variables)
        #expect(try catalogue.image(id)?.level == 3)
    }

    @Test("a catalogue is there again when it is opened a second time")
    func reopen() throws {
        let id = try complete(image())
        let second = try Catalogue(path: catalogue.path)
        #expect(try second.image(id)?.path == "/data")
    }

    @Test("a place that cannot be a catalogue is refused in a sentence")
    func badPlace() {
        let error = #expect(throws: DMAError.self) { try Catalogue(path: "/proc/no/such/catalogue.sqlite") }
        #expect(error?.message.hasPrefix("the catalogue /proc/no/such/catalogue.sqlite cannot be opened") == true)
    }

    @Test("a catalogue of a later version is refused, not misread")
    func laterVersion() throws {
        try catalogue.write { database in
            try database.execute(sql: "INSERT INTO grdb_migrations(identifier) VALUES ('9: tables of the future')")
        }
        let error = #expect(throws: DMAError.self) { try Catalogue(path: catalogue.path) }
        #expect(error?.kind == .refused)
    }

    @Test("the usual place follows XDG")
    func usualPlace() {
        #expect(
            Catalogue.defaultPath(environment: ["XDG_STATE_HOME": "/s"], home: "/h") == "/s/capstan/catalogue.sqlite"
        )
        #expect(Catalogue.defaultPath(environment: [:], home: "/h") == "/h/.local/state/capstan/catalogue.sqlite")
        let moved = ["HOME": "/elsewhere", "XDG_STATE_HOME": "relative"]
        #expect(
            Catalogue.defaultPath(environment: moved, home: "/h") == "/elsewhere/.local/state/capstan/catalogue.sqlite"
        )
    }
}
