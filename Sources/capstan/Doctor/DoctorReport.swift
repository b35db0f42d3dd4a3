// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// `capstan doctor --json`.
struct DoctorReport: Codable, Sendable, Equatable {
    enum Verdict: String, Codable, Sendable {
        case ok, warning, problem
    }

    struct Check: Codable, Sendable, Equatable {
        /// What was looked at, in a word or two.
        var name: String
        var verdict: Verdict
        /// One sentence.
        var text: String
        /// What to do; nil when there is nothing to.
        var remedy: String?

        init(_ name: String, _ verdict: Verdict, _ text: String, remedy: String? = nil) {
            self.name = name
            self.verdict = verdict
            self.text = text
            self.remedy = remedy
        }
    }

    /// Whether a daemon answered.
    var daemon: Bool
    var checks: [Check]
    /// The worst of the checks.
    var verdict: Verdict

    init(daemon: Bool, checks: [Check]) {
        self.daemon = daemon
        self.checks = checks
        let all = Set(checks.map(\.verdict))
        verdict = all.contains(.problem) ? .problem : all.contains(.warning) ? .warning : .ok
    }
}

/// Exit codes of the doctor.
enum DoctorExit {
    /// At least one check found a problem.
    static let problem: Int32 = 2
}
