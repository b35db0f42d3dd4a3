// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SCSI
import TapeLibrary

extension FileError {
    /// errno of a CHECK CONDITION, as the kernel's tape driver has it: nearly everything is EIO.
    init(_ condition: CheckCondition, of drive: String) {
        let sense = condition.sense
        let code: Int32
        switch sense.key {
        case .volumeOverflow: code = ENOSPC
        case .notReady where sense.additional == .mediumNotPresent: code = ENOMEDIUM
        default: code = EIO
        }
        self.init(code, "\(drive) reported \(Self.words(for: sense))")
    }

    init(_ busy: DeviceBusy) {
        self.init(EBUSY, busy.sentence)
    }

    private static func words(for sense: SenseData) -> String {
        switch (sense.key, sense.additional) {
        case (.volumeOverflow, _): return "the end of the medium"
        case (.dataProtect, .wormOverwrite): return "a WORM medium that has data here"
        case (.dataProtect, _): return "a write-protected medium"
        case (.illegalRequest, .mediumRemovalPrevented): return "that removal of the medium is prevented"
        case (.mediumError, .unrecoveredReadError): return "a damaged record"
        default:
            let code = [sense.key.rawValue, sense.additional.code, sense.additional.qualifier].map {
                ($0 < 16 ? "0" : "") + String($0, radix: 16)
            }
            return "sense \(code.joined(separator: "/"))"
        }
    }
}
