// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The tape as everyone pictures it: a list of records and filemarks. What a cartridge holds is compared with it.
struct ModelTape {
    enum Object: Equatable {
        case record([UInt8])
        case filemark
    }

    var objects: [Object] = []
    /// What was being written where the list ends, when it failed: an unclean end may leave a part of one of these.
    var attempts: [[Object]] = []
    /// Objects that must survive the end of the process, and the loss of power.
    var killFloor = 0
    var crashFloor = 0

    /// A write at `position` was acknowledged.
    mutating func wrote(_ added: [Object], at position: Int) {
        cut(to: position)
        objects += added
        attempts = []
        killFloor = objects.count
    }

    mutating func cut(to position: Int) {
        guard position < objects.count else { return }
        objects.removeLast(objects.count - position)
        attempts = []
        crashFloor = min(crashFloor, position)
        killFloor = min(killFloor, position)
    }

    /// A write at `position` failed, and the cartridge says that its data now ends at `end`.
    /// Returns false when no correct cartridge can say so.
    mutating func failedToWrite(_ added: [Object], at position: Int, endOfData end: Int) -> Bool {
        guard end == objects.count || end == position else { return false }
        if end < objects.count { cut(to: end) }
        if end == position {
            attempts.append(added)
        } else {
            // Truncating failed: whether the disk did it, nobody knows before the next load.
            killFloor = min(killFloor, position)
            crashFloor = min(crashFloor, position)
        }
        return true
    }

    mutating func synchronized() { crashFloor = objects.count }

    /// Whether `found` may be what is left of this tape.
    func allows(_ found: [Object], afterCrash: Bool) -> String? {
        let floor = afterCrash ? crashFloor : killFloor
        guard found.count >= floor else { return "\(found.count) objects are left of at least \(floor)" }
        let common = min(found.count, objects.count)
        for address in 0..<common where found[address] != objects[address] {
            return "object \(address) is not what was written"
        }
        let surplus = found[common...]
        guard surplus.isEmpty || attempts.contains(where: { $0.starts(with: surplus) }) else {
            return "\(surplus.count) objects behind the end were never written"
        }
        return nil
    }

    /// The cartridge was opened and holds this, durably.
    mutating func adopt(_ found: [Object]) {
        objects = found
        attempts = []
        killFloor = found.count
        crashFloor = found.count
    }

    func filemarks(before address: Int) -> Int { objects[..<address].count { $0 == .filemark } }

    func addressAfterFilemark(_ number: Int) -> Int? {
        if number == 0 { return 0 }
        let marks = objects.indices.filter { objects[$0] == .filemark }
        return number <= marks.count ? marks[number - 1] + 1 : nil
    }
}
