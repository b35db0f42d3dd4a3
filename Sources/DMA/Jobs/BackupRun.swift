// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import WireFormat

/// The transfer of one image: from the mover's LISTEN to both services' halt.
final class BackupRun {
    private(set) var image: Image
    private(set) var segments: [Segment] = []
    private let request: BackupRequest
    private let session: JobSession
    private let media: MediaFeed
    private let catalogue: Catalogue
    private let control: JobControl
    private let history: HistoryWriter
    /// First byte of the stream on the loaded cartridge.
    private var segmentOffset: UInt64 = 0
    private var dataHalt: DataHaltReason?
    private var moverHalt: MoverHaltReason?
    private var nextProgress: Int64 = 0
    private var environment: [NDMPVariable] = []

    init(
        _ image: Image,
        _ request: BackupRequest,
        session: JobSession,
        media: MediaFeed,
        catalogue: Catalogue,
        control: JobControl
    ) {
        self.image = image
        self.request = request
        self.session = session
        self.media = media
        self.catalogue = catalogue
        self.control = control
        history = HistoryWriter(catalogue: catalogue, image: image.id)
    }

    /// Starts both services and follows them until both have halted.
    func transfer() throws {
        try start()
        var haltWait = HaltWait()
        while dataHalt == nil || moverHalt == nil {
            let posts = try session.posts()
            for (role, post) in posts { try handle(post, role) }
            try showProgress()
            // The data service is through when the mover has gone; a mover may still have much to write.
            if let moverHalt, dataHalt == nil, haltWait.isOver(now: control.now()) {
                throw DMAError(.failure, "the mover ended with \(moverHalt.text), and the data service goes on")
            }
            if let dataHalt, dataHalt != .successful, moverHalt == nil, haltWait.isOver(now: control.now()) { break }
        }
        try checkHalts()
    }

    private func start() throws {
        let (tape, data) = (session.tape, session.data)
        try tape.moverSetRecordSize(request.recordBytes)
        if tape.version >= 4 { try tape.moverSetWindow(offset: 0, length: .max) }
        let address = try tape.moverListen(.read, session.isLocal ? .local : .tcp)
        if tape.version < 4 { try tape.moverSetWindow(offset: 0, length: .max) }
        control.tell(.step("backing up \(request.path) from \(data.server) to \(media.medium?.barcode ?? "tape")"))
        try data.dataConnect(address)
        try data.dataStartBackup(type: request.type, environment: startEnvironment)
    }

    private var startEnvironment: [NDMPVariable] {
        var variables: [(String, String)] = [
            ("FILESYSTEM", request.path), ("PREFIX", request.path), ("TYPE", request.type),
            ("HIST", request.history.value), ("LEVEL", "\(request.level)"),
            ("UPDATE", request.updatesDates ? "y" : "n"), ("DIRECT", "y"),
        ]
        if !request.excludes.isEmpty { variables.append(("EXCLUDE", Self.list(request.excludes))) }
        return variables.map { NDMPVariable(name: XDRString($0), value: XDRString($1)) }
    }

    /// Patterns in one value: commas between them, a backslash before what would separate or quote.
    static func list(_ patterns: [String]) -> String {
        patterns.map { pattern in
            pattern.reduce(into: "") { text, character in
                if character == "\\" || character == "," || character.isWhitespace { text.append("\\") }
                text.append(character)
            }
        }.joined(separator: ",")
    }

    private func handle(_ post: NDMPPost, _ role: JobSession.Role) throws {
        switch post {
        case .fileHistory(let batch): try history.add(batch)
        case .dataHalted(let reason, let text):
            dataHalt = reason
            if !text.isEmpty, reason != .successful {
                control.tell(.log(source: session.data.server, .error, text))
            }
        case .moverHalted(let reason, _): moverHalt = reason
        case .moverPaused(let reason, _): try moverPaused(reason)
        case .connectionStatus(let reason, _, let text) where reason != .connected:
            throw DMAError(.failure, "a server ends the session (\(reason.text)): \(text)")
        default: break
        }
    }

