// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol

/// One drive and the robot that serves it: loads cartridges, finds positions, writes labels and filemarks.
///
/// The drive is on the control connection of the mover, the robot on one of its own. Every position is found from the
/// beginning of the tape; nothing is assumed of where another session left it.
final class TapeStation {
    /// How long a drive may take to make a cartridge ready.
    private static let loadMilliseconds = 600_000
    private static let loadPollMilliseconds = 500
    /// How long a drive that holds our cartridge may be somebody else's.
    private static let busyMilliseconds = 10_000
    /// Enough for any first record that could be a label.
    private static let labelReadBytes: UInt32 = 64 << 10
    /// More filemarks than any tape has.
    private static let allFilemarks = UInt32(Int32.max)

    let caller: any NDMPCaller
    let robot: Robot?
    private(set) var drive: TapeDrive
    /// The drive was named: no other will do.
    private let isNamed: Bool
    /// A cartridge that was in the drive when it was chosen may be sent home; one that came later is another job's.
    private var mayEject: Bool
    /// What is in the drive; nil for nothing, or a cartridge without bar code that is not ours to know.
    private(set) var barcode: String?
    private(set) var isOpen = false
    /// True when a cartridge was brought by us, and is ours to bring back.
    private var hasMoved = false
    private let control: JobControl
    private let pause: ([any NDMPCaller], Int) -> Void

    /// - Parameters as of `chooseDrive`.
    init(
        _ caller: any NDMPCaller,
        robot: Robot?,
        driveNamed name: String?,
        holding barcode: String?,
        control: JobControl,
        callers: Callers
    ) throws {
        self.caller = caller
        self.robot = robot
        let drive = try Self.chooseDrive(named: name, holding: barcode, caller: caller, robot: robot)
        self.drive = drive
        isNamed = name != nil
        mayEject = robot?.drives.first { $0.address == drive.element }?.isFull ?? false
        self.control = control
        pause = callers.wait
    }

    // MARK: Choosing a drive

    /// The drive of that name, else the first that nobody uses: an empty one if there is one, unless `barcode` already
    /// sits in another.
    private static func chooseDrive(
        named name: String?,
        holding barcode: String?,
        caller: any NDMPCaller,
        robot: Robot?,
        onlyEmpty: Bool = false
    ) throws -> TapeDrive {
        let drives = DriveChoice.match(try caller.tapeInfo(), robot?.drives ?? [])
        guard !drives.isEmpty else { throw DMAError(.notFound, "\(caller.server) has no tape drive") }
        if let name {
            guard let drive = DriveChoice.named(name, in: drives) else {
                let names = drives.map(\.name).joined(separator: ", ")
                throw DMAError(.notFound, "\(caller.server) has no drive \(name)", hint: "it has \(names)")
            }
            return drive
        }
        func element(_ drive: TapeDrive) -> LibraryElement? { robot?.drives.first { $0.address == drive.element } }
        let usable = drives.filter { $0.element != nil || robot == nil }
        let holding = usable.filter { barcode != nil && element($0)?.barcode == barcode }
        let empty = usable.filter { element($0)?.isFull == false }
        let others = usable.filter { drive in !onlyEmpty && !holding.contains(drive) && !empty.contains(drive) }
        for drive in holding + empty + others where try isFree(drive, caller) { return drive }
        throw DMAError(
            .busy,
            "every drive of \(caller.server) is in use",
            hint: "wait, or see who holds them with `capstan status`"
        )
    }

    private static func isFree(_ drive: TapeDrive, _ caller: any NDMPCaller) throws -> Bool {
        do throws(NDMPClientError) {
            try caller.tapeOpen(drive.name, mode: .read)
            try caller.tapeClose()
            return true
        } catch {
            switch error.refusal {
            case .noTapeLoaded: return true
            case .deviceBusy: return false
            default: throw error
            }
        }
    }

    // MARK: Cartridges

    /// True when the cartridge sits in another drive: another job's, or somebody has loaded it.
    func isInAnotherDrive(_ barcode: String) -> Bool {
        guard let place = robot?.place(of: barcode) else { return false }
        return place.kind == .drive && place.address != drive.element
    }

