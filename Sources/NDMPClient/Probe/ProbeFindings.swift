// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Sockets

/// Puts a probe's results into sentences, with what to change and where.
struct ProbeFindings {
    private let report: ProbeReport
    private let options: ProbeOptions

    init(_ report: ProbeReport, _ options: ProbeOptions) {
        self.report = report
        self.options = options
    }

    func all() -> [ProbeReport.Finding] {
        guard report.control.problem == nil else { return [control()] }
        var all = [control(), version(), authentication()].compactMap { $0 }
        for side in report.sides {
            all += weListen(side) ? connects(side) : listens(side)
            if let problem = side.problem {
                all.append(.init(.problem, "\(side.message) could not be tried: \(problem)"))
            }
        }
        return all
    }

    private func weListen(_ side: ProbeReport.Side) -> Bool { side.message.hasSuffix("CONNECT") }

    private var server: String { "\(report.host):\(report.port)" }

    // MARK: Control connection

    private func control() -> ProbeReport.Finding {
        let milliseconds = report.control.milliseconds
        guard let problem = report.control.problem else {
            return .init(.ok, "\(server) answers as an NDMP server, in \(milliseconds) ms.")
        }
        let remedy: String? =
            switch report.control.outcome {
            case .refused: "Start the NDMP server there, or name its port; or let a firewall in between accept it."
            case .dropped:
                "On \(report.host) and on every firewall in between: \(rule(ports: "\(report.port)", from: nil))"
            default: nil
            }
        return .init(.problem, problem, remedy: remedy)
    }

    private func version() -> ProbeReport.Finding? {
        let accepted = report.versions.filter(\.accepted).map { "\($0.version)" }
        guard !report.versions.isEmpty else { return nil }
        guard !accepted.isEmpty else { return .init(.problem, "It accepts none of the NDMP versions 2, 3 and 4.") }
        guard accepted.contains("4") else {
            return .init(.warning, "It speaks NDMP version \(accepted.joined(separator: " and ")), not 4.")
        }
        return .init(.ok, "It speaks NDMP version \(accepted.joined(separator: ", ")).")
    }

    private func authentication() -> ProbeReport.Finding? {
        guard let authentication = report.authentication else { return nil }
        let offered = authentication.offered.isEmpty ? "no method" : authentication.offered.joined(separator: ", ")
        switch authentication.succeeded {
        case nil:
            return .init(.warning, "No log-in was tried; it offers \(offered).", remedy: "Give --user and --password.")
        case true?: return .init(.ok, "The log-in works; it offers \(offered).")
        case false?:
            return .init(
                .problem,
                authentication.problem ?? "The log-in failed.",
                remedy: "Check --user, --password and --auth; it offers \(offered)."
            )
        }
    }

    // MARK: We connect to the server

    private func listens(_ side: ProbeReport.Side) -> [ProbeReport.Finding] {
        let ours = ownHost
        var all = advertised(side)
        let word = "Data connections to the server (\(side.message))"
        for outcome in ProbeOutcome.allCases {
            let attempts = side.attempts.filter { $0.outcome == outcome }
            guard !attempts.isEmpty else { continue }
            let ports = Self.ports(attempts)
            let host = attempts.lazy.compactMap(\.address).first ?? report.host
            let times = Self.times(attempts)
            switch outcome {
            case .open: all.append(.init(.ok, "\(word): \(ports) of \(host) open, \(times)."))
            case .refused:
                all.append(
                    .init(
                        .problem,
                        "\(word): \(ports) of \(host) refused, \(times), although the server listens there: a firewall "
                            + "rejects, or the address is not the server's own.",
                        remedy: "On \(host): \(rule(ports: range(attempts), from: ours))"
                    )
                )
            case .dropped:
                all.append(
                    .init(
                        .problem,
                        "\(word): \(ports) of \(host) gave no answer for \(options.timeoutSeconds) s: a firewall drops "
                            + "the packets, or nobody has that address.\(silenced(side))",
                        remedy:
                            "On \(host) and on every firewall in between: \(rule(ports: range(attempts), from: ours))"
                    )
                )
            case .closed:
                all.append(
                    .init(
                        .ok,
                        "\(word): \(ports) of \(host) answered with a reset, \(times); the server did not listen there in "
                            + "this test, and no packet was dropped."
                    )
                )
            case .unreachable: all.append(unreachable(word, attempts, host))
            case .intercepted:
                all.append(
                    .init(
                        .problem,
                        "\(word): \(ports) of \(host) accepted the connection, but the server saw none: something else "
                            + "answers at that address.",
                        remedy: "Let the server advertise an address of its own."
                    )
                )
            case .serverRefused: all.append(refusal(side, attempts))
            case .taken: break
            }
        }
        return all + outside(side)
    }

