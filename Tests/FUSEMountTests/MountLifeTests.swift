// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Foundation
import Glibc
import Logging
import Synchronization
import TapeFiles
import Testing

@testable import FUSEMount

@Suite("Threads, and the beginning and end of a mount", .serialized)
struct MountLifeTests {
    private var logger: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    // MARK: Threads

    @Test("requests that wait do not stop others, as many as there are threads")
    func waiting() async throws {
        let mounted = try Mounted(FakeTree())
        let path = mounted["changer/sg"]
        let done = Atomic<Int>(0)
        let count = MountLimits.threads - 4
        let finished = Done()
        for _ in 0..<count {
            Thread {
                if let descriptor = try? System.open(path, O_RDONLY) {
                    _ = try? System.read(descriptor, 10)
                    close(descriptor)
                }
                done.add(1, ordering: .relaxed)
                if done.load(ordering: .relaxed) == count { finished.set() }
            }.start()
        }
        let gate = mounted.tree.gate
        try await eventually("not all requests are served at once") { gate.waiting == count }
        // Answered while all of them wait.
        #expect(try System.names(mounted["cartridges"]).contains("A00001L8"))
        #expect(gate.waiting == count)
        #expect(mounted.mount.threads <= MountLimits.threads)
        gate.open()
        try await eventually("the requests did not end") { done.load(ordering: .relaxed) == count }
        // Threads that are not needed any more go.
        try await eventually("the threads did not end") {
            mounted.mount.threads <= MountLimits.parkedThreads + MountLimits.seats + 2
        }
    }

    @Test("more requests than threads wait for a thread, and all are served")
    func moreThanThreads() async throws {
        let mounted = try Mounted(FakeTree(), options: MountOptions(threads: 4))
        let path = mounted["changer/sg"]
        let done = Atomic<Int>(0)
        for _ in 0..<12 {
            Thread {
                if let descriptor = try? System.open(path, O_RDONLY | O_NONBLOCK) {
                    _ = try? System.read(descriptor, 10)
                    close(descriptor)
                }
                done.add(1, ordering: .relaxed)
            }.start()
        }
        let gate = mounted.tree.gate
        try await eventually("no request is served") { gate.waiting >= 3 }
        #expect(mounted.mount.threads <= 4)
        gate.open()
        try await eventually("the requests did not end") { done.load(ordering: .relaxed) == 12 }
        #expect(try System.names(mounted["shelf"]).count == 2)
    }

    @Test("a release is served although every open waits for it")
    func releaseAmongOpens() async throws {
        let mounted = try Mounted(FakeTree())
        let tape = mounted.tree.tape
        let holder = try System.open(mounted["drives/0/nst"], O_RDONLY)
        let waiting = Atomic<Int>(0)
        // As the device does: an open waits until the drive is free.
        mounted.tree.state.withLock {
            $0.openDelay = {
                waiting.add(1, ordering: .relaxed)
                let end = Date().addingTimeInterval(20)
                while Date() < end, tape.state.withLock({ $0.isOpen }) { usleep(1000) }
                waiting.subtract(1, ordering: .relaxed)
            }
        }
        let path = mounted["drives/0/sg"]
        let done = Atomic<Int>(0)
        let count = MountLimits.threads * 2
        for _ in 0..<count {
            Thread {
                if let descriptor = try? System.open(path, O_RDONLY) { close(descriptor) }
                done.add(1, ordering: .relaxed)
            }.start()
        }
        let limit = MountLimits.opensAtOnce(threads: MountLimits.threads)
        try await eventually("the opens do not wait") { waiting.load(ordering: .relaxed) == limit }
        close(holder)
        try await eventually("the opens did not end") { done.load(ordering: .relaxed) == count }
    }

