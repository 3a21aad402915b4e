#!/bin/bash
# Registries side by side in one run: bench/registry.sh [-n RUNS] [CASE...]. What is measured is in registry.py. Needs root: the data
# of all of them is on one ext4 that is made for the run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "bench: needs root: the run gets a fresh file system" >&2; exit 1; }
"$here/../test/need.sh" docker-registry nginx-light wrk curl e2fsprogs mount python3
dir=$(mktemp -d /var/tmp/mica-bench-XXXXXX)
cleanup() { ! mountpoint -q "$dir/disk" || umount "$dir/disk"; rm -rf "$dir"; }
trap cleanup EXIT
truncate -s 32G "$dir/disk.img"
mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 "$dir/disk.img"
mkdir "$dir/disk"
mount -o loop,noatime "$dir/disk.img" "$dir/disk"
chmod 755 "$dir"
python3 "$here/registry.py" --mica "${MICA:-$here/../out/mica}" --dir "$dir" "$@"
