// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeLibrary

/// Fills a cartridge that is not in a drive from a tape image.
///
/// The image is put aside and checked while it arrives, beside the cartridge's own files; only a whole one that fits
/// replaces what was on the cartridge.
final class CartridgeImageSink: ImageSink {
    private struct State {
        var cartridge: Cartridge?
        var spool: (any DiskFile)?
        var spooled: Int64 = 0
        /// Checks what arrives.
        var reader = TapeImageReader()
        /// What the image takes on the cartridge.
        var charge: UInt64 = 0
        var report: ImageReport
        var isDone = false
    }

    /// Read back from the spool at a time.
    private static let chunkBytes = 1 << 20

    private let place: ImageCartridge
    private let gate: ThreadGate
    private let state: Guarded<State>

    init(_ place: ImageCartridge) {
        self.place = place
        self.gate = ThreadGate(place.thread)
        let report = ImageReport(barcode: place.barcode, records: 0, filemarks: 0, bytes: 0)
        state = Guarded(State(report: report), name: "cartridge image")
    }

    private static func spoolPath(_ place: ImageCartridge) -> String { place.directory + "/import.spool" }

    /// Opens the cartridge and a place for the image.
    ///
    /// - Throws: `.refused` when it is protected, written once already, or a cleaning cartridge.
    func begin() async throws(APIError) {
        try await work { (state, place) throws(CartridgeError) in
            let cartridge = try Cartridge(opening: place.directory, on: place.disk, access: .readWrite)
            guard Self.refusal(cartridge.metadata, used: CartridgeInspector.used(cartridge)) == nil else { return }
            state.spool = try Self.onDisk { () throws(DiskError) in
                let spool = try place.disk.open(Self.spoolPath(place), .create)
                // A leftover of an import that was cut off.
                try spool.truncate(to: 0)
                return spool
            }
            state.cartridge = cartridge
        }
        try await gate.run { () throws(APIError) in
            guard self.state.withLock({ $0.cartridge == nil }) else { return }
            throw APIError(.refused, self.refusalOnDisk() ?? "\(self.place.barcode) cannot be written")
        }
    }

    private func refusalOnDisk() -> String? {
        let cartridge = try? Cartridge(opening: place.directory, on: place.disk, access: .readOnly)
        return cartridge.flatMap { Self.refusal($0.metadata, used: CartridgeInspector.used($0)) }
    }

    /// Why this cartridge must not be overwritten; nil when it may be.
    private static func refusal(_ metadata: CartridgeMetadata, used: UInt64) -> String? {
        if metadata.writeProtected { return "\(metadata.barcode) is write-protected" }
        return switch metadata.kind {
        case .data: nil
        case .worm: used == 0 ? nil : "\(metadata.barcode) is a write-once cartridge and has been written"
        case .cleaning: "\(metadata.barcode) is a cleaning cartridge"
        }
    }

    func write(_ piece: [UInt8]) async throws(APIError) {
        let malformed = try await work { (state, _) throws(CartridgeError) -> APIError? in
            guard let cartridge = state.cartridge, let spool = state.spool else { throw .closed }
            state.reader.feed(piece)
            do throws(TapeImageReader.Malformed) {
                while let element = try state.reader.next() { Self.count(element, &state) }
            } catch {
                return Self.text(error)
            }
            guard state.charge <= cartridge.capacity(0) else { throw .full }
            let offset = state.spooled
            try Self.onDisk { () throws(DiskError) in try spool.write(piece.span, at: offset) }
            state.spooled += Int64(piece.count)
            return nil
        }
        if let malformed { throw malformed }
    }

    private static func count(_ element: TapeImageReader.Element, _ state: inout State) {
        state.charge += CartridgeLimits.objectOverheadBytes
        switch element {
        case .record(let bytes):
            state.report.records += 1
            state.report.bytes += UInt64(bytes.count)
            state.charge += UInt64(bytes.count)
        case .filemark:
            state.report.filemarks += 1
        }
    }

    /// The image is whole: it takes the place of what was there.
    private static func replace(_ cartridge: Cartridge, from spool: any DiskFile) throws(CartridgeError) {
        try cartridge.truncate(at: .zero, partition: 0)
        var reader = TapeImageReader()
        var address = BlockAddress.zero
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        var offset: Int64 = 0
        while true {
            let count = try onDisk { () throws(DiskError) in
                var room = chunk.mutableSpan
                return try spool.read(into: &room, at: offset)
            }
            guard count > 0 else { return }
            offset += Int64(count)
            reader.feed(Array(chunk[..<count]))
            while let element = try next(&reader) {
                switch element {
                case .record(let bytes): try cartridge.writeRecord(bytes.span, at: address, partition: 0)
                case .filemark: try cartridge.writeFilemarks(1, at: address, partition: 0)
                }
                address += 1
            }
        }
    }

    /// The spool was well-formed when it was written.
    private static func next(_ reader: inout TapeImageReader) throws(CartridgeError) -> TapeImageReader.Element? {
        do throws(TapeImageReader.Malformed) { return try reader.next() } catch {
            throw .invalidArgument("the image that was put aside has changed at byte \(error.offset)")
        }
    }

    private static func onDisk<R>(_ body: () throws(DiskError) -> R) throws(CartridgeError) -> R {
        do throws(DiskError) { return try body() } catch { throw .disk(error) }
    }

    private static func text(_ error: TapeImageReader.Malformed) -> APIError {
        APIError(
            .damaged,
            "at byte \(error.offset) of the tape image: \(error.reason)",
            hint: "the cartridge is as it was"
        )
    }

    func finish() async throws(APIError) -> ImageReport {
        let (report, malformed) = try await work { (state, _) throws(CartridgeError) -> (ImageReport, APIError?) in
            do throws(TapeImageReader.Malformed) { try state.reader.finish() } catch {
                return (state.report, Self.text(error))
            }
            let report = state.report
            guard let cartridge = state.cartridge, let spool = state.spool else { throw .closed }
            try Self.replace(cartridge, from: spool)
            try cartridge.updateMetadata { metadata in
                metadata.volumeChangeReference &+= 1
                metadata.counters.bytesWritten += report.bytes
                metadata.counters.recordsWritten += report.records
                metadata.counters.filemarksWritten += report.filemarks
            }
            try cartridge.close()
            return (report, nil)
        }
        if let malformed { throw malformed }
        await giveBack()
        return report
    }

    func abandon() async {
        _ = try? await work { (state, _) throws(CartridgeError) in try state.cartridge?.close() }
        await giveBack()
    }

    private func giveBack() async {
        let wasDone = await gate.run {
            self.state.withLock { state in
                defer { state.isDone = true }
                state.cartridge = nil
                if state.spool != nil { try? self.place.disk.remove(Self.spoolPath(self.place)) }
                state.spool = nil
                return state.isDone
            }
        }
        guard !wasDone else { return }
        place.release()
        place.thread.stop()
    }

    /// Runs `body` on the cartridge's thread.
    private func work<Result: Sendable>(
        _ body: @Sendable (inout State, ImageCartridge) throws(CartridgeError) -> Result
    ) async throws(APIError) -> Result {
        try await gate.run { () throws(APIError) in
            do throws(CartridgeError) {
                return try self.state.withLock { (state) throws(CartridgeError) in try body(&state, self.place) }
            } catch { throw APIError(error, barcode: self.place.barcode) }
        }
    }
}
