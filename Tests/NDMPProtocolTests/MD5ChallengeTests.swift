// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import NDMPProtocol
import Testing

@Suite("MD5 challenge")
struct MD5ChallengeTests {
    /// MD5 as the system's own tool computes it.
    private func md5(_ bytes: [UInt8]) throws -> String {
        let tool = Process()
        tool.executableURL = URL(filePath: "/usr/bin/md5sum")
        let input = Pipe()
        let output = Pipe()
        tool.standardInput = input
        tool.standardOutput = output
        try tool.run()
        input.fileHandleForWriting.write(Data(bytes))
        try input.fileHandleForWriting.close()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        tool.waitUntilExit()
        return String(decoding: text.prefix(32), as: UTF8.self)
    }

    /// The last exchange is one between the ndmjob client and its agent; the others were computed by hand.
    @Test(
        "the block hashes to the known digest",
        arguments: [
            ("a", nil, "8274af73e91ea5258d4272d889e280d9"),
            ("NdMp-1234", nil, "ee0cf93be118dfbe919375ef4b626c82"),
            (String(repeating: "x", count: 32), nil, "00fe04d56641bb6edbc3b5ddb73a1822"),
            ("correct horse battery staple, a long one", nil, "9950a320b3864e220cc42ad195d52a71"),
            (
                "ndmp",
                "b3511e9de70dc0944b6c7c7834b1f9135d149f9ce843ae63e1c6e13e64979025"
                    + "934ff941a53f518fc134db0089ce66b9020478d1482ca1862be3562e6b0b5104",
                "720780ccea3f673800299ce664428e80"
            ),
        ] as [(String, String?, String)]
    )
    func vectors(password: String, challenge: String?, digest: String) throws {
        let challenge = challenge.map { hexBytes($0) } ?? Array(0..<64)
        let block = try #require(MD5Challenge.digestInput(password: Array(password.utf8), challenge: challenge))
        #expect(block.count == 128)
        #expect(try md5(block) == digest)
    }

    @Test("an empty password or a challenge of another length never matches")
    func refused() {
        #expect(MD5Challenge.digestInput(password: [], challenge: Array(repeating: 0, count: 64)) == nil)
        #expect(MD5Challenge.digestInput(password: [1], challenge: Array(repeating: 0, count: 63)) == nil)
    }
}
