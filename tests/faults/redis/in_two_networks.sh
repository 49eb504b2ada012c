#!/usr/bin/env bash
# Runs a command in a network of its own, beside another one called `store` at $STORE_ADDRESS, where it
# can start servers with `ip netns exec store` and lose packets with nft. Nothing outside is touched.
# Exits with 77 (a skipped test) where no such networks can be made.
set -euo pipefail
export STORE_ADDRESS=10.87.0.2
PATH=$PATH:/usr/sbin:/sbin

if [[ ${1-} != --inside ]]; then
  for tool in unshare ip nft; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is missing"; exit 77; }
  done
  unshare --user --map-root-user --net --mount true 2>/dev/null ||
    { echo "skipped: no namespaces of our own here"; exit 77; }
  exec unshare --user --map-root-user --net --mount "$0" --inside "$@"
fi
shift
mount -t tmpfs none /run
ip netns add store
ip link set lo up
ip -n store link set lo up
ip link add name near0 type veth peer name far0 netns store
ip addr add 10.87.0.1/24 dev near0
ip link set near0 up
ip -n store addr add "$STORE_ADDRESS/24" dev far0
ip -n store link set far0 up
exec "$@"
