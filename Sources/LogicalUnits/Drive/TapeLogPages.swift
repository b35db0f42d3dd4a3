// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI
import WireFormat

/// One parameter of a log page (SPC-4 7.3).
struct LogParameter {
    /// FORMAT AND LINKING with DU and the like: counters that LOG SELECT may reset, and lists.
    enum Control: UInt8 {
        case counter = 0x00
        case binaryList = 0x03
        case asciiList = 0x01
    }

    let code: UInt16
    let control: Control
    let value: [UInt8]

    init(_ code: UInt16, _ value: UInt64, width: Int, _ control: Control = .counter) {
        var writer = ByteWriter(reservingCapacity: width)
        writer.unsigned(value, width: width)
        self.code = code
        self.control = control
        self.value = writer.bytes
    }

    init(_ code: UInt16, bytes: [UInt8], _ control: Control = .binaryList) {
        self.code = code
        self.control = control
        self.value = bytes
    }

    func append(to writer: inout ByteWriter) {
        writer.u16(code)
        writer.u8(control.rawValue)
        writer.u8(UInt8(value.count))
        writer.append(value)
    }
}

/// The log pages of the drive, ascending.
enum TapeLogPage: UInt8, CaseIterable {
    case supported = 0x00
    case writeErrors = 0x02
    case readErrors = 0x03
    case nonMediumErrors = 0x06
    case sequentialAccess = 0x0C
    case deviceStatus = 0x11
    case alertResponse = 0x12
    case volumeStatistics = 0x17
    case dataCompression = 0x1B
    case tapeAlert = 0x2E
    case tapeCapacity = 0x31

    var name: String {
        switch self {
        case .supported: "Supported log pages"
        case .writeErrors: "Write error counters"
        case .readErrors: "Read error counters"
        case .nonMediumErrors: "Non-medium errors"
        case .sequentialAccess: "Sequential access device"
        case .deviceStatus: "DT device status"
        case .alertResponse: "TapeAlert response"
        case .volumeStatistics: "Volume statistics"
        case .dataCompression: "Data compression"
        case .tapeAlert: "TapeAlert"
        case .tapeCapacity: "Tape capacity"
        }
    }
}

extension TapeDrive {
    private static let megabyte: UInt64 = 1_000_000
    private static let mebibyte: UInt64 = 1 << 20

    /// The parameters of a page, ascending by code; the list pages have none.
    func logParameters(_ page: TapeLogPage, for nexus: Nexus) -> [LogParameter] {
        switch page {
        case .supported: []
        case .writeErrors: errorCounters(bytes: counters.drive.bytesWritten, errors: counters.drive.writeErrors)
        case .readErrors: errorCounters(bytes: counters.drive.bytesRead, errors: counters.drive.readErrors)
        case .nonMediumErrors: [LogParameter(0, 0, width: 4)]
        case .sequentialAccess: sequentialAccessLog
        case .deviceStatus: deviceStatusLog
        case .alertResponse: [LogParameter(0, alerts.bitmap, width: 8, .binaryList)]
        case .volumeStatistics: volumeStatisticsLog
        case .dataCompression: dataCompressionLog
        case .tapeAlert: tapeAlertLog(for: nexus)
        case .tapeCapacity: tapeCapacityLog
        }
    }

    /// SPC-4 7.3.4 and 7.3.14.
    private func errorCounters(bytes: UInt64, errors: UInt64) -> [LogParameter] {
        (0...4).map { LogParameter($0, 0, width: 4) }
            + [LogParameter(5, bytes, width: 8), LogParameter(6, errors, width: 4)]
    }

