// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// The variables of a START request: kept as they came, looked up by name.
///
/// Unknown names mean nothing and are kept. Of a name that comes twice the last one counts; lists add up. NDMP v4 draft, 3.5.2 and
/// what filers and clients use beyond it.
struct DataEnvironment: Equatable, Sendable {
    /// A value that cannot be used. A sentence for the client's log.
    struct Refusal: Error, Equatable, CustomStringConvertible {
        var description: String
    }

    private(set) var variables: [NDMPVariable]
    private var indexByName: [XDRString: Int]

    init(_ variables: [NDMPVariable] = []) {
        self.variables = variables
        indexByName = [:]
        for (index, variable) in variables.enumerated() { indexByName[variable.name] = index }
    }

    // MARK: Looking up

    subscript(name: String) -> XDRString? {
        indexByName[XDRString(name)].map { variables[$0].value }
    }

    /// `y`, `yes`, `t`, `true` and `1` in any case are true; anything else that is given is false.
    func flag(_ name: String, default value: Bool) -> Bool {
        guard let text = self[name]?.text, !text.isEmpty else { return value }
        return ["y", "yes", "t", "true", "1"].contains(text.lowercased())
    }

    private func number(_ name: String) throws(Refusal) -> Int64? {
        guard let text = self[name]?.text, !text.isEmpty else { return nil }
        guard let number = Int64(text) else {
            throw Refusal(description: "\(name)=\(text) is not a number")
        }
        return number
    }

    /// The directory that a backup takes, or that a recovery goes to when its names say nothing else. FILESYSTEM and
    /// its older name PREFIX mean the same, and the last one that holds a path counts: clients repeat the backup's
    /// variables before their own.
    var fileSystem: [UInt8]? {
        let names: [XDRString] = ["FILESYSTEM", "PREFIX"]
        return variables.last { names.contains($0.name) && $0.value.bytes.first == UInt8(ascii: "/") }?.value.bytes
    }

    /// HIST: n, f (paths), d (nodes), y (as suits the format).
    func history(for format: StreamFormat, default form: HistoryForm = .none) throws(Refusal) -> HistoryForm {
        guard let text = self["HIST"]?.text.lowercased(), !text.isEmpty else { return form }
        switch text {
        case "n", "no", "0", "false": return .none
        case "f": return .paths
        case "d": return .nodes
        case "y", "yes", "t", "true", "1": return Self.usualHistory(for: format)
        default: throw Refusal(description: "HIST=\(text) is none of y, n, f and d")
        }
    }

    static func usualHistory(for format: StreamFormat) -> HistoryForm {
        switch format {
        case .tar: .paths
        case .dump: .nodes
        }
    }

    // MARK: Options of jobs

    func backupOptions(for format: StreamFormat, fileSystem: [UInt8]) throws(Refusal) -> BackupOptions {
        let key = self["DMP_NAME"].flatMap { $0.isEmpty ? nil : $0.text }
        var options = BackupOptions(datesKey: key ?? displayed(fileSystem))
        let level = try number("LEVEL") ?? 0
        guard (0...Int64(BackupOptions.maximumLevel)).contains(level) else {
            throw Refusal(description: "LEVEL=\(level): levels go from 0 to \(BackupOptions.maximumLevel)")
        }
        options.level = Int(level)
        // -1 is what clients send for "by the level".
        if let base = try number("BASE_DATE"), base >= 0 { options.baseDate = base }
        options.updatesDates = flag("UPDATE", default: true)
        options.excludes = try list("EXCLUDE", limit: BackupOptions.maximumExcludes)
        options.files = try list("FILES", limit: BackupOptions.maximumFiles)
            .map { (name) throws(Refusal) -> TreePath in
                guard let path = TreePath(normalising: name) else {
                    throw Refusal(description: "FILES has \(displayed(name)), which leads out of the file system")
                }
                return path
            }
        options.history = try history(for: format)
        return options
    }

    func recoverOptions(for format: StreamFormat, historyOnly: Bool) throws(Refusal) -> RecoverOptions {
        var options = RecoverOptions()
        options.wholeImage = !flag("EXTRACT", default: true)
        options.isRecursive = flag("RECURSIVE", default: true)
        options.historyOnly = historyOnly
        options.history =
            historyOnly
            ? try history(for: format, default: Self.usualHistory(for: format)) : .none
        if historyOnly, options.history == .none { options.history = Self.usualHistory(for: format) }
        options.direct = flag("DIRECT", default: false)
        return options
    }

    /// The names of all variables of this name: a client may send one for each.
    private func list(_ name: String, limit: Int) throws(Refusal) -> [[UInt8]] {
        let items = variables.filter { $0.name == XDRString(name) }.flatMap { Self.items($0.value.bytes) }
        guard items.count <= limit else {
            throw Refusal(description: "\(name) has \(items.count) names; \(limit) is the limit")
        }
        return items
    }

    /// Names with white space or commas between them; a backslash takes the next byte as it is.
    private static func items(_ value: [UInt8]) -> [[UInt8]] {
        var items: [[UInt8]] = []
        var item: [UInt8] = []
        var isQuoted = false
        for byte in value {
            if isQuoted {
                item.append(byte)
                isQuoted = false
            } else if byte == UInt8(ascii: "\\") {
                isQuoted = true
            } else if [0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ",")].contains(byte) {
                if !item.isEmpty { items.append(item) }
                item = []
            } else {
                item.append(byte)
            }
        }
        if !item.isEmpty { items.append(item) }
        return items
    }

    // MARK: Answers

    /// Sets what a job has found out, in place of what the client had sent, or behind it.
    mutating func set(_ name: XDRString, _ value: XDRString) {
        let variable = NDMPVariable(name: name, value: value)
        if let index = indexByName[name] {
            variables[index] = variable
        } else {
            indexByName[name] = variables.count
            variables.append(variable)
        }
    }

    mutating func setDefault(_ name: XDRString, _ value: XDRString) {
        if indexByName[name] == nil { set(name, value) }
    }
}
