// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import Logging
import TapeFormats

/// What tape files are, and what is in them.
extension CartridgeFiles {
    /// What a tape file was recognised as, in its present state or, while it grows, in one of the last seconds.
    func archive(_ number: TapeFileNumber, _ scene: Scene) throws(FileError) -> FoundArchive {
        let barcode = scene.cartridge.stored.barcode
        let (partition, extent) = try scene.file(number)
        return try scene.viewing { () throws(ViewError) in
            let stamp = try partition.stamp(before: extent.endBlock)
            let known = archives.known(.file(number), of: barcode) { archive, age in
                archive.stamps == [stamp] || isGood(archive, age, at: number.partition, scene)
            }
            if let known { return known }
            let file = try LiveTapeFile(extent, of: partition, on: scene.cartridge)
            let place = TapePlace(partition: number.partition, file: number.number)
            let volume = LiveVolume(scene.view, on: scene.cartridge)
            let recognition = Recogniser.recognise(file, place: place, volume: volume)
            let found = FoundArchive(stamps: [stamp], recognition: recognition)
            // What cannot be read now may be readable when somebody looks again.
            guard recognition?.format != "unreadable" else { return found }
            return archives.keep(found, .file(number), of: barcode)
        }
    }

    /// What the cartridge was recognised as, as a whole.
    func volume(_ scene: Scene) throws(FileError) -> FoundArchive? {
        guard scene.view.partitions.contains(where: { $0.blockCount > 0 }) else { return nil }
        return try scene.viewing { () throws(ViewError) in
            var stamps: [TapeStamp] = []
            for partition in scene.view.partitions {
                stamps.append(try partition.stamp(before: BlockAddress(partition.blockCount)))
            }
            let barcode = scene.cartridge.stored.barcode
            let known = archives.known(.volume, of: barcode) { archive, age in
                archive.stamps == stamps || isGood(archive, age, at: nil, scene)
            }
            if let known { return known }
            let recognition = Recogniser.recogniseVolume(LiveVolume(scene.view, on: scene.cartridge))
            return archives.keep(FoundArchive(stamps: stamps, recognition: recognition), .volume, of: barcode)
        }
    }

    /// A state that holds and is not old.
    private func isGood(_ archive: FoundArchive, _ age: UInt64, at partition: Int?, _ scene: Scene) -> Bool {
        age < limits.relistNanoseconds && holds(archive, at: partition, scene)
    }

    /// Whether what was found is still on tape. Of one tape file its partition is given.
    private func holds(_ archive: FoundArchive, at partition: Int?, _ scene: Scene) -> Bool {
        if let partition {
            guard scene.view.partitions.indices.contains(partition), let stamp = archive.stamps.first else {
                return false
            }
            return (try? scene.view.partitions[partition].holds(stamp)) ?? false
        }
        guard archive.stamps.count == scene.view.partitions.count else { return false }
        return zip(scene.view.partitions, archive.stamps).allSatisfy { (try? $0.holds($1)) ?? false }
    }

    /// The archive that a node of this generation belongs to: ESTALE when the tape holds another by now.
    func archive(
        _ place: ArchivePlace,
        generation: UInt32,
        _ scene: Scene
    ) throws(FileError) -> (archive: FoundArchive, contents: any ArchiveContents) {
        let barcode = scene.cartridge.stored.barcode
        let partition: Int? = if case .file(let number) = place { number.partition } else { nil }
        let known = archives.known(place, of: barcode) { archive, _ in
            archive.generation == generation && holds(archive, at: partition, scene)
        }
        let found: FoundArchive
        if let known {
            found = known
        } else {
            switch place {
            case .file(let number): found = try archive(number, scene)
            case .volume:
                guard let volume = try volume(scene) else { throw FileError(ESTALE) }
                found = volume
            }
        }
        guard found.generation == generation else { throw FileError(ESTALE, "\(barcode): the tape file has changed") }
        return (found, try contents(of: found, place, scene))
    }

    /// Lists the archive, unless that was done.
    func contents(
        of archive: FoundArchive,
        _ place: ArchivePlace,
        _ scene: Scene
    ) throws(FileError) -> any ArchiveContents {
        guard let recognition = archive.recognition, recognition.isBrowsable else { throw FileError(ENOENT) }
        let barcode = scene.cartridge.stored.barcode
        if let listed = archive.listed, case .success(let contents) = listed { return contents }
        let mayWait = listings.withLock { threads in
            guard threads < limits.listingThreads else { return false }
            threads += 1
            return true
        }
        guard mayWait else {
            throw FileError(EBUSY, "\(barcode): too many programs wait for archives that are being listed")
        }
        defer { listings.withLock { $0 -= 1 } }
        do throws(FormatError) {
            return try archive.contents { () throws(FormatError) in
                let contents = try open(archive, recognition, place, scene)
                logger.debug(
                    "an archive was listed",
                    metadata: [
                        "cartridge": "\(barcode)", "what": "\(recognition.title)",
                        "entries": "\(contents.entryCount)", "problems": "\(contents.problems.count)",
                    ]
                )
                return contents
            }
        } catch {
            if error == .stale { throw FileError(ESTALE, "\(barcode): the tape file has changed") }
            throw FileError(EIO, "\(barcode): \(recognition.title) cannot be listed: \(error)")
        }
    }

    private func open(
        _ archive: FoundArchive,
        _ recognition: Recognition,
        _ place: ArchivePlace,
        _ scene: Scene
    ) throws(FormatError) -> any ArchiveContents {
        // What was listed before makes room first.
        defer { archives.evict() }
        let volume = LiveVolume(scene.view, on: scene.cartridge)
        guard case .file(let number) = place else {
            return try ArchiveOpener.volumeContents(of: volume, recognised: recognition, limits: limits.contents)
        }
        let file: LiveTapeFile
        do throws(FileError) {
            file = try scene.tapeFile(number, upTo: archive.stamps.first?.blocks)
        } catch {
            throw FormatError(error)
        }
        return try ArchiveOpener.contents(
            of: file,
            recognised: recognition,
            limits: limits.contents,
            place: TapePlace(partition: number.partition, file: number.number),
            volume: volume
        )
    }
}
