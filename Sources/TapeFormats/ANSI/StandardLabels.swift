// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Tapes with standard labels: groups of labels in tape files of their own around each data set.
///
///     VOL1 HDR1 HDR2 … | data set | EOF1 EOF2 | HDR1 HDR2 | data set | EOF1 EOF2 | |
enum StandardLabels {
    static let row = FormatRow("standard-label") { (probe) throws(FormatError) in try recognise(probe) }
    static let volumeRow = VolumeRow(
        "standard-labels",
        recognise: { (volume) throws(FormatError) in try recogniseVolume(volume) },
        open: { (volume, _, limits) throws(FormatError) in try open(volume, limits) }
    )

    /// Tape files that are looked at: three for each data set.
    static let maximumTapeFiles: UInt64 = 300_000
    /// Longest record that is a label: some systems fill theirs up.
    private static let maximumRecordBytes = 2048

    /// The labels at the beginning of a tape file, empty when it begins with something else.
    static func labels(_ file: any TapeFileBytes) throws(FormatError) -> [LabelRecord] {
        var labels: [LabelRecord] = []
        for index in 0..<min(file.recordCount, LabelRecord.maximumRecords) {
            guard let record = try file.record(index), (80...maximumRecordBytes).contains(record.lengthBytes),
                let label = LabelRecord(try file.bytes(LabelRecord.bytes, at: record.offset))
            else { return labels }
            labels.append(label)
        }
        return labels
    }

    private static func recognise(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        guard LabelRecord(Array(probe.head.prefix(LabelRecord.bytes))) != nil else { return nil }
        let labels = try labels(probe.file)
        guard let first = labels.first else { return nil }
        let system = first.isEBCDIC ? "IBM" : "ANSI"
        var facts = [Recognition.Fact("labels", labels.map(\.name).joined(separator: " "))]
        var title = "\(system) labels"
        if let volume = labels.lazy.compactMap({ VolumeLabel($0) }).first {
            facts += volume.facts
            title = "\(system) label of volume \(volume.serial)"
            if labels.count == 1, probe.file.recordCount == 1, !first.isEBCDIC, volume.standard == "0" {
                facts.append(.init("perhaps", "Enstore: a VOL1 alone with label standard 0"))
            }
        }
        if let set = dataSet(labels) {
            facts += set.facts
            let place = ["HDR": "header", "EOF": "end", "EOV": "end on this volume"][set.kind] ?? "label"
            title += title == "\(system) labels" ? ": \(place) of \(set.summary)" : ", data set \(set.name)"
        }
        return Recognition(format: "standard-label", title: title, facts: facts)
    }

    private static func dataSet(_ labels: [LabelRecord]) -> DataSetLabel? {
        guard let index = labels.firstIndex(where: { DataSetLabel($0) != nil }),
            var set = DataSetLabel(labels[index])
        else { return nil }
        for label in labels[(index + 1)...] { set.take(label) }
        return set
    }

    // MARK: The volume

    private struct DataSet {
        var label: DataSetLabel
        var file: any TapeFileBytes
        /// Of its tape file.
        var number: UInt64
        var end: DataSetLabel?
    }

    private static func recogniseVolume(_ volume: any TapeVolume) throws(FormatError) -> Recognition? {
        guard let first = try volume.file(0, partition: 0), first.lengthBytes > 0 else { return nil }
        let labels = try labels(first)
        guard let record = labels.first, let label = VolumeLabel(record) else { return nil }
        let isCERN = label.owner.hasPrefix("CASTOR") || label.owner.hasPrefix("CTA")
        let system = isCERN ? label.owner : label.isEBCDIC ? "IBM" : "ANSI"
        return Recognition(
            format: "standard-labels",
            title: "Volume \(label.serial) with \(system) labels",
            facts: label.facts,
            isBrowsable: dataSet(labels) != nil
        )
    }

    /// Data sets of a volume, and what is wrong with how they lie.
    private static func dataSets(
        _ volume: any TapeVolume,
        _ builder: ContentTableBuilder
    ) throws(FormatError) -> [DataSet] {
        var sets: [DataSet] = []
        var header: DataSetLabel?
        for number in 0..<min(volume.fileCount(partition: 0), maximumTapeFiles) {
            guard let file = try volume.file(number, partition: 0) else { break }
            let labels: [LabelRecord]
            do {
                labels = try self.labels(file)
            } catch {
                builder.problem("tape file \(number + 1) cannot be read: \(error)")
                continue
            }
            if let label = dataSet(labels) {
                if label.kind == "HDR" {
                    if let header { builder.problem("data set \(header.name) has labels and no data") }
                    header = label
                } else if let last = sets.indices.last, sets[last].end == nil {
                    sets[last].end = label
                }
                continue
            }
            if let label = header {
                sets.append(DataSet(label: label, file: file, number: number))
                header = nil
            } else if file.lengthBytes > 0 {
                builder.problem("tape file \(number + 1) has no labels")
            }
        }
        return sets
    }

    /// Each data set as a file of its name; what comes again has its sequence number behind it.
    private static func open(
        _ volume: any TapeVolume,
        _ limits: ContentLimits
    ) throws(FormatError) -> any ArchiveContents {
        let builder = ContentTableBuilder(limits: limits)
        let sets = try dataSets(volume, builder)
        for (index, set) in sets.enumerated() {
            sayWhatIsWrong(set, builder)
            var name = set.label.name.replacing("/", with: "_")
            if name.isEmpty || name == "." || name == ".." { name = "unnamed" }
            if builder.find(Array(name.utf8)) != nil { name += ".\(set.label.sequence ?? Int(index) + 1)" }
            if builder.find(Array(name.utf8)) != nil { name += ".file-\(set.number + 1)" }
            builder.add(
                name: Array(name.utf8),
                in: 0,
                ContentEntry(
                    kind: .regular,
                    permissions: 0o444,
                    lengthBytes: set.file.lengthBytes,
                    modifiedNanoseconds: set.label.created.map { ContentEntry.nanoseconds($0) } ?? 0
                ),
                locator: UInt64(index)
            )
        }
        let files = sets.map(\.file)
        return builder.finish(otherBytes: sets.count * 256) { member throws(FormatError) in
            guard let index = Int(exactly: member.locator), index < files.count else { throw .stale }
            return RangeReader(files[index], offset: 0, lengthBytes: member.entry.lengthBytes)
        }
    }

    private static func sayWhatIsWrong(_ set: DataSet, _ builder: ContentTableBuilder) {
        guard let end = set.end else {
            return builder.problem("data set \(set.label.name) has no labels at its end")
        }
        if end.kind == "EOV" { builder.problem("data set \(set.label.name) goes on on another volume") }
        if let section = set.label.section, section > 1 {
            builder.problem("data set \(set.label.name) began on another volume: this is section \(section)")
        }
        if end.name != set.label.name {
            builder.problem("the labels at the end of data set \(set.label.name) are of \(end.name)")
        }
        // The count has six digits in ANSI's labels.
        if let blocks = end.blocks, UInt64(max(0, blocks)) % 1_000_000 != set.file.recordCount % 1_000_000 {
            builder.problem(
                "data set \(set.label.name) has \(set.file.recordCount) blocks, and its labels say \(blocks)"
            )
        }
    }
}
