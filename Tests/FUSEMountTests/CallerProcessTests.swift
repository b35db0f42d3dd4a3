// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Foundation
import Glibc
import Synchronization
import TapeFiles
import Testing

@testable import FUSEMount

@Suite("The caller's memory and system call")
struct CallerProcessTests {
    /// This process itself, as a thread that waits would be seen.
    private let own = CallerProcess(identity: CallerIdentity(thread: capstan_gettid(), user: getuid(), group: getgid()))

    @Test("bytes are read from where the caller keeps them, and stored there")
    func memory() throws {
        let room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 20_000)
        defer { room.deallocate() }
        for index in room.indices { room[index] = UInt8(truncatingIfNeeded: index * 7) }
        let address = UInt64(UInt(bitPattern: room.baseAddress))
        #expect(try own.read(20_000, at: address) == Array(room))
        #expect(try own.read(3, at: address + 5) == Array(room[5..<8]))
        #expect(try own.read(0, at: address) == [])
        let bytes = [UInt8](repeating: 0xA5, count: 9000)
        try own.write(bytes.span, at: address + 100)
        #expect(Array(room[100..<9100]) == bytes)
        #expect(room[99] == UInt8(truncatingIfNeeded: 99 * 7))
        #expect(room[9100] == UInt8(truncatingIfNeeded: 9100 * 7))
    }

    @Test("memory that is not there, or only in part, is EFAULT")
    func faults() throws {
        #expect(throws: FileError(EFAULT)) { _ = try own.read(8, at: 0) }
        #expect(throws: FileError(EFAULT)) { _ = try own.read(8, at: .max - 100) }
        #expect(throws: FileError(EFAULT)) { _ = try own.read(200, at: .max - 100) }
        let page = 4096
        let pages = try #require(mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        #expect(munmap(pages + page, page) == 0)
        defer { munmap(pages, page) }
        let address = UInt64(UInt(bitPattern: pages))
        #expect(try own.read(page, at: address).count == page)
        #expect(throws: FileError(EFAULT)) { _ = try own.read(page + 1, at: address) }
        #expect(throws: FileError(EFAULT)) {
            let two: [UInt8] = [1, 2]
            try own.write(two.span, at: address + UInt64(page) - 1)
        }
    }

    @Test("sizes beyond the limit, or below nothing, are refused before any memory is taken")
    func sizes() {
        for count in [-1, MountLimits.callerBytes + 1, Int.max, Int.min] {
            do {
                _ = try own.read(count, at: 4096)
                Issue.record("\(count) bytes were read")
            } catch {
                #expect(error.code == EINVAL)
                #expect(error.reason.contains("16 MiB"))
            }
        }
    }

    @Test("a caller in a namespace that cannot be seen is told so, and so is one that is gone")
    func absent() {
        let hidden = CallerProcess(identity: CallerIdentity(thread: 0))
        do {
            _ = try hidden.read(1, at: 4096)
            Issue.record("it was read")
        } catch {
            #expect(error.code == EPERM)
            #expect(error.reason.contains("namespace"))
        }
        #expect(hidden.requestedBytes() == nil)
        let gone = CallerProcess(identity: CallerIdentity(thread: Int32.max))
        #expect(throws: FileError(ESRCH)) { _ = try gone.read(1, at: 4096) }
        #expect(gone.requestedBytes() == nil)
    }

    @Test("a thread that waits in read(2) or readv(2) tells how much it asked for")
    func requested() throws {
        for vector in [false, true] {
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            let thread = Atomic<Int32>(0)
            let source = ends[0]
            let reader = Thread {
                let room = UnsafeMutableRawPointer.allocate(byteCount: 2 << 20, alignment: 4096)
                thread.store(capstan_gettid(), ordering: .releasing)
                if vector {
                    var parts = [
                        iovec(iov_base: room, iov_len: 1 << 20), iovec(iov_base: room + (1 << 20), iov_len: 777),
                    ]
                    _ = readv(source, &parts, 2)
                } else {
                    _ = read(source, room, 1_234_567)
                }
                room.deallocate()
                thread.store(0, ordering: .releasing)
            }
            reader.start()
            let expected: UInt64 = vector ? (1 << 20) + 777 : 1_234_567
            var told: UInt64?
            let end = Date().addingTimeInterval(10)
            while told != expected, Date() < end {
                let number = thread.load(ordering: .acquiring)
                if number != 0 {
                    told = CallerProcess(identity: CallerIdentity(thread: number)).requestedBytes()
                }
                usleep(1000)
            }
            #expect(told == expected)
            close(ends[1])
            while thread.load(ordering: .acquiring) != 0, Date() < end { usleep(1000) }
            close(ends[0])
        }
    }
}
