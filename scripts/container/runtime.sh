#!/bin/sh
# The last stage of an image: what a ravelin that another stage built under /opt/ravelin needs of Debian 13.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates libvulkan1 nodejs
rm -rf /var/lib/apt/lists/*
/opt/ravelin/bin/ravelin --version
