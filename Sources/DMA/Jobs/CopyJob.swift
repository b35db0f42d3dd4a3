// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol

/// A drive, and what to load into it first.
package struct CopySide: Sendable {
    package var server: NDMPEndpoint
    /// NDMP name of the drive.
    package var drive: String
    /// Nil: what is in the drive.
    package var barcode: String?

    package init(server: NDMPEndpoint, drive: String, barcode: String? = nil) {
        self.server = server
        self.drive = drive
        self.barcode = barcode
    }
}

/// What came of a copy.
package struct CopyResult: Sendable, Equatable {
    package var files: UInt64 = 0
    package var records: UInt64 = 0
    package var bytes: UInt64 = 0
    /// Bytes that went from mover to mover, not through this program.
    package var moverBytes: UInt64 = 0
}

/// Copies a tape to another, in another drive or on another server: every tape file, its records of the same sizes,
/// and every filemark, up to the end of data.
///
/// The first records of a tape file go through this program, to see their size. The rest goes from mover to mover.
/// Movers only know records of one size, so the copy is checked by counting: where bytes and records do not agree, the
/// file has records of several sizes, and its rest is copied again record by record. Blocks; one thread runs it.
package final class CopyJob {
    /// Records of each tape file that are looked at before a mover is trusted with the rest.
    private static let sampleRecords = 4
    private static let haltSeconds: Int64 = 20

    private let source: CopySide
    private let destination: CopySide
    private let overwrite: Bool
    private let callers: Callers
    private let control: JobControl
    private var result = CopyResult()
    private var nextProgress: Int64 = 0

    /// - Parameter overwrite: whether a destination that holds anything may be written anew.
    package init(
        from source: CopySide,
        to destination: CopySide,
        overwrite: Bool,
        callers: Callers = .network,
        control: JobControl = JobControl()
    ) {
        self.source = source
        self.destination = destination
        self.overwrite = overwrite
        self.callers = callers
        self.control = control
    }

    package func run() throws(DMAError) -> CopyResult {
        do {
            let from = try CopyEnd(source, callers: callers, control: control)
            defer { from.close() }
            let to = try CopyEnd(destination, callers: callers, control: control)
            defer { to.close() }
            do {
                try from.load(.read)
                try to.load(.readWrite)
                try checkDestination(to)
                try copy(from, to)
                try from.finish()
                try to.finish()
                return result
            } catch {
                for end in [from, to] {
                    try? end.caller.moverAbort()
                    try? end.caller.moverStop()
                    try? end.finish()
                }
                throw error
            }
        } catch {
            throw DMAError(error)
        }
    }

    private func checkDestination(_ to: CopyEnd) throws {
        guard !overwrite, try to.station.contents() != .blank else { return }
        throw DMAError(
            .refused,
            "the cartridge in \(destination.drive) of \(destination.server.name) is not blank",
            hint: "--overwrite writes it anew"
        )
    }

    // MARK: Tape files

    private func copy(_ from: CopyEnd, _ to: CopyEnd) throws {
        try from.station.motion(.rewind)
        try to.station.motion(.rewind)
        control.tell(
            .step(
                "copying \(source.drive) of \(source.server.name) to \(destination.drive) of \(destination.server.name)"
            )
        )
        while try copyFile(from, to) {
            try to.station.motion(.writeFilemarks)
            result.files += 1
        }
    }

    /// - Returns: true when a filemark ended the file, false at the end of data.
    private func copyFile(_ from: CopyEnd, _ to: CopyEnd) throws -> Bool {
        var sizes: Set<Int> = []
        for _ in 0..<Self.sampleRecords {
            switch try from.read() {
            case .filemark: return true
            case .endOfData: return false
            case .record(let record):
                try write(record, to)
                sizes.insert(record.count)
            }
        }
        if sizes.count == 1, let size = sizes.first, let bytes = UInt32(exactly: size) {
            if let isOver = try moveRest(from, to, recordBytes: bytes) { return isOver }
            control.tell(.step("tape file \(result.files) has records of several sizes: copying them one by one"))
        }
        while true {
            switch try from.read() {
            case .filemark: return true
            case .endOfData: return false
            case .record(let record): try write(record, to)
            }
        }
    }

    private func write(_ record: [UInt8], _ to: CopyEnd) throws {
        try control.checkCancelled()
        // The first write past the early warning is refused once.
        for attempt in 0..<2 {
            let reply = try to.caller.tapeWrite(record)
            if reply.error == .endOfMedium, reply.count == 0, attempt == 0 { continue }
            guard reply.error == .noError || reply.error == .endOfMedium && reply.count > 0 else {
                throw tooSmall
            }
            break
        }
        result.records += 1
        result.bytes += UInt64(record.count)
        showProgress(moved: 0)
    }

    private var tooSmall: DMAError {
        DMAError(
            .outOfMedia,
            "the cartridge in \(destination.drive) of \(destination.server.name) is full before the copy is through",
            hint: "take one of at least the source's capacity"
        )
    }

    // MARK: Mover to mover

    /// Lets the movers copy what is left of a tape file.
    ///
    /// - Returns: how the file ended as `copyFile` does; nil when it must be done again record by record, with both
    ///   tapes back where they were.
    private func moveRest(_ from: CopyEnd, _ to: CopyEnd, recordBytes: UInt32) throws -> Bool? {
        let (reader, writer) = (from.caller, to.caller)
        let (startBlock, startCopy) = (try reader.tapeGetState().blockNumber, try writer.tapeGetState().blockNumber)
        try writer.moverSetRecordSize(recordBytes)
        try writer.moverSetWindow(offset: 0, length: .max)
        let address = try writer.moverListen(.read, .tcp)
        try reader.moverSetRecordSize(recordBytes)
        try reader.moverSetWindow(offset: 0, length: .max)
        try reader.moverConnect(.write, address)
        try reader.moverRead(offset: 0, length: .max)
        let isThrough = try follow(from, to)
        let (sent, written) = (try reader.moverGetState(), try writer.moverGetState())
        try reader.moverStop()
        try writer.moverStop()
        let records = UInt64(try reader.tapeGetState().blockNumber &- startBlock)
        let wholeBytes = records.multipliedReportingOverflow(by: UInt64(recordBytes))
        let isEven = !wholeBytes.overflow && wholeBytes.partialValue == sent.bytesMoved
        guard isThrough, isEven, written.bytesMoved == sent.bytesMoved else {
            try from.back(records)
            try to.back(UInt64(try writer.tapeGetState().blockNumber &- startCopy))
            return nil
        }
        result.records += records
        result.bytes += sent.bytesMoved
        result.moverBytes += sent.bytesMoved
        switch try from.read() {
        case .filemark: return true
        case .endOfData: return false
        case .record:
            throw DMAError(.failure, "the mover of \(source.server.name) stopped before the end of a tape file")
        }
    }

    /// - Returns: false when the reader stopped before the end of the tape file, at a record that is too long for it.
    private func follow(_ from: CopyEnd, _ to: CopyEnd) throws -> Bool {
        var readerHalt: MoverHaltReason?
        var writerHalt: MoverHaltReason?
        var isThrough = true
        var wait = HaltWait()
        while readerHalt == nil || writerHalt == nil {
            try control.checkCancelled()
            callers.wait([from.caller, to.caller], 200)
            for post in try from.posts() {
                if case .moverHalted(let reason, _) = post { readerHalt = reason }
                guard case .moverPaused(let reason, _) = post else { continue }
                // Before v4 a record that cannot be read pauses; it shows when it is read by itself.
                if reason == .mediaError { isThrough = false }
                try from.caller.moverClose()
            }
            for post in try to.posts() {
                if case .moverHalted(let reason, _) = post { writerHalt = reason }
                if case .moverPaused = post { throw tooSmall }
            }
            if control.now() >= nextProgress, readerHalt == nil {
                showProgress(moved: try from.caller.moverGetState().bytesMoved)
            }
            if readerHalt != nil, writerHalt == nil, wait.isOver(now: control.now()) { break }
        }
        if readerHalt == .mediaError || readerHalt == .internalError, writerHalt != nil { return false }
        guard readerHalt == .connectClosed, writerHalt == .connectClosed else {
            let words = "\(readerHalt?.text ?? "nothing") and \(writerHalt?.text ?? "nothing")"
            throw DMAError(.failure, "the movers ended with \(words) before a tape file was through")
        }
        return isThrough
    }

    private func showProgress(moved: UInt64) {
        guard control.now() >= nextProgress else { return }
        nextProgress = control.now() + 1
        control.tell(.progress(JobProgress(bytes: result.bytes + moved, files: result.files)))
    }
}

