// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing
import WireFormat

@testable import NDMPServer

private func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).compactMap {
        UInt8(hex.dropFirst($0).prefix(2), radix: 16)
    }
}

private func authenticator(
    password: String = "ndmp",
    none: Bool = false,
    loopback: Bool = true
) -> Authenticator {
    var configuration = NDMPConfiguration()
    configuration.users = [NDMPUser(name: "ndmp", password: password)]
    configuration.allowsNoAuthentication = none
    return Authenticator(configuration, peerIsLoopback: loopback)
}

private func header(_ code: UInt32, type: NDMPMessageType = .request) -> NDMPHeader {
    var header = NDMPHeader()
    header.sequence = 1
    header.code = code
    header.messageType = type
    return header
}

@Suite("Authentication")
struct AuthenticatorTests {
    private static let counting = (0..<64).map { UInt8($0) }

    /// Computed with other tools from the published rule; the last one was taken from a real exchange.
    @Test(
        "MD5 digests agree with the vectors",
        arguments: [
            ("a", counting, "8274af73e91ea5258d4272d889e280d9"),
            ("NdMp-1234", counting, "ee0cf93be118dfbe919375ef4b626c82"),
            (String(repeating: "x", count: 32), counting, "00fe04d56641bb6edbc3b5ddb73a1822"),
            ("correct horse battery staple, a long one", counting, "9950a320b3864e220cc42ad195d52a71"),
            (
                "ndmp",
                bytes(
                    "b3511e9de70dc0944b6c7c7834b1f9135d149f9ce843ae63e1c6e13e64979025"
                        + "934ff941a53f518fc134db0089ce66b9020478d1482ca1862be3562e6b0b5104"
                ),
                "720780ccea3f673800299ce664428e80"
            ),
        ]
    )
    func digests(password: String, challenge: [UInt8], digest: String) {
        let who = authenticator(password: password)
        let right = AuthData.md5(user: "ndmp", digest: bytes(digest))
        #expect(who.verdict(right, challenge: challenge) == .noError)
        #expect(who.verdict(right, challenge: nil) == .notAuthorized)
        #expect(who.verdict(right, challenge: challenge.reversed()) == .notAuthorized)
        #expect(who.verdict(.md5(user: "other", digest: bytes(digest)), challenge: challenge) == .notAuthorized)
    }

    @Test("An empty password lets nobody in")
    func emptyPassword() {
        let who = authenticator(password: "")
        #expect(who.verdict(.text(user: "ndmp", password: ""), challenge: nil) == .notAuthorized)
        let digest = AuthData.md5(user: "ndmp", digest: [UInt8](repeating: 0, count: 16))
        #expect(who.verdict(digest, challenge: Self.counting) == .notAuthorized)
    }

    @Test("Text passwords are compared as a whole")
    func text() {
        let who = authenticator()
        #expect(who.verdict(.text(user: "ndmp", password: "ndmp"), challenge: nil) == .noError)
        for wrong in ["", "n", "ndm", "ndmpx", "ndmpndmp", "Ndmp"] {
            #expect(who.verdict(.text(user: "ndmp", password: XDRString(wrong)), challenge: nil) == .notAuthorized)
        }
    }

    @Test("NONE is offered only when configured, and only to loopback")
    func none() {
        #expect(authenticator().verdict(.none, challenge: nil) == .illegalArguments)
        #expect(authenticator(none: true).verdict(.none, challenge: nil) == .noError)
        #expect(authenticator(none: true, loopback: false).verdict(.none, challenge: nil) == .illegalArguments)
        #expect(authenticator(none: true, loopback: false).methods == [.text, .md5])
        #expect(authenticator().verdict(.unknown(AuthType(rawValue: 7)), challenge: nil) == .illegalArguments)
    }
}

@Suite("Session machine")
struct SessionMachineTests {
    private func machine(announced: Int = 4) -> SessionMachine {
        SessionMachine(announcedVersion: announced, authenticator: authenticator())
    }

