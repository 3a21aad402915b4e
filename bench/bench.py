"""Times whole commands: each case's contestants take turns; medians of wall and CPU, peak memory, and ratios to the first.

Every run that writes gets a file system made for it (ext4 in a file): ext4 hands out no inode that was deleted in the last
minutes and scans past each, so "remove, then extract" on one file system measures that scan. CPU is that of the command and
its children; for the clients of a daemon, the daemon's is added when /proc tells it.
"""
import argparse, json, os, shlex, shutil, statistics, subprocess, sys, time

arguments = argparse.ArgumentParser()
for name in ("mica", "hello", "images", "registry", "dir"):
    arguments.add_argument("--" + name, required=True)
arguments.add_argument("-n", type=int, default=5)
arguments.add_argument("--image", default="node:18", help="the image of pull, push and save, in the registry that --from names")
arguments.add_argument("--from", dest="source", help="another registry that has the image")
arguments.add_argument("cases", nargs="*")
options = arguments.parse_args()
registry = options.source or options.registry
reference = f"{registry}/{options.image}"
disk, store = options.dir + "/disk", options.dir + "/disk/store"
tick = os.sysconf("SC_CLK_TCK")


def fresh_disk():
    """A new ext4 at `disk`, without anything cached of the one before."""
    if os.path.ismount(disk):
        subprocess.check_call(["umount", disk])
    os.makedirs(disk, exist_ok=True)
    image = options.dir + "/disk.img"
    if os.path.exists(image):
        os.unlink(image)
    with open(image, "w") as file:
        file.truncate(16 << 30)
    subprocess.check_call(["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", image])
    subprocess.check_call(["mount", "-o", "loop,noatime,noinit_itable", image, disk])


