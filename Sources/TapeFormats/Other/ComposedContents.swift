// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization

/// Contents that have other contents within: each opened when somebody looks into its directory, and given up again
/// when together they take more memory than one archive may.
///
/// An entry's number is that of its part, from bit 22 on, and its number there; the frame around them is part 0. The
/// numbers stay, also when a part is opened again.
final class ComposedContents: ArchiveContents {
    /// Contents that can be opened, below a directory of the frame.
    struct Part: Sendable {
        /// Of the frame. Its own attributes are what is shown of the part's root.
        var directory: UInt32
        /// For problems: where it is shown.
        var name: String
        var open: @Sendable () throws(FormatError) -> any ArchiveContents
    }

    /// Bits of an entry's number within its part: `ContentLimits.entries` is below 2^22.
    private static let partShift: UInt32 = 22
    private static let entryMask: UInt32 = 1 << partShift - 1
    static let maximumParts = 1023

    private struct Opened {
        var contents: any ArchiveContents
        var lastUse: UInt64
    }

    private struct State {
        var opened: [Int: Opened] = [:]
        /// Problems of parts, in the order in which they were opened first.
        var told: [Int: [String]] = [:]
        /// Entries of parts that were opened once, also of those that were given up since.
        var counts: [Int: Int] = [:]
        var uses: UInt64 = 0
    }

    private let frame: ContentTable
    private let parts: [Part]
    private let byDirectory: [UInt32: Int]
    private let limits: ContentLimits
    /// One for each part: it is opened once, and nobody who looks into another one waits.
    private let openers: [PartLock]
    private let state = Mutex(State())

    private final class PartLock: Sendable {
        let mutex = Mutex(())
    }

    /// - Parameters:
    ///   - frame: the directories around the parts; files of its own are opened by it.
    ///   - parts: at most `maximumParts`.
    init(frame: ContentTable, parts: [Part], limits: ContentLimits) {
        self.frame = frame
        self.parts = Array(parts.prefix(Self.maximumParts))
        byDirectory = Dictionary(
            self.parts.enumerated().map { ($1.directory, $0) },
            uniquingKeysWith: { one, _ in one }
        )
        openers = self.parts.map { _ in PartLock() }
        self.limits = limits
    }

    var entryCount: Int {
        state.withLock { state in state.counts.values.reduce(frame.entryCount, +) }
    }

    var footprintBytes: Int {
        state.withLock { state in
            state.opened.values.reduce(frame.footprintBytes + parts.count * 256) { $0 + $1.contents.footprintBytes }
        }
    }

    var problems: [String] {
        let told = state.withLock { state in state.told.sorted { $0.key < $1.key }.flatMap(\.value) }
        return Array((frame.problems + told).prefix(Recognition.maximumProblems))
    }

    // MARK: Numbers

    private func number(_ entry: UInt32, in part: Int) -> UInt32 {
        // The root of a part is the frame's directory.
        entry == 0 ? parts[part].directory : UInt32(part + 1) << Self.partShift | entry
    }

    /// The contents that have an entry, and its number there.
    private func owner(_ number: UInt32) -> (any ArchiveContents, UInt32)? {
        let part = Int(number >> Self.partShift)
        guard part > 0 else { return (frame, number) }
        guard part <= parts.count else { return nil }
        return (contents(part - 1), number & Self.entryMask)
    }

    /// The contents whose children a directory shows.
    private func listed(_ directory: UInt32) -> (any ArchiveContents, directory: UInt32, part: Int?)? {
        if let part = byDirectory[directory] { return (contents(part), 0, part) }
        let part = Int(directory >> Self.partShift)
        return owner(directory).map { ($0.0, $0.1, part > 0 ? part - 1 : nil) }
    }

    private func contents(_ part: Int) -> any ArchiveContents {
        if let known = known(part) { return known }
        return openers[part].mutex.withLock { _ in
            if let known = known(part) { return known }
            let contents = open(part)
            keep(contents, part)
            return contents
        }
    }

    /// What cannot be opened is empty, and a problem.
    private func open(_ part: Int) -> any ArchiveContents {
        do throws(FormatError) {
            return try parts[part].open()
        } catch {
            let builder = ContentTableBuilder(limits: limits)
            builder.problem(error.description)
            return builder.finish { _ throws(FormatError) in throw .stale }
        }
    }

    private func known(_ part: Int) -> (any ArchiveContents)? {
        state.withLock { state in
            state.uses += 1
            state.opened[part]?.lastUse = state.uses
            return state.opened[part]?.contents
        }
    }

    private func keep(_ contents: any ArchiveContents, _ part: Int) {
        state.withLock { state in
            state.uses += 1
            state.opened[part] = Opened(contents: contents, lastUse: state.uses)
            state.counts[part] = contents.entryCount
            state.told[part] = contents.problems.map { "\(parts[part].name): \($0)" }
            var footprint = state.opened.values.reduce(0) { $0 + $1.contents.footprintBytes }
            while footprint > limits.footprintBytes, state.opened.count > 1 {
                guard let oldest = state.opened.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
                footprint -= oldest.value.contents.footprintBytes
                state.opened[oldest.key] = nil
            }
        }
    }

    // MARK: Entries

    func entry(_ number: UInt32) -> ContentEntry? {
        owner(number).flatMap { $0.0.entry($0.1) }
    }

    func child(_ name: [UInt8], of directory: UInt32) -> UInt32? {
        guard let (contents, inner, part) = listed(directory), let child = contents.child(name, of: inner) else {
            return nil
        }
        return part.map { number(child, in: $0) } ?? child
    }

    func children(of directory: UInt32, after previous: UInt32?, _ take: (UInt32, [UInt8]) -> Bool) {
        guard let (contents, inner, part) = listed(directory) else { return }
        guard let part else { return contents.children(of: inner, after: previous, take) }
        contents.children(of: inner, after: previous.map { $0 & Self.entryMask }) { child, name in
            take(number(child, in: part), name)
        }
    }

    func linkTarget(_ number: UInt32) -> [UInt8]? {
        owner(number).flatMap { $0.0.linkTarget($0.1) }
    }

    func openEntry(_ number: UInt32) throws(FormatError) -> any ContentReader {
        guard let (contents, inner) = owner(number) else { throw .stale }
        return try contents.openEntry(inner)
    }
}
