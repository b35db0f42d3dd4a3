// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import ManagementAPI
import NDMPServer

/// The part of the configuration that the NDMP server takes.
extension ServeConfiguration {
    static func ndmp(_ values: SettingValues, workingDirectory: String) throws(APIError) -> NDMPConfiguration {
        var ndmp = NDMPConfiguration()
        let listen = try values.endpoint(Settings.ndmp) ?? Endpoint(host: "127.0.0.1", port: 10000)
        ndmp.listen = [.init(host: listen.host, port: listen.port)]
        let user = NDMPUser(
            name: values.text(Settings.ndmpUser) ?? defaultUser,
            password: values.text(Settings.ndmpPassword) ?? defaultPassword
        )
        ndmp.users = [user]
        if !listen.isLoopback, user.password == defaultPassword {
            throw APIError(
                .refused,
                "NDMP cannot listen on \(listen.text) with the default password: anybody could overwrite your tapes",
                hint: "set another with CAPSTAN_NDMP_PASSWORD or ndmp.password in a configuration file"
            )
        }
        let accepted = values.list(Settings.ndmpAuthentication) ?? ["text", "md5"]
        guard !accepted.isEmpty, accepted.allSatisfy({ ["text", "md5", "none"].contains($0) }) else {
            throw values.wrong(Settings.ndmpAuthentication, "is any of text, md5 and none, with commas between")
        }
        ndmp.allowsTextAuthentication = accepted.contains("text")
        ndmp.allowsMD5Authentication = accepted.contains("md5")
        ndmp.allowsNoAuthentication = accepted.contains("none")
        ndmp.highestVersion = try values.count(Settings.ndmpVersion, in: 2...4) ?? 4
        ndmp.strict = try values.isOn(Settings.ndmpStrict)
        ndmp.maximumSessions =
            try values.count(Settings.ndmpSessions, in: sessionCounts) ?? NDMPConfiguration.defaultMaximumSessions
        ndmp.aliases = try aliases(values)
        ndmp.revision = Version.text
        ndmp.settings = try settings(values, base: ndmp.settings, workingDirectory: workingDirectory)
        return ndmp
    }

    /// What can be changed later too.
    private static func settings(
        _ values: SettingValues,
        base: NDMPSettings,
        workingDirectory: String
    ) throws(APIError) -> NDMPSettings {
        var settings = base
        settings.dataPorts = try values.portRange(Settings.ndmpDataPorts)
        settings.connectPorts = try values.portRange(Settings.ndmpConnectPorts)
        if let text = values.text(Settings.ndmpPortPolicy) {
            guard let policy = DataPortPolicy(rawValue: text) else {
                throw values.wrong(Settings.ndmpPortPolicy, "is next or fail")
            }
            settings.portPolicy = policy
        }
        settings.advertisedAddresses = values.list(Settings.ndmpAdvertise) ?? []
        guard settings.advertisedAddresses.allSatisfy(isIPv4) else {
            throw values.wrong(Settings.ndmpAdvertise, "is a list of IPv4 addresses")
        }
        settings.dataInterface = values.text(Settings.ndmpInterface)
        if let name = settings.dataInterface, !isInterface(name) {
            throw values.wrong(Settings.ndmpInterface, "is an IPv4 address or the name of a network interface")
        }
        settings.acceptTimeoutSeconds =
            try values.count(Settings.ndmpAcceptTimeout, in: acceptSeconds) ?? settings.acceptTimeoutSeconds
        settings.connectTimeoutSeconds =
            try values.count(Settings.ndmpConnectTimeout, in: connectSeconds) ?? settings.connectTimeoutSeconds
        let exports = (values.list(Settings.ndmpExports) ?? []).map { text in
            let export = ExportReport(text)
            return ExportReport(
                path: SocketPath.absolute(export.path, from: workingDirectory),
                writable: export.writable
            )
        }
        do throws(APIError) { settings.exports = try self.exports(exports) } catch {
            throw APIError(
                .invalid,
                error.message,
                hint: "it was set by \(values[Settings.ndmpExports]?.origin.text ?? "the default")"
            )
        }
        return settings
    }

    /// 0 is "for ever".
    static let acceptSeconds = 0...86_400
    static let connectSeconds = 1...86_400
    static let sessionCounts = 1...4096
    static let maximumAddresses = 16

    static func exports(_ list: [ExportReport]) throws(APIError) -> Exports {
        do throws(TreeError) {
            return try Exports(list.map { Export(path: $0.path, isWritable: $0.writable) })
        } catch { throw APIError(.invalid, "\(error)") }
    }

    /// Interface names have at most 15 bytes (IFNAMSIZ) and no slash or blank.
    static func isInterface(_ text: String) -> Bool {
        isIPv4(text)
            || (1...15).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }
    }

    private static func aliases(_ values: SettingValues) throws(APIError) -> [String: String] {
        var aliases: [String: String] = [:]
        for pair in values.list(Settings.ndmpAliases) ?? [] {
            let parts = pair.split(separator: "=", omittingEmptySubsequences: false).map { String($0) }
            guard parts.count == 2, parts.allSatisfy({ (1...64).contains($0.utf8.count) }) else {
                throw values.wrong(Settings.ndmpAliases, "is a list such as nrst0a=nst0,mc0=sg0")
            }
            aliases[parts[0]] = parts[1]
        }
        return aliases
    }

    /// Four decimal numbers of at most 255.
    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { $0.count <= 3 && UInt8($0) != nil }
    }
}
