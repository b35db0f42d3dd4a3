// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Tells what an image is from its contents, and from its name only where the contents may be several things.
enum ImageRecogniser {
    static func format(of path: String, on disk: any Disk) throws(ImageError) -> ImageFormat {
        .tap
    }
}
