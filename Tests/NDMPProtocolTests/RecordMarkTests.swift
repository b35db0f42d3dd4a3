// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing
import WireFormat

@Suite("Record marking")
struct RecordMarkTests {
    private func mark(_ length: Int, last: Bool) -> [UInt8] {
        let word = UInt32(length) | (last ? 0x8000_0000 : 0)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }

    private func fragmented(_ message: [UInt8], by size: Int, emptyBetween: Bool = false) -> [UInt8] {
        var stream: [UInt8] = []
        var rest = message[...]
        while rest.count > size {
            stream += mark(size, last: false) + rest.prefix(size)
            if emptyBetween { stream += mark(0, last: false) }
            rest = rest.dropFirst(size)
        }
        return stream + mark(rest.count, last: !emptyBetween) + rest + (emptyBetween ? mark(0, last: true) : [])
    }

    private static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test(
        "fragments are joined, whatever pieces they come in",
        arguments: [1, 5, 3996, 100_000],
        [1, 24, 3996, 70_000]
    )
    func fragments(piece: Int, size: Int) throws {
        let first = Self.pattern(size == 1 ? 3000 : 65_564)
        let second: [UInt8] = Self.pattern(24)
        let stream = fragmented(first, by: size) + fragmented(second, by: 10) + fragmented(first, by: size)
        #expect(try messages(in: stream) { _ in piece } == [first, second, first])
    }

    @Test("fragments of length zero are accepted, also as the last one")
    func emptyFragments() throws {
        let message = Self.pattern(100)
        let stream = fragmented(message, by: 9, emptyBetween: true)
        #expect(try messages(in: stream + stream) { _ in 6 } == [message, message])
        #expect(try messages(in: mark(0, last: true)) { _ in 4 } == [[]])
    }