    /// SSC-4 8.2.3; capacities in MB.
    private var sequentialAccessLog: [LogParameter] {
        let traffic = counters.drive
        var parameters = [
            LogParameter(0, traffic.bytesWritten, width: 8),
            LogParameter(1, traffic.bytesWritten, width: 8),
            LogParameter(2, traffic.bytesRead, width: 8),
            LogParameter(3, traffic.bytesRead, width: 8),
        ]
        if condition == .ready, let cartridge = loaded {
            let capacity = cartridge.capacity(partition)
            let warning = earlyWarningThreshold(cartridge, partition: partition)
            let before = (try? cartridge.bytesBefore(block, partition: partition)) ?? 0
            parameters += [
                LogParameter(4, cartridge.usedBytes(partition) / Self.megabyte, width: 4),
                LogParameter(5, warning / Self.megabyte, width: 4),
                LogParameter(6, (capacity - warning) / Self.megabyte, width: 4),
                LogParameter(7, before / Self.megabyte, width: 4),
            ]
        }
        return parameters + [LogParameter(0x0100, 0, width: 8)]
    }

    /// ADC-3 6.1.2: what the library would ask.
    private var deviceStatusLog: [LogParameter] {
        let isReady = condition == .ready
        let isPresent = medium != nil && condition != .ejected
        var first: UInt8 = 0x01
        if isRemovalPrevented { first |= 0x80 }
        if isPresent { first |= 0x20 }
        if modePages[TapeModePages.compressionEnabled] == 1 { first |= 0x10 }
        if isWriteProtected { first |= 0x08 }
        var second: UInt8 = 0x20
        if isPresent { second |= 0x10 | 0x04 }
        if isReady { second |= 0x02 | 0x01 }
        let fourth: UInt8 = alerts.raised.isEmpty ? 0 : 0x01
        return [
            LogParameter(0, bytes: [first, second, 0, fourth]),
            LogParameter(1, 1000, width: 2, .binaryList),
        ]
    }

    /// SSC-4 8.2.9, data is stored as it comes: the ratio is 1.
    private var dataCompressionLog: [LogParameter] {
        let traffic = counters.drive
        let (read, written) = (traffic.bytesRead, traffic.bytesWritten)
        return [
            LogParameter(0, 100, width: 2),
            LogParameter(1, 100, width: 2),
            LogParameter(2, read / Self.megabyte, width: 4),
            LogParameter(3, read % Self.megabyte, width: 4),
            LogParameter(4, read / Self.megabyte, width: 4),
            LogParameter(5, read % Self.megabyte, width: 4),
            LogParameter(6, written / Self.megabyte, width: 4),
            LogParameter(7, written % Self.megabyte, width: 4),
            LogParameter(8, written / Self.megabyte, width: 4),
            LogParameter(9, written % Self.megabyte, width: 4),
        ]
    }

    /// 64 flags, as this nexus has not seen them yet.
    private func tapeAlertLog(for nexus: Nexus) -> [LogParameter] {
        let visible = alerts.visible(to: nexus)
        return (1...UInt8(TapeAlerts.flagCount)).map {
            LogParameter(UInt16($0), visible.contains($0) ? 1 : 0, width: 1)
        }
    }

    /// MiB, four bytes each: remaining and maximum of partitions 0 and 1.
    private var tapeCapacityLog: [LogParameter] {
        let sizes = (0..<2).map { number -> (remaining: UInt64, maximum: UInt64) in
            guard condition == .ready, let cartridge = loaded, number < cartridge.partitionCount else {
                return (0, 0)
            }
            return (remainingBytes(cartridge, number), cartridge.capacity(number))
        }
        return [
            LogParameter(1, sizes[0].remaining / Self.mebibyte, width: 4),
            LogParameter(2, sizes[1].remaining / Self.mebibyte, width: 4),
            LogParameter(3, sizes[0].maximum / Self.mebibyte, width: 4),
            LogParameter(4, sizes[1].maximum / Self.mebibyte, width: 4),
        ]
    }

    func remainingBytes(_ cartridge: Cartridge, _ partition: Int) -> UInt64 {
        let (capacity, used) = (cartridge.capacity(partition), cartridge.usedBytes(partition))
        return capacity > used ? capacity - used : 0
    }

    // MARK: Volume statistics (SSC-4 8.2.10)

