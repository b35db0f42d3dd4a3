// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CArchive

/// One member of a PAX archive, as it is written.
struct ArchiveMember {
    /// Raw bytes, in no character set.
    var path: [UInt8]
    var status: FileStatus
    /// Kept with the member: direct access recovery knows a file with many names by it.
    var node: UInt64
    /// Bytes of content that follow.
    var size: UInt64 = 0
    var symbolicLink: [UInt8]?
    /// An earlier member of which this is one more name.
    var hardLink: [UInt8]?
    var attributes: [ExtendedAttribute] = []
    var accessList: AccessControlList?
    var defaultList: AccessControlList?
    /// Stretches of data; nil for a file without holes.
    var regions: [Range<UInt64>]?
    /// A directory's list of names, as GNU tar keeps it in the extended header.
    var names: [UInt8]?
    /// A directory whose content is that list, which is too long for a header: GNU tar's older type D.
    var isNameList = false
}

/// Writes a PAX archive (POSIX.1-2001) through libarchive, into a sink.
///
/// Headers are made in memory and gathered with small contents; large contents go to the sink from the caller's own
/// buffer, uncopied. Names are raw bytes (hdrcharset=BINARY), so that no locale changes them.
@safe final class ArchiveWriter {
    private let archive: OpaquePointer
    private let entry: OpaquePointer
    private let output: ArchiveOutput

    /// - Throws: `.impossible` when libarchive has no memory or lacks the format.
    init(sink: any StreamSink) throws(StreamError) {
        guard let archive = unsafe archive_write_new() else { throw .impossible("libarchive has no memory") }
        guard let entry = unsafe archive_entry_new() else {
            unsafe archive_write_free(archive)
            throw .impossible("libarchive has no memory")
        }
        unsafe self.archive = archive
        unsafe self.entry = entry
        output = ArchiveOutput(sink: sink)
        // No call here keeps a pointer but the last: it gets the output, which lives as long as the archive.
        try check(unsafe archive_write_set_format_pax(archive))
        try check(unsafe archive_write_set_format_option(archive, "pax", "hdrcharset", "BINARY"))
        try check(unsafe archive_write_set_format_option(archive, "pax", "xattrheader", "SCHILY"))
        try check(unsafe archive_write_set_bytes_per_block(archive, 0))
        let context = unsafe Unmanaged.passUnretained(output).toOpaque()
        try check(
            unsafe archive_write_open(
                archive,
                context,
                nil,
                { _, context, bytes, count in
                    guard let context = unsafe context else { return -1 }
                    let output = unsafe Unmanaged<ArchiveOutput>.fromOpaque(context).takeUnretainedValue()
                    return unsafe output.take(UnsafeRawBufferPointer(start: bytes, count: count))
                },
                nil
            )
        )
    }

    deinit {
        // Freeing closes, and closing writes: nobody wants that of an archive that was given up.
        output.isClosed = true
        unsafe archive_entry_free(entry)
        unsafe archive_write_free(archive)
    }

    /// Where the next member's first header block will lie. Only meaningful between members.
    var position: UInt64 { output.position }

    /// Writes the headers of a member; its content follows with `write`, then `finish`.
    func begin(_ member: ArchiveMember) throws(StreamError) {
        unsafe archive_entry_clear(entry)
        describe(member)
        output.header = []
        let result = unsafe archive_write_header(archive, entry)
        var header = output.header ?? []
        output.header = nil
        // A warning is about a part of the description only, and the member is written.
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN else { throw failure() }
        PaxRecords.finish(&header, inode: member.node, links: member.status.links, names: member.names)
        if member.isNameList { UstarBlock.setType(UInt8(ascii: "D"), ofLastBlockIn: &header) }
        guard output.take(header.span) else { throw failure() }
    }

    /// Content of the member. Holes are written as zeros too: they are counted, and not sent.
    func write(_ bytes: Span<UInt8>) throws(StreamError) {
        // The span's memory outlives the call, which hands it on to the sink.
        let put = unsafe bytes.withUnsafeBytes { unsafe archive_write_data(archive, $0.baseAddress, $0.count) }
        guard put == bytes.count else { throw failure() }
    }

    /// Fills the member up to whole blocks.
    func finish() throws(StreamError) {
        try check(unsafe archive_write_finish_entry(archive))
    }

    /// Writes the end of the archive: two blocks of zeros.
    func close() throws(StreamError) {
        try check(unsafe archive_write_close(archive))
        output.isClosed = true
        guard output.flush() else { throw failure() }
    }

    private func check(_ result: Int32) throws(StreamError) {
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN else { throw failure() }
    }

    private func failure() -> StreamError {
        if let error = output.error { return error }
        // The text belongs to the archive and is copied at once.
        guard let text = unsafe archive_error_string(archive) else { return .impossible("libarchive failed") }
        return .impossible("libarchive: " + (unsafe String(cString: text)))
    }