/// One tape of a copy.
private final class CopyEnd {
    enum Item {
        case record([UInt8])
        /// Crossed.
        case filemark
        case endOfData
    }

    let caller: any NDMPCaller
    let station: TapeStation
    private let side: CopySide
    private let robot: Robot?
    private let control: JobControl

    init(_ side: CopySide, callers: Callers, control: JobControl) throws {
        self.side = side
        self.control = control
        let caller = try callers.open(side.server)
        self.caller = caller
        do {
            if side.barcode != nil, let name = try caller.scsiInfo().first?.names.first?.device.text {
                let second = try callers.open(side.server)
                robot = try Robot(second, device: name, control: control, callers: callers)
            } else {
                robot = nil
            }
            station = try TapeStation(
                caller,
                robot: robot,
                driveNamed: side.drive,
                holding: nil,
                control: control,
                callers: callers
            )
        } catch {
            caller.close()
            throw error
        }
    }

    func load(_ mode: TapeMode) throws {
        if let barcode = side.barcode { try station.load(barcode) }
        try station.open(mode)
    }

    /// Asked for at first; servers that know smaller records only refuse it.
    private var readBytes: UInt32 = 16 << 20
    private static let smallestReadBytes: UInt32 = 64 << 10

    /// The next record, or what is there instead.
    func read() throws -> Item {
        let (error, data) = try caller.tapeRead(count: readBytes)
        switch error {
        case .noError: return .record(data)
        case .illegalArguments where readBytes > Self.smallestReadBytes:
            readBytes /= 2
            return try read()
        case .endOfMedium: return .endOfData
        case .endOfFile:
            if caller.version >= 4 {
                try station.motion(.forwardFilemarks)
                return .filemark
            }
            // Before v4 the mark has been crossed; at the end of data there was none to cross.
            let state = try caller.tapeGetState()
            defer { crossed = state.fileNumber }
            return state.fileNumber == crossed ? .endOfData : .filemark
        default:
            throw DMAError(
                .damaged,
                "\(side.server.name) cannot read the tape in \(side.drive): \(error.text)",
                hint: "`capstan cartridge verify BARCODE` says where it is damaged"
            )
        }
    }
    private var crossed: UInt32 = 0

    /// Goes back over records of the tape file.
    func back(_ records: UInt64) throws {
        guard records > 0 else { return }
        let reply = try caller.tapeMTIO(.backwardRecords, count: UInt32(clamping: records))
        guard reply.error == .noError, reply.residualCount == 0 else {
            throw DMAError(.failure, "\(side.server.name) could not go back \(records) records on \(side.drive)")
        }
    }

    /// What has come; log messages are told and not returned.
    func posts() throws -> [NDMPPost] {
        var found: [NDMPPost] = []
        while found.count < 64, let post = try caller.nextPost(timeoutMilliseconds: 0) {
            if case .log(let type, let text) = post {
                control.tell(.log(source: caller.server, type == .error ? .error : .normal, text))
            } else {
                found.append(post)
            }
        }
        return found
    }

    func finish() throws {
        if side.barcode != nil {
            try station.unload()
        } else {
            try station.motion(.rewind)
            try station.close()
        }
    }

    func close() {
        robot?.caller.close()
        caller.close()
    }
}
