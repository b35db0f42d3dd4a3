// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Cartridge {
    /// What a cartridge says about itself, without opening payload or index: also safe while a drive has it.
    package static func describe(
        _ directory: String,
        on disk: any Disk
    ) throws(CartridgeError) -> CartridgeMetadata {
        try MetadataFile.read(in: directory, on: disk)
    }
}
