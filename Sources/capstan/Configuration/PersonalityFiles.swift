// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import TapeLibrary
import Yams

/// Models of libraries and drives as YAML files (`Config/personalities`), found by name or by path.
struct PersonalityFiles: Sendable {
    /// A model is a dozen lines; a larger file is something else.
    static let limitBytes = 64 * 1024
    /// Longest name of a model.
    static let nameLimit = 64

    private let directories: [String]
    private let workingDirectory: String

    /// - Parameters:
    ///   - directory: the only place to look in; nil: where builds and installations have them.
    ///   - programDirectory: of the running program.
    init(directory: String?, workingDirectory: String, programDirectory: String) {
        self.workingDirectory = workingDirectory
        directories =
            directory.map { [$0] }
            ?? [
                programDirectory + "/../share/capstan/personalities", workingDirectory + "/Config/personalities",
            ] + Self.above(programDirectory).map { $0 + "/Config/personalities" }
    }

    /// Directory of the running program, with links followed.
    static var programDirectory: String {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/usr/bin/capstan"
        return (path as NSString).deletingLastPathComponent
    }

    func library(named name: String) throws(APIError) -> LibraryPersonality {
        if name == LibraryPersonality.ibm3573TL.name { return .ibm3573TL }
        return try read(name, kind: "library", as: LibraryPersonality.self)
    }

    func drive(named name: String) throws(APIError) -> DrivePersonality {
        if name == DrivePersonality.ibmLTO8.name { return .ibmLTO8 }
        return try read(name, kind: "drive", as: DrivePersonality.self)
    }

    private struct Kind: Decodable {
        var kind: String
    }

    private func read<Model: Decodable>(_ name: String, kind: String, as type: Model.Type) throws(APIError) -> Model {
        let path = try path(of: name, kind: kind)
        guard let data = FileManager.default.contents(atPath: path), data.count <= Self.limitBytes else {
            throw APIError(.notFound, "the model \(path) cannot be read, or is larger than 64 KiB")
        }
        do {
            let found = try YAMLDecoder().decode(Kind.self, from: data).kind
            guard found == kind else {
                throw APIError(.invalid, "\(path) describes a \(found), where a \(kind) is wanted")
            }
            return try YAMLDecoder().decode(type, from: data)
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(.invalid, "\(path) is no model of a \(kind): \(error)")
        }
    }

    private func path(of name: String, kind: String) throws(APIError) -> String {
        if name.contains("/") || name.hasSuffix(".yaml") {
            return SocketPath.absolute(name, from: workingDirectory)
        }
        let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isPlain, name.utf8.count <= Self.nameLimit else {
            throw APIError(.invalid, "\"\(name.prefix(Self.nameLimit))\" is no name of a \(kind) model")
        }
        for directory in directories {
            let path = directory + "/" + name + ".yaml"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        throw APIError(
            .notFound,
            "there is no \(kind) model \"\(name)\"",
            hint: "name a file of Config/personalities, or that directory with --personalities"
        )
    }

    /// A build lies a few directories below its sources.
    private static func above(_ directory: String) -> [String] {
        var result: [String] = []
        var current = directory
        for _ in 0..<4 {
            current = (current as NSString).deletingLastPathComponent
            result.append(current)
        }
        return result
    }
}
