// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import NDMPProtocol
import SCSI
import Sockets
import Testing

@testable import NDMPServer

@Suite("Tape rules")
struct TapeRulesTests {
    @Test("Each version has its open modes; the raw modes of v3 are one")
    func modes() {
        let table: [(Int32, [Int: TapeMode])] = [
            (0, [2: .read, 3: .read, 4: .read]),
            (1, [2: .readWrite, 3: .readWrite, 4: .readWrite]),
            (2, [3: .raw, 4: .raw]),
            (0x7fff_ffff, [3: .raw]),
            (123, [:]),
            (-1, [:]),
        ]
        for (value, meanings) in table {
            for version in 2...4 {
                #expect(TapeRules.mode(TapeMode(rawValue: value), version: version) == meanings[version])
            }
        }
    }

    @Test("TUR is for v4 only; nothing above it is known")
    func operations() {
        for version in 2...4 {
            for value: Int32 in 0...6 {
                #expect(TapeRules.isKnown(TapeOperation(rawValue: value), version: version))
            }
            #expect(TapeRules.isKnown(.testUnitReady, version: version) == (version == 4))
            #expect(!TapeRules.isKnown(TapeOperation(rawValue: 8), version: version))
        }
    }

    @Test("The closing filemark comes before REW, OFF and BSF; strict adds FSF, FSR and BSR")
    func implicitFilemark() {
        let usual = (Int32(0)...7).filter {
            TapeRules.writesImplicitFilemark(before: TapeOperation(rawValue: $0), strict: false)
        }
        #expect(usual == [1, 4, 6])
        let strict = (Int32(0)...7).filter {
            TapeRules.writesImplicitFilemark(before: TapeOperation(rawValue: $0), strict: true)
        }
        #expect(strict == [0, 1, 2, 3, 4, 6])
    }

    @Test("Sense data becomes the NDMP error that clients know")
    func errors() {
        let table: [(SenseKey, AdditionalSense, NDMPError)] = [
            (.notReady, .mediumNotPresent, .noTapeLoaded),
            (.dataProtect, .writeProtected, .writeProtected),
            (.volumeOverflow, .endOfPartition, .io),
            (.mediumError, .writeError, .io),
            (.illegalRequest, .invalidFieldInCDB, .illegalArguments),
            (.illegalRequest, .mediumRemovalPrevented, .permission),
        ]
        for (key, additional, error) in table {
            #expect(TapeErrors.error(for: SenseData(key, additional)) == error)
        }
    }
}

@Suite("Addresses")
struct AddressTests {
    private let loopback6 = SocketAddress.ipv6(bytes: [UInt8](repeating: 0, count: 15) + [1], port: 9, scope: 0)

    @Test("IPv4 numbers are read strictly")
    func parse() {
        #expect(SocketAddress.parseIPv4("127.0.0.1") == 0x7f00_0001)
        #expect(SocketAddress.parseIPv4("192.0.2.255") == 0xc000_02ff)
        for wrong in ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.x", "1.2.3.-4", "1.2..4", "0001.2.3.4"] {
            #expect(SocketAddress.parseIPv4(wrong) == nil, "\(wrong)")
        }
    }

    @Test("Addresses are shown as people write them")
    func shown() {
        #expect("\(SocketAddress.ipv4(0xc000_0207, port: 40112))" == "192.0.2.7:40112")
        #expect("\(loopback6)" == "[::1]:9")
        let mapped = SocketAddress.ipv6(
            bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1],
            port: 1,
            scope: 0
        )
        #expect(mapped.ipv4 == 0xc000_0201)
        #expect("\(mapped)" == "192.0.2.1:1")
        #expect(loopback6.isLoopback)
        #expect(SocketAddress.ipv4(0x7f01_0203, port: 1).isLoopback)
        #expect(!mapped.isLoopback)
    }

    @Test("The advertised address: configured, else the data interface, else the control connection's")
    func advertised() throws {
        let control = SocketAddress.ipv4(0xc000_0205, port: 10000)
        let plain = try DataAddressPlan(settings: NDMPSettings(), controlAddress: control)
        #expect(plain.bind == .ipv4(0xc000_0205, port: 0))
        #expect(plain.addresses == [0xc000_0205])

        let interface = NDMPSettings(dataInterface: "192.0.2.9")
        let bound = try DataAddressPlan(settings: interface, controlAddress: control)
        #expect(bound.bind == .ipv4(0xc000_0209, port: 0))
        #expect(bound.addresses == [0xc000_0209])

        let configured = NDMPSettings(advertisedAddresses: ["198.51.100.1", "198.51.100.2"])
        let told = try DataAddressPlan(settings: configured, controlAddress: control)
        #expect(told.bind == .ipv4(0, port: 0))
        #expect(told.addresses == [0xc633_6401, 0xc633_6402])
        let both = TCPAddress(ip: 0xc633_6402, port: 7)
        #expect(told.advertised(port: 7) == .tcp([TCPAddress(ip: 0xc633_6401, port: 7), both]))

        let six = try DataAddressPlan(settings: NDMPSettings(), controlAddress: loopback6)
        #expect(six.addresses == [SocketAddress.loopbackIPv4])
        #expect(throws: NetworkError.self) {
            try DataAddressPlan(settings: NDMPSettings(dataInterface: "nowhere"), controlAddress: control)
        }
    }
}
