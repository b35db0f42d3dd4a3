// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Console
import ManagementAPI

struct CartridgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cartridge",
        abstract: "Make, look into, check, label and exchange cartridges.",
        subcommands: [
            CartridgeCreateCommand.self, CartridgeListCommand.self, CartridgeShowCommand.self,
            CartridgeVerifyCommand.self, CartridgeLabelCommand.self, CartridgeProtectCommand.self,
            CartridgeExportCommand.self, CartridgeImportCommand.self, CartridgeDeleteCommand.self,
        ]
    )
}

struct CartridgeCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make empty cartridges and put them into free slots.",
        discussion: """
            Without barcodes the next free ones of the library's series are taken. The generation follows from the
            barcode's last two characters (L5 to L9, M8) unless --generation says another.
            """
    )

    @Argument(help: "Barcodes of the new cartridges.")
    var barcodes: [String] = []

    @Option(help: "How many to make when no barcode is given, 1 to 1000.")
    var count: Int?

    @Option(help: ArgumentHelp("Capacity such as 64MiB or 12TB; the generation's own by default.", valueName: "size"))
    var capacity: String?

    @Option(help: "LTO generation, 5 to 9, or M8.")
    var generation: String?

    @Flag(help: "Write-once cartridges.")
    var worm = false

    @Flag(help: "Cleaning cartridges.")
    var cleaning = false

    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard !(worm && cleaning) else { throw ValidationError("a cartridge is either --worm or --cleaning") }
        guard barcodes.isEmpty || count == nil else { throw ValidationError("give either barcodes or --count") }
        if let count, !(1...1000).contains(count) { throw ValidationError("--count is 1 to 1000") }
        _ = try capacityBytes()
        _ = try generationNumber()
    }

    func run() async throws {
        let request = CreateCartridgesRequest(
            barcodes: barcodes,
            count: count,
            capacityBytes: try capacityBytes(),
            generation: try generationNumber(),
            worm: worm,
            cleaning: cleaning
        )
        let list = try await options.client.send(.post, APIPath.cartridges, body: request, as: CartridgeList.self)
        try options.show(list) { CartridgeRows.lines($0.cartridges, $1) }
    }

    private func capacityBytes() throws -> UInt64? {
        guard let capacity else { return nil }
        guard let bytes = ByteSize.parse(capacity), bytes > 0 else {
            throw ValidationError("\"\(capacity)\" is no size; write 64MiB, 1.5GiB or 12TB")
        }
        return bytes
    }

    private func generationNumber() throws -> Int? {
        guard let generation else { return nil }
        switch generation.uppercased() {
        case "M8", "78": return 78
        case let text:
            let digits = text.hasPrefix("LTO-") ? text.dropFirst(4) : text.hasPrefix("L") ? text.dropFirst() : text[...]
            guard let number = Int(digits), (5...9).contains(number) else {
                throw ValidationError("\"\(generation)\" is no generation; write 5 to 9, or M8")
            }
            return number
        }
    }
}

struct CartridgeListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List all cartridges of a store.")

    @OptionGroup var source: StoreOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let list: CartridgeList
        if let store = source.store {
            list = try await OfflineStore.withStore(store) { store throws(APIError) in try store.list() }
        } else {
            list = try await options.client.get(APIPath.cartridges, as: CartridgeList.self)
        }
        try options.show(list) { CartridgeRows.lines($0.cartridges, $1) }
    }
}

struct CartridgeShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show all about one cartridge: a map of its tape files, use, attributes.",
        discussion: """
            The map lists every tape file with its first block, records, size, record sizes and what it was recognised \
            as, up to the last complete record: also while a drive is writing the cartridge. Files are counted from 0, \
            as mt does. Without --all it ends after the first 40 files, with --json after 1000; --from goes on from \
            there.
            """
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Flag(help: "All tape files, however many.")
    var all = false

    @Option(help: ArgumentHelp("The tape file to begin with.", valueName: "file"))
    var from: UInt64 = 0

    @OptionGroup var source: StoreOptions
    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard from <= UInt64(UInt32.max) else { throw ValidationError("--from is 0 to \(UInt32.max)") }
    }

    func run() async throws {
        let limit = options.output.json ? CartridgeReport.filesDefault : CartridgePage.filesShown
        var report = try await page(from: from, files: all ? CartridgeReport.filesLimit : limit)
        while all, let more = report.nextFile {
            report.append(try await page(from: more, files: CartridgeReport.filesLimit))
        }
        try options.show(report) { CartridgePage(report: $0, style: $1).lines() }
    }

    private func page(from first: UInt64, files limit: Int) async throws -> CartridgeReport {
        let barcode = barcode
        guard let store = source.store else {
            return try await options.client.get(
                APIPath.cartridge(barcode, from: first, files: limit),
                as: CartridgeReport.self
            )
        }
        return try await OfflineStore.withStore(store) { store throws(APIError) in
            try store.show(barcode, from: first, files: limit)
        }
    }
}

extension CartridgeReport {
    /// The tape file behind the last that is listed, of the partition whose list ends first; nil when all are.
    fileprivate var nextFile: UInt64? {
        partitions.filter(\.filesCut).compactMap { $0.files.last.map { $0.index + 1 } }.min()
    }

    /// Adds the files of an answer that goes on where this one ends.
    fileprivate mutating func append(_ next: CartridgeReport) {
        for number in partitions.indices where partitions[number].filesCut {
            guard next.partitions.indices.contains(number) else {
                partitions[number].filesCut = false
                continue
            }
            let known = partitions[number].files.last?.index
            let more = next.partitions[number].files.filter { file in known.map { file.index > $0 } ?? true }
            partitions[number].files += more
            partitions[number].filesCut = next.partitions[number].filesCut && !more.isEmpty
        }
    }
}

struct CartridgeLabelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label",
        abstract: "Set the text label in a cartridge's memory (user medium text label, 0803h).",
        discussion: "An empty text removes it. The cartridge must not be in a drive."
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Argument(help: "The label, at most 160 bytes.")
    var text: String

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let report = try await options.client.send(
            .patch,
            APIPath.cartridge(barcode),
            body: ChangeCartridgeRequest(label: text),
            as: CartridgeReport.self
        )
        let told = text.isEmpty ? "label removed" : "label \"\(text)\""
        try options.show(report) { ["\($1.bold($0.summary.barcode)): \(told)"] }
    }
}

struct CartridgeProtectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write-protect",
        abstract: "Slide the write-protect switch of a cartridge.",
        discussion: "The cartridge must not be in a drive."
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Flag(help: "Allow writing again.")
    var off = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let report = try await options.client.send(
            .patch,
            APIPath.cartridge(barcode),
            body: ChangeCartridgeRequest(writeProtected: !off),
            as: CartridgeReport.self
        )
        try options.show(report) {
            ["\($1.bold($0.summary.barcode)): \($0.summary.writeProtected ? "write-protected" : "writable")"]
        }
    }
}

struct CartridgeDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Destroy cartridges and all that is on them.",
        discussion: "A cartridge in a drive is refused."
    )

    @Argument(help: "Barcodes of the cartridges.")
    var barcodes: [String]

    @OptionGroup var options: ClientOptions

    func run() async throws {
        for barcode in barcodes {
            _ = try await options.client.send(.delete, APIPath.cartridge(barcode), as: DoneReport.self)
            if !options.output.json { Output.standard.narrate("\(barcode) deleted") }
        }
        if options.output.json { try Output.standard.json(DoneReport()) }
    }
}

/// Reading a store without a daemon.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read this store directly, without a daemon.", valueName: "dir"))
    var store: String?
}
