// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DMA
import Foundation
import ManagementAPI

/// Finds what `restore --list` shows: of each path the newest image that holds it.
struct RestoreListing {
    /// Entries of one directory that are listed.
    static let entryLimit = 1_000_000

    let catalogue: Catalogue
    let image: Int64?
    let paths: [String]

    init(_ catalogue: Catalogue, image: Int64?, paths: [String]) {
        self.catalogue = catalogue
        self.image = image
        self.paths = paths
    }

    func trees() throws(DMAError) -> [RestoreListReport.Tree] {
        var candidates = try catalogue.images(complete: true).reversed().map { $0 }
        if let image {
            candidates = candidates.filter { $0.id == image }
            guard !candidates.isEmpty else {
                throw DMAError(
                    .notFound,
                    "there is no complete image \(image)",
                    hint: "`capstan catalogue list` shows all"
                )
            }
        }
        guard !paths.isEmpty else {
            // Of each tree the newest image.
            var seen: Set<String> = []
            var trees: [RestoreListReport.Tree] = []
            for candidate in candidates where seen.insert("\(candidate.dataServer) \(candidate.path)").inserted {
                if let tree = try tree(candidate, []) { trees.append(tree) }
            }
            return trees
        }
        var trees: [RestoreListReport.Tree] = []
        for path in paths {
            var found: RestoreListReport.Tree?
            for candidate in candidates where found == nil {
                guard let relative = RestorePlan.relative(Array(path.utf8), to: candidate.path) else { continue }
                found = try tree(candidate, relative)
            }
            if found == nil, !path.hasPrefix("/") {
                found = try? RestoreListing(catalogue, image: image, paths: [workingDirectory + "/" + path]).trees()
                    .first
            }
            guard let found else {
                throw DMAError(.notFound, "no image holds \(path)", hint: "`capstan restore --list` shows the roots")
            }
            trees.append(found)
        }
        return trees
    }

    private var workingDirectory: String { FileManager.default.currentDirectoryPath }

    private func tree(_ image: Image, _ path: [UInt8]) throws(DMAError) -> RestoreListReport.Tree? {
        guard let entry = try catalogue.entry(path, in: image.id) else { return nil }
        var entries: [RestoreListReport.Entry] = []
        if entry.isDirectory || entry.attributes == nil {
            try catalogue.forEachChild(of: entry, in: image.id) { child in
                entries.append(RestoreListReport.Entry(child))
                return entries.count < Self.entryLimit
            }
        }
        if entries.isEmpty, !entry.path.isEmpty { entries = [RestoreListReport.Entry(entry)] }
        return RestoreListReport.Tree(
            image: image.id,
            started: Timestamps.text(image.started),
            level: image.level,
            root: image.path,
            path: entry.pathText,
            entries: entries
        )
    }
}

/// What `restore --list --json` prints.
struct RestoreListReport: Codable {
    struct Entry: Codable {
        /// From the root of the backup.
        var path: String
        /// `directory`, `file`, `link` or `other`; nil when the image names it but does not hold it.
        var type: String?
        var mode: UInt32?
        var size: UInt64?
        var modified: String?
        /// Where direct access finds it in the stream.
        var offset: UInt64?

        init(_ entry: CatalogueEntry) {
            path = entry.pathText
            guard let attributes = entry.attributes else { return }
            type =
                switch attributes.type {
                case 0: "directory"
                case 4: "file"
                case 5: "link"
                default: "other"
                }
            mode = attributes.mode
            size = attributes.size
            modified = Timestamps.text(attributes.modified)
            offset = attributes.historyInfo
        }
    }

    struct Tree: Codable {
        var image: Int64
        var started: String
        var level: Int
        /// Root of the backup.
        var root: String
        /// The directory that is listed, below the root.
        var path: String
        var entries: [Entry]
    }

    var trees: [Tree]

    /// A name as a terminal may show it: control characters, which could rewrite the screen, as \\xNN.
    static func printable(_ name: String) -> String {
        name.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
                let digits = String(scalar.value, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }

    func lines(_ style: Style) -> [String] {
        var lines: [String] = []
        for tree in trees {
            let place = tree.path.isEmpty ? tree.root : tree.root + "/" + tree.path
            lines.append(
                "\(style.bold(Self.printable(place))) in image \(tree.image), level \(tree.level), \(tree.started)"
            )
            var table = Table(["", "", "", ""], right: [1], indent: "  ")
            for entry in tree.entries {
                let isDirectory = entry.type == "directory"
                table.add(
                    entry.mode.map { String($0 & 0o7777, radix: 8) } ?? "",
                    isDirectory ? "" : entry.size.map { "\($0)" } ?? "",
                    entry.modified ?? style.dim("not in this image"),
                    isDirectory ? style.cyan(Self.printable(entry.path) + "/") : Self.printable(entry.path)
                )
            }
            lines += tree.entries.isEmpty ? ["  no file history, or an empty directory"] : table.lines(style)
        }
        return lines.isEmpty ? ["the catalogue has no complete image"] : lines
    }
}