def daemon_cpu(names):
    """Seconds of CPU so far of the processes with these names."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")) if names else ():
        try:
            with open(f"/proc/{pid}/stat") as file:
                text = file.read()
        except OSError:
            continue
        if text[text.index("(") + 1:text.rindex(")")] in names:
            fields = text[text.rindex(")") + 2:].split()
            total += sum(map(int, fields[11:15])) / tick
    return total


class Contestant:
    def __init__(self, name, command, prepare=None, daemons=(), repeat=1):
        self.name, self.command, self.prepare, self.daemons, self.repeat = name, command, prepare, daemons, repeat
        self.wall, self.cpu, self.memory = [], [], 0

    def run(self):
        if self.prepare:
            self.prepare()
        os.sync()
        before = daemon_cpu(self.daemons)
        words = ["bash", "-euc", self.command] if isinstance(self.command, str) else self.command
        for _ in range(self.repeat):
            start = time.perf_counter()
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"{self.name}: exit {process.returncode}: {errors.decode(errors='replace').strip()[-300:]}")
            self.wall.append(wall)
            self.cpu.append(usage.ru_utime + usage.ru_stime + (daemon_cpu(self.daemons) - before) / self.repeat)
            self.memory = max(self.memory, usage.ru_maxrss)
            before = daemon_cpu(self.daemons)


def mica(*words):
    return [options.mica, "--root", store, *words]


def layers_of(name):
    """The layer files of a fixture image, the lowest first."""
    with open(options.images + "/index.json") as file:
        entries = json.load(file)["manifests"]
    blob = lambda digest: f"{options.images}/blobs/{digest.replace(':', '/')}"
    digest = next(e["digest"] for e in entries if e["annotations"]["org.opencontainers.image.ref.name"] == name)
    with open(blob(digest)) as file:
        return [blob(layer["digest"]) for layer in json.load(file)["layers"]]


def layers_of_registry():
    """The layers of the image, copied by skopeo into a layout of their own."""
    layout = options.dir + "/layout"
    if not os.path.exists(layout):
        subprocess.check_call(["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{reference}", f"oci:{layout}:x"])
    read = lambda path: json.load(open(path))
    manifest = read(f"{layout}/blobs/" + read(layout + "/index.json")["manifests"][0]["digest"].replace(":", "/"))
    return [f"{layout}/blobs/{layer['digest'].replace(':', '/')}" for layer in manifest["layers"]]


def has(tool):
    return shutil.which(tool) is not None


def filled():
    """A store with the image and two more; once for the cases that only look."""
    if os.path.ismount(disk) and os.path.exists(store):
        return
    fresh_disk()
    for name in ("python:3", "debian:bookworm-slim"):
        subprocess.check_call(mica("pull", "-q", f"{options.registry}/{name}"), stdout=subprocess.DEVNULL)
    subprocess.check_call(mica("pull", "-q", reference), stdout=subprocess.DEVNULL)


def docker_works():
    return has("docker") and subprocess.run(["docker", "info"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def pull():
    files = layers_of_registry() if options.source else layers_of(options.image)
    unzip = "igzip" if has("igzip") else "gzip"
    raw = f"cd {disk}; i=0; for f in {' '.join(map(shlex.quote, files))}; do echo $i $f; i=$((i+1)); done | " \
          f"xargs -P2 -n2 sh -c 'mkdir $1; {unzip} -dc <$2 | tar xf - -C $1 --xattrs --numeric-owner' _"
    yield Contestant(f"{unzip} -dc | tar x, two layers at once", raw, fresh_disk)
    yield Contestant("mica pull", mica("pull", "-q", reference), fresh_disk)
    if has("podman"):
        yield Contestant("podman pull", ["podman", "--root", store, "pull", "-q", "--tls-verify=false", reference], fresh_disk)


def listing(words, podman=None, docker=None):
    subject = [reference] if words[0] in ("history", "inspect") else []
    yield Contestant("mica " + " ".join(words), mica(*words, *subject), filled, repeat=20)
    if docker_works():
        yield Contestant("docker " + " ".join(docker or words), ["docker", *(docker or words), *subject], filled, ("dockerd", "containerd"), repeat=20)
    if has("podman"):
        yield Contestant("podman " + " ".join(podman or words), ["podman", *(podman or words), *subject], filled, repeat=20)


def push():

    def named():
        filled()
        subprocess.check_call(mica("tag", reference, "bench:next"))

    yield Contestant("mica push, empty repository", [
        "bash", "-euc", f'"$1" --root "$2" tag "$3" "$4/bench$$:1"; "$1" --root "$2" push -q "$4/bench$$:1"', "bash",
        options.mica, store, reference, options.registry], named)
    if has("skopeo"):
        yield Contestant("skopeo copy from a layout", [
            "bash", "-euc", f'skopeo copy -q --dest-tls-verify=false oci:{options.images}:{options.image} "docker://{options.registry}/skopeo$$:1"'], named)


def save():
    yield Contestant("mica save", mica("save", "-o", "/dev/null", reference), filled)
    if has("skopeo"):
        yield Contestant("skopeo copy to docker-archive", [
            "bash", "-euc", f"rm -f {options.dir}/s.tar; skopeo copy -q --src-tls-verify=false docker://{reference} docker-archive:{options.dir}/s.tar"], filled)


def copy():
    target = options.dir + "/copied"
    clear = lambda: shutil.rmtree(target, ignore_errors=True)
    yield Contestant("mica copy to a layout", mica("copy", f"docker://{reference}", f"oci:{target}:x"), clear)
    if has("skopeo"):
        yield Contestant("skopeo copy to a layout", ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{reference}", f"oci:{target}:x"], clear)


def version():
    yield Contestant("a bare native program", [options.hello], repeat=20)
    yield Contestant("mica version", [options.mica, "version"], repeat=20)
    for tool in ("skopeo", "docker", "podman"):
        if has(tool):
            yield Contestant(tool + " --version", [tool, "--version"], repeat=20)


def build_context():
    """The context, made once; it lies on the disk of the caller, as contexts do."""
    context = options.dir + "/context"
    if not os.path.exists(context):
        subprocess.check_call([sys.executable, os.path.dirname(os.path.abspath(__file__)) + "/context.py", context, options.registry])
    return context


def builders(prepare, repeat=1, change=None):
    """Who builds the context; `prepare` gets what makes the tool's cache empty, and what builds. `change` is done before each build."""
    context = build_context()
    before = [] if change is None else ["bash", "-euc", f'{change}; exec "$@"', "bash"]

    def contestant(name, words, empty, daemons=()):
        build = lambda: subprocess.check_call(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return Contestant(name, [*before, *words], lambda: prepare(name, empty, build), daemons, repeat)

    def empty_mica():
        fresh_disk()
        subprocess.check_call(mica("pull", "-q", f"{options.registry}/debian:bookworm-slim"), stdout=subprocess.DEVNULL)

    if docker_works():
        def empty_docker():
            subprocess.run("docker rmi -f bench; docker builder prune -af; docker pull -q " + f"{options.registry}/debian:bookworm-slim",
                           shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield contestant("docker build (BuildKit)", ["env", "DOCKER_BUILDKIT=1", "docker", "build", "-q", "--network", "none", "-t", "bench", context],
                         empty_docker, ("dockerd", "containerd"))
    yield contestant("mica build", mica("build", "-q", "--network", "none", "-t", "bench", context), empty_mica)
    if has("buildah"):
        own = options.dir + "/buildah"
        words = ["buildah", "--root", own, "--runroot", own + ".run", "--storage-driver", "overlay"]
        def empty_buildah():
            subprocess.call(f"{shlex.join(words)} rm -a; {shlex.join(words)} rmi -af", shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.check_call([*words, "pull", "-q", "--tls-verify=false", f"{options.registry}/debian:bookworm-slim"], stdout=subprocess.DEVNULL)
        yield contestant("buildah build", [*words, "build", "-q", "--layers", "--isolation", "chroot", "--tls-verify=false", "-t", "bench", context], empty_buildah)


def build_cold():
    return builders(lambda name, empty, build: empty())


def build_cached():
    return builders(lambda name, empty, build: build(), repeat=3)


def build_changed():
    file = build_context() + "/src/part01/group1/file00001.ts"
    return builders(lambda name, empty, build: build(), change=f"echo '// changed' >> {file}")


def bundle():
    """busybox and true, for the runtime alone: what a container costs at the least."""
    own = options.dir + "/bundle"
    if not os.path.exists(own):
        os.makedirs(own + "/rootfs")
        for layer in layers_of("busybox:latest"):
            subprocess.check_call(["tar", "-xf", layer, "-C", own + "/rootfs"])
        subprocess.check_call(["crun", "spec"], cwd=own)
        with open(own + "/config.json") as file:
            config = json.load(file)
        config["process"].update(terminal=False, args=["true"])
        with open(own + "/config.json", "w") as file:
            json.dump(config, file)
    return own


def bare_crun():
    """crun takes no machine with cgroups of both versions; in a mount namespace it sees those of one."""
    hidden = "umount /sys/fs/cgroup/unified 2>/dev/null; " if os.path.exists("/sys/fs/cgroup/unified/cgroup.controllers") else ""
    return Contestant("crun run", ["unshare", "-m", "sh", "-c", f'{hidden}exec crun run --bundle "$0" bench-$$', bundle()], repeat=10)


def run_container(network):
    def stored():
        if not (os.path.ismount(disk) and os.path.exists(disk + "/with-busybox")):
            fresh_disk()
            subprocess.check_call(mica("pull", "-q", f"{options.registry}/busybox:latest"), stdout=subprocess.DEVNULL)
            open(disk + "/with-busybox", "w").close()

    image = f"{options.registry}/busybox:latest"
    words = ["run", "--rm", *(["--network", "none"] if network == "none" else []), image, "true"]
    yield bare_crun()
    yield Contestant("mica run --rm" + (" --network none" if network == "none" else ""), mica(*words), stored, repeat=10)
    if docker_works():
        subprocess.call(["docker", "pull", "-q", image], stdout=subprocess.DEVNULL)
        yield Contestant("docker run --rm", ["docker", *words], stored, ("dockerd", "containerd"), repeat=10)
    if has("podman"):
        subprocess.call(["podman", "pull", "-q", "--tls-verify=false", image], stdout=subprocess.DEVNULL)
        yield Contestant("podman run --rm", ["podman", *words], stored, repeat=10)


def build_step():
    """Twenty steps that do nothing, over the same build without them; a step is a twentieth of the difference."""
    def build(count):
        context = f"{options.dir}/steps{count}"
        os.makedirs(context, exist_ok=True)
        with open(context + "/Dockerfile", "w") as file:
            file.write(f"FROM {options.registry}/busybox:latest\n" + "".join(f"RUN true {i}\n" for i in range(count)))
        return mica("build", "-q", "--no-cache", "--network", "none", context)

    def stored():
        fresh_disk()
        subprocess.check_call(mica("pull", "-q", f"{options.registry}/busybox:latest"), stdout=subprocess.DEVNULL)

    yield bare_crun()
    yield Contestant("mica build, no step", build(0), stored)
    yield Contestant("mica build, 20 x RUN true", build(20), stored)


cases = {
    "version": version,
    "run-none": lambda: run_container("none"),
    "run-bridge": lambda: run_container("bridge"),
    "run-true": build_step,
    "pull": pull,
    "images": lambda: listing(["images"]),
    "history": lambda: listing(["history"]),
    "inspect": lambda: listing(["inspect"]),
    "df": lambda: listing(["system", "df"]),
    "copy": copy,
    "push": push,
    "save": save,
    "build-cold": build_cold,
    "build-cached": build_cached,
    "build-changed": build_changed,
}

for unknown in set(options.cases) - set(cases):
    sys.exit(f"bench: no case {unknown}: there are {' '.join(cases)}")
print(f"{'':46}{'wall ms':>10}{'CPU ms':>10}{'RSS MB':>8}{'x wall':>8}{'x CPU':>8}   (medians of {options.n} turns; x: to the first)")
for name in options.cases or cases:
    contestants = list(cases[name]())
    for _ in range(options.n):
        for contestant in contestants:
            contestant.run()
    first = contestants[0]
    print(name)
    for c in contestants:
        wall, cpu = statistics.median(c.wall), statistics.median(c.cpu)
        print(f"  {c.name[:43]:44}{wall * 1000:10.1f}{cpu * 1000:10.1f}{c.memory / 1024:8.0f}"
              f"{wall / statistics.median(first.wall):8.2f}{cpu / max(statistics.median(first.cpu), 1e-9):8.2f}", flush=True)
