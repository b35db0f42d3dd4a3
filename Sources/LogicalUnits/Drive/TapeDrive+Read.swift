// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SCSI

extension TapeDrive {
    /// Reads the next record into `bytes`; a longer one is cut there, but the position is behind it.
    ///
    /// - Throws: 3/11/00 for a damaged record (INFORMATION: the bytes asked for), the position stays before it.
    package func read(into bytes: inout MutableSpan<UInt8>) throws(CheckCondition) -> ReadOutcome {
        let cartridge = try requireReady().cartridge
        let wanted = bytes.count
        do throws(CartridgeError) {
            switch try cartridge.object(at: block, partition: partition) {
            case nil:
                return .endOfData
            case .filemark:
                block += 1
                return .filemark
            case .record:
                let length = try cartridge.readRecord(at: block, partition: partition, into: &bytes)
                block += 1
                counters.read(records: 1, bytes: length)
                return .record(length: length)
            }
        } catch {
            throw failedRead(error, residual: wanted)
        }
    }

    /// What lies at the position: nil at the end of data.
    package func nextObject() throws(CheckCondition) -> TapeObject? {
        let cartridge = try requireReady().cartridge
        do throws(CartridgeError) {
            return try cartridge.object(at: block, partition: partition)
        } catch {
            throw failedRead(error, residual: 0)
        }
    }

    /// The mover's way out: sends records of one length to a socket, each verified before its first byte leaves. The
    /// position moves over every record that was sent whole; continue one that was not with `skippingBytes`.
    ///
    /// - Throws: 3/11/00 for a damaged record, the position is before it; 4/44/00 when the socket fails, because the
    ///   tape is not to blame.
    package func send(
        skippingBytes: Int = 0,
        maximumBytes: Int,
        toSocket socket: Int32,
        verifyBuffer: AlignedBuffer
    ) throws(CheckCondition) -> SentRecords {
        let cartridge = try requireReady().cartridge
        do throws(CartridgeError) {
            let sent = try cartridge.sendRecords(
                from: block,
                skippingBytes: skippingBytes,
                partition: partition,
                maximumBytes: maximumBytes,
                toSocket: socket,
                verifyBuffer: verifyBuffer
            )
            block += UInt64(sent.records)
            counters.read(records: sent.records, bytes: sent.bytes)
            return sent
        } catch .connection {
            throw CheckCondition(.hardwareError, .internalTargetFailure)
        } catch {
            throw failedRead(error, residual: maximumBytes)
        }
    }

    /// Passes over a filemark when one comes next.
    ///
    /// - Returns: false when something else comes next; the position is unchanged then.
    package func skipFilemark() throws(CheckCondition) -> Bool {
        guard case .filemark = try nextObject() else { return false }
        block += 1
        return true
    }

    func failedRead(_ error: CartridgeError, residual: Int) -> CheckCondition {
        if error != .closed {
            counters.failedToRead()
            alerts.raise(.readFailure)
        }
        return error.whileReading(residual: residual)
    }
}
