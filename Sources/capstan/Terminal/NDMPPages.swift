// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// Rows of NDMP sessions, in `status` and `ndmp sessions`.
enum SessionRows {
    static func lines(_ sessions: [SessionReport], _ style: Style) -> [String] {
        guard !sessions.isEmpty else { return ["  " + style.dim("none")] }
        var table = Table(Array(repeating: "", count: 9), right: [5, 7, 8], indent: "  ")
        for session in sessions {
            table.add(
                style.cyan("#\(session.id)"),
                session.peer,
                (session.protocolVersion.map { "v\($0)" } ?? "") + (session.user.map { " \($0)" } ?? ""),
                session.devices.joined(separator: " "),
                session.mover.map { "mover \($0)" } ?? "",
                session.bytesMoved > 0 ? ByteSize.text(session.bytesMoved) : "",
                data(session),
                session.dataBytes > 0 ? ByteSize.text(session.dataBytes) : "",
                session.bytesPerSecond > 0 ? style.green(ByteSize.text(session.bytesPerSecond) + "/s") : ""
            )
        }
        return table.lines(style)
    }

    /// The data service of a session, when it has anything to do.
    private static func data(_ session: SessionReport) -> String {
        guard let state = session.data, state != "IDLE" else { return "" }
        let operation = session.dataOperation.map { " \($0.lowercased())" } ?? ""
        return "data \(state)\(operation)"
            + (session.dataFiles > 0 ? ", \(Plural.of(session.dataFiles, "file"))" : "")
    }
}

/// `capstan ndmp show` for people.
struct NDMPSettingsPage {
    let report: NDMPSettingsReport
    let style: Style

    func lines() -> [String] {
        var table = Table(["", "", ""], indent: "  ")
        let host = report.host.contains(":") ? "[\(report.host)]" : report.host
        table.add("listen", "\(host):\(report.port)", "")
        table.add("data-ports", report.dataPorts, style.dim("data connections that are accepted"))
        table.add("connect-ports", report.connectPorts, style.dim("data connections that are made"))
        table.add("port-policy", report.portPolicy, style.dim("when a data port is taken"))
        let advertised = report.advertisedAddresses.joined(separator: ",")
        table.add("advertise", advertised.isEmpty ? "auto" : advertised, style.dim("address told to peers"))
        table.add("interface", report.interface ?? "auto", style.dim("of data connections"))
        let accept = report.acceptTimeoutSeconds == 0 ? "0 (for ever)" : "\(report.acceptTimeoutSeconds) s"
        table.add("accept-timeout", accept, style.dim("waiting for a peer to connect"))
        table.add("connect-timeout", "\(report.connectTimeoutSeconds) s", style.dim("connecting to a peer"))
        table.add("sessions", "\(report.maximumSessions)", style.dim("at most"))
        table.add("user", "\(report.user)", style.dim(report.authentication.joined(separator: ", ")))
        let exports = report.exports.map(\.text).joined(separator: ",")
        table.add("exports", exports.isEmpty ? "none" : exports, style.dim("may be backed up"))
        return [style.bold("NDMP")] + table.lines(style) + report.warnings.map { style.yellow("warning: ") + $0 }
    }
}
