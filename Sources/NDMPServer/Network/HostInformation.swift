// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// What the system says about itself.
struct HostInformation: Sendable {
    var name: String
    var system: String
    var release: String

    static var current: HostInformation {
        var answer = utsname()
        guard unsafe uname(&answer) == 0 else { return HostInformation(name: "", system: "Linux", release: "") }
        return HostInformation(
            name: text(answer.nodename),
            system: text(answer.sysname),
            release: text(answer.release)
        )
    }

    /// The fields are arrays of characters with a zero at the end, which Swift sees as tuples.
    private static func text<T>(_ field: T) -> String {
        unsafe withUnsafeBytes(of: field) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
