// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A shell pattern over bytes: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a byte that stands for itself. "/" divides it
/// into names, and no wildcard crosses one.
struct GlobPattern: Sendable, Equatable {
    /// One pattern for each name of the path.
    let components: [[UInt8]]

    init(_ text: [UInt8]) {
        components = text.split(separator: TreePath.separator).map { Array($0) }.filter { $0 != [UInt8(ascii: ".")] }
    }

    /// Whether the pattern has one component only, and no "/" at its front.
    static func isName(_ text: [UInt8]) -> Bool {
        !text.contains(TreePath.separator)
    }

    /// How many components of `names` agree with the pattern's, from the front; nil when one does not.
    func agreement(with names: [[UInt8]]) -> Int? {
        let count = min(names.count, components.count)
        // A name with a bracket or a star in it stands for itself too.
        for index in 0..<count where components[index] != names[index] {
            guard Self.matches(components[index], names[index]) else { return nil }
        }
        return count
    }

    /// One name against one component. Takes at most pattern × name steps: a star that fails moves on by one byte, and
    /// only the last star is tried again.
    static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var at = 0
        var position = 0
        var star: (pattern: Int, name: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, position)
                at += 1
            } else if let next = step(pattern, at, name[position]) {
                at = next
                position += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.pattern + 1
                position = last.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Matches one byte at `at`; the place of the pattern's next item, or nil.
    private static func step(_ pattern: [UInt8], _ at: Int, _ byte: UInt8) -> Int? {
        guard at < pattern.count else { return nil }
        switch pattern[at] {
        case UInt8(ascii: "?"):
            return at + 1
        case UInt8(ascii: "\\") where at + 1 < pattern.count:
            return pattern[at + 1] == byte ? at + 2 : nil
        case UInt8(ascii: "["):
            guard let (contains, end) = bracket(pattern, at + 1, byte) else {
                // A bracket that never closes stands for itself.
                return byte == UInt8(ascii: "[") ? at + 1 : nil
            }
            return contains ? end : nil
        case let literal:
            return literal == byte ? at + 1 : nil
        }
    }

    private static func bracket(_ pattern: [UInt8], _ start: Int, _ byte: UInt8) -> (contains: Bool, end: Int)? {
        var at = start
        var isNegated = false
        if at < pattern.count, pattern[at] == UInt8(ascii: "!") || pattern[at] == UInt8(ascii: "^") {
            isNegated = true
            at += 1
        }
        var contains = false
        let first = at
        while at < pattern.count {
            if pattern[at] == UInt8(ascii: "]") && at > first { return (contains != isNegated, at + 1) }
            if at + 2 < pattern.count, pattern[at + 1] == UInt8(ascii: "-"), pattern[at + 2] != UInt8(ascii: "]") {
                if pattern[at] <= byte && byte <= pattern[at + 2] { contains = true }
                at += 3
            } else {
                if pattern[at] == byte { contains = true }
                at += 1
            }
        }
        return nil
    }
}

/// What a backup takes of a tree: NDMP's EXCLUDE and FILES.
struct NameFilter: Sendable {
    enum Verdict: Sendable, Equatable {
        /// Neither the name nor anything below it.
        case skip
        /// A directory on the way to something that is taken.
        case passThrough
        case take
    }

    private var excludedNames: [[UInt8]] = []
    private var excludedPaths: [GlobPattern] = []
    private var files: [GlobPattern] = []

    init(_ options: BackupOptions) {
        for pattern in options.excludes.prefix(BackupOptions.maximumExcludes) where !pattern.isEmpty {
            if GlobPattern.isName(pattern) {
                excludedNames.append(pattern)
            } else {
                excludedPaths.append(GlobPattern(pattern))
            }
        }
        for file in options.files.prefix(BackupOptions.maximumFiles) { files.append(GlobPattern(file.bytes)) }
        if files.contains(where: \.components.isEmpty) { files = [] }
    }

    var takesEverything: Bool { excludedNames.isEmpty && excludedPaths.isEmpty && files.isEmpty }

    /// About a path whose directories were not skipped.
    func verdict(_ path: TreePath) -> Verdict {
        if takesEverything { return .take }
        let names = path.components
        guard let last = names.last else { return files.isEmpty ? .take : .passThrough }
        if excludedNames.contains(where: { GlobPattern.matches($0, last) }) { return .skip }
        for pattern in excludedPaths where pattern.components.count == names.count {
            if pattern.agreement(with: names) != nil { return .skip }
        }
        if files.isEmpty { return .take }
        var verdict = Verdict.skip
        for pattern in files {
            guard pattern.agreement(with: names) != nil else { continue }
            if names.count >= pattern.components.count { return .take }
            verdict = .passThrough
        }
        return verdict
    }
}
