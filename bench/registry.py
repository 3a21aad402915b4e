"""Registries side by side: requests for a manifest, downloads and uploads of blobs, many repositories, slow clients.

The contestants take turns on one file system made for the run; medians of the turns, and ratios to mica. CPU is that of the
server alone, by /proc. nginx serves the same bytes as plain files: what the machine can do without being a registry.
"""
import argparse, hashlib, http.client, json, os, re, shutil, signal, socket, statistics, subprocess, sys, time

arguments = argparse.ArgumentParser()
for name in ("mica", "dir"):
    arguments.add_argument("--" + name, required=True)
arguments.add_argument("-n", type=int, default=5)
arguments.add_argument("--repositories", type=int, default=10_000, help="how many the case many-repositories makes")
arguments.add_argument("cases", nargs="*")
options = arguments.parse_args()
tick = os.sysconf("SC_CLK_TCK")
disk = options.dir + "/disk"
BLOB = 256 << 20
running = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on a port of its own, with its data on the disk of the run."""

    def __init__(self, name, command, files=()):
        self.name, self.port, self.process = name, free_port(), None
        self.data = f"{disk}/{name}"
        self.command, self.files = command, files

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        for path, text in self.files:
            with open(f"{self.data}/{path}", "w") as file:
                file.write(text.format(port=self.port, data=self.data))
        words = [word.format(port=self.port, data=self.data) for word in self.command]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
        running.append(self.process)
        started = time.perf_counter()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return time.perf_counter() - started
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - started > 30:
                    raise RuntimeError(f"{self.name} did not start")
                time.sleep(0.002)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def processes(self):
        found = [self.process.pid]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    text = file.read()
            except OSError:
                continue
            if int(text[text.rindex(")") + 2:].split()[1]) == self.process.pid:
                found.append(int(pid))
        return found

    def cpu(self):
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / tick

    def memory(self):
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/status") as file:
                total += int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
        return total / 1024

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{self.name}: {method} {path}: {answer.status} {content[:200]}")
        return answer, content

    def address(self, path):
        return f"http://127.0.0.1:{self.port}{path}"


def registries():
    yield Server("mica", [options.mica, "registry", "serve", "--data", "{data}/data", "--listen", "127.0.0.1:{port}"])
    if shutil.which("docker-registry"):
        yield Server("docker-registry", ["docker-registry", "serve", "{data}/config.yml"], [("config.yml",
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
            "storage: {{filesystem: {{rootdirectory: {data}/data}}, delete: {{enabled: true}}, cache: {{blobdescriptor: inmemory}}}}\n"
            "http: {{addr: '127.0.0.1:{port}'}}\n")])


def nginx():
    if shutil.which("nginx"):
        yield Server("nginx", ["nginx", "-p", "{data}", "-c", "{data}/nginx.conf"], [("nginx.conf",
            "daemon off; worker_processes auto; pid {data}/pid; error_log {data}/error.log; events {{ worker_connections 1024; }}\n"
            "http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; client_body_temp_path {data}/body;\n"
            "proxy_temp_path {data}/proxy; fastcgi_temp_path {data}/fcgi; uwsgi_temp_path {data}/uwsgi; scgi_temp_path {data}/scgi;\n"
            "server {{ listen 127.0.0.1:{port}; root {data}/files; }} }}\n")])


def push_blob(server, repository, content):
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    answer, _ = server.request("POST", f"/v2/{repository}/blobs/uploads/")
    location = answer.getheader("Location")
    location = location[location.index("/v2/"):]
    server.request("PUT", location + ("&" if "?" in location else "?") + "digest=" + digest, content,
                   {"Content-Type": "application/octet-stream"})
    return digest


def push_image(server, repository, tag, layer):
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    blobs = [(push_blob(server, repository, content), len(content)) for content in (config, layer)]
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": blobs[0][0], "size": blobs[0][1]},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": blobs[1][0], "size": blobs[1][1]}],
        "annotations": {"org.example.filler": "x" * 900},
    }).encode()
    server.request("PUT", f"/v2/{repository}/manifests/{tag}", manifest, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
    return manifest, blobs[1][0]


def turns(contestants, run):
    """Each contestant once, then each again; the samples of each."""
    samples = {contestant.name: [] for contestant in contestants}
    for _ in range(options.n):
        for contestant in contestants:
            samples[contestant.name].append(run(contestant))
    return samples


def table(title, columns, samples):
    """`columns` are (name, unit, whether more is better); medians and ratios of mica to each peer."""
    print(f"\n{title}")
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in samples.items()}
    results[title] = {name: dict(zip([column[0] for column in columns], values)) for name, values in medians.items()}
    print("  " + "".ljust(18) + "".join(f"{name + ' ' + unit:>22}" for name, unit in columns))
    for name, values in medians.items():
        cells = [f"{value:22.2f}" for value in values]
        print("  " + name.ljust(18) + "".join(cells))
    for name, values in medians.items():
        if name != "mica":
            print("  " + f"mica / {name}".ljust(18) + "".join(f"{mine / max(theirs, 1e-9):21.2f}x" for mine, theirs in zip(medians["mica"], values)))


def static_file(server, path, content):
    target = f"{server.data}/files{path}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(content)


def manifests():
    """GET of one manifest by its tag, 32 connections, by wrk."""
    contestants = [*registries(), *nginx()]
    manifest = None
    for server in contestants:
        server.start()
        if server.name == "nginx":
            static_file(server, "/v2/team/app/manifests/latest", manifest)
        else:
            manifest, _ = push_image(server, "team/app", "latest", b"layer")

    def run(server):
        before = server.cpu()
        text = subprocess.check_output(["wrk", "-t1", "-c32", "-d3", "-H", "Accept: application/vnd.oci.image.manifest.v1+json", server.address("/v2/team/app/manifests/latest")], text=True)
        spent = server.cpu() - before
        if "Non-2xx" in text:
            raise RuntimeError(f"{server.name}: {text}")
        count = int(re.search(r"(\d+) requests in", text)[1])
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), spent / count * 1e6, server.memory()

    samples = turns(contestants, run)
    for server in contestants:
        server.stop()
    table("manifest GET by tag, 32 connections", [("requests", "/s"), ("CPU", "us each"), ("memory", "MB")], samples)


def downloads():
    """GET of one blob, by curl."""
    contestants = [*registries(), *nginx()]
    layer = os.urandom(1 << 20) * (BLOB >> 20)
    path = {}
    for server in contestants:
        server.start()
        if server.name == "nginx":
            path[server.name] = "/blob"
            static_file(server, "/blob", layer)
        else:
            path[server.name] = "/v2/team/app/blobs/" + push_image(server, "team/app", "latest", layer)[1]

    def run(server):
        before, started = server.cpu(), time.perf_counter()
        subprocess.check_call(["curl", "-sfo", "/dev/null", server.address(path[server.name])])
        wall = time.perf_counter() - started
        return BLOB / wall / 1e6, (server.cpu() - before) * 1000 / (BLOB / 1e9), server.memory()

    samples = turns(contestants, run)
    for server in contestants:
        server.stop()
    table(f"blob GET, {BLOB >> 20} MiB, one client", [("rate", "MB/s"), ("CPU", "ms/GB"), ("memory", "MB")], samples)


def upload(server, repository, file, digest):
    answer, _ = server.request("POST", f"/v2/{repository}/blobs/uploads/")
    location = answer.getheader("Location")
    location = location[location.index("/v2/"):]
    subprocess.check_call(["curl", "-sfo", "/dev/null", "-H", "Content-Type: application/octet-stream", "-H", "Expect:", "-T", file,
                           server.address(location + ("&" if "?" in location else "?") + "digest=" + digest)])


def uploads():
    """POST and PUT of a blob that is new each time, by curl; and of many small ones on one connection after the other."""
    contestants = [*registries()]
    for server in contestants:
        server.start()
    number = [0]

    def big(server):
        number[0] += 1
        content = number[0].to_bytes(8, "big") + piece
        with open(file, "wb") as target:
            target.write(content)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        before, started = server.cpu(), time.perf_counter()
        upload(server, "team/app", file, digest)
        wall = time.perf_counter() - started
        return BLOB / wall / 1e6, (server.cpu() - before) * 1000 / (BLOB / 1e9), server.memory()

    def small(server):
        contents = [os.urandom(20_000) for _ in range(100)]
        before, started = server.cpu(), time.perf_counter()
        for content in contents:
            push_blob(server, "team/small", content)
        return 100 / (time.perf_counter() - started), (server.cpu() - before) * 1e6 / 100

    piece = os.urandom(1 << 20) * (BLOB >> 20)
    file = options.dir + "/blob"
    table(f"blob PUT, {BLOB >> 20} MiB, one client", [("rate", "MB/s"), ("CPU", "ms/GB"), ("memory", "MB")], turns(contestants, big))
    table("blob PUT, 20 kB, one after the other", [("uploads", "/s"), ("CPU", "us each")], turns(contestants, small))
    for server in contestants:
        server.stop()


def many():
    """Start-up and pages of lists with many repositories of ten tags each; mica alone, since it takes minutes to fill others."""
    server = next(registries())
    server.start()
    manifest, _ = push_image(server, "bench/r0", "t0", b"layer")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    described = json.loads(manifest)
    started = time.perf_counter()
    for number in range(options.repositories):
        repository = f"bench/r{number}"
        for blob in (described["config"]["digest"], described["layers"][0]["digest"]):
            connection.request("POST", f"/v2/{repository}/blobs/uploads/?mount={blob}&from=bench/r0")
            connection.getresponse().read()
        connection.request("PUT", f"/v2/{repository}/manifests/{digest}?" + "&".join(f"tag=t{tag}" for tag in range(10)), manifest,
                           {"Content-Type": described["mediaType"]})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{repository}: {answer.status}")
    filled = time.perf_counter() - started
    server.stop()
    rows = []
    for _ in range(options.n):
        start = server.start()
        row = [start * 1000]
        for path in ("/v2/bench/r5000/tags/list", "/v2/_catalog?n=100&last=bench/r5", "/v2/_catalog", "/"):
            times = []
            for _ in range(5):
                begun = time.perf_counter()
                server.request("GET", path)
                times.append((time.perf_counter() - begun) * 1000)
            row.append(statistics.median(times))
        rows.append(row)
        server.stop()
    table(f"{options.repositories} repositories of 10 tags (filled in {filled:.0f} s)",
          [("start", "ms"), ("tags", "ms"), ("catalog 100", "ms"), ("catalog 1000", "ms"), ("page /", "ms")], {"mica": rows})


def slow():
    """Memory of the server while 500 clients read a large blob slowly."""
    rows = {}
    for server in registries():
        server.start()
        path = "/v2/team/app/blobs/" + push_image(server, "team/app", "latest", os.urandom(1 << 20) * 64)[1]
        before = server.memory()
        clients = []
        for _ in range(500):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            clients.append(client)
        peak = 0
        for _ in range(10):
            for client in clients:
                client.recv(2048)
            time.sleep(0.3)
            peak = max(peak, server.memory())
        for client in clients:
            client.close()
        rows[server.name] = [(before, peak)]
        server.stop()
    table("500 slow clients", [("memory before", "MB"), ("memory during", "MB")], rows)


cases = {"manifests": manifests, "downloads": downloads, "uploads": uploads, "many-repositories": many, "slow-clients": slow}
results = {}
unknown = [case for case in options.cases if case not in cases]
if unknown:
    sys.exit(f"bench: unknown case {unknown[0]}; there are: {' '.join(cases)}")
try:
    for case in options.cases or cases:
        cases[case]()
finally:
    for server in running:
        server.kill()
with open(options.dir + "/registry.json", "w") as file:
    json.dump(results, file, indent=1)
