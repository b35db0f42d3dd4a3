// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// `docs/reference/configuration.md`, made from the table of settings.
enum ConfigurationReference {
    static func markdown() -> String {
        var text = """
            # Configuration

            <!-- Made from the table of settings in Sources/capstan/Configuration/Setting.swift; do not edit. -->

            Every setting of `capstan serve` can be given as a flag, in the environment, or in a YAML file named with
            `--config` (or `CAPSTAN_CONFIG`). A flag wins over the environment, the environment over the file, the
            file over the default. In the file, a key with a dot is nested: `ndmp.data-ports` is `data-ports` under
            `ndmp`. An unknown key is an error. Sizes are written as `64MiB`, `1.5GiB` or `12TB`.

            | Key | Flag | Environment | Default | Meaning |
            |---|---|---|---|---|

            """
        for setting in Settings.all {
            let flag = setting.kind == .flag ? "`--\(setting.flag)`" : "`--\(setting.flag) \(setting.placeholder)`"
            text += "| `\(setting.key)` | \(flag) | `\(setting.environment)` | \(setting.defaultText) "
            text += "| \(setting.help) |\n"
        }
        return text
    }
}
