// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// Everything that is no directory.
extension DumpFileWriter {
    /// What there is to write of a file, once it could be opened.
    private struct Opened {
        var status: FileStatus
        var content: Content
        var attributes: [ExtendedAttribute]
    }

    /// Smaller files are not worth a word to the kernel's cache, and may be wanted there by others.
    private static let hintedBytes: UInt64 = 1 << 20

    private enum Content {
        case none
        case link([UInt8])
        case file(TreeFile)
    }

    mutating func writeFile(_ rows: ArraySlice<DumpRow>) throws(StreamError) {
        guard let row = rows.first else { return }
        let opened: Opened
        do throws(TreeError) { opened = try prepare(row) } catch { return fault(error.description) }
        tell(rows, opened.status, offset: output.position)
        var header = output.header(.inode, inode: row.inode)
        header.file = DumpInode(opened.status)
        switch opened.content {
        case .none: try output.write(header)
        case .link(let target):
            header.file.size = UInt64(target.count)
            var file = try DumpContiguousFile(output, header)
            try file.append(target)
            try file.finish()
        case .file(let file): try writeData(file, header)
        }
        files += 1
        try write(opened.attributes, of: header)
    }

    private mutating func prepare(_ row: DumpRow) throws(TreeError) -> Opened {
        let name = scan.names.name(row.name)
        let directory = try directory(row.directory)
        let kind = scan.names.kind(row.name)
        var opened: Opened
        if kind == .regular {
            let file = try directory.openFile(name)
            opened = Opened(status: try file.status(), content: .file(file), attributes: [])
            opened.attributes = try file.extendedAttributes()
        } else {
            opened = Opened(status: try directory.status(of: name), content: .none, attributes: [])
            if kind == .symbolicLink { opened.content = .link(try directory.readLink(name)) }
            opened.attributes = try directory.extendedAttributes(of: name)
        }
        guard opened.status.kind == kind,
            scan.numbering.known(device: opened.status.device, inode: opened.status.inode) == row.inode
        else {
            throw TreeError("back up", directory.absolute(name), .invalid("it was replaced meanwhile"))
        }
        return opened
    }

    /// Attributes follow their file, each block of them as a file of its own with the same inode.
    mutating func write(_ attributes: [ExtendedAttribute], of header: DumpHeader) throws(StreamError) {
        guard !attributes.isEmpty else { return }
        let (blocks, refused) = DumpAttributes.blocks(attributes)
        for name in refused {
            observer.note(.warning, "inode \(header.inode): the dump format cannot hold attribute \(displayed(name))")
        }
        for block in blocks {
            var header = header
            header.kind = .inode
            header.flags |= DumpFlags.attributes
            header.attributeKind = DumpAttributeKind.linux
            header.file.size = UInt64(block.count)
            var file = try DumpContiguousFile(output, header)
            try file.append(block)
            try file.finish()
        }
    }

    /// The data of a regular file: only what is no hole. A file that shrinks meanwhile is filled up with zeros.
    private mutating func writeData(_ file: TreeFile, _ header: DumpHeader) throws(StreamError) {
        var header = header
        let size = header.file.size
        let segmentBytes = UInt64(DumpFormat.recordsPerHeader * DumpFormat.recordBytes)
        guard size > 0 else { return try output.write(header) }
        let isLarge = size > Self.hintedBytes
        if isLarge { file.adviseSequential() }
        let isSparse = UInt64(header.file.blocks) * 512 < size
        var regions = DataRegions(file: file, size: size, isSparse: isSparse)
        var trouble: TreeError?
        var start: UInt64 = 0
        while start < size {
            if observer.isCancelled { throw .cancelled }
            let end = start + min(segmentBytes, size - start)
            let records = Int((end - start + UInt64(DumpFormat.recordBytes) - 1) / UInt64(DumpFormat.recordBytes))
            var map = [UInt8](repeating: 0, count: records)
            do throws(TreeError) { try regions.mark(&map, from: start, to: end) } catch { trouble = trouble ?? error }
            header.count = UInt32(records)
            header.addresses = map
            try output.write(header)
            header.kind = .addresses
            var first = 0
            while first < records {
                guard map[first] != 0 else {
                    first += 1
                    continue
                }
                var last = first
                while last < records, map[last] != 0 { last += 1 }
                if let error = try copy(file, start, first..<last, end: end) { trouble = trouble ?? error }
                first = last
            }
            if isLarge { file.dropFromCache(start..<end) }
            start = end
        }
        if let trouble { fault(trouble.description) }
    }

    /// - Returns: why the records could not be read whole; what is missing is zeros.
    private mutating func copy(
        _ file: TreeFile,
        _ segment: UInt64,
        _ records: Range<Int>,
        end: UInt64
    ) throws(StreamError) -> TreeError? {
        let offset = segment + UInt64(records.lowerBound * DumpFormat.recordBytes)
        let wanted = Int(min(UInt64(records.count * DumpFormat.recordBytes), end - offset))
        var trouble: TreeError?
        var got = 0
        do throws(TreeError) {
            var all = buffer.mutableSpan
            var room = all._mutatingExtracting(0..<wanted)
            got = try file.read(into: &room, at: offset)
            if got < wanted {
                trouble = TreeError("read", file.path, .invalid("it became shorter during the backup"))
            }
        } catch {
            trouble = error
        }
        for index in got..<max(got, wanted) { buffer[index] = 0 }
        try output.write(buffer.span.extracting(0..<wanted))
        try output.pad()
        return trouble
    }
}

/// Walks through the data of a sparse file, forward only.
private struct DataRegions {
    let file: TreeFile
    let size: UInt64
    private var current: Range<UInt64>?
    private var isStarted: Bool

    /// - Parameter isSparse: false: it has as many blocks as its size needs, so all is data.
    init(file: TreeFile, size: UInt64, isSparse: Bool) {
        self.file = file
        self.size = size
        isStarted = !isSparse
        if !isSparse { current = 0..<size }
    }

    /// Sets the map's bytes of the records from `start` on that hold data before `end`.
    mutating func mark(_ map: inout [UInt8], from start: UInt64, to end: UInt64) throws(TreeError) {
        if !isStarted {
            isStarted = true
            current = try file.nextData(from: 0, end: size)
        }
        let record = UInt64(DumpFormat.recordBytes)
        while let region = current, region.lowerBound < end {
            let low = max(region.lowerBound, start)
            let high = min(region.upperBound, end)
            if low < high {
                let first = Int((low - start) / record)
                let last = Int((high - start + record - 1) / record)
                for index in first..<min(last, map.count) { map[index] = 1 }
            }
            if region.upperBound > end { return }
            guard region.upperBound < size else {
                current = nil
                return
            }
            current = try file.nextData(from: region.upperBound, end: size)
        }
    }
}
