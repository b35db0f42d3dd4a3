// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The name of a file that is not whole yet.
enum TemporaryName {
    static func fresh() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return Array(".capstan-\(String(generator.next() as UInt64, radix: 16))".utf8)
    }
}

/// Puts files back, so that nothing at the target is followed or half replaced: a new name is made directly, one that is
/// taken gets its file under another name first, which then takes its place.
final class FileRestorer {
    /// What a file gets besides content.
    struct Metadata {
        var status: FileStatus
        var attributes: [ExtendedAttribute]
    }

    /// A regular file that is being written.
    final class Output {
        let destination: RecoveryDestination
        let directory: TreeDirectory
        let name: [UInt8]
        /// The name that it has for now, when the other is taken.
        let temporary: [UInt8]?
        let file: TreeFile
        var error: TreeError?

        init(
            _ destination: RecoveryDestination,
            _ directory: TreeDirectory,
            _ name: [UInt8],
            temporary: [UInt8]?,
            _ file: TreeFile
        ) {
            self.destination = destination
            self.directory = directory
            self.name = name
            self.temporary = temporary
            self.file = file
        }
    }

    private struct PendingDirectory {
        let tree: ConfinedTree
        let path: TreePath
        let metadata: Metadata
    }

    /// Whether a directory may make way for a file.
    private let replacesDirectories: Bool
    /// Takes a warning about a file that is there, without all that belongs to it.
    private let warn: (String) -> Void
    private var lastDirectory: TreeDirectory?
    /// Whether what is made in the last directory inherits a list of access from it.
    private var lastHandsDown = false
    /// Directories on the way to where the stream is: they get mode and times when all below them is written.
    private var pending: [PendingDirectory] = []
    private let isRoot = Accounts.isRoot
    private var hasWarnedOfOwners = false

    init(replacesDirectories: Bool, warn: @escaping (String) -> Void) {
        self.replacesDirectories = replacesDirectories
        self.warn = warn
    }

    /// The directory that holds the destination, made with those above it when it is missing.
    func parent(of destination: RecoveryDestination) throws(TreeError) -> TreeDirectory {
        let path = destination.path.parent
        if let last = lastDirectory, last.tree === destination.tree, last.path == path { return last }
        let opened = try destination.tree.makeDirectories(path)
        lastDirectory = opened
        let attributes = try? opened.extendedAttributes()
        lastHandsDown = attributes?.contains { $0.name == AccessControlList.defaultName } ?? false
        return opened
    }

    // MARK: regular files

    func create(_ destination: RecoveryDestination) throws(TreeError) -> Output {
        let directory = try parent(of: destination)
        let name = destination.path.name
        guard !name.isEmpty else {
            throw TreeError("replace", destination.tree.absolute(TreePath()), .invalid("it is the root of the target"))
        }
        do throws(TreeError) {
            return Output(destination, directory, name, temporary: nil, try directory.createFile(name))
        } catch  where error.isAlreadyThere {
            try makeWay(directory, name)
            let temporary = temporaryName()
            return Output(destination, directory, name, temporary: temporary, try directory.createFile(temporary))
        }
    }

    /// The content is complete.
    func commit(_ output: Output, _ metadata: Metadata) throws(TreeError) {
        do throws(TreeError) {
            if let error = output.error { throw error }
            let file = output.file
            let status = metadata.status
            let made = file.openedStatus
            var mode = status.mode
            if made.owner != status.owner || made.group != status.group {
                if !owned({ () throws(TreeError) in try file.setOwner(status.owner, group: status.group) }) {
                    mode &= ~0o6000
                }
            }
            if made.mode != mode { try file.setMode(mode) }
            if lastHandsDown { dropInherited(output.directory, output.temporary ?? output.name, metadata) }
            for attribute in metadata.attributes {
                set(attribute) { (attribute) throws(TreeError) in try file.setExtendedAttribute(attribute) }
            }
            try file.setTimes(accessed: status.accessed, modified: status.modified)
            if let temporary = output.temporary {
                try output.directory.rename(temporary, to: output.name, in: output.directory)
            }
        } catch {
            abandon(output)
            throw error
        }
    }