    @Test("a message above the limit is refused at its mark, before room is made for it")
    func tooLong() {
        #expect(throws: RecordMarkError.messageTooLong(bytes: 0x7fff_ffff, limit: NDMPLimits.messageBytes)) {
            _ = try messages(in: mark(0x7fff_ffff, last: true)) { _ in 4 }
        }
        let limit = NDMPLimits.messageBytes
        var decoder = RecordMarkDecoder()
        #expect(throws: Never.self) { try decoder.mark(UInt32(limit - 1)) }
        #expect(decoder.advance(limit - 1) == false)
        #expect(throws: Never.self) { try decoder.mark(1) }
        #expect(decoder.advance(1) == false)
        #expect(throws: RecordMarkError.messageTooLong(bytes: limit + 1, limit: limit)) { try decoder.mark(1) }
    }

    @Test("a lower limit can be set, and stays when room is given back")
    func lowerLimit() throws {
        var buffer = NDMPReceiveBuffer()
        buffer.messageLimit = 1000
        buffer.releaseSpareRoom()
        let start = mark(1001, last: true)
        _ = buffer.withFreeSpace { space in
            for index in 0..<4 { space[index] = start[index] }
            return 4
        }
        #expect(throws: RecordMarkError.messageTooLong(bytes: 1001, limit: 1000)) { try buffer.nextMessage() }
    }

    @Test("endless small fragments are refused")
    func tooMany() {
        let stream = Array(repeating: mark(0, last: false), count: NDMPLimits.messageFragments + 1).flatMap { $0 }
        #expect(throws: RecordMarkError.tooManyFragments) { _ = try messages(in: stream) { _ in 4096 } }
    }

    @Test("room grows with the bytes that came, not with the claim")
    func claim() throws {
        var buffer = NDMPReceiveBuffer()
        let claim = mark(16 << 20, last: true)
        _ = buffer.withFreeSpace { space in
            for index in 0..<4 { space[index] = claim[index] }
            return 4
        }
        #expect(try buffer.nextMessage() == nil)
        _ = buffer.withFreeSpace { _ in 0 }
        #expect(buffer.bytes.count <= 128 << 10)
        #expect(buffer.isInsideMessage)
    }

    @Test("a steady stream of 64 KiB records neither grows nor moves the buffer, and room is given back when idle")
    func steady() throws {
        var buffer = NDMPReceiveBuffer()
        let stream = mark(65_564, last: true) + Self.pattern(65_564)
        var room: Set<Int> = []
        for round in 0..<20 {
            var sent = 0
            while sent < stream.count {
                sent += buffer.withFreeSpace { space in
                    let count = min(space.count, stream.count - sent)
                    for index in 0..<count { space[index] = stream[sent + index] }
                    return count
                }
                if let range = try buffer.nextMessage() {
                    #expect(range == 4..<65_568)
                    #expect(sent == stream.count)
                }
            }
            if round > 0 { room.insert(buffer.bytes.count) }
        }
        #expect(room.count == 1)
        buffer.releaseSpareRoom()
        #expect(buffer.bytes.count == NDMPReceiveBuffer.idleRoomBytes)
    }

    @Test("the largest message comes through in one piece, and a byte more does not")
    func largest() throws {
        var buffer = NDMPReceiveBuffer()
        var rest = NDMPLimits.messageBytes
        let start = mark(rest, last: true)
        _ = buffer.withFreeSpace { space in
            for index in 0..<4 { space[index] = start[index] }
            return 4
        }
        var found: Range<Int>?
        while found == nil, rest > 0 {
            found = try buffer.nextMessage()
            rest -= buffer.withFreeSpace { space in min(space.count, rest) }
        }
        #expect(try buffer.nextMessage() == 0..<NDMPLimits.messageBytes)
        #expect(buffer.bytes.count < 3 * NDMPLimits.messageBytes)
        #expect(throws: RecordMarkError.self) {
            _ = try messages(in: mark(NDMPLimits.messageBytes + 1, last: true)) { _ in 4 }
        }
    }

    @Test("TAPE_READ's payload is written in place behind the header", arguments: [0, 1, 4, 5, 65_536])
    func tapeRead(count: Int) throws {
        var request = NDMPHeader(request: .tapeRead, sequence: 7, timeStamp: 1)
        request.sequence = 7
        var buffer = NDMPSendBuffer()
        buffer.append(NDMPHeader(request: .tapeClose, sequence: 1, timeStamp: 2))
        let header = NDMPHeader(replyTo: request, sequence: 9, timeStamp: 3)
        let record = Self.pattern(count)
        buffer.appendTapeRead(header, capacity: 65_536, version: 4) { room in
            for index in 0..<65_536 { room[index] = 0xee }
            for index in record.indices { room[index] = record[index] }
            return (.noError, count)
        }
        let padding = Array(repeating: UInt8(0), count: (4 - count % 4) % 4)
        let expected: [UInt8] =
            mark(24, last: true)
            + [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0]
            + mark(32 + count + padding.count, last: true)
            + [0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 3, 5, 0, 0, 0, 7, 0, 0, 0, 0]
            + [0, 0, 0, 0] + mark(count, last: false) + record + padding
        #expect(Array(buffer.bytes[buffer.pending]) == expected)
        buffer.sent(10)
        #expect(Array(buffer.bytes[buffer.pending]) == Array(expected[10...]))
        buffer.sent(expected.count - 10)
        #expect(buffer.isEmpty)
    }

    @Test("an error in TAPE_READ is what the version knows, with an empty record")
    func tapeReadError() throws {
        var buffer = NDMPSendBuffer()
        let header = NDMPHeader(request: .tapeRead, sequence: 1, timeStamp: 0)
        buffer.appendTapeRead(header, capacity: 100, version: 3) { _ in (.precondition, 0) }
        #expect(buffer.bytes[buffer.pending].suffix(8) == [0, 0, 0, 19, 0, 0, 0, 0])
        #expect(buffer.pending.count == 36)
    }

    @Test("a body that cannot be encoded leaves the send buffer as it was")
    func refusedBody() {
        var buffer = NDMPSendBuffer()
        buffer.append(NDMPHeader(request: .moverStop, sequence: 1, timeStamp: 0))
        let before = Array(buffer.bytes[buffer.pending])
        let body = LogTextPost(entry: XDRString(bytes: Array(repeating: 0x61, count: NDMPLimits.textBytes + 1)))
        let header = NDMPHeader(request: .logText, sequence: 2, timeStamp: 0)
        #expect(throws: XDRError.self) { try buffer.append(header, body, version: 2) }
        #expect(Array(buffer.bytes[buffer.pending]) == before)
    }

    @Test("an address of unknown type is kept and what follows is not read", arguments: 2...4)
    func unknownAddress(version: Int) throws {
        var reader = XDRReader([0, 0, 0, 1, 0, 0, 0, 123, 1, 2, 3], version: version)
        let request = try reader.decode(MoverConnectRequest.self)
        #expect(request.mode == .write)
        #expect(request.address == .unknown(AddressType(rawValue: 123)))
        var backup = XDRReader([0, 0, 0, 123], version: 2)
        #expect(try backup.decode(DataStartBackupRequest.self).moverAddress.type.rawValue == 123)
        var auth = XDRReader([0, 0, 0, 9], version: version)
        #expect(try auth.decode(ConnectClientAuthRequest.self).auth == .unknown(AuthType(rawValue: 9)))
    }

    @Test("Fibre Channel is an address in v3 only")
    func fibreChannel() throws {
        let bytes: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 5]
        var third = XDRReader(bytes, version: 3)
        #expect(try third.decode(DataAddress.self) == .fibreChannel(loopID: 5))
        var fourth = XDRReader(bytes, version: 4)
        #expect(try fourth.decode(DataAddress.self) == .unknown(.fibreChannel))
    }
}
