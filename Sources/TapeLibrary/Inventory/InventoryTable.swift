// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges

/// Which cartridge is in which element: a value, without disk or drives.
///
/// Invariant, kept by construction and by every method: an element holds at most one cartridge, and a cartridge is in
/// at most one element. Cartridges that are in none lie on the shelf.
struct InventoryTable: Sendable, Equatable {
    /// What lies in an element.
    struct Occupant: Sendable, Equatable {
        var barcode: String
        /// Slot or mail slot it came from; nil when it never moved.
        var source: ElementPlace?
        /// Mail slots: put there by hand.
        var imported = false
    }

    /// More than any library of the families modelled; bounds the inventory file.
    static let maximumCartridges = 100_000

    private(set) var cartridges: [String: CartridgeEntry] = [:]
    private var locations: [String: ElementPlace] = [:]
    private var slots: [Occupant?]
    private var mailSlots: [Occupant?]
    private var drives: [Occupant?]
    /// Goes up with every change.
    var revision: UInt64 = 0

    init(drives: Int, slots: Int, mailSlots: Int) {
        self.drives = Array(repeating: nil, count: drives)
        self.slots = Array(repeating: nil, count: slots)
        self.mailSlots = Array(repeating: nil, count: mailSlots)
    }

    // MARK: Looking

    func count(of kind: ElementPlace.Kind) -> Int {
        switch kind {
        case .slot: slots.count
        case .mail: mailSlots.count
        case .drive: drives.count
        }
    }

    func has(_ place: ElementPlace) -> Bool {
        switch place {
        case .slot(let number): (1...slots.count).contains(number)
        case .mailSlot(let number): number >= 1 && number <= mailSlots.count
        case .drive(let number): drives.indices.contains(number)
        }
    }

    subscript(_ place: ElementPlace) -> Occupant? {
        guard has(place) else { return nil }
        return switch place {
        case .slot(let number): slots[number - 1]
        case .mailSlot(let number): mailSlots[number - 1]
        case .drive(let number): drives[number]
        }
    }

    func place(of barcode: String) -> ElementPlace? { locations[barcode] }

    /// By barcode.
    var shelf: [CartridgeEntry] {
        cartridges.values.filter { locations[$0.barcode] == nil }.sorted { $0.barcode < $1.barcode }
    }

    var firstFreeSlot: ElementPlace? {
        slots.firstIndex { $0 == nil }.map { .slot($0 + 1) }
    }

    var firstFreeMailSlot: ElementPlace? {
        mailSlots.firstIndex { $0 == nil }.map { .mailSlot($0 + 1) }
    }

    /// Every place of the library, slots, mail slots, drives.
    var places: [ElementPlace] {
        slots.indices.map { .slot($0 + 1) } + mailSlots.indices.map { .mailSlot($0 + 1) }
            + drives.indices.map { .drive($0) }
    }

    // MARK: Changing

    /// Makes a cartridge known; it lies on the shelf. Replaces what was known of it.
    mutating func add(_ cartridge: CartridgeEntry) {
        cartridges[cartridge.barcode] = cartridge
    }

    /// Forgets a cartridge, wherever it is.
    mutating func forget(_ barcode: String) {
        take(barcode)
        cartridges[barcode] = nil
    }

    mutating func setCondition(_ condition: CartridgeEntry.Condition, of barcode: String) {
        cartridges[barcode]?.condition = condition
    }

    /// Puts a cartridge from the shelf into an empty element.
    ///
    /// - Returns: false, and nothing changed, when it is unknown or elsewhere, or the element is full or none.
    mutating func put(_ barcode: String, into place: ElementPlace, source: ElementPlace? = nil, imported: Bool) -> Bool
    {
        guard cartridges[barcode] != nil, locations[barcode] == nil, has(place), self[place] == nil else {
            return false
        }
        store(Occupant(barcode: barcode, source: source, imported: imported), at: place)
        locations[barcode] = place
        return true
    }

    /// Takes a cartridge out of its element; it lies on the shelf. Nothing happens when it does already.
    mutating func take(_ barcode: String) {
        guard let place = locations.removeValue(forKey: barcode) else { return }
        store(nil, at: place)
    }

    /// Moves by robot.
    ///
    /// - Returns: false, and nothing changed, when the source is empty or the destination is full or none.
    mutating func move(from source: ElementPlace, to destination: ElementPlace) -> Bool {
        guard let occupant = self[source], has(destination), self[destination] == nil else { return false }
        store(nil, at: source)
        land(occupant, from: source, at: destination)
        return true
    }

    /// `source` to `first`, what was in `first` to `second`.
    mutating func exchange(source: ElementPlace, first: ElementPlace, second: ElementPlace) -> Bool {
        guard let incoming = self[source], let outgoing = self[first], has(second), source != first, first != second
        else { return false }
        guard second == source || self[second] == nil else { return false }
        store(nil, at: source)
        store(nil, at: first)
        land(incoming, from: source, at: first)
        land(outgoing, from: first, at: second)
        return true
    }

    /// A cartridge remembers the last slot or mail slot it left, so that an unload can bring it back.
    private mutating func land(_ occupant: Occupant, from source: ElementPlace, at place: ElementPlace) {
        let origin = source.kind == .drive ? occupant.source : source
        store(Occupant(barcode: occupant.barcode, source: origin, imported: false), at: place)
        locations[occupant.barcode] = place
    }

    private mutating func store(_ occupant: Occupant?, at place: ElementPlace) {
        switch place {
        case .slot(let number): slots[number - 1] = occupant
        case .mailSlot(let number): mailSlots[number - 1] = occupant
        case .drive(let number): drives[number] = occupant
        }
    }
}
