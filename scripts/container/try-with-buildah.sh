#!/bin/sh
# Builds Dockerfile with buildah where no registry of images can be reached: `try-with-buildah.sh FOLDER`, as root, with buildah and
# debootstrap. The base image is a Debian 13 that debootstrap makes in FOLDER. Then the image runs a first pipeline, as a user who
# may read it only.
set -eu
folder=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
base=docker.io/library/debian:trixie-slim
# A chroot needs neither namespaces nor an overlay of file systems.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
mkdir -p "$folder"

[ -e "$folder/base/etc/debian_version" ] || debootstrap --variant=minbase trixie "$folder/base" > "$folder/debootstrap.log"
container=$(buildah from scratch)
buildah add --quiet "$container" "$folder/base" /
# The certificates that this machine trusts.
buildah copy --quiet "$container" "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" /etc/machine.crt
buildah config --env NODE_EXTRA_CA_CERTS=/etc/machine.crt --env PIP_CERT=/etc/machine.crt "$container"
buildah commit --quiet --rm "$container" "$base"

rm -rf "$folder/sources"
mkdir "$folder/sources"
git -C "$root" archive HEAD | tar -x -C "$folder/sources"
buildah build --network host --pull-never --tag ravelin "$folder/sources"

container=$(buildah from --pull-never localhost/ravelin)
buildah run "$container" -- sh -c 'chmod -R a-w /opt/ravelin && chown nobody /work'
buildah run --user nobody "$container" -- sh -euc 'export HOME=/work
ravelin doctor
ravelin init
ravelin run -p smoke --ui plain
ravelin run -p smoke --backend wasm --overwrite --ui plain'
buildah rm "$container" > /dev/null
buildah images localhost/ravelin