    /// Brings the cartridge into the drive; whatever is there goes back to its slot.
    func load(_ wanted: String) throws {
        for _ in 0..<Self.driveAttempts {
            do {
                return try bring(wanted)
            } catch is DriveTaken {
                guard !isNamed else { break }
                drive = try Self.chooseDrive(
                    named: nil,
                    holding: nil,
                    caller: caller,
                    robot: robot,
                    onlyEmpty: true
                )
                mayEject = false
            }
        }
        throw DMAError(.busy, "another job has taken \(drive.name) of \(caller.server)", hint: "try again later")
    }

    /// Another job was faster with the drive.
    private struct DriveTaken: Error {}
    private static let driveAttempts = 16

    private func bring(_ wanted: String) throws {
        guard let robot, let address = drive.element else {
            throw DMAError(
                .notFound,
                "\(caller.server) has no changer that serves \(drive.name), so \(wanted) cannot be loaded"
            )
        }
        if barcode == wanted { return }
        try unload()
        try robot.refresh()
        guard let place = robot.place(of: wanted) else {
            throw DMAError(
                .notFound,
                "cartridge \(wanted) is not in the library of \(caller.server)",
                hint: "bring it back with `capstan import \(wanted)`"
            )
        }
        guard place.kind != .drive || place.address == address else { throw taken(wanted) }
        if place.address != address {
            if let present = robot.drives.first(where: { $0.address == address }), present.isFull {
                guard mayEject || isNamed else { throw DriveTaken() }
                try eject(present)
            }
            control.tell(.step("loading \(wanted) into \(drive.name)"))
            do {
                try robot.move(from: place.address, to: address)
            } catch let error as SenseError where error.isDestinationFull {
                throw DriveTaken()
            } catch let error as SenseError where error.isSourceEmpty {
                try robot.refresh()
                throw taken(wanted)
            }
            hasMoved = true
        } else if try isUnthreaded() {
            try thread(place)
        }
        mayEject = false
        barcode = wanted
    }

    private func taken(_ barcode: String) -> DMAError {
        DMAError(
            .busy,
            "cartridge \(barcode) is in another drive of \(caller.server)",
            hint: "wait for the job that uses it, or bring it back with `capstan unload`"
        )
    }

    /// True when the cartridge in the drive was unloaded and left there.
    private func isUnthreaded() throws -> Bool {
        do throws(NDMPClientError) {
            try caller.tapeOpen(drive.name, mode: .read)
            try caller.tapeClose()
            return false
        } catch {
            guard error.refusal == .noTapeLoaded else { throw error }
            return true
        }
    }

    /// Only the robot has a drive take in a cartridge again.
    private func thread(_ element: LibraryElement) throws {
        control.tell(.step("loading \(element.barcode ?? "the cartridge") into \(drive.name) again"))
        try bringBack(element)
        guard let robot, let place = element.barcode.flatMap(robot.place) else { return }
        try robot.move(from: place.address, to: element.address)
        hasMoved = true
    }

    /// Takes a cartridge out that was in the drive when we came.
    private func eject(_ element: LibraryElement) throws {
        do {
            try caller.tapeOpen(drive.name, mode: .read)
            _ = try caller.tapeMTIO(.unload)
            try caller.tapeClose()
        } catch {
            if error.refusal == .deviceBusy { throw DriveTaken() }
            guard error.refusal == .noTapeLoaded else { throw error }
        }
        try bringBack(element)
    }

    private func bringBack(_ element: LibraryElement) throws {
        guard let robot else { return }
        guard let home = robot.home(for: element) else {
            throw DMAError(
                .refused,
                "no slot of the library of \(caller.server) is free for \(element.barcode ?? "the loaded cartridge")",
                hint: "make room with `capstan export BARCODE`"
            )
        }
        try robot.move(from: element.address, to: home)
    }

    /// Rewinds and takes the cartridge out of the drive, back to its slot; one that was there when we came stays, ready.
    /// Without effect when none is loaded.
    func unload() throws {
        if isOpen {
            _ = try caller.tapeMTIO(hasMoved ? .unload : .rewind)
            try close()
        }
        guard hasMoved, let robot else {
            mayEject = mayEject || barcode != nil
            barcode = nil
            return
        }
        try robot.refresh()
        if let element = robot.drives.first(where: { $0.address == drive.element }), element.isFull {
            if let barcode { control.tell(.step("returning \(barcode) to its slot")) }
            try bringBack(element)
        }
        hasMoved = false
        barcode = nil
    }

