// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Takes what a pass through a stream finds.
protocol DumpFileReceiver: AnyObject {
    /// All directories are known; files come from now on.
    func start(_ contents: DumpContents) throws(StreamError)
    /// - Returns: whether the file's data is wanted.
    func begin(_ file: DumpFile) throws(StreamError) -> Bool
    func data(_ bytes: Span<UInt8>, at offset: UInt64) throws(StreamError)
    /// Called for each file that was begun, wanted or not.
    func finish(_ file: DumpFile, _ attributes: [ExtendedAttribute], isComplete: Bool) throws(StreamError)
}

/// Reads a stream from end to end.
struct DumpPass {
    private let stream: DumpStream
    private let observer: any JobObserver
    private let keepsMaps: Bool
    private var contents = DumpContents()

    init(_ stream: DumpStream, observer: any JobObserver, keepsMaps: Bool) {
        self.stream = stream
        self.observer = observer
        self.keepsMaps = keepsMaps
    }

    mutating func run(_ receiver: any DumpFileReceiver) throws(StreamError) {
        try readTape()
        while let header = try next() {
            guard header.kind == .inode else {
                try readOther(header)
                continue
            }
            guard !header.holdsAttributes, DumpMode.kind(ofMode: header.file.mode) == .directory else {
                stream.giveBack(header)
                break
            }
            try readDirectory(header)
        }
        contents.findPlaces(observer)
        try receiver.start(contents)
        contents = DumpContents()
        while let header = try next() {
            guard header.kind == .inode, !header.holdsAttributes else {
                try readOther(header)
                continue
            }
            try readFile(header, receiver)
        }
    }

    /// Every stream begins with a tape header.
    private mutating func readTape() throws(StreamError) {
        switch try stream.headerHere() {
        case .success(let header):
            guard header.kind == .tape else { throw .malformed("the stream does not begin with a dump's tape header") }
            guard header.flags & DumpFlags.compressed == 0 else {
                throw .impossible("the dump is compressed (dump -z, -j or -y), which is not supported")
            }
            guard header.volume <= 1 else {
                throw .impossible("the stream begins with volume \(header.volume) of a dump: start with the first one")
            }
            contents.tape = header
        case .failure(let error): throw .malformed("the stream is no dump that can be read: \(error.sentence)")
        case nil: throw .truncated(at: stream.position)
        }
    }

    /// The next header; nil at the end mark.
    private func next() throws(StreamError) -> DumpHeader? {
        if observer.isCancelled { throw .cancelled }
        guard let header = try stream.header() else { throw .truncated(at: stream.position) }
        return header.kind == .end ? nil : header
    }

    private mutating func readOther(_ header: DumpHeader) throws(StreamError) {
        switch header.kind {
        case .usedMap where keepsMaps: contents.used = try readMap(header)
        case .dumpedMap where keepsMaps: contents.dumped = try readMap(header)
        case .addresses:
            observer.note(
                .warning,
                "data of inode \(header.inode) at byte \(stream.headerPosition) has lost its header"
            )
            try stream.data(records: header.dataRecords) { _ in }
        case .usedMap, .dumpedMap, .inode, .tape, .end:
            try stream.data(records: header.dataRecords) { _ in }
        }
    }

    private func readMap(_ header: DumpHeader) throws(StreamError) -> DumpMap {
        var map = DumpMap()
        var index: UInt32 = 0
        try stream.data(records: header.dataRecords) { bytes in
            for start in stride(from: 0, to: bytes.count, by: DumpFormat.recordBytes) {
                map.set(index, bytes.extracting(start..<start + DumpFormat.recordBytes))
                index += 1
            }
        }
        return map
    }

    private mutating func readDirectory(_ header: DumpHeader) throws(StreamError) {
        let file = DumpFile(inode: header.inode, file: header.file, offset: stream.headerPosition)
        guard header.inode >= DumpFormat.rootInode, contents.index[header.inode] == nil else {
            observer.note(.warning, "directory \(header.inode) at byte \(file.offset) comes twice or is none: ignored")
            _ = try stream.file(header, nil)
            return
        }
        let index = contents.names.addDirectory(header.inode)
        contents.directories.append(file)
        contents.index[header.inode] = index
        var record: [UInt8] = []
        var isSound = true
        // The closure cannot hold the contents of the receiver: names are taken out for the time.
        var names = DumpNames()
        swap(&names, &contents.names)
        defer { swap(&names, &contents.names) }
        names.begin(index)
        var isFull = false
        let isComplete = try stream.file(header) { (_, bytes) in
            for start in stride(from: 0, to: bytes.count, by: DumpFormat.recordBytes) {
                record.removeAll(keepingCapacity: true)
                for at in start..<min(start + DumpFormat.recordBytes, bytes.count) { record.append(bytes[at]) }
                let sound = DumpDirectoryDecoder.entries(in: record) { entry in
                    if names.entryCount < DumpFormat.maximumEntries {
                        _ = names.add(entry, to: index)
                    } else {
                        isFull = true
                    }
                }
                if !sound { isSound = false }
            }
        }
        if isFull { throw .impossible("the dump has more than \(DumpFormat.maximumEntries) names") }
        if !isSound || !isComplete {
            observer.note(.warning, "directory \(header.inode) at byte \(file.offset) is damaged: names are missing")
        }
        let attributes = try readAttributes(of: header.inode)
        if !attributes.isEmpty, !contents.setAttributes(attributes, of: index) {
            observer.note(.warning, "too many attributes of directories: those of inode \(header.inode) are lost")
        }
    }

    private func readFile(_ header: DumpHeader, _ receiver: any DumpFileReceiver) throws(StreamError) {
        let file = DumpFile(inode: header.inode, file: header.file, offset: stream.headerPosition)
        if file.kind == .directory {
            observer.note(.warning, "directory \(header.inode) comes after the first file: ignored")
            _ = try stream.file(header, nil)
            return
        }
        let isComplete: Bool
        if try receiver.begin(file) {
            isComplete = try stream.file(header) { (offset, bytes) throws(StreamError) in
                try receiver.data(bytes, at: offset)
            }
        } else {
            isComplete = try stream.file(header, nil)
        }
        try receiver.finish(file, readAttributes(of: header.inode), isComplete: isComplete)
    }

    /// The attribute records that follow a file.
    private func readAttributes(of inode: UInt32) throws(StreamError) -> [ExtendedAttribute] {
        try stream.attributes(of: inode, observer)
    }
}

extension DumpStream {
    /// The attribute records that follow a file; what comes behind them is left.
    func attributes(of inode: UInt32, _ observer: any JobObserver) throws(StreamError) -> [ExtendedAttribute] {
        var result: [ExtendedAttribute] = []
        var bytes = 0
        while let next = try header() {
            guard next.kind == .inode, next.holdsAttributes, next.inode == inode else {
                giveBack(next)
                break
            }
            expect(UInt64((next.dataRecords + 1) * DumpFormat.recordBytes))
            var block: [UInt8] = []
            let isComplete = try file(next) { (_, piece) in
                bytes += piece.count
                guard bytes <= DumpAttributes.maximumFileBytes else { return }
                for index in piece.indices { block.append(piece[index]) }
            }
            guard next.attributeKind == DumpAttributeKind.linux else { continue }
            let (attributes, isSound) = DumpAttributes.attributes(in: block)
            result.append(contentsOf: attributes)
            if !isSound || !isComplete {
                observer.note(.warning, "attributes of inode \(inode) are damaged or of an unknown kind")
            }
        }
        return result
    }
}
