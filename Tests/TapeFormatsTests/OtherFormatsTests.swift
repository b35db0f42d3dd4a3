// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import TapeFormats

@Suite("Formats that are told by their first bytes")
struct OtherFormatsTests {
    private func recognise(_ bytes: [UInt8], padTo count: Int = 2048) -> Recognition? {
        Recogniser.recognise(
            MemoryTapeFile(records: [bytes + [UInt8](repeating: 0, count: max(0, count - bytes.count))])
        )
    }

    @Test("NetBackup: the media header gives the media's name, and an image of tar behind its header is listed")
    func netBackup() throws {
        #expect(recognise(NetBackupSample.header)?.title == "NetBackup media header of A00017")
        let tape = MemoryTape(NetBackupSample.tape)
        let file = try #require(try tape.file(1, partition: 0))
        let place = TapePlace(partition: 0, file: 1)
        let recognition = try #require(Recogniser.recognise(file, place: place, volume: tape))
        #expect(recognition.format == "netbackup")
        #expect(recognition.facts == [.init("header text", "client.example_1234567890")])
        let contents = try ArchiveOpener.contents(
            of: file,
            recognised: recognition,
            limits: ContentLimits(),
            place: place,
            volume: tape
        )
        #expect(try contents.bytes(at: "hello") == Array("hello\n".utf8))
    }

    @Test("Proxmox Backup: label, its identity, time and JSON")
    func proxmox() throws {
        let json = Array("{\"label-text\":\"TAPE01\",\"pool\":null}".utf8)
        var bytes: [UInt8] = [0xDC, 0xBD, 0xAF, 0xCA, 0xEB, 0xA0, 0xA5, 0x28, 1, 0, 0, 4, 0, 0, 0, 0]
        bytes += [99, 238, 20, 159, 205, 242, 155, 12]
        bytes += [0x2A, 0x05, 0xBF, 0x3C, 0xB0, 0x30, 0xAA, 0x39]
        bytes += (0..<16).map { UInt8($0 * 16 + $0) }
        // 2024-02-29 12:34:56.
        bytes += [0xF0, 0x79, 0xE0, 0x65, 0, 0, 0, 0]
        bytes += [UInt8(json.count), 0, 0, 0, 0, 0, 0, 0] + json
        let recognition = try #require(recognise(bytes))
        #expect(recognition.title == "Proxmox Backup media label")
        #expect(recognition.facts.contains(.init("identity", "00112233-4455-6677-8899-aabbccddeeff")))
        #expect(recognition.facts.contains(.init("written", "2024-02-29 12:34:56 UTC")))
        #expect(recognition.facts.contains(.init("header", "{\"label-text\":\"TAPE01\",\"pool\":null}")))
    }

    @Test("NetWorker and OSM: the label in the first record gives the volume's name and times")
    func netWorker() throws {
        var bytes = [UInt8](repeating: 0, count: 64)
        for value in [0x0007_0460, 1_709_210_096, 1_740_000_000, 32_768, 77, 8] as [UInt32] {
            bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        bytes += Array("Full.001".utf8)
        let recognition = try #require(recognise(bytes))
        #expect(recognition.title == "NetWorker or OSM volume Full.001")
        #expect(recognition.facts.contains(.init("labelled", "2024-02-29 12:34:56 UTC")))
    }

    @Test("OpenVMS BACKUP, mksysb, SAVLIB, ARCserve, QIC, NovaStor")
    func others() {
        var vms = [UInt8](repeating: 0, count: 256)
        vms.replaceSubrange(0..<8, with: [0, 1, 0, 4, 1, 0, 1, 0])
        vms.replaceSubrange(32..<36, with: [1, 1, 1, 0])
        vms.replaceSubrange(40..<44, with: [0, 0x7E, 0, 0])
        vms.replaceSubrange(48..<54, with: [5] + Array("A.BCK".utf8))
        #expect(recognise(vms)?.title == "OpenVMS BACKUP save set A.BCK")
        #expect(recognise(Array("DUMMY TAPE TOC".utf8), padTo: 512)?.format == "mksysb")
        #expect(recognise([0xFF, 0xFF, 0xFF, 0xFF, 0xD8, 0xE2, 0xD9, 0xC4])?.format == "savlib")
        let arcserve =
            [UInt8](repeating: 0xDD, count: 4) + [UInt8](repeating: 0, count: 508) + [0xAB, 0xBA, 0xAB, 0xBA]
        #expect(recognise(arcserve)?.format == "arcserve")
        #expect(recognise(Array("VTBL".utf8))?.format == "qic")
        let nova = [UInt8](repeating: 1, count: 56) + Array("<<NoVaStOr>>".utf8)
        #expect(recognise(nova)?.format == "novastor")
        #expect(recognise([UInt8](repeating: 0x55, count: 512)) == nil)
        #expect(recognise([UInt8](repeating: 0, count: 512)) == nil)
    }
}

enum NetBackupSample {
    static let header: [UInt8] = {
        var header = Array("VOL1A00017".utf8) + [UInt8](repeating: 0x20, count: 102)
        header += Array("ThIs Is A BP tApE hEaDer".utf8)
        return header + [UInt8](repeating: 0, count: 1024 - header.count)
    }()
    static let backup = Array("client.example_1234567890".utf8) + [UInt8](repeating: 0, count: 999)
    static let tape: [[[UInt8]]] = [[header], [backup, tar]]

    /// `tar --format=ustar` of a file "hello": made by its definition, sum and all.
    static let tar: [UInt8] = {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ text: String) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        put(0, "hello")
        put(100, "0000644")
        put(108, "0000000")
        put(116, "0000000")
        put(124, "00000000006")
        put(136, "00000000000")
        put(148, "        0")
        put(257, "ustar")
        put(263, "00")
        for index in [107, 115, 123, 135, 147, 262] { header[index] = 0 }
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put(148, String(repeating: "0", count: 6 - sum.count) + sum)
        header[154] = 0
        header[155] = 0x20
        return header + Array("hello\n".utf8) + [UInt8](repeating: 0, count: 506 + 1024)
    }()
}