    private func moverPaused(_ reason: MoverPauseReason) throws {
        guard reason != .mediaError else {
            throw DMAError(
                .damaged,
                "\(media.medium?.barcode ?? "the cartridge") cannot be written any further",
                hint: "`capstan cartridge verify` checks it; take another one with --cartridges"
            )
        }
        if let dataHalt, dataHalt != .successful { return try checkHalts() }
        let moved = try session.tape.moverGetState().bytesMoved
        try finishSegment(end: moved, isLast: false)
        try media.markFull()
        control.tell(.step("\(media.medium?.barcode ?? "the cartridge") is full; changing cartridges"))
        try media.next()
        segmentOffset = moved
        try session.crossingHalt {
            try session.tape.moverSetWindow(offset: moved, length: Windows.restOfStream(from: moved))
            try session.tape.moverContinue()
        }
        control.tell(.step("going on with \(media.medium?.barcode ?? "the next cartridge")"))
    }

    /// Writes filemarks and trailer behind a piece and enters it into the catalogue.
    private func finishSegment(end: UInt64, isLast: Bool) throws {
        guard let medium = media.medium, end > segmentOffset || isLast && segments.isEmpty else { return }
        let segment = Segment(
            number: segments.count,
            barcode: medium.barcode,
            tapeFile: media.tapeFile,
            offset: segmentOffset,
            length: end - segmentOffset
        )
        try media.station.finish(SegmentTrailer(image: image, segment: segment, isLast: isLast))
        try catalogue.add(segment, to: image.id, medium: medium.id, now: control.now())
        segments.append(segment)
    }

    private func checkHalts() throws {
        guard dataHalt == .successful else {
            let reason = dataHalt.map { " with \($0.text)" } ?? ""
            throw DMAError(.failure, "the data service on \(session.data.server) ended the backup\(reason)")
        }
        guard moverHalt == .connectClosed else {
            let reason = moverHalt.map { " with \($0.text)" } ?? ""
            throw DMAError(.failure, "the mover on \(session.tape.server) ended\(reason) before the stream was through")
        }
    }

    /// Takes the environment, ends the piece on tape, and completes the image in the catalogue.
    func finish() throws -> Image {
        let moved = try session.tape.moverGetState().bytesMoved
        let state = try session.data.dataGetState()
        environment = try session.data.dataGetEnvironment()
        try session.data.dataStop()
        try session.tape.moverStop()
        for (role, post) in try session.arrived() { try handle(post, role) }
        try finishSegment(end: moved, isLast: true)
        try history.flush()
        image.bytes = moved
        image.files = history.files
        image.directories = history.directoriesTold
        image.finished = control.now()
        image.state = .complete
        // Before v4 some movers count whole records: the data service knows better where the stream ends.
        if session.tape.version < 4, state.bytesProcessed > 0 { image.bytes = min(moved, state.bytesProcessed) }
        let level = environment.last { $0.name.text == "LEVEL" }.flatMap { Int($0.value.text) }
        image.level = level ?? image.level
        try catalogue.finish(
            image.id,
            bytes: image.bytes,
            files: image.files,
            directories: image.directories,
            level: image.level,
            environment: environment.map { EnvironmentVariable(name: $0.name.bytes, value: $0.value.bytes) },
            now: control.now()
        )
        control.tell(.progress(JobProgress(bytes: image.bytes, totalBytes: image.bytes, files: image.files)))
        try checkChain()
        return image
    }

    /// Levels are counted by the data service, whoever made them: a backup may build on one that is not in this
    /// catalogue.
    private func checkChain() throws {
        guard let first = try catalogue.chain(to: image).first, first.level > 0 else { return }
        control.tell(
            .step(
                "warning: image \(first.id) of level \(first.level) builds on a backup that is not in this catalogue; "
                    + "a backup with --level 0 makes what follows restorable"
            )
        )
    }

    private func showProgress() throws {
        guard control.now() >= nextProgress, dataHalt == nil, moverHalt == nil else { return }
        nextProgress = control.now() + 1
        control.tell(.progress(try session.progress(totalBytes: nil, files: history.files)))
    }
}

/// How long one service may go on after the other has halted.
struct HaltWait {
    private static let seconds: Int64 = 20
    private var since: Int64?

    mutating func isOver(now: Int64) -> Bool {
        guard let since else {
            since = now
            return false
        }
        return now - since > Self.seconds
    }
}