    /// The content is not complete: nothing is left of it.
    func abandon(_ output: Output) {
        try? output.directory.remove(output.temporary ?? output.name)
    }

    // MARK: other kinds

    func symbolicLink(
        _ destination: RecoveryDestination,
        to target: [UInt8],
        _ metadata: Metadata
    ) throws(TreeError) {
        try place(destination) { (directory, name) throws(TreeError) in
            try directory.symbolicLink(name, to: target)
        }
        try finish(try parent(of: destination), destination.path.name, metadata)
    }

    /// A fifo or device.
    func node(_ destination: RecoveryDestination, _ metadata: Metadata) throws(TreeError) {
        try place(destination) { (directory, name) throws(TreeError) in
            try directory.makeNode(name, metadata.status)
        }
        try finish(try parent(of: destination), destination.path.name, metadata)
    }

    /// One more name for a file that is there.
    func hardLink(
        _ destination: RecoveryDestination,
        to existing: TreePath,
        in tree: ConfinedTree
    ) throws(TreeError) {
        let source = try tree.directory(existing.parent)
        let directory = try parent(of: destination)
        let found = try source.status(of: existing.name)
        if let here = try? directory.status(of: destination.path.name) {
            // It is that file already: replacing it by itself would do nothing but leave the temporary name.
            if here.inode == found.inode && here.device == found.device { return }
        }
        try place(destination) { (directory, name) throws(TreeError) in
            try directory.hardLink(name, to: existing.name, in: source)
        }
    }

    private func place(
        _ destination: RecoveryDestination,
        _ make: (TreeDirectory, [UInt8]) throws(TreeError) -> Void
    ) throws(TreeError) {
        let directory = try parent(of: destination)
        let name = destination.path.name
        guard !name.isEmpty else {
            throw TreeError("replace", destination.tree.absolute(TreePath()), .invalid("it is the root of the target"))
        }
        do throws(TreeError) {
            try make(directory, name)
        } catch  where error.isAlreadyThere {
            try makeWay(directory, name)
            let temporary = temporaryName()
            try make(directory, temporary)
            do throws(TreeError) {
                try directory.rename(temporary, to: name, in: directory)
            } catch {
                try? directory.remove(temporary)
                throw error
            }
        }
    }

    /// A directory cannot be replaced by a rename.
    private func makeWay(_ directory: TreeDirectory, _ name: [UInt8]) throws(TreeError) {
        guard try directory.status(of: name).kind == .directory else { return }
        if replacesDirectories {
            try directory.removeTree(name)
        } else {
            // An empty one may go: nothing is lost.
            try directory.removeDirectory(name)
        }
        lastDirectory = nil
    }

    func temporaryName() -> [UInt8] { TemporaryName.fresh() }

    // MARK: directories

    /// Makes the directory, or takes the one that is there; its mode and times come when all below it is written.
    func directory(_ destination: RecoveryDestination, _ metadata: Metadata) throws(TreeError) {
        if !destination.path.isRoot {
            let parent = try parent(of: destination)
            let name = destination.path.name
            do throws(TreeError) {
                try parent.makeDirectory(name, mode: 0o700)
            } catch  where error.isAlreadyThere {
                if try parent.status(of: name).kind != .directory {
                    try parent.remove(name)
                    try parent.makeDirectory(name, mode: 0o700)
                }
            }
        }
        pending.append(PendingDirectory(tree: destination.tree, path: destination.path, metadata: metadata))
    }

    /// Removes what is in the directory and not in the list.
    ///
    /// - Returns: how many names went.
    func removeOthers(_ destination: RecoveryDestination, keeping names: Set<[UInt8]>) throws(TreeError) -> UInt64 {
        let directory = try destination.tree.directory(destination.path)
        var removed: UInt64 = 0
        for entry in try directory.list() where !names.contains(entry.name) {
            try directory.removeTree(entry.name)
            removed += 1
        }
        if removed > 0 { lastDirectory = nil }
        return removed
    }

