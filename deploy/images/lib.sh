# What the scripts here share: a registry, this host's Debian archive, buildah, and a base image made by debootstrap.
# To be sourced, with REG, BENCH_DIR and BASE set.

SUITE=bookworm

say() { echo "== $*" >&2; }

# ---- the registry

start_registry() {
    if curl -fs "http://$REG/v2/" >/dev/null; then return; fi
    say "starting the registry on $REG"
    cat >"$BENCH_DIR/registry.yml" <<END
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $BENCH_DIR/registry}
http: {addr: "$REG", relativeurls: true}
END
    setsid docker-registry serve "$BENCH_DIR/registry.yml" </dev/null >"$BENCH_DIR/registry.log" 2>&1 &
    echo $! >"$BENCH_DIR/registry.pid"
    curl -fs --retry 20 --retry-delay 1 --retry-connrefused "http://$REG/v2/" >/dev/null
}

# ---- building

# How this host reaches Debian is read from its own apt; the images themselves name no archive.
read_host_apt() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
        awk '!seen[$0]++ {print "deb " $0}' >"$BENCH_DIR/sources.list"
    MIRROR=$(awk -v suite="$SUITE" '$3 == suite {print $2; exit}' "$BENCH_DIR/sources.list")
    [[ $MIRROR ]] || { say "apt knows no $SUITE here: run apt-get update"; exit 1; }

    local proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    if [[ $proxy ]]; then export http_proxy=$proxy no_proxy=localhost,127.0.0.1; fi
}

run_buildah() {
    local command=$1; shift
    buildah --root "$BENCH_DIR/storage" --runroot "$BENCH_DIR/storage-run" --storage-driver overlay \
        "$command" "$@"
}

build_base() {
    if run_buildah inspect --type image "$BASE" >/dev/null 2>&1; then return; fi
    say "building the base"
    local container root
    container=$(run_buildah from scratch)
    root=$(run_buildah mount "$container")
    debootstrap --variant=minbase "$SUITE" "$root" "$MIRROR" >&2
    : >"$root/etc/apt/sources.list"
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*.log "$root/etc/resolv.conf"
    echo localhost >"$root/etc/hostname"
    run_buildah umount "$container" >/dev/null
    run_buildah config --cmd bash "$container"
    run_buildah commit --rm --quiet "$container" "$BASE" >/dev/null
}

