// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import capstan

@Suite("Doctor: ports in use, verdicts, addresses of servers")
struct DoctorTests {
    /// A process file system with one listener, one connection, and one that is gone.
    private func processes() throws -> String {
        let root = FileManager.default.temporaryDirectory.path + "/capstan-proc-\(UUID().uuidString.prefix(8))"
        let files = FileManager.default
        try files.createDirectory(atPath: root + "/net", withIntermediateDirectories: true)
        try files.createDirectory(atPath: root + "/4711/fd", withIntermediateDirectories: true)
        // Port 18600 (48A8) listens, 18601 is connected, 18602 is in TIME_WAIT.
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:48A8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 555 1 0 100 0 0 10 0
               1: 0100007F:48A9 0100007F:2710 01 00000000:00000000 00:00000000 00000000  1000        0 556 1 0 20 4 30 10 -1
               2: 0100007F:48AA 0100007F:2710 06 00000000:00000000 03:00000F00 00000000     0        0 0 3 0
            """
        try table.write(toFile: root + "/net/tcp", atomically: true, encoding: .utf8)
        try files.createSymbolicLink(atPath: root + "/4711/fd/7", withDestinationPath: "socket:[555]")
        try "backupd\n".write(toFile: root + "/4711/comm", atomically: true, encoding: .utf8)
        return root
    }

    @Test("a password without a user is refused, not ignored")
    func passwordAlone() throws {
        #expect(throws: (any Error).self) { try DoctorNDMPCommand.parse(["filer", "--password", "secret"]) }
        #expect(try DoctorNDMPCommand.parse(["filer", "--user", "ndmp", "--password", "secret"]).password == "secret")
        #expect(try DoctorNDMPCommand.parse(["filer"]).user == nil)
    }

    @Test("ports in use and who has them, as the kernel tells")
    func ports() throws {
        let root = try processes()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let table = PortTable(root: root)
        let used = table.inUse(18600...18609)
        #expect(used.map(\.port) == [18600, 18601])
        #expect(used.map(\.isListening) == [true, false])
        let owners = table.owners(of: [555, 556])
        #expect(owners[555]?.pid == 4711)
        #expect(owners[555]?.name == "backupd")
        #expect(owners[556] == nil)
    }

    @Test("the worst check is the verdict")
    func verdict() {
        typealias Check = DoctorReport.Check
        let ok = Check("a", .ok, "Fine.")
        let warning = Check("b", .warning, "Hm.")
        let problem = Check("c", .problem, "No.")
        #expect(DoctorReport(daemon: true, checks: [ok]).verdict == .ok)
        #expect(DoctorReport(daemon: true, checks: [ok, warning]).verdict == .warning)
        #expect(DoctorReport(daemon: true, checks: [warning, problem, ok]).verdict == .problem)
    }

    @Test("a server by name, by address, with and without a port")
    func endpoints() throws {
        #expect(try DoctorNDMPCommand.endpoint("filer") == Endpoint(host: "filer", port: 10000))
        #expect(try DoctorNDMPCommand.endpoint("filer:10001") == Endpoint(host: "filer", port: 10001))
        #expect(try DoctorNDMPCommand.endpoint("[::1]:7") == Endpoint(host: "::1", port: 7))
        #expect(try DoctorNDMPCommand.endpoint("[2001:db8::1]") == Endpoint(host: "2001:db8::1", port: 10000))
        #expect(try DoctorNDMPCommand.endpoint("2001:db8::1") == Endpoint(host: "2001:db8::1", port: 10000))
        #expect(throws: (any Error).self) { try DoctorNDMPCommand.endpoint("a b") }
        #expect(throws: (any Error).self) { try DoctorNDMPCommand.endpoint("filer:99999") }
    }
}
