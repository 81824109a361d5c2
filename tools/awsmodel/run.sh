#!/usr/bin/env bash
# Writes the facts of AWS's API models from the botocore pinned here.
#
#   tools/awsmodel/run.sh [-check]
#
# -check writes nothing and fails if a file is not what would be written. The wheel is kept in tools/.cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=1.44.8
wheel=.cache/botocore-$version-py3-none-any.whl
if [ ! -f "$wheel" ]; then
	"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
		--dest .cache "botocore==$version"
fi
"${GO:-go}" run ./awsmodel -wheel "$wheel" -out ../internal/controlplane/wire/model \
	-services ../internal/controlplane/services.txt "$@"
