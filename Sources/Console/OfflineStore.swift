// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeFiles
import TapeLibrary

/// A store used directly, for when no daemon runs. Only the import of an image changes it.
///
/// Holds the store's lock, so that no daemon starts meanwhile.
package struct OfflineStore: Sendable {
    /// As the library names them in its store.
    private static let inventoryFileName = "library.json"
    private static let lockFileName = "capstan.lock"

    let path: String
    let disk: any Disk

    /// Directory of one cartridge.
    static func directory(of barcode: String, in store: String) -> String { store + "/cartridges/" + barcode }

    /// Runs `body` on a thread of its own while the store is locked.
    ///
    /// - Throws: `.storeInUse` when a daemon serves it, `.notFound` when there is no store.
    package static func withStore<Result: Sendable>(
        _ path: String,
        disk: any Disk = POSIXDisk(),
        _ body: @Sendable (OfflineStore) throws(APIError) -> Result
    ) async throws(APIError) -> Result {
        let thread = DeviceThread(name: "store")
        defer { thread.stop() }
        return try await ThreadGate(thread).run { () throws(APIError) in
            guard disk.exists(path + "/" + Self.inventoryFileName) else {
                throw APIError(
                    .notFound,
                    "there is no library in \(path)",
                    hint: "`capstan serve --store \(path)` makes one"
                )
            }
            let lock: any DiskLock
            do throws(DiskError) { lock = try disk.lock(path + "/" + Self.lockFileName) } catch {
                guard error.holderProcess != nil else { throw APIError(.permission, "\(error)") }
                throw APIError(
                    .storeInUse,
                    "the store \(path) is served by process \(error.holderProcess ?? 0)",
                    hint: "leave out --store to ask that daemon"
                )
            }
            defer { lock.release() }
            return try body(OfflineStore(path: path, disk: disk))
        }
    }

    package func list() throws(APIError) -> CartridgeList {
        var cartridges: [CartridgeSummary] = []
        for barcode in try barcodes() {
            do throws(CartridgeError) {
                let cartridge = try open(barcode)
                let used = CartridgeInspector.used(cartridge)
                cartridges.append(CartridgeInspector.summary(cartridge.metadata, usedBytes: used, location: nil))
            } catch {
                cartridges.append(
                    CartridgeSummary(
                        barcode: barcode,
                        generation: "",
                        kind: "",
                        writeProtected: false,
                        capacityBytes: 0,
                        usedBytes: nil,
                        location: nil,
                        problem: "damaged"
                    )
                )
            }
        }
        return CartridgeList(cartridges: cartridges)
    }

    package func show(
        _ barcode: String,
        from first: UInt64 = 0,
        files limit: Int = CartridgeReport.filesDefault
    ) throws(APIError) -> CartridgeReport {
        try check(barcode)
        let stored = StoredCartridge(barcode: barcode, directory: Self.directory(of: barcode, in: path))
        do throws(FileError) {
            let map = try CartridgeMap(of: stored, on: disk)
            return try CartridgeInspector.report(map, location: nil, from: first, files: limit)
        } catch {
            throw APIError(error)
        }
    }

    /// - Parameter progress: bytes done and in all, now and then.
    package func verify(
        _ barcode: String,
        progress: (UInt64, UInt64) -> Void
    ) throws(APIError) -> VerificationReport {
        try check(barcode)
        do throws(CartridgeError) {
            var tally = VerifyTally()
            let report = try open(barcode).verify { step in
                tally.add(step)
                let line = tally.line(barcode)
                progress(line.bytesDone, line.bytesTotal)
                return true
            }
            return VerificationReport(report, barcode: barcode)
        } catch { throw APIError(error, barcode: barcode) }
    }

    private func barcodes() throws(APIError) -> [String] {
        do throws(DiskError) {
            return try disk.list(path + "/cartridges").filter { Barcode.isValid($0) }.sorted()
        } catch { throw APIError(.failure, "\(error)") }
    }

    func check(_ barcode: String) throws(APIError) {
        guard Barcode.isValid(barcode) else {
            throw APIError(.invalid, CartridgeError.invalidBarcode(barcode).description.withoutFullStop)
        }
        guard disk.exists(Self.directory(of: barcode, in: path)) else {
            throw APIError(.notFound, "there is no cartridge \(barcode) in \(path)")
        }
    }

    private func open(_ barcode: String) throws(CartridgeError) -> Cartridge {
        try Cartridge(opening: Self.directory(of: barcode, in: path), on: disk, access: .readOnly)
    }
}