    /// The stream has come to `destination`: directories that it is not below are complete. Nil: all are.
    func moved(to destination: RecoveryDestination?) {
        complete(to: destination)
        if let destination { adoptParent(of: destination) }
    }

    /// Other programs' archives come back to a directory that was complete already: it gets its times once more.
    private func adoptParent(of destination: RecoveryDestination) {
        let path = destination.path.parent
        guard destination.path != destination.root, path.relative(to: destination.root) != nil else { return }
        if let last = pending.last, last.path == path, last.tree.isSame(as: destination.tree) { return }
        guard let directory = try? destination.tree.directory(path), let status = try? directory.status(),
            let attributes = try? directory.extendedAttributes()
        else { return }
        let metadata = Metadata(status: status, attributes: attributes)
        pending.append(PendingDirectory(tree: destination.tree, path: path, metadata: metadata))
    }

    private func complete(to destination: RecoveryDestination?) {
        while let last = pending.last {
            if let destination, destination.tree.isSame(as: last.tree),
                let below = destination.path.relative(to: last.path), !below.isRoot
            {
                return
            }
            pending.removeLast()
            do throws(TreeError) {
                let directory = try last.tree.directory(last.path)
                if replacesDirectories { try removeAttributes(directory, keeping: last.metadata.attributes) }
                try finish(directory, [], last.metadata)
            } catch {
                warn(error.description)
            }
        }
    }

    private func removeAttributes(_ directory: TreeDirectory, keeping kept: [ExtendedAttribute]) throws(TreeError) {
        for attribute in try directory.extendedAttributes() {
            guard !kept.contains(where: { $0.name == attribute.name }) else { continue }
            try directory.removeExtendedAttribute([], attribute.name)
        }
    }

    // MARK: metadata

    private func finish(_ directory: TreeDirectory, _ name: [UInt8], _ metadata: Metadata) throws(TreeError) {
        let status = metadata.status
        var mode = status.mode
        if !owned({ () throws(TreeError) in try directory.setOwner(name, owner: status.owner, group: status.group) }) {
            mode &= ~0o6000
        }
        if status.kind != .symbolicLink { try directory.setMode(name, mode) }
        if lastHandsDown || status.kind == .directory { dropInherited(directory, name, metadata) }
        for attribute in metadata.attributes {
            set(attribute) { (attribute) throws(TreeError) in try directory.setExtendedAttribute(name, attribute) }
        }
        try directory.setTimes(name, accessed: status.accessed, modified: status.modified)
    }

    /// Takes lists of access away that the file has from its directory and not from the stream.
    private func dropInherited(_ directory: TreeDirectory, _ name: [UInt8], _ metadata: Metadata) {
        guard metadata.status.kind != .symbolicLink else { return }
        for inherited in [AccessControlList.accessName, AccessControlList.defaultName]
        where !metadata.attributes.contains(where: { $0.name == inherited }) {
            // Most have none, which is an error here and no trouble.
            try? directory.removeExtendedAttribute(name, inherited)
        }
    }

    /// False when the file keeps another owner.
    private func owned(_ set: () throws(TreeError) -> Void) -> Bool {
        do throws(TreeError) {
            try set()
            return true
        } catch {
            if isRoot || !hasWarnedOfOwners { warn(error.description) }
            hasWarnedOfOwners = true
            return false
        }
    }

    private func set(_ attribute: ExtendedAttribute, _ call: (ExtendedAttribute) throws(TreeError) -> Void) {
        do throws(TreeError) {
            try call(attribute)
        } catch {
            // Who is not root cannot set most of them.
            if isRoot || !error.isUnsupported { warn(error.description) }
        }
    }
}

extension ConfinedTree {
    /// Two selections may come with a tree each, of the same root.
    fileprivate func isSame(as other: ConfinedTree) -> Bool {
        self === other || rootPath == other.rootPath
    }
}
