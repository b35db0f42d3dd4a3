// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import Testing

@testable import capstan

@Suite("Configuration: flag before environment before file before default")
struct ConfigurationTests {
    private func configuration(
        flags: [String: String] = [:],
        environment: [String: String] = [:],
        file: String = ""
    ) throws(APIError) -> ServeConfiguration {
        let values = SettingValues(
            flags: flags,
            environment: environment,
            file: try ConfigurationFile.parse(file, path: "c.yaml")
        )
        return try ServeConfiguration(values, environment: environment, workingDirectory: "/home/a", user: 7)
    }

    private func failure(_ body: () throws(APIError) -> Void) -> APIError? {
        do throws(APIError) {
            try body()
            return nil
        } catch { return error }
    }

    /// The code that such a configuration is refused with; nil when it is taken.
    private func refusal(flags: [String: String] = [:], file: String = "") -> ErrorCode? {
        failure { () throws(APIError) in _ = try configuration(flags: flags, file: file) }?.code
    }

    @Test("with nothing said the daemon is the documented one")
    func defaults() throws {
        let configuration = try configuration()
        #expect(configuration.store == "/home/a/capstan-data")
        #expect(configuration.http == nil)
        #expect(configuration.ndmp.listen == [.init(host: "127.0.0.1", port: 10000)])
        #expect(configuration.ndmp.users == [.init(name: "ndmp", password: "ndmp")])
        #expect(configuration.ndmp.settings.dataPorts == nil)
        #expect(!configuration.ndmp.allowsNoAuthentication)
        #expect(configuration.layout.isEmpty)
    }

    @Test("each source wins over the next")
    func precedence() throws {
        let file = "ndmp:\n  listen: 127.0.0.1:3\n  data-ports: 100-200\nstore: /file\n"
        let environment = ["CAPSTAN_NDMP": "127.0.0.1:2", "CAPSTAN_STORE": "/environment"]
        let flags = ["ndmp": "127.0.0.1:1"]
        #expect(try configuration(flags: flags, environment: environment, file: file).ndmp.listen[0].port == 1)
        #expect(try configuration(environment: environment, file: file).ndmp.listen[0].port == 2)
        #expect(try configuration(environment: environment, file: file).store == "/environment")
        #expect(try configuration(file: file).ndmp.listen[0].port == 3)
        #expect(try configuration(file: file).ndmp.settings.dataPorts == 100...200)
        #expect(try configuration(file: file).store == "/file")
    }

    @Test("an unknown key names its line and what was meant")
    func unknownKey() {
        let error = failure { () throws(APIError) in _ = try configuration(file: "store: x\nndmp:\n  data-port: 1\n") }
        #expect(error?.message == "c.yaml, line 3: there is no setting \"ndmp.data-port\"")
        #expect(error?.hint == "did you mean ndmp.data-ports?")
    }

    @Test("a value that makes no sense names where it was set")
    func wrongValue() {
        let fromFile = failure { () throws(APIError) in _ = try configuration(file: "ndmp:\n  sessions: many\n") }
        #expect(fromFile?.hint == "it was set by c.yaml, line 2")
        let fromFlag = failure { () throws(APIError) in _ = try configuration(flags: ["ndmp": "nowhere"]) }
        #expect(fromFlag?.hint == "it was set by --ndmp")
        #expect(refusal(flags: ["ndmp-data-ports": "9-5"]) == .invalid)
        #expect(refusal(file: "a: [") == .invalid)
        #expect(refusal(file: "- a\n- b\n") == .invalid)
    }

    @Test("elsewhere than loopback the default password is refused, another is taken")
    func exposure() throws {
        let open = ["ndmp": "0.0.0.0:10000"]
        #expect(refusal(flags: open) == .refused)
        let own = try configuration(flags: open, environment: ["CAPSTAN_NDMP_PASSWORD": "s3cret"])
        #expect(own.ndmp.users[0].password == "s3cret")
        #expect(refusal(flags: ["http": "0.0.0.0:80"]) == .refused)
        #expect(try configuration(flags: ["http": "[::1]:0"]).http == Endpoint(host: "::1", port: 0))
    }

    @Test(
        "endpoints",
        arguments: [
            ("127.0.0.1:1", "127.0.0.1"), ("[::1]:1", "::1"), ("localhost:1", "localhost"), (":1", ""),
            ("127.0.0.1", nil), ("::1:1", nil), ("a:99999", nil), ("a b:1", nil), ("[x]:1", nil), ("a:-1", nil),
        ] as [(String, String?)]
    )
    func endpoints(text: String, host: String?) { #expect(Endpoint(text)?.host == host) }

    @Test("--ephemeral and --store exclude each other, but a configured store gives way")
    func ephemeral() throws {
        let both = ["ephemeral": "true", "store": "/s"]
        #expect(refusal(flags: both) == .invalid)
        #expect(try configuration(flags: ["ephemeral": "true"], file: "store: /s\n").store == nil)
    }

    @Test("keys, flags and variables are each used once, and serve has a flag for every setting")
    func table() throws {
        let all = Settings.all
        #expect(Set(all.map(\.key)).count == all.count)
        #expect(Set(all.map(\.environment)).count == all.count)
        for setting in all {
            let arguments = setting.kind == .flag ? ["--" + setting.flag] : ["--" + setting.flag, "1"]
            #expect(try ServeCommand.parse(arguments).flags[setting.flag] != nil, "\(setting.flag)")
        }
    }

    @Test("the example configuration is valid")
    func example() throws {
        let text = try String(contentsOf: Repository.file("Config/capstan.yaml"), encoding: .utf8)
        _ = try configuration(file: text)
        // Every setting stands in it, most of them commented out.
        for setting in Settings.all {
            let last = setting.key.split(separator: ".").last.map(String.init) ?? setting.key
            #expect(text.contains(last + ":"), "\(setting.key) is missing")
        }
    }

    @Test("what is said about the library is laid over what the store says")
    func layout() throws {
        let configuration = try configuration(flags: ["drives": "2", "cartridge-capacity": "64MiB"])
        let applied = configuration.layout.applied(to: .init())
        #expect(applied.drives == 2)
        #expect(applied.slots == 24)
        #expect(applied.cartridges.capacityBytes == 64 << 20)
        let few = try self.configuration(flags: ["slots": "4"]).layout.applied(to: .init())
        #expect(few.cartridges.count == 4)
    }
}

/// Files of the repository that tests compare with.
enum Repository {
    static func file(_ path: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: path)
    }
}
