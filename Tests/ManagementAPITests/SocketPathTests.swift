// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import Testing

@Suite("Where the socket is")
struct SocketPathTests {
    @Test("an explicit path is the only candidate, the environment comes next, then store and user")
    func order() {
        let environment = ["CAPSTAN_SOCKET": "/e.sock", "XDG_RUNTIME_DIR": "/run/user/7"]
        func candidates(_ explicit: String?, _ environment: [String: String]) -> [String] {
            SocketPath.candidates(explicit: explicit, environment: environment, workingDirectory: "/home/a", user: 7)
        }
        #expect(candidates("/x.sock", environment) == ["/x.sock"])
        #expect(candidates(nil, environment) == ["/e.sock"])
        #expect(
            candidates(nil, ["XDG_RUNTIME_DIR": "/run/user/7"]) == [
                "/home/a/capstan-data/capstan.sock", "/run/user/7/capstan/capstan.sock",
            ]
        )
        #expect(
            candidates(nil, ["CAPSTAN_STORE": "/srv/tapes"]) == [
                "/srv/tapes/capstan.sock", "/tmp/capstan-7/capstan.sock",
            ]
        )
    }

    @Test("a store whose path is too long has its socket in the user's directory, the same for everyone who asks")
    func longStore() {
        let store = "/" + String(repeating: "d", count: 100)
        let path = SocketPath.inStore(store, userDirectory: "/run/user/7/capstan")
        #expect(path.hasPrefix("/run/user/7/capstan/"))
        #expect(path.utf8.count <= 107)
        #expect(path == SocketPath.inStore(store, userDirectory: "/run/user/7/capstan"))
        #expect(path != SocketPath.inStore(store + "e", userDirectory: "/run/user/7/capstan"))
    }

    @Test("107 bytes are a path, 108 are an error that says so")
    func limit() {
        #expect(SocketPath.problem(with: "/" + String(repeating: "s", count: 106)) == nil)
        let problem = SocketPath.problem(with: "/" + String(repeating: "s", count: 107))
        #expect(problem?.code == .invalid)
        #expect(problem?.message.contains("108 bytes") ?? false)
    }

    @Test("relative paths become absolute by name")
    func absolute() {
        #expect(SocketPath.absolute("./a/../b", from: "/home/x") == "/home/x/b")
        #expect(SocketPath.absolute("/a//b/.", from: "/home/x") == "/a/b")
        #expect(SocketPath.absolute("../../..", from: "/home/x") == "/")
    }

    @Test("a directory that others may write to is nobody's own")
    func privacy() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/private-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(SocketPath.isPrivate(directory))
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory)
        #expect(!SocketPath.isPrivate(directory))
        #expect(!SocketPath.isPrivate(directory + "/none"))
    }

    @Test("where nobody listens the client says how to start a daemon")
    func noDaemon() async {
        let client = ManagementClient(socket: "/nonexistent/capstan.sock")
        await #expect(throws: APIError.self) { try await client.get(APIPath.status, as: StatusReport.self) }
        do throws(APIError) {
            _ = try await client.get(APIPath.status, as: StatusReport.self)
        } catch {
            #expect(error.code == .noDaemon)
            #expect(error.message == "no capstan daemon answers at /nonexistent/capstan.sock")
            #expect(error.hint?.contains("capstan serve") ?? false)
        }
    }
}
