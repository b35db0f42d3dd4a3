// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import Testing

@Suite("Posts", .serialized, .timeLimit(.minutes(2)))
struct PostTests {
    /// What a client of this version makes of one post.
    private func post(_ code: UInt32, _ body: [UInt32], version: UInt32) throws -> NDMPPost? {
        let server = try FakeServer { peer in
            peer.open(version: version)
            peer.send([2, 0, 0, code, 0, 0] + body)
            peer.waitForEnd()
        }
        let connection = try server.connect()
        defer { connection.close() }
        return try connection.nextPost(timeoutMilliseconds: 5000)
    }

    @Test("halts and pauses; the text of a halt only before v4")
    func halts() throws {
        #expect(try post(0x501, [1], version: 4) == .dataHalted(.successful, text: ""))
        #expect(try post(0x501, [4] + string("no way"), version: 3) == .dataHalted(.connectError, text: "no way"))
        #expect(try post(0x503, [1], version: 4) == .moverHalted(.connectClosed, text: ""))
        #expect(try post(0x504, [3, 0, 0x1000], version: 4) == .moverPaused(.seek, seekPosition: 0x1000))
        #expect(try post(0x505, [1, 0, 0, 512], version: 4) == .dataRead(offset: 1 << 32, length: 512))
    }

    @Test("log messages and outcomes of files, in each version's form")
    func logs() throws {
        #expect(try post(0x603, [2, 5] + string("bad") + [0, 0], version: 4) == .log(.error, text: "bad"))
        #expect(try post(0x603, [3, 5] + string("hm"), version: 3) == .log(.warning, text: "hm"))
        #expect(try post(0x600, string("old"), version: 2) == .log(.normal, text: "old"))
        #expect(try post(0x602, string("/a") + [2], version: 4) == .logFile(name: "/a", .notFound))
        // v3: FILE_NOT_FOUND_ERR is 14
        #expect(try post(0x602, string("/a") + [14], version: 3) == .logFile(name: "/a", .notFound))
    }

    @Test("file history of v2 comes in the form of v3")
    func oldHistory() throws {
        // FH_ADD_UNIX_DIR: name, node, parent
        let entry = DirectoryEntry(names: [.unix("etc")], node: 12, parent: 2)
        #expect(try post(0x701, [1] + string("etc") + [12, 2], version: 2) == .fileHistory(.directories([entry])))
        // FH_ADD_UNIX_NODE: type REG, three times, owner, group, mode with type, size, fh_info, node
        let words: [UInt32] = [1, 4, 100, 200, 300, 7, 8, 0o100644, 0, 4096, 0, 1024, 12]
        let status = FileStatus(
            type: .regular,
            modificationTime: 100,
            accessTime: 200,
            changeTime: 300,
            owner: 7,
            group: 8,
            attributes: 0o644,
            size: 4096,
            links: 1
        )
        let node = NodeEntry(status: [status], node: 12, fileHistoryInfo: 1024)
        #expect(try post(0x702, words, version: 2) == .fileHistory(.nodes([node])))
    }

    @Test("a post that this version does not have is handed on by its code")
    func unknown() throws {
        #expect(try post(0x7ff, [], version: 4) == .other(code: 0x7ff))
    }

    @Test("posts before a reply keep their order, also when they came in many fragments")
    func order() throws {
        let server = try FakeServer { peer in
            peer.open()
            guard let request = peer.receive() else { return }
            for number in 0..<3 {
                let whole = message([2, 0, 0, 0x603, 0, 0, 0, 0] + string("line \(number)") + [0, 0])
                // Fragments of eight bytes, the last of them marked.
                let body = Array(whole.dropFirst(4))
                for start in stride(from: 0, to: body.count, by: 8) {
                    let piece = body[start..<min(start + 8, body.count)]
                    let last: UInt32 = start + 8 >= body.count ? 0x8000_0000 : 0
                    peer.send(bytes: bigEndian(last | UInt32(piece.count)) + piece)
                }
            }
            peer.reply(to: request, [0] + string("host") + string("os") + string("1") + string("id"))
            peer.waitForEnd()
        }
        let connection = try server.connect()
        defer { connection.close() }
        #expect(try connection.hostInfo().hostname == "host")
        for number in 0..<3 {
            #expect(try connection.nextPost(timeoutMilliseconds: 0) == .log(.normal, text: "line \(number)"))
        }
        #expect(try connection.nextPost(timeoutMilliseconds: 0) == nil)
    }

    @Test("waiting on several connections tells which one has something")
    func several() throws {
        let quiet = try FakeServer { peer in
            peer.open()
            peer.waitForEnd()
        }
        let busy = try FakeServer { peer in
            peer.open()
            peer.send([2, 0, 0, 0x501, 0, 0, 2])
            peer.waitForEnd()
        }
        let both = [try quiet.connect(), try busy.connect()]
        defer { both.forEach { $0.close() } }
        #expect(NDMPConnection.wait(for: both, timeoutMilliseconds: 5000) == [false, true])
        #expect(try both[1].nextPost(timeoutMilliseconds: 0) == .dataHalted(.aborted, text: ""))
        #expect(NDMPConnection.wait(for: both, timeoutMilliseconds: 0) == [false, false])
    }
}
