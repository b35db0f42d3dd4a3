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
actor CartridgeImageSource: ImageSource {
    private let place: ImageCartridge
    private var cartridge: Cartridge?
    private var address = BlockAddress.zero
    private var hasEnded = false
    private var record: [UInt8] = []
    nonisolated let lengthBytes: UInt64

    nonisolated var unownedExecutor: UnownedSerialExecutor { place.thread.asUnownedSerialExecutor() }

    /// - Parameter lengthBytes: of the whole image, see `length(of:)`.
    init(_ place: ImageCartridge, lengthBytes: UInt64) {
        self.place = place
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
        guard !hasEnded else { return nil }
        do throws(CartridgeError) {
            let open = try cartridge ?? Cartridge(opening: place.directory, on: place.disk, access: .readOnly)
            cartridge = open
            return try piece(of: open)
        } catch { throw APIError(error, barcode: place.barcode) }
    }

    private func piece(of cartridge: Cartridge) throws(CartridgeError) -> [UInt8] {
        var piece: [UInt8] = []
        while piece.count < ManagementAPI.imageChunkBytes {
            switch try cartridge.object(at: address, partition: 0) {
            case .filemark?: piece += TapeImage.word(TapeImage.filemark)
            case .record(let length)?:
                if record.count < length { record = [UInt8](repeating: 0, count: length) }
                var span = record.mutableSpan
                let count = try cartridge.readRecord(at: address, partition: 0, into: &span)
                let marker = TapeImage.word(UInt32(count))
                piece += marker
                piece += record[..<count]
                if count % 2 == 1 { piece.append(0) }
                piece += marker
            case nil:
                hasEnded = true
                return piece + TapeImage.word(TapeImage.endOfMedium)
            }
            address += 1
        }
        return piece
    }

    func close() async {
        hasEnded = true
        cartridge = nil
        place.release()
        place.thread.stop()
    }
}

/// Fills a cartridge that is not in a drive from a tape image. What was on it is gone from the first piece on.
actor CartridgeImageSink: ImageSink {
    private let place: ImageCartridge
    private var cartridge: Cartridge?
    private var reader = TapeImageReader()
    private var address = BlockAddress.zero
    private var report: ImageReport
    private var isDone = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { place.thread.asUnownedSerialExecutor() }

    init(_ place: ImageCartridge) {
        self.place = place
        report = ImageReport(barcode: place.barcode, records: 0, filemarks: 0, bytes: 0)
    }

    /// Opens the cartridge and empties it.
    ///
    /// - Throws: `.refused` when it is protected, written once already, or a cleaning cartridge.
    func begin() throws(APIError) {
        do throws(CartridgeError) {
            let opened = try Cartridge(opening: place.directory, on: place.disk, access: .readWrite)
            cartridge = opened
        } catch { throw APIError(error, barcode: place.barcode) }
        guard let cartridge else { return }
        if let reason = Self.refusal(cartridge.metadata, used: CartridgeInspector.used(cartridge)) {
            throw APIError(.refused, reason)
        }
        do throws(CartridgeError) { try cartridge.truncate(at: .zero, partition: 0) } catch {
            throw APIError(error, barcode: place.barcode)
        }
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
        reader.feed(piece)
        while let element = try nextElement() {
            do throws(CartridgeError) { try store(element) } catch { throw APIError(error, barcode: place.barcode) }
        }
    }

    private func nextElement() throws(APIError) -> TapeImageReader.Element? {
        do throws(TapeImageReader.Malformed) { return try reader.next() } catch { throw Self.text(error) }
    }

    private func store(_ element: TapeImageReader.Element) throws(CartridgeError) {
        guard let cartridge else { throw .closed }
        switch element {
        case .record(let bytes):
            try cartridge.writeRecord(bytes.span, at: address, partition: 0)
            report.records += 1
            report.bytes += UInt64(bytes.count)
        case .filemark:
            try cartridge.writeFilemarks(1, at: address, partition: 0)
            report.filemarks += 1
        }
        address += 1
    }

    private static func text(_ error: TapeImageReader.Malformed) -> APIError {
        APIError(
            .damaged, "at byte \(error.offset) of the tape image: \(error.reason)",
            hint: "what came before it is on the cartridge"
        )
    }

    func finish() async throws(APIError) -> ImageReport {
        do throws(TapeImageReader.Malformed) { try reader.finish() } catch { throw Self.text(error) }
        do throws(CartridgeError) {
            try cartridge?.updateMetadata { metadata in
                metadata.volumeChangeReference &+= 1
                metadata.counters.bytesWritten += report.bytes
                metadata.counters.recordsWritten += report.records
                metadata.counters.filemarksWritten += report.filemarks
            }
            try cartridge?.close()
        } catch { throw APIError(error, barcode: place.barcode) }
        giveBack()
        return report
    }

    func abandon() async {
        try? cartridge?.close()
        giveBack()
    }

    private func giveBack() {
        guard !isDone else { return }
        isDone = true
        cartridge = nil
        place.release()
        place.thread.stop()
    }
}
