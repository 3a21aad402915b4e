#!/bin/bash
# Whole commands side by side with the tools that are there, in one run, ratios at the end: bench/run.sh [-n RUNS] [CASE...]
# Needs root (fresh file systems). Peers that are not installed are left out. What is measured is in bench.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
images=${MICA_FIXTURES:-${XDG_CACHE_HOME:-${HOME:-/var}/.cache}/mica-fixtures}
[ "$(id -u)" = 0 ] || { echo "bench: needs root: each pull gets a fresh file system" >&2; exit 1; }
"$here/../test/fixtures/make-images.sh" "$images"
dir=$(mktemp -d /var/tmp/mica-bench-XXXXXX)
cleanup() {
  "$here/../test/fixtures/registry.sh" stop "$dir/registry"
  ! mountpoint -q "$dir/disk" || umount "$dir/disk"
  rm -rf "$dir"
}
trap cleanup EXIT
registry=$("$here/../test/fixtures/registry.sh" start "$dir/registry")
"$here/../test/fixtures/push-images.sh" "$images" "$registry"
hello=$images/hello-$(dotnet --version)
[ -x "$hello/hello" ] || dotnet publish "$here/../test/fixtures/hello/hello.csproj" -c Release -r "linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')" -o "$hello" -v q
python3 "$here/bench.py" --mica "$here/../out/mica" --hello "$hello/hello" --images "$images/images" --registry "$registry" --dir "$dir" "$@"