    /// A host that answers on its control port is there: then a firewall says that it is not.
    private func unreachable(_ word: String, _ attempts: [PortAttempt], _ host: String) -> ProbeReport.Finding {
        let failed = "\(word): \(Self.ports(attempts)) of \(host) cannot be reached, \(Self.times(attempts)): "
        guard host == report.control.address.flatMap(Self.host) else {
            return .init(
                .problem,
                failed + "\(Self.detail(attempts)).",
                remedy: "Let the server advertise an address that this machine has a route to."
            )
        }
        return .init(
            .problem,
            failed + "a firewall rejects with an ICMP message (\(Self.detail(attempts))).",
            remedy: "On \(host) and on every firewall in between: \(rule(ports: range(attempts), from: ownHost))"
        )
    }

    /// Silence beside rejections by ICMP may be one too.
    private func silenced(_ side: ProbeReport.Side) -> String {
        guard side.attempts.contains(where: { $0.outcome == .unreachable }) else { return "" }
        return " Some may be rejections: systems send only a few ICMP messages per second."
    }

    /// Addresses that cannot be right.
    private func advertised(_ side: ProbeReport.Side) -> [ProbeReport.Finding] {
        let told = Set(side.attempts.compactMap(\.address))
        let control = report.control.address.flatMap(Self.host)
        return told.sorted().compactMap { address in
            guard let control, address != control else { return nil }
            if address.hasPrefix("127."), !control.hasPrefix("127."), control != "::1" {
                return .init(
                    .problem,
                    "The server tells its peers to connect to \(address), which is every machine's own address.",
                    remedy: "Let it advertise \(control) (Capstan: `capstan ndmp set advertise=\(control)`)."
                )
            }
            return .init(.warning, "The server advertises \(address), but its control connection is at \(control).")
        }
    }

    /// Ports that a firewall opened for the range does not let through.
    private func outside(_ side: ProbeReport.Side) -> [ProbeReport.Finding] {
        guard let range = options.ports else { return [] }
        let strangers = side.attempts.filter { attempt in
            attempt.port.map { !range.contains(UInt16(clamping: $0)) } ?? false
        }
        guard !strangers.isEmpty else { return [] }
        return [
            .init(
                .warning,
                "The server listened on \(Self.ports(strangers)), outside of \(range.lowerBound)-\(range.upperBound).",
                remedy:
                    "Set its range (Capstan: `capstan ndmp set data-ports=\(range.lowerBound)-\(range.upperBound)`)."
            )
        ]
    }

    // MARK: The server connects to us

