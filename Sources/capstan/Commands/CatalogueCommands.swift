// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DMA
import Foundation
import ManagementAPI

struct CatalogueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalogue",
        abstract: "Look into the catalogue of backups, and take things out of it.",
        subcommands: [CatalogueListCommand.self, CatalogueShowCommand.self, CatalogueForgetCommand.self],
        defaultSubcommand: CatalogueListCommand.self
    )
}

struct CatalogueListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List images and cartridges.")

    @OptionGroup var source: CatalogueOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let catalogue = try source.open()
        let list = try Self.list(catalogue)
        try output.show(list) { $0.lines($1) }
    }

    private static func list(_ catalogue: Catalogue) throws -> CatalogueList {
        do throws(DMAError) {
            let images = try catalogue.images()
            let media = try catalogue.media(now: Int64(Date().timeIntervalSince1970))
            return CatalogueList(
                images: images.map { CatalogueImageReport($0) },
                media: media.map(CatalogueMediumReport.init)
            )
        } catch {
            throw APIError(error)
        }
    }
}

struct CatalogueShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show all about one image: where its stream lies, and its environment."
    )

    @Argument(help: "Number of the image.")
    var image: Int64

    @OptionGroup var source: CatalogueOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let catalogue = try source.open()
        let report: CatalogueImageReport
        do throws(DMAError) {
            guard let found = try catalogue.image(image) else {
                throw DMAError(.notFound, "there is no image \(image)", hint: "`capstan catalogue list` shows all")
            }
            report = CatalogueImageReport(
                found,
                segments: try catalogue.segments(of: image),
                environment: try catalogue.environment(of: image)
            )
        } catch {
            throw APIError(error)
        }
        try output.show(report) { $0.page($1) }
    }
}

struct CatalogueForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Take images or cartridges out of the catalogue.",
        discussion: """
            What is on tape stays there until it is written over. A cartridge without images is used anew by the next
            backup that needs one.
            """
    )

    @Argument(help: "Numbers of images.")
    var images: [Int64] = []

    @Option(
        help: ArgumentHelp(
            "Barcode of a cartridge; repeatable. Images with a piece on it are lost.",
            valueName: "barcode"
        )
    )
    var medium: [String] = []

    @OptionGroup var source: CatalogueOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !images.isEmpty || !medium.isEmpty else { throw ValidationError("name an image, or --medium BARCODE") }
    }

    func run() async throws {
        let catalogue = try source.open()
        do throws(DMAError) {
            for id in images {
                guard try catalogue.forgetImage(id) else { throw DMAError(.notFound, "there is no image \(id)") }
                if !output.json { Output.standard.narrate("image \(id) forgotten") }
            }
            for barcode in medium {
                guard try catalogue.forgetMedium(barcode: barcode) else {
                    throw DMAError(.notFound, "the catalogue has no cartridge \(barcode)")
                }
                if !output.json { Output.standard.narrate("cartridge \(barcode) forgotten") }
            }
        } catch {
            throw APIError(error)
        }
        if output.json { try Output.standard.json(DoneReport()) }
    }
}
