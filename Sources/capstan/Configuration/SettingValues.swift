// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// The values of all settings after flags, environment and file were laid over each other, in this order of
/// precedence. What nobody set is absent.
struct SettingValues: Sendable {
    /// Where a value came from, for messages.
    enum Origin: Sendable, Equatable {
        case flag(String)
        case environment(String)
        case file(path: String, line: Int)
        case builtIn

        var text: String {
            switch self {
            case .flag(let name): "--\(name)"
            case .environment(let name): name
            case .file(let path, let line): "\(path), line \(line)"
            case .builtIn: "the default"
            }
        }
    }

    struct Value: Sendable, Equatable {
        var text: String
        var origin: Origin
    }

    private(set) var values: [String: Value] = [:]

    /// - Parameters:
    ///   - flags: value by flag name, as given on the command line; `"true"` for a switch.
    ///   - file: the parsed configuration file, by key.
    init(flags: [String: String], environment: [String: String], file: [String: Value]) {
        for setting in Settings.all {
            if let text = flags[setting.flag] {
                values[setting.key] = Value(text: text, origin: .flag(setting.flag))
            } else if let text = environment[setting.environment], !text.isEmpty {
                values[setting.key] = Value(text: text, origin: .environment(setting.environment))
            } else if let value = file[setting.key] {
                values[setting.key] = value
            }
        }
    }

    subscript(_ setting: Setting) -> Value? { values[setting.key] }

    func text(_ setting: Setting) -> String? { self[setting]?.text }

    /// - Throws: `.invalid` naming the setting's origin.
    func isOn(_ setting: Setting) throws(APIError) -> Bool {
        guard let value = self[setting] else { return false }
        switch value.text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw wrong(setting, "is true or false")
        }
    }

    func count(_ setting: Setting, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = self[setting] else { return nil }
        guard let number = Int(value.text), range.contains(number) else {
            throw wrong(setting, "is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func size(_ setting: Setting) throws(APIError) -> UInt64? {
        guard let value = self[setting] else { return nil }
        guard let bytes = ByteSize.parse(value.text), bytes > 0 else {
            throw wrong(setting, "is a size such as 64MiB, 1.5GiB or 12TB")
        }
        return bytes
    }

    /// Parts between commas, without blanks.
    func list(_ setting: Setting) -> [String]? {
        self[setting]?.text.split(separator: ",").map { String($0.trimmingBlanks()) }.filter { !$0.isEmpty }
    }

    func endpoint(_ setting: Setting) throws(APIError) -> Endpoint? {
        guard let value = self[setting] else { return nil }
        guard let endpoint = Endpoint(value.text) else {
            throw wrong(setting, "is HOST:PORT, for example 127.0.0.1:10000, [::1]:10000 or 127.0.0.1:0")
        }
        return endpoint
    }

    /// Nil for `any`.
    func portRange(_ setting: Setting) throws(APIError) -> ClosedRange<UInt16>? {
        guard let value = self[setting] else { return nil }
        do { return try PortRange.parse(value.text) } catch {
            throw wrong(setting, "is a range of ports such as 18600-18699, or any")
        }
    }

    /// The error for a value that makes no sense.
    func wrong(_ setting: Setting, _ rule: String) -> APIError {
        let value = self[setting]
        return APIError(
            .invalid,
            "\(setting.key) \(rule), not \"\((value?.text ?? "").prefix(100))\"",
            hint: "it was set by \(value?.origin.text ?? "the default")"
        )
    }
}

/// A host and a port, as `HOST:PORT` or `[V6]:PORT`.
struct Endpoint: Sendable, Equatable {
    var host: String
    var port: UInt16

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard host.utf8.count <= 255, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
        self.host = String(host)
        self.port = port
    }

    var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.") && host.split(separator: ".").count == 4
    }

    var text: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

/// Ranges of data ports.
enum PortRange {
    struct Malformed: Error {}

    /// Nil for `any`.
    static func parse(_ text: String) throws(Malformed) -> ClosedRange<UInt16>? {
        if text == "any" { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = parts.first.flatMap({ UInt16($0) }), let last = parts.last.flatMap({ UInt16($0) }),
            parts.count <= 2, first > 0, first <= last
        else { throw Malformed() }
        return first...last
    }

    static func text(_ range: ClosedRange<UInt16>?) -> String {
        range.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "any"
    }
}

extension StringProtocol {
    func trimmingBlanks() -> SubSequence {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return self[startIndex..<startIndex] }
        return self[first...last]
    }
}
