// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What ``Cartridge/sendRecords(from:skippingBytes:partition:maximumBytes:toSocket:verifyBuffer:)`` did.
package struct SentRecords: Sendable, Equatable {
    package enum Stop: Sendable, Equatable {
        /// All of `maximumBytes` went out.
        case maximumBytes
        /// The next object is a filemark; it was not passed.
        case filemark
        case endOfData
        /// The next record has another length than the first; call again for it.
        case otherLength
        /// A non-blocking socket takes no more now: poll it and call again.
        case socketFull
        /// Something failed behind what was sent: the next call throws it, with nothing sent.
        case interrupted
    }

    /// Records whose last byte was sent by this call.
    package internal(set) var records = 0
    /// Bytes sent by this call.
    package internal(set) var bytes = 0
    /// Bytes of the record behind them that are sent already: pass as `skippingBytes` to continue.
    package internal(set) var bytesIntoRecord = 0
    /// Length of every record in this call; 0 when there was none.
    package internal(set) var recordLength = 0
    package internal(set) var stop = Stop.maximumBytes

    package init() {}
}
