// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import Testing
import WireFormat

@testable import NDMPServer

@Suite("File history posts")
struct FileHistoryTests {
    private final class Sent {
        var batches: [HistoryBatch] = []
    }

    private let status = BackupStreams.FileStatus(
        kind: .regular,
        inode: 7,
        links: 2,
        mode: 0o4755,
        owner: 10,
        group: 20,
        size: 5_000_000_000,
        accessed: Timestamp(seconds: 3),
        modified: Timestamp(seconds: 1),
        changed: Timestamp(seconds: 2)
    )

    private func batcher(_ version: Int, _ sent: Sent) -> FileHistoryBatcher {
        FileHistoryBatcher(version: version) { sent.batches.append($0) }
    }

    @Test("Since v3 a path is FH_ADD_FILE, with the separator first", arguments: 3...4)
    func paths(version: Int) {
        let sent = Sent()
        var batcher = batcher(version, sent)
        batcher.add(TreePath(), status, node: 2, offset: 0, now: 0)
        batcher.add(TreePath(Array("a/b".utf8)), status, node: 7, offset: 512, now: 0)
        batcher.flush()
        let attributes = NDMPProtocol.FileStatus(
            fileSystemType: .unix,
            type: .regular,
            modificationTime: 1,
            accessTime: 3,
            changeTime: 2,
            owner: 10,
            group: 20,
            attributes: 0o4755,
            size: 5_000_000_000,
            links: 2
        )
        let expected = HistoryBatch.files([
            FileEntry(names: [.unix("/")], status: [attributes], node: 2, fileHistoryInfo: 0),
            FileEntry(names: [.unix("/a/b")], status: [attributes], node: 7, fileHistoryInfo: 512),
        ])
        #expect(sent.batches == [expected])
    }

    @Test("In v2 the forms are FH_ADD_UNIX_PATH, _DIR and _NODE, with nodes of 32 bits")
    func version2() {
        let sent = Sent()
        var batcher = batcher(2, sent)
        batcher.add(TreePath(Array("f".utf8)), status, node: 7, offset: 512, now: 0)
        batcher.addDirectoryEntry(Array("f".utf8), node: 0x1_0000_0007, parent: 2, now: 0)
        batcher.addNode(status, node: 7, offset: 512, now: 0)
        batcher.flush()
        let attributes = UnixFileStatus(
            type: .regular,
            modificationTime: 1,
            accessTime: 3,
            changeTime: 2,
            owner: 10,
            group: 20,
            mode: 0o4755,
            size: 5_000_000_000,
            fileHistoryInfo: 512
        )
        #expect(
            sent.batches == [
                .unixPaths([UnixPathEntry(path: "/f", status: attributes)]),
                .unixDirectories([UnixDirectoryEntry(name: "f", node: 7, parent: 2)]),
                .unixNodes([UnixNodeEntry(status: attributes, node: 7)]),
            ]
        )
    }

    @Test("Directory entries go out before nodes")
    func order() {
        let sent = Sent()
        var batcher = batcher(4, sent)
        for node in UInt64(3)..<2003 {
            batcher.addDirectoryEntry(Array("name \(node)".utf8), node: node, parent: 2, now: 0)
            batcher.addNode(status, node: node, offset: node, now: 0)
        }
        batcher.flush()
        var told: Set<UInt64> = []
        var nodes = 0
        for batch in sent.batches {
            switch batch {
            case .directories(let entries): told.formUnion(entries.map(\.node))
            case .nodes(let entries):
                nodes += entries.count
                #expect(entries.allSatisfy { told.contains($0.node) })
            default: Issue.record("another form")
            }
        }
        #expect(nodes == 2000 && told.count == 2000)
    }

    @Test("No post has more than 64 KiB or a thousand entries, however long the names are", arguments: [1, 200, 4000])
    func sizes(length: Int) throws {
        let sent = Sent()
        var batcher = batcher(4, sent)
        for number in 0..<3000 {
            let name = Array("\(number)".utf8) + Array(repeating: UInt8(ascii: "x"), count: length)
            batcher.add(TreePath(name), status, node: 7, offset: 0, now: 0)
        }
        batcher.flush()
        var total = 0
        for batch in sent.batches {
            guard case .files(let files) = batch else { continue }
            total += files.count
            #expect(files.count <= FileHistoryBatcher.postEntries)
            var buffer = NDMPSendBuffer()
            let header = NDMPHeader(request: .fileHistoryAddFile, sequence: 1, timeStamp: 0)
            try buffer.append(header, FileHistoryAddFilePost(files: files), version: 4)
            #expect(buffer.pending.count <= 64 << 10)
        }
        #expect(total == 3000)
    }

    @Test("History waits at most two seconds for more")
    func age() {
        let sent = Sent()
        var batcher = batcher(4, sent)
        batcher.add(TreePath(Array("f".utf8)), status, node: 7, offset: 0, now: 1000)
        batcher.flushWhenOld(now: 2999)
        #expect(sent.batches.isEmpty)
        batcher.flushWhenOld(now: 3000)
        #expect(sent.batches.count == 1)
        batcher.flushWhenOld(now: 9000)
        #expect(sent.batches.count == 1, "nothing is sent twice")
    }

    @Test("Times before 1970 and after 2106 are the nearest that the wire has")
    func times() {
        var odd = status
        odd.modified = Timestamp(seconds: -5)
        odd.accessed = Timestamp(seconds: 1 << 40)
        let wire = NDMPProtocol.FileStatus(odd)
        #expect(wire.modificationTime == 0)
        #expect(wire.accessTime == .max)
    }
}
