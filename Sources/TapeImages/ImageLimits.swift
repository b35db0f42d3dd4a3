// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges

/// Limits of tape images, each with its reason.
package enum ImageLimits {
    /// The longest record of a cartridge; no image may make us hold more.
    static let recordBytes = CartridgeLimits.recordBytes
    /// A read from, or a write to, an image file.
    static let bufferBytes = 256 << 10
    /// Objects that are looked at to tell what an image is.
    static let recognisedObjects = 64
    /// Notes in a report, so that a strange image does not fill the screen.
    package static let notes = 16
    /// Descriptions (JSON) of an image and of a stream: attributes of a whole medium fit.
    static let descriptionBytes = 1 << 20
    /// A line of an index that people may edit.
    static let lineBytes = 256
}
