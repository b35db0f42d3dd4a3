// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Reads XML front to back out of a tape file: what an index of LTFS, or a label, needs of it, with limits.
///
/// UTF-8. No document type, hence no entities but the five and characters by number: nothing in it can grow. Comments
/// and instructions are passed over.
struct XMLScanner {
    enum Event: Equatable {
        case start(name: [UInt8], attributes: [Attribute])
        case end(name: [UInt8])
        /// Text between tags, never empty; one run of it may come in several pieces.
        case text([UInt8])
    }

    struct Attribute: Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    /// Bytes of one piece of text, of a tag, of a comment.
    static let maximumPieceBytes = 4 << 20
    static let maximumNameBytes = 256
    static let maximumAttributes = 32
    private static let windowBytes = 256 << 10

    private let file: any TapeFileBytes
    private let maximumDepth: Int
    private var window: [UInt8] = []
    private var at = 0
    /// Of the window's first byte.
    private var windowStart: UInt64
    private var open: [[UInt8]] = []
    /// A tag that was closed at once: its end comes next.
    private var pendingEnd: [UInt8]?
    private var hasRoot = false

    init(_ file: any TapeFileBytes, maximumDepth: Int) {
        self.file = file
        self.maximumDepth = maximumDepth
        windowStart = 0
    }

    var depth: Int { open.count }
    /// Of the next byte.
    var position: UInt64 { windowStart + UInt64(at) }

