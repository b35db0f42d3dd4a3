// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// `GET /v1/ndmp/sessions`: one connection of a backup program.
package struct SessionReport: Codable, Sendable, Equatable {
    package var id: UInt64
    /// Address and port of the peer.
    package var peer: String
    /// Protocol version spoken, 2 … 4; nil before CONNECT_OPEN.
    package var protocolVersion: Int?
    package var user: String?
    /// Devices that the session holds open.
    package var devices: [String]
    /// Mover state in the protocol's word, e.g. `ACTIVE`; nil before there is one.
    package var mover: String?
    /// Bytes that the session's mover has moved.
    package var bytesMoved: UInt64
    /// State of the data service in the protocol's word, e.g. `ACTIVE`.
    package var data: String?
    /// What the data service does: `BACKUP`, `RECOVER` or `RECOVER_FILEHIST`; nil when nothing.
    package var dataOperation: String?
    /// Bytes of the backup stream that the data service has sent or received.
    package var dataBytes: UInt64
    /// Files that it has told of so far.
    package var dataFiles: UInt64
    /// Of the mover or of the data service, whichever is faster.
    package var bytesPerSecond: UInt64
    package var ageSeconds: UInt64

    package init(
        id: UInt64,
        peer: String,
        protocolVersion: Int?,
        user: String?,
        devices: [String],
        mover: String?,
        bytesMoved: UInt64,
        data: String? = nil,
        dataOperation: String? = nil,
        dataBytes: UInt64 = 0,
        dataFiles: UInt64 = 0,
        bytesPerSecond: UInt64,
        ageSeconds: UInt64
    ) {
        self.id = id
        self.peer = peer
        self.protocolVersion = protocolVersion
        self.user = user
        self.devices = devices
        self.mover = mover
        self.bytesMoved = bytesMoved
        self.data = data
        self.dataOperation = dataOperation
        self.dataBytes = dataBytes
        self.dataFiles = dataFiles
        self.bytesPerSecond = bytesPerSecond
        self.ageSeconds = ageSeconds
    }
}

package struct SessionList: Codable, Sendable, Equatable {
    package var sessions: [SessionReport]

    package init(sessions: [SessionReport]) { self.sessions = sessions }
}

/// One line of a streamed answer to `POST /v1/cartridges/BARCODE/verify`.
package struct VerifyLine: Codable, Sendable, Equatable {
    package var barcode: String
    package var bytesDone: UInt64
    package var bytesTotal: UInt64
    package var recordsDone: UInt64
    /// Present in the last line only.
    package var result: VerificationReport?

    package init(
        barcode: String,
        bytesDone: UInt64,
        bytesTotal: UInt64,
        recordsDone: UInt64,
        result: VerificationReport? = nil
    ) {
        self.barcode = barcode
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.recordsDone = recordsDone
        self.result = result
    }
}

/// What verifying a cartridge found.
package struct VerificationReport: Codable, Sendable, Equatable {
    package var barcode: String
    package var records: UInt64
    package var filemarks: UInt64
    package var bytes: UInt64
    /// One sentence per damaged place; empty when the cartridge is sound.
    package var problems: [String]
    /// True when more problems were found than are listed.
    package var problemsCut: Bool

    package init(
        barcode: String,
        records: UInt64,
        filemarks: UInt64,
        bytes: UInt64,
        problems: [String],
        problemsCut: Bool
    ) {
        self.barcode = barcode
        self.records = records
        self.filemarks = filemarks
        self.bytes = bytes
        self.problems = problems
        self.problemsCut = problemsCut
    }
}

/// One line of `GET /v1/events`.
package struct EventLine: Codable, Sendable, Equatable {
    package var sequence: UInt64
    /// Milliseconds since 1970 by the library's clock.
    package var time: UInt64
    package var kind: String
    package var text: String

    package init(sequence: UInt64, time: UInt64, kind: String, text: String) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
        self.text = text
    }
}
