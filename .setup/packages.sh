# Sourced by its neighbours: system packages, as root or through a sudo that does not ask.
# Every script here says what it does, does nothing when nothing is missing, and can be run again at any time.

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    has apt-get || return 1
    [ "$(id -u)" -eq 0 ] || { has sudo && sudo -n true 2>/dev/null; }
}

# RUNLEVEL=1 keeps packages from starting services while they are installed.
install_packages() {
    say "installing $* (apt-get)"
    as_root apt-get update -qq || say "the package lists could not be refreshed, trying with the old ones"
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends "$@" </dev/null
}
