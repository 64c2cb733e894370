#!/bin/sh
# The first stage of an image: installs ravelin, TensorFlow and Dawn under /opt/ravelin, from the sources in the current folder, on
# Debian 13. The parameters are those of `ravelin setup tensorflow`, such as --gpu.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates g++ nodejs npm python3-pip
npm ci --ignore-scripts
npm run --silent package
npm install --global --ignore-scripts --no-audit --no-fund --prefix /opt/ravelin ./ravelin-*.tgz
export PATH="/opt/ravelin/bin:$PATH" RAVELIN_HOME=/opt/ravelin/home
ravelin setup tensorflow "$@"
ravelin setup webgpu
