#!/bin/bash
# All tests: builds without a warning, unit tests, the native binary, system tests on it. The last line sums them up.
set -uo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# The packages of the system tests: registry and clients to test against, and tools to make and to look at images.
test/need.sh dotnet docker-registry skopeo umoci mmdebstrap zstd libcap2-bin attr openssl e2fsprogs mount util-linux crun runc busybox-static uidmap netavark iptables jq conmon nftables iproute2 aardvark-dns catatonit bsdutils slirp4netns procps buildah podman xz-utils bzip2 postgresql-15 radosgw ceph-mon ceph-osd chromium fonts-dejavu-core || exit 1
mkdir -p artifacts

echo "building"
dotnet build Mica.slnx -v q -nologo -clp:NoSummary >artifacts/build.log 2>&1 ||
  { grep -E 'error|warning' artifacts/build.log | sort -u | head -20 >&2; echo "test: the build failed (artifacts/build.log)" >&2; exit 1; }

passed=0 failed=0 skipped=0
# suite NAME: runs a test program, shows what did not pass, adds its counts.
suite() {
  local program=test/$1/bin/Debug/net10.0/$1 log=artifacts/$1.log counts
  echo "running $1"
  "$program" -noColor -noLogo >"$log" 2>&1 </dev/null
  grep -vE '^ *(Discover|Starting|Finished)' "$log"
  counts=$(grep -oE 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+, Not Run: [0-9]+' "$log" | tail -1)
  if [ -z "$counts" ]; then echo "test: $1 ended without a summary" >&2; failed=$((failed + 1)); return; fi
  set -- $(tr -dc '0-9 ' <<<"$counts")
  passed=$((passed + $1 - $3 - $4 - $5)); failed=$((failed + $2 + $3)); skipped=$((skipped + $4))
}

suite Mica.Tests
suite Mica.BackendTests
if make build; then
  export MICA_BINARY=$PWD/out/mica
  suite Mica.SystemTests
else
  failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
