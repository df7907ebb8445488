#!/usr/bin/env bash
# Counts the instructions of a whole `zdc build` with callgrind, which the machine's load does not
# change: benches/instructions.sh [SERVICES…], default 1 100. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
# Symbols are not needed, but a stripped build is what is measured.
cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for n in "${@:-1 100}"; do
  for size in $n; do
    cargo bench --quiet --bench fleet -- write "$size" > "$work/fleet.zd"
    count=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
      target/release/zdc build "$work/fleet.zd" --target kubernetes --stdout 2>&1 > /dev/null |
      sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
    printf '%6s services: %s instructions\n' "$size" "$count"
  done
done
