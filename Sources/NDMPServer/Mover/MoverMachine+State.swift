// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

extension MoverMachine.State {
    /// The word for the state on the wire.
    var wire: MoverState {
        switch self {
        case .idle, .connecting: .idle
        case .listen: .listen
        case .active: .active
        case .paused: .paused
        case .halted: .halted
        }
    }

    var connection: MoverMachine.Connection? {
        switch self {
        case .idle, .connecting: nil
        case .listen(let connection), .active(let connection), .paused(let connection, _, _),
            .halted(let connection, _):
            connection
        }
    }

    var pauseReason: MoverPauseReason {
        if case .paused(_, let reason, _) = self { reason } else { .notApplicable }
    }

    var haltReason: MoverHaltReason {
        if case .halted(_, let reason) = self { reason } else { .notApplicable }
    }

    /// The mover has the tape: TAPE requests other than GET_STATE are refused.
    var holdsTape: Bool {
        switch self {
        case .connecting, .listen, .active: true
        case .idle, .paused, .halted: false
        }
    }
}
