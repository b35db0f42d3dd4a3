// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One recovery from one stream.
package struct RecoverJob {
    private let format: StreamFormat
    private let selections: [Selection]
    private let options: RecoverOptions
    private let stateDirectory: String

    /// - Parameters:
    ///   - selections: empty only for a reading of the history.
    ///   - stateDirectory: where a format keeps what one level of a whole image has to know of the one before it.
    package init(
        _ format: StreamFormat,
        selections: [Selection],
        options: RecoverOptions,
        stateDirectory: String
    ) {
        self.format = format
        self.selections = selections
        self.options = options
        self.stateDirectory = stateDirectory
    }

    /// Reads as much of the stream as the selections need. Trouble with single files is noted, counted, and told as
    /// the result of their selection.
    ///
    /// - Throws: why the stream could not be read: the source's own errors, `.cancelled`, `.truncated`, `.malformed`.
    package func run(from source: any StreamSource, observer: any RecoverObserver) throws(StreamError) -> RecoverSummary
    {
        switch format {
        case .tar:
            return try TarRecovery(selections: selections, options: options).run(from: source, observer: observer)
        case .dump:
            return try DumpRecovery(selections: selections, options: options, stateDirectory: stateDirectory)
                .run(from: source, observer: observer)
        }
    }
}
