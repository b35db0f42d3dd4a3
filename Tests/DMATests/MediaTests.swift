// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing
import WireFormat

@testable import DMA

@Suite("Cartridges, labels, elements, windows")
struct MediaTests {
    private typealias Element = ElementStatusBytes.Element

    @Test("a library of 12 slots is read from its element status")
    func smallLibrary() throws {
        let bytes = ElementStatusBytes.report(
            [Element(type: 1, address: 1, barcode: nil, source: nil)]
                + (0..<12).map {
                    Element(type: 2, address: 4096 + $0, barcode: $0 == 5 ? "CAP006L8" : nil, source: nil)
                }
                + [Element(type: 3, address: 16, barcode: nil, source: nil)]
                + [Element(type: 4, address: 256, barcode: "CAP001L8", source: 4096)]
        )
        #expect(ElementStatus.totalBytes(Array(bytes.prefix(8))) == bytes.count)
        let elements = ElementStatus.parse(bytes)
        #expect(elements.count == 15)
        #expect(elements.first?.kind == .transport)
        #expect(elements.filter(\.isFull).map(\.barcode) == ["CAP006L8", "CAP001L8"])
        let drive = try #require(elements.first { $0.kind == .drive })
        #expect((drive.address, drive.source, drive.isAccessible) == (256, 4096, true))
    }

    @Test("a library of 300 slots is read whole, and whatever is cut off is not made up")
    func largeLibrary() {
        let bytes = ElementStatusBytes.report(
            [Element(type: 1, address: 0, barcode: nil, source: nil)]
                + (0..<300).map { Element(type: 2, address: 1000 + $0, barcode: "T\($0)", source: nil) }
                + (0..<20).map { Element(type: 4, address: 500 + $0, barcode: nil, source: nil) }
        )
        #expect(ElementStatus.parse(bytes).count == 321)
        #expect(ElementStatus.parse(bytes).last { $0.kind == .storage }?.barcode == "T299")
        for count in stride(from: 0, to: bytes.count, by: 97) {
            let part = ElementStatus.parse(Array(bytes.prefix(count)))
            #expect(part.count <= count / 52 + 1)
        }
    }

    /// Recorded from no device: every field by hand after SMC-3 table 47, with alternate tag and identifier.
    @Test("a drive's descriptor with both volume tags and a serial number")
    func identifier() throws {
        let descriptor: [UInt8] =
            [0x01, 0x00, 0x09, 0, 0, 0, 0, 0, 0, 0x81, 0x10, 0x05] + Array("TAPE01L6".utf8)
            + [UInt8](repeating: 0x20, count: 24) + [0, 0, 0, 0] + [UInt8](repeating: 0, count: 36)
            + [0x02, 0x00, 0x00, 0x0A] + Array("HU19477A01".utf8)
        let bytes: [UInt8] =
            [0x01, 0x00, 0x00, 0x01, 0, 0, 0, UInt8(8 + descriptor.count)]
            + [0x04, 0xC0, 0x00, UInt8(descriptor.count), 0, 0, 0, UInt8(descriptor.count)] + descriptor
        let element = try #require(ElementStatus.parse(bytes).first)
        #expect(element.identifier == "HU19477A01")
        #expect(element.barcode == "TAPE01L6")
        #expect(element.source == 0x1005)
    }

    @Test("drives are matched by serial number, else by order")
    func drives() {
        func element(_ address: UInt16, _ identifier: String) -> LibraryElement {
            LibraryElement(address: address, kind: .drive, isFull: false, isAccessible: true, identifier: identifier)
        }
        func device(_ names: [(String, TapeAttributes)], _ serial: String?) -> DeviceInfo {
            DeviceInfo(
                names: names.map { name, attributes in
                    let capabilities = serial.map { [NDMPVariable(name: "SERIAL_NUMBER", value: XDRString($0))] }
                    return DeviceCapability(
                        device: XDRString(name),
                        attributes: attributes.rawValue,
                        capabilities: capabilities ?? []
                    )
                }
            )
        }
        let elements = [element(256, "IBM ULT3580 S1"), element(257, "IBM ULT3580 S2")]
        let crossed = DriveChoice.match(
            [device([("st0", .rewindOnClose), ("nst0", [])], "S2"), device([("nst1", [])], "S1")],
            elements
        )
        #expect(crossed.map(\.element) == [257, 256])
        #expect(crossed.map(\.name) == ["nst0", "nst1"])
        let ordered = DriveChoice.match(
            [device([("a", [])], nil), device([("b", [])], nil), device([("c", [])], nil)],
            elements
        )
        #expect(ordered.map(\.element) == [256, 257, nil])
        #expect(DriveChoice.named("/dev/st0", in: crossed)?.name == "nst0")
        #expect(DriveChoice.named("nst9", in: crossed) == nil)
    }

    @Test("a label is read back, and anything else is none")
    func labels() throws {
        let label = VolumeLabel(label: "A1", barcode: "A1", pool: "weekly", written: 1_763_733_600)
        let record = label.record
        #expect(record.count == 1024)
        #expect(String(decoding: record, as: UTF8.self).contains("\ndate: 2025-11-21T14:00:00Z\n"))
        #expect(VolumeLabel(record: record) == label)
        #expect(VolumeLabel(record: Array(record.dropLast())) == nil)
        var newer = record
        newer[21] = UInt8(ascii: "2")
        #expect(VolumeLabel(record: newer) == nil)
        #expect(VolumeLabel(record: [UInt8](repeating: 0, count: 1024)) == nil)
    }

