#!/usr/bin/env bash
# Builds what the tests of this directory run into bin/: kube-apiserver (minutes, once), helm and crane.
set -euo pipefail
cd "$(dirname "$0")"
bin=$(cd ../.. && pwd)/bin
mkdir -p "$bin"

version=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\)$|\1|p' apiserver/go.mod)
build() { # directory, flags of the linker, what
	(cd "$1" && exec go build -trimpath -buildvcs=false -ldflags="-s -w $2" -o "$bin/$3" "$4")
}
build apiserver "-X k8s.io/component-base/version.gitVersion=$version" kube-apiserver .
build tools "" helm helm.sh/helm/v3/cmd/helm
build tools "" crane github.com/google/go-containerregistry/cmd/crane
