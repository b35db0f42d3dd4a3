// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// Direct access recovery: each selection is read at its own place in the stream.
extension TarPass {
    /// Asked for before a header is known: more than any header we write.
    private static let headerBytes: UInt64 = 16 << 10
    /// Asked for at a time while a directory is read, whose length nobody knows: as much again as it had so far, between
    /// these two.
    private static let directoryBytes: ClosedRange<UInt64> = 32 << 10...512 << 10

    func direct() throws(StreamError) {
        // In the order of the tape, so that it never goes back.
        let order = selections.indices.sorted { (selections[$0].offset ?? 0, $0) < (selections[$1].offset ?? 0, $1) }
        for selection in order {
            if observer.isCancelled { throw .cancelled }
            index = SelectionIndex(selections, [selection], isRecursive: options.isRecursive)
            if let first = recovered[offset(selection)], link(selection, to: first) { continue }
            do throws(StreamError) {
                try direct(selection)
            } catch {
                switch error {
                case .cancelled, .connection: throw error
                case .truncated, .malformed, .impossible:
                    abandonOutputs()
                    let name = displayed(selections[selection].original.bytes)
                    observer.note(.error, "\(name) cannot be recovered from byte \(offset(selection)): \(error)")
                    failed(selection, .failed)
                }
            }
            if !unresolved.contains(selection) {
                isDone[selection] = true
                report(selection)
            }
        }
        guard !unresolved.isEmpty else { return }
        observer.note(
            .normal,
            "\(unresolved.count) files are further names of others: the stream is read from its start"
        )
        try sequential(unresolved, followsLinks: true)
    }

    private func destination(_ selection: Int, _ below: TreePath = TreePath()) -> RecoveryDestination {
        let wanted = selections[selection]
        let path = wanted.target.appending(below)
        return RecoveryDestination(selection: selection, tree: wanted.tree, path: path, root: wanted.target)
    }

    private func offset(_ selection: Int) -> UInt64 { selections[selection].offset ?? 0 }

    private func abandonOutputs() {
        for output in outputs { restorer.abandon(output) }
        outputs = []
    }

    private func direct(_ selection: Int) throws(StreamError) {
        let wanted = selections[selection]
        try input.seek(to: offset(selection), expecting: Self.headerBytes)
        var reader = TarReader(input)
        guard let entry = try reader.next() else { throw .malformed("the archive ends there") }
        guard let found = entry.path, isExpected(entry, found, wanted) else {
            throw .malformed("\(displayed(entry.writtenPath)) is there instead")
        }
        try take(entry, wanted.original, [destination(selection)], reader)
        guard entry.content == .directory, options.isRecursive else { return }
        while true {
            if observer.isCancelled { throw .cancelled }
            if input.left < Self.headerBytes {
                let soFar = input.position - offset(selection)
                input.expect(min(max(soFar, Self.directoryBytes.lowerBound), Self.directoryBytes.upperBound))
            }
            // What is below a directory follows it without a gap.
            guard let member = try reader.next(), let path = member.path,
                let below = path.relative(to: wanted.original), !below.isRoot
            else { return }
            try take(member, path, [destination(selection, below)], reader)
        }
    }

    /// The history gives all names of a file the position of the first: another name is right where the file has several.
    private func isExpected(_ entry: TarEntry, _ found: TreePath, _ wanted: Selection) -> Bool {
        if found == wanted.original { return true }
        guard entry.content != .directory, let links = entry.links, links > 1 else { return false }
        guard let node = wanted.node, node != 0, node != .max, let written = entry.node else { return true }
        return node == written
    }

    /// One more name for what was recovered from this position; false when that does not work.
    private func link(_ selection: Int, to first: RecoveryDestination) -> Bool {
        let place = destination(selection)
        do throws(TreeError) {
            try restorer.hardLink(place, to: first.path, in: first.tree)
        } catch {
            return false
        }
        succeeded(place)
        isDone[selection] = true
        report(selection)
        return true
    }
}
