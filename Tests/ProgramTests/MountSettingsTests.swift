// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import Testing

@testable import FUSEMount
@testable import capstan

@Suite("The mount: what may be configured, and what the doctor says of it")
struct MountSettingsTests {
    private func configuration(_ flags: [String: String]) throws -> ServeConfiguration {
        try ServeConfiguration(
            SettingValues(flags: flags, environment: [:], file: [:]),
            environment: [:],
            workingDirectory: "/place",
            user: 1000
        )
    }

    @Test("nothing is mounted unless told; a mount point is relative to where the daemon was started")
    func mountPoint() throws {
        #expect(try configuration([:]).mount == nil)
        let mount = try configuration(["mount": "m"]).mount
        #expect(mount == MountSettings(path: "/place/m", others: .whenPermitted))
        #expect(try configuration(["mount": "/dev/vtl", "mount-access": "owner"]).mount?.others == .nobody)
        #expect(throws: APIError.self) { _ = try configuration(["mount": "m", "mount-access": "me"]) }
    }

    @Test(
        "store and mount may not lie within each other",
        arguments: [("/a/m", "/a/m"), ("/a", "/a/store"), ("/a/store/m", "/a/store"), ("/a/", "/a/b")]
    )
    func within(mount: String, store: String) {
        let problem = MountSettings(path: mount, others: .nobody).problem(store: store)
        #expect(problem?.code == .invalid)
    }

    @Test("store and mount may not lie within each other by way of a link either")
    func withinByLinks() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "capstan-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store")
        try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
        let link = folder.appending(path: "link")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: store)
        func problem(_ mount: URL, _ store: URL) -> APIError? {
            MountSettings(path: mount.path, others: .nobody).problem(store: store.path)
        }
        #expect(problem(link.appending(path: "m"), store)?.code == .invalid)
        #expect(problem(store.appending(path: "m"), link)?.code == .invalid)
        #expect(problem(link, store)?.code == .invalid)
        #expect(problem(folder.appending(path: "m"), link) == nil)
    }

    @Test("neighbours are no trouble, whatever their names begin with")
    func neighbours() {
        #expect(MountSettings(path: "/a/m", others: .nobody).problem(store: "/a/mm") == nil)
        #expect(MountSettings(path: "/a/mm", others: .nobody).problem(store: "/a/m") == nil)
        #expect(MountSettings(path: "/a/m", others: .nobody).problem(store: nil) == nil)
    }

    @Test("the doctor says in words what hinders a mount, and which mounts are dead")
    func doctor() {
        var surroundings = MountSurroundings(
            device: .usable,
            helper: nil,
            isRoot: true,
            mayServeOthers: true,
            ptraceScope: 1,
            mounts: [.init(path: "/dev/vtl", isStale: false), .init(path: "/mnt/old", isStale: true)]
        )
        var checks = MountChecks(surroundings).checks()
        #expect(checks.map(\.verdict) == [.ok, .ok, .problem])
        #expect(checks[2].text.contains("/mnt/old") && checks[2].remedy?.contains("--mount /mnt/old") == true)
        surroundings.mounts = []
        surroundings.isRoot = false
        checks = MountChecks(surroundings).checks()
        #expect(checks.map(\.verdict) == [.warning, .warning])
        #expect(checks[0].text.contains("fusermount3") && checks[1].text.contains("ptrace_scope is 1"))
        surroundings.device = .missing
        checks = MountChecks(surroundings).checks()
        #expect(checks.count == 1 && checks[0].verdict == .warning && checks[0].text.contains("/dev/fuse is missing"))
    }
}
