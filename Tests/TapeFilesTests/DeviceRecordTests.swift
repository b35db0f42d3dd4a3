// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Testing

@testable import TapeFiles

/// read(2), write(2) and close(2) of nst and st: Linux's Documentation/scsi/st.rst and st(4).
@Suite("tape device: records")
struct DeviceRecordTests {
    @Test("one write is one record, one read gives one, a shorter one as it is")
    func records() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        #expect(try tape.write(1, 512) == 512)
        #expect(try tape.write(2, 65_536) == 65_536)
        #expect(try tape.write(3, 1) == 1)
        try tape.operate(6)
        #expect(try tape.read(65_536) == [UInt8](repeating: 1, count: 512))
        #expect(try tape.read(65_536) == [UInt8](repeating: 2, count: 65_536))
        #expect(try tape.read(10) == [3])
    }

    @Test("a filemark reads as 0, the end of the data as 0 again, then EIO")
    func ends() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 100)
        try tape.operate(5, 1)
        _ = try tape.write(2, 200)
        try tape.close()
        let again = try bench.tape()
        try again.operate(6)
        #expect(try again.read(1000).count == 100)
        #expect(try again.read(1000) == [])
        #expect(try again.read(1000).count == 200)
        #expect(try again.read(1000) == [])
        #expect(try again.read(1000) == [])
        #expect(code { _ = try again.read(1000) } == EIO)
        #expect(code { _ = try again.read(1000) } == EIO)
    }

    @Test("a blank tape reads as EIO at once")
    func blank() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        #expect(code { _ = try tape.read(1000) } == EIO)
    }

    @Test("a record longer than the buffer is ENOMEM and is passed over")
    func tooLong() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 1000)
        _ = try tape.write(2, 10)
        try tape.operate(6)
        #expect(code { _ = try tape.read(999) } == ENOMEM)
        #expect(try tape.read(999) == [UInt8](repeating: 2, count: 10))
    }

    @Test("closing nst after a write leaves one filemark and stays behind it")
    func filemarkOnClose() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 100)
        try tape.close()
        let again = try bench.tape()
        let status = try again.status()
        #expect(status.file == 1)
        #expect(status.block == 0)
        #expect(try again.tell() == 2)
        try again.close()
        // Nothing was written: no further mark.
        let third = try bench.tape()
        #expect(try third.tell() == 2)
    }

    @Test("closing st after a write leaves one filemark and rewinds")
    func rewindOnClose() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape(rewinds: true)
        _ = try tape.write(1, 100)
        try tape.close()
        let again = try bench.tape()
        #expect(try again.tell() == 0)
        #expect(try again.read(200).count == 100)
        #expect(try again.read(200) == [])
        #expect(try again.read(200) == [])
        #expect(code { _ = try again.read(200) } == EIO)
    }
}
