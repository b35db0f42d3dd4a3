// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

/// Which target may import what. A new arrow is a decision: it is added here, with a record in docs/decisions.
struct Arrows {
    /// Our own targets and the packages' modules; the standard library's modules are in `platform`.
    static let allowed: [String: Set<String>] = [
        // vocabulary: no I/O, no clock, no sockets
        "WireFormat": [],
        "SCSI": ["WireFormat"],
        "NDMPProtocol": ["WireFormat"],
        // storage
        "DiskIO": ["CLinux"],
        "Cartridges": ["DiskIO"],
        // devices
        "LogicalUnits": ["SCSI", "Cartridges", "DiskIO", "WireFormat"],
        // runtime
        "TapeLibrary": ["LogicalUnits", "Cartridges", "SCSI", "DiskIO"],
        // streams
        "BackupStreams": ["CArchive", "CLinux", "WireFormat"],
        // what is on tapes, and images of them
        "TapeFormats": ["CArchive", "BackupStreams", "WireFormat"],
        "TapeImages": ["Cartridges", "DiskIO", "CCompression", "WireFormat"],
        // network
        "Sockets": ["CLinux"],
        // doors
        "NDMPServer": [
            "NDMPProtocol", "TapeLibrary", "LogicalUnits", "Cartridges", "SCSI", "DiskIO", "WireFormat",
            "BackupStreams",
            "Sockets", "Crypto", "Logging",
        ],
        "TapeFiles": [
            "TapeLibrary", "LogicalUnits", "Cartridges", "SCSI", "DiskIO", "TapeFormats", "WireFormat", "Logging",
        ],
        "FUSEMount": ["TapeFiles", "CFuse3", "CLinux", "Logging"],
        "ManagementAPI": ["NIOCore", "NIOHTTP1", "NIOPosix"],
        "Console": [
            "ManagementAPI", "TapeLibrary", "TapeFiles", "TapeFormats", "TapeImages", "LogicalUnits", "Cartridges",
            "DiskIO", "HTTPTypes", "Hummingbird",
            "HummingbirdCore", "Logging", "NIOCore", "ServiceLifecycle",
        ],
        "SGNames": ["CSGUtils2"],
        // the other side of NDMP
        "NDMPClient": ["NDMPProtocol", "WireFormat", "Sockets", "Crypto"],
        "DMA": ["NDMPClient", "NDMPProtocol", "WireFormat", "Sockets", "SCSI", "GRDB"],
        // program
        "capstan": [
            "NDMPServer", "FUSEMount", "TapeFiles", "TapeFormats", "TapeImages", "NDMPClient", "DMA", "BackupStreams",
            "Sockets", "Console", "ManagementAPI", "TapeLibrary",
            "LogicalUnits", "Cartridges", "SCSI", "DiskIO",
            "SGNames", "ArgumentParser", "Logging", "NIOCore", "ServiceLifecycle", "UnixSignals", "Yams",
        ],
    ]

    /// Parts of the platform that a target may see. Whatever is pure sees nothing of it.
    static let platform: [String: Set<String>] = [
        "DiskIO": ["Glibc", "Synchronization"],
        "Cartridges": ["FoundationEssentials"],
        "TapeLibrary": ["Glibc", "Synchronization", "FoundationEssentials"],
        "BackupStreams": ["Glibc", "Synchronization", "FoundationEssentials"],
        "TapeFormats": ["Glibc", "Synchronization", "FoundationEssentials", "FoundationXML", "Foundation"],
        "TapeImages": ["Glibc", "FoundationEssentials"],
        "TapeFiles": ["Glibc", "Synchronization", "FoundationEssentials"],
        "FUSEMount": ["Glibc", "Synchronization"],
        "Sockets": ["Glibc", "Synchronization"],
        "NDMPServer": ["Glibc", "Synchronization"],
        "NDMPClient": ["Glibc", "Synchronization"],
        "DMA": ["Glibc", "Synchronization", "Foundation", "FoundationEssentials"],
        "ManagementAPI": ["Glibc", "Foundation", "FoundationEssentials"],
        "Console": ["Glibc", "Synchronization", "Foundation", "FoundationEssentials"],
        "SGNames": [],
        "capstan": ["Glibc", "Dispatch", "Synchronization", "Foundation", "FoundationEssentials"],
    ]

    /// C and other targets without Swift.
    static let withoutSwift: Set<String> = ["CArchive", "CCompression", "CFuse3", "CLinux", "CSGUtils2"]
}

@Suite("Arrows: a target imports only what its place in the house allows")
struct ArrowTests {
    @Test("every folder of Sources has its row in the table of arrows")
    func everyTargetHasARow() throws {
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: SourceTree.root.appendingPathComponent("Sources").path
        )
        for folder in folders where !Arrows.withoutSwift.contains(folder) {
            #expect(Arrows.allowed[folder] != nil, "Sources/\(folder) has no row in Arrows.allowed")
        }
    }

    @Test("imports follow the arrows", arguments: Arrows.allowed.keys.sorted())
    func importsFollowTheArrows(target: String) {
        let allowed = Arrows.allowed[target, default: []].union(Arrows.platform[target, default: []])
        for file in SourceTree.sources where file.target == target {
            for (number, line) in SwiftText.code(of: file.text).split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
            {
                guard let module = Self.importedModule(line), !allowed.contains(module) else { continue }
                Issue.record("\(file.path):\(number + 1) imports \(module), which \(target) may not see")
            }
        }
    }

    @Test("no arrow points back: what is allowed has no cycle")
    func noCycle() {
        for target in Arrows.allowed.keys.sorted() {
            #expect(!Self.reaches(target, from: target, seen: []), "\(target) reaches itself")
        }
    }

    /// `Logging` of `@preconcurrency import Logging` and of `import struct Logging.Logger`.
    static func importedModule(_ line: Substring) -> String? {
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "import") else { return nil }
        let before: Set<Substring> = ["package", "internal", "private", "fileprivate", "public"]
        guard words[..<index].allSatisfy({ $0.hasPrefix("@") || before.contains($0) }) else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        guard let name = words[(index + 1)...].first(where: { !kinds.contains($0) }) else { return nil }
        return name.split(separator: ".").first.map(String.init)
    }

    private static func reaches(_ goal: String, from target: String, seen: Set<String>) -> Bool {
        Arrows.allowed[target, default: []].contains { next in
            next == goal || (!seen.contains(next) && reaches(goal, from: next, seen: seen.union([next])))
        }
    }
}
