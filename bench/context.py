"""context.py DIR REGISTRY: a build of 24 steps in four stages over 10,000 files, the same on every machine; needs no network."""
import os, random, sys

root, registry = sys.argv[1:3]
numbers = random.Random(1)
words = "import export const function return await class new value index result error order item total config".split()


def put(path, size):
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lines, length = [], 0
    while length < size:
        lines.append(" ".join(numbers.choices(words, k=8)) + f" {numbers.randrange(100000)};\n")
        length += len(lines[-1])
    with open(path, "w") as file:
        file.write("".join(lines))
    os.utime(path, (1700000000, 1700000000))


for n in range(7000):
    put(f"src/part{n % 70:02}/group{n % 7}/file{n:05}.ts", int(numbers.lognormvariate(7.6, 0.9)))
for n in range(1500):
    put(f"test/part{n % 30:02}/case{n:05}.ts", int(numbers.lognormvariate(7.2, 0.7)))
for n in range(1200):
    put(f"public/group{n % 20}/style{n:05}.css", int(numbers.lognormvariate(8.2, 0.8)))
for n in range(300):
    put(f"vendor/lib{n % 15}/file{n:04}.js", int(numbers.lognormvariate(9.5, 0.7)))
for n in range(5000):
    put(f"node_modules/p{n % 200}/file{n:05}.js", 900)  # is left out
put("package.json", 10)
put("tsconfig.json", 10)
with open(root + "/.dockerignore", "w") as file:
    file.write(".git\nnode_modules\n**/*.log\n*.md\nDockerfile\n.dockerignore\n")
with open(root + "/Dockerfile", "w") as file:
    file.write(f"""FROM {registry}/debian:bookworm-slim AS base
ENV MODE=production TZ=UTC
RUN echo 'app:x:1000:' >> /etc/group && echo 'app:x:1000:1000::/app:/bin/sh' >> /etc/passwd
WORKDIR /app
RUN mkdir dist cache && echo ok > cache/marker

FROM base AS packages
COPY package.json tsconfig.json ./
COPY vendor ./vendor
RUN mkdir modules && for d in vendor/*; do cp -r "$d" modules/; done
RUN find modules -type f | sort | xargs sha256sum > sums

FROM base AS build
ARG VERSION=1.0.0
ENV VERSION=$VERSION
COPY --from=packages /app/modules ./modules
COPY src ./src
COPY public ./public
RUN find src -name '*.ts' | sort | xargs cat > dist/bundle.js
RUN sha256sum dist/bundle.js > dist/bundle.sum && echo "$VERSION" > dist/version
RUN rm -rf src/part00 && chmod -R g-w dist

FROM base AS final
LABEL org.opencontainers.image.title=app
COPY --from=build --chown=app:app /app/dist ./dist
COPY --from=build --chown=app:app /app/public ./public
COPY --from=packages /app/sums ./
RUN ln -s dist/bundle.js main.js && test -s dist/bundle.sum
USER app
EXPOSE 8080
CMD ["/bin/sh", "-c", "cat dist/version"]
""")
