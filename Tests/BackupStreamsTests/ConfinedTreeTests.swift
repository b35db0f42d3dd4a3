// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

@Suite("Confined trees: nothing outside an export can be reached")
struct ConfinedTreeTests {
    private let scratch: ScratchDirectory
    private let inside: String

    init() throws {
        scratch = try ScratchDirectory()
        inside = try scratch.make("inside")
        _ = try scratch.make("outside")
        try Bash.run(
            """
            echo secret > outside/file
            cd inside; mkdir -p a/b; echo hello > a/b/file
            ln -s ../../outside out; ln -s ../outside/file outfile; ln -s a indoors; ln -s "$PWD/../outside" absolute
            """,
            in: scratch.path
        )
    }

    private func tree(_ confinement: Confinement) throws -> ConfinedTree {
        try ConfinedTree(Export(path: inside, isWritable: true), confinement: confinement)
    }

    @Test("files and directories below the root open", arguments: [Confinement.openat2, .steps])
    func opens(_ confinement: Confinement) throws {
        let tree = try tree(confinement)
        let file = try tree.openFile(TreePath("a/b/file"))
        var bytes = [UInt8](repeating: 0, count: 100)
        var span = bytes.mutableSpan
        let count = try file.read(into: &span, at: 0)
        #expect(bytes[..<count].elementsEqual("hello\n".utf8))
        #expect(try tree.list(TreePath("a")).map(\.name) == [Array("b".utf8)])
        #expect(try tree.subtree(TreePath("a/b")).exists(TreePath("file")))
        #expect(try tree.readLink(TreePath("indoors")) == Array("a".utf8))
    }

    @Test(
        "symbolic links and .. lead nowhere, not even inside",
        arguments: [Confinement.openat2, .steps],
        ["out/file", "outfile", "indoors/b/file", "absolute/file", "../outside/file", "a/../../outside/file", ".."]
    )
    func confined(_ confinement: Confinement, _ path: String) throws {
        let tree = try tree(confinement)
        let path = TreePath(path)
        #expect { try tree.openFile(path) } throws: { ($0 as? TreeError)?.reason == .escapes }
        #expect(throws: TreeError.self) { try tree.list(path) }
        #expect(throws: TreeError.self) { try tree.createFile(path.appending(Array("new".utf8))) }
        #expect(throws: TreeError.self) { try tree.makeDirectory(path.appending(Array("new".utf8))) }
        #expect(try Bash.run("ls -A", in: scratch.path + "/outside") == "file\n")
    }

    @Test("a directory that is replaced by a link while it is in use does not lead out")
    func replaced() throws {
        let tree = try tree(.openat2)
        let directory = try tree.directory(TreePath("a/b"))
        try Bash.run("mv a/b a/moved; ln -s ../../outside a/b", in: inside)
        #expect(throws: TreeError.self) { try tree.openFile(TreePath("a/b/file")) }
        // The directory itself is still the one that was opened.
        #expect(try directory.list().map(\.name) == [Array("file".utf8)])
    }

    @Test("paths longer than the kernel takes at once", arguments: [Confinement.openat2, .steps])
    func longPaths(_ confinement: Confinement) throws {
        let tree = try tree(confinement)
        let name = [UInt8](repeating: UInt8(ascii: "n"), count: 250)
        var path = TreePath()
        for _ in 0..<40 { path = path.appending(name) }
        let directory = try tree.makeDirectories(path)
        let file = try directory.createFile(Array("file".utf8))
        try file.write(Array("deep".utf8).span, at: 0)
        #expect(try tree.status(of: path.appending(Array("file".utf8))).size == 4)
        try tree.removeTree(TreePath(name))
        #expect(!tree.exists(TreePath(name)))
    }

    @Test("a fifo is not waited for, and is no file")
    func fifo() throws {
        try Bash.run("mkfifo fifo", in: inside)
        let tree = try tree(.openat2)
        #expect(throws: TreeError.self) { try tree.openFile(TreePath("fifo")) }
    }

    @Test("a tree for reading refuses every change")
    func readOnly() throws {
        let tree = try ConfinedTree(inside, isWritable: false)
        let new = TreePath("new")
        let changes: [() throws -> Void] = [
            { _ = try tree.createFile(new) },
            { try tree.makeDirectory(new) },
            { try tree.symbolicLink(new, to: [1]) },
            { try tree.hardLink(new, to: TreePath("a/b/file")) },
            { try tree.rename(TreePath("a"), to: new) },
            { try tree.remove(TreePath("out")) },
            { try tree.removeTree(TreePath("a")) },
            { try tree.setMode(TreePath("a"), 0o777) },
            { try tree.setOwner(TreePath("a"), owner: 0, group: 0) },
            { try tree.setExtendedAttribute(TreePath("a"), ExtendedAttribute("user.a", [1])) },
            { try tree.setTimes(TreePath("a"), accessed: Timestamp(seconds: 1), modified: Timestamp(seconds: 1)) },
        ]
        for (number, change) in changes.enumerated() {
            do {
                try change()
                Issue.record("change \(number) was made")
            } catch let error as TreeError {
                #expect(error.isPermissionDenied, "change \(number): \(error)")
            }
        }
        #expect(tree.exists(TreePath("a/b/file")))
    }

