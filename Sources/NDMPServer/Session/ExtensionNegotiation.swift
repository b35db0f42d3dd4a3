// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

/// The order of CONFIG_GET_EXT_LIST and CONFIG_SET_EXT_LIST. None are offered, so none can be selected. NDMP v4 draft,
/// extension negotiation.
struct ExtensionNegotiation: Equatable, Sendable {
    private var hasBeenTold = false
    private var isSettled = false

    mutating func list() -> ConfigGetExtensionListReply {
        hasBeenTold = true
        return ConfigGetExtensionListReply()
    }

    /// A list that is refused selects nothing, and another may follow.
    mutating func select(_ extensions: [SelectedExtension]) -> NDMPError {
        guard hasBeenTold else { return .precondition }
        guard !isSettled else { return .extensionNegotiationTooLate }
        guard Set(extensions.map(\.classID)).count == extensions.count else { return .duplicateExtensionClasses }
        guard extensions.isEmpty else { return .classNotSupported }
        isSettled = true
        return .noError
    }
}
