// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Sockets

/// Waiting for the one peer of a data port.
enum DataAccept {
    enum Outcome {
        case peer(Socket)
        case failed(String)
        /// Whoever listened does not want it any more.
        case ended
    }

    /// Exactly one peer: the listener is closed as soon as it is there.
    ///
    /// - Parameters:
    ///   - name: the address as the peer was told it.
    ///   - timeoutSeconds: 0 waits for ever.
    ///   - wakeUp: signalled when `isEnded` has become true.
    static func accept(
        _ listener: Socket,
        name: String,
        timeoutSeconds: Int,
        _ wakeUp: WakeUp,
        _ isEnded: () -> Bool
    ) -> Outcome {
        let deadline = timeoutSeconds > 0 ? MonotonicClock.milliseconds() + UInt64(timeoutSeconds) * 1000 : nil
        while true {
            let left = deadline.map { Int($0) - Int(MonotonicClock.milliseconds()) }
            if let left, left <= 0 {
                listener.shutdown()
                return .failed(ConnectionTrouble.nobodyConnected(to: name, withinSeconds: timeoutSeconds))
            }
            _ = Poll.wait(
                [Poll.Interest(listener.descriptor, .readable), Poll.Interest(wakeUp.descriptor, .readable)],
                timeoutMilliseconds: left ?? -1
            )
            // In this order: an end that comes in between is seen in the next round.
            wakeUp.clear()
            if isEnded() { return .ended }
            do throws(NetworkError) {
                guard let socket = try listener.acceptOnly() else { continue }
                return .peer(socket)
            } catch {
                return .failed(error.description)
            }
        }
    }
}
