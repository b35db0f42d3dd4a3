// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@Suite("The rules' view of Swift is right")
struct SwiftTextTests {
    @Test("comments and literals become spaces, and lines keep their numbers")
    func codeOnly() {
        let text = #"""
            let a = "} \("{" + String(b)) }" // {
            /* { /* { */ } */ let c = #"\" { "# + """
                { " }
                """
            let d = 1
            """#
        let code = SwiftText.code(of: text)
        #expect(!code.contains("{") && !code.contains("}"))
        #expect(code.split(separator: "\n", omittingEmptySubsequences: false).count == 5)
        #expect(code.contains("let a =") && code.contains("let c =") && code.contains("let d = 1"))
        #expect(!code.contains("String(b)"))
    }

    @Test("a function ends at its closing brace; a requirement has no body")
    func functionEnds() {
        let text = """
            protocol P {
                func required() throws -> Int
                var other: Int { get }
                init(x: Int)
            }
            struct S: P {
                func required()
                    throws -> Int
                {
                    if true { return 1 }
                    return [1, 2].map({ $0 + 1 })[0]
                }
                init(
                    x: Int = 3
                ) { y = { x }() }
                func short() { }
            }
            """
        let found = SwiftText.functions(in: text)
        #expect(found.map(\.name) == ["required", "init", "short"])
        #expect(found.map(\.line) == [7, 13, 16])
        #expect(found.map(\.length) == [6, 3, 1])
    }

    @Test("an import is seen in all its forms")
    func imports() {
        #expect(ArrowTests.importedModule("import NIOCore") == "NIOCore")
        #expect(ArrowTests.importedModule("@preconcurrency import Logging") == "Logging")
        #expect(ArrowTests.importedModule("package import struct Foundation.Data") == "Foundation")
        #expect(ArrowTests.importedModule("let important = 1") == nil)
        #expect(ArrowTests.importedModule("if import here") == nil)
    }
}
