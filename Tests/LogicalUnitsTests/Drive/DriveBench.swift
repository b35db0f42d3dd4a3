// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits
import SCSI
import SimulatedDisk
import Testing

/// A clock that stands still until told otherwise.
final class StoppedClock: LibraryClock, @unchecked Sendable {
    var milliseconds: UInt64 = 1_700_000_000_000
    func now() -> UInt64 { milliseconds }
}

/// An LTO drive on a simulated disk, spoken to in CDBs.
final class DriveBench {
    let disk = SimulatedDisk(seed: 1)
    let clock = StoppedClock()
    let drive: TapeDrive
    let nexus = Nexus(id: 1, name: "first")
    let other = Nexus(id: 2, name: "second")
    private var made = 0

    init(generation: Int = 8, loading capacity: ByteCount? = .mebibytes(64), vendor: String = "IBM") throws {
        let identity = DriveIdentity(
            vendor: vendor,
            serial: "CAPD000001",
            elementAddress: 0x0101,
            librarySerial: "CAPLIB0001",
            worldWideName: 0x5000_C500_0000_0001
        )
        let model = try #require(DriveModel.of(generation: generation))
        drive = TapeDrive(identity: identity, model: model, clock: clock)
        try disk.makeDirectory("/store")
        drive.introduce(nexus)
        if let capacity {
            drive.load(try cartridge(capacity: capacity))
            _ = run([0, 0, 0, 0, 0, 0])
        }
    }

    func cartridge(
        generation: Int = 8,
        kind: MediumKind = .data,
        capacity: ByteCount? = .mebibytes(64),
        access: CartridgeAccess = .readWrite
    ) throws -> Cartridge {
        made += 1
        let path = "/store/T\(made)"
        try Cartridge.create(
            at: path,
            on: disk,
            CartridgeSpecification(barcode: "T\(made)", generation: generation, kind: kind, capacity: capacity)
        )
        return try Cartridge(opening: path, on: disk, access: access)
    }

    /// Puts another cartridge in and eats the unit attention.
    func change(to cartridge: Cartridge) throws {
        if drive.loaded != nil { _ = try drive.unload() }
        drive.load(cartridge)
        _ = run([0x03, 0, 0, 0, 0xFF, 0])
    }

    func run(_ cdb: [UInt8], out: [UInt8] = [], limit: Int = 1 << 25, as nexus: Nexus? = nil) -> CommandResult {
        drive.execute(cdb: cdb, dataOut: out.span, dataInLimit: limit, nexus: nexus ?? self.nexus)
    }

    // MARK: Commands by name

    func writeRecord(_ bytes: [UInt8]) -> CommandResult {
        run(
            [0x0A, 0, UInt8(bytes.count >> 16), UInt8(bytes.count >> 8 & 0xFF), UInt8(bytes.count & 0xFF), 0],
            out: bytes
        )
    }

    func writeFilemarks(_ count: UInt8 = 1) -> CommandResult { run([0x10, 0, 0, 0, count, 0]) }

    func rewind() -> CommandResult { run([0x01, 0, 0, 0, 0, 0]) }

    func read(_ length: Int, flags: UInt8 = 0) -> CommandResult {
        run([0x08, flags, UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), 0])
    }

    func space(_ code: UInt8, _ count: Int) -> CommandResult {
        run([
            0x11, code, UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
            UInt8(truncatingIfNeeded: count), 0,
        ])
    }

    /// BLOCK LENGTH as st sets it: header and block descriptor, PF = 1.
    func setBlockLength(_ length: Int) -> CommandResult {
        run(
            [0x15, 0x10, 0, 0, 12, 0],
            out: [0, 0, 0x10, 8, 0, 0, 0, 0, 0, UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
        )
    }

    var block: UInt64 { drive.position.block.rawValue }
}

/// Key, code, qualifier, flags and INFORMATION of fixed-format sense, as one comparable line: `0/00/01 FM info 5`.
func line(_ result: CommandResult) -> String {
    if result.status == .good { return "GOOD" }
    if result.status != .checkCondition { return "\(result.status)" }
    let bytes = result.senseBytes
    guard bytes.count == 18, bytes[0] & 0x7F == 0x70 else { return "malformed \(bytes)" }
    func hex(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return text.count == 1 ? "0" + text : text
    }
    var words = [String(bytes[2] & 0x0F, radix: 16, uppercase: true) + "/" + hex(bytes[12]) + "/" + hex(bytes[13])]
    if bytes[2] & 0x80 != 0 { words.append("FM") }
    if bytes[2] & 0x40 != 0 { words.append("EOM") }
    if bytes[2] & 0x20 != 0 { words.append("ILI") }
    if bytes[0] & 0x80 != 0 {
        let raw = bytes[3...6].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        words.append("info \(Int32(bitPattern: raw))")
    }
    if bytes[15] & 0x80 != 0, bytes[2] & 0x0F == 5 {
        let place = bytes[15] & 0x40 != 0 ? "cdb" : "list"
        let bit = bytes[15] & 0x08 != 0 ? ".\(bytes[15] & 7)" : ""
        words.append("\(place) \(Int(bytes[16]) << 8 | Int(bytes[17]))\(bit)")
    }
    return words.joined(separator: " ")
}

/// Bytes that differ from place to place; large ones are all the same, because tests run unoptimised.
func pattern(_ count: Int, seed: UInt8 = 0) -> [UInt8] {
    guard count <= 4096 else { return [UInt8](repeating: seed &+ 0x5A, count: count) }
    return (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed)) }
}
