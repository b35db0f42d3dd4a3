// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("What an image is")
struct RecognitionTests {
    private func format(_ image: [UInt8], named name: String = Images.path) throws -> ImageFormat {
        try ImageFiles.reader(name, format: nil, on: try Images.disk(image, at: name)).format
    }

    @Test("contents decide, whatever the name says")
    func contents() throws {
        #expect(try format(SIMHTests.image, named: "/images/a.aws") == .tap)
        #expect(try format(AWSTests.image, named: "/images/a.tap") == .aws)
        #expect(try format([0, 0, 0, 0]) == .tap)
        #expect(try format([0, 0, 0, 0, 0x40, 0]) == .aws)
        let reader = try ImageFiles.reader(Images.path, format: nil, on: try Images.disk(AWSTests.zlib))
        _ = try Images.pieces(reader)
        #expect(reader.format == .het)
    }

    @Test("names decide only where the contents may be anything, and for a damaged image say what is wrong with it")
    func names() throws {
        #expect(throws: ImageError.self) { try format([]) }
        #expect(try format([], named: "/images/a.tap") == .tap)
        #expect(try format([], named: "/images/a.aws") == .aws)
        #expect(try format(Array(SIMHTests.image[..<10]), named: "/images/a.tap") == .tap)
        #expect(throws: ImageError.self) { try Images.read(Array(SIMHTests.image[..<10]), name: "/images/a.tap") }
        #expect(ImageFormat(fileName: "x/y.TAP") == .tap)
        #expect(ImageFormat(fileName: "x.aws/y") == nil)
        #expect(ImageFormat(fileName: "x/") == .directory)
    }

    @Test(
        "strangers are named with a hint",
        arguments: [
            ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0], "gunzip"), (Array("BZh91AY&SY".utf8), "bunzip2"),
            (Array("@TDF 1".utf8), "OMA"),
            (Array("hello, world".utf8), "SIMH"), ([], "--format"),
        ] as [([UInt8], String)]
    )
    func strangers(image: [UInt8], hint: String) throws {
        do {
            _ = try format(image)
            Issue.record("no error")
        } catch let error as ImageError {
            #expect(error.hint?.contains(hint) == true, "\(error)")
        }
    }

    @Test("a directory that is none, and a file that is not there")
    func missing() throws {
        let disk = try Images.disk([1])
        #expect(throws: ImageError.self) { try ImageFiles.reader("/images", format: nil, on: disk) }
        #expect(throws: ImageError.self) { try ImageFiles.reader("/images/none", format: nil, on: disk) }
    }
}
