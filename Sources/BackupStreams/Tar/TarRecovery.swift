// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Recovers from one tar archive.
struct TarRecovery {
    let selections: [Selection]
    let options: RecoverOptions

    func run(from source: any StreamSource, observer: any RecoverObserver) throws(StreamError) -> RecoverSummary {
        throw .impossible("the backup type tar is not there yet")
    }
}
