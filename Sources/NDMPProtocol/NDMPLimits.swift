// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// How much one message may hold. A message that says it holds more is not decoded.
package enum NDMPLimits {
    /// The largest tape record (16 MiB) and room for the fields around it.
    package static let messageBytes = (16 << 20) + (64 << 10)
    /// The same for a client that has not proven who it is: no message that it may send needs more.
    package static let messageBytesBeforeAuthentication = 64 << 10
    /// Fragments of one message. Peers cut at about 4,000 bytes, so that the largest message has 4,200.
    package static let messageFragments = 16_384
    package static let deviceNameBytes = 1024
    /// User names and passwords.
    package static let credentialBytes = 256
    /// Texts for people: host and product names, log entries, reasons.
    package static let textBytes = 16 << 10
    package static let pathBytes = 16 << 10
    package static let variableNameBytes = 1024
    /// File lists and exclude patterns travel in one variable.
    package static let variableValueBytes = 64 << 10
    /// Variables of one environment: what the reference client can send.
    package static let variables = 1024
    /// The same when a server gives the environment back, with what it has found out.
    package static let returnedVariables = variables + 16
    /// Names of one recover list: what the reference client can send.
    package static let recoverNames = 10_240
    package static let authTypes = 16
    package static let addressTypes = 16
    /// Addresses of one data connection.
    package static let addresses = 64
    package static let backupTypes = 64
    package static let fileSystems = 4096
    package static let devices = 4096
    package static let namesPerDevice = 64
    package static let extensions = 256
    package static let extensionVersions = 64
    /// SPC-5 4.5: descriptor format sense data holds at most 252 bytes.
    package static let senseBytes = 252
    /// Opaque address of an inter-process connection.
    package static let ipcAddressBytes = 1024
    package static let fileHistoryEntries = 16_384
    /// Names or attribute sets of one file: one per name space.
    package static let namesPerFile = 16
    package static let challengeBytes = 64
    package static let digestBytes = 16
}
