// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Volumes of LTFS: the newest index is the tree, those before it are in `.generations`.
enum LTFSFormat {
    static let rows: [FormatRow] = [
        FormatRow("ltfs-label") { (probe) throws(FormatError) in try recogniseLabel(probe) },
        FormatRow(
            "ltfs-index",
            recognise: { (probe) throws(FormatError) in try recogniseIndex(probe) },
            open: { (request) throws(FormatError) in try openIndex(request) }
        ),
    ]
    static let volumeRow = VolumeRow(
        "ltfs",
        recognise: { (volume) throws(FormatError) in try recogniseVolume(volume) },
        open: { (volume, _, limits) throws(FormatError) in try open(volume, limits) }
    )

    /// Tape files that are looked at for indexes, from the end of each partition on.
    static let maximumTapeFiles: UInt64 = 100_000
    /// Older generations that are shown.
    static let maximumGenerations = 1000
    /// The directory of older generations.
    static let generationsName = ".generations"
    private static let defaultBlockBytes = 512 << 10

    // MARK: Tape files

    private static func recogniseLabel(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        if LTFSLabel.isVolumeLabel(probe.head), try probe.firstRecordBytes() == 80 {
            return Recognition(
                format: "ltfs-label",
                title: "VOL1 of LTFS volume \(FieldText.trimmed(probe.head.field(at: 4, width: 6)))",
                facts: [.init("serial", FieldText.trimmed(probe.head.field(at: 4, width: 6)))]
            )
        }
        guard let label = try LTFSLabel(probe.file) else { return nil }
        return Recognition(
            format: "ltfs-label",
            title: "Label of LTFS partition \(label.partition)",
            facts: label.facts
        )
    }

    private static func recogniseIndex(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        guard LTFSIndexHead.isIndex(probe.head) else { return nil }
        guard let head = try LTFSIndexHead(probe.file) else { return nil }
        return Recognition(
            format: "ltfs-index",
            title: head.title,
            facts: head.facts,
            isBrowsable: probe.volume != nil && !head.isIncremental
        )
    }

    private static func openIndex(_ request: ContentRequest) throws(FormatError) -> any ArchiveContents {
        guard let volume = request.volume else { throw .opaque("files of an index lie outside of its tape file") }
        let labels = try Labels(volume)
        let builder = ContentTableBuilder(limits: request.limits)
        return table(request.file, volume, labels, builder, request.limits) { _ in }
    }

    // MARK: The volume

    /// What the partitions' labels say.
    private struct Labels {
        var serial = ""
        var label: LTFSLabel?
        var partitions: [String: UInt8] = [:]
        var problems: [String] = []

        init(_ volume: any TapeVolume) throws(FormatError) {
            for partition in 0..<min(volume.partitionCount, 4) {
                guard let first = try volume.file(0, partition: partition),
                    LTFSLabel.isVolumeLabel(try first.bytes(80))
                else { continue }
                serial = FieldText.trimmed(try first.bytes(80).field(at: 4, width: 6))
                guard let second = try volume.file(1, partition: partition), let label = try LTFSLabel(second) else {
                    problems.append("partition \(partition) has no label of LTFS behind its VOL1")
                    continue
                }
                if let known = self.label, known.volume != label.volume {
                    problems.append("the labels of the partitions are of different volumes")
                }
                partitions[label.partition] = UInt8(partition)
                self.label = self.label ?? label
            }
        }

        var blockBytes: Int { label.flatMap { $0.blockBytes > 0 ? $0.blockBytes : nil } ?? defaultBlockBytes }
    }

    private struct Index {
        var head: LTFSIndexHead
        var file: any TapeFileBytes
        var partition: Int
    }

    private static func recogniseVolume(_ volume: any TapeVolume) throws(FormatError) -> Recognition? {
        guard let first = try volume.file(0, partition: 0), LTFSLabel.isVolumeLabel(try first.bytes(80)) else {
            return nil
        }
        let labels = try Labels(volume)
        var facts: [Recognition.Fact] = [.init("serial", labels.serial)]
        facts += (labels.label?.facts ?? []).filter { $0.name != "partition" }
        var recognition = Recognition(
            format: "ltfs",
            title: "LTFS volume \(labels.serial)",
            facts: facts,
            isBrowsable: labels.label != nil,
            problems: labels.problems
        )
        if volume.partitionCount < 2 { recognition.problems.append("the cartridge has only one partition") }
        return recognition
    }

