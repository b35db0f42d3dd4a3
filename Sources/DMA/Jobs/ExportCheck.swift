// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol

/// Finds out before any cartridge is moved that a directory is not exported. Only a server of our own kind lists all of
/// what it exports as file systems; others are asked by starting the job.
enum ExportCheck {
    private static let ownProduct = "capstan"

    static func check(_ path: String, writing: Bool, on server: any NDMPCaller) throws {
        // A connection that is of no use any more shows with the next request.
        guard let product = try? server.serverInfo().productName.text.lowercased(), product.contains(ownProduct) else {
            return
        }
        let exports = try server.fileSystemInfo()
        let holding = exports.filter { isBelow(path, $0.logicalDevice.text) }
        guard let best = holding.max(by: { $0.logicalDevice.bytes.count < $1.logicalDevice.bytes.count }) else {
            let list = exports.map(\.logicalDevice.text).joined(separator: ", ")
            throw DMAError(
                .refused,
                "\(path) is not exported by \(server.server), which exports \(list.isEmpty ? "nothing" : list)",
                hint: "`capstan ndmp set exports=/DIR[:ro],…` says what may be backed up and restored to"
            )
        }
        let recovery = best.environment.last { $0.name.text == "AVAILABLE_RECOVERY" }?.value
        guard !writing || recovery?.isEmpty != true else {
            throw DMAError(
                .refused,
                "\(best.logicalDevice.text) is exported read-only by \(server.server), so nothing can be restored to it",
                hint: "`capstan ndmp set exports=\(best.logicalDevice.text),…` makes it writable"
            )
        }
    }

    static func isBelow(_ path: String, _ root: String) -> Bool {
        root == "/" || path == root || path.hasPrefix(root.hasSuffix("/") ? root : root + "/")
    }
}
