#!/usr/bin/env bash
# Installs what the tests of this directory drive furl with, at the versions pinned here: the AWS CLI and boto3,
# cargo-lambda and Chalice, Python and JavaScript signers, the AWS SDK for JavaScript, cfn-lint, the packages of the
# Python functions, AWS's own SAM transform, the packages of the projects in JavaScript, the schema of SARIF, the SDKs of
# MCP, what drives the console in a browser, and a client built with the Rust crate aws-sigv4. The browser is Chromium:
# on Debian, root gets it from there if it is not on PATH.
#
#   interop/install.sh [--check] [python] [package] [sam] [node] [projects] [testing] [report] [mcp] [console] [rust]
#                      [adapter]
#
# Without a name it does all but the last, which builds the Lambda Web Adapter, which takes minutes, so only those who
# name it wait for it. What is installed already and pinned as before is left alone. --check installs
# nothing and says what is missing. Exit status: 0 all there, 1 something is not, 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=${PYTHON:-python3}
env=.env # ignored by git
adapter=1.0.0-rc1 # of lambda_web_adapter: the newest on crates.io

# pins prints everything that the outcome of a step depends on.
pins() {
	declare -f "do_$1"
	case $1 in
	python) "$python" --version && cat python/requirements.txt ;;
	package) "$python" --version && cat python/package/*.txt ;;
	sam) "$python" --version && cat python/sam.txt ;;
	node) node --version && cat node/package.json node/package-lock.json testdata/function/express/package-lock.json ;;
	projects) node --version && cat projects/* ;;
	testing) "$python" --version && node --version && cat testing/* ;;
	report) node --version && cat report/package*.json ;;
	mcp) "$python" --version && node --version && cat mcp/* ;;
	console) node --version && command -v chromium && cat console/package*.json ;;
	rust) cargo --version && cat rust/Cargo.toml rust/Cargo.lock rust/src/*.rs ;;
	adapter) echo "$adapter" ;;
	esac
}

# stamp is a short name for the pins of a step; empty if a program that it needs is missing.
stamp() {
	pins "$1" 2>/dev/null | cksum | cut -d ' ' -f 1
}

installed() {
	[ -f "$env/$1.stamp" ] && [ "$(cat "$env/$1.stamp")" = "$(stamp "$1")" ]
}

# need stops the step if a program is missing.
need() {
	command -v "$1" >/dev/null || {
		echo "$1 is not on PATH: $2"
		return 1
	}
}

need_python() {
	need "$python" "install Python 3.10 or later, or name it in PYTHON"
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
		echo "$("$python" --version) is too old: install Python 3.10 or later, or name it in PYTHON"
		return 1
	}
}

# pip installs from the package index only what the pins name, without asking anything.
pip() {
	"$python" -m pip --disable-pip-version-check --no-input "$@" --quiet --progress-bar off
}

do_python() {
	need_python
	rm -rf "$env/python"
	"$python" -m venv "$env/python"
	python=$env/python/bin/python pip install --no-deps --requirement python/requirements.txt
}

# The packages of the functions hold compiled modules: they are for this Python, as they would be for Lambda's.
do_package() {
	need_python
	rm -rf "$env/package"
	local name
	for name in web caller ric; do
		pip install --no-deps --no-compile --target "$env/package/$name" --requirement "python/package/$name.txt"
	done
	# Signing needs none of the 20 MB of service models.
	find "$env/package/caller/botocore/data" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
}

# The transform has an environment of its own, so that its many pins hold nothing else.
do_sam() {
	need_python
	rm -rf "$env/sam"
	"$python" -m venv "$env/sam"
	python=$env/sam/bin/python pip install --no-deps --requirement python/sam.txt
}

do_node() {
	need node "install Node.js 20 or later"
	need npm "install Node.js 20 or later"
	npm ci --prefix node --no-audit --no-fund --ignore-scripts --loglevel=error
	npm ci --prefix testdata/function/express --no-audit --no-fund --ignore-scripts --loglevel=error
}

do_projects() {
	need npm "install Node.js 20 or later"
	rm -rf "$env/projects"
	mkdir -p "$env/projects"
	cp projects/package.json projects/package-lock.json "$env/projects"
	# A link on the way, as .env may be one, would be a package to npm.
	(cd -P "$env/projects" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
}

# pytest runs with the packages of the first step. vitest has files in its directory that its packages are beside of.
do_testing() {
	need_python
	need npm "install Node.js 20.19 or later"
	rm -rf "$env/testing"
	pip install --no-deps --no-compile --target "$env/testing/python" --requirement testing/requirements.txt
	mkdir -p "$env/testing/node"
	cp testing/package.json testing/package-lock.json "$env/testing/node"
	npm ci --prefix "$env/testing/node" --no-audit --no-fund --ignore-scripts --loglevel=error
}

do_report() {
	need npm "install Node.js 20 or later"
	rm -rf "$env/report"
	mkdir -p "$env/report"
	cp report/package.json report/package-lock.json "$env/report"
	(cd -P "$env/report" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
}

# The two generations of the SDKs of MCP, for clients and for functions. The modules are compiled for the functions, with
# no look at their sources: packages do not keep their times.
do_mcp() {
	need_python
	need npm "install Node.js 20 or later"
	rm -rf "$env/mcp"
	local generation
	for generation in 1 2; do
		pip install --no-deps --no-compile --target "$env/mcp/python$generation" --requirement "mcp/python$generation.txt"
		"$python" -m compileall -q --invalidation-mode unchecked-hash "$env/mcp/python$generation"
	done
	mkdir -p "$env/mcp/node"
	cp mcp/package.json mcp/package-lock.json "$env/mcp/node"
	npm ci --prefix "$env/mcp/node" --no-audit --no-fund --ignore-scripts --loglevel=error
}

# The browser is the newest that Debian has: it keeps no other.
do_console() {
	need npm "install Node.js 20 or later"
	rm -rf "$env/console"
	mkdir -p "$env/console"
	cp console/package.json console/package-lock.json "$env/console"
	(cd -P "$env/console" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
	command -v chromium >/dev/null || debian chromium
	need chromium "install the browser Chromium, on Debian with: apt-get install chromium"
}

# debian installs packages, where root may do so.
debian() {
	[ "$(id -u)" = 0 ] || return 0
	command -v apt-get >/dev/null || return 0
	export DEBIAN_FRONTEND=noninteractive
	local get=(apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -q -y)
	"${get[@]}" install --no-install-recommends "$@" && return # with the list of packages that there is
	"${get[@]}" update
	"${get[@]}" install --no-install-recommends "$@"
}

do_rust() {
	need cargo "install the Rust toolchain"
	cargo build --quiet --locked --manifest-path rust/Cargo.toml --target-dir "$env/rust"
}

# The adapter is kept by its version alone: it is what others run, whatever built it.
do_adapter() {
	need cargo "install the Rust toolchain"
	rm -rf "$env/adapter"
	cargo install --quiet --locked --root "$env/adapter/$adapter" --target-dir "$env/adapter/build" \
		--version "$adapter" lambda_web_adapter
	rm -rf "$env/adapter/build"
}

# run does one step and keeps what it prints for the case that it fails. It must not be called where errors are being
# tested for, such as before &&: there bash goes on after a command that fails.
run() {
	rm -f "$env/$1.stamp"
	"do_$1" >"$env/$1.log" 2>&1 </dev/null
	stamp "$1" >"$env/$1.stamp"
}

check=false
if [ "${1:-}" = --check ]; then
	check=true
	shift
fi
[ $# -gt 0 ] || set -- python package sam node projects testing report mcp console rust

missing=()
for step in "$@"; do
	case $step in
	python | package | sam | node | projects | testing | report | mcp | console | rust | adapter) installed "$step" || missing+=("$step") ;;
	*)
		echo "interop: there is no step $step; the steps are python, package, sam, node, projects, testing, report, mcp," \
			"console, rust and adapter" >&2
		exit 2
		;;
	esac
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if $check; then
	echo "interop: not installed, or not as pinned now: ${missing[*]}; run interop/install.sh ${missing[*]}" >&2
	exit 1
fi

# The steps wait for the network most of the time, so they run side by side.
mkdir -p "$env"
pids=()
for step in "${missing[@]}"; do
	echo "interop: installing $step" >&2
	run "$step" &
	pids+=($!)
done
failed=false
for i in "${!missing[@]}"; do
	if ! wait "${pids[$i]}"; then
		failed=true
		echo "interop: ${missing[$i]} could not be installed:" >&2
		tail -n 5 "$env/${missing[$i]}.log" | sed 's/^/  /' >&2
	fi
done
! $failed
