// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import Logging
import Synchronization
import TapeFiles

/// What the operations of a mount work on: the tree, and what the kernel knows and holds of it.
@safe
final class Session: @unchecked Sendable {
    /// NAME_MAX. The kernel itself hands on names of up to a kilobyte, or a path's length.
    static let nameBytes = 255

    let tree: any ServedTree
    let options: MountOptions
    let nodes: NodeTable
    let handles = OpenHandles()
    let log: RefusalLog
    let opens: OpenLine
    let greeting = Monitor<Bool>(false)

    /// Set once before the first thread starts, nil again after the last one has ended.
    private(set) var fuse: OpaquePointer?
    private let notifierBox = Mutex<Notifier?>(nil)
    private let poolBox = Mutex<ReaderPool?>(nil)
    /// The address of the serving thread's payload.
    private let payloadKey: pthread_key_t

    init(tree: any ServedTree, options: MountOptions, logger: Logger) {
        self.tree = tree
        self.options = options
        let root = try? tree.attributes(of: .root)
        nodes = NodeTable(rootInode: root?.inode ?? NodeTable.rootNumber)
        log = RefusalLog(logger)
        opens = OpenLine(limit: MountLimits.opensAtOnce(threads: options.threads))
        var key = pthread_key_t()
        unsafe pthread_key_create(&key, nil)
        payloadKey = key
    }

    deinit {
        _ = pthread_key_delete(payloadKey)
    }

    // MARK: Parts

    var notifier: Notifier? {
        get { notifierBox.withLock { $0 } }
        set { notifierBox.withLock { $0 = newValue } }
    }

    var pool: ReaderPool? {
        get { poolBox.withLock { $0 } }
        set { poolBox.withLock { $0 = newValue } }
    }

    /// Makes libfuse's session, with this as what its operations work on.
    func makeFuseSession(_ mountOptions: String) throws(MountError) {
        // Copied by libfuse, and freed here.
        var words: [UnsafeMutablePointer<CChar>?] = unsafe []
        for word in ["capstan", "-o", mountOptions] { unsafe words.append(strdup(word)) }
        defer { unsafe words.forEach { unsafe free($0) } }
        var table = Operations.table()
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        var pointers = unsafe words
        let made: OpaquePointer? = unsafe pointers.withUnsafeMutableBufferPointer { buffer in
            var arguments = unsafe fuse_args(argc: Int32(buffer.count), argv: buffer.baseAddress, allocated: 0)
            defer { unsafe fuse_opt_free_args(&arguments) }
            return unsafe fuse_session_new(&arguments, &table, MemoryLayout<fuse_lowlevel_ops>.size, context)
        }
        guard let made = unsafe made else {
            throw MountError(.system, "libfuse does not take the mount options \(mountOptions)")
        }
        unsafe fuse = made
    }

    /// Closes the connection to the kernel. No thread may be in an operation any more.
    func destroyFuseSession() {
        guard let fuse = unsafe fuse else { return }
        unsafe self.fuse = nil
        unsafe fuse_session_destroy(fuse)
    }

    /// Serves one request that lies in `buffer`.
    func serve(_ buffer: borrowing RequestBuffer, bytes: Int) {
        guard let fuse = unsafe fuse else { return }
        // The buffer outlives the call, and the address is looked at during the call only.
        unsafe pthread_setspecific(payloadKey, buffer.payload)
        unsafe buffer.process(bytes: bytes, session: fuse)
    }

    /// `MountLimits.payloadBytes`, page-aligned, of the serving thread.
    var payload: UnsafeMutableRawPointer? { unsafe pthread_getspecific(payloadKey) }

    // MARK: Numbers and attributes

    /// Nil for a number that was forgotten, which the kernel does not send.
    func node(_ number: UInt64) -> FileNode? { nodes.node(number) }

    static func seconds(_ milliseconds: UInt32) -> Double { Double(milliseconds) / 1000 }

    /// - Parameter number: 0 where the kernel shall not know it (of a listing).
    func entry(_ number: UInt64, _ node: FileNode, _ attributes: FileAttributes) -> fuse_entry_param {
        var entry = fuse_entry_param()
        entry.ino = number
        entry.attr = status(node, attributes)
        entry.attr_timeout = Self.seconds(attributes.validMilliseconds)
        let isFixed = node.hasFixedName
        entry.entry_timeout = isFixed ? MountLimits.fixedNameSeconds : Self.seconds(attributes.validMilliseconds)
        return entry
    }

    func status(_ node: FileNode, _ attributes: FileAttributes) -> stat {
        var result = stat()
        result.st_ino = UInt(attributes.inode)
        result.st_mode = Self.typeBits(attributes.kind) | (attributes.permissions & 0o7777)
        result.st_nlink = numericCast(attributes.links)
        result.st_uid = attributes.owner?.user ?? options.owner.user
        result.st_gid = attributes.owner?.group ?? options.owner.group
        result.st_size = Int(clamping: attributes.lengthBytes)
        result.st_blksize = attributes.kind == .regular ? node.preferredBytes : FileNode.blockBytes
        result.st_blocks = Int(clamping: attributes.storedBytes / 512 + (attributes.storedBytes % 512 > 0 ? 1 : 0))
        result.st_mtim = Self.time(attributes.modifiedNanoseconds)
        result.st_atim = Self.time(attributes.accessedNanoseconds)
        result.st_ctim = Self.time(attributes.changedNanoseconds)
        return result
    }

    static func typeBits(_ kind: FileAttributes.Kind) -> UInt32 {
        switch kind {
        case .regular: S_IFREG
        case .directory: S_IFDIR
        case .symbolicLink: S_IFLNK
        }
    }

    /// Times before 1970 have a negative second and a fraction that counts forward.
    private static func time(_ nanoseconds: Int64) -> timespec {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest < 0
            ? timespec(tv_sec: Int(seconds) - 1, tv_nsec: Int(rest) + 1_000_000_000)
            : timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
    }
}

extension Session {
    /// A reader for each tape device that is open.
    func countStreams() {
        pool?.want(readers: handles.streams)
    }
}

extension FileNode {
    static let blockBytes = 4096
    /// What `cat`, `cmp` and C's streams read at once of a file on a cartridge: each is one request.
    private static let bulkBytes = 256 << 10

    /// st_blksize. That of a device stays small: what is written to it in one piece becomes a record.
    var preferredBytes: Int {
        if case .cartridge = self { Self.bulkBytes } else { Self.blockBytes }
    }

    /// True where the same name means the same thing as long as the library runs, whatever is in it.
    var hasFixedName: Bool {
        switch self {
        case .libraryDescription, .changer, .changerDevice, .changerStatus, .drives, .drive, .driveDevice, .driveStatus,
            .slots, .slot, .mail, .mailSlot, .shelf, .cartridges:
            true
        case .root, .placed, .justMade, .cartridge: false
        }
    }
}
