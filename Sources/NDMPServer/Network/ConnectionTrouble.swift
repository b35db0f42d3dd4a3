// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Sockets

/// Sentences for data connections that did not come about: where, what happened, and what to look at.
enum ConnectionTrouble {
    static func nobodyConnected(to address: String, withinSeconds seconds: Int) -> String {
        "nobody connected to \(address) within \(seconds) s; the peer may not know the way to this address, or a "
            + "firewall drops or rejects what comes to this port"
    }

    /// - Parameter seconds: how long the attempt took at most.
    static func cannotConnect(to address: String, code: Int32, seconds: Int) -> String {
        let start = "cannot open the data connection to \(address): "
        switch code {
        case ECONNREFUSED:
            return start + "refused; nobody listens on this port there, or a firewall rejects it"
        case ETIMEDOUT:
            return start + "no answer within \(seconds) s; a firewall drops the packets, or the address is not "
                + "reachable from here"
        case EHOSTUNREACH, ENETUNREACH, EACCES, EPERM:
            return start + "\(NetworkError.reason(code).lowercased()); no route leads there, or a firewall rejects it"
        case ECANCELED:
            return start + "the attempt was called off"
        default:
            return start + NetworkError.reason(code).lowercased()
        }
    }

    static func portTaken(_ port: UInt16, of range: ClosedRange<UInt16>) -> String {
        "port \(port) is taken by another program, and the policy for the ports \(text(range)) is to fail then"
    }

    static func allPortsTaken(_ range: ClosedRange<UInt16>) -> String {
        "all ports of the range \(text(range)) are taken; make it larger, or end what uses them"
    }

    static func text(_ range: ClosedRange<UInt16>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
}
