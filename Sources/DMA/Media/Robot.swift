// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import SCSI

/// The changer of a library, over NDMP's SCSI interface. Owns one control connection, since a session has one device.
///
/// The changer is open only while it is asked something, so that several jobs can share it.
final class Robot {
    /// Largest report asked for: 65,535 elements of 100 bytes.
    private static let reportLimitBytes = 8 << 20
    /// Unit attentions that are passed over before a command counts as failed.
    private static let attentionLimit = 8
    private static let moveMilliseconds: UInt32 = 600_000

    /// How long another job may have the changer: a move takes minutes in real libraries.
    private static let busyMilliseconds = 300_000
    private static let busyPollMilliseconds = 100

    let caller: any NDMPCaller
    let device: String
    private(set) var elements: [LibraryElement] = []
    private let control: JobControl
    private let callers: Callers

    /// Looks into the library.
    init(_ caller: any NDMPCaller, device: String, control: JobControl, callers: Callers) throws {
        self.caller = caller
        self.device = device
        self.control = control
        self.callers = callers
        try refresh()
    }

    /// Opens the changer, waiting for another job to be done with it, and closes it afterwards.
    private func opened(_ body: () throws -> Void) throws {
        var waited = 0
        while true {
            do throws(NDMPClientError) {
                try caller.scsiOpen(device)
                break
            } catch {
                guard error.refusal == .deviceBusy, waited < Self.busyMilliseconds else { throw error }
            }
            try control.checkCancelled()
            callers.wait([], Self.busyPollMilliseconds)
            waited += Self.busyPollMilliseconds
        }
        do {
            try body()
        } catch {
            try? caller.scsiClose()
            throw error
        }
        try caller.scsiClose()
    }

    var drives: [LibraryElement] { elements.filter { $0.kind == .drive } }

    /// Reads the inventory anew.
    func refresh() throws {
        try opened { try readElements() }
    }

    private func readElements() throws {
        let head = try report(bytes: 8, identifiers: true)
        let total = ElementStatus.totalBytes(head) ?? 0
        let data = try report(bytes: min(total, Self.reportLimitBytes), identifiers: true)
        elements = ElementStatus.parse(data)
        guard !elements.isEmpty else {
            throw DMAError(.failure, "the changer \(device) of \(caller.server) reports no elements")
        }
    }

    /// The place of a cartridge that the robot can reach.
    func place(of barcode: String) -> LibraryElement? {
        elements.first { $0.barcode == barcode && $0.kind != .transport }
    }

    /// Moves a cartridge and reads the inventory anew.
    func move(from source: UInt16, to destination: UInt16) throws {
        let transport = elements.first { $0.kind == .transport }?.address ?? 0
        var cdb = [UInt8](repeating: 0, count: 12)
        cdb[0] = 0xA5
        MoveFields.transport.store(UInt64(transport), in: &cdb)
        MoveFields.source.store(UInt64(source), in: &cdb)
        MoveFields.destination.store(UInt64(destination), in: &cdb)
        try opened {
            _ = try execute(cdb, "MOVE MEDIUM from element \(source) to \(destination)", 0, Self.moveMilliseconds)
            try readElements()
        }
    }

    /// Where a cartridge that leaves a drive goes: back to where it came from, else to the first free slot.
    func home(for drive: LibraryElement) -> UInt16? {
        let free = elements.filter { $0.kind == .storage && !$0.isFull }
        if let source = drive.source, free.contains(where: { $0.address == source }) { return source }
        return free.first?.address
    }

    // MARK: Commands

    /// SMC-3 6.6.
    private enum MoveFields {
        static let transport = CDBField("MEDIUM TRANSPORT ELEMENT ADDRESS", bytes: 2...3)
        static let source = CDBField("SOURCE ADDRESS", bytes: 4...5)
        static let destination = CDBField("DESTINATION ADDRESS", bytes: 6...7)
    }

    /// SMC-3 6.12.
    private enum StatusFields {
        static let volumeTag = CDBField("VOLTAG", byte: 1, bit: 4)
        static let count = CDBField("NUMBER OF ELEMENTS", bytes: 4...5)
        static let deviceIdentifier = CDBField("DVCID", byte: 6, bit: 0)
        static let allocation = CDBField("ALLOCATION LENGTH", bytes: 7...9)
    }

    private func report(bytes: Int, identifiers: Bool) throws -> [UInt8] {
        var cdb = [UInt8](repeating: 0, count: 12)
        cdb[0] = 0xB8
        StatusFields.volumeTag.store(1, in: &cdb)
        StatusFields.count.store(0xFFFF, in: &cdb)
        StatusFields.deviceIdentifier.store(identifiers ? 1 : 0, in: &cdb)
        StatusFields.allocation.store(UInt64(bytes), in: &cdb)
        do {
            return try execute(cdb, "READ ELEMENT STATUS", UInt32(bytes), 300_000)
        } catch let error as SenseError where error.sense.key == .illegalRequest && identifiers {
            // Older libraries know no DVCID.
            return try report(bytes: bytes, identifiers: false)
        }
    }

    private func execute(_ cdb: [UInt8], _ what: String, _ wanted: UInt32, _ milliseconds: UInt32) throws -> [UInt8] {
        for _ in 0..<Self.attentionLimit {
            let reply = try caller.scsiExecute(cdb: cdb, dataInLength: wanted, timeoutMilliseconds: milliseconds)
            if reply.status == 0 { return reply.dataIn }
            let sense = ReportedSense(reply.sense)
            if sense.key == .unitAttention { continue }
            throw SenseError(command: what, server: caller.server, status: reply.status, sense: sense)
        }
        throw DMAError(.failure, "\(caller.server) answers \(what) with one unit attention after the other")
    }
}

/// Key and codes of sense data in either format (SPC-4 4.5).
struct ReportedSense: Equatable, Sendable {
    var key: SenseKey
    var additional: AdditionalSense

    init(_ bytes: [UInt8]) {
        func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }
        let isDescriptor = byte(0) & 0x7F == 0x72 || byte(0) & 0x7F == 0x73
        key = SenseKey(rawValue: byte(isDescriptor ? 1 : 2))
        additional = AdditionalSense(byte(isDescriptor ? 2 : 12), byte(isDescriptor ? 3 : 13))
    }

    /// `5/3B/0D`.
    var text: String {
        "\(Self.hex(key.rawValue, 1))/\(Self.hex(additional.code, 2))/\(Self.hex(additional.qualifier, 2))"
    }

    private static func hex(_ value: UInt8, _ digits: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// A command of the changer that did not end with GOOD.
struct SenseError: Error, CustomStringConvertible {
    var command: String
    var server: String
    var status: UInt8
    var sense: ReportedSense

    var isDestinationFull: Bool { sense.additional == AdditionalSense(0x3B, 0x0D) }
    var isSourceEmpty: Bool { sense.additional == AdditionalSense(0x3B, 0x0E) }

    var description: String {
        let reason =
            switch (sense.additional.code, sense.additional.qualifier) {
            case (0x3B, 0x0D): "the destination is full"
            case (0x3B, 0x0E): "the source is empty"
            case (0x53, 0x02): "a host forbids the removal of the cartridge"
            case (0x21, 0x01): "there is no such element"
            case (0x30, _): "the cartridge does not fit the drive"
            case (0x04, _): "the library is not ready"
            default: status == 0x18 ? "another host has reserved the changer" : "it reports SCSI status \(status)"
            }
        return "\(command) failed on \(server): \(reason) (sense \(sense.text))"
    }
}
