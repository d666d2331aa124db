#!/usr/bin/env bash
# Builds what the tests of this directory run into bin/: kube-apiserver (minutes, once), helm and crane.
set -euo pipefail
cd "$(dirname "$0")/apiserver"
bin=$(cd ../../.. && pwd)/bin
mkdir -p "$bin"

version=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\)$|\1|p' go.mod)
build() { # name, package; one module for all, so that what they share is compiled once
	go build -trimpath -buildvcs=false -ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$bin/$1" "$2"
}
build kube-apiserver .
build helm helm.sh/helm/v3/cmd/helm
build crane github.com/google/go-containerregistry/cmd/crane
