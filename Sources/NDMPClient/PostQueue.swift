// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Posts that nobody has asked for yet, undecoded, in the order they came. Bounded in number and bytes.
struct PostQueue {
    private var messages: [[UInt8]] = []
    private var head = 0
    private var bytes = 0

    var isEmpty: Bool { head == messages.count }

    /// - Returns: false when the queue is full; nothing was added.
    mutating func append(_ message: [UInt8]) -> Bool {
        guard messages.count - head < NDMPClientLimits.queuedPosts,
            bytes + message.count <= NDMPClientLimits.queuedPostBytes
        else { return false }
        bytes += message.count
        messages.append(message)
        return true
    }

    mutating func popFirst() -> [UInt8]? {
        guard head < messages.count else { return nil }
        let message = messages[head]
        messages[head] = []
        bytes -= message.count
        head += 1
        // Room is given back when half of it is used up: each post is moved once at most.
        if head * 2 >= messages.count {
            messages.removeFirst(head)
            head = 0
        }
        return message
    }
}
