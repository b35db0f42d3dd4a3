// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes SIMH images (`.tap`).
package final class SIMHWriter: ImageWriter {
    package private(set) var notes: [String] = []
    private let output: any ImageOutput
    private var small: [UInt8] = []

    package init(_ output: any ImageOutput) { self.output = output }

    package func write(_ object: ImageObject, _ bytes: [UInt8]) throws(ImageError) {
        switch object {
        case .record: try write(bytes, marker: UInt32(bytes.count))
        case .damagedRecord: try write(bytes, marker: SIMHMarker.badRecord | UInt32(bytes.count))
        case .filemark: try write(SIMHMarker.tapeMark)
        case .gap, .partition, .endOfMedium: break
        }
    }

    private func write(_ record: [UInt8], marker: UInt32) throws(ImageError) {
        try write(marker)
        try output.write(record)
        small.removeAll(keepingCapacity: true)
        if record.count % 2 == 1 { small.append(0) }
        small.appendLittleEndian(marker)
        try output.write(small)
    }

    private func write(_ word: UInt32) throws(ImageError) {
        small.removeAll(keepingCapacity: true)
        small.appendLittleEndian(word)
        try output.write(small)
    }

    package func finish() throws(ImageError) {
        try write(SIMHMarker.endOfMedium)
        try output.finish()
    }

    package func discard() { output.discard() }
}
