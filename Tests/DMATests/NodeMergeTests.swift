// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import Testing
import WireFormat

@testable import DMA

@Suite("A directory put together from a chain of images by inode numbers")
struct NodeMergeTests {
    private let catalogue: Catalogue

    init() throws { catalogue = try Catalogue(path: TemporaryFile.path("merge.sqlite")) }

    private func entry(_ name: String, _ node: UInt64, _ parent: UInt64) -> DirectoryEntry {
        DirectoryEntry(names: [.unix(XDRString(name))], node: node, parent: parent)
    }

    private func image(
        _ level: Int,
        _ entries: [DirectoryEntry],
        _ nodes: [(UInt64, FileType)]
    ) throws -> DMA.Image {
        let image = Image(
            type: "dump",
            level: level,
            path: "/d",
            dataServer: "one:10000",
            tapeServer: "one:10000",
            started: 100 + Int64(level),
            recordBytes: 4096
        )
        let id = try catalogue.begin(image)
        let writer = HistoryWriter(catalogue: catalogue, image: id)
        try writer.add(.directories([entry(".", 2, 2), entry("..", 2, 2)] + entries))
        try writer.add(
            .nodes(
                nodes.map { node, type in
                    NodeEntry(
                        status: [FileStatus(type: type)],
                        node: node,
                        fileHistoryInfo: node * 1000 + UInt64(level)
                    )
                }
            )
        )
        try writer.flush()
        try catalogue.finish(id, bytes: 1, files: 1, level: level, environment: [], now: 200)
        return try #require(try catalogue.image(id))
    }

    /// Level 0: ren/{f, deep/x}, keep/{f, same}. Then ren became renamed, keep/f became keep/g, keep/new came.
    private func chain() throws -> [DMA.Image] {
        [
            try image(
                0,
                [
                    entry("ren", 10, 2), entry("keep", 20, 2), entry("f", 11, 10), entry("deep", 12, 10),
                    entry("x", 13, 12), entry("f", 21, 20), entry("same", 22, 20),
                ],
                [(2, .directory), (10, .directory), (11, .regular), (12, .directory), (13, .regular), (20, .directory)]
                    + [(21, .regular), (22, .regular)]
            ),
            try image(
                1,
                [
                    entry("renamed", 10, 2), entry("keep", 20, 2), entry("f", 11, 10), entry("deep", 12, 10),
                    entry("g", 21, 20), entry("same", 22, 20), entry("new", 23, 20), entry("lost", 99, 20),
                ],
                [(2, .directory), (10, .directory), (20, .directory), (21, .regular), (23, .regular)]
            ),
        ]
    }

    private func collect(_ path: String) throws -> (found: Set<String>, missing: [String])? {
        var merge = try #require(try NodeMerge(catalogue, chain: try chain()))
        guard let result = try merge.collect(Array(path.utf8)) else { return nil }
        let found = result.selected.map { image, selected in
            "\(image) \(selected.entry.pathText) > \(String(decoding: selected.target, as: UTF8.self))"
        }
        return (Set(found), result.missing.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test("what a renamed directory holds comes from the older image, under its old path")
    func renamed() throws {
        let state = try #require(try collect("renamed"))
        #expect(
            state.found == [
                "2 renamed > renamed", "1 ren/f > renamed/f", "1 ren/deep > renamed/deep",
                "1 ren/deep/x > renamed/deep/x",
            ]
        )
        #expect(state.missing.isEmpty)
        #expect(try collect("renamed/deep/x")?.found == ["3 ren/deep/x > renamed/deep/x"])
    }

    @Test("a directory that the newest image lists holds those names and no others; what no image holds is missing")
    func listed() throws {
        let state = try #require(try collect("keep"))
        #expect(
            state.found == ["2 keep > keep", "2 keep/g > keep/g", "2 keep/new > keep/new", "1 keep/same > keep/same"]
        )
        #expect(state.missing == ["keep/lost"])
        #expect(try collect("ren") == nil)
    }

    @Test("a chain whose history has paths is left to the paths")
    func pathsForm() throws {
        let chain = try chain()
        let other = try catalogue.begin(chain[1])
        let writer = HistoryWriter(catalogue: catalogue, image: other)
        try writer.add(.files([FileEntry(names: [.unix("/a")], status: [FileStatus(type: .regular)], node: 5)]))
        try writer.flush()
        let paths = try #require(try catalogue.image(other))
        #expect(try NodeMerge(catalogue, chain: [chain[0], paths]) == nil)
        #expect(try NodeMerge(catalogue, chain: [chain[0]]) == nil)
    }
}
