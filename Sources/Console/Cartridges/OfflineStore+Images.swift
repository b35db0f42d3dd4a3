// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeImages

/// Images of cartridges in a store that no daemon serves.
extension OfflineStore {
    /// Reads a cartridge out as a tape stream.
    ///
    /// - Parameter take: gets each piece of it.
    package func readOut(_ barcode: String, take: ([UInt8]) throws(APIError) -> Void) throws(APIError) {
        try check(barcode)
        let stream: CartridgeStream
        do throws(CartridgeError) {
            stream = try CartridgeStream(opening: Self.directory(of: barcode, in: path), on: disk)
        } catch { throw APIError(error, barcode: barcode) }
        while true {
            let piece: [UInt8]?
            do throws(CartridgeError) { piece = try stream.next(about: ManagementAPI.imageChunkBytes) } catch {
                throw APIError(error, barcode: barcode)
            }
            guard let piece else { return }
            try take(piece)
        }
    }

    /// Fills a cartridge from a tape stream; whatever fails leaves it as it was.
    ///
    /// - Parameter next: the next piece of the stream, nil at its end.
    package func fill(_ barcode: String, next: () throws(APIError) -> [UInt8]?) throws(APIError) -> ImageReport {
        try check(barcode)
        let filling: CartridgeFilling
        do throws(CartridgeFilling.Failure) {
            filling = try CartridgeFilling(Self.directory(of: barcode, in: path), on: disk)
        } catch { throw APIError(error, barcode: barcode) }
        defer { filling.abandon() }
        while let piece = try next() {
            do throws(CartridgeFilling.Failure) { try filling.write(piece) } catch {
                throw APIError(error, barcode: barcode)
            }
        }
        do throws(CartridgeFilling.Failure) { try filling.finish() } catch { throw APIError(error, barcode: barcode) }
        return ImageReport(filling, barcode: barcode)
    }
}
