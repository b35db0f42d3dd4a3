// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import DiskIO
import Foundation
import Logging
import ManagementAPI
import NDMPServer
import NIOCore
import ServiceLifecycle
import TapeLibrary
import UnixSignals

/// `capstan serve`: opens the library, then its doors, and closes them in the opposite order.
///
/// Wiring only. Whatever blocks runs on a thread of its own.
struct Daemon {
    /// How long transfers may go on after the first SIGTERM.
    static let drainSeconds = 20
    /// After this the doors are cut.
    static let shutdownLimit = Duration.seconds(30)

    /// In the store: what the NDMP data service remembers of earlier backups.
    static let dataServiceDirectory = "data-service"

    private let configuration: ServeConfiguration
    private let output = Output.standard
    private let started = ContinuousClock.now

    init(_ configuration: ServeConfiguration) { self.configuration = configuration }

    func run() async throws(APIError) {
        let level = configuration.logLevel
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        OpenFilesLimit.raise()
        let thread = DeviceThread(name: "daemon")
        let gate = ThreadGate(thread)
        let store = try await gate.run { () throws(APIError) in try OpenStore(self.configuration) }
        let trace = try configuration.trace.map { path throws(APIError) in try TraceLog(path: path) }
        var failure: APIError?
        do throws(APIError) {
            let journal = FileEventJournal(path: store.path + "/events.jsonl", on: store.disk)
            let seams = LibrarySeams(journal: journal, trace: trace)
            let library = try await gate.run { () throws(APIError) in
                try store.openLibrary(self.configuration.layout, seams: seams)
            }
            do throws(APIError) { try await serve(library, store: store, trace: trace, gate: gate) } catch {
                failure = error
            }
            try await gate.run { () throws(APIError) in
                do throws(LibraryError) { try library.close() } catch { throw APIError(error) }
            }
        } catch { failure = failure ?? error }
        await gate.run { store.removeIfTemporary() }
        thread.stop()
        if let failure { throw failure }
        output.narrate("capstan: stopped; everything is written back")
    }

    private func serve(
        _ library: Library,
        store: OpenStore,
        trace: TraceLog?,
        gate: ThreadGate
    ) async throws(APIError) {
        let logger = Logger(label: "capstan")
        let socket = try await SocketPlace.prepare(
            configuration.socket,
            store: store.path,
            userDirectory: configuration.userDirectory
        )
        defer { socket.remove() }
        var ndmpConfiguration = configuration.ndmp
        ndmpConfiguration.stateDirectory = store.path + "/" + Self.dataServiceDirectory
        let ndmp = NDMPServer(configuration: ndmpConfiguration, library: library, logger: logger, trace: trace)
        let listen = configuration.ndmp.listen.map { Endpoint(host: $0.host, port: $0.port).text }
        try await gate.run { () throws(APIError) in
            do throws(NDMPServerError) { try ndmp.start() } catch {
                throw APIError(
                    .portInUse,
                    "\(error)".withoutFullStop,
                    hint: "Name another than \(listen.joined(separator: ", ")) with --ndmp; port 0 takes a free one."
                )
            }
        }
        let adapter = NDMPDoorAdapter(
            server: ndmp,
            configuration: configuration.ndmp,
            drives: library.drives.count
        )
        let doors = DoorsReport(
            ndmp: .init(
                host: configuration.ndmp.listen.first?.host ?? "",
                port: Int(ndmp.boundPort ?? 0),
                dataPorts: PortRange.text(configuration.ndmp.settings.dataPorts)
            ),
            http: .init(socket: socket.path, url: nil)
        )
        let mount: MountDoor?
        do throws(APIError) { mount = try await openMount(library, store: store, gate: gate, logger) } catch {
            await gate.run { ndmp.stop(drainSeconds: 0) }
            throw error
        }
        let facts = DaemonFacts(version: Version.text, pid: getpid(), started: started)
        let backend = LibraryBackend(library: library, disk: store.disk, ndmp: adapter, facts: facts, doors: doors)
        let ready = Announcement(
            configuration: configuration,
            backend: backend,
            library: library,
            isNewStore: store.isNew,
            isTemporary: store.isTemporary,
            ndmp: adapter,
            mount: mount,
            logger: logger
        )
        let failure = await runServices(ready, backend, socket, adapter, trace, logger)
        await close(ndmp, mount, gate: gate, drainSeconds: failure == nil ? Self.drainSeconds : 0)
        ready.withdraw()
        if let failure { throw failure }
    }

    private func openMount(
        _ library: Library,
        store: OpenStore,
        gate: ThreadGate,
        _ logger: Logger
    ) async throws(APIError) -> MountDoor? {
        guard let settings = configuration.mount else { return nil }
        if let problem = settings.problem(store: store.path) { throw problem }
        return try await gate.run { () throws(APIError) in
            try MountDoor(library, disk: store.disk, settings: settings, logger: logger)
        }
    }

    /// Both at once: each waits for transfers of its own.
    private func close(_ ndmp: NDMPServer, _ mount: MountDoor?, gate: ThreadGate, drainSeconds: Int) async {
        let thread = DeviceThread(name: "mount")
        let mountGate = ThreadGate(thread)
        async let unmounted: Void = mountGate.run { mount?.stop(drainSeconds: drainSeconds) }
        await gate.run { ndmp.stop(drainSeconds: drainSeconds) }
        await unmounted
        thread.stop()
    }

    /// Runs everything until a signal, a closed standard input or a failure; nil for an orderly end.
    private func runServices(
        _ ready: Announcement,
        _ backend: LibraryBackend,
        _ socket: SocketPlace,
        _ adapter: NDMPDoorAdapter,
        _ trace: TraceLog?,
        _ logger: Logger
    ) async -> APIError? {
        let (opened, opening) = AsyncStream.makeStream(of: Void.self)
        var services: [any Service] = [
            ConsoleService(address: .socket(path: socket.path), backend: backend, logger: logger) { _ in
                socket.protect()
                opening.yield()
            }
        ]
        if let http = configuration.http {
            let address = ConsoleServer.Address.tcp(host: http.host, port: Int(http.port))
            services.append(
                ConsoleService(address: address, backend: backend, logger: logger) { port in
                    let bound = Endpoint(host: http.host, port: UInt16(clamping: port ?? Int(http.port)))
                    backend.update { $0.http.url = "http://\(bound.text)" }
                    adapter.httpIsServed(onPort: Int(bound.port))
                    opening.yield()
                }
            )
        }
        let doorCount = services.count
        services.append(
            BackgroundService {
                var iterator = opened.makeAsyncIterator()
                for _ in 0..<doorCount { guard await iterator.next() != nil else { return } }
                guard !Task.isCancelled else { return }
                try ready.publish()
            }
        )
        services.append(BackgroundService { await adapter.measureRates() })
        if let trace { services.insert(BackgroundService { await trace.run() }, at: 0) }
        var groupConfiguration = ServiceGroupConfiguration(services: services, logger: logger)
        groupConfiguration.maximumGracefulShutdownDuration = Self.shutdownLimit
        let group = ServiceGroup(configuration: groupConfiguration)
        // It watches until the process ends: a second signal must also cut the draining that follows.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        Task { await StopWatcher(exitWithStdin: configuration.exitWithStdin).watch(group, signals) }
        do {
            try await group.run()
            return nil
        } catch let error as APIError {
            return error
        } catch is CancellationError {
            return nil
        } catch {
            return APIError(.failure, "the daemon stopped: \(error)")
        }
    }
}
