// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import ManagementAPI
import NDMPServer
import Testing

@testable import capstan

@Suite("NDMP settings: words of the command line, of the file, and warnings")
struct NDMPSettingsTests {
    private func configuration(_ flags: [String: String], file: String = "") throws(APIError) -> ServeConfiguration {
        let values = SettingValues(
            flags: flags,
            environment: [:],
            file: try ConfigurationFile.parse(file, path: "c.yaml")
        )
        return try ServeConfiguration(values, environment: [:], workingDirectory: "/home/a", user: 7)
    }

    private func refusal(_ words: String...) -> APIError? {
        do throws(APIError) {
            _ = try NDMPChange.request(words, workingDirectory: "/home/a")
            return nil
        } catch { return error }
    }

    // MARK: serve

    @Test("exports: several, read-only ones, relative to where the program was started")
    func exports() throws {
        let settings = try configuration(["export": "/srv/data,photos:ro,/x:rw"]).ndmp.settings
        #expect(
            settings.exports.list == [
                Export(path: "/srv/data", isWritable: true), Export(path: "/home/a/photos", isWritable: false),
                Export(path: "/x", isWritable: true),
            ]
        )
        let listed = try configuration([:], file: "ndmp:\n  exports:\n    - /a\n    - /b:ro\n").ndmp.settings
        #expect(listed.exports.list.map(\.path) == ["/a", "/b"])
    }

    @Test("an export that is listed twice is refused, and the origin is named")
    func doubleExport() {
        do throws(APIError) {
            _ = try configuration(["export": "/a,/a/"])
            Issue.record("it was taken")
        } catch {
            #expect(error.code == .invalid)
            #expect(error.hint?.contains("--export") == true)
        }
    }

    @Test("ports, policy, interface and timeouts of data connections")
    func connections() throws {
        let settings = try configuration([
            "ndmp-data-connect-ports": "700-800", "ndmp-data-port-policy": "fail", "ndmp-data-interface": "eth0",
            "ndmp-connect-timeout": "3", "ndmp-sessions": "9",
        ]).ndmp.settings
        #expect(settings.connectPorts == 700...800)
        #expect(settings.portPolicy == .fail)
        #expect(settings.dataInterface == "eth0")
        #expect(settings.connectTimeoutSeconds == 3)
        #expect(settings.maximumSessions == 9)
        #expect(throws: APIError.self) { try configuration(["ndmp-data-port-policy": "skip"]) }
        #expect(throws: APIError.self) { try configuration(["ndmp-connect-timeout": "0"]) }
    }

    // MARK: ndmp set

    @Test("several changes at once")
    func changes() throws {
        let request = try NDMPChange.request(
            [
                "data-ports=18600-18699", "connect-ports=any", "port-policy=fail", "advertise=192.0.2.1,192.0.2.2",
                "interface=auto", "accept-timeout=0", "connect-timeout=5", "sessions=40", "exports=/a,b:ro",
            ],
            workingDirectory: "/home/a"
        )
        #expect(
            request
                == ChangeNDMPSettingsRequest(
                    dataPorts: "18600-18699",
                    connectPorts: "any",
                    portPolicy: "fail",
                    advertisedAddresses: ["192.0.2.1", "192.0.2.2"],
                    interface: "",
                    acceptTimeoutSeconds: 0,
                    connectTimeoutSeconds: 5,
                    maximumSessions: 40,
                    exports: [
                        ExportReport(path: "/a", writable: true), ExportReport(path: "/home/a/b", writable: false),
                    ]
                )
        )
        let cleared = try NDMPChange.request(["exports=none", "advertise=auto"], workingDirectory: "/")
        #expect(cleared.exports == [])
        #expect(cleared.advertisedAddresses == [])
    }

    @Test("what makes no sense is refused before anything is sent")
    func refusals() {
        #expect(refusal()?.message == "nothing to change")
        #expect(refusal("data-ports")?.message.contains("KEY=VALUE") == true)
        #expect(refusal("ports=1-2")?.hint?.contains("data-ports") == true)
        #expect(refusal("data-ports=9-1") != nil)
        #expect(refusal("data-ports=1-70000") != nil)
        #expect(refusal("port-policy=skip") != nil)
        #expect(refusal("advertise=example.org") != nil)
        #expect(refusal("sessions=many") != nil)
        #expect(refusal("sessions=1", "sessions=2")?.message.contains("twice") == true)
    }

    // MARK: Warnings

    private func warnings(
        _ settings: NDMPSettings,
        listeners: [PortWarnings.Listener] = [.init(name: "NDMP", port: 10000)],
        reserved: [ClosedRange<UInt16>] = []
    ) -> [String] {
        PortWarnings(
            settings: settings,
            surroundings: .init(
                listeners: listeners,
                drives: 4,
                interfaces: [("lo", "127.0.0.1"), ("eth0", "192.0.2.7")],
                ephemeral: 32768...60999,
                reserved: reserved,
                canRead: { $0 != "/gone" },
                canWrite: { $0 != "/fixed" }
            )
        ).sentences()
    }

    @Test("a range with room for every session, away from all others, has no warning")
    func quiet() {
        #expect(warnings(NDMPSettings(dataPorts: 18600...18699, maximumSessions: 100)).isEmpty)
        #expect(warnings(NDMPSettings()).isEmpty)
    }

    @Test("too small for the drives, or for the sessions")
    func size() {
        let drives = warnings(NDMPSettings(dataPorts: 18600...18602, maximumSessions: 3))
        #expect(drives.count == 1 && drives[0].contains("fewer than the 4 drives"))
        let sessions = warnings(NDMPSettings(dataPorts: 18600...18609, maximumSessions: 11))
        #expect(sessions.count == 1 && sessions[0].contains("10 ports for up to 11 sessions"))
    }

    @Test("our own listeners and the ports of backup products")
    func overlaps() {
        let own = warnings(NDMPSettings(dataPorts: 9990...10019, maximumSessions: 20))
        #expect(own.count == 1 && own[0].contains("port 10000, which NDMP of this daemon listens on"))
        let elsewhere = [PortWarnings.Listener(name: "NDMP", port: 20000)]
        let products = warnings(NDMPSettings(dataPorts: 10000...10110, maximumSessions: 20), listeners: elsewhere)
        #expect(products.map { $0.contains("which belongs to") } == [true, true, true])
        for port in ["10000", "10082", "10102"] { #expect(products.contains { $0.contains("port \(port),") }) }
        let older = warnings(NDMPSettings(dataPorts: 13700...13800, maximumSessions: 20))
        #expect(older.count == 2)
        #expect(warnings(NDMPSettings(dataPorts: 1500...1600, maximumSessions: 20)).count == 1)
    }

    @Test("the system's own range, unless the ports are reserved")
    func ephemeral() {
        let settings = NDMPSettings(dataPorts: 40000...40099, maximumSessions: 20)
        #expect(warnings(settings).count == 1)
        #expect(warnings(settings, reserved: [40000...40099]).isEmpty)
    }

    @Test("addresses that no interface has, interfaces that are not there, exports that cannot be used")
    func addresses() {
        #expect(warnings(NDMPSettings(advertisedAddresses: ["192.0.2.7"])).isEmpty)
        #expect(warnings(NDMPSettings(advertisedAddresses: ["198.51.100.1"])).count == 1)
        #expect(warnings(NDMPSettings(dataInterface: "eth0")).isEmpty)
        #expect(warnings(NDMPSettings(dataInterface: "eth1")).count == 1)
        let exports = try? Exports([Export(path: "/gone", isWritable: false), Export(path: "/fixed", isWritable: true)])
        #expect(warnings(NDMPSettings(exports: exports ?? Exports())).count == 2)
    }

    @Test("listening and connecting from the same ports")
    func bothRanges() {
        let all = warnings(NDMPSettings(dataPorts: 18600...18699, connectPorts: 18650...18750, maximumSessions: 50))
        #expect(all.count == 1 && all[0].contains("overlap the data ports"))
    }
}
