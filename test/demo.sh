#!/bin/bash
# The main job, shown: makes images, starts a registry on loopback, runs mica on them, cleans up.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
images=${MICA_FIXTURES:-${XDG_CACHE_HOME:-${HOME:-/var}/.cache}/mica-fixtures}
dir=$(mktemp -d)
trap 'mica rm -f site >/dev/null 2>&1 || true; [ -z "${registry:-}" ] || { kill "$registry"; wait "$registry" || true; }; chmod -R u+rwX "$dir" 2>/dev/null || true; rm -rf "$dir"' EXIT
export PATH=$here/../out:$PATH MICA_ROOT=$dir/store HOME=$dir
[ ! -t 1 ] || colour=$'\e[1m' plain=$'\e[0m'

echo "demo: images from Debian's packages (a minute or two the first time)"
"$here/fixtures/make-images.sh" "$images"
mica registry serve --listen 127.0.0.1:0 --data "$dir/registry" >"$dir/serving" 2>"$dir/registry.log" &
registry=$!
until R=$(sed -n 's|^Serving http://\([0-9.:]*\)/.*|\1|p' "$dir/serving") && [ -n "$R" ]; do
  kill -0 "$registry" 2>/dev/null || { cat "$dir/registry.log" >&2; exit 1; }
  sleep 0.05
done
"$here/fixtures/push-images.sh" "$images" "$R"
digest() { grep -oE '"digest":"sha256:[0-9a-f]{64}","size":[0-9]+,"annotations":\{"org.opencontainers.image.ref.name":"'"$1"'"' "$images/images/index.json" | cut -d'"' -f4; }

show() {
  printf '\n%s$ %s%s\n' "${colour:-}" "$*" "${plain:-}"
  "$@"
}
echo "demo: mica registry serve has them at $R"
show mica version
show mica pull "$R/debian:bookworm-slim"
show mica pull "$R/python:3"
show mica pull "$R/node:18"
show mica images --digests
show mica history "$R/python:3"
show mica history --layers "$R/python:3"
show mica inspect --format '{{.Os}}/{{.Architecture}} {{json .Config.Entrypoint}} {{len .RootFS.Layers}} layers' "$R/python:3"
show mica system df
show mica system df -v
show mica tag "$R/python:3" "$R/team/python:stable"
show mica push "$R/team/python:stable"
show mica pull "$R/multi@$(digest multi:latest)"
show mica tag "$R/node:18" "$R/team/python:stable"
show mica tag log "$R/team/python:stable"
show mica tag undo "$R/team/python:stable"
show mica save -o "$dir/python.tar" "$R/team/python:stable"
show mica rmi "$R/python:3" "$R/team/python:stable"
show mica load -i "$dir/python.tar"
show mica copy --all "docker://$R/multi:latest" "oci:$dir/layout:multi"
app=$dir/app
mkdir -p "$app/src"
echo 'echo "hello from $(cat /etc/hello)"' >"$app/src/hello.sh"
cat >"$app/Dockerfile" <<EOF
FROM $R/debian:bookworm-slim AS make
ARG VERSION=1.0
COPY src /src
RUN mkdir /out && sed "s/hello/hello \$VERSION/" /src/hello.sh >/out/hello && chmod 755 /out/hello
FROM $R/debian:bookworm-slim
RUN echo mica >/etc/hello
COPY --from=make /out/hello /usr/bin/hello
CMD ["sh", "/usr/bin/hello"]
EOF
show cat "$app/Dockerfile"
show mica build --network none -t app:1 "$app"
show mica build -q --network none -t app:1 "$app"
echo '# changed' >>"$app/src/hello.sh"
show mica build --explain --progress=plain --network none -t app:2 "$app"
show mica images app
show mica history app:2
show mica lock "$app"
show mica build --locked -q --network none -t app:2 "$app"
show mica builder du
mkdir "$dir/site"
echo '<h1>built and served by mica</h1>' >"$dir/site/index.html"
cat >"$dir/site/Dockerfile" <<EOF
FROM $R/busybox:latest
COPY index.html /srv/
EXPOSE 80
CMD ["busybox", "httpd", "-f", "-p", "80", "-h", "/srv"]
EOF
show mica build -q -t site "$dir/site"
show mica run -d --name site -p 127.0.0.1::80 site
show mica ps
address=$(mica port site 80)
printf '\n%s$ GET http://%s/%s\n' "${colour:-}" "$address" "${plain:-}"
exec 3<>"/dev/tcp/${address/:/\/}"
printf 'GET / HTTP/1.0\r\n\r\n' >&3
sed '1,/^\r$/d' <&3
exec 3>&-
show mica exec site ls /srv
show mica diff site
show mica rm -f site
show mica image prune -a -f
show mica store check
echo
echo "demo: done. The binary is out/mica; try: out/mica --help"
