#!/bin/sh
# Unpacks the Debian packages that a file lists beside each other: Debian's mail servers exclude one another as packages.
# Nothing of them is installed; only the libraries they need (listed in debian-packages.txt) are. What cannot be had is
# named; the tests that need it are skipped.
set -u

list=${1:?usage: unpack-debian-packages.sh FILE DIRECTORY}
into=${2:?usage: unpack-debian-packages.sh FILE DIRECTORY}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || exit 0
fetch=
for package in $(cat "$list"); do
    [ -e "$into/$package" ] || fetch="$fetch $package"
done
[ -n "$fetch" ] || exit 0

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$into"
into=$(cd "$into" && pwd)
[ "$(id -u)" != 0 ] || apt-get -qq update >/dev/null 2>&1
for package in $fetch; do
    if (cd "$work" && apt-get -qq download "$package" >/dev/null 2>&1) && dpkg-deb -x "$work/$package"_*.deb "$work/$package"; then
        mv "$work/$package" "$into/$package"
    else
        echo "not unpacked: $package" >&2
    fi
done
exit 0
