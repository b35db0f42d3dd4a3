// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// SAM-5 5.14, SPC-4 5.6: unit attention conditions, kept per nexus. A nexus seen for the first time finds a power-on
/// condition waiting.
package struct UnitAttentions: Sendable {
    /// Conditions kept per nexus; real drives keep about as many.
    static let maximumPerNexus = 8
    /// Nexuses remembered; the one that came first is forgotten when more come.
    static let maximumNexuses = 1024

    private struct Queue {
        var conditions: [AdditionalSense] = []
        var lost = false
    }

    private var queues: [Nexus: Queue] = [:]
    private var arrivals: [Nexus] = []

    package init() {}

    package var nexuses: [Nexus] { arrivals }

    /// Remembers a nexus. The first contact leaves `condition` waiting for it; nil for a door whose host has already
    /// taken the power-on condition.
    package mutating func introduce(_ nexus: Nexus, with condition: AdditionalSense? = .powerOnOrReset) {
        guard queues[nexus] == nil else { return }
        if arrivals.count >= Self.maximumNexuses {
            queues[arrivals.removeFirst()] = nil
        }
        arrivals.append(nexus)
        queues[nexus] = Queue(conditions: condition.map { [$0] } ?? [])
    }

    package mutating func forget(_ nexus: Nexus) {
        guard queues.removeValue(forKey: nexus) != nil else { return }
        arrivals.removeAll { $0 == nexus }
    }

    /// Establishes a condition for every nexus but one (nil: for all).
    package mutating func raise(_ condition: AdditionalSense, exceptFor spared: Nexus? = nil) {
        for nexus in arrivals where nexus != spared {
            raise(condition, for: nexus)
        }
    }

    package mutating func raise(_ condition: AdditionalSense, for nexus: Nexus) {
        guard var queue = queues[nexus] else { return }
        defer { queues[nexus] = queue }
        if Self.isReset(condition) {
            // A reset makes everything before it pointless.
            queue.conditions.removeAll { Self.rank($0) >= Self.rank(condition) }
            queue.lost = false
        }
        guard !queue.conditions.contains(condition) else { return }
        guard queue.conditions.count < Self.maximumPerNexus else {
            queue.lost = true
            return
        }
        let place = queue.conditions.firstIndex { Self.rank($0) > Self.rank(condition) } ?? queue.conditions.endIndex
        queue.conditions.insert(condition, at: place)
    }

    /// The next condition without removing it.
    package func pending(for nexus: Nexus) -> AdditionalSense? {
        queues[nexus]?.conditions.first
    }

    /// The next condition, removed. Only those of the reset class when `resetOnly` is set.
    package mutating func take(for nexus: Nexus, resetOnly: Bool = false) -> SenseData? {
        guard let first = pending(for: nexus), !resetOnly || Self.isReset(first) else { return nil }
        queues[nexus]?.conditions.removeFirst()
        var sense = SenseData(.unitAttention, first)
        sense.attentionsLost = queues[nexus]?.lost ?? false
        queues[nexus]?.lost = false
        return sense
    }

    /// Conditions of a reset come before RESERVATION CONFLICT, others after it.
    private static func isReset(_ condition: AdditionalSense) -> Bool {
        condition.code == 0x29 || condition == AdditionalSense(0x3F, 0x01) || condition == AdditionalSense(0x2F, 0x01)
    }

    /// Power on, hard reset, microcode, unit reset, nexus loss, then the rest in order of arrival.
    private static func rank(_ condition: AdditionalSense) -> Int {
        switch (condition.code, condition.qualifier) {
        case (0x29, 0x00), (0x29, 0x01): 0
        case (0x29, 0x02): 1
        case (0x3F, 0x01): 2
        case (0x29, 0x07): 4
        case (0x29, _): 3
        default: 5
        }
    }
}
