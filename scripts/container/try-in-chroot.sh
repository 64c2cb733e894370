#!/bin/sh
# Runs the steps of Dockerfile and ravelin.def without a container engine: `try-in-chroot.sh FOLDER`, as root, with debootstrap. It
# makes two clean Debian 13 under FOLDER, builds in the first, copies /opt/ravelin into the second and runs a first pipeline there.
set -eu
folder=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$folder/build
final=$folder/final
mkdir -p "$folder"
unmount() { for each in "$build" "$final"; do umount "$each/proc" 2> /dev/null || true; done; }
trap unmount EXIT
prepare() {
  [ -e "$1/etc/debian_version" ] || debootstrap --variant=minbase trixie "$1" > /dev/null
  mount -t proc proc "$1/proc"
  # The network is the one of this machine.
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  # So are the certificates that it trusts.
  cp "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" "$1/etc/machine.crt"
}
enter() { chroot "$1" /usr/bin/env -i PATH=/opt/ravelin/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 RAVELIN_HOME=/opt/ravelin/home NODE_EXTRA_CA_CERTS=/etc/machine.crt PIP_CERT=/etc/machine.crt sh -euc "$2"; }

prepare "$build"
rm -rf "$build/src" "$build/opt/ravelin"
mkdir "$build/src"
git -C "$root" archive HEAD | tar -x -C "$build/src"
enter "$build" "cd /src && sh scripts/container/build.sh"

prepare "$final"
rm -rf "$final/opt/ravelin"
cp -a "$build/opt/ravelin" "$final/opt/"
cp "$root/scripts/container/runtime.sh" "$final/tmp/"
enter "$final" "sh /tmp/runtime.sh"
# As an image has it: what is installed can only be read, and somebody else than root runs it.
enter "$final" 'chmod -R a-w /opt/ravelin && rm -rf /work && mkdir /work && chown nobody /work && cd /work && HOME=/work setpriv --reuid=nobody --regid=nogroup --clear-groups sh -euc "ravelin doctor; ravelin init; ravelin run -p smoke --ui plain; ravelin run -p smoke --backend wasm --overwrite --ui plain"'
du -xsm "$final/opt/ravelin" "$final"
