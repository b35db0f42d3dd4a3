// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing
import WireFormat

@Suite("Captured frames")
struct GoldenTests {
    /// Decodes a message by its catalogue row and encodes it again.
    private func roundTrip(_ frame: Frame, version: Int) throws -> [UInt8] {
        var reader = XDRReader(frame.message, version: version)
        let header: NDMPHeader = try reader.decode()
        let row = try #require(NDMPCatalogue.row(header.code, version: version))
        let type = try #require(frame.kind == .reply ? row.reply : row.request)
        return try again(type, header, &reader, frame.message)
    }

    private func again<T: XDRStruct>(
        _ type: T.Type,
        _ header: NDMPHeader,
        _ reader: inout XDRReader,
        _ message: [UInt8]
    ) throws -> [UInt8] {
        let body = try reader.decode(type)
        #expect(reader.remaining == 0)
        var buffer = NDMPSendBuffer()
        try buffer.append(header, body, version: reader.version, source: message)
        return Array(buffer.bytes[buffer.pending])
    }

    @Test("each frame is decoded whole and encoded to the same bytes", arguments: Frame.whole)
    func reencode(frame: Frame) throws {
        #expect(!frame.versions.isEmpty)
        for version in frame.versions {
            #expect(try roundTrip(frame, version: version) == frame.bytes, "version \(version)")
        }
    }

    @Test("the capture has 92 frames of more than 40 messages")
    func coverage() {
        #expect(Frame.all.count == 92)
        #expect(Set(Frame.all.map(\.code)).count > 40)
    }

    @Test("header fields are those of the capture", arguments: Frame.whole)
    func header(frame: Frame) throws {
        var reader = XDRReader(frame.message, version: 4)
        let header: NDMPHeader = try reader.decode()
        #expect(header.code == frame.code)
        #expect(header.messageType == (frame.kind == .reply ? .reply : .request))
        #expect(header.error == .noError)
        #expect((header.replySequence == 0) == (frame.kind == .request))
        #expect(header.timeStamp >> 16 == 0x6b01)
        #expect(header.sequence > 0)
    }

    @Test("a frame cut at any byte fails cleanly or is a message that needs no more", arguments: Frame.whole)
    func truncated(frame: Frame) throws {
        for version in frame.versions {
            let row = try #require(NDMPCatalogue.row(frame.code, version: version))
            let type = try #require(frame.kind == .reply ? row.reply : row.request)
            for length in NDMPHeader.byteCount..<frame.message.count {
                #expect(throws: XDRError.self) { try decode(type, frame.message, length, version) }
            }
        }
    }

    private func decode<T: XDRStruct>(_ type: T.Type, _ message: [UInt8], _ end: Int, _ version: Int) throws {
        var reader = XDRReader(message, in: NDMPHeader.byteCount..<end, version: version)
        _ = try reader.decode(type)
    }

    @Test("bytes behind the last field are ignored", arguments: Frame.whole)
    func trailing(frame: Frame) throws {
        let row = try #require(NDMPCatalogue.row(frame.code, version: frame.version))
        let type = try #require(frame.kind == .reply ? row.reply : row.request)
        try decode(type, frame.message + [1, 2, 3, 4, 5], frame.message.count + 5, frame.version)
    }

    @Test("all frames in one stream come out whole, in any pieces", arguments: [1, 3, 7, 100, 4096, 1 << 20])
    func glued(piece: Int) throws {
        let stream = Frame.whole.flatMap(\.bytes)
        #expect(try messages(in: stream) { _ in piece } == Frame.whole.map(\.message))
    }

    @Test("every frame has a trace line with its name and without raw bytes", arguments: Frame.whole)
    func trace(frame: Frame) throws {
        let message = frame.message
        let line = NDMPTrace.describe(message, in: 0..<message.count, version: frame.version)
        let name = try #require(NDMPCatalogue.row(frame.code, version: frame.version)?.name)
        #expect(line.contains(name))
        #expect(!line.contains("undecodable"))
        let isPlain = line.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
        #expect(isPlain)
    }

    @Test("a file history fragment names the files in order", arguments: [2, 3, 4])
    func fileHistory(version: Int) throws {
        let frame = try #require(Frame.all.first { $0.kind == .cut && $0.version == version })
        // The first fragment ends before the last entry: count only those that were kept whole.
        var message = frame.message
        message[24..<28] = [0, 0, 0, 6]
        var reader = XDRReader(message, in: NDMPHeader.byteCount..<message.count, version: version)
        let expected = ["./", "./empty/", "./lnk", "./sub/", "./sub/f47", "./sub/f53"]
        if version == 2 {
            let post = try reader.decode(FileHistoryAddUnixPathPost.self)
            #expect(post.paths.map(\.path.text) == expected)
            #expect(post.paths[0].status.type == .directory)
            #expect(post.paths[0].status.mode == 0o755)
            #expect(post.paths[4].status.type == .regular)
            #expect(post.paths[4].status.size == 0x6ce4)
            #expect(post.paths[4].status.fileHistoryInfo == 0x800)
        } else {
            let post = try reader.decode(FileHistoryAddFilePost.self)
            #expect(post.files.map(\.names) == expected.map { [.unix(XDRString($0))] })
            #expect(post.files[2].status[0].type == .symbolicLink)
            #expect(post.files[4].status[0].size == 0x6ce4)
            #expect(post.files[4].status[0].links == .max)
            #expect(post.files[4].fileHistoryInfo == 0x800)
        }
        #expect(throws: XDRError.self) {
            var whole = XDRReader(frame.message, in: 24..<frame.message.count, version: version)
            _ = try whole.decode(FileHistoryAddUnixPathPost.self)
        }
    }
}
