// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// CONNECT: version and authentication.
extension Session {
    func handleConnect(_ request: Request) {
        switch request.code {
        case .connectOpen:
            guard let body = decode(request, as: ConnectOpenRequest.self) else { return }
            let error = machine.open(version: body.protocolVersion)
            mover.version = version
            data.version = version
            handle.updateStatus { $0.version = machine.agreedVersion }
            reply(request, error: error)
        case .connectClientAuth:
            guard let body = decode(request, as: ConnectClientAuthRequest.self) else { return }
            authenticate(request, body.auth)
        default:
            // CONNECT_SERVER_AUTH is optional.
            refuse(request.header, .notSupported)
        }
    }

    private func authenticate(_ request: Request, _ auth: AuthData) {
        let error = machine.authenticate(auth)
        if error == .noError {
            handle.updateStatus { $0.user = machine.user?.text }
        } else {
            context.logger.notice("\(nexus.name): authentication \(auth.type.text) refused")
        }
        reply(request, error: error)
        if machine.isWornOut { isOver = true }
    }
}
