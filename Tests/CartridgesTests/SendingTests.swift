// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

/// Two ends of a local stream socket.
private final class SocketPair {
    let sender: Int32
    let receiver: Int32

    init(nonblocking: Bool = false) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw SimulationFailure(description: "socketpair: \(errno)")
        }
        (sender, receiver) = (ends[0], ends[1])
        if nonblocking { _ = fcntl(sender, F_SETFL, O_NONBLOCK) }
    }

    deinit {
        close(sender)
        close(receiver)
    }

    /// What has arrived, without waiting.
    func received() -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = recv(receiver, &part, part.count, Int32(MSG_DONTWAIT))
            if got <= 0 { return bytes }
            bytes += part[..<got]
        }
    }
}

@Suite("Sending records to a socket")
struct SendingTests {
    private let directory: TemporaryDirectory
    private let cartridge: Cartridge
    private let buffer = AlignedBuffer(count: 16 << 10)

    /// 40 records of 1,000 bytes, a filemark, 3 records of 10 bytes, one of 100,000 bytes; on a real disk.
    init() throws {
        directory = try TemporaryDirectory()
        let path = directory.path + "/SEND01L8"
        let disk = POSIXDisk()
        try Cartridge.create(
            at: path,
            on: disk,
            CartridgeSpecification(barcode: "SEND01L8", capacity: .mebibytes(4))
        )
        cartridge = try Cartridge(opening: path, on: disk, access: .readWrite)
        for first in UInt8(0)..<40 { try cartridge.append(pattern(1000, first)) }
        try cartridge.appendFilemarks()
        for first in UInt8(0)..<3 { try cartridge.append(pattern(10, first)) }
        try cartridge.append(pattern(100_000, 5))
    }

    private func send(
        _ address: UInt64,
        skip: Int = 0,
        _ maximum: Int,
        _ sockets: SocketPair
    ) throws(CartridgeError) -> SentRecords {
        try cartridge.sendRecords(
            from: BlockAddress(address),
            skippingBytes: skip,
            partition: 0,
            maximumBytes: maximum,
            toSocket: sockets.sender,
            verifyBuffer: buffer
        )
    }

    private var firstFile: [UInt8] { (UInt8(0)..<40).flatMap { pattern(1000, $0) } }

    @Test("Records go out until a filemark, another length or the end of data")
    func stops() throws {
        let sockets = try SocketPair()
        let first = try send(0, 1 << 20, sockets)
        #expect(first.records == 40 && first.bytes == 40_000 && first.recordLength == 1000)
        #expect(first.stop == .filemark && first.bytesIntoRecord == 0)
        #expect(sockets.received() == firstFile)
        let second = try send(41, 1 << 20, sockets)
        #expect(second.records == 3 && second.bytes == 30 && second.stop == .otherLength)
        #expect(sockets.received() == (UInt8(0)..<3).flatMap { pattern(10, $0) })
        // Larger than the verify buffer.
        let third = try send(44, 1 << 20, sockets)
        #expect(third.records == 1 && third.bytes == 100_000 && third.stop == .endOfData)
        #expect(sockets.received() == pattern(100_000, 5))
        let nothing = try send(40, 1 << 20, sockets)
        #expect(nothing.records == 0 && nothing.bytes == 0 && nothing.stop == .filemark)
        #expect(try send(45, 1 << 20, sockets).stop == .endOfData)
    }

    @Test("The limit of bytes may lie inside a record, and sending goes on from there")
    func limit() throws {
        let sockets = try SocketPair()
        let first = try send(3, 2500, sockets)
        #expect(first.records == 2 && first.bytes == 2500 && first.bytesIntoRecord == 500)
        #expect(first.stop == .maximumBytes)
        let rest = try send(5, skip: 500, 1500, sockets)
        #expect(rest.records == 2 && rest.bytes == 1500 && rest.bytesIntoRecord == 0)
        #expect(sockets.received() == Array(firstFile[3000..<7000]))
        #expect(throws: CartridgeError.self) { try send(0, skip: 1000, 10, sockets) }
    }

