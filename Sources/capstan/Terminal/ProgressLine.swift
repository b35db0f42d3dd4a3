// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// Progress of long work: one rewritten line on a terminal, a line every few seconds elsewhere.
final class ProgressLine {
    private let what: String
    private let output: Output
    private let rewrites: Bool
    private let started = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?

    /// How often the line is renewed.
    private var interval: Duration { rewrites ? .milliseconds(200) : .seconds(5) }

    init(_ what: String, output: Output = .standard) {
        self.what = what
        self.output = output
        rewrites = output.narratesToTerminal
    }

    /// Shows where the work stands; cheap enough to call for every piece.
    func show(done: UInt64, total: UInt64?) {
        let now = ContinuousClock.now
        guard lastShown.map({ now - $0 >= interval }) ?? rewrites || lastShown == nil && now - started >= interval
        else { return }
        lastShown = now
        let text = Self.text(what, done: done, total: total, elapsed: now - started)
        if rewrites { output.narrateInPlace(text) } else { output.narrate(text) }
    }

    /// Replaces the line by a last word.
    func finish(_ text: String) {
        if rewrites { output.narrateInPlace("") }
        output.narrate(text)
    }

    /// `verify CAP001L8: 1.2 GiB of 4.0 GiB (30 %), 410.2 MiB/s, 7 s left`
    static func text(_ what: String, done: UInt64, total: UInt64?, elapsed: Duration) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        var text = "\(what): \(ByteSize.text(done))"
        if let total { text += " of \(ByteSize.text(total)) (\(Style.percent(done, of: total)))" }
        guard seconds > 0.5, done > 0 else { return text }
        let rate = Double(done) / seconds
        text += ", \(ByteSize.text(UInt64(rate)))/s"
        if let total, total > done { text += ", \(Spans.text(seconds: UInt64(Double(total - done) / rate))) left" }
        return text
    }
}

/// Times in words.
enum Spans {
    /// `7 s`, `2 min 05 s`, `3 h 12 min`, `4 d 2 h`.
    static func text(seconds: UInt64) -> String {
        func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(two(seconds % 60)) s"
        case ..<86_400: "\(seconds / 3600) h \(two(seconds % 3600 / 60)) min"
        default: "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
        }
    }
}

/// Numbers of things.
enum Plural {
    /// `1 record`, `2 records`.
    static func of(_ count: UInt64, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
