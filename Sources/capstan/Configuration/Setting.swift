// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One option of `capstan serve`. The same row feeds the configuration file, the environment, the flag, its help, and
/// `docs/reference/configuration.md`.
struct Setting: Sendable, Equatable {
    /// What the value may be; decides how it is read and documented.
    enum Kind: Sendable, Equatable {
        case text
        case path
        case endpoint
        case portRange
        case count
        case size
        case list
        case flag
    }

    /// Key in the configuration file: `ndmp.data-ports` is `data-ports` under `ndmp`.
    var key: String
    /// Long flag without its dashes.
    var flag: String
    var kind: Kind
    /// What the help shows for the value.
    var placeholder: String
    /// In words, for help and reference; empty when there is none.
    var defaultText: String
    var help: String
    /// Not written by `--print` and the like; its flag would show in process lists.
    var isSecret = false

    /// `CAPSTAN_` and the flag in capitals.
    var environment: String { "CAPSTAN_" + flag.uppercased().replacing("-", with: "_") }
}

/// All options of the daemon, in the order of the reference page.
enum Settings {
    static let store = Setting(
        key: "store",
        flag: "store",
        kind: .path,
        placeholder: "DIR",
        defaultText: "./capstan-data",
        help: "Directory that holds the library and its cartridges; made when it does not exist."
    )
    static let ephemeral = Setting(
        key: "ephemeral",
        flag: "ephemeral",
        kind: .flag,
        placeholder: "",
        defaultText: "false",
        help: "Use a temporary store and remove it at exit."
    )
    static let socket = Setting(
        key: "socket",
        flag: "socket",
        kind: .path,
        placeholder: "PATH",
        defaultText: "capstan.sock in the store",
        help: "Unix socket of the management API, at most 107 bytes long."
    )
    static let http = Setting(
        key: "http",
        flag: "http",
        kind: .endpoint,
        placeholder: "HOST:PORT",
        defaultText: "not served",
        help: "Serve the management API on TCP as well; loopback only, since it has no log-in."
    )
    static let ndmp = Setting(
        key: "ndmp.listen",
        flag: "ndmp",
        kind: .endpoint,
        placeholder: "HOST:PORT",
        defaultText: "127.0.0.1:10000",
        help: "Where the NDMP server listens; port 0 takes a free one, [::] every interface."
    )
    static let ndmpDataPorts = Setting(
        key: "ndmp.data-ports",
        flag: "ndmp-data-ports",
        kind: .portRange,
        placeholder: "A-B",
        defaultText: "any",
        help: "TCP ports that NDMP data connections are accepted on, for example 18600-18699."
    )
    static let ndmpConnectPorts = Setting(
        key: "ndmp.data-connect-ports",
        flag: "ndmp-data-connect-ports",
        kind: .portRange,
        placeholder: "A-B",
        defaultText: "any",
        help: "TCP ports that outgoing NDMP data connections come from."
    )
    static let ndmpPortPolicy = Setting(
        key: "ndmp.data-port-policy",
        flag: "ndmp-data-port-policy",
        kind: .text,
        placeholder: "POLICY",
        defaultText: "next",
        help: "When the data port whose turn it is is taken: next tries the others, fail refuses and names the port."
    )
    static let ndmpInterface = Setting(
        key: "ndmp.data-interface",
        flag: "ndmp-data-interface",
        kind: .text,
        placeholder: "ADDRESS",
        defaultText: "the address the session came in on",
        help: "Local IPv4 address, or name of the interface, of data connections."
    )
    static let ndmpAdvertise = Setting(
        key: "ndmp.advertise",
        flag: "ndmp-advertise",
        kind: .list,
        placeholder: "ADDRESS,…",
        defaultText: "the address the session came in on",
        help: "IPv4 addresses told to peers for data connections, for NAT and containers."
    )
    static let ndmpAuthentication = Setting(
        key: "ndmp.authentication",
        flag: "ndmp-auth",
        kind: .list,
        placeholder: "TYPE,…",
        defaultText: "text,md5",
        help: "Accepted log-ins, any of text, md5 and none; none is taken from loopback only."
    )
    static let ndmpUser = Setting(
        key: "ndmp.user",
        flag: "ndmp-user",
        kind: .text,
        placeholder: "NAME",
        defaultText: "ndmp",
        help: "NDMP user."
    )
    static let ndmpPassword = Setting(
        key: "ndmp.password",
        flag: "ndmp-password",
        kind: .text,
        placeholder: "TEXT",
        defaultText: "ndmp",
        help: "NDMP password; better given in the file or the environment, since process lists show flags.",
        isSecret: true
    )
    static let ndmpVersion = Setting(
        key: "ndmp.version",
        flag: "ndmp-version",
        kind: .count,
        placeholder: "N",
        defaultText: "4",
        help: "Highest protocol version announced: 2, 3 or 4."
    )
    static let ndmpStrict = Setting(
        key: "ndmp.strict",
        flag: "ndmp-strict",
        kind: .flag,
        placeholder: "",
        defaultText: "false",
        help: "Follow the NDMP draft to the letter where deployed clients need another rule."
    )
    static let ndmpSessions = Setting(
        key: "ndmp.sessions",
        flag: "ndmp-sessions",
        kind: .count,
        placeholder: "N",
        defaultText: "256",
        help: "Most NDMP sessions at once."
    )
    static let ndmpAliases = Setting(
        key: "ndmp.aliases",
        flag: "ndmp-aliases",
        kind: .list,
        placeholder: "NAME=DEVICE,…",
        defaultText: "none",
        help: "Further NDMP device names, for example nrst0a=nst0,mc0=sg0."
    )
    static let ndmpAcceptTimeout = Setting(
        key: "ndmp.accept-timeout",
        flag: "ndmp-accept-timeout",
        kind: .count,
        placeholder: "SECONDS",
        defaultText: "300",
        help: "How long a listening mover or data service waits for its peer; 0 for ever."
    )
    static let ndmpConnectTimeout = Setting(
        key: "ndmp.connect-timeout",
        flag: "ndmp-connect-timeout",
        kind: .count,
        placeholder: "SECONDS",
        defaultText: "20",
        help: "How long an outgoing data connection is tried."
    )
    static let ndmpExports = Setting(
        key: "ndmp.exports",
        flag: "export",
        kind: .list,
        placeholder: "PATH[:ro]",
        defaultText: "none",
        help:
            "Directory that NDMP clients may back up, and restore to unless it ends in :ro. Several: repeat the flag, or put commas between."
    )
    static let mount = Setting(
        key: "mount",
        flag: "mount",
        kind: .path,
        placeholder: "DIR",
        defaultText: "not mounted",
        help:
            "Mount the library as files on an empty directory: tape and sg devices, cartridges with all that is on them."
    )
    static let mountAccess = Setting(
        key: "mount-access",
        flag: "mount-access",
        kind: .text,
        placeholder: "WHO",
        defaultText: "auto",
        help:
            "Who may enter the mount, within the files' permissions: everyone, owner (the daemon's user), or auto: everyone where the system permits it."
    )
    static let drives = Setting(
        key: "library.drives",
        flag: "drives",
        kind: .count,
        placeholder: "N",
        defaultText: "4, or as the store has",
        help: "Number of drives, 1 to 64."
    )
    static let slots = Setting(
        key: "library.slots",
        flag: "slots",
        kind: .count,
        placeholder: "N",
        defaultText: "24, or as the store has",
        help: "Number of slots."
    )
    static let mailSlots = Setting(
        key: "library.mail-slots",
        flag: "mail-slots",
        kind: .count,
        placeholder: "N",
        defaultText: "2, or as the store has",
        help: "Number of mail slots (import/export elements)."
    )
    static let library = Setting(
        key: "library.model",
        flag: "library",
        kind: .text,
        placeholder: "NAME",
        defaultText: "ibm-3573-tl, or as the store has",
        help: "Model of the library: a name of Config/personalities, or a YAML file."
    )
    static let driveModels = Setting(
        key: "library.drive-models",
        flag: "drive-models",
        kind: .list,
        placeholder: "NAME,…",
        defaultText: "ibm-lto8, or as the store has",
        help: "Models of the drives, the last one for all that follow: names of Config/personalities, or YAML files."
    )
    static let personalities = Setting(
        key: "personalities",
        flag: "personalities",
        kind: .path,
        placeholder: "DIR",
        defaultText: "Config/personalities beside the program",
        help: "Directory in which models are looked up."
    )
    static let cartridges = Setting(
        key: "library.cartridges",
        flag: "cartridges",
        kind: .count,
        placeholder: "N",
        defaultText: "16",
        help: "Cartridges made for a new store."
    )
    static let cartridgeCapacity = Setting(
        key: "library.cartridge-capacity",
        flag: "cartridge-capacity",
        kind: .size,
        placeholder: "SIZE",
        defaultText: "native",
        help: "Capacity of the cartridges made for a new store, for example 64MiB."
    )
    static let readyFile = Setting(
        key: "ready-file",
        flag: "ready-file",
        kind: .path,
        placeholder: "FILE",
        defaultText: "none",
        help: "Write a JSON description of the running daemon there when every door is open."
    )
    static let exitWithStdin = Setting(
        key: "exit-with-stdin",
        flag: "exit-with-stdin",
        kind: .flag,
        placeholder: "",
        defaultText: "false",
        help: "End the daemon when its standard input closes."
    )
    static let trace = Setting(
        key: "trace",
        flag: "trace",
        kind: .path,
        placeholder: "FILE",
        defaultText: "none",
        help: "Append one decoded line per NDMP message and per SCSI command; never user data."
    )
    static let logLevel = Setting(
        key: "log-level",
        flag: "log-level",
        kind: .text,
        placeholder: "LEVEL",
        defaultText: "notice",
        help: "What is told on standard error: trace, debug, info, notice, warning or error."
    )

    static let all: [Setting] = [
        store, ephemeral, socket, http, mount, mountAccess, ndmp, ndmpExports, ndmpDataPorts, ndmpConnectPorts,
        ndmpPortPolicy,
        ndmpAdvertise,
        ndmpInterface, ndmpAcceptTimeout, ndmpConnectTimeout, ndmpAuthentication, ndmpUser, ndmpPassword, ndmpVersion,
        ndmpStrict, ndmpSessions, ndmpAliases, drives, slots,
        mailSlots, library, driveModels, personalities, cartridges, cartridgeCapacity, readyFile, exitWithStdin,
        trace, logLevel,
    ]
}
