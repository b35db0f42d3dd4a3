// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import Sockets
import WireFormat

/// What the helper threads report, and what the data machine wants done.
extension Session {
    func takeEvents() {
        for event in handle.takeEvents() {
            switch event {
            case .mover(let event, let run):
                if run == moverRun { perform(mover.receive(event)) }
            case .dialed(let outcome, let run):
                take(outcome, run: run)
            case .data(let report, let run):
                // What an ended connection still had to say means nothing any more.
                if run == dataRun, let dataEngine { take(report, from: dataEngine) }
            }
        }
    }

    private func take(_ report: DataEngine.Report, from engine: DataEngine) {
        switch report {
        case .event(let event):
            perform(data.receive(event))
        case .post(let post):
            send(post)
            engine.postSent()
        case .outcome(let outcome):
            for variable in outcome.variables { environment.set(variable.name, variable.value) }
        }
    }

    // MARK: Posts

    private func send(_ dataPost: DataPost) {
        switch dataPost {
        case .read(let offset, let length): requestRead(offset, length)
        case .log(let severity, let text): log(severity.logType, text)
        case .file(let name, let result):
            post(.logFile, LogFilePost(name: name, error: result.error, recoveryStatus: result.status))
        case .history(let batch): send(batch)
        }
    }

    /// A mover of this session is asked by us; every other one by the client.
    private func requestRead(_ offset: UInt64, _ length: UInt64) {
        if case .local = data.state.address {
            engine?.read(offset: offset, length: length)
        } else {
            post(.notifyDataRead, NotifyDataReadPost(offset: offset, length: length))
        }
    }

    private func send(_ batch: HistoryBatch) {
        switch batch {
        case .unixPaths(let paths): post(.fileHistoryAddUnixPath, FileHistoryAddUnixPathPost(paths: paths))
        case .unixDirectories(let entries):
            post(.fileHistoryAddUnixDirectory, FileHistoryAddUnixDirectoryPost(directories: entries))
        case .unixNodes(let nodes): post(.fileHistoryAddUnixNode, FileHistoryAddUnixNodePost(nodes: nodes))
        case .files(let files): post(.fileHistoryAddFile, FileHistoryAddFilePost(files: files))
        case .directories(let entries):
            post(.fileHistoryAddDirectory, FileHistoryAddDirectoryPost(directories: entries))
        case .nodes(let nodes): post(.fileHistoryAddNode, FileHistoryAddNodePost(nodes: nodes))
        }
    }

    // MARK: Actions

    func perform(_ actions: [DataAction]) {
        for action in actions {
            switch action {
            case .openListener, .dial, .joinMover, .begin: break
            case .cancelDial: cancelDataDial()
            case .endConnection:
                dataEngine?.end()
                dataEngine = nil
            case .postHalted(let reason, let text): postHalted(reason, text)
            case .clear:
                handle.dataCounters.update { $0 = DataProgress() }
                environment = DataEnvironment()
            }
        }
        publishDataState()
    }

    private func postHalted(_ reason: DataHaltReason, _ text: String) {
        switch reason {
        // The job has told of it.
        case .successful: break
        case .aborted: context.logger.notice("\(nexus.name): \(text)")
        default: report(.error, "data service halted: \(text)")
        }
        post(.notifyDataHalted, NotifyDataHaltedPost(reason: reason, text: XDRString(text)))
    }
}
