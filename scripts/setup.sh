#!/usr/bin/env bash
# Installs the packages and servers that a target of the Makefile needs, where they
# are missing.
#
#   scripts/setup.sh test              install what `make test` needs (as root; otherwise say what is missing)
#   scripts/setup.sh --missing test    print what is missing, on one line, and change nothing
set -euo pipefail
cd "$(dirname "$0")/.."

only_print=
if [[ ${1:-} == --missing ]]; then
	only_print=1
	shift
fi
target=${1:?"usage: scripts/setup.sh [--missing] test|bench|demo"}

present() {
	if [[ $1 == /* ]]; then
		[[ -e $1 ]]
	else
		PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null
	fi
}

packages=() described=()
while read -r package shown targets purpose; do
	[[ -z $package || $package == \#* || ,$targets, != *,"$target",* ]] && continue
	if ! present "$shown"; then
		packages+=("$package")
		described+=("$package ($purpose)")
	fi
done <scripts/packages.txt

# Azurite comes from npm, in the versions of its lock file, into bin/azurite.
azurite=
if [[ $target == test ]] && ! cmp -s test/stores/azurite/package-lock.json bin/azurite/installed; then
	azurite=missing
	described+=("azurite (a store that speaks the protocol of Azure Blob Storage)")
fi

line=$(printf '%s, ' "${described[@]}")
line=${line%, }
if [[ $only_print ]]; then
	[[ ${#described[@]} -eq 0 ]] || echo "$line"
	exit 0
fi
mkdir -p bin
[[ ${#described[@]} -eq 0 ]] || echo "installing: $line"

if [[ ${#packages[@]} -gt 0 ]]; then
	if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
		echo "setup: missing: $line; install with: sudo apt-get install -y --no-install-recommends ${packages[*]}" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } </dev/null >bin/setup.log 2>&1 || {
		tail -20 bin/setup.log >&2
		echo "setup: install ${packages[*]}: apt-get said no (whole text: bin/setup.log)" >&2
		exit 1
	}
fi

# The S3 server of the tests is built by them, too. Here it is built while npm waits
# for the network, so that the tests find it in Go's cache.
build=
if [[ $target == test ]] && command -v go >/dev/null; then
	(cd test/stores/s3server && exec go build -o ../../../bin/s3server .) >bin/setup-s3.log 2>&1 &
	build=$!
fi
if [[ $azurite ]]; then
	mkdir -p bin/azurite
	cp test/stores/azurite/package.json test/stores/azurite/package-lock.json bin/azurite/
	(cd bin/azurite && exec npm ci --ignore-scripts --no-audit --no-fund) </dev/null >bin/setup-azurite.log 2>&1 || {
		tail -20 bin/setup-azurite.log >&2
		echo "setup: install azurite: npm said no (whole text: bin/setup-azurite.log)" >&2
		exit 1
	}
	cp test/stores/azurite/package-lock.json bin/azurite/installed
fi
if [[ $build ]] && ! wait "$build"; then
	tail -20 bin/setup-s3.log >&2
	echo "setup: build the S3 server of the tests: go build said no (whole text: bin/setup-s3.log)" >&2
	exit 1
fi

# The API server of Kubernetes takes minutes to build: more than the tests have. With
# everything in Go's cache it takes a second.
if [[ $target == test ]] && command -v go >/dev/null; then
	[[ -e bin/kube-apiserver && -e bin/helm && -e bin/crane ]] || echo "building: kube-apiserver, helm, crane (what the chart and the store of Leases are tested with; minutes, once)"
	test/kubernetes/build.sh >bin/setup-kubernetes.log 2>&1 || {
		tail -20 bin/setup-kubernetes.log >&2
		echo "setup: build kube-apiserver: go build said no (whole text: bin/setup-kubernetes.log)" >&2
		exit 1
	}
fi
