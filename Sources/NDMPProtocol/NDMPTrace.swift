// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// The trace line of a message, without secrets and without payloads.
package enum NDMPTrace {
    /// Characters of one line; the rest is cut.
    package static let lineCharacters = 1000

    /// Describes a body that is at hand, such as a reply about to be sent.
    package static func describe<Body: XDRStruct>(_ header: NDMPHeader, _ body: Body, version: Int) -> String {
        line(header, XDRPrinter.describe(body, version: version), version: version)
    }

    /// Describes a whole message, header included, that lies in `range` of `bytes`.
    package static func describe(_ bytes: [UInt8], in range: Range<Int>, version: Int) -> String {
        var reader = XDRReader(bytes, in: range, version: version)
        do throws(XDRError) {
            let header: NDMPHeader = try reader.decode()
            guard header.error == .noError else { return line(header, "", version: version) }
            guard let row = NDMPCatalogue.row(header.code, version: version),
                let type = header.messageType == .reply ? row.reply : row.request
            else { return line(header, "(\(reader.remaining) bytes)", version: version) }
            do throws(XDRError) {
                return line(header, try text(of: type, &reader), version: version)
            } catch {
                return line(header, "undecodable: \(error.description)", version: version)
            }
        } catch {
            return "\(range.count) bytes, too short for a message"
        }
    }

    private static func text<T: XDRStruct>(of type: T.Type, _ reader: inout XDRReader) throws(XDRError) -> String {
        XDRPrinter.describe(try reader.decode(type), version: reader.version)
    }

    private static func line(_ header: NDMPHeader, _ body: String, version: Int) -> String {
        let name = NDMPCatalogue.row(header.code, version: version)?.name ?? "0x" + String(header.code, radix: 16)
        var line = "#\(header.sequence) \(name)"
        if header.messageType == .reply {
            line += " reply to #\(header.replySequence)"
            if header.error != .noError { line += " header error \(header.error.text)" }
        }
        if !body.isEmpty { line += " " + body }
        return line.count > lineCharacters ? line.prefix(lineCharacters) + "..." : line
    }
}