    @Test("several streams at once are served by readers of their own, and every record is where it belongs")
    func streams() async throws {
        let mounted = try Mounted(FakeTree())
        let tapes = (0..<4).map { _ in TapeMemory() }
        mounted.tree.hooks.withLock {
            $0.opener = { node in
                switch node {
                case .driveDevice(_, .nst): try? tapes[0].open()
                case .driveDevice(_, .st): try? tapes[1].open()
                case .driveDevice(_, .sg): try? tapes[2].open()
                case .changerDevice: try? tapes[3].open()
                default: nil
                }
            }
        }
        let paths = ["drives/0/nst", "drives/0/st", "drives/0/sg", "changer/sg"].map { mounted[$0] }
        let done = Atomic<Int>(0)
        let rounds = 5
        for (index, path) in paths.enumerated() {
            Thread {
                // Opened and closed again and again, so that readers come and go.
                for round in 0..<rounds {
                    guard let descriptor = try? System.open(path, O_WRONLY) else { continue }
                    for record in 0..<100 {
                        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 1 + record + round)
                        _ = try? System.write(descriptor, bytes)
                    }
                    close(descriptor)
                    while tapes[index].state.withLock({ $0.isOpen }) { usleep(500) }
                }
                done.add(1, ordering: .relaxed)
            }.start()
        }
        try await eventually("the streams did not end") { done.load(ordering: .relaxed) == paths.count }
        for (index, tape) in tapes.enumerated() {
            let records = tape.state.withLock { $0.records }
            var lengths: [Int] = []
            for round in 0..<rounds { for record in 0..<100 { lengths.append(1 + record + round) } }
            #expect(records.map(\.count) == lengths)
            #expect(records.allSatisfy { $0.allSatisfy { $0 == UInt8(index) } })
        }
        #expect(try System.names(mounted["shelf"]).count == 2)
    }

    // MARK: The mount point

    @Test("the mount point is made when its parent is there, and refused when it is no empty directory")
    func mountPoints() throws {
        let folder = try Folder()
        try folder.write("file", "x")
        try FileManager.default.createDirectory(atPath: folder.path + "/full/x", withIntermediateDirectories: true)
        #expect(try MountPoint(preparing: folder.path + "/new/", logger: logger).path == folder.path + "/new")
        #expect(try System.status(folder.path + "/new").st_mode & S_IFMT == S_IFDIR)
        #expect(try MountPoint(preparing: folder.path + "/./new/../new", logger: logger).path == folder.path + "/new")
        for wrong in ["/a/b", "/file", "/file/x", "/full"] {
            do {
                _ = try MountPoint(preparing: folder.path + wrong, logger: logger)
                Issue.record("\(wrong) was taken")
            } catch { #expect(error.cause == .mountPoint, "\(wrong)") }
        }
        #expect(throws: MountError.self) { _ = try MountPoint(preparing: "", logger: logger) }
        #expect(throws: MountError.self) { _ = try MountPoint(preparing: "/", logger: logger) }
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link",
            withDestinationPath: folder.path + "/new"
        )
        #expect(try MountPoint(preparing: folder.path + "/link", logger: logger).path == folder.path + "/new")
    }

    @Test("a second mount on the same directory is refused while the first lives")
    func twice() throws {
        let mounted = try Mounted(FakeTree())
        do {
            _ = try Mount(tree: FakeTree(), at: mounted.mount.path, logger: logger)
            Issue.record("it was mounted twice")
        } catch { #expect(error.cause == .taken) }
        #expect(try System.names(mounted["shelf"]).count == 2)
    }

    @Test("the mount of a daemon that was killed is taken away by the next one")
    func stale() throws {
        let folder = try Folder()
        let point = folder.path + "/m"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
        let killed = Session(tree: FakeTree(), options: MountOptions(), logger: logger)
        try killed.makeFuseSession("fsname=capstan,subtype=capstan")
        #expect(fuse_session_mount(killed.fuse, point) == 0)
        // The connection is closed, as by kill -9, and the mount stays.
        killed.destroyFuseSession()
        #expect(throws: FileError(ENOTCONN)) { _ = try System.status(point) }
        #expect(MountSurroundings.current().mounts.contains { $0.path == point && $0.isStale })
        let mount = try Mount(tree: FakeTree(), at: point, logger: logger)
        try mount.start()
        #expect(try System.names(point).contains("drives"))
        #expect(MountSurroundings.current().mounts.contains { $0.path == point && !$0.isStale })
        mount.stop(drainSeconds: 0)
        #expect(MountTable.current()?.topmost(at: point) == nil)
    }

    // MARK: The end

    @Test("stop unmounts while files are open, closes them, and does not wait for those that are no tape")
    func stopWithOpenFiles() throws {
        let mounted = try Mounted(FakeTree())
        let file = try System.open(mounted["library.json"], O_RDONLY)
        let directory = try System.open(mounted["drives"], O_RDONLY)
        let begun = Date()
        // An hour of patience for tapes, of which none is open.
        mounted.mount.stop(drainSeconds: 3600)
        #expect(Date().timeIntervalSince(begun) < 1800)
        #expect(MountTable.current()?.topmost(at: mounted.mount.path) == nil)
        #expect(mounted.mount.current == .stopped)
        #expect(throws: FileError(ENOTCONN)) { _ = try System.read(file, 10) }
        close(file)
        close(directory)
        mounted.mount.stop(drainSeconds: 20)
    }

    @Test("stop lets a program that has the tape finish, and closes the tape of one that does nothing with it")
    func drain() throws {
        for finishes in [true, false] {
            let mounted = try Mounted(FakeTree())
            let tape = mounted.tree.tape
            let descriptor = try System.open(mounted["drives/0/nst"], O_WRONLY)
            _ = try System.write(descriptor, [1, 2, 3])
            let stopped = Done()
            let mount = mounted.mount
            Thread {
                mount.stop(drainSeconds: 20)
                stopped.set()
            }.start()
            if finishes {
                while MountTable.current()?.topmost(at: mount.path) != nil { usleep(1000) }
                #expect(try System.write(descriptor, [4, 5]) == 2)
                close(descriptor)
            }
            #expect(stopped.wait(seconds: 8))
            let state = tape.state.withLock { $0 }
            #expect(state.records == (finishes ? [[1, 2, 3], [4, 5]] : [[1, 2, 3]]))
            #expect(state.events.last == "close")
            #expect(state.events.filter { $0 == "close" }.count == 1)
            if !finishes { close(descriptor) }
        }
    }

    @Test("an unmount from outside is noticed, and the daemon goes on")
    func unmountedFromOutside() async throws {
        let folder = try Folder()
        let lost = Atomic<Int32>(0)
        let mount = try Mount(tree: FakeTree(), at: folder.path + "/m", logger: logger) {
            lost.store($0, ordering: .relaxed)
        }
        try mount.start()
        #expect(MountPoint(mount.path).detach())
        try await eventually("it was not noticed") { lost.load(ordering: .relaxed) != 0 }
        #expect(lost.load(ordering: .relaxed) == ENODEV)
        #expect(mount.current == .lost(ENODEV))
        mount.stop(drainSeconds: 20)
        // And again, with everything new.
        let second = try Mount(tree: FakeTree(), at: folder.path + "/m", logger: logger)
        try second.start()
        #expect(try System.names(folder.path + "/m").contains("drives"))
        second.stop(drainSeconds: 0)
    }

    @Test("a mount whose connection is aborted stays dead until the end, which takes it away")
    func aborted() async throws {
        let folder = try Folder()
        let mount = try Mount(tree: FakeTree(), at: folder.path + "/m", logger: logger)
        try mount.start()
        let held = try System.open(mount.path, O_RDONLY | O_DIRECTORY)
        // What `umount -f` does: it aborts, and then does not unmount what is in use.
        #expect(umount2(mount.path, Int32(MNT_FORCE)) != 0 && errno == EBUSY)
        try await eventually("it was not noticed") { mount.current != .mounted }
        #expect(MountPoint(mount.path).isDead)
        mount.stop(drainSeconds: 0)
        #expect(MountTable.current()?.topmost(at: mount.path) == nil)
        close(held)
    }
}

/// Something has happened, once.
final class Done: @unchecked Sendable {
    private let condition = NSCondition()
    private var isSet = false

    func set() {
        condition.withLock {
            isSet = true
            condition.broadcast()
        }
    }

    func wait(seconds: Double) -> Bool {
        let end = Date().addingTimeInterval(seconds)
        return condition.withLock {
            while !isSet, condition.wait(until: end) {}
            return isSet
        }
    }
}