    private func describe(_ member: ArchiveMember) {
        let status = member.status
        // libarchive copies each text and value during its call.
        unsafe KernelName(member.path) { unsafe archive_entry_copy_pathname(entry, $0) }
        let kind: UInt32 = member.isNameList ? UInt32(S_IFREG) : Self.fileType(status.kind)
        unsafe archive_entry_set_filetype(entry, kind)
        unsafe archive_entry_set_perm(entry, mode_t(status.mode))
        unsafe archive_entry_set_uid(entry, Int64(status.owner))
        unsafe archive_entry_set_gid(entry, Int64(status.group))
        let modified = Self.paxTime(status.modified)
        unsafe archive_entry_set_mtime(entry, time_t(modified.seconds), Int(modified.nanoseconds))
        unsafe archive_entry_set_size(entry, Int64(clamping: member.size))
        if status.kind == .characterDevice || status.kind == .blockDevice {
            unsafe archive_entry_set_rdevmajor(entry, dev_t(status.deviceMajor))
            unsafe archive_entry_set_rdevminor(entry, dev_t(status.deviceMinor))
        }
        if let target = member.symbolicLink {
            unsafe KernelName(target) { unsafe archive_entry_copy_symlink(entry, $0) }
        }
        if let first = member.hardLink {
            unsafe KernelName(first) { unsafe archive_entry_copy_hardlink(entry, $0) }
        }
        for attribute in member.attributes {
            unsafe KernelName(attribute.name) {
                unsafe archive_entry_xattr_add_entry(entry, $0, attribute.value, attribute.value.count)
            }
        }
        add(member.accessList, ARCHIVE_ENTRY_ACL_TYPE_ACCESS)
        add(member.defaultList, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)
        if let regions = member.regions {
            if regions.isEmpty { unsafe archive_entry_sparse_add_entry(entry, 0, 0) }
            for region in regions {
                let length = Int64(clamping: region.upperBound - region.lowerBound)
                unsafe archive_entry_sparse_add_entry(entry, Int64(clamping: region.lowerBound), length)
            }
        }
    }

    private func add(_ list: AccessControlList?, _ type: Int32) {
        for item in list?.entries ?? [] {
            let tag: Int32
            switch item.tag {
            case .owner: tag = ARCHIVE_ENTRY_ACL_USER_OBJ
            case .user: tag = ARCHIVE_ENTRY_ACL_USER
            case .owningGroup: tag = ARCHIVE_ENTRY_ACL_GROUP_OBJ
            case .group: tag = ARCHIVE_ENTRY_ACL_GROUP
            case .mask: tag = ARCHIVE_ENTRY_ACL_MASK
            case .other: tag = ARCHIVE_ENTRY_ACL_OTHER
            }
            let qualifier = item.identifier.map { Int32(bitPattern: $0) } ?? -1
            unsafe archive_entry_acl_add_entry(entry, type, Int32(item.permissions), tag, qualifier, nil)
        }
    }

    /// libarchive writes seconds and nanoseconds side by side; in pax a sign is that of the whole number. The last second
    /// before 1970 cannot be told that way, and loses its fraction.
    private static func paxTime(_ time: Timestamp) -> Timestamp {
        guard time.seconds < 0, time.nanoseconds > 0 else { return time }
        if time.seconds == -1 { return Timestamp(seconds: -1) }
        return Timestamp(seconds: time.seconds + 1, nanoseconds: 1_000_000_000 - time.nanoseconds)
    }

    private static func fileType(_ kind: FileKind) -> UInt32 {
        switch kind {
        case .directory: UInt32(S_IFDIR)
        case .fifo: UInt32(S_IFIFO)
        case .characterDevice: UInt32(S_IFCHR)
        case .blockDevice: UInt32(S_IFBLK)
        case .symbolicLink: UInt32(S_IFLNK)
        case .regular, .socket, .other: UInt32(S_IFREG)
        }
    }
}

/// Takes what libarchive writes: gathers what is small, and hands on what is large.
private final class ArchiveOutput {
    private let sink: any StreamSink
    /// The bytes of a header while it is made; nil otherwise.
    var header: [UInt8]?
    var error: StreamError?
    /// Nothing more is taken.
    var isClosed = false
    private(set) var position: UInt64 = 0
    private var gathered: [UInt8] = []

    /// Bytes gathered before they are sent; more than the headers of a hundred files.
    private static let gatheredBytes = 256 << 10
    /// From here on copying costs more than one more call.
    private static let directBytes = 32 << 10

    init(sink: any StreamSink) {
        self.sink = sink
        gathered.reserveCapacity(Self.gatheredBytes)
    }

    /// libarchive's write callback: the bytes taken, or -1.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isClosed { return bytes.count }
        if header != nil {
            unsafe header?.append(contentsOf: bytes)
            return bytes.count
        }
        // libarchive's memory outlives the callback.
        let isTaken = unsafe take(Span(_unsafeBytes: bytes))
        return isTaken ? bytes.count : -1
    }

    func take(_ bytes: Span<UInt8>) -> Bool {
        position += UInt64(bytes.count)
        if bytes.count >= Self.directBytes { return flush() && send(bytes) }
        if gathered.count + bytes.count > Self.gatheredBytes && !flush() { return false }
        // The span is only read, during the call.
        unsafe bytes.withUnsafeBufferPointer { unsafe gathered.append(contentsOf: $0) }
        return true
    }

    func flush() -> Bool {
        if gathered.isEmpty { return true }
        defer { gathered.removeAll(keepingCapacity: true) }
        return send(gathered.span)
    }

    private func send(_ bytes: Span<UInt8>) -> Bool {
        do throws(StreamError) {
            try sink.write(bytes)
            return true
        } catch {
            self.error = error
            return false
        }
    }
}
