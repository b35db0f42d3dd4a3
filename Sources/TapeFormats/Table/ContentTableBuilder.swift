// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Makes a `ContentTable`: whatever an archive says, names come out safe and unique, and memory stays within limits.
///
/// Paths that lead out are refused, missing directories are made (0755), of two files with one name the later one wins,
/// a directory with something in it stays one. One thread; `finish` is the last call.
package final class ContentTableBuilder {
    /// Troubles that archives have by the thousand: counted, and told once each with the first name.
    private enum Trouble: Int, CaseIterable {
        case leadsOut, unusable, longPath, cut, deep, repeated, fileInTheWay, directoryInTheWay, target, link, circle
    }

    private let limits: ContentLimits
    private var rows = ContentRows()
    /// Names of each group of files that share their bytes.
    private var familySizes: [UInt32] = []
    private var troubles: [Trouble: (count: Int, first: String)] = [:]
    private var sentences: [String] = []
    private var unsaid = 0
    /// A limit was reached: nothing more is taken in. `problems` will say so.
    package private(set) var isFull = false

    package init(limits: ContentLimits) {
        self.limits = limits
    }

    package var entryCount: Int { rows.rows.count }
    package var footprintBytes: Int { rows.footprintBytes + familySizes.count * 4 }

    /// Notes a sentence of what is wrong with the archive. Those beyond the limit are only counted.
    package func problem(_ sentence: String) {
        guard sentences.count < Recognition.maximumProblems - Trouble.allCases.count - 1 else { return unsaid += 1 }
        if !sentences.contains(sentence) { sentences.append(sentence) }
    }

    /// Adds an entry at a path; its directories are made as needed. An empty path is the root itself.
    ///
    /// - Parameters:
    ///   - locator, second: what `ContentTable.Opener` gets for a regular file.
    ///   - linkTarget: of a symbolic link, as the archive has it.
    /// - Returns: the entry's number; nil when it was refused, or a limit is reached (`isFull`).
    @discardableResult
    package func add(
        path: [UInt8],
        _ entry: ContentEntry,
        locator: UInt64 = 0,
        second: UInt64 = 0,
        linkTarget: [UInt8]? = nil
    ) -> UInt32? {
        guard let (directory, name) = place(path) else { return nil }
        guard let name else {
            if entry.kind == .directory { describe(0, entry, 0, 0, nil) }
            return entry.kind == .directory ? 0 : nil
        }
        return put(name, in: directory, entry, locator, second, linkTarget)
    }

    /// Adds an entry to a directory of this table by its number.
    @discardableResult
    package func add(
        name: [UInt8],
        in directory: UInt32,
        _ entry: ContentEntry,
        locator: UInt64 = 0,
        second: UInt64 = 0,
        linkTarget: [UInt8]? = nil
    ) -> UInt32? {
        guard let name = safe(name), Int(directory) < rows.rows.count else { return nil }
        guard rows.rows[Int(directory)].kind == .directory else { return nil }
        return put(name, in: directory, entry, locator, second, linkTarget)
    }

    /// Adds another name of a file that was added before. Without it the entry is an empty one of kind `other`, and a
    /// problem.
    ///
    /// - Parameter target: a path, as in `add(path:)`.
    @discardableResult
    package func addHardLink(path: [UInt8], to target: [UInt8], _ entry: ContentEntry) -> UInt32? {
        guard let (directory, name) = place(path), let name else { return nil }
        guard let old = find(target), rows.rows[Int(old)].kind != .directory else {
            note(.link, path)
            var empty = entry
            empty.kind = .other
            empty.lengthBytes = 0
            return put(name, in: directory, empty, 0, 0, nil)
        }
        return link(name, in: directory, to: old)
    }

    /// Adds another name of entry `old` at a path; without such a file it becomes one of its own, as described.
    @discardableResult
    package func addHardLink(path: [UInt8], to old: UInt32, _ entry: ContentEntry) -> UInt32? {
        guard let (directory, name) = place(path), let name else { return nil }
        guard Int(old) < rows.rows.count, rows.rows[Int(old)].kind == .regular else {
            return put(name, in: directory, entry, 0, 0, nil)
        }
        return link(name, in: directory, to: old)
    }

    /// Adds another name of entry `old`, which is no directory.
    @discardableResult
    package func addHardLink(name: [UInt8], in directory: UInt32, to old: UInt32) -> UInt32? {
        guard let name = safe(name), Int(directory) < rows.rows.count, Int(old) < rows.rows.count,
            rows.rows[Int(directory)].kind == .directory, rows.rows[Int(old)].kind != .directory
        else { return nil }
        return link(name, in: directory, to: old)
    }

    /// The entry at a path; nil when there is none.
    package func find(_ path: [UInt8]) -> UInt32? {
        guard let names = try? ContentNames.components(path) else { return nil }
        var number: UInt32 = 0
        for name in names {
            guard let next = rows.find(ContentNames.cut(name)[...], in: number) else { return nil }
            number = next
        }
        return number
    }

    /// What a file's reader finds it by, for archives that tell of it late.
    package func setLocator(_ number: UInt32, locator: UInt64, second: UInt64, lengthBytes: UInt64) {
        guard Int(number) < rows.rows.count, rows.rows[Int(number)].kind == .regular else { return }
        rows.change(number) {
            $0.locator = locator
            $0.second = second
            $0.lengthBytes = lengthBytes
        }
    }

    /// - Parameters:
    ///   - otherBytes: memory that the opener holds, for the cache to count.
    ///   - opener: opens a regular file; any thread.
    package func finish(otherBytes: Int = 0, opener: @escaping ContentTable.Opener) -> ContentTable {
        rows.putInOrder()
        return ContentTable(
            rows,
            familySizes: familySizes,
            problems: problems,
            otherBytes: otherBytes,
            opener: opener
        )
    }

    // MARK: Where an entry goes

    /// The directory of a path, made if it is not there, and the last name; none for the root.
    private func place(_ path: [UInt8]) -> (directory: UInt32, name: [UInt8]?)? {
        guard !isFull else { return nil }
        let names: [ArraySlice<UInt8>]
        do {
            names = try ContentNames.components(path)
        } catch {
            switch error {
            case .leadsOut: note(.leadsOut, path)
            case .unusable: note(.unusable, path)
            case .tooLong: note(.longPath, path)
            }
            return nil
        }
        guard let last = names.last else { return (0, nil) }
        guard names.count <= maximumDepth else {
            note(.deep, path)
            return nil
        }
        var directory: UInt32 = 0
        for name in names.dropLast() {
            guard let next = step(name, from: directory) else { return nil }
            directory = next
        }
        return (directory, cut(last))
    }

    private var maximumDepth: Int { min(limits.depth, Int(UInt8.max)) }

    private func cut(_ name: ArraySlice<UInt8>) -> [UInt8] {
        if name.count > ContentNames.maximumNameBytes { note(.cut, name) }
        return ContentNames.cut(name)
    }

    /// One name of a directory, from an archive that has no paths.
    private func safe(_ name: [UInt8]) -> [UInt8]? {
        guard !isFull else { return nil }
        guard !name.isEmpty, !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else {
            note(.leadsOut, name)
            return nil
        }
        guard !name.contains(0), !name.contains(UInt8(ascii: "/")) else {
            note(.unusable, name)
            return nil
        }
        return cut(name[...])
    }

    /// The directory of this name below another one: made when it is not there, also in the place of a file.
    private func step(_ name: ArraySlice<UInt8>, from directory: UInt32) -> UInt32? {
        let name = cut(name)
        let implied = ContentEntry(kind: .directory, permissions: 0o755)
        guard let number = rows.find(name[...], in: directory) else {
            guard let number = append(name, in: directory, implied, 0, 0, nil) else { return nil }
            rows.change(number) { $0.mode |= 0x4000 }
            return number
        }
        if rows.rows[Int(number)].kind != .directory {
            note(.fileInTheWay, name)
            leaveFamily(number)
            describe(number, implied, 0, 0, nil)
        }
        return number
    }

    private func put(
        _ name: [UInt8],
        in directory: UInt32,
        _ entry: ContentEntry,
        _ locator: UInt64,
        _ second: UInt64,
        _ target: [UInt8]?
    ) -> UInt32? {
        guard let old = rows.find(name[...], in: directory) else {
            return append(name, in: directory, entry, locator, second, target)
        }
        guard hasRoom(target?.count ?? 0) else { return nil }
        let row = rows.rows[Int(old)]
        switch (row.kind == .directory, entry.kind == .directory) {
        case (true, true): break
        case (true, false):
            // What lies in it would be gone.
            guard row.count == 0 else {
                note(.directoryInTheWay, name)
                return nil
            }
            note(.repeated, name)
        case (false, _):
            note(.repeated, name)
            leaveFamily(old)
        }
        describe(old, entry, locator, second, target)
        return old
    }

    private func append(
        _ name: [UInt8],
        in directory: UInt32,
        _ entry: ContentEntry,
        _ locator: UInt64,
        _ second: UInt64,
        _ target: [UInt8]?
    ) -> UInt32? {
        guard !isFull else { return nil }
        guard rows.rows.count < limits.entries else {
            return full("it has more than \(limits.entries) entries: those behind are not listed")
        }
        guard hasRoom(name.count + ContentRows.rowBytes + (target?.count ?? 0)) else { return nil }
        let depth = rows.rows[Int(directory)].depth
        guard Int(depth) < maximumDepth else {
            note(.deep, name)
            return nil
        }
        var row = ContentRows.Row()
        row.parent = directory
        row.depth = depth + 1
        let number = rows.append(row, name: name[...])
        rows.change(directory) { $0.count += 1 }
        describe(number, entry, locator, second, target)
        return number
    }

    private func hasRoom(_ bytes: Int) -> Bool {
        if footprintBytes + bytes <= min(limits.footprintBytes, Int(UInt32.max)) { return true }
        _ = full("its list takes more than \(limits.footprintBytes >> 20) MiB: entries behind are not listed")
        return false
    }

    private func full(_ sentence: String) -> UInt32? {
        isFull = true
        sentences.append(sentence)
        return nil
    }

    /// Fills a row; name and parent stay, and so do a directory's children.
    private func describe(
        _ number: UInt32,
        _ entry: ContentEntry,
        _ locator: UInt64,
        _ second: UInt64,
        _ target: [UInt8]?
    ) {
        let wasDirectory = rows.rows[Int(number)].kind == .directory && rows.rows[Int(number)].nameBytes > 0
        var (locator, second) = (locator, second)
        var length = entry.kind == .regular || entry.kind == .symbolicLink ? entry.lengthBytes : 0
        if entry.kind == .symbolicLink {
            var target = Array((target ?? []).prefix { $0 != 0 })
            if target.isEmpty || target.count > ContentNames.maximumTargetBytes {
                note(.target, rows.name(rows.rows[Int(number)]))
                target = target.isEmpty ? [UInt8(ascii: "?")] : Array(target.prefix(ContentNames.maximumTargetBytes))
            }
            locator = rows.addText(target)
            second = UInt64(target.count)
            length = second
        }
        rows.change(number) {
            $0.mode = entry.permissions & 0o7777 | UInt16(entry.kind.rawValue) << 12
            $0.user = entry.user
            $0.group = entry.group
            $0.lengthBytes = length
            $0.modifiedNanoseconds = entry.modifiedNanoseconds
            $0.locator = locator
            $0.second = second
            if entry.kind != .directory {
                $0.place = ContentRows.none
                $0.count = entry.links
            } else if !wasDirectory && number != 0 {
                $0.count = 0
            }
        }
    }

    // MARK: Hard links

    private func link(_ name: [UInt8], in directory: UInt32, to old: UInt32) -> UInt32? {
        let row = rows.rows[Int(old)]
        if rows.find(name[...], in: directory) == old {
            note(.circle, name)
            return old
        }
        let entry = ContentEntry(
            kind: row.kind,
            permissions: row.mode & 0o7777,
            user: row.user,
            group: row.group,
            lengthBytes: row.lengthBytes,
            modifiedNanoseconds: row.modifiedNanoseconds,
            links: row.count
        )
        let target = rows.target(row)
        guard let number = put(name, in: directory, entry, row.locator, row.second, target) else { return nil }
        var family = row.place
        if family == ContentRows.none {
            family = UInt32(familySizes.count)
            familySizes.append(1)
            rows.change(old) { $0.place = family }
        }
        rows.change(number) { $0.place = family }
        familySizes[Int(family)] += 1
        return number
    }

    private func leaveFamily(_ number: UInt32) {
        let family = rows.rows[Int(number)].place
        guard rows.rows[Int(number)].kind != .directory, family != ContentRows.none else { return }
        familySizes[Int(family)] -= 1
    }

    // MARK: Problems

    private func note(_ trouble: Trouble, _ name: some Collection<UInt8>) {
        if let known = troubles[trouble] {
            troubles[trouble] = (known.count + 1, known.first)
        } else {
            troubles[trouble] = (1, ContentNames.shown(name))
        }
    }

    private var problems: [String] {
        var all = sentences
        for trouble in Trouble.allCases {
            guard let (count, first) = troubles[trouble] else { continue }
            all.append(sentence(trouble) + (count == 1 ? ": \(first)" : ": \(count), the first is \(first)"))
        }
        if unsaid > 0 { all.append("and \(unsaid) more problems") }
        return all
    }

    private func sentence(_ trouble: Trouble) -> String {
        switch trouble {
        case .leadsOut: "names that lead out of the archive are left out"
        case .unusable: "names that no file can have are left out"
        case .longPath: "paths longer than \(ContentNames.maximumPathBytes) bytes are left out"
        case .cut: "names longer than \(ContentNames.maximumNameBytes) bytes are cut"
        case .deep: "entries deeper than \(maximumDepth) directories are left out"
        case .repeated: "names that come again: the last one is shown"
        case .fileInTheWay: "files with entries below them are shown as directories"
        case .directoryInTheWay: "files with the name of a directory that is not empty are left out"
        case .target: "symbolic links without a usable target"
        case .link: "links to files that are not in the archive are shown empty"
        case .circle: "links to themselves are left out"
        }
    }
}
