// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import TapeFormats
import TapeLibrary

/// Which archive: a tape file, or a format that spans the tape files of a cartridge.
enum ArchivePlace: Hashable, Sendable {
    case file(TapeFileNumber)
    case volume
}

/// What was found in one state of a tape file, or of a cartridge.
final class FoundArchive: Sendable {
    /// Of all that was looked at.
    let stamps: [TapeStamp]
    let recognition: Recognition?
    /// Goes into the nodes of its entries: another state has another one.
    let generation: UInt32
    private let listing: Guarded<Listing>
    /// Of the file as it was when somebody measured it.
    private let measured = Guarded<(records: UInt64, sizes: RecordSizes)?>(nil, name: "record sizes")

    struct Listing {
        /// nil: nobody asked yet.
        var result: Result<any ArchiveContents, FormatError>?
    }

    init(stamps: [TapeStamp], recognition: Recognition?) {
        self.stamps = stamps
        self.recognition = recognition
        generation = Self.generation(stamps)
        listing = Guarded(Listing(), name: "contents of an archive")
    }

    /// Lists it at the first call; other threads that ask for the same archive wait.
    func contents(_ open: () throws(FormatError) -> any ArchiveContents) throws(FormatError) -> any ArchiveContents {
        try listing.withLock { listing throws(FormatError) in
            if let result = listing.result { return try result.get() }
            do throws(FormatError) {
                let contents = try open()
                listing.result = .success(contents)
                return contents
            } catch {
                // Stale or unreadable now may be well later; what is malformed stays so.
                switch error {
                case .stale, .unreadable: break
                default: listing.result = .failure(error)
                }
                throw error
            }
        }
    }

    /// What listing it came to; nil while nobody asked, or somebody is at it.
    var listed: Result<any ArchiveContents, FormatError>? {
        listing.withLockIfFree { $0.result } ?? nil
    }

    /// Measured at the first call for a file of so many records.
    func sizes(
        of records: UInt64,
        _ measure: () throws(FileError) -> RecordSizes
    ) throws(FileError) -> RecordSizes {
        try measured.withLock { measured throws(FileError) in
            if let measured, measured.records == records { return measured.sizes }
            let sizes = try measure()
            measured = (records, sizes)
            return sizes
        }
    }

    var footprintBytes: Int {
        if case .success(let contents)? = listed { return contents.footprintBytes }
        return 0
    }

    /// The same for the same state, also after a new start.
    private static func generation(_ stamps: [TapeStamp]) -> UInt32 {
        var hash: UInt64 = 0x2545_F491_4F6C_DD1D
        for stamp in stamps {
            for word in stamp.words {
                hash = (hash ^ word) &* 0x9FB2_1C65_1E98_DF25
                hash ^= hash >> 32
            }
        }
        return max(1, UInt32(truncatingIfNeeded: hash ^ hash >> 32))
    }
}

/// What was recognised and listed, kept for the next who asks: the latest, so many and so large as the limits say.
final class ArchiveCache: Sendable {
    private struct Key: Hashable {
        var barcode: String
        var place: ArchivePlace
    }

    private struct Entry {
        var archive: FoundArchive
        var used: UInt64
        /// When it was found: of a tape that is being written only now and then a new state is looked at.
        var nanoseconds: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var clock: UInt64 = 0
    }

    private let limits: CartridgeFilesLimits
    private let state = Guarded(State(), name: "listed archives")

    init(_ limits: CartridgeFilesLimits) { self.limits = limits }

    /// The archive as it was found last; nil when nobody looked, or `isValid` says it is overtaken.
    func known(
        _ place: ArchivePlace,
        of barcode: String,
        _ isValid: (FoundArchive, _ ageNanoseconds: UInt64) -> Bool
    ) -> FoundArchive? {
        let key = Key(barcode: barcode, place: place)
        guard let entry = state.withLock({ $0.entries[key] }) else { return nil }
        guard isValid(entry.archive, Self.now() &- entry.nanoseconds) else { return nil }
        state.withLock { state in
            state.clock += 1
            state.entries[key]?.used = state.clock
        }
        return entry.archive
    }

    /// Keeps it, unless another thread was first with the same state: then that one counts.
    func keep(_ archive: FoundArchive, _ place: ArchivePlace, of barcode: String) -> FoundArchive {
        let key = Key(barcode: barcode, place: place)
        let kept = state.withLock { state in
            state.clock += 1
            if let other = state.entries[key]?.archive, other.stamps == archive.stamps { return other }
            state.entries[key] = Entry(archive: archive, used: state.clock, nanoseconds: Self.now())
            return archive
        }
        evict()
        return kept
    }

    /// Gives the oldest up until the rest is within the limits. Called again when something was listed.
    func evict() {
        state.withLock { state in
            let sizes = state.entries.mapValues { $0.archive.footprintBytes }
            var bytes = sizes.values.reduce(0, +)
            var listed = sizes.values.count { $0 > 0 }
            let recognised = state.entries.count
            guard bytes > limits.archiveBytes || listed > limits.openArchives || recognised > limits.recognised else {
                return
            }
            // The one used last stays, whatever its size: somebody is about to use it.
            for (key, _) in state.entries.sorted(by: { $0.value.used < $1.value.used }).dropLast() {
                let size = sizes[key] ?? 0
                let isTooMuch = bytes > limits.archiveBytes || listed > limits.openArchives
                guard isTooMuch && size > 0 || state.entries.count > limits.recognised * 3 / 4 else { continue }
                state.entries[key] = nil
                bytes -= size
                if size > 0 { listed -= 1 }
            }
        }
    }

    func forget(_ barcode: String) {
        state.withLock { state in
            for key in state.entries.keys where key.barcode == barcode { state.entries[key] = nil }
        }
    }

    /// A clock that nobody sets.
    private static func now() -> UInt64 {
        let now = ContinuousClock.now - epoch
        return UInt64(clamping: now.components.seconds) &* 1_000_000_000
            &+ UInt64(clamping: now.components.attoseconds / 1_000_000_000)
    }

    private static let epoch = ContinuousClock.now
}
