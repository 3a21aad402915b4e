#!/bin/bash
# need.sh PACKAGE...: has these Debian packages installed, installing what is missing when root. "dotnet" is the .NET 10 SDK.
set -euo pipefail
missing=()
for package; do
  if [ "$package" = dotnet ]; then
    command -v dotnet >/dev/null || { echo "mica: dotnet is missing: install the .NET 10 SDK" >&2; exit 1; }
    (cd "$(dirname "$0")/.." && dotnet --list-sdks | grep -q '^1[0-9]\.') ||
      { echo "mica: the .NET 10 SDK is missing (dotnet --list-sdks has: $(dotnet --list-sdks | cut -d' ' -f1 | xargs))" >&2; exit 1; }
  elif ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || { echo "mica: missing: ${missing[*]} (the names of Debian's packages)" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "mica: missing: run as root: apt-get install --no-install-recommends ${missing[*]}" >&2; exit 1; }
log=$(mktemp); policy=
trap 'rm -f "$log" $policy' EXIT
# Servers are for the tests to start, with data of their own: a package's installation starts none.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  policy=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy
fi
echo "installing ${missing[*]}"
install() {
  DEBIAN_FRONTEND=noninteractive apt-get -qy -oDPkg::Lock::Timeout=600 install --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# A list of packages from long ago names versions that are gone, so a failure is worth one update.
install || { apt-get -q update >"$log" 2>&1 && install; } ||
  { grep -E '^E:' "$log" >&2 || tail -3 "$log" >&2; echo "mica: apt-get could not install: ${missing[*]}" >&2; exit 1; }
