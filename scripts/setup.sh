#!/usr/bin/env bash
# Installs the packages that a target of the Makefile needs, where they are missing.
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

[[ ${#packages[@]} -eq 0 ]] && exit 0
mkdir -p bin
line=$(printf '%s, ' "${described[@]}")
line=${line%, }

if [[ $only_print ]]; then
	echo "$line"
elif [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
	echo "installing: $line"
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } </dev/null >bin/setup.log 2>&1 || {
		tail -20 bin/setup.log >&2
		echo "setup: install ${packages[*]}: apt-get said no (whole text: bin/setup.log)" >&2
		exit 1
	}
else
	echo "setup: missing: $line; install with: sudo apt-get install -y --no-install-recommends ${packages[*]}" >&2
	exit 1
fi
