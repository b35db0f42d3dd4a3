// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The tree as a door to it asks: what the FUSE door calls, and all it knows of libraries and tapes.
///
/// Every call may come from any thread and may block on a disk, a drive or the robot.
package protocol ServedTree: AnyObject, Sendable {
    func attributes(of node: FileNode) throws(FileError) -> FileAttributes
    /// ENOENT when there is no such name. `.` and `..` are never asked for.
    func lookUp(_ name: [UInt8], in directory: FileNode) throws(FileError) -> (node: FileNode, FileAttributes)
    /// Calls `take` with the entries behind `cookie` (0: from the first) until it returns false.
    func list(
        _ directory: FileNode,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError)
    func readLink(_ node: FileNode) throws(FileError) -> [UInt8]
    /// EISDIR, EACCES (a read-only file), EBUSY (a tape device that somebody has), ENXIO, …
    func openFile(_ node: FileNode, _ request: OpenRequest) throws(FileError) -> any OpenFile
    /// `mkdir slots/N/BARCODE` makes a cartridge; EPERM elsewhere.
    func makeDirectory(
        _ name: [UInt8],
        in directory: FileNode,
        caller: CallerIdentity
    ) throws(FileError) -> (node: FileNode, FileAttributes)
    /// Moves a cartridge: EBUSY source in use, ENOTEMPTY destination full, EPERM prevented or not a move at all.
    func rename(
        _ name: [UInt8],
        in source: FileNode,
        to newName: [UInt8],
        in destination: FileNode,
        caller: CallerIdentity
    ) throws(FileError)
    /// truncate(2) by `>`: ignored on tape devices, EACCES elsewhere. Other changes of attributes are EPERM.
    func truncate(_ node: FileNode) throws(FileError)
    func statistics() throws(FileError) -> FileSystemStatistics
    /// What other doors change from now on, until the tree is closed. A reader that does not keep up loses the oldest.
    func changes() -> AsyncStream<TreeChange>
}
