#!/usr/bin/env bash
# Builds the page of the console into internal/console/dist, which is committed and embedded in furl.
#
#   console/build.sh          builds it
#   console/build.sh --check  builds it elsewhere, and fails if what is committed differs
#
# Needs Node.js and the npm registry. Without the registry --check says so and passes, unless FURL_STRICT is 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! npm ci --silent --no-audit --no-fund >&2; then
	echo "console: npm could not install what builds the page: it is not built" >&2
	[ "${1:-}" = --check ] && [ "${FURL_STRICT:-}" != 1 ]
	exit
fi
npx tsc --noEmit
if [ "${1:-}" != --check ]; then
	npx vite build
	exit
fi
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npx vite build --logLevel warn --outDir "$built" --emptyOutDir
if ! diff -r "$built" ../internal/console/dist; then
	echo "console: internal/console/dist is not what console/ builds: run make console" >&2
	exit 1
fi
