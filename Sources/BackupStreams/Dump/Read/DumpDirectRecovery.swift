// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Direct access recovery: reads each selection by itself, from the header that its offset names.
final class DumpDirectRecovery {
    private let stream: DumpStream
    private let options: RecoverOptions
    private let observer: any RecoverObserver
    private let extractor: DumpExtractor
    /// Where a file has been restored to, for its other names.
    private var restored: [UInt32: DumpPlace] = [:]
    /// Directories that are made; they get their times when all files are in them.
    private var unfinished: [UnfinishedDirectory] = []
    private(set) var summary = RecoverSummary()

    private struct UnfinishedDirectory {
        var selection: Int
        var file: DumpFile
        var attributes: [ExtendedAttribute]
        var place: DumpPlace
        var isComplete: Bool
    }

    private enum Outcome {
        case done(RecoveryResult)
        /// A directory, whose result comes at the end.
        case later
        /// A directory whose contents are wanted too.
        case needsPass
    }

    init(_ stream: DumpStream, options: RecoverOptions, observer: any RecoverObserver) {
        self.stream = stream
        self.options = options
        self.observer = observer
        extractor = DumpExtractor(observer: observer)
    }

    /// Recovers what has an offset, in the order of the stream.
    ///
    /// - Returns: what only a pass through the whole stream can recover: selections without an offset, and directories with
    ///   all below them.
    func run(
        _ selections: [(index: Int, selection: Selection)]
    ) throws(StreamError) -> [(index: Int, selection: Selection)] {
        var rest: [(index: Int, selection: Selection)] = []
        let ordered = selections.sorted { ($0.selection.offset ?? .max) < ($1.selection.offset ?? .max) }
        for (index, selection) in ordered {
            if observer.isCancelled { throw .cancelled }
            guard let offset = selection.offset else {
                rest.append((index, selection))
                continue
            }
            switch try recover(index, selection, at: offset) {
            case .needsPass: rest.append((index, selection))
            case .later: break
            case .done(let result): tell(index, result)
            }
        }
        return rest
    }

    /// After everything else, also after a failure: owner, mode and times of directories, the deepest first.
    func finish() {
        for next in unfinished.sorted(by: { $0.place.path.bytes.count > $1.place.path.bytes.count }) {
            let result = extractor.finish(
                directory: next.file,
                next.attributes,
                at: next.place,
                replacesAttributes: false
            )
            tell(next.selection, next.isComplete ? result : .failed)
        }
        unfinished = []
    }

    private func tell(_ selection: Int, _ result: RecoveryResult) {
        if result != .recovered { summary.failed += 1 }
        observer.finished(selection, result)
    }

    private func recover(_ index: Int, _ selection: Selection, at offset: UInt64) throws(StreamError) -> Outcome {
        let place = DumpPlace(tree: selection.tree, path: selection.target)
        if let node = selection.node, let inode = UInt32(exactly: node), let first = restored[inode] {
            let result = extractor.link(place, to: first)
            if result == .recovered { summary.files += 1 }
            return .done(result)
        }
        guard let header = try header(of: selection, at: offset) else { return .done(.notFound) }
        let file = DumpFile(inode: header.inode, file: header.file, offset: offset)
        guard file.kind != .directory else {
            return options.isRecursive ? .needsPass : try recoverDirectory(index, header, file, place)
        }
        expectData(of: header)
        if let problem = extractor.begin(file, at: place) { return .done(problem) }
        var isComplete = false
        var attributes: [ExtendedAttribute] = []
        do throws(StreamError) {
            isComplete = try stream.file(header) { (offset, bytes) in self.extractor.data(bytes, at: offset) }
            attributes = try stream.attributes(of: header.inode, observer)
        } catch {
            // The next file may well lie before the place where the stream ends.
            guard case .truncated = error else { throw error }
        }
        let result = extractor.finish(attributes, isComplete: isComplete)
        if result == .recovered {
            summary.files += 1
            restored[header.inode] = place
        }
        return .done(result)
    }

    private func header(of selection: Selection, at offset: UInt64) throws(StreamError) -> DumpHeader? {
        let path = displayed(selection.original.bytes)
        guard offset % UInt64(DumpFormat.recordBytes) == 0 else {
            observer.note(.error, "\(path): offset \(offset) is no place of a header")
            return nil
        }
        try stream.begin(at: offset, direct: true)
        switch try stream.headerHere() {
        case nil:
            observer.note(.error, "\(path): offset \(offset) lies behind the end of the stream")
        case .failure(let error):
            observer.note(.error, "\(path): at offset \(offset) \(error.sentence)")
        case .success(let header):
            let isNode = selection.node.map { $0 == 0 || $0 == .max || $0 == UInt64(header.inode) } ?? true
            if header.kind == .inode, !header.holdsAttributes, isNode { return header }
            observer.note(.error, "\(path): at offset \(offset) another file begins")
        }
        return nil
    }

    /// Asks for the file's data, the headers in it and the one behind it. A sparse file has less than its size.
    private func expectData(of header: DumpHeader) {
        let record = UInt64(DumpFormat.recordBytes)
        let size = header.file.size
        let blocks = min(size / record + 1, UInt64(header.file.blocks) / 2 + 4)
        let headers = size / (record * UInt64(DumpFormat.recordsPerHeader)) + 1
        stream.expect((blocks + headers) * record)
    }

    private func recoverDirectory(
        _ index: Int,
        _ header: DumpHeader,
        _ file: DumpFile,
        _ place: DumpPlace
    ) throws(StreamError) -> Outcome {
        stream.expect(UInt64(header.dataRecords + 1) * UInt64(DumpFormat.recordBytes))
        let isComplete = try stream.file(header, nil)
        let attributes = try stream.attributes(of: header.inode, observer)
        do throws(TreeError) { try place.tree.makeDirectory(place.path, mode: 0o700) } catch {
            observer.note(.error, error.description)
            return .done(error.isPermissionDenied ? .permissionDenied : .noDirectory)
        }
        summary.directories += 1
        unfinished.append(
            UnfinishedDirectory(
                selection: index,
                file: file,
                attributes: attributes,
                place: place,
                isComplete: isComplete
            )
        )
        return .later
    }
}
