// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// What the system knows of the file system that a directory lies on.
struct FileSystemInformation: Equatable {
    var type = "unknown"
    /// Device, or what stands in its place in the list of mounts.
    var device = ""
    var totalBytes: UInt64 = 0
    var usedBytes: UInt64 = 0
    var availableBytes: UInt64 = 0
    var totalInodes: UInt64 = 0
    var usedInodes: UInt64 = 0
    /// Why the directory cannot be looked at; empty when it can.
    var trouble = ""

    var isOnline: Bool { trouble.isEmpty }
    var isLocal: Bool { !["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "9p"].contains(type) }

    init(path: String) {
        var answer = statvfs()
        guard unsafe statvfs(path, &answer) == 0 else {
            trouble = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unreachable"
            return
        }
        let unit = UInt64(answer.f_frsize)
        totalBytes = UInt64(answer.f_blocks).multipliedReportingOverflow(by: unit).partialValue
        usedBytes =
            (UInt64(answer.f_blocks) &- UInt64(answer.f_bfree)).multipliedReportingOverflow(by: unit).partialValue
        availableBytes = UInt64(answer.f_bavail).multipliedReportingOverflow(by: unit).partialValue
        totalInodes = UInt64(answer.f_files)
        usedInodes = UInt64(answer.f_files) &- UInt64(answer.f_ffree)
        guard let mount = Self.mount(holding: path, in: Self.mountTable()) else { return }
        type = mount.type
        device = mount.device
    }

    /// The mount with the longest name that holds the path; of two with one name the later, which hides the other.
    static func mount(holding path: String, in table: String) -> (device: String, type: String)? {
        var best: (length: Int, device: String, type: String)?
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 3 else { continue }
            let place = unescaped(words[1])
            guard place == "/" || path == place || path.hasPrefix(place + "/") else { continue }
            if best.map({ $0.length <= place.utf8.count }) ?? true {
                best = (place.utf8.count, unescaped(words[0]), String(words[2]))
            }
        }
        return best.map { ($0.device, $0.type) }
    }

    /// Blanks, tabs, line feeds and backslashes are written in octal there.
    private static func unescaped(_ word: Substring) -> String {
        guard word.contains("\\") else { return String(word) }
        var bytes: [UInt8] = []
        var rest = Array(word.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// More than any table of mounts has.
    private static let maximumTableBytes = 1 << 20

    private static func mountTable() -> String {
        let descriptor = unsafe open("/proc/self/mounts", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumTableBytes)
        var fill = 0
        while fill < bytes.count {
            // The call writes at most the room that is left.
            let count = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe read(descriptor, room.baseAddress.map { unsafe $0 + fill }, room.count - fill)
            }
            guard count > 0 else { break }
            fill += count
        }
        return String(decoding: bytes[..<fill], as: UTF8.self)
    }
}
