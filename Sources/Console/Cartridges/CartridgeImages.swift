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
