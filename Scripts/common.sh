# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
#
# What every script here shares: where the repository is, how to speak, how to find Swift and how to install
# Debian packages. Sourced, never run.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program="$repository/.build/release/capstan"

# What the Swift toolchain and the package need of Debian 12 to build.
build_packages=(
    binutils ca-certificates fuse3 git libarchive-dev libbz2-dev libc6-dev libcurl4 libedit2 libfuse3-dev libgcc-12-dev
    libncurses6 libsgutils2-dev libsqlite3-dev libstdc++-12-dev libxml2 pkg-config tzdata zlib1g-dev
)
# The independent tools that the integration tests drive, and what those need.
test_packages=(
    acl amanda-client amanda-server attr bacula-console bacula-director bacula-director-sqlite3 bacula-fd bacula-sd
    cpio dump e2fsprogs gcc hercules iproute2 libarchive-tools libc6-dev mount mt-st mtx netbase nftables nmap procps
    python3 rsync sg3-utils simh stenc tar tshark util-linux
)
# The C programs that Scripts/bench compares with, and tar; rsync compares what came back.
bench_packages=(fuse3 gcc libc6-dev libfuse3-dev pkg-config python3 rsync tar)

say() { printf '==> %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# install_packages PACKAGE…: installs what is missing, and nothing else.
install_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || fail "these Debian packages are needed, and there is no apt-get here: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null \
            || fail "these Debian packages are needed; as root, run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing ${missing[*]}"
    # Nothing may ask a question: wireshark-common and postfix would.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || say "apt-get update failed; going on"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 \
        || fail "apt-get could not install: ${missing[*]}"
}

# Puts `swift` on PATH, or says what to do. Swift is not a Debian package.
find_swift() {
    local folder
    if ! command -v swift >/dev/null; then
        for folder in /opt/swift/usr/bin /usr/local/swift/usr/bin "$HOME/.local/share/swiftly/bin"; do
            [ -x "$folder/swift" ] && PATH="$folder:$PATH" && break
        done
    fi
    command -v swift >/dev/null || fail "Swift 6.3 is needed to build Capstan, and Debian has no package of it.
       Install the toolchain for Debian 12 from https://www.swift.org/install/linux/ so that 'swift' is on PATH,
       or unpack it as /opt/swift (so that /opt/swift/usr/bin/swift exists), then run this again."
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -1)
    case "$version" in
        6.[3-9] | 6.[1-9][0-9] | [7-9].* | [1-9][0-9].*) ;;
        *) fail "Swift 6.3 or newer is needed; $(command -v swift) is version ${version:-unknown}" ;;
    esac
}
