// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeImages
import TapeLibrary

/// The cartridge that is read out or filled, and the thread that may block on it.
struct ImageCartridge: Sendable {
    var barcode: String
    var directory: String
    var disk: any Disk
    var thread: DeviceThread
    /// Tells the library that the cartridge has other contents.
    var noteChange: @Sendable () -> Void = {}
    /// Gives the cartridge back to the library; called once.
    var release: @Sendable () -> Void
}

/// Reads a cartridge that is not in a drive out as a tape stream; the command makes an image of it.
final class CartridgeImageSource: ImageSource {
    private struct State {
        var stream: CartridgeStream?
        var isClosed = false
    }

    private let place: ImageCartridge
    private let gate: ThreadGate
    private let state = Guarded(State(), name: "cartridge image")

    init(_ place: ImageCartridge) {
        self.place = place
        self.gate = ThreadGate(place.thread)
    }

    /// - Throws: when the cartridge cannot be opened.
    func begin() async throws(APIError) {
        try await gate.run { () throws(APIError) in
            do throws(CartridgeError) {
                try self.state.withLock { (state) throws(CartridgeError) in
                    state.stream = try CartridgeStream(opening: self.place.directory, on: self.place.disk)
                }
            } catch { throw APIError(error, barcode: self.place.barcode) }
        }
    }

    func next() async throws(APIError) -> [UInt8]? {
        try await gate.run { () throws(APIError) in
            do throws(CartridgeError) {
                return try self.state.withLock { (state) throws(CartridgeError) in
                    try state.stream?.next(about: ManagementAPI.imageChunkBytes)
                }
            } catch { throw APIError(error, barcode: self.place.barcode) }
        }
    }

    func close() async {
        let wasClosed = await gate.run {
            self.state.withLock { state in
                defer { state.isClosed = true }
                state.stream = nil
                return state.isClosed
            }
        }
        guard !wasClosed else { return }
        place.release()
        place.thread.stop()
    }
}
