// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient

/// `capstan doctor` for people: a line per check, and what to do below it.
struct DoctorPage {
    let report: DoctorReport
    let style: Style

    func lines() -> [String] {
        var lines: [String] = []
        for check in report.checks {
            lines.append(
                "\(VerdictMark.text(check.verdict.rawValue, style))  \(style.bold(check.name)): \(check.text)"
            )
            if let remedy = check.remedy { lines.append("         " + remedy) }
        }
        return lines + ["", VerdictMark.summary(report.verdict.rawValue, style)]
    }
}

/// Verdicts in words and colours.
enum VerdictMark {
    static func text(_ verdict: String, _ style: Style) -> String {
        switch verdict {
        case "ok": style.green("ok     ")
        case "warning": style.yellow("warning")
        default: style.red("PROBLEM")
        }
    }

    static func summary(_ verdict: String, _ style: Style) -> String {
        switch verdict {
        case "ok": style.green("No problem was found.")
        case "warning": style.yellow("No problem was found, but read the warnings.")
        default: style.red("There are problems.")
        }
    }
}

/// `capstan doctor ndmp` for people.
struct ProbePage {
    /// Attempts that are listed one by one.
    static let attemptLimit = 64

    let report: ProbeReport
    let style: Style

    func lines() -> [String] {
        var lines = server()
        for side in report.sides { lines += self.side(side) }
        if !report.notes.isEmpty { lines += ["", style.bold("NOTES")] + report.notes.map { "  " + $0 } }
        lines += ["", style.bold("FINDINGS")]
        for finding in report.findings {
            lines.append("\(VerdictMark.text(finding.verdict.rawValue, style))  \(finding.text)")
            if let remedy = finding.remedy { lines.append("         " + remedy) }
        }
        return lines + ["", VerdictMark.summary(report.verdict.rawValue, style)]
    }

    private func server() -> [String] {
        var table = Table(["", ""], indent: "  ")
        table.add("control", "\(report.control.outcome.rawValue), \(report.control.milliseconds) ms")
        let versions = report.versions.map { version in
            "\(version.version) " + (version.accepted ? "accepted" : "refused (\(version.answer ?? ""))")
        }
        add("versions", versions, to: &table)
        add("log-in", report.authentication?.offered, to: &table)
        let server = [report.server.vendor, report.server.product, report.server.revision].compactMap { $0 }
        add("server", server.isEmpty ? nil : [server.joined(separator: " ")], to: &table)
        let host = [report.server.hostName, report.server.system].compactMap { $0 }
        add("host", host.isEmpty ? nil : host, to: &table)
        add("tapes", report.offers.tapes.map { $0.map(device) }, to: &table)
        add("changers", report.offers.changers.map { $0.map(device) }, to: &table)
        add("backup types", report.offers.backupTypes, to: &table)
        add(
            "file systems",
            report.offers.fileSystems.map { $0.map { "\($0.path) (\($0.type) \($0.status))" } },
            to: &table
        )
        add("connections", report.offers.connectionTypes, to: &table)
        add("extensions", report.offers.extensions, to: &table)
        return [style.bold("NDMP server \(report.host):\(report.port)")] + table.lines(style)
    }

    private func add(_ name: String, _ values: [String]?, to table: inout Table) {
        guard let values else { return }
        table.add(name, values.isEmpty ? style.dim("none") : values.joined(separator: ", "))
    }

    private func device(_ device: ProbeReport.Device) -> String {
        "\(device.names.joined(separator: "=")) (\(device.model)\(device.serial.map { ", serial \($0)" } ?? ""))"
    }

    private func side(_ side: ProbeReport.Side) -> [String] {
        let direction =
            side.message.hasSuffix("LISTEN")
            ? "we connect to the server" : "the server connects to \(side.listener)"
        var table = Table(["PORT", "ADDRESS", "RESULT", "TIME", "DETAIL"], right: [0, 3], indent: "  ")
        for attempt in side.attempts.prefix(Self.attemptLimit) {
            table.add(
                attempt.port.map(String.init) ?? "-",
                attempt.address ?? "",
                result(attempt.outcome),
                "\(attempt.milliseconds) ms",
                attempt.detail ?? ""
            )
        }
        var lines = ["", style.bold("\(side.message): \(direction)")]
        guard !side.attempts.isEmpty else { return lines + ["  " + style.dim("not tried")] }
        lines += table.lines(style)
        let more = side.attempts.count - Self.attemptLimit
        return more > 0 ? lines + ["  … and \(more) more; --json has them all"] : lines
    }

    private func result(_ outcome: ProbeOutcome) -> String {
        switch outcome {
        case .open: style.green("open")
        case .closed: "closed"
        case .taken: style.yellow("taken here")
        case .serverRefused: style.red("server refused")
        default: style.red(outcome.rawValue)
        }
    }
}
