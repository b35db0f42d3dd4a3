// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeLibrary

/// The cartridge that an image is read from or written to, and the thread that may block on it.
struct ImageCartridge: Sendable {
    var barcode: String
    var directory: String
    var disk: any Disk
    var thread: DeviceThread
    /// Gives the cartridge back to the library; called once.
    var release: @Sendable () -> Void
}

/// Reads a cartridge that is not in a drive out as a tape image.
///
/// Of a cartridge with several partitions the first is read, as the image has no notion of them.
final class CartridgeImageSource: ImageSource {
    private struct State {
        var cartridge: Cartridge?
        var address = BlockAddress.zero
        var hasEnded = false
        var record: [UInt8] = []
    }

    let lengthBytes: UInt64
    private let place: ImageCartridge
    private let gate: ThreadGate
    private let state = Guarded(State(), name: "cartridge image")

    /// - Parameter lengthBytes: of the whole image, see `length(of:)`.
    init(_ place: ImageCartridge, lengthBytes: UInt64) {
        self.place = place
        self.gate = ThreadGate(place.thread)
        self.lengthBytes = lengthBytes
    }

    /// Length of the image of a cartridge's first partition; reads the whole index.
    static func length(of cartridge: Cartridge) throws(CartridgeError) -> UInt64 {
        var total: UInt64 = 4
        var address = BlockAddress.zero
        while let object = try cartridge.object(at: address, partition: 0) {
            switch object {
            case .record(let length): total += TapeImage.space(forRecord: length)
            case .filemark: total += 4
            }
            address += 1
        }
        return total
    }

    func next() async throws(APIError) -> [UInt8]? {
        try await gate.run { () throws(APIError) in
            do throws(CartridgeError) {
                return try self.state.withLock { (state) throws(CartridgeError) in try self.piece(&state) }
            } catch { throw APIError(error, barcode: self.place.barcode) }
        }
    }

    private func piece(_ state: inout State) throws(CartridgeError) -> [UInt8]? {
        guard !state.hasEnded else { return nil }
        let cartridge: Cartridge
        if let open = state.cartridge {
            cartridge = open
        } else {
            cartridge = try Cartridge(opening: place.directory, on: place.disk, access: .readOnly)
            state.cartridge = cartridge
        }
        var piece: [UInt8] = []
        while piece.count < ManagementAPI.imageChunkBytes {
            switch try cartridge.object(at: state.address, partition: 0) {
            case .filemark?: piece += TapeImage.word(TapeImage.filemark)
            case .record(let length)?:
                if state.record.count < length { state.record = [UInt8](repeating: 0, count: length) }
                let address = state.address
                var span = state.record.mutableSpan
                let count = try cartridge.readRecord(at: address, partition: 0, into: &span)
                let marker = TapeImage.word(UInt32(count))
                piece += marker
                piece += state.record[..<count]
                if count % 2 == 1 { piece.append(0) }
                piece += marker
            case nil:
                state.hasEnded = true
                return piece + TapeImage.word(TapeImage.endOfMedium)
            }
            state.address += 1
        }
        return piece
    }

    func close() async {
        await gate.run {
            self.state.withLock { state in
                state.hasEnded = true
                state.cartridge = nil
            }
        }
        place.release()
        place.thread.stop()
    }
}

/// Fills a cartridge that is not in a drive from a tape image. What was on it is gone from the first piece on.
final class CartridgeImageSink: ImageSink {
    private struct State {
        var cartridge: Cartridge?
        var reader = TapeImageReader()
        var address = BlockAddress.zero
        var report: ImageReport
        var isDone = false
    }

    private let place: ImageCartridge
    private let gate: ThreadGate
    private let state: Guarded<State>

    init(_ place: ImageCartridge) {
        self.place = place
        self.gate = ThreadGate(place.thread)
        let report = ImageReport(barcode: place.barcode, records: 0, filemarks: 0, bytes: 0)
        state = Guarded(State(report: report), name: "cartridge image")
    }

    /// Opens the cartridge and empties it.
    ///
    /// - Throws: `.refused` when it is protected, written once already, or a cleaning cartridge.
    func begin() async throws(APIError) {
        try await work { (state, place) throws(CartridgeError) in
            let cartridge = try Cartridge(opening: place.directory, on: place.disk, access: .readWrite)
            guard Self.refusal(cartridge.metadata, used: CartridgeInspector.used(cartridge)) == nil else { return }
            try cartridge.truncate(at: .zero, partition: 0)
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
            state.reader.feed(piece)
            while true {
                let element: TapeImageReader.Element?
                do throws(TapeImageReader.Malformed) { element = try state.reader.next() } catch {
                    return Self.text(error)
                }
                guard let element else { return nil }
                try Self.store(element, &state)
            }
        }
        if let malformed { throw malformed }
    }

    private static func store(_ element: TapeImageReader.Element, _ state: inout State) throws(CartridgeError) {
        guard let cartridge = state.cartridge else { throw .closed }
        switch element {
        case .record(let bytes):
            try cartridge.writeRecord(bytes.span, at: state.address, partition: 0)
            state.report.records += 1
            state.report.bytes += UInt64(bytes.count)
        case .filemark:
            try cartridge.writeFilemarks(1, at: state.address, partition: 0)
            state.report.filemarks += 1
        }
        state.address += 1
    }

    private static func text(_ error: TapeImageReader.Malformed) -> APIError {
        APIError(
            .damaged,
            "at byte \(error.offset) of the tape image: \(error.reason)",
            hint: "what came before it is on the cartridge"
        )
    }

    func finish() async throws(APIError) -> ImageReport {
        let (report, malformed) = try await work { (state, _) throws(CartridgeError) -> (ImageReport, APIError?) in
            do throws(TapeImageReader.Malformed) { try state.reader.finish() } catch {
                return (state.report, Self.text(error))
            }
            let report = state.report
            try state.cartridge?.updateMetadata { metadata in
                metadata.volumeChangeReference &+= 1
                metadata.counters.bytesWritten += report.bytes
                metadata.counters.recordsWritten += report.records
                metadata.counters.filemarksWritten += report.filemarks
            }
            try state.cartridge?.close()
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
