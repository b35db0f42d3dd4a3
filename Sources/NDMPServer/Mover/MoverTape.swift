// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import Sockets
import Synchronization
import TapeLibrary

/// What a read of the mover met on the tape.
enum MoverTapeRead: Equatable, Sendable {
    /// The whole length of the record, also when it did not fit.
    case record(length: Int)
    /// The tape stands before the mark.
    case filemark
    case endOfData
}

/// How far the mover got when it passed over records.
enum MoverTapeSkip: Equatable, Sendable {
    case done
    /// The tape stands before the mark, on the side it came from.
    case filemark
    case endOfData
    case beginning
}

/// What a run of records sent from the tape came to.
struct MoverTapeRun: Equatable, Sendable {
    var records = 0
    var bytes = 0
    /// Bytes of the next record that went out already.
    var bytesIntoRecord = 0
    /// What ended the run before its limit; nil at the limit, and where the next record has another length.
    var stop: MoverTapeRead?
}

/// Why a run could not be sent.
enum MoverSendFailure: Error {
    case tape(CheckCondition)
    /// errno of the socket.
    case socket(Int32)
}

/// A drive in the mover's hands: what the mover needs of it, on the mover's thread only.
protocol MoverTape: AnyObject {
    /// True once behind early warning: for the write after the one that entered the zone.
    func takeEarlyWarning() -> Bool

    /// Writes whole records; tells how many. Fewer than given are written when one of them enters the early-warning
    /// zone.
    func writeRun(_ run: Span<UInt8>, recordLength: Int) throws(CheckCondition) -> Int

    /// Reads the next record; a longer one than fits is passed over as a whole.
    func read(into room: inout MutableSpan<UInt8>) throws(CheckCondition) -> MoverTapeRead

    /// Length of the next record; nil before a mark or the end of data.
    func nextRecordLength() throws(CheckCondition) -> Int?

    /// Passes over records, backward when negative; stops at a mark.
    func skip(records: Int64) throws(CheckCondition) -> MoverTapeSkip

    /// Sends records of equal length straight to a blocking socket, verified, at most `maximumBytes`.
    func send(maximumBytes: Int, to socket: Socket) throws(MoverSendFailure) -> MoverTapeRun

    /// Makes the drive's position visible to others. Called now and then.
    func publish()

    /// Gives the drive back; nothing is called after it.
    func finish()
}

/// The tape that a session has open, as the mover thread gets at it.
protocol MoverTapeSource: Sendable {
    /// Takes the drive for the mover alone.
    func take() throws(DeviceBusy) -> any MoverTape
    var notes: TapeNotes { get }
}

/// What is remembered of an open tape between operations, by TAPE requests and mover alike. What depends on the medium
/// or on the place of the tape is the drive's to know.
final class TapeNotes: Sendable {
    private let mediumError = Mutex(false)

    /// The previous operation met a medium error.
    var hadMediumError: Bool {
        get { mediumError.withLock { $0 } }
        set { mediumError.withLock { $0 = newValue } }
    }
}
