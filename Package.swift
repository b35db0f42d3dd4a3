// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
import PackageDescription

/// Every Swift target: warnings are errors, and unsafe constructs must be spelled out.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]
/// Targets whose tests look inside (`@testable`): their release builds allow it, so that the program and all tests
/// come from one build.
let inspected = strict + [.unsafeFlags(["-enable-testing"], .when(configuration: .release))]
/// Tests: the same, without the memory-safety audit.
let tested: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "capstan",
    products: [.executable(name: "capstan", targets: ["capstan"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // vocabulary: pure, no I/O
        .target(name: "WireFormat", swiftSettings: strict),
        .target(name: "SCSI", dependencies: ["WireFormat"], swiftSettings: strict),
        .target(name: "NDMPProtocol", dependencies: ["WireFormat"], swiftSettings: strict),
        // storage
        .target(name: "CLinux"),
        .target(name: "DiskIO", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "Cartridges", dependencies: ["DiskIO"], swiftSettings: strict),
        // devices
        .target(name: "LogicalUnits", dependencies: ["SCSI", "Cartridges", "WireFormat"], swiftSettings: strict),
        // runtime
        .target(
            name: "TapeLibrary",
            dependencies: ["LogicalUnits", "Cartridges", "SCSI", "DiskIO"],
            swiftSettings: strict
        ),
        // streams
        .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"])]),
        .target(name: "BackupStreams", dependencies: ["CArchive", "CLinux", "WireFormat"], swiftSettings: inspected),
        // what is on tapes, and images of them
        .target(
            name: "TapeFormats",
            dependencies: ["CArchive", "BackupStreams", "WireFormat"],
            swiftSettings: inspected
        ),
        .systemLibrary(name: "CCompression", providers: [.apt(["zlib1g-dev", "libbz2-dev"])]),
        .target(
            name: "TapeImages",
            dependencies: ["Cartridges", "DiskIO", "CCompression", "WireFormat"],
            swiftSettings: inspected
        ),
        // network
        .target(name: "Sockets", dependencies: ["CLinux"], swiftSettings: strict),
        // doors
        .target(
            name: "NDMPServer",
            dependencies: [
                "NDMPProtocol", "TapeLibrary", "BackupStreams", "Sockets",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: inspected
        ),
        .target(
            name: "TapeFiles",
            dependencies: [
                "TapeLibrary", "TapeFormats", "WireFormat", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: inspected
        ),
        .systemLibrary(name: "CFuse3", providers: [.apt(["libfuse3-dev"])]),
        .target(
            name: "FUSEMount",
            dependencies: ["TapeFiles", "CFuse3", "CLinux", .product(name: "Logging", package: "swift-log")],
            swiftSettings: inspected
        ),
        .target(
            name: "ManagementAPI",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Console",
            dependencies: [
                "ManagementAPI", "TapeLibrary", "TapeFiles", "TapeImages",
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: inspected
        ),
        .systemLibrary(name: "CSGUtils2", providers: [.apt(["libsgutils2-dev"])]),
        .target(name: "SGNames", dependencies: ["CSGUtils2"], swiftSettings: strict),
        // the other side of NDMP
        .target(
            name: "NDMPClient",
            dependencies: [
                "NDMPProtocol", "Sockets", .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "DMA",
            dependencies: ["NDMPClient", "NDMPProtocol", "SCSI", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: inspected
        ),
        // program
        .executableTarget(
            name: "capstan",
            dependencies: [
                "NDMPServer", "FUSEMount", "TapeFiles", "TapeImages", "Console", "ManagementAPI", "TapeLibrary",
                "SGNames",
                "NDMPClient", "DMA",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: inspected
        ),
        // tests
        .target(
            name: "SimulatedDisk",
            dependencies: ["DiskIO"],
            path: "Tests/Support/SimulatedDisk",
            swiftSettings: tested
        ),
        .testTarget(name: "ArchitectureTests", swiftSettings: tested),
        .testTarget(name: "WireFormatTests", dependencies: ["WireFormat"], swiftSettings: tested),
        .testTarget(name: "SCSITests", dependencies: ["SCSI"], swiftSettings: tested),
        .testTarget(name: "NDMPProtocolTests", dependencies: ["NDMPProtocol", "WireFormat"], swiftSettings: tested),
        .testTarget(name: "DiskIOTests", dependencies: ["DiskIO", "CLinux"], swiftSettings: tested),
        .testTarget(
            name: "CartridgesTests",
            dependencies: ["Cartridges", "DiskIO", "SimulatedDisk"],
            swiftSettings: tested
        ),
        .testTarget(
            name: "LogicalUnitsTests",
            dependencies: ["LogicalUnits", "SCSI", "Cartridges", "DiskIO", "SimulatedDisk"],
            swiftSettings: tested
        ),
        .testTarget(
            name: "TapeLibraryTests",
            dependencies: ["TapeLibrary", "LogicalUnits", "SCSI", "Cartridges", "DiskIO", "SimulatedDisk"],
            swiftSettings: tested
        ),
        .testTarget(
            name: "NDMPServerTests",
            dependencies: [
                "NDMPServer", "NDMPProtocol", "TapeLibrary", "LogicalUnits", "SCSI", "DiskIO", "WireFormat",
                "BackupStreams", "Sockets", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: tested
        ),
        .testTarget(name: "SocketsTests", dependencies: ["Sockets"], swiftSettings: tested),
        .testTarget(name: "BackupStreamsTests", dependencies: ["BackupStreams"], swiftSettings: tested),
        .testTarget(
            name: "TapeFormatsTests",
            dependencies: ["TapeFormats", "BackupStreams", "WireFormat"],
            swiftSettings: tested
        ),
        .testTarget(
            name: "TapeImagesTests",
            dependencies: ["TapeImages", "Cartridges", "DiskIO", "SimulatedDisk"],
            swiftSettings: tested
        ),
        .testTarget(
            name: "TapeFilesTests",
            dependencies: [
                "TapeFiles", "TapeFormats", "TapeLibrary", "LogicalUnits", "SCSI", "Cartridges", "DiskIO",
                "SimulatedDisk",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: tested
        ),
        .testTarget(
            name: "FUSEMountTests",
            dependencies: ["FUSEMount", "TapeFiles", .product(name: "Logging", package: "swift-log")],
            swiftSettings: tested
        ),
        .testTarget(name: "NDMPClientTests", dependencies: ["NDMPClient", "NDMPProtocol"], swiftSettings: tested),
        .testTarget(name: "DMATests", dependencies: ["DMA", "NDMPProtocol"], swiftSettings: tested),
        .testTarget(name: "ManagementAPITests", dependencies: ["ManagementAPI"], swiftSettings: tested),
        .testTarget(
            name: "ConsoleTests",
            dependencies: [
                "Console", "ManagementAPI", "TapeLibrary", "DiskIO", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: tested
        ),
        .testTarget(
            name: "ProgramTests",
            dependencies: ["capstan", "ManagementAPI", "TapeLibrary", "SCSI", "SGNames"],
            swiftSettings: tested
        ),
    ]
)
