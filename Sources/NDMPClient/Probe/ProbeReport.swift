// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a probe found out about an NDMP server. Every list is bounded; what could not be asked is nil, and `notes`
/// says why.
package struct ProbeReport: Codable, Sendable, Equatable {
    package enum Verdict: String, Codable, Sendable {
        case ok, warning, problem
    }

    /// One sentence of the summary.
    package struct Finding: Codable, Sendable, Equatable {
        package var verdict: Verdict
        package var text: String
        /// What to change, and where; nil when there is nothing to.
        package var remedy: String?

        package init(_ verdict: Verdict, _ text: String, remedy: String? = nil) {
            self.verdict = verdict
            self.text = text
            self.remedy = remedy
        }
    }

    package struct Control: Codable, Sendable, Equatable {
        package var outcome: ProbeOutcome
        package var milliseconds: Int
        /// The server's address and ours.
        package var address: String?
        package var localAddress: String?
        package var announcedVersion: Int?
        package var problem: String?
    }

    package struct Version: Codable, Sendable, Equatable {
        package var version: Int
        package var accepted: Bool
        /// The server's answer when it was a refusal.
        package var answer: String?
    }

    package struct Authentication: Codable, Sendable, Equatable {
        /// Methods that the server names: `NONE`, `TEXT`, `MD5`.
        package var offered: [String]
        /// nil: no log-in was tried.
        package var succeeded: Bool?
        package var problem: String?
    }

    package struct Server: Codable, Sendable, Equatable {
        package var vendor: String?
        package var product: String?
        package var revision: String?
        package var hostName: String?
        package var system: String?
        package var hostID: String?
    }

    package struct Device: Codable, Sendable, Equatable {
        package var model: String
        package var names: [String]
        package var serial: String?
    }

    package struct FileSystem: Codable, Sendable, Equatable {
        package var path: String
        package var type: String
        package var status: String
        package var totalBytes: UInt64?
        package var availableBytes: UInt64?
    }

    /// What the server has; nil where it did not say.
    package struct Offers: Codable, Sendable, Equatable {
        package var tapes: [Device]?
        package var changers: [Device]?
        package var backupTypes: [String]?
        package var fileSystems: [FileSystem]?
        package var connectionTypes: [String]?
        /// `class 0x2050: 1, 2`.
        package var extensions: [String]?
    }

    /// Data connections in one direction.
    package struct Side: Codable, Sendable, Equatable {
        /// `DATA_LISTEN`, `MOVER_LISTEN`: we connect. `DATA_CONNECT`, `MOVER_CONNECT`: the server does.
        package var message: String
        /// Host whose ports they are.
        package var listener: String
        package var attempts: [PortAttempt]
        /// Why not all attempts could be made.
        package var problem: String?
    }

    package var host: String
    package var port: Int
    package var control: Control
    package var versions: [Version] = []
    /// What the rest was asked in.
    package var agreedVersion: Int?
    package var authentication: Authentication?
    package var server = Server()
    package var offers = Offers()
    package var sides: [Side] = []
    /// Why something was not asked or not answered.
    package var notes: [String] = []
    package var findings: [Finding] = []

    /// The worst of the findings.
    package var verdict: Verdict {
        let all = Set(findings.map(\.verdict))
        return all.contains(.problem) ? .problem : all.contains(.warning) ? .warning : .ok
    }
}

/// How a connection attempt ended.
package enum ProbeOutcome: String, Codable, Sendable, CaseIterable {
    case open
    /// A reset at once although something listens: a firewall rejects.
    case refused
    /// Silence: a firewall drops, or the address leads nowhere.
    case dropped
    /// A reset at once from a port that nobody was asked to listen on: packets get through, or are rejected.
    case closed
    /// The network says that there is no way.
    case unreachable
    /// The connection was accepted, but not by the server that was asked.
    case intercepted
    /// The server would not listen or connect; its reason is in the detail.
    case serverRefused
    /// The port on this machine could not be listened on.
    case taken
}

/// One attempt at a data connection.
package struct PortAttempt: Codable, Sendable, Equatable {
    /// nil when there was none: the server would not listen.
    package var port: Int?
    /// What was told to whoever connected.
    package var address: String?
    package var outcome: ProbeOutcome
    package var milliseconds: Int
    package var detail: String?
}