    @Test("removing a tree removes links and not what they point to")
    func removesLinks() throws {
        try Bash.run("ln -s ../../outside a/escape; ln -s ../../../outside a/b/escape", in: inside)
        try tree(.openat2).removeTree(TreePath("a"))
        #expect(try Bash.run("ls -A", in: scratch.path + "/outside") == "file\n")
    }

    @Test("attributes of directories, files and links", .enabled(if: Bash.isRoot && Bash.has("setfattr")))
    func attributes() throws {
        let tree = try tree(.openat2)
        let attribute = ExtendedAttribute("trusted.test", [0, 1, 255])
        for path in ["", "a", "a/b/file", "indoors"] {
            try tree.setExtendedAttribute(TreePath(path), attribute)
            #expect(try tree.extendedAttributes(of: TreePath(path)) == [attribute])
        }
        #expect(try tree.openFile(TreePath("a/b/file")).extendedAttributes() == [attribute])
    }

    @Test("stretches of data are found without reading holes")
    func regions() throws {
        try Bash.run(
            "truncate -s 1G big; printf X | dd of=big bs=1 seek=500000000 conv=notrunc status=none",
            in: inside
        )
        let file = try tree(.openat2).openFile(TreePath("big"))
        let size = file.openedStatus.size
        let first = try #require(try file.nextData(from: 0, end: size))
        #expect(first.contains(500_000_000) && first.count <= 1 << 20)
        #expect(try file.nextData(from: first.upperBound, end: size) == nil)
    }
}

@Suite("Exports")
struct ExportsTests {
    @Test("paths are normalised; relative ones, .. and repetitions are refused")
    func normalises() throws {
        let exports = try Exports([
            Export(path: "//srv/./data/", isWritable: false), Export(path: "/", isWritable: true),
        ])
        #expect(exports.list.map(\.path) == ["/srv/data", "/"])
        for bad in ["srv", "/a/../b", ""] {
            #expect(throws: TreeError.self) { try Exports([Export(path: bad, isWritable: true)]) }
        }
        #expect(throws: TreeError.self) {
            try Exports([Export(path: "/a", isWritable: true), Export(path: "/a/", isWritable: false)])
        }
        let many = (0...256).map { Export(path: "/a\($0)", isWritable: true) }
        #expect(throws: TreeError.self) { try Exports(many) }
    }

    @Test("a read-only export inside of a writable one stays as it is when the outer one is written to")
    func readOnlyInside() throws {
        let scratch = try ScratchDirectory()
        _ = try scratch.make("out/keep/deep")
        _ = try scratch.make("out/keeper")
        let exports = try Exports([
            Export(path: scratch.path + "/out/keep", isWritable: false),
            Export(path: scratch.path + "/out", isWritable: true),
        ])
        let tree = try exports.tree(holding: Array((scratch.path + "/out").utf8), for: .writing).tree
        let trees = [(tree, TreePath("keep")), (try tree.subtree(TreePath("keep")), TreePath())]
        for (tree, place) in trees {
            for path in [place, place.appending(TreePath("deep"))] {
                #expect(throws: TreeError.self) { try tree.makeDirectory(path.appending(TreePath("new"))) }
                #expect(throws: TreeError.self) { try tree.createFile(path.appending(TreePath("new"))) }
                #expect(throws: TreeError.self) { try tree.setMode(path, 0o777) }
            }
        }
        #expect(throws: TreeError.self) { try tree.removeTree(TreePath("keep")) }
        #expect(throws: TreeError.self) { try tree.rename(TreePath("keep"), to: TreePath("moved")) }
        try tree.makeDirectory(TreePath("a"))
        #expect(throws: TreeError.self) { try tree.rename(TreePath("a"), to: TreePath("keep/a")) }
        _ = try tree.createFile(TreePath("keeper/new"))
        #expect(tree.exists(TreePath("keep/deep")))
    }

    @Test("the longest export that holds a path answers; names that only begin alike do not")
    func longest() throws {
        let scratch = try ScratchDirectory()
        let inner = try scratch.make("data/inner")
        _ = try scratch.make("data2")
        let exports = try Exports([
            Export(path: scratch.path + "/data", isWritable: false), Export(path: inner, isWritable: true),
        ])
        let found = try exports.tree(holding: Array((inner + "//x/./y").utf8), for: .writing)
        #expect(found.path == TreePath("x/y"))
        #expect(found.tree.rootPath == Array(inner.utf8))
        let outer = try exports.tree(holding: Array((scratch.path + "/data/other").utf8), for: .reading)
        #expect(outer.path == TreePath("other"))
        func reason(_ path: String, _ access: TreeAccess) -> TreeError.Reason? {
            do throws(TreeError) {
                _ = try exports.tree(holding: Array(path.utf8), for: access)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason(scratch.path + "/data/other", .writing) == .readOnly)
        #expect(reason(scratch.path + "/data2", .reading) == .notExported)
        #expect(reason(scratch.path, .reading) == .notExported)
        #expect(reason(inner + "/../../data2", .reading) == .escapes)
        #expect(reason("data", .reading) != nil)
    }
}
