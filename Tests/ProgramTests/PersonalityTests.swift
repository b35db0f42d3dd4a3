// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import TapeLibrary
import Testing

@testable import capstan

@Suite("Models of libraries and drives as files")
struct PersonalityTests {
    private static let folder = Repository.file("Config/personalities").path
    private let files = PersonalityFiles(directory: folder, workingDirectory: "/", programDirectory: "/usr/bin")

    private static func names(_ kind: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }.filter {
            try String(contentsOfFile: folder + "/" + $0, encoding: .utf8).contains("kind: \(kind)\n")
        }.map { String($0.dropLast(5)) }.sorted()
    }

    @Test("every committed library and drive loads, bears its file's name, and makes a library")
    func all() throws {
        let libraries = try Self.names("library").map { try files.library(named: $0) }
        let drives = try Self.names("drive").map { try files.drive(named: $0) }
        #expect(try libraries.map(\.name) == Self.names("library"))
        #expect(try drives.map(\.name) == Self.names("drive"))
        #expect(libraries.count >= 6)
        #expect(Set(drives.map(\.generation)) == [5, 6, 7, 8, 9])
        for library in libraries {
            for drive in drives {
                // The smallest of them has room for one mail slot before its robot's address.
                try LibraryConfiguration(mailSlots: 1, library: library, driveModels: [drive]).validate()
            }
        }
    }

    @Test("the built-in models are the committed ones")
    func builtIn() throws {
        #expect(try files.library(named: Self.folder + "/ibm-3573-tl.yaml") == .ibm3573TL)
        #expect(try files.drive(named: Self.folder + "/ibm-lto8.yaml") == .ibmLTO8)
    }

    @Test("what is no model is refused")
    func refused() {
        #expect(throws: APIError.self) { try files.library(named: "no-such-library") }
        #expect(throws: APIError.self) { try files.library(named: "ibm-lto8") }
        #expect(throws: APIError.self) { try files.drive(named: Repository.file("Config/capstan.yaml").path) }
        #expect(throws: APIError.self) { try files.drive(named: "a b") }
    }
}
