// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import WireFormat

/// What a backup is asked to do.
package struct BackupRequest: Sendable {
    /// How file history is asked for: NDMP's HIST.
    package enum History: String, Sendable, CaseIterable {
        /// The form that suits the backup type.
        case automatic
        case none
        /// Whole paths.
        case files
        /// Directory entries and nodes.
        case nodes

        var value: String {
            switch self {
            case .automatic: "y"
            case .none: "n"
            case .files: "f"
            case .nodes: "d"
            }
        }
    }

    /// Root of the backup on the data server.
    package var path: String
    package var servers: JobServers
    package var type = "tar"
    /// 0 … 9.
    package var level = 0
    package var history = History.automatic
    /// Shell patterns of what is left out.
    package var excludes: [String] = []
    package var recordBytes: UInt32 = 256 << 10
    /// Barcodes to write to, in this order; empty: whatever the pool and the library have.
    package var cartridges: [String] = []
    package var pool = "default"
    /// The named cartridges may be written anew whatever is on them.
    package var overwrite = false
    /// For how long the cartridges may not be written anew; nil: for ever.
    package var keepSeconds: Int64?
    /// Whether the data service remembers the date for later levels.
    package var updatesDates = true

    package static let levels = 0...9
    package static let recordSizes: ClosedRange<UInt32> = 512...(16 << 20)

    package init(path: String, servers: JobServers) {
        self.path = path
        self.servers = servers
    }
}

/// What came of a backup.
package struct BackupResult: Sendable, Equatable {
    package var image: Image
    package var segments: [Segment]
    /// Messages of warning and error that the servers sent.
    package var complaints: Int
}

/// Backs up one tree: loads and labels cartridges, starts mover and data service, follows them, swaps cartridges at
/// the end of the medium, and keeps all of it in the catalogue. Blocks; one thread runs it.
package final class BackupJob {
    private let request: BackupRequest
    private let catalogue: Catalogue
    private let callers: Callers
    private let control: JobControl

    package init(
        _ request: BackupRequest,
        catalogue: Catalogue,
        callers: Callers = .network,
        control: JobControl = JobControl()
    ) {
        self.request = request
        self.catalogue = catalogue
        self.callers = callers
        self.control = control
    }

    package func run() throws(DMAError) -> BackupResult {
        do {
            let session = try JobSession(request.servers, control: control, callers: callers)
            defer { session.close() }
            try checkType(session)
            try ExportCheck.check(request.path, writing: false, on: session.data)
            let media = try MediaFeed(request, session: session, catalogue: catalogue, control: control)
            do {
                return try backUp(session, media)
            } catch {
                // In order also after a failure: the cartridge goes back, the drive is free.
                let explained = session.explained(error)
                session.abortAll()
                try? media.station.unload()
                throw explained
            }
        } catch {
            throw DMAError(error)
        }
    }

    private func checkType(_ session: JobSession) throws {
        let types = try session.data.backupTypeInfo().map(\.name.text)
        guard types.isEmpty || types.contains(request.type) else {
            throw DMAError(
                .invalid,
                "\(request.servers.data.name) has no backup type \(request.type)",
                hint: "it has \(types.joined(separator: ", "))"
            )
        }
    }

    private func backUp(_ session: JobSession, _ media: MediaFeed) throws -> BackupResult {
        var image = Image(
            type: request.type,
            level: request.level,
            path: request.path,
            dataServer: request.servers.data.name,
            tapeServer: request.servers.tape.name,
            started: control.now(),
            recordBytes: request.recordBytes,
            expires: request.keepSeconds.map { control.now() + $0 }
        )
        try media.next()
        image.id = try catalogue.begin(image)
        let run = BackupRun(image, request, session: session, media: media, catalogue: catalogue, control: control)
        do {
            try run.transfer()
            image = try run.finish()
        } catch {
            try? catalogue.fail(image.id, now: control.now())
            throw error
        }
        try media.station.unload()
        return BackupResult(image: image, segments: run.segments, complaints: session.complaints)
    }
}

/// The cartridges of a backup, one after the other.
final class MediaFeed {
    let station: TapeStation
    private let request: BackupRequest
    private let catalogue: Catalogue
    private let control: JobControl
    private var waiting: [MediaPlan.Candidate]
    /// The one in the drive, and the number of the tape file that is written next.
    private(set) var medium: Medium?
    private(set) var tapeFile: UInt32 = 0
    private var skipped: [String] = []

