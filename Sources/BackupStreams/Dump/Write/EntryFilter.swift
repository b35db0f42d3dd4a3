// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Which names a backup takes, by its EXCLUDE and FILES.
struct EntryFilter: Sendable {
    private let namePatterns: [Pattern]
    private let pathPatterns: [Pattern]
    private let files: [TreePath]

    init(_ options: BackupOptions) {
        var names: [Pattern] = []
        var paths: [Pattern] = []
        for exclude in options.excludes.prefix(BackupOptions.maximumExcludes) where !exclude.isEmpty {
            if exclude.contains(TreePath.separator) {
                paths.append(Pattern(Array(exclude.drop { $0 == TreePath.separator })))
            } else {
                names.append(Pattern(exclude))
            }
        }
        namePatterns = names
        pathPatterns = paths
        files = options.files.contains { $0.isRoot } ? [] : options.files
    }

    func excludes(_ name: [UInt8], in directory: TreePath) -> Bool {
        if namePatterns.contains(where: { $0.matches(name) }) { return true }
        if pathPatterns.isEmpty { return false }
        let path = directory.appending(name).bytes
        return pathPatterns.contains { $0.matches(path) }
    }

    /// The only names of a directory that lead to the files asked for; nil when all of it is wanted.
    func children(of directory: TreePath) -> Set<[UInt8]>? {
        guard !files.isEmpty else { return nil }
        var names: Set<[UInt8]> = []
        for file in files {
            if directory.relative(to: file) != nil { return nil }
            if let below = file.relative(to: directory), let first = below.components.first { names.insert(first) }
        }
        return names
    }

    /// A shell pattern: `*` any bytes ("/" too), `?` one, `[a-z]` and `[!a-z]` one of a set, `\` takes the next as it is.
    struct Pattern: Sendable {
        private enum Item: Sendable {
            case any
            case one
            case byte(UInt8)
            case set([ClosedRange<UInt8>], isNegated: Bool)
        }

        private let items: [Item]

        init(_ text: [UInt8]) {
            var items: [Item] = []
            var index = 0
            while index < text.count {
                switch text[index] {
                case UInt8(ascii: "*"): items.append(.any)
                case UInt8(ascii: "?"): items.append(.one)
                case UInt8(ascii: "\\") where index + 1 < text.count:
                    index += 1
                    items.append(.byte(text[index]))
                case UInt8(ascii: "["):
                    if let (set, next) = Self.set(text, after: index) {
                        items.append(set)
                        index = next
                    } else {
                        items.append(.byte(text[index]))
                    }
                default: items.append(.byte(text[index]))
                }
                index += 1
            }
            self.items = items
        }

        /// The set that opens at `start`, and where it closes; nil when it does not.
        private static func set(_ text: [UInt8], after start: Int) -> (Item, Int)? {
            var index = start + 1
            var isNegated = false
            if index < text.count, text[index] == UInt8(ascii: "!") || text[index] == UInt8(ascii: "^") {
                isNegated = true
                index += 1
            }
            var ranges: [ClosedRange<UInt8>] = []
            let first = index
            while index < text.count {
                if text[index] == UInt8(ascii: "]"), index > first {
                    return (.set(ranges, isNegated: isNegated), index)
                }
                let low = text[index]
                if index + 2 < text.count, text[index + 1] == UInt8(ascii: "-"), text[index + 2] != UInt8(ascii: "]") {
                    if text[index + 2] >= low { ranges.append(low...text[index + 2]) }
                    index += 3
                } else {
                    ranges.append(low...low)
                    index += 1
                }
            }
            return nil
        }

        /// Goes back to the last `*` only, so it takes no more than the product of both lengths.
        func matches(_ text: [UInt8]) -> Bool {
            var item = 0
            var byte = 0
            var retry: (item: Int, byte: Int)?
            while byte < text.count {
                if item < items.count, case .any = items[item] {
                    retry = (item, byte)
                    item += 1
                } else if item < items.count, Self.matches(items[item], text[byte]) {
                    item += 1
                    byte += 1
                } else if let last = retry {
                    retry = (last.item, last.byte + 1)
                    item = last.item + 1
                    byte = last.byte + 1
                } else {
                    return false
                }
            }
            return items[item...].allSatisfy { if case .any = $0 { true } else { false } }
        }

        private static func matches(_ item: Item, _ byte: UInt8) -> Bool {
            switch item {
            case .any, .one: true
            case .byte(let wanted): wanted == byte
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
            }
        }
    }
}
