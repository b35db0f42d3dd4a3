// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Makes an image of a tape stream, a piece at a time.
package final class ImageExport {
    package struct Options: Sendable {
        /// For formats that hold one partition; nil takes the only one with anything on it.
        package var partition: Int?
        /// Leave out damaged records where the format has no place for them.
        package var omitsDamaged = false
        package var compression = ImageCompression.zlib
        package var replaces = false

        package init() {}
    }

    package private(set) var tally = ImageTally()
    package private(set) var omittedRecords: UInt64 = 0
    /// Known once the first piece came.
    package private(set) var tape: TapeDescription?

    private let format: ImageFormat
    private let options: Options
    private let makeWriter: (TapeDescription) throws(ImageError) -> any ImageWriter
    private var writer: (any ImageWriter)?
    private var decoder = TapeStreamDecoder()
    private var record: [UInt8] = []
    private var partition = 0
    /// The only one that goes into the image; nil for all.
    private var chosen: Int?

    /// - Parameter makeWriter: called once it is sure that the format can hold the tape.
    package init(
        _ format: ImageFormat,
        options: Options,
        makeWriter: @escaping (TapeDescription) throws(ImageError) -> any ImageWriter
    ) {
        self.format = format
        self.options = options
        self.makeWriter = makeWriter
    }

    package var notes: [String] {
        var notes = writer?.notes ?? []
        if omittedRecords > 0 { notes.append(Numbers.text(omittedRecords, "damaged record") + " left out") }
        if let chosen, let tape, tape.partitions.count > 1 {
            notes.append("partition \(chosen) of \(tape.partitions.count) is in the image")
        }
        return notes
    }

    /// Bytes of records that are done, and that there are.
    package var progress: (done: UInt64, total: UInt64) {
        guard let tape else { return (0, 0) }
        guard let chosen, tape.partitions.indices.contains(chosen) else { return (tally.bytes, tape.totalBytes) }
        return (tally.bytes, tape.partitions[chosen].bytes ?? 0)
    }

    package func take(_ piece: [UInt8]) throws(ImageError) {
        decoder.feed(piece)
        while let element = try next() {
            switch element {
            case .description(let description): try begin(description)
            case .object(let object): try store(object)
            }
        }
    }

    private func next() throws(ImageError) -> TapeStreamDecoder.Element? {
        do throws(TapeStreamError) { return try decoder.next(into: &record) } catch {
            throw .malformed(file: "the cartridge's stream", offset: 0, reason: error.description)
        }
    }

    private func begin(_ description: TapeDescription) throws(ImageError) {
        tape = description
        if !format.holdsPartitions { chosen = try choice(among: description.partitions) }
        writer = try makeWriter(description)
    }

    private func choice(among partitions: [TapeDescription.Partition]) throws(ImageError) -> Int {
        if let partition = options.partition {
            guard partitions.indices.contains(partition) else {
                throw .cannotHold(
                    reason: "the cartridge has no partition \(partition)",
                    hint: "its partitions are 0 to \(partitions.count - 1)"
                )
            }
            return partition
        }
        let written = partitions.indices.filter { (partitions[$0].objects ?? 0) > 0 }
        guard written.count <= 1 else {
            throw .cannotHold(
                reason: "the cartridge has \(written.count) written partitions, and a \(format.name) holds one",
                hint: "choose one with --partition, or take --format directory"
            )
        }
        return written.first ?? 0
    }

    private func store(_ object: ImageObject) throws(ImageError) {
        if case .partition(let number) = object { partition = number }
        guard chosen == nil || chosen == partition, let writer else { return }
        var record: [UInt8] = []
        swap(&record, &self.record)
        defer { swap(&record, &self.record) }
        if case .damagedRecord = object, !format.holdsDamage {
            guard options.omitsDamaged else {
                throw .cannotHold(
                    reason: "record \(tally.records + tally.filemarks) of the cartridge is damaged, and "
                        + "the format of \(format.name)s cannot say so",
                    hint: "take --format tap or directory, which can, or leave such records out with --omit-damaged"
                )
            }
            omittedRecords += 1
            return
        }
        tally.count(object)
        try writer.write(object, record)
    }

    /// The stream is over: the image gets its name.
    package func finish() throws(ImageError) {
        guard decoder.hasEnded, let writer else {
            throw .malformed(file: "the cartridge's stream", offset: 0, reason: "it ended too early")
        }
        try writer.finish()
    }

    /// Leaves nothing behind.
    package func discard() {
        writer?.discard()
    }
}

/// How records of HET images are made smaller.
package enum ImageCompression: String, Sendable, CaseIterable {
    case zlib, bzip2, none
}
