#!/bin/sh
# The real parts that the tests run on. Debian as root: apt installs what is missing. Anywhere else: says what is
# missing and how to get it, and goes on; the tests that need it are then skipped by name.
set -eu

# program, Debian packages, Homebrew formula: one line a part; with Chromium a font in which Japanese can be read
parts='
postgres postgresql postgresql@17
redis-server redis-server redis
nginx nginx-light nginx
curl curl curl
openssl openssl openssl@3
chromium chromium,fonts-noto-cjk chromium
'

present() {
    command -v "$1" >/dev/null 2>&1 && return
    for place in /usr/sbin /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin; do
        [ -x "$place/$1" ] && return
    done
    return 1
}

missing=$(echo "$parts" | while read -r program package formula; do
    [ -z "$program" ] || present "$program" || echo "$program $package $formula"
done)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    packages=$(echo "$missing" | cut -d' ' -f2 | tr , ' ')
    # Debian's packages would start servers of their own, which nobody asked for: the tests start theirs.
    policy=/etc/postgresql-common/createcluster.d/sekisho-tests.conf
    mkdir -p "${policy%/*}"
    echo "create_main_cluster = false" >"$policy"
    starts=/usr/sbin/policy-rc.d
    if [ -e "$starts" ]; then
        starts=$policy # somebody has decided already; theirs stays
    else
        printf '#!/bin/sh\nexit 101\n' >"$starts"
        chmod +x "$starts"
    fi
    trap 'rm -f "$policy" "$starts"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -y -qq --no-install-recommends $packages >/dev/null
else
    echo "$missing" | while read -r program package formula; do
        echo "missing: $program; its tests will be skipped. Debian: apt-get install $(echo "$package" | tr , ' ');" \
            "macOS: brew install $formula" >&2
    done
fi
