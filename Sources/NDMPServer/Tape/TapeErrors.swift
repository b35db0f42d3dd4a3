// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI

/// NDMP's words for what a drive reports.
enum TapeErrors {
    /// A sentence for LOG_MESSAGE and halt texts.
    static func text(_ sense: SenseData) -> String {
        let code = [sense.key.rawValue, sense.additional.code, sense.additional.qualifier].map {
            String($0 < 16 ? "0" : "") + String($0, radix: 16)
        }
        return "the drive reported sense \(code.joined(separator: "/"))"
    }

    /// The error of a TAPE request that the drive refused.
    static func error(for sense: SenseData) -> NDMPError {
        switch sense.key {
        case .dataProtect: .writeProtected
        case .volumeOverflow: .io
        case .notReady: .noTapeLoaded
        case .blankCheck: .endOfMedium
        case .illegalRequest where sense.additional == .mediumRemovalPrevented: .permission
        case .illegalRequest: .illegalArguments
        default: .io
        }
    }
}