    @Test("CONNECT_OPEN takes any announced version once, and lower ones after a refusal")
    func open() {
        for version in 2...4 {
            var machine = machine()
            #expect(machine.open(version: 5) == .illegalArguments)
            #expect(machine.open(version: 1) == .illegalArguments)
            #expect(machine.agreedVersion == nil)
            #expect(machine.open(version: UInt16(version)) == .noError)
            #expect(machine.version == version)
            #expect(machine.open(version: UInt16(version)) == .illegalState)
        }
        var capped = machine(announced: 3)
        #expect(capped.open(version: 4) == .illegalArguments)
    }

    @Test("Any other first request accepts the announced version")
    func impliedVersion() {
        var machine = machine()
        guard case .handle = machine.admit(header(0x108)) else {
            Issue.record("CONFIG_GET_SERVER_INFO is allowed first")
            return
        }
        #expect(machine.agreedVersion == 4)
        #expect(machine.open(version: 4) == .illegalState)
    }

    @Test("Before authentication only the messages of the draft, and the host's name before v4, are allowed")
    func beforeAuthentication() {
        let allowed: [Int: Set<UInt32>] = [
            2: [0x100, 0x103, 0x900, 0x901],
            3: [0x100, 0x103, 0x108, 0x900, 0x901],
            4: [0x103, 0x108, 0x900, 0x901],
        ]
        for version in 2...4 {
            var machine = machine()
            _ = machine.open(version: UInt16(version))
            for code in NDMPMessageCode.allCases.map(\.rawValue) {
                guard let row = NDMPCatalogue.row(code, version: version), row.kind == .request else { continue }
                let admission = machine.admit(header(code))
                if allowed[version]?.contains(code) ?? false {
                    #expect(admission == .handle(row), "\(row.name) v\(version)")
                } else {
                    #expect(admission == .refuse(.notAuthorized), "\(row.name) v\(version)")
                }
            }
        }
    }

    @Test("After authentication every request of the version is admitted")
    func afterAuthentication() {
        for version in 2...4 {
            var machine = machine()
            _ = machine.open(version: UInt16(version))
            #expect(machine.authenticate(.text(user: "ndmp", password: "ndmp")) == .noError)
            #expect(machine.user == "ndmp")
            for row in NDMPCatalogue.rows where row.versions.contains(version) && row.kind == .request {
                #expect(machine.admit(header(row.code.rawValue)) == .handle(row))
            }
        }
    }

    @Test("Unknown messages and posts are NOT_SUPPORTED, replies are ignored, CLOSE ends")
    func others() {
        var machine = machine()
        for code: UInt32 in [0, 0x10b, 0x306, 0x502, 0x603, 0x703, 0xff00, .max] {
            #expect(machine.admit(header(code)) == .refuse(.notSupported))
        }
        #expect(machine.admit(header(0x100, type: .reply)) == .ignore)
        #expect(machine.admit(header(0x902)) == .close)
    }

    @Test("A failed attempt leaves an earlier success alone; too many wear the session out")
    func failedAttempts() {
        var machine = machine()
        #expect(machine.authenticate(.text(user: "ndmp", password: "ndmp")) == .noError)
        for _ in 0..<SessionMachine.maximumFailedAttempts {
            #expect(!machine.isWornOut)
            #expect(machine.authenticate(.text(user: "ndmp", password: "no")) == .notAuthorized)
        }
        #expect(machine.user == "ndmp")
        #expect(machine.isWornOut)
    }

    @Test("The challenge is that of the most recent request for MD5")
    func challenge() {
        var machine = machine()
        let first = [UInt8](repeating: 1, count: 64)
        let second = [UInt8](repeating: 2, count: 64)
        #expect(machine.attributes(of: .md5, fresh: first).challenge == .md5(challenge: first))
        #expect(machine.attributes(of: .md5, fresh: second).challenge == .md5(challenge: second))
        #expect(machine.attributes(of: .text, fresh: first).error == .noError)
        #expect(machine.challenge == second)
        #expect(machine.attributes(of: .none, fresh: first).error == .illegalArguments)
        #expect(machine.attributes(of: AuthType(rawValue: 9), fresh: first).error == .illegalArguments)
    }
}