    @Test("A full non-blocking socket stops the run, which continues where it was")
    func nonblocking() throws {
        let sockets = try SocketPair(nonblocking: true)
        var size: Int32 = 4096
        setsockopt(sockets.sender, SOL_SOCKET, SO_SNDBUF, &size, 4)
        var arrived: [UInt8] = []
        var address: UInt64 = 0
        var into = 0
        var stops = 0
        while true {
            let sent = try send(address, skip: into, 1 << 20, sockets)
            address += UInt64(sent.records)
            into = sent.bytesIntoRecord
            arrived += sockets.received()
            if sent.stop == .filemark { break }
            #expect(sent.stop == .socketFull)
            stops += 1
            guard stops < 10_000 else { throw SimulationFailure(description: "no progress") }
        }
        #expect(stops > 1)
        #expect(address == 40 && into == 0)
        #expect(arrived == firstFile)
    }

    @Test("Not one byte of a damaged record leaves; the records before it do")
    func damaged() throws {
        let file = try POSIXDisk().open(cartridge.directory + "/p0.data", .readWrite)
        try file.write([0xFF].span, at: 20_500)
        let sockets = try SocketPair()
        // The buffer holds 16 records, so that the damage is in the second run here and in the first there.
        for (address, records) in [(UInt64(0), 20), (10, 10)] {
            let sent = try send(address, 1 << 20, sockets)
            #expect(sent.records == records && sent.bytes == records * 1000 && sent.stop == .interrupted)
            #expect(sockets.received() == Array(firstFile[Int(address) * 1000..<20_000]))
        }
        #expect(throws: CartridgeError.corruptRecord(partition: 0, address: BlockAddress(20))) {
            _ = try send(20, 1 << 20, sockets)
        }
        #expect(try send(10, 10_000, sockets).records == 10)
        #expect(sockets.received() == Array(firstFile[10_000..<20_000]))
    }

    @Test("A record that is overwritten between two calls is verified anew")
    func overwritten() throws {
        let sockets = try SocketPair()
        _ = try send(0, 500, sockets)
        try cartridge.writeRecord(pattern(1000, 99).span, at: .zero, partition: 0)
        let sent = try send(0, 5000, sockets)
        #expect(sent.records == 1 && sent.stop == .endOfData)
        #expect(sockets.received() == pattern(500, 0) + pattern(1000, 99))
    }

    @Test("What is on its way arrives as it was, whatever happens on the tape meanwhile", arguments: [false, true])
    func inFlight(reopened: Bool) throws {
        let sockets = try SocketPair()
        #expect(try send(0, 1 << 20, sockets).records == 40)
        var writer = cartridge
        if reopened {
            try cartridge.close()
            writer = try Cartridge(opening: cartridge.directory, on: POSIXDisk(), access: .readWrite)
        }
        let run = [UInt8](repeating: 0xEE, count: 30_000)
        // In the middle of a page, then erased at another place, then from the beginning.
        _ = try writer.writeRecords(run.span, recordLength: 1000, at: BlockAddress(13), partition: 0)
        try writer.truncate(at: BlockAddress(7), partition: 0)
        _ = try writer.writeRecords(run.span, recordLength: 1000, at: BlockAddress(7), partition: 0)
        _ = try writer.writeRecords(run.span, recordLength: 1000, at: .zero, partition: 0)
        try writer.synchronize()
        #expect(sockets.received() == firstFile)
        #expect(try writer.bytes(at: 29) == Array(run.prefix(1000)))
        try writer.close()
    }

    @Test("A cartridge that is open for reading is sent to a non-blocking socket as well")
    func readOnly() throws {
        try cartridge.close()
        let reader = try Cartridge(opening: cartridge.directory, on: POSIXDisk(), access: .readOnly)
        let sockets = try SocketPair(nonblocking: true)
        var arrived: [UInt8] = []
        for (address, records) in [(UInt64(0), 40), (41, 3), (44, 1)] {
            var sent = SentRecords()
            var done = 0
            repeat {
                sent = try reader.sendRecords(
                    from: BlockAddress(address + UInt64(done)),
                    skippingBytes: sent.bytesIntoRecord,
                    partition: 0,
                    maximumBytes: 1 << 20,
                    toSocket: sockets.sender,
                    verifyBuffer: buffer
                )
                done += sent.records
                arrived += sockets.received()
            } while sent.stop == .socketFull
            #expect(done == records)
        }
        #expect(arrived == firstFile + (UInt8(0)..<3).flatMap { pattern(10, $0) } + pattern(100_000, 5))
    }

    @Test("A receiver that went away is an error of the connection, not of the disk")
    func connectionLost() throws {
        let sockets = try SocketPair()
        shutdown(sockets.receiver, Int32(SHUT_RDWR))
        #expect(throws: CartridgeError.connection(code: EPIPE)) { _ = try send(0, 1000, sockets) }
    }
}