    private func use(_ barcode: String, pool: String = "p", live: Int, full: Bool = false, written: Int64) -> MediumUse
    {
        var medium = Medium(barcode: barcode, label: barcode, pool: pool, labelled: 1, lastWritten: written)
        medium.state = full ? .full : .open
        return MediumUse(medium: medium, images: live, liveImages: live)
    }

    @Test("own cartridges with room come first, then unknown ones, then those that nobody needs")
    func order() {
        let plan = MediaPlan(
            named: [],
            present: ["E", "D", "C", "B", "A", "CLN001L1", "F", "G"],
            media: [
                use("A", live: 1, written: 10), use("B", live: 2, written: 20),
                use("C", live: 1, full: true, written: 30),
                use("D", live: 0, full: true, written: 5), use("E", pool: "other", live: 0, written: 1),
                use("Z", live: 1, written: 99),
            ],
            pool: "p",
            overwrite: false
        )
        #expect(plan.candidates.map(\.barcode) == ["B", "A", "F", "G", "D"])
        #expect(plan.candidates.map(\.expectation) == [.append, .append, .unknown, .unknown, .reuse])
    }

    @Test("named cartridges are taken in their order, or refused with the reason")
    func named() {
        let media = [use("A", live: 1, full: true, written: 1), use("B", pool: "x", live: 0, written: 1)]
        func plan(_ names: [String], overwrite: Bool = false) -> MediaPlan {
            MediaPlan(named: names, present: ["A", "B", "C"], media: media, pool: "p", overwrite: overwrite)
        }
        #expect(plan(["C", "A", "B", "N"]).refused.map(\.barcode) == ["A", "B"])
        #expect(plan(["C", "A", "B", "N"]).missing == ["N"])
        #expect(plan(["B", "A"], overwrite: true).candidates.map(\.expectation) == [.overwrite, .overwrite])
    }

    @Test("a label that the catalogue does not know is appended to, never written over")
    func decisions() {
        let label = VolumeLabel(label: "A", barcode: "A", pool: "p", written: 7)
        var known = Medium(barcode: "A", label: "A", pool: "p", labelled: 7, lastWritten: 7)
        func decide(_ expectation: MediaPlan.Expectation, _ contents: MediaPlan.Contents, _ medium: Medium?)
            -> MediaPlan.Decision
        {
            MediaPlan.decide(
                .init(barcode: "A", expectation: expectation),
                contents: contents,
                medium: medium,
                pool: "p"
            )
        }
        #expect(decide(.unknown, .blank, nil) == .label)
        #expect(decide(.unknown, .labelled(label), nil) == .append(label))
        #expect(decide(.reuse, .labelled(label), known) == .label)
        #expect(decide(.append, .labelled(label), known) == .append(label))
        known.labelled = 3
        #expect(decide(.reuse, .labelled(label), known) == .append(label))
        // Another library's cartridge with the same bar code: the catalogue's images are not given up for it.
        for contents in [MediaPlan.Contents.labelled(label), .blank] {
            guard case .skip = decide(.append, contents, known) else {
                Issue.record("\(contents) is taken for the cartridge that the catalogue knows")
                continue
            }
        }
        #expect(decide(.overwrite, .foreign, nil) == .label)
        #expect(decide(.unknown, .foreign, nil) == .skip(reason: "it holds data that is not ours"))
        let other = VolumeLabel(label: "B", barcode: "B", pool: "p", written: 7)
        #expect(decide(.append, .labelled(other), known) == .skip(reason: "its label says that it is B"))
    }

    @Test("the piece that holds a byte of the stream")
    func segments() {
        let segments = [(0, 100), (100, 0), (100, 50), (150, 7)].enumerated().map { number, piece in
            Segment(number: number, barcode: "A", tapeFile: 1, offset: UInt64(piece.0), length: UInt64(piece.1))
        }
        #expect([0, 99, 100, 149, 150, 156].map { Windows.segment(holding: $0, in: segments) } == [0, 0, 2, 2, 3, 3])
        #expect(Windows.segment(holding: 157, in: segments) == nil)
        #expect(Windows.segment(holding: .max, in: segments) == nil)
        #expect(Windows.segment(holding: 0, in: []) == nil)
        #expect(Windows.areWhole(segments, total: 157))
        #expect(!Windows.areWhole(segments, total: 158))
        #expect(!Windows.areWhole(Array(segments.dropFirst()), total: 57))
        #expect(Windows.readLength(of: segments[2], recordBytes: 64) == 64)
        #expect(Windows.readLength(of: segments[0], recordBytes: 64) == 128)
        #expect(Windows.readLength(of: segments[1], recordBytes: 64) == 0)
        #expect(Windows.restOfStream(from: 0) == .max)
        #expect(Windows.restOfStream(from: 4096) == UInt64.max - 4096)
    }

    @Test("exclude patterns travel in one value: what separates is quoted")
    func excludes() {
        #expect(BackupRun.list(["*.o", "a b", "x,y", #"\*"#]) == #"*.o,a\ b,x\,y,\\*"#)
    }
}
