// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// The reference page of messages, made from the catalogue.
package enum NDMPReference {
    /// The text of `docs/reference/ndmp-messages.md`.
    package static var page: String {
        var lines = [
            "# NDMP messages",
            "",
            "Made from the catalogue in `Sources/NDMPProtocol`; a test compares it. The vocabulary of versions 2, 3 and 4:",
            "a message that the version does not have, or that the server does not serve, is answered with",
            "NOT_SUPPORTED_ERR in the header.",
            "",
            "Every item takes a multiple of four bytes, big-endian. `u16`, `i16` and `u8` take four bytes, `u64` eight.",
            "An array is a count and its elements. A union is an `enum` and what belongs to its value.",
            "",
        ]
        for row in NDMPCatalogue.rows { lines += section(row) }
        return lines.joined(separator: "\n")
    }

    private static func section(_ row: NDMPMessageRow) -> [String] {
        var lines = ["## \(row.name) (0x\(String(row.code.rawValue, radix: 16)))", ""]
        let versions = row.versions.map { "v\($0)" }.joined(separator: ", ")
        let kind =
            switch row.kind {
            case .request: "request and reply"
            case .post: "post from the server, without a reply"
            case .closing: "request without a reply: the server closes the connection"
            }
        lines.append("\(versions); \(kind)\(authentication(row)).")
        lines.append("")
        lines += fields(row.kind == .post ? "Post" : "Request", row.request, row.versions)
        if let reply = row.reply { lines += fields("Reply", reply, row.versions) }
        lines.append("")
        return lines
    }

    private static func authentication(_ row: NDMPMessageRow) -> String {
        guard row.kind == .request else { return "" }
        guard let authenticated = row.authenticatedVersions else { return "; allowed before authentication" }
        guard authenticated != row.versions else { return "" }
        return "; allowed before authentication below v\(authenticated.lowerBound)"
    }

    /// One line for all versions that are laid out alike.
    private static func fields(_ title: String, _ type: any XDRStruct.Type, _ versions: ClosedRange<Int>) -> [String] {
        var groups: [(versions: [Int], text: String)] = []
        for version in versions {
            let text = layout(type, version)
            if let last = groups.last, last.text == text {
                groups[groups.count - 1].versions.append(version)
            } else {
                groups.append(([version], text))
            }
        }
        return groups.map { group in
            let suffix = groups.count == 1 ? "" : " " + group.versions.map { "v\($0)" }.joined(separator: ", ")
            return "- \(title)\(suffix): \(group.text.isEmpty ? "nothing" : group.text)"
        }
    }

    private static func layout<T: XDRStruct>(_ type: T.Type, _ version: Int) -> String {
        XDRLayout.describe(type, version: version)
    }
}