    /// The next event; nil behind the end of the outermost element.
    mutating func next() throws(FormatError) -> Event? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name: name)
        }
        if hasRoot, open.isEmpty { return nil }
        while true {
            guard let byte = try peek() else { throw .truncated(at: position) }
            if byte != UInt8(ascii: "<") {
                let text = try text()
                if !open.isEmpty { return .text(text) }
                continue
            }
            at += 1
            guard let first = try peek() else { throw .truncated(at: position) }
            switch first {
            case UInt8(ascii: "?"): _ = try upTo("?>")
            case UInt8(ascii: "!"):
                if let text = try declaration() { return .text(text) }
            case UInt8(ascii: "/"): return try endTag()
            default: return try startTag()
            }
        }
    }

    // MARK: Bytes

    private mutating func peek() throws(FormatError) -> UInt8? {
        if at < window.count { return window[at] }
        windowStart += UInt64(window.count)
        at = 0
        window = try file.bytes(Self.windowBytes, at: windowStart)
        return window.first
    }

    private mutating func take() throws(FormatError) -> UInt8 {
        guard let byte = try peek() else { throw .truncated(at: position) }
        at += 1
        return byte
    }

    private func damaged(_ what: String) -> FormatError { .malformed("at byte \(position): \(what)") }

    /// Everything before `mark`, which is passed over too.
    private mutating func upTo(_ mark: String) throws(FormatError) -> [UInt8] {
        let end = Array(mark.utf8)
        var bytes: [UInt8] = []
        while true {
            bytes.append(try take())
            if bytes.last == end.last, bytes.suffix(end.count).elementsEqual(end) {
                return Array(bytes.dropLast(end.count))
            }
            guard bytes.count < Self.maximumPieceBytes else {
                throw .limit("at byte \(position): more than \(Self.maximumPieceBytes) bytes in one piece")
            }
        }
    }

    /// Behind `<!`: a comment is passed over, CDATA is text, a document type is refused.
    private mutating func declaration() throws(FormatError) -> [UInt8]? {
        at += 1
        switch try take() {
        case UInt8(ascii: "-"):
            guard try take() == UInt8(ascii: "-") else { throw damaged("no comment") }
            _ = try upTo("-->")
            return nil
        case UInt8(ascii: "["):
            for byte in "CDATA[".utf8 where try take() != byte { throw damaged("no CDATA") }
            let text = try upTo("]]>")
            return text.isEmpty || open.isEmpty ? nil : text
        default: throw damaged("a document type is not taken")
        }
    }

    private mutating func text() throws(FormatError) -> [UInt8] {
        var text: [UInt8] = []
        while let byte = try peek(), byte != UInt8(ascii: "<"), text.count < Self.maximumPieceBytes {
            if byte == UInt8(ascii: "&") {
                at += 1
                text += try entity()
                continue
            }
            // Everything up to the next mark at once.
            var end = at
            while end < window.count, window[end] != UInt8(ascii: "<"), window[end] != UInt8(ascii: "&") { end += 1 }
            text += window[at..<end]
            at = end
        }
        return text
    }

    /// Behind `&`.
    private mutating func entity() throws(FormatError) -> [UInt8] {
        var name: [UInt8] = []
        while true {
            let byte = try take()
            if byte == UInt8(ascii: ";") { break }
            name.append(byte)
            guard name.count <= 10 else { throw damaged("no entity that we know") }
        }
        switch String(decoding: name, as: UTF8.self) {
        case "lt": return [UInt8(ascii: "<")]
        case "gt": return [UInt8(ascii: ">")]
        case "amp": return [UInt8(ascii: "&")]
        case "quot": return [UInt8(ascii: "\"")]
        case "apos": return [UInt8(ascii: "'")]
        case let number where number.hasPrefix("#"):
            let digits = number.dropFirst()
            let value = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            guard let value, let scalar = UnicodeScalar(value) else { throw damaged("no character") }
            return Array(String(Character(scalar)).utf8)
        default: throw damaged("no entity that we know")
        }
    }

    // MARK: Tags

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    private mutating func name() throws(FormatError) -> [UInt8] {
        var name: [UInt8] = []
        while let byte = try peek() {
            switch byte {
            case UInt8(ascii: ">"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "<"), 0x20, 0x0A, 0x0D, 0x09:
                guard !name.isEmpty else { throw damaged("no name") }
                return name
            default:
                name.append(byte)
                at += 1
                guard name.count <= Self.maximumNameBytes else { throw damaged("a name that is too long") }
            }
        }
        throw .truncated(at: position)
    }

    private mutating func skipBlanks() throws(FormatError) {
        while let byte = try peek(), Self.isBlank(byte) { at += 1 }
    }

    private mutating func endTag() throws(FormatError) -> Event {
        at += 1
        let name = try name()
        try skipBlanks()
        guard try take() == UInt8(ascii: ">"), open.last == name else {
            throw damaged("</\(FieldText.shown(name[...]))> closes another tag")
        }
        open.removeLast()
        return .end(name: name)
    }

    private mutating func startTag() throws(FormatError) -> Event {
        let name = try name()
        guard open.count < maximumDepth else {
            throw .limit("at byte \(position): tags in one another deeper than \(maximumDepth)")
        }
        hasRoot = true
        var attributes: [Attribute] = []
        while true {
            try skipBlanks()
            switch try peek() {
            case UInt8(ascii: ">"):
                at += 1
                open.append(name)
                return .start(name: name, attributes: attributes)
            case UInt8(ascii: "/"):
                at += 1
                guard try take() == UInt8(ascii: ">") else { throw damaged("no end of a tag") }
                pendingEnd = name
                return .start(name: name, attributes: attributes)
            case nil: throw .truncated(at: position)
            default:
                guard attributes.count < Self.maximumAttributes else { throw damaged("too many attributes") }
                attributes.append(try attribute())
            }
        }
    }

    private mutating func attribute() throws(FormatError) -> Attribute {
        let name = try name()
        try skipBlanks()
        guard try take() == UInt8(ascii: "=") else { throw damaged("an attribute without value") }
        try skipBlanks()
        let quote = try take()
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw damaged("an attribute without quotes")
        }
        var value: [UInt8] = []
        while true {
            let byte = try take()
            if byte == quote { return Attribute(name: name, value: value) }
            if byte == UInt8(ascii: "&") { value += try entity() } else { value.append(byte) }
            guard value.count <= Self.maximumPieceBytes else { throw damaged("an attribute that is too long") }
        }
    }
}
