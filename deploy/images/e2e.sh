#!/bin/bash
# Builds the image that the end-to-end tests convert, mount and compare, and pushes it: e2e/debian:1 of the registry REG.
# Usage: e2e.sh     needs root; REG, BENCH_DIR and BIG_FILE_MB (default 1024) as below
# Layers: a Debian base; packages, with whiteouts; odd things (hard links, xattrs, device nodes, 10,000 small files, one large file);
# and a layer that takes some of them away again. What the registry has already stays.
set -euo pipefail

REG=${REG:-127.0.0.1:5000}
BENCH_DIR=${BENCH_DIR:-/var/tmp/rafter-e2e}
BASE=localhost/e2e/base
IMAGE=localhost/e2e/debian
BIG_FILE_MB=${BIG_FILE_MB:-1024}

. "$(dirname "$0")/lib.sh"

# Adds a layer on top of IMAGE: runs a function of this file with the path of the container's root.
layer() {
    local function=$1 container root
    say "layer: $function"
    container=$(run_buildah from --pull-never "$IMAGE")
    root=$(run_buildah mount "$container")
    "$function" "$root"
    run_buildah umount "$container" >/dev/null
    run_buildah commit --rm --quiet "$container" "$IMAGE" >/dev/null
}

packages() {
    local root=$1
    cp "$BENCH_DIR/sources.list" "$root/etc/apt/sources.list"
    cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
    cp /etc/apt/apt.conf "$root/etc/apt/apt.conf.d/99host" 2>/dev/null || true
    chroot "$root" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends python3-minimal busybox-static >/dev/null' >&2
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root/etc/resolv.conf" \
        "$root/etc/apt/apt.conf.d/99host" "$root"/usr/share/doc/bash "$root"/usr/share/doc/apt "$root"/usr/share/man
    mkdir -p "$root/usr/share/man/man1"
    : >"$root/etc/apt/sources.list"
}

odd_things() {
    local root=$1 odd=$1/odd n
    mkdir -p "$odd/many" "$odd/links" "$odd/nodes"
    seq 10000 | split --lines=1 --suffix-length=5 --numeric-suffixes - "$odd/many/file-"
    echo one >"$odd/links/a" && ln "$odd/links/a" "$odd/links/b" && ln "$odd/links/a" "$odd/c"
    ln "$root/bin/true" "$odd/links/true-of-the-base"
    ln -s ../many/file-00042 "$odd/links/symlink" && ln -s /nowhere "$odd/links/dangling"
    mknod "$odd/nodes/null" c 1 3 && mknod "$odd/nodes/big" b 259 70000 && mkfifo "$odd/nodes/fifo"
    mknod "$odd/zero" c 1 5 && mknod "$odd/disk" b 259 70001 && mkfifo -m 640 "$odd/fifo"
    setfattr -n user.note -v "a value" "$odd/links/a"
    setfattr -n user.empty "$odd/many"
    setfattr -n security.capability -v 0sAQAAAgAEAAAAAAAAAAAAAAAAAAA= "$odd/many/file-00007"
    touch -d '1969-12-31 23:00:00.123456789 UTC' "$odd/many/file-00001"
    touch -d '2107-01-01 00:00:00.5 UTC' "$odd/many/file-00002"
    chmod 4755 "$odd/many/file-00003" && chown 70000:65534 "$odd/many/file-00004" && chmod 000 "$odd/many/file-00005"
    printf 'name\nwith newline' >"$odd/$(printf 'new\nline')" && printf x >"$odd/$(printf '\377\376')"
    # Every 4 KiB differ, half of each block compresses: as large as it says, and quick to check by anybody.
    python3 - "$odd/big" "$BIG_FILE_MB" <<'END'
import random, sys
noise = random.Random(1)
with open(sys.argv[1], "wb") as out:
    for megabyte in range(int(sys.argv[2])):
        blocks = bytearray(1 << 20)
        for at in range(0, 1 << 20, 4096):
            blocks[at:at + 2048] = noise.randbytes(2048)
            blocks[at + 2048:at + 2056] = (megabyte << 20 | at).to_bytes(8, "little")
        out.write(blocks)
END
    truncate -s 8M "$odd/sparse" && echo end >>"$odd/sparse"
}

second_thoughts() {
    local root=$1
    rm "$root/odd/many"/file-001* "$root/odd/links/b"
    rm -rf "$root/usr/share/doc/dpkg"
    rm -rf "$root/odd/nodes" && mkdir "$root/odd/nodes" && echo new >"$root/odd/nodes/new"
    rm "$root/odd/links/dangling" && mkdir "$root/odd/links/dangling"
    chmod 0700 "$root/odd/links"
}

mkdir -p "$BENCH_DIR"
if curl -fsI -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REG/v2/e2e/debian/manifests/1" >/dev/null; then
    exit 0
fi
read_host_apt
build_base
run_buildah tag "$BASE" "$IMAGE"
layer packages
layer odd_things
layer second_thoughts
run_buildah push --quiet --tls-verify=false "$IMAGE" "docker://$REG/e2e/debian:1"
