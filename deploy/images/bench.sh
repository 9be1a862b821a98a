#!/bin/bash
# Builds the benchmark's images, pushes them to a local registry, and runs each once from there.
# Usage: bench.sh [IMAGE...]     needs root; REG and BENCH_DIR as below; LARGE=1 adds the large image, which only converting needs
# What the registry has already stays, but for the images named: they are built again.
set -euo pipefail

REG=${REG:-127.0.0.1:5000}
BENCH_DIR=${BENCH_DIR:-/var/tmp/rafter-bench}
SOURCES=$(cd "$(dirname "$0")/sources" && pwd)
BASE=localhost/bench/base

# image | directory under sources/ | page that answers when the service is ready | Debian packages
IMAGES='
py-flask:1  | py-flask  | / | python3 python3-flask python3-numpy python3-pandas
py-flask:2  | py-flask  | / | python3 python3-flask python3-numpy python3-pandas python3-requests
jdk-hello:1 | jdk-hello | / | openjdk-17-jre-headless
nginx:1     | nginx     | / | nginx-light
'
if [[ ${LARGE:-} ]]; then
    IMAGES+='large:1 | py-flask | / | python3 python3-flask python3-numpy python3-pandas openjdk-17-jdk-headless golang-go clang git perl
'
fi

. "$(dirname "$0")/lib.sh"

# Prints the digest of an image of the registry; fails if it is not there.
remote_digest() {
    curl -fsI -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://$REG/v2/bench/${1%:*}/manifests/${1#*:}" |
        tr -d '\r' | awk 'tolower($1) == "docker-content-digest:" {print $2; found = 1} END {exit !found}'
}

# Lays out the root tree of the application layer: the sources, the common run script, compiled classes.
stage() {
    local app=$1 context=$2
    rm -rf "$context"
    mkdir -p "$context"
    cp "$SOURCES/Containerfile" "$context/"
    cp -r "$SOURCES/$app" "$context/$app"
    [[ -e $context/$app/app/run ]] || cp "$SOURCES/run" "$context/$app/app/run"
    local java
    for java in "$context/$app"/app/*.java; do
        if [[ -e $java ]]; then "${JAVA_HOME:+$JAVA_HOME/bin/}javac" --release 17 "$java" && rm "$java"; fi
    done
}

build() {
    local image=$1 app=$2 ready_path=$3 packages=$4 context=$BENCH_DIR/context
    say "building $image"
    stage "$app" "$context"
    run_buildah build --quiet --layers --isolation chroot --network host \
        --volume "$BENCH_DIR/sources.list:/etc/apt/sources.list:ro" \
        --build-arg "APP=$app" --build-arg "PACKAGES=$packages" --build-arg "READY_PATH=$ready_path" \
        --tag "localhost/bench/$image" "$context" >"$BENCH_DIR/build.log" 2>&1 ||
        { tail -40 "$BENCH_DIR/build.log" >&2; return 1; }
    run_buildah push --quiet --tls-verify=false "localhost/bench/$image" "docker://$REG/bench/$image"
    rm -rf "$context"
}

# ---- checking

# Pulls and unpacks an image, measures it, runs it to READY; leaves its row of the table behind.
verify() {
    local image=$1 digest=$2 row=$BENCH_DIR/rows/$1
    if [[ -e $row && $(cut -f1 "$row") == "$digest" ]]; then return; fi
    say "verifying $image"
    local work=$BENCH_DIR/verify
    rm -rf "$work"
    mkdir -p "$work"
    skopeo copy --quiet --src-tls-verify=false "docker://$REG/bench/$image" "oci:$work/oci:image"
    umoci unpack --image "$work/oci:image" "$work/bundle"

    local manifest layers compressed uncompressed files
    manifest=$work/oci/blobs/sha256/${digest#sha256:}
    layers=$(jq '.layers | length' "$manifest")
    compressed=$(jq '[.layers[].size] | add' "$manifest")
    uncompressed=$(jq -r '.layers[].digest | sub(":"; "/")' "$manifest" |
        (cd "$work/oci/blobs" && xargs gzip -dc) | wc -c)
    files=$(find "$work/bundle/rootfs" | wc -l)

    run_to_ready "$work/bundle" "bench-verify-$$" || { say "$image did not become ready"; return 1; }
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$digest" "$image" "$layers" "$compressed" "$uncompressed" "$files" >"$row"
    rm -rf "$work"
}

# Runs an unpacked image as containerd would: its entry point, containerd's capabilities, a network of its own.
run_to_ready() {
    local bundle=$1 id=$2
    jq '.process.terminal = false
        | .process.env += ["ONESHOT=1"]
        | .process.capabilities[] = ["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID",
            "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"
            | "CAP_" + .]' \
        "$bundle/config.json" >"$bundle/config.new"
    mv "$bundle/config.new" "$bundle/config.json"
    timeout 120 runc run --bundle "$bundle" "$id" </dev/null >"$BENCH_DIR/verify.log" 2>&1 &&
        grep -qx READY "$BENCH_DIR/verify.log" || { cat "$BENCH_DIR/verify.log" >&2; return 1; }
}

table() {
    {
        printf 'image\tlayers\tcompressed bytes\tuncompressed bytes\tfiles\n'
        each_image row
    } | column -t -s $'\t'
}

row() { cut -f2- "$BENCH_DIR/rows/$1"; }

# ---- all of it

# Calls a function with the columns of each image.
each_image() {
    local image app ready_path packages
    while IFS='|' read -r image app ready_path packages; do
        [[ $image ]] || continue
        "$1" "${image// /}" "${app// /}" "${ready_path// /}" "$(echo $packages)" </dev/null
    done <<<"$IMAGES"
}

provide() {
    if [[ $REBUILD == *" $1 "* ]] || ! remote_digest "$1" >/dev/null; then build "$@"; fi
    verify "$1" "$(remote_digest "$1")"
}

REBUILD=" $* "
mkdir -p "$BENCH_DIR/registry" "$BENCH_DIR/rows"
start_registry
read_host_apt
build_base
each_image provide
table
