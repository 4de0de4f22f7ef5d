#!/bin/sh
# Installs the Debian packages that a file lists, if this is root on a machine with apt. Starts no service. What cannot
# be installed is named; the tests that need it are skipped.
set -u

list=${1:?usage: install-debian-packages.sh FILE}

missing() {
    while read -r package; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done <"$list"
}

command -v apt-get >/dev/null || exit 0
wanted=$(missing)
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not installed (needs root):" $wanted >&2
    exit 0
fi

# Package scripts ask this program whether they may start a service (Debian Policy, 9.3.3): 101 is no. One that is
# there already has been put there by somebody, and stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
if command -v debconf-set-selections >/dev/null; then
    echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections
fi
apt-get -qq update >/dev/null 2>&1
# All at once is quickest; where one cannot be had, the others still can.
if ! apt-get -qq install --no-install-recommends $wanted >/dev/null 2>&1 </dev/null; then
    for package in $wanted; do
        apt-get -qq install --no-install-recommends "$package" >/dev/null 2>&1 </dev/null
    done
fi

left=$(missing)
[ -z "$left" ] || echo "not installed:" $left >&2
exit 0
