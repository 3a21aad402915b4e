# make build    out/mica, the native binary
# make demo     builds, makes images, serves a registry of them on loopback and shows what mica does
# make test     everything the tests need, then all of them; the last line is "N passed, N failed, N skipped"
# make bench    timings side by side with the tools that are there
# As root on Debian each of these installs what it is missing; otherwise it says what to install.
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
arch := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
rid := linux-$(arch)
sources := $(shell find src -name bin -prune -o -name obj -prune -o -type f -print) \
  Directory.Build.props Directory.Packages.props global.json
publish := artifacts/publish

.PHONY: build demo test bench clean
build: out/mica

out/mica: $(sources)
	@test/need.sh dotnet gcc libc6-dev zlib1g-dev libsqlite3-dev
	@mkdir -p out artifacts
	@echo "publishing the native binary ($(rid)); this takes a minute"
	@dotnet publish src/Mica.Cli -c Release -r $(rid) -o $(publish) -v q -nologo -clp:NoSummary >artifacts/publish.log 2>&1 \
	  || { grep -E 'error|warning' artifacts/publish.log | sort -u | head -20 >&2; echo "build: publishing failed (artifacts/publish.log)" >&2; exit 1; }
	@! grep -E 'warning IL[0-9]+|IL[0-9]{4}:' artifacts/publish.log >&2 \
	  || { echo "build: the native compiler has warnings (above); there must be none" >&2; exit 1; }
	@cp $(publish)/mica out/mica.new && mv out/mica.new out/mica
	@echo "out/mica: $$(( $$(stat -c %s out/mica) / 1048576 )) MB"

demo: build
	@test/need.sh skopeo mmdebstrap zstd libcap2-bin attr crun util-linux conmon nftables
	@test/demo.sh

test:
	@test/run.sh

bench: build
	@test/need.sh docker-registry skopeo mmdebstrap zstd libcap2-bin attr isal e2fsprogs mount python3 crun conmon nftables
	@bench/run.sh
	@bench/registry.sh

clean:
	rm -rf out artifacts
	find . -type d \( -name bin -o -name obj \) -not -path './.git/*' -prune -exec rm -rf {} +
