// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The rows of compressed tape files: what is in them is recognised and listed in its turn.
enum CompressedFormat {
    static let rows = Compression.allCases.map { compression in
        FormatRow(
            compression.rawValue,
            recognise: { (probe) throws(FormatError) in recognise(probe, compression) },
            open: { (request) throws(FormatError) in try open(request, compression) }
        )
    }

    private static func recognise(_ probe: FormatProbe, _ compression: Compression) -> Recognition? {
        guard probe.has(compression.signature), isPlausible(probe, compression) else { return nil }
        let inner = DecompressedBytes(probe.file, compression, limits: ContentLimits())
        let within = Recogniser.recognise(inner, nesting: probe.nesting + 1)
        var recognition = Recognition(
            format: compression.rawValue,
            title: "\(within?.title ?? "Data"), compressed with \(compression.rawValue)"
        )
        if let within, within.format != "unreadable" {
            recognition.facts = [.init("format inside", within.format)] + within.facts
            recognition.isBrowsable = within.isBrowsable
        }
        if within?.format == "unreadable" {
            recognition.title = "Data, compressed with \(compression.rawValue)"
        }
        recognition.problems = within?.problems ?? []
        return recognition
    }

    /// What stands behind the short signatures.
    private static func isPlausible(_ probe: FormatProbe, _ compression: Compression) -> Bool {
        switch compression {
        case .gzip: probe.head.count >= 18 && probe.head[3] & 0xE0 == 0
        case .bzip2:
            probe.head.count >= 10 && (0x31...0x39).contains(probe.head[3])
                && (probe.has([0x31, 0x41, 0x59, 0x26, 0x53, 0x59], at: 4)
                    || probe.has([0x17, 0x72, 0x45, 0x38, 0x50, 0x90], at: 4))
        // Bits of a code: 9 ... 16; two flags are unused.
        case .compress: probe.head.count >= 3 && (9...16).contains(probe.head[2] & 0x1F) && probe.head[2] & 0x60 == 0
        case .xz: probe.head.count >= 24 && windowFits(probe.head)
        default: true
        }
    }

    /// The dictionary that the first block of an xz file asks for (.xz format, 3.1 and 5.3.1): memory that its reader
    /// takes at once.
    private static func windowFits(_ head: [UInt8]) -> Bool {
        let flags = head[13]
        var at = 14
        for bit in [UInt8(0x40), 0x80] where flags & bit != 0 {
            while at < head.count, head[at] & 0x80 != 0 { at += 1 }
            at += 1
        }
        // LZMA2 as the first filter; others stand before it, and then the chain is looked through.
        while at + 2 < head.count, at < 12 + 1024 {
            let (id, size) = (head[at], Int(head[at + 1]))
            if id == 0x21 { return head[at + 2] <= maximumDictionary }
            guard id < 0x80, size < 0x80 else { return true }
            at += 2 + size
        }
        return true
    }

    /// 192 MiB; `xz -9` takes 64.
    private static let maximumDictionary: UInt8 = 33

    private static func open(
        _ request: ContentRequest,
        _ compression: Compression
    ) throws(FormatError) -> any ArchiveContents {
        let inner = DecompressedBytes(request.file, compression, limits: request.limits)
        guard let within = Recogniser.recognise(inner, nesting: request.nesting + 1) else {
            throw .opaque("what is compressed there is of no known format")
        }
        return try ArchiveOpener.contents(
            of: inner,
            recognised: within,
            limits: request.limits,
            nesting: request.nesting + 1
        )
    }
}