    private var volumeStatisticsLog: [LogParameter] {
        guard condition == .ready, let medium else {
            return [LogParameter(0, 0, width: 1, .binaryList)]
        }
        let cartridge = medium.cartridge
        let metadata = cartridge.metadata
        let load = counters.load
        let written = metadata.counters.bytesWritten + load.bytesWritten - counters.stored.bytesWritten
        let read = metadata.counters.bytesRead + load.bytesRead - counters.stored.bytesRead
        let used = (0..<cartridge.partitionCount).reduce(0) { $0 + cartridge.usedBytes($1) }
        var parameters = [
            LogParameter(0x0000, 1, width: 1, .binaryList),
            LogParameter(0x0001, metadata.counters.loadCount, width: 4),
            LogParameter(
                0x0002,
                metadata.counters.recordsWritten + load.recordsWritten - counters.stored.recordsWritten,
                width: 8
            ),
            LogParameter(0x0003, 0, width: 4),
            LogParameter(0x0004, metadata.counters.writeErrors, width: 2),
            LogParameter(0x0005, 0, width: 2),
            LogParameter(0x0006, 0, width: 2),
            LogParameter(
                0x0007,
                metadata.counters.recordsRead + load.recordsRead - counters.stored.recordsRead,
                width: 8
            ),
            LogParameter(0x0008, 0, width: 4),
            LogParameter(0x0009, metadata.counters.readErrors, width: 2),
            LogParameter(0x000C, load.writeErrors, width: 2),
            LogParameter(0x000D, load.readErrors, width: 2),
            LogParameter(0x000E, load.bytesWritten / Self.megabyte, width: 4),
            LogParameter(0x000F, load.bytesRead / Self.megabyte, width: 4),
            LogParameter(0x0010, written / Self.megabyte, width: 8),
            LogParameter(0x0011, read / Self.megabyte, width: 8),
            LogParameter(0x0016, metadata.capacity.rawValue / Self.megabyte, width: 4),
            LogParameter(0x0017, used / Self.megabyte, width: 4),
        ]
        parameters += volumeIdentity(metadata, medium)
        parameters += [
            LogParameter(0x0080, isWriteProtected ? 1 : 0, width: 1, .binaryList),
            LogParameter(0x0081, medium.isWORM ? 1 : 0, width: 1, .binaryList),
            LogParameter(0x0101, 0, width: 4),
            LogParameter(0x0102, 0, width: 4),
        ]
        let partitions = 0..<cartridge.partitionCount
        let perPartition: [(UInt16, [UInt64])] = [
            (0x0202, partitions.map { cartridge.capacity($0) }),
            (0x0203, partitions.map { cartridge.usedBytes($0) }),
            (0x0204, partitions.map { remainingBytes(cartridge, $0) }),
        ]
        return parameters + perPartition.map { LogParameter($0, bytes: Self.partitionRecords($1)) }
    }

    private func volumeIdentity(_ metadata: CartridgeMetadata, _ medium: LoadedMedium) -> [LogParameter] {
        var serial = ByteWriter()
        serial.ascii(metadata.identity.uppercased(), width: 32)
        var barcode = ByteWriter()
        barcode.ascii(metadata.barcode, width: 32)
        var manufacturer = ByteWriter()
        manufacturer.ascii("CAPSTAN", width: 8)
        var personality = ByteWriter()
        personality.ascii(medium.format?.densityName ?? "", width: 9)
        return [
            LogParameter(0x0040, bytes: serial.bytes, .asciiList),
            LogParameter(0x0042, bytes: barcode.bytes, .asciiList),
            LogParameter(0x0043, bytes: manufacturer.bytes, .asciiList),
            LogParameter(0x0045, bytes: personality.bytes, .asciiList),
        ]
    }

    /// One record of 8 bytes per partition; sizes in MB, and never 0 while anything is left.
    private static func partitionRecords(_ sizes: [UInt64]) -> [UInt8] {
        var writer = ByteWriter()
        for (partition, size) in sizes.enumerated() {
            writer.u8(7)
            writer.u8(0)
            writer.u16(UInt16(partition))
            writer.u32(UInt32(clamping: size == 0 ? 0 : max(1, size / megabyte)))
        }
        return writer.bytes
    }
}
