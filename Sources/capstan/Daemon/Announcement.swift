// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import Foundation
import Logging
import ManagementAPI
import TapeLibrary

/// Tells that every door is open: the ready file and `READY` for programs, a summary for people.
struct Announcement: Sendable {
    let configuration: ServeConfiguration
    let backend: LibraryBackend
    let library: Library
    let isNewStore: Bool
    let isTemporary: Bool
    let ndmp: NDMPDoorAdapter
    let mount: MountDoor?
    let logger: Logger

    func publish() throws(APIError) {
        for line in summary() { Output.standard.narrate(line) }
        for warning in ndmp.warnings { logger.warning("NDMP: \(warning)") }
        // Whoever waits for the file finds everything said.
        if let path = configuration.readyFile { try readyFile().write(to: path) }
        Output.standard.announce("READY")
    }

    /// The ready file speaks of a daemon that runs.
    func withdraw() {
        if let path = configuration.readyFile { try? FileManager.default.removeItem(atPath: path) }
    }

    private func readyFile() -> ReadyFile {
        let doors = backend.openDoors
        let user = configuration.ndmp.users.first
        let inventory = library.inventory()
        return ReadyFile(
            pid: getpid(),
            version: Version.text,
            store: library.store,
            ndmp: .init(
                host: doors.ndmp?.host ?? "",
                port: doors.ndmp?.port ?? 0,
                user: user?.name ?? "",
                password: user?.password ?? "",
                dataPorts: doors.ndmp?.dataPorts ?? "any",
                exports: ndmp.settings().exports.map(\.text),
                tapes: library.drives.map(\.deviceName),
                changers: [library.changer.deviceName]
            ),
            http: .init(socket: doors.http.socket, url: doors.http.url),
            mount: mount?.path,
            library: .init(
                drives: inventory.drives.count,
                slots: inventory.slots.count,
                mailSlots: inventory.mailSlots.count
            )
        )
    }

    func summary() -> [String] {
        let inventory = library.inventory()
        let doors = backend.openDoors
        let user = configuration.ndmp.users.first
        let ndmp = Endpoint(host: doors.ndmp?.host ?? "", port: UInt16(clamping: doors.ndmp?.port ?? 0)).text
        let isDefault = user?.password == ServeConfiguration.defaultPassword
        let tapes = library.drives.map(\.deviceName)
        let drives = tapes.count > 1 ? "\(tapes[0]) to \(tapes[tapes.count - 1])" : tapes.joined()
        var lines = [
            "Capstan \(Version.text): \(library.identity.vendor) \(library.identity.product) with "
                + "\(inventory.drives.count) drives, \(inventory.slots.count) slots, \(inventory.mailSlots.count) mail "
                + "slots and \(inventory.cartridges.count) cartridges",
            "  store    \(library.store)" + (isTemporary ? " (temporary)" : isNewStore ? " (new)" : ""),
            "  NDMP     \(ndmp), user \(user?.name ?? ""), "
                + (isDefault ? "password \(ServeConfiguration.defaultPassword)" : "password as configured")
                + ", tapes \(drives), changer \(library.changer.deviceName)",
        ]
        let exports = self.ndmp.settings().exports
        if !exports.isEmpty { lines.append("  exports  \(exports.map(\.text).joined(separator: ", "))") }
        if let url = doors.http.url { lines.append("  HTTP     \(url)") }
        lines.append("  socket   \(doors.http.socket)")
        if let mount {
            lines.append("  mount    \(mount.path)" + (mount.servesOthers ? "" : " (for this user only)"))
        }
        if let trace = configuration.trace { lines.append("  trace    \(trace)") }
        let option = configuration.socket == nil ? "" : " --socket \(doors.http.socket)"
        lines += [
            "Try in another terminal:", "  capstan status\(option)", "  capstan load 1 0\(option)",
            "  capstan unload 0\(option)", "Ctrl-C stops it.",
        ]
        return lines
    }
}
