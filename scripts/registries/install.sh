#!/usr/bin/env bash
# Finds or installs the real registry servers for `test/registries`.
#
#   scripts/registries/install.sh [etcd] [consul] [bind] [redis] [zookeeper] [kubernetes]     without arguments: all
#
# A program is taken from its environment variable (OUTRIGGER_ETCD=/path/to/etcd), from PATH, or from the cache,
# ${OUTRIGGER_CACHE:-~/.cache/outrigger}/registries/bin. Missing programs are unpacked into the cache from Debian
# packages. The Kubernetes API server is built once from its Debian source, which takes about six minutes. Nothing is
# installed into the system, and root is not needed. If a program is not available, the script fails and says what to
# install by hand.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/common.sh"
source "$here/debian.sh"

# ensure REGISTRY "PROGRAM…" "DEBIAN PACKAGE…"
ensure() {
  local registry=$1 programs packages
  read -ra programs <<<"$2"
  read -ra packages <<<"$3"
  missing_of "${programs[@]}" || return 0
  log "$registry: ${missing[*]} not found; unpacking from Debian: ${packages[*]}"
  if unpack "${packages[@]}"; then expose "${missing[@]}" || true; fi
  missing_of "${programs[@]}" || return 0
  give_up "$registry" "Debian: ${packages[*]}"
}

give_up() {
  local variables=() program
  for program in "${missing[@]}"; do variables+=("OUTRIGGER_$(tr 'a-z-' 'A-Z_' <<<"$program")"); done
  fail "$1 cannot be tested without ${missing[*]}: put it on PATH ($2) or set ${variables[*]}"
}

ensure_etcd() { ensure etcd 'etcd etcdctl' 'etcd-server etcd-client'; }
ensure_consul() { ensure consul consul consul; }
ensure_bind() { ensure bind 'named nsupdate dig' 'bind9 bind9-dnsutils'; }

ensure_redis() { ensure redis 'redis-server redis-cli' 'redis-server redis-tools'; }

ensure_zookeeper() {
  missing_of zookeeper-server || return 0
  log 'zookeeper: zookeeper-server not found; unpacking from Debian: libzookeeper-java'
  local packages=(libzookeeper-java)
  type -P java >/dev/null || packages+=(default-jre-headless)
  if unpack "${packages[@]}"; then expose_zookeeper || true; fi
  missing_of zookeeper-server || return 0
  give_up zookeeper 'a script that runs QuorumPeerMain with the configuration file it is given'
}

ensure_kubernetes() {
  ensure_etcd || return 1 # the API server's storage
  ensure kubernetes 'kubectl openssl' 'kubernetes-client openssl' || return 1
  missing_of kube-apiserver || return 0
  log 'kubernetes: kube-apiserver not found; building it from the Debian source, once, about six minutes'
  "$here/kube-apiserver.sh" 9>&- || true
  missing_of kube-apiserver || return 0
  give_up kubernetes "the build's log is $cache/kube-apiserver.log"
}

# CI kills a job without output for minutes, and cannot answer questions.
progress() {
  local newest
  while sleep 30 &>/dev/null; do
    newest=$(find "$cache" -maxdepth 1 -name '*.log' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
    log "working, $SECONDS s: $([[ -z $newest ]] || tail -n 1 "$newest" | cut -c 1-100)"
  done
}
exec </dev/null
progress &
progress_pid=$!
trap 'kill $progress_pid 2>/dev/null || true' EXIT

# Only one process at a time, because concurrent test runs share the cache.
if type -P flock >/dev/null; then
  exec 9>"$cache/lock"
  flock --nonblock 9 || {
    log 'waiting for another run of this script'
    flock 9
  }
fi

(($#)) || set -- etcd consul bind redis zookeeper kubernetes
failed=()
for registry in "$@"; do
  case $registry in
    etcd | consul | bind | redis | zookeeper | kubernetes) "ensure_$registry" || failed+=("$registry") ;;
    *)
      log "unknown registry '$registry'; known: etcd consul bind redis zookeeper kubernetes"
      exit 2
      ;;
  esac
done

if ((${#failed[@]})); then
  log "FAILED: ${failed[*]}"
  exit 1
fi
log "ready: $*"
