#!/bin/bash
# unprivileged.sh MICA UID COMMAND...: runs COMMAND where a build in Kubernetes runs: in a container without CAP_SYS_ADMIN, whose
# /proc has masks and whose root is an overlay (of this machine). mica is in its PATH, /volume is a tmpfs with busybox in it.
set -euo pipefail
mica=$1 uid=$2; shift 2
export mica uid
exec unshare --mount bash -euc '
mount -t tmpfs tmpfs /mnt
mount -t tmpfs tmpfs /sys/fs/cgroup # crun cannot do with hybrid cgroups
mkdir -p /mnt/upper /mnt/work /mnt/bundle/rootfs
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/bundle/rootfs
mkdir -p /mnt/bundle/rootfs/volume
install -m 755 "$mica" /mnt/bundle/rootfs/usr/bin/mica
chmod 1777 /mnt/bundle/rootfs/volume
cd /mnt/bundle && crun spec
arguments=$(jq -n "\$ARGS.positional" --args -- "$@")
jq --argjson arguments "$arguments" --argjson uid "$uid" "
  [\"CHOWN\",\"DAC_OVERRIDE\",\"FSETID\",\"FOWNER\",\"MKNOD\",\"NET_RAW\",\"SETGID\",\"SETUID\",\"SETFCAP\",\"SETPCAP\",\"NET_BIND_SERVICE\",\"SYS_CHROOT\",\"KILL\",\"AUDIT_WRITE\" | \"CAP_\" + .] as \$caps
  | .process |= . + {terminal: false, args: \$arguments, rlimits: [], cwd: \"/\", user: {uid: \$uid, gid: \$uid}, noNewPrivileges: false,
      env: [\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\", \"HOME=/volume\"],
      capabilities: {bounding: \$caps, effective: (if \$uid == 0 then \$caps else [] end), permitted: (if \$uid == 0 then \$caps else [] end)}}
  | .root = {path: \"rootfs\"}
  | .mounts |= map(select(.type != \"cgroup\")) + [{destination: \"/volume\", type: \"tmpfs\", source: \"tmpfs\", options: [\"nosuid\", \"nodev\", \"mode=1777\"]}]
  | .linux.resources = {} | .linux.maskedPaths = [\"/proc/acpi\", \"/proc/kcore\", \"/proc/keys\", \"/proc/timer_list\", \"/sys/firmware\"]
  | .linux.readonlyPaths = [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"]
  | .linux.namespaces = ([\"pid\", \"ipc\", \"uts\", \"mount\", \"network\"] | map({type: .}))" config.json >own.json && mv own.json config.json
crun --root /mnt/state --cgroup-manager=disabled run -b /mnt/bundle unprivileged
' unprivileged "$@"