    init(_ request: BackupRequest, session: JobSession, catalogue: Catalogue, control: JobControl) throws {
        self.request = request
        self.catalogue = catalogue
        self.control = control
        let present = session.robot.elements.filter { $0.kind != .transport }.compactMap(\.barcode)
        let plan = MediaPlan(
            named: request.cartridges,
            present: present,
            media: try catalogue.media(now: control.now()),
            pool: request.pool,
            overwrite: request.overwrite
        )
        if let missing = plan.missing.first {
            throw DMAError(
                .notFound,
                "cartridge \(missing) is not in the library of \(request.servers.tape.name)",
                hint:
                    "bring it in with `capstan import \(missing)`, or make it with `capstan cartridge create \(missing)`"
            )
        }
        if let refused = plan.refused.first {
            throw DMAError(
                .refused,
                "\(refused.barcode) cannot be written: \(refused.reason)",
                hint: "--overwrite writes it anew, or name other cartridges"
            )
        }
        waiting = plan.candidates
        station = try session.station(drive: request.servers.drive, holding: waiting.first?.barcode)
    }

    /// Loads the next cartridge that can be written to and finds the place to write at.
    func next() throws {
        medium = nil
        while !waiting.isEmpty {
            try control.checkCancelled()
            let candidate = waiting.removeFirst()
            if let reason = try prepare(candidate) {
                skipped.append(candidate.barcode)
                control.tell(.step("\(candidate.barcode) is passed over: \(reason)"))
                guard request.cartridges.isEmpty || !request.cartridges.contains(candidate.barcode) else {
                    throw DMAError(
                        .refused,
                        "\(candidate.barcode) cannot be written: \(reason)",
                        hint: "--overwrite writes it anew, or name other cartridges"
                    )
                }
                continue
            }
            return
        }
        throw DMAError(
            .outOfMedia,
            request.cartridges.isEmpty
                ? "no cartridge of pool \(request.pool) and no blank one is left in the library"
                : "the named cartridges are full",
            hint: "`capstan cartridge create --count 4` makes blank ones; `capstan catalogue list` shows what is used"
        )
    }

    /// - Returns: why the cartridge cannot be used; nil when all is ready.
    private func prepare(_ candidate: MediaPlan.Candidate) throws -> String? {
        let isAnyGood = request.cartridges.isEmpty
        if isAnyGood, station.isInAnotherDrive(candidate.barcode) { return "it is in another drive" }
        do throws(any Error) {
            try station.load(candidate.barcode)
        } catch let error as DMAError where error.kind == .busy && station.isInAnotherDrive(candidate.barcode) {
            // Another job has chosen it at the same moment.
            guard isAnyGood else { throw error }
            return "it is in another drive"
        }
        do throws(any Error) {
            try station.open(.readWrite)
        } catch let error as NDMPClientError where error.refusal == .writeProtected {
            return "it is write-protected"
        }
        let contents: MediaPlan.Contents
        do {
            contents = try station.contents()
        } catch let error as DMAError where candidate.expectation != .overwrite {
            return error.message
        }
        let known = try catalogue.medium(barcode: candidate.barcode)
        switch MediaPlan.decide(candidate, contents: contents, medium: known, pool: request.pool) {
        case .skip(let reason): return reason
        case .label:
            if candidate.expectation == .reuse, contents != .blank, let known, try holdsMore(than: known) {
                return "it holds tape files of another catalogue"
            }
            let label = VolumeLabel(
                label: candidate.barcode,
                barcode: candidate.barcode,
                pool: request.pool,
                written: control.now()
            )
            control.tell(.step("labelling \(candidate.barcode)"))
            try station.write(label)
            medium = try catalogue.label(Medium(label), isNew: true)
            tapeFile = 1
        case .append(let label):
            tapeFile = try station.positionAtEnd()
            medium = try catalogue.label(Medium(label), isNew: false)
        }
        if let medium { try catalogue.expectPiece(atTapeFile: tapeFile, ofMedium: medium.id) }
        return nil
    }

    /// Two catalogues may append to one cartridge; what the other one wrote is not ours to give up.
    private func holdsMore(than known: Medium) throws -> Bool {
        try station.positionAtEnd() > max(known.tapeFiles, 1)
    }

    /// The end of the tape was reached.
    func markFull() throws {
        if let medium { try catalogue.setState(.full, ofMedium: medium.id) }
    }
}

extension Medium {
    fileprivate init(_ label: VolumeLabel) {
        self.init(
            barcode: label.barcode,
            label: label.label,
            pool: label.pool,
            labelled: label.written,
            lastWritten: label.written
        )
    }
}
