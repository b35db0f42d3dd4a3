// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI

/// Elements in memory: robot 0001, mail slot 0010, drives 0100 and 0101, slots 1000 to 1003.
final class ElementsInMemory: ElementStore {
    let elementMap = ElementMap(
        mediumTransport: ElementRange(first: 0x0001, count: 1),
        storage: ElementRange(first: 0x1000, count: 4),
        importExport: ElementRange(first: 0x0010, count: 1),
        dataTransfer: ElementRange(first: 0x0100, count: 2)
    )
    var states: [UInt16: ElementState] = [:]
    var inventories: [ClosedRange<UInt16>?] = []
    var nextFailure: CheckCondition?

    init() {
        for type in ElementType.allCases {
            let range = elementMap[type]
            for index in 0..<range.count {
                let address = range.first + UInt16(index)
                states[address] = ElementState(address: address, type: type)
            }
        }
        for (address, name) in [(0x0100, "1310000001"), (0x0101, "1310000002")] {
            states[UInt16(address)]?.deviceIdentifier = ElementDeviceIdentifier(
                codeSet: 2,
                type: 1,
                bytes: Array("IBM     ULT3580-TD8     \(name)".utf8)
            )
        }
    }

    func fill(_ address: UInt16, _ barcode: String) {
        states[address]?.volumeTag = barcode
        states[address]?.medium = .data
    }

    func elements(of type: ElementType, from start: UInt16, limit: Int) -> [ElementState] {
        let sorted = states.values.filter { $0.type == type && $0.address >= start }.sorted { $0.address < $1.address }
        return Array(sorted.prefix(max(0, limit)))
    }

    func element(at address: UInt16) -> ElementState? { states[address] }

    func move(from source: UInt16, to destination: UInt16) throws(CheckCondition) {
        if let failure = nextFailure {
            nextFailure = nil
            throw failure
        }
        let (tag, medium) = (states[source]?.volumeTag, states[source]?.medium)
        states[destination]?.volumeTag = tag
        states[destination]?.medium = medium ?? .unspecified
        states[destination]?.source = source
        states[source]?.volumeTag = nil
        states[source]?.medium = .unspecified
        states[source]?.source = nil
    }

    func exchange(source: UInt16, first: UInt16, second: UInt16) throws(CheckCondition) {
        let outgoing = states[first]?.volumeTag
        try move(from: source, to: first)
        states[second]?.volumeTag = outgoing
    }

    func takeInventory(of addresses: ClosedRange<UInt16>?) throws(CheckCondition) {
        inventories.append(addresses)
    }
}

struct FixedClock: LibraryClock {
    func now() -> UInt64 { 1_700_000_000_000 }
}

/// A changer, its elements, and a nexus that has taken its power-on attention.
struct ChangerRig {
    let elements = ElementsInMemory()
    let changer: MediaChanger
    let host = Nexus(id: 1, name: "test host")
    let other = Nexus(id: 2, name: "test other")

    init() {
        changer = MediaChanger(
            identity: ChangerIdentity(
                vendor: "IBM",
                product: "3573-TL",
                revision: "E.60",
                serial: "00L4U78A1B2C3_LL0",
                worldWideName: 0x3123_4567_89AB_CD00
            ),
            store: elements,
            clock: FixedClock()
        )
        changer.introduce(host)
        changer.introduce(other)
    }

    @discardableResult
    func run(_ cdb: [UInt8], data: [UInt8] = [], limit: Int = 1 << 20, as nexus: Nexus? = nil) -> CommandResult {
        changer.execute(cdb: cdb, dataOut: data.span, dataInLimit: limit, nexus: nexus ?? host)
    }

    /// Sense key, code, qualifier; empty for GOOD.
    func sense(_ cdb: [UInt8], data: [UInt8] = [], as nexus: Nexus? = nil) -> [UInt8] {
        let bytes = run(cdb, data: data, as: nexus).senseBytes
        guard bytes.count >= 14 else { return bytes }
        return [bytes[2], bytes[12], bytes[13]]
    }

    func move(_ source: UInt16, _ destination: UInt16, transport: UInt16 = 0) -> [UInt8] {
        [0xA5, 0] + Self.bytes(transport) + Self.bytes(source) + Self.bytes(destination) + [0, 0, 0, 0]
    }

    static func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
}

/// Bytes from a hexadecimal listing; blanks, line ends and text after `#` are left out.
func listing(_ text: String) -> [UInt8] {
    let digits = text.split(separator: "\n").flatMap { line in
        line.prefix { $0 != "#" }.filter { $0.isHexDigit }
    }
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
}