    /// Opens the drive; waits for a cartridge that is still on its way.
    func open(_ mode: TapeMode) throws {
        if isOpen { try close() }
        var waited = 0
        while true {
            do throws(NDMPClientError) {
                try caller.tapeOpen(drive.name, mode: mode)
                isOpen = true
                return
            } catch {
                // Another job may look for a free drive just now.
                let limit =
                    switch error.refusal {
                    case .noTapeLoaded: Self.loadMilliseconds
                    case .deviceBusy where hasMoved: Self.busyMilliseconds
                    default: 0
                    }
                guard waited < limit, robot != nil else { throw error }
            }
            try control.checkCancelled()
            pause([], Self.loadPollMilliseconds)
            waited += Self.loadPollMilliseconds
        }
    }

    func close() throws {
        guard isOpen else { return }
        isOpen = false
        try caller.tapeClose()
    }

    // MARK: Tape

    /// Reads what the loaded tape begins with.
    func contents() throws -> MediaPlan.Contents {
        try motion(.rewind)
        let (error, data) = try caller.tapeRead(count: Self.labelReadBytes)
        switch error {
        case .noError: return VolumeLabel(record: data).map { .labelled($0) } ?? .foreign
        case .endOfMedium: return .blank
        case .endOfFile:
            // Before v4 a filemark and the end of data are told apart by the position only.
            guard caller.version < 4 else { return .foreign }
            return try caller.tapeGetState().fileNumber == 0 ? .blank : .foreign
        default: throw refusal("TAPE_READ of the label", error)
        }
    }

    /// Makes the loaded tape ours: everything on it goes.
    func write(_ label: VolumeLabel) throws {
        try motion(.rewind)
        let reply = try caller.tapeWrite(label.record)
        guard reply.error == .noError else { throw refusal("TAPE_WRITE of the label", reply.error) }
        try motion(.writeFilemarks)
    }

    /// Goes behind everything that is on the tape.
    /// - Returns: the number of the tape file that comes next.
    func positionAtEnd() throws -> UInt32 {
        try motion(.rewind)
        let reply = try caller.tapeMTIO(.forwardFilemarks, count: Self.allFilemarks)
        guard reply.error == .noError else { throw refusal("finding the end of data", reply.error) }
        let file = Self.allFilemarks - min(Self.allFilemarks, reply.residualCount)
        let state = try caller.tapeGetState()
        // A job that died has left records without a filemark behind them.
        guard !state.unsupported.contains(.blockNumber), state.blockNumber != 0, state.blockNumber != .max else {
            return file
        }
        try motion(.writeFilemarks)
        return file + 1
    }

    /// Goes to the first record of a tape file.
    func position(atFile file: UInt32) throws {
        try motion(.rewind)
        guard file > 0 else { return }
        let reply = try caller.tapeMTIO(.forwardFilemarks, count: file)
        guard reply.error == .noError, reply.residualCount == 0 else {
            throw DMAError(
                .damaged,
                "\(barcode ?? "the tape in \(drive.name)") has no tape file \(file): it was written anew since",
                hint: "`capstan catalogue forget --medium \(barcode ?? "BARCODE")` takes it out of the catalogue"
            )
        }
    }

    /// Ends a piece of an image: a filemark, the trailer as a tape file of its own, a filemark.
    func finish(_ trailer: SegmentTrailer) throws {
        try motion(.writeFilemarks)
        // Past the early warning the first write is refused once. A trailer that finds no room is left out: the
        // catalogue has what it says.
        for _ in 0..<2 {
            let reply = try caller.tapeWrite(trailer.record)
            guard reply.error == .endOfMedium, reply.count == 0 else { break }
        }
        try motion(.writeFilemarks)
    }

    func motion(_ operation: TapeOperation, count: UInt32 = 1) throws {
        let reply = try caller.tapeMTIO(operation, count: count)
        guard reply.error == .noError else { throw refusal("MTIO \(operation.text)", reply.error) }
    }

    private func refusal(_ what: String, _ error: NDMPError) -> DMAError {
        let name = barcode.map { "\($0) in \(drive.name)" } ?? drive.name
        return DMAError(
            error == .writeProtected ? .refused : .failure,
            "\(caller.server) could not do \(what) on \(name): \(error.text)"
        )
    }
}