    /// The indexes of a volume, newest first, each generation once.
    private static func indexes(
        _ volume: any TapeVolume,
        _ labels: Labels,
        _ builder: ContentTableBuilder
    ) throws(FormatError) -> [Index] {
        var found: [UInt64: Index] = [:]
        for partition in 0..<min(volume.partitionCount, 4) {
            let count = volume.fileCount(partition: partition)
            for number in (count - min(count, maximumTapeFiles)..<count).reversed() {
                do {
                    guard let file = try volume.file(number, partition: partition), file.lengthBytes > 0,
                        let head = try LTFSIndexHead(file)
                    else { continue }
                    if head.isIncremental {
                        builder.problem("increments of an index are not read: what changed since is not shown")
                        continue
                    }
                    if let label = labels.label, label.volume != head.volume {
                        builder.problem("\(head.title) is of another volume")
                        continue
                    }
                    // The last of a partition is the one that holds.
                    if found[head.generation] == nil {
                        found[head.generation] = Index(head: head, file: file, partition: partition)
                    }
                } catch {
                    builder.problem("tape file \(number + 1) of partition \(partition) is no sound index: \(error)")
                }
            }
        }
        return found.values.sorted { $0.head.generation > $1.head.generation }
    }

    private static func open(
        _ volume: any TapeVolume,
        _ limits: ContentLimits
    ) throws(FormatError) -> any ArchiveContents {
        let labels = try Labels(volume)
        let builder = ContentTableBuilder(limits: limits)
        let indexes = try indexes(volume, labels, builder)
        guard let newest = indexes.first else { throw .malformed("the volume has no index that can be read") }
        checkBackPointer(newest, indexes, builder)
        if indexes.count - 1 > maximumGenerations {
            builder.problem("only the last \(maximumGenerations) generations before it are shown")
        }
        var parts: [ComposedContents.Part] = []
        let frame = table(newest.file, volume, labels, builder, limits) { builder in
            for index in indexes.dropFirst().prefix(maximumGenerations) {
                let path = "\(generationsName)/\(index.head.generation)"
                let entry = ContentEntry(
                    kind: .directory,
                    permissions: 0o555,
                    modifiedNanoseconds: LTFSListing.time(index.head.updated)
                )
                guard builder.find(Array(path.utf8)) == nil,
                    let directory = builder.add(path: Array(path.utf8), entry)
                else { continue }
                parts.append(
                    ComposedContents.Part(directory: directory, name: path) { () throws(FormatError) in
                        table(index.file, volume, labels, ContentTableBuilder(limits: limits), limits) { _ in }
                    }
                )
            }
        }
        return ComposedContents(frame: frame, parts: parts, limits: limits)
    }

    /// The index before the newest is where the newest says it is.
    private static func checkBackPointer(_ newest: Index, _ indexes: [Index], _ builder: ContentTableBuilder) {
        guard let previous = newest.head.previous, indexes.count > 1 else { return }
        // The copy in the index partition points to the newest of the data partition, which may be of its generation.
        if !indexes.contains(where: { $0.head.place == previous }), newest.head.place != previous,
            newest.head.place.partition == previous.partition
        {
            builder.problem(
                "generation \(newest.head.generation) points back to block \(previous.block) of partition "
                    + "\(previous.partition), where no index is"
            )
        }
    }

    private static func table(
        _ file: any TapeFileBytes,
        _ volume: any TapeVolume,
        _ labels: Labels,
        _ builder: ContentTableBuilder,
        _ limits: ContentLimits,
        _ addition: (ContentTableBuilder) -> Void
    ) -> ContentTable {
        let (extents, _) = LTFSListing.read(file, partitions: labels.partitions, limits: limits, into: builder)
        addition(builder)
        let blockBytes = labels.blockBytes
        return builder.finish(otherBytes: extents.count * MemoryLayout<LTFSListing.Extent>.stride) {
            member throws(FormatError) in
            let first = Int(member.locator)
            let count = Int(member.second)
            guard first + count <= extents.count else { throw .stale }
            return LTFSFileReader(
                volume,
                extents: extents[first..<first + count],
                lengthBytes: member.entry.lengthBytes,
                blockBytes: blockBytes
            )
        }
    }
}
