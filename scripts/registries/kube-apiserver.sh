#!/usr/bin/env bash
# Builds kube-apiserver into the cache. Debian bookworm contains the source of Kubernetes (1.20, with all dependencies),
# but no binary except kubectl. Called by install.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/common.sh"
source "$here/debian.sh"

build=$cache/kube-apiserver
log_file=$cache/kube-apiserver.log

prepare_apt
if missing_of make rsync; then
  tools=("${missing[@]}")
  unpack "${tools[@]}"
  expose "${tools[@]}"
fi
unpack golang-1.19-go golang-github-modern-go-reflect2-dev

log 'kube-apiserver: fetching the source'
rm -rf "$build"
mkdir -p "$build/tree" "$build/go/src/k8s.io"
cd "$build"
apt-get "${apt_options[@]}" source --download-only kubernetes >>"$cache/apt.log" 2>&1
tar -xf kubernetes_*.orig.tar.* -C tree --strip-components=1

# The vendored reflect2 reads the maps of the runtime in a way that crashes with Go 1.18 and later.
rm tree/vendor/github.com/modern-go/reflect2/*.{go,s}
cp "$unpacked"/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} tree/vendor/github.com/modern-go/reflect2/

# A tarball has no git version. Without this, the build would use that of a repository around the cache.
cat >version <<'VERSION'
KUBE_GIT_COMMIT='unknown'
KUBE_GIT_TREE_STATE='archive'
KUBE_GIT_VERSION='v1.20.2'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
VERSION

# This version builds only in GOPATH mode. There its folder must be k8s.io/kubernetes.
ln -s "$build/tree" go/src/k8s.io/kubernetes
if ! env -i HOME="$build" PATH="$unpacked/usr/lib/go-1.19/bin:$PATH:$bin" GOPATH="$build/go" \
  GO111MODULE=off GOPROXY=off CGO_ENABLED=0 KUBE_GIT_VERSION_FILE="$build/version" \
  make -C "$build/go/src/k8s.io/kubernetes" WHAT=cmd/kube-apiserver >"$log_file" 2>&1; then
  tail -n 20 "$log_file" >&2
  exit 1
fi
mv tree/_output/local/bin/*/*/kube-apiserver "$bin/kube-apiserver"
cd "$cache"
rm -rf "$build" "$unpacked/usr/lib/go-1.19" "$unpacked/usr/share/go-1.19"
log "kube-apiserver: built in $SECONDS s"
