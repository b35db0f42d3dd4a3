// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import Yams

/// Reads `capstan.yaml`: nested keys become `ndmp.data-ports`, unknown ones are errors with a line number.
enum ConfigurationFile {
    /// A configuration has two dozen settings; a larger file is something else.
    static let limitBytes = 256 * 1024
    /// Depth of nesting; the table has two levels.
    static let depthLimit = 8

    static func read(_ path: String) throws(APIError) -> [String: SettingValues.Value] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw APIError(
                .notFound,
                "the configuration file \(path) cannot be read",
                hint: "check --config and CAPSTAN_CONFIG"
            )
        }
        guard data.count <= limitBytes, let text = String(data: data, encoding: .utf8) else {
            throw APIError(.invalid, "\(path) is no configuration file: it is not text or larger than 256 KiB")
        }
        return try parse(text, path: path)
    }

    static func parse(_ text: String, path: String) throws(APIError) -> [String: SettingValues.Value] {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw APIError(.invalid, "\(path) is not YAML: \(error)")
        }
        var values: [String: SettingValues.Value] = [:]
        guard let root else { return values }
        guard let mapping = root.mapping else {
            throw APIError(.invalid, "\(path) is no configuration: it holds no keys at its top")
        }
        try add(mapping, prefix: "", depth: 0, path: path, to: &values)
        return values
    }

    private static func add(
        _ mapping: Node.Mapping,
        prefix: String,
        depth: Int,
        path: String,
        to values: inout [String: SettingValues.Value]
    ) throws(APIError) {
        for (keyNode, node) in mapping {
            let key = prefix + (keyNode.scalar?.string ?? "")
            let line = keyNode.mark?.line ?? 0
            let isSection = Settings.all.contains { $0.key.hasPrefix(key + ".") }
            if isSection, let inner = node.mapping, depth < depthLimit {
                try add(inner, prefix: key + ".", depth: depth + 1, path: path, to: &values)
                continue
            }
            if isSection, node.scalar?.string.isEmpty ?? false { continue }
            guard let setting = Settings.all.first(where: { $0.key == key }) else {
                throw unknown(key, path: path, line: line)
            }
            let origin = SettingValues.Origin.file(path: path, line: line)
            if let scalar = node.scalar {
                values[key] = .init(text: scalar.string, origin: origin)
            } else if let sequence = node.sequence, setting.kind == .list {
                let parts = sequence.compactMap { $0.scalar?.string }
                values[key] = .init(text: parts.joined(separator: ","), origin: origin)
            } else {
                throw APIError(.invalid, "\(path), line \(line): \(key) takes one value")
            }
        }
    }

    private static func unknown(_ key: String, path: String, line: Int) -> APIError {
        let nearest = Settings.all.min { distance($0.key, key) < distance($1.key, key) }
        let hint = nearest.flatMap { distance($0.key, key) <= 4 ? "did you mean \($0.key)?" : nil }
        return APIError(
            .invalid,
            "\(path), line \(line): there is no setting \"\(key.prefix(60))\"",
            hint: hint ?? "all settings are listed in docs/reference/configuration.md"
        )
    }

    /// Levenshtein distance of two short texts.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8.prefix(64)))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }
}
