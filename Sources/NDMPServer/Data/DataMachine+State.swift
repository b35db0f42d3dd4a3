// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

extension DataMachine.State {
    /// The word for the state on the wire.
    var wire: DataState {
        switch self {
        case .idle, .connecting: .idle
        case .listen: .listen
        case .connected: .connected
        case .active: .active
        case .halted: .halted
        }
    }

    var address: DataAddress? {
        switch self {
        case .idle, .connecting: nil
        case .listen(let address), .connected(let address), .active(let address, _), .halted(let address, _, _):
            address
        }
    }

    var operation: DataOperation {
        switch self {
        case .idle, .connecting, .listen, .connected: .noAction
        case .active(_, let operation), .halted(_, let operation, _): operation
        }
    }

    var haltReason: DataHaltReason {
        if case .halted(_, _, let reason) = self { reason } else { .notApplicable }
    }

    /// A job has run: its environment can be asked for.
    var hasEnvironment: Bool {
        switch self {
        case .active, .halted: true
        case .idle, .connecting, .listen, .connected: false
        }
    }
}
