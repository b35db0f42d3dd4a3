// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Where a file goes.
struct DumpPlace: Sendable {
    var tree: ConfinedTree
    /// Complete, below the tree.
    var path: TreePath

    func parent() throws(TreeError) -> TreeDirectory { try tree.directory(path.parent) }
    var shown: String { displayed(tree.absolute(path)) }
}

/// Puts files back: contents, owner, mode, attributes, times, in that order. What is in the way is replaced, unless it is
/// a directory; a file stays until the one that replaces it is whole.
final class DumpExtractor {
    private let observer: any JobObserver
    private var current: Current?
    /// Whether a failed change of an owner has been noted: one who is not root could not change any.
    private var hasNotedOwner = false
    /// The directory that the last file went to: most neighbours share it.
    private var lastParent: Parent?

    /// The longest target of a symbolic link in Linux.
    private static let maximumLinkBytes = 4096

    private static let accessControl = [Array("system.posix_acl_access".utf8), Array("system.posix_acl_default".utf8)]

    private struct Parent {
        var tree: ConfinedTree
        var path: TreePath
        var directory: TreeDirectory
        /// It gives what is made in it an ACL.
        var givesAccessControl: Bool
    }

    private struct Current {
        var file: DumpFile
        var place: DumpPlace
        var directory: TreeDirectory
        var output: TreeFile?
        /// The name that the file has for now, when the other is taken.
        var temporary: [UInt8]?
        /// Where the last data ended.
        var end: UInt64 = 0
        var link: [UInt8] = []
        var error: TreeError?
    }

    init(observer: any JobObserver) {
        self.observer = observer
    }

    deinit { abandon() }

    /// The stream broke off: nothing is left of the file that was begun, and what had its name is as it was.
    private func abandon() {
        guard let now = current, now.output != nil else { return }
        current = nil
        // The file may be gone by other hands; then there is nothing to remove.
        try? now.directory.remove(now.temporary ?? now.place.path.name)
    }

    /// Starts with a file.
    ///
    /// - Returns: nil when data may come, else why it cannot be restored; it is noted.
    func begin(_ file: DumpFile, at place: DumpPlace) -> RecoveryResult? {
        abandon()
        current = nil
        guard !place.path.isRoot else {
            observer.note(.error, "cannot restore a file as \(place.shown): it is a directory")
            return .pathExists
        }
        let directory: TreeDirectory
        do throws(TreeError) { directory = try parent(of: place) } catch { return failParent(error) }
        var next = Current(file: file, place: place, directory: directory)
        do throws(TreeError) {
            let name = place.path.name
            switch file.kind {
            case .regular:
                (next.output, next.temporary) = try output(name, in: directory)
            case .symbolicLink:
                guard file.file.size <= UInt64(Self.maximumLinkBytes), file.file.size > 0 else {
                    throw TreeError("restore", place.path.bytes, .invalid("its link target is too long or empty"))
                }
            case .fifo, .characterDevice, .blockDevice, .socket:
                try replacing(name, in: directory) { () throws(TreeError) in
                    try directory.makeNode(name, file.status)
                }
            case .directory, .other:
                throw TreeError("restore", place.path.bytes, .invalid("its type is unknown"))
            }
        } catch {
            return fail(error)
        }
        current = next
        return nil
    }

    func data(_ bytes: Span<UInt8>, at offset: UInt64) {
        guard var now = current, now.error == nil else { return }
        if let output = now.output {
            do throws(TreeError) {
                try output.write(bytes, at: offset)
                now.end = offset + UInt64(bytes.count)
            } catch {
                now.error = error
            }
            current = now
        } else if now.file.kind == .symbolicLink, now.link.count + bytes.count <= Self.maximumLinkBytes {
            for index in bytes.indices { now.link.append(bytes[index]) }
            current = now
        }
    }

    /// Ends the file that was begun.
    func finish(_ attributes: [ExtendedAttribute], isComplete: Bool) -> RecoveryResult {
        guard let now = current else { return .failed }
        let name = now.temporary ?? now.place.path.name
        do throws(TreeError) {
            if let error = now.error { throw error }
            if let output = now.output, now.end != now.file.file.size { try output.truncate(to: now.file.file.size) }
            if now.file.kind == .symbolicLink {
                try replacing(name, in: now.directory) { () throws(TreeError) in
                    try now.directory.symbolicLink(name, to: Array(now.link.prefix { $0 != 0 }))
                }
            }
        } catch {
            abandon()
            return fail(error)
        }
        if now.temporary != nil, !isComplete {
            abandon()
            observer.note(.error, "\(now.place.shown) stays as it was: the dump is damaged where its file is")
            return .failed
        }
        current = nil
        if lastParent?.givesAccessControl == true, now.file.kind != .symbolicLink {
            removeAccessControl(keeping: attributes, name, in: now.directory)
        }
        apply(now.file, attributes, name, in: now.directory)
        if let temporary = now.temporary {
            do throws(TreeError) {
                try now.directory.rename(temporary, to: now.place.path.name, in: now.directory)
            } catch {
                try? now.directory.remove(temporary)
                return fail(error)
            }
        }
        guard isComplete else {
            observer.note(.error, "\(now.place.shown) is not whole: the dump is damaged there")
            return .failed
        }
        return .recovered
    }

