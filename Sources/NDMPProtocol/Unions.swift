// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// How a client proves who it is. Body of CONNECT_CLIENT_AUTH.
package enum AuthData: XDRStruct, Equatable {
    case none
    case text(user: XDRString, password: XDRString)
    /// The digest of `MD5Challenge.digestInput`.
    case md5(user: XDRString, digest: [UInt8])
    /// A method that no version has: to be answered with ILLEGAL_ARGS. What follows the type is not read.
    case unknown(AuthType)

    package init() {
        self = .none
    }

    package var type: AuthType {
        switch self {
        case .none: .none
        case .text: .text
        case .md5: .md5
        case .unknown(let type): type
        }
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        var type = type
        try pass.discriminant(&type, "auth_type")
        var user = XDRString()
        switch type {
        case .none:
            self = .none
        case .text:
            var password = XDRString()
            if case .text(let knownUser, let knownPassword) = self { (user, password) = (knownUser, knownPassword) }
            try pass.string(&user, limit: NDMPLimits.credentialBytes, "auth_id")
            try pass.string(&password, limit: NDMPLimits.credentialBytes, secret: true, "auth_password")
            self = .text(user: user, password: password)
        case .md5:
            var digest: [UInt8] = []
            if case .md5(let knownUser, let knownDigest) = self { (user, digest) = (knownUser, knownDigest) }
            try pass.string(&user, limit: NDMPLimits.credentialBytes, "auth_id")
            try pass.fixedOpaque(&digest, count: NDMPLimits.digestBytes, "auth_digest")
            self = .md5(user: user, digest: digest)
        default:
            self = .unknown(type)
        }
    }
}

/// What a server gives a client to prove itself with. Body of CONFIG_GET_AUTH_ATTR's reply.
package enum AuthChallenge: XDRStruct, Equatable {
    case none
    case text
    /// 64 unpredictable bytes.
    case md5(challenge: [UInt8])
    case unknown(AuthType)

    package init() {
        self = .none
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        var type: AuthType
        var challenge: [UInt8] = []
        switch self {
        case .none: type = .none
        case .text: type = .text
        case .md5(let known): (type, challenge) = (.md5, known)
        case .unknown(let known): type = known
        }
        try pass.discriminant(&type, "auth_type")
        switch type {
        case .none: self = .none
        case .text: self = .text
        case .md5:
            try pass.fixedOpaque(&challenge, count: NDMPLimits.challengeBytes, "challenge")
            self = .md5(challenge: challenge)
        default: self = .unknown(type)
        }
    }
}

/// One IPv4 end point. `environment` is there in v4 only.
package struct TCPAddress: XDRStruct, Equatable {
    /// 0x7f000001 is 127.0.0.1.
    package var ip: UInt32 = 0
    package var port: UInt16 = 0
    package var environment: [NDMPVariable] = []

    package init() {}

    package init(ip: UInt32, port: UInt16, environment: [NDMPVariable] = []) {
        self.ip = ip
        self.port = port
        self.environment = environment
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&ip, "ip_addr")
        try pass.u16(&port, "port")
        if pass.version >= 4 { try pass.array(&environment, limit: NDMPLimits.variables, "addr_env") }
    }
}

/// Where the other end of a data connection is.
package enum DataAddress: XDRStruct, Equatable {
    /// Inside this session.
    case local
    /// Best address first. v2 and v3 carry exactly one: the writer sends the first.
    case tcp([TCPAddress])
    /// v3 only.
    case fibreChannel(loopID: UInt32)
    /// Since v3.
    case ipc([UInt8])
    /// A type that this version does not have: to be answered with ILLEGAL_ARGS. What follows is not read.
    case unknown(AddressType)

    package init() {
        self = .local
    }

    package static func tcp(ip: UInt32, port: UInt16) -> DataAddress {
        .tcp([TCPAddress(ip: ip, port: port)])
    }

    package var type: AddressType {
        switch self {
        case .local: .local
        case .tcp: .tcp
        case .fibreChannel: .fibreChannel
        case .ipc: .ipc
        case .unknown(let type): type
        }
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        var type = type
        try pass.discriminant(&type, "addr_type")
        switch type {
        case .local:
            self = .local
        case .tcp:
            var addresses: [TCPAddress] = []
            if case .tcp(let known) = self { addresses = known }
            if pass.version >= 4 {
                try pass.array(&addresses, limit: NDMPLimits.addresses, "tcp_addr")
            } else {
                var only = addresses.first ?? TCPAddress()
                try only.fields(&pass)
                addresses = [only]
            }
            self = .tcp(addresses)
        case .fibreChannel where pass.version == 3:
            var loopID: UInt32 = 0
            if case .fibreChannel(let known) = self { loopID = known }
            try pass.u32(&loopID, "loop_id")
            self = .fibreChannel(loopID: loopID)
        case .ipc where pass.version >= 3:
            var bytes: [UInt8] = []
            if case .ipc(let known) = self { bytes = known }
            try pass.opaque(&bytes, limit: NDMPLimits.ipcAddressBytes, "comm_data")
            self = .ipc(bytes)
        default:
            self = .unknown(type)
        }
    }
}

/// The name of a file in one name space. Types above OTHER are laid out like OTHER.
package enum FileName: XDRStruct, Equatable {
    case unix(XDRString)
    case nt(path: XDRString, dosPath: XDRString)
    case other(FileSystemType, XDRString)

    package init() {
        self = .unix(XDRString())
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        var type: FileSystemType
        var path: XDRString
        var dosPath = XDRString()
        switch self {
        case .unix(let known): (type, path) = (.unix, known)
        case .nt(let known, let knownDOS): (type, path, dosPath) = (.nt, known, knownDOS)
        case .other(let knownType, let known): (type, path) = (knownType, known)
        }
        try pass.discriminant(&type, "fs_type")
        try pass.string(&path, limit: NDMPLimits.pathBytes, type == .nt ? "nt_path" : "path")
        switch type {
        case .unix:
            self = .unix(path)
        case .nt:
            try pass.string(&dosPath, limit: NDMPLimits.pathBytes, "dos_path")
            self = .nt(path: path, dosPath: dosPath)
        default:
            self = .other(type, path)
        }
    }
}
