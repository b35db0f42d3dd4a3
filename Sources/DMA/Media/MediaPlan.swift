// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Which cartridges a backup may write to, and in what order it tries them. Pure: what is on a cartridge is seen by its
/// label only once it is loaded.
package struct MediaPlan: Sendable, Equatable {
    /// What the catalogue lets expect of a cartridge.
    package enum Expectation: Sendable, Equatable {
        /// Ours, with room left.
        case append
        /// Not in the catalogue: blank, or somebody else's.
        case unknown
        /// Ours; nothing on it is needed any more.
        case reuse
        /// Named by the operator with leave to overwrite.
        case overwrite
    }

    package struct Candidate: Sendable, Equatable {
        package var barcode: String
        package var expectation: Expectation
    }

    /// Cartridges that were named and cannot be used, with the reason.
    package private(set) var refused: [(barcode: String, reason: String)] = []
    /// Cartridges that were named and are not there.
    package private(set) var missing: [String] = []
    private(set) var candidates: [Candidate] = []

    package static func == (left: MediaPlan, right: MediaPlan) -> Bool {
        left.candidates == right.candidates && left.refused.map(\.barcode) == right.refused.map(\.barcode)
    }

    /// - Parameters:
    ///   - named: barcodes of the operator's choice, in his order; empty: any of the library.
    ///   - present: barcodes that the robot can reach.
    ///   - overwrite: named cartridges may be written anew whatever is on them.
    package init(named: [String], present: [String], media: [MediumUse], pool: String, overwrite: Bool) {
        let known = Dictionary(media.map { ($0.medium.barcode, $0) }) { first, _ in first }
        guard named.isEmpty else {
            for barcode in named { add(barcode, known[barcode], present.contains(barcode), pool, overwrite) }
            return
        }
        let usable = present.filter { !$0.hasPrefix(Self.cleaningPrefix) }.sorted()
        let own = usable.compactMap { known[$0] }.filter { $0.medium.pool == pool }
        let live = own.filter { $0.liveImages > 0 && $0.medium.state == .open }
        let newest = live.sorted {
            ($1.medium.lastWritten, $0.medium.barcode) < ($0.medium.lastWritten, $1.medium.barcode)
        }
        candidates += newest.map { Candidate(barcode: $0.medium.barcode, expectation: .append) }
        candidates += usable.filter { known[$0] == nil }.map { Candidate(barcode: $0, expectation: .unknown) }
        let free = own.filter { $0.liveImages == 0 }
        let oldest = free.sorted {
            ($0.medium.lastWritten, $0.medium.barcode) < ($1.medium.lastWritten, $1.medium.barcode)
        }
        candidates += oldest.map { Candidate(barcode: $0.medium.barcode, expectation: .reuse) }
    }

    /// Bar codes of cleaning cartridges begin so in every library.
    private static let cleaningPrefix = "CLN"

    private mutating func add(
        _ barcode: String,
        _ use: MediumUse?,
        _ isPresent: Bool,
        _ pool: String,
        _ overwrite: Bool
    ) {
        guard isPresent else {
            missing.append(barcode)
            return
        }
        if overwrite {
            candidates.append(Candidate(barcode: barcode, expectation: .overwrite))
        } else if let use {
            if use.medium.pool != pool {
                refused.append((barcode, "it belongs to pool \(use.medium.pool)"))
            } else if use.liveImages == 0 {
                candidates.append(Candidate(barcode: barcode, expectation: .reuse))
            } else if use.medium.state == .full {
                refused.append((barcode, "it is full of images that have not expired"))
            } else {
                candidates.append(Candidate(barcode: barcode, expectation: .append))
            }
        } else {
            candidates.append(Candidate(barcode: barcode, expectation: .unknown))
        }
    }

    /// What is written on a loaded cartridge.
    package enum Contents: Sendable, Equatable {
        case blank
        case labelled(VolumeLabel)
        /// Records, but no label of ours.
        case foreign
    }

    /// What to do with a loaded cartridge.
    package enum Decision: Sendable, Equatable {
        /// Write a label at its beginning: everything on it goes.
        case label
        /// Write behind what is on it.
        case append(VolumeLabel)
        case skip(reason: String)
    }

    /// Two libraries may have the same bar codes, and what the catalogue knows of the one must not be lost for the other.
    private static let anotherCartridge =
        "and the catalogue knows images on another cartridge with this bar code (`capstan catalogue forget --medium`)"

    /// Nothing that may be wanted is overwritten: a label of ours is written over only when the catalogue knows that
    /// very label and needs nothing of it.
    package static func decide(
        _ candidate: Candidate,
        contents: Contents,
        medium: Medium?,
        pool: String
    ) -> Decision {
        if candidate.expectation == .overwrite { return .label }
        switch contents {
        case .blank:
            return candidate.expectation == .append ? .skip(reason: "it is blank, " + anotherCartridge) : .label
        case .foreign:
            return .skip(reason: "it holds data that is not ours")
        case .labelled(let label):
            guard label.barcode == candidate.barcode else {
                return .skip(reason: "its label says that it is \(label.barcode)")
            }
            guard label.pool == pool else { return .skip(reason: "it belongs to pool \(label.pool)") }
            if candidate.expectation == .append, let medium, medium.labelled != label.written {
                return .skip(reason: "its label is of \(Timestamps.text(label.written)), " + anotherCartridge)
            }
            if candidate.expectation == .reuse, let medium, medium.labelled == label.written { return .label }
            return .append(label)
        }
    }
}