    private func parent(of place: DumpPlace) throws(TreeError) -> TreeDirectory {
        let path = place.path.parent
        if let lastParent, lastParent.tree === place.tree, lastParent.path == path { return lastParent.directory }
        let directory = try place.tree.makeDirectories(path)
        let attributes = (try? directory.extendedAttributes()) ?? []
        lastParent = Parent(
            tree: place.tree,
            path: path,
            directory: directory,
            givesAccessControl: attributes.contains { $0.name == Self.accessControl[1] }
        )
        return directory
    }

    private func failParent(_ error: TreeError) -> RecoveryResult {
        observer.note(.error, error.description)
        return error.isPermissionDenied ? .permissionDenied : .noDirectory
    }

    private func fail(_ error: TreeError) -> RecoveryResult {
        observer.note(.error, error.description)
        if error.isPermissionDenied { return .permissionDenied }
        return error.code == EISDIR || error.code == EEXIST ? .pathExists : .failed
    }

    /// A new file, under another name when this one is taken.
    private func output(
        _ name: [UInt8],
        in directory: TreeDirectory
    ) throws(TreeError) -> (file: TreeFile, temporary: [UInt8]?) {
        do throws(TreeError) { return (try directory.createFile(name), nil) } catch {
            guard error.code == EEXIST else { throw error }
            guard try directory.status(of: name).kind != .directory else {
                throw TreeError("replace", directory.absolute(name), .system(EISDIR))
            }
            let temporary = TemporaryName.fresh()
            return (try directory.createFile(temporary), temporary)
        }
    }

    /// Makes something under a name, in place of what has it.
    private func replacing<R>(
        _ name: [UInt8],
        in directory: TreeDirectory,
        _ make: () throws(TreeError) -> R
    ) throws(TreeError) -> R {
        do throws(TreeError) { return try make() } catch {
            guard error.code == EEXIST else { throw error }
            try clear(name, in: directory)
            return try make()
        }
    }

    /// Removes what is in the way of a file.
    private func clear(_ name: [UInt8], in directory: TreeDirectory) throws(TreeError) {
        do throws(TreeError) {
            try directory.remove(name)
        } catch  where error.code == ENOENT {
            return
        } catch  where error.code == EPERM || error.code == EISDIR {
            let isDirectory = (try? directory.status(of: name))?.kind == .directory
            throw isDirectory ? TreeError("replace", directory.absolute(name), .system(EISDIR)) : error
        }
    }

    /// One more name for a file that has been restored.
    func link(_ place: DumpPlace, to first: DumpPlace) -> RecoveryResult {
        guard !place.path.isRoot else { return .pathExists }
        let directory: TreeDirectory
        do throws(TreeError) { directory = try parent(of: place) } catch { return failParent(error) }
        do throws(TreeError) {
            if place.path.name == first.path.name, let there = try? directory.status(of: place.path.name),
                let here = try? first.parent().status(of: first.path.name), there.inode == here.inode,
                there.device == here.device
            {
                return .recovered
            }
            let there = try first.parent()
            try replacing(place.path.name, in: directory) { () throws(TreeError) in
                try directory.hardLink(place.path.name, to: first.path.name, in: there)
            }
            return .recovered
        } catch {
            return fail(error)
        }
    }

    /// Owner, mode, attributes and times of a directory, when nothing more changes in it.
    ///
    /// - Parameter replacesAttributes: those that it has and should not have are removed; ACLs always are.
    func finish(
        directory file: DumpFile,
        _ attributes: [ExtendedAttribute],
        at place: DumpPlace,
        replacesAttributes: Bool
    ) -> RecoveryResult {
        do throws(TreeError) {
            let directory = try place.tree.directory(place.path)
            removeAccessControl(keeping: attributes, [], in: directory)
            if replacesAttributes {
                let wanted = Set(attributes.map(\.name))
                for present in try directory.extendedAttributes() where !wanted.contains(present.name) {
                    // Some, such as a security module's label, cannot be removed; then they stay.
                    try? directory.removeExtendedAttribute([], present.name)
                }
            }
            apply(file, attributes, [], in: directory)
            return .recovered
        } catch {
            return fail(error)
        }
    }

    /// ACLs that a new file or directory has from the one above it.
    private func removeAccessControl(
        keeping attributes: [ExtendedAttribute],
        _ name: [UInt8],
        in directory: TreeDirectory
    ) {
        for list in Self.accessControl where !attributes.contains(where: { $0.name == list }) {
            // Most have none; then there is nothing to remove.
            try? directory.removeExtendedAttribute(name, list)
        }
    }

    /// What cannot be set is noted; the file counts as restored all the same.
    private func apply(
        _ file: DumpFile,
        _ attributes: [ExtendedAttribute],
        _ name: [UInt8],
        in directory: TreeDirectory
    ) {
        do throws(TreeError) {
            try directory.setOwner(name, owner: file.file.owner, group: file.file.group)
        } catch {
            if !error.isPermissionDenied || !hasNotedOwner { observer.note(.warning, error.description) }
            if error.isPermissionDenied { hasNotedOwner = true }
        }
        if file.kind != .symbolicLink {
            attempt { () throws(TreeError) in try directory.setMode(name, file.file.mode & 0o7777) }
        }
        for attribute in attributes {
            attempt { () throws(TreeError) in try directory.setExtendedAttribute(name, attribute) }
        }
        attempt { () throws(TreeError) in
            try directory.setTimes(name, accessed: file.file.accessed, modified: file.file.modified)
        }
    }

    private func attempt(_ change: () throws(TreeError) -> Void) {
        do throws(TreeError) { try change() } catch { observer.note(.warning, error.description) }
    }
}
