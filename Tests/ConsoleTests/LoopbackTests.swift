// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import Console

@Suite("Loopback only: names and pages that may use the API over TCP")
struct LoopbackTests {
    @Test(
        "loopback names pass",
        arguments: ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost", "LOCALHOST"]
    )
    func own(authority: String) { #expect(LoopbackOnly.isLoopback(authority)) }

    @Test(
        "others do not",
        arguments: ["", "example.com", "127.0.0.1.example.com:8080", "localhost.example.com", "10.0.0.1", "[::2]:80"]
    )
    func others(authority: String) { #expect(!LoopbackOnly.isLoopback(authority)) }

    @Test("percent escapes decode, broken ones do not")
    func escapes() {
        #expect("A%2FB".removingURLPercentEncoding() == "A/B")
        #expect("%".removingURLPercentEncoding() == nil)
        #expect("%G1".removingURLPercentEncoding() == nil)
        #expect("%FF".removingURLPercentEncoding() == nil)
        #expect("%C3%A4".removingURLPercentEncoding() == "ä")
    }
}
