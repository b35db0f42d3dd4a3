// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Logging
import Synchronization
import TapeLibrary

/// What every session shares.
final class ServerContext: Sendable {
    let configuration: NDMPConfiguration
    let library: Library
    let devices: DeviceNames
    let dataPorts = DataPorts()
    /// Of earlier backups: what incremental ones compare with.
    let dumpDates: DumpDates
    let logger: Logger
    let trace: (any NDMPTraceSink)?
    private let settings: Mutex<NDMPSettings>

    init(configuration: NDMPConfiguration, library: Library, logger: Logger, trace: (any NDMPTraceSink)?) {
        self.configuration = configuration
        self.library = library
        self.devices = DeviceNames(library: library, aliases: configuration.aliases)
        self.logger = logger
        self.trace = trace
        dumpDates = DumpDates(directory: configuration.stateDirectory)
        self.settings = Mutex(configuration.settings)
    }

    var currentSettings: NDMPSettings {
        get { settings.withLock { $0 } }
        set { settings.withLock { $0 = newValue } }
    }
}
