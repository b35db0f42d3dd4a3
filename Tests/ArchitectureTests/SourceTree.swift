// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation

/// A file of the repository.
struct SourceFile: Sendable {
    /// Path from the top of the repository, e.g. `Sources/SCSI/CDB.swift`.
    let path: String
    let text: String

    /// `SCSI` of `Sources/SCSI/CDB.swift`.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The number of lines, not counting the empty one behind the last line feed.
    var lineCount: Int { lines.count - (text.hasSuffix("\n") ? 1 : 0) }
}

/// The repository's files as the rules see them.
enum SourceTree {
    /// The top of the repository. Links are followed, so that the tests also run from a package that links here.
    static let root: URL = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All text files below these folders (or files) whose name ends so; sorted by path.
    static func files(in places: [String], suffixes: [String]) -> [SourceFile] {
        places.flatMap { place in paths(below: place) }
            .filter { path in suffixes.contains { path.hasSuffix($0) } }
            .sorted()
            .compactMap { path in
                guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path),
                    let text = String(data: data, encoding: .utf8)
                else { return nil }
                return SourceFile(path: path, text: text)
            }
    }

    /// Everything in Swift that is shipped.
    static let sources = files(in: ["Sources"], suffixes: [".swift"])
    /// Everything in Swift.
    static let swift = files(in: ["Sources", "Tests", "Package.swift"], suffixes: [".swift"])

    private static func paths(below place: String) -> [String] {
        let top = root.appendingPathComponent(place)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: top.path, isDirectory: &isFolder) else { return [] }
        guard isFolder.boolValue else { return [place] }
        guard let all = FileManager.default.enumerator(atPath: top.path) else { return [] }
        return all.compactMap { $0 as? String }
            .filter { !$0.contains(".build") && !$0.contains("__pycache__") }
            .map { place + "/" + $0 }
    }
}
