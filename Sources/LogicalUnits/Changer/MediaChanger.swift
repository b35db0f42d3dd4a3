// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// The robot of a library, as SCSI sees it.
///
/// Owns: what belongs to initiators (attentions, reservation, prevention, mode pages) and which mail slots are open.
/// Promises: every refusal of SMC, in its order, before anything moves; the typed operations and the CDBs are the same
/// code. Leaves to the element store: where cartridges are, and moving them.
///
/// Synchronous, without locks: one thread at a time.
package final class MediaChanger: LogicalUnit {
    package let identity: ChangerIdentity

    let store: any ElementStore
    let clock: any LibraryClock
    var unit = UnitState()
    var modePages: ModePages
    private var openMailSlots: Set<UInt16> = []

    package init(identity: ChangerIdentity, store: any ElementStore, clock: any LibraryClock) {
        self.identity = identity
        self.store = store
        self.clock = clock
        self.modePages = ChangerModePages.pages(for: store.elementMap)
    }

    // MARK: Typed operations

    /// Moves one cartridge. A move to where it is already does nothing.
    ///
    /// - Throws: 5/21/01, 2/3A/02 (the mail slot is open), 5/3B/0E (source empty), 5/3B/0D (destination full), 5/53/02
    ///   (removal prevented), then what the store throws.
    package func move(from source: UInt16, to destination: UInt16) throws(CheckCondition) {
        try requirePlace(source)
        try requirePlace(destination)
        try requireClosed(source)
        try requireClosed(destination)
        try requireFull(source)
        guard source != destination else { return }
        try requireEmpty(destination)
        try requireRemovalAllowed(destination)
        try store.move(from: source, to: destination)
    }

    /// `source` to `first`, what was in `first` to `second`; `second` may be `source`.
    ///
    /// - Throws: as `move(from:to:)`, and 5/3B/0E when `first` is empty.
    package func exchange(source: UInt16, first: UInt16, second: UInt16) throws(CheckCondition) {
        for address in [source, first, second] {
            try requirePlace(address)
        }
        for address in [source, first, second] {
            try requireClosed(address)
        }
        try requireFull(source)
        try requireFull(first)
        guard source != first, first != second else {
            throw CheckCondition(.illegalRequest, .destinationFull)
        }
        if second != source {
            try requireEmpty(second)
        }
        try requireRemovalAllowed(first)
        try requireRemovalAllowed(second)
        try store.exchange(source: source, first: first, second: second)
    }

    /// Opens a mail slot to the operator's hand: until it is closed the robot keeps away from it.
    ///
    /// - Throws: 5/21/01 when it is no mail slot, 5/53/02 when an initiator prevents removal.
    package func openMailSlot(_ address: UInt16) throws(CheckCondition) {
        try requireMailSlot(address)
        guard !unit.isRemovalPrevented else {
            throw CheckCondition(.illegalRequest, .mediumRemovalPrevented)
        }
        openMailSlots.insert(address)
    }

    /// Closes a mail slot; every initiator learns that someone was there.
    package func closeMailSlot(_ address: UInt16) throws(CheckCondition) {
        try requireMailSlot(address)
        guard openMailSlots.remove(address) != nil else { return }
        mailSlotAccessed()
    }

    package func isOpen(_ address: UInt16) -> Bool { openMailSlots.contains(address) }

    /// Any initiator prevents the removal of cartridges.
    package var isRemovalPrevented: Bool { unit.isRemovalPrevented }

    /// The operator put something into a mail slot or took it out: 6/28/01 for every initiator.
    package func mailSlotAccessed() {
        unit.attentions.raise(.importExportElementAccessed)
    }

    /// The operator changed what lies in the slots, without the robot: 6/28/00 for every initiator.
    package func inventoryChanged() {
        unit.attentions.raise(.mediumMayHaveChanged)
    }

    /// Makes a nexus known without a power-on condition: its door's host took that one long ago.
    package func introduce(_ nexus: Nexus) {
        unit.attentions.introduce(nexus, with: nil)
    }

    // MARK: Rules

    /// A place for cartridges: the gripper is none.
    func requirePlace(_ address: UInt16) throws(CheckCondition) {
        guard let type = store.elementMap.type(of: address), type != .mediumTransport else {
            throw CheckCondition(.illegalRequest, .invalidElementAddress)
        }
    }

    private func requireMailSlot(_ address: UInt16) throws(CheckCondition) {
        guard store.elementMap.type(of: address) == .importExport else {
            throw CheckCondition(.illegalRequest, .invalidElementAddress)
        }
    }

    func requireClosed(_ address: UInt16) throws(CheckCondition) {
        guard !openMailSlots.contains(address) else {
            throw CheckCondition(.notReady, .importExportOpen)
        }
    }

    private func requireFull(_ address: UInt16) throws(CheckCondition) {
        guard store.element(at: address)?.isFull == true else {
            throw CheckCondition(.illegalRequest, .sourceEmpty)
        }
    }

    private func requireEmpty(_ address: UInt16) throws(CheckCondition) {
        guard store.element(at: address)?.isFull == false else {
            throw CheckCondition(.illegalRequest, .destinationFull)
        }
    }

    /// SMC-3 6.8: with removal prevented nothing leaves through a mail slot.
    private func requireRemovalAllowed(_ destination: UInt16) throws(CheckCondition) {
        guard unit.isRemovalPrevented, store.elementMap.type(of: destination) == .importExport else { return }
        throw CheckCondition(.illegalRequest, .mediumRemovalPrevented)
    }

    // MARK: LogicalUnit

    package func execute(cdb: [UInt8], dataOut: Span<UInt8>, dataInLimit: Int, nexus: Nexus) -> CommandResult {
        let cdb = CDB(cdb)
        let row: CommandDescriptor<ChangerCommand>
        switch unit.admit(cdb, as: nexus, in: ChangerCommands.table, descriptorSense: usesDescriptorSense) {
        case .refuse(let result): return result
        case .run(let admitted): row = admitted
        }
        do throws(CheckCondition) {
            guard let reply = try perform(row.command, cdb, dataOut: dataOut, nexus) else {
                return CommandResult(status: .reservationConflict)
            }
            return UnitState.finish(reply, dataInLimit: dataInLimit, descriptorSense: usesDescriptorSense)
        } catch {
            return UnitState.checkCondition(error.sense, descriptorSense: usesDescriptorSense)
        }
    }

    package func nexusLost(_ nexus: Nexus) {
        unit.nexusLost(nexus)
    }

    package func describe(cdb: [UInt8]) -> String {
        ChangerCommands.table.describe(cdb: cdb)
    }

    private var usesDescriptorSense: Bool { modePages[ChangerModePages.descriptorSense] != 0 }
}

/// What a changer says it is.
package struct ChangerIdentity: Sendable, Equatable {
    package var vendor: String
    package var product: String
    package var revision: String
    /// VPD page 80h, suffix included.
    package var serial: String
    /// NAA designator of VPD page 83h.
    package var worldWideName: UInt64

    package init(vendor: String, product: String, revision: String, serial: String, worldWideName: UInt64) {
        self.vendor = vendor
        self.product = product
        self.revision = revision
        self.serial = serial
        self.worldWideName = worldWideName
    }
}
