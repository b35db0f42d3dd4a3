// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI

/// What the driver sets in the drive, by MODE SENSE(6) and MODE SELECT(6) as the kernel's does, so that the drive's own
/// checks hold and other initiators are told.
extension TapeState {
    /// Mode parameter header and block descriptor, in the two forms that MODE SELECT wants.
    struct BlockDescriptor {
        var bufferedMode: UInt8
        var density: UInt8
        var blockLength: UInt32

        /// From MODE SENSE(6): 4 bytes of header, 8 of descriptor.
        init?(_ bytes: [UInt8]) {
            guard bytes.count >= 12, bytes[3] >= 8 else { return nil }
            bufferedMode = bytes[2] >> 4 & 0x07
            density = bytes[4]
            blockLength = UInt32(bytes[9]) << 16 | UInt32(bytes[10]) << 8 | UInt32(bytes[11])
        }

        var encoded: [UInt8] {
            [0, 0, bufferedMode << 4, 8, density, 0, 0, 0, 0] + TapeState.bytes24(Int64(blockLength))
        }
    }

    /// Changes something of the block descriptor, nothing else.
    func select(on drive: TapeDrive, _ change: (inout BlockDescriptor) -> Void) throws(FileError) {
        // Any page will do: only what is in front of it counts.
        let present = try command([0x1A, 0, 0x0A, 0, 12, 0], limit: 12, on: drive)
        guard var descriptor = BlockDescriptor(present) else {
            throw FileError(EIO, "\(driveName) reports no block descriptor")
        }
        change(&descriptor)
        try command([0x15, 0x10, 0, 0, 12, 0], data: descriptor.encoded, on: drive)
    }

    func setCompression(_ isOn: Bool, on drive: TapeDrive) throws(FileError) {
        try selectPage(0x0F, on: drive) { page in
            // DCE
            page[2] = isOn ? page[2] | 0x80 : page[2] & 0x7F
        }
    }

    /// Changes a mode page: `change` gets it from its first byte on, at least 12 bytes.
    private func selectPage(_ code: UInt8, on drive: TapeDrive, _ change: (inout [UInt8]) -> Void) throws(FileError) {
        let present = try command([0x1A, 0x08, code, 0, 0xFF, 0], limit: 0xFF, on: drive)
        guard present.count >= 16 else { throw FileError(EIO, "\(driveName) has no mode page \(code)") }
        var page = Array(present[4...])
        change(&page)
        let list = [0, 0, present[2] & 0x7F, 0] + page
        guard let length = UInt8(exactly: list.count) else { throw FileError(EIO, "\(driveName): page \(code)") }
        try command([0x15, 0x10, 0, 0, length, 0], data: list, on: drive)
    }

    /// Medium partition page: one additional partition. Sizes are in MB, or in GB where they do not fit.
    func selectTwoPartitions(_ megabytes: Int32, on drive: TapeDrive) throws(FileError) {
        var size = megabytes.magnitude
        let inGigabytes = size >= 65_535
        if inGigabytes { size /= 1000 }
        guard size > 0, size < 65_535 else { throw FileError(EINVAL, "\(megabytes) MB is no size of a partition") }
        let named = [UInt8(size >> 8), UInt8(size & 0xFF)]
        let rest: [UInt8] = [0xFF, 0xFF]
        try selectPage(0x11, on: drive) { page in
            page[3] = 1
            // IDP, and PSUM: 2 is MB, 3 is in units of ten to the power of PARTITION UNITS.
            page[4] = 0x20 | (inGigabytes ? 0x18 : 0x10) | page[4] & 0x07
            page[6] = inGigabytes ? 9 : 0
            page.replaceSubrange(8..<12, with: megabytes > 0 ? rest + named : named + rest)
            for index in 12..<page.count {
                page[index] = 0
            }
        }
    }

    /// MTSETDRVBUFFER.
    mutating func setOptions(_ argument: Int32, on drive: TapeDrive, isPrivileged: Bool) throws(FileError) {
        guard isPrivileged else {
            throw FileError(EPERM, "the options of \(driveName) are for the superuser to change")
        }
        guard let change = TapeOptions.change(UInt32(bitPattern: argument)) else {
            throw FileError(EIO, "MTSETDRVBUFFER has no option \(argument)")
        }
        switch change {
        case .set(let wanted): options = wanted
        case .add(let wanted): options.formUnion(wanted)
        case .remove(let unwanted): options.subtract(unwanted)
        case .driveBuffer(let mode), .defaultDriveBuffer(let mode): try select(on: drive) { $0.bufferedMode = mode }
        case .defaultBlockLength(let length):
            guard length <= UInt32(TapeDrive.maximumBlockLength) else {
                throw FileError(EINVAL, "\(driveName) has no blocks of \(length) bytes")
            }
            try select(on: drive) { $0.blockLength = length }
        case .defaultDensity(let code): try select(on: drive) { $0.density = code }
        case .defaultCompression(let isOn): try setCompression(isOn, on: drive)
        case .withoutEffect: break
        }
    }
}
