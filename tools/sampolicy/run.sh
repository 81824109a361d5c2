#!/usr/bin/env bash
# Writes the facts of SAM's policy templates from the aws-sam-translator pinned here and in interop.
#
#   tools/sampolicy/run.sh [-check]
#
# -check writes nothing and fails if a file is not what would be written. The wheel is kept in tools/.cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=1.115.0
wheel=.cache/aws_sam_translator-$version-py3-none-any.whl
if [ ! -f "$wheel" ]; then
	"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
		--dest .cache "aws-sam-translator==$version"
fi
"${GO:-go}" run ./sampolicy -wheel "$wheel" -out ../internal/template/sam "$@"