    private func connects(_ side: ProbeReport.Side) -> [ProbeReport.Finding] {
        let word = "Data connections from the server (\(side.message))"
        let from = report.control.address.flatMap(Self.host)
        var all: [ProbeReport.Finding] = []
        for outcome in ProbeOutcome.allCases {
            let attempts = side.attempts.filter { $0.outcome == outcome }
            guard !attempts.isEmpty else { continue }
            let ports = Self.ports(attempts)
            let accept = rule(ports: range(attempts), from: from)
            switch outcome {
            case .open:
                all.append(.init(.ok, "\(word) to \(ports) of \(side.listener) come in, \(Self.times(attempts))."))
            case .refused:
                all.append(
                    .init(
                        .problem,
                        "\(word) to \(ports) of \(side.listener) were refused, \(Self.times(attempts)): a firewall rejects "
                            + "them.\(Self.said(attempts))",
                        remedy: "On this machine: \(accept)"
                    )
                )
            case .dropped:
                all.append(
                    .init(
                        .problem,
                        "\(word) to \(ports) of \(side.listener) did not come in within \(options.timeoutSeconds) s: a "
                            + "firewall drops them, or the server cannot reach \(side.listener).\(Self.said(attempts))",
                        remedy: "On this machine and on every firewall in between: \(accept)"
                    )
                )
            case .intercepted:
                all.append(
                    .init(
                        .problem,
                        "\(word) to \(ports): the server says that it is connected, but nothing came in at "
                            + "\(side.listener): something else has that address on its side."
                    )
                )
            case .taken:
                all.append(
                    .init(.warning, "\(ports) of this machine could not be listened on: \(Self.detail(attempts)).")
                )
            default: all.append(refusal(side, attempts))
            }
        }
        return all
    }

    private func refusal(_ side: ProbeReport.Side, _ attempts: [PortAttempt]) -> ProbeReport.Finding {
        let times = attempts.count == 1 ? "" : " \(attempts.count) times"
        return .init(.problem, "The server refused \(side.message)\(times): \(Self.detail(attempts)).")
    }

    // MARK: Words

    private var ownHost: String? { report.control.localAddress.flatMap(Self.host) }

    /// What to accept, in the words of nftables.
    private func rule(ports: String, from: String?) -> String {
        let source = from.map { ($0.contains(":") ? "ip6 saddr " : "ip saddr ") + $0 + " " } ?? ""
        return "`nft insert rule inet filter input \(source)tcp dport \(ports) accept`"
    }

    /// What a rule has to open: the whole range that was asked for, else the ports that were tried.
    private func range(_ attempts: [PortAttempt]) -> String {
        if let range = options.ports { return "\(range.lowerBound)-\(range.upperBound)" }
        let runs = Self.runs(attempts.compactMap(\.port))
        return runs.count == 1 ? runs[0] : "{ \(runs.joined(separator: ", ")) }"
    }

    /// `port 18600`, `ports 18600-18609 and 18612`.
    static func ports(_ attempts: [PortAttempt]) -> String {
        let known = attempts.compactMap(\.port)
        let runs = runs(known)
        guard let last = runs.last else { return "ports" }
        let shown = runs.prefix(shownRuns)
        let text =
            runs.count > shownRuns
            ? shown.joined(separator: ", ") + " and \(runs.count - shownRuns) more stretches"
            : runs.count == 1 ? last : runs.dropLast().joined(separator: ", ") + " and " + last
        return (Set(known).count == 1 ? "port " : "ports ") + text
    }

    /// Stretches of ports that a sentence names.
    private static let shownRuns = 12

    /// Neighbours joined: `18600-18609`.
    static func runs(_ ports: [Int]) -> [String] {
        var runs: [ClosedRange<Int>] = []
        for port in Set(ports).sorted() {
            if let last = runs.last, last.upperBound + 1 == port {
                runs[runs.count - 1] = last.lowerBound...port
            } else {
                runs.append(port...port)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    }

    private static func times(_ attempts: [PortAttempt]) -> String {
        let all = attempts.map(\.milliseconds)
        guard let least = all.min(), let most = all.max() else { return "" }
        return least == most ? "in \(most) ms" : "in \(least) to \(most) ms"
    }

    private static func detail(_ attempts: [PortAttempt]) -> String {
        var text = attempts.lazy.compactMap(\.detail).first ?? "it gave no reason"
        while text.last == "." { text.removeLast() }
        return text
    }

    /// The server's own words.
    private static func said(_ attempts: [PortAttempt]) -> String {
        attempts.contains { $0.detail != nil } ? " The server says: \(detail(attempts))." : ""
    }

    /// The host of `1.2.3.4:5` and `[::1]:5`.
    private static func host(_ address: String) -> String? {
        guard let colon = address.lastIndex(of: ":") else { return nil }
        let host = address[..<colon]
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
    }
}
