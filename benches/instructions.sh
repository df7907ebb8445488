#!/usr/bin/env bash
# Counts instructions of the whole program with callgrind, which the machine's load does not change. Needs valgrind.
#   benches/instructions.sh [SERVICES…]        of `zdc build`, default 1 100
#   benches/instructions.sh plan [SERVICES…]   of `zdc check`, and of `zdc plan` where one service rolls and where all do, default 1000
set -euo pipefail
cd "$(dirname "$0")/.."
# Symbols are not needed, but a stripped build is what is measured.
cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/zdc "$@" 2>&1 > /dev/null |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
sizes="1 100"
if [ "${1:-}" = plan ]; then
  sizes=1000
  planned=1
  shift
fi
for n in "${@:-$sizes}"; do
  for size in $n; do
    cargo bench --quiet --bench fleet -- write "$size" > "$work/fleet.zd"
    if [ -z "${planned:-}" ]; then
      printf '%6s services: %s instructions\n' "$size" "$(count build "$work/fleet.zd" --target kubernetes --stdout)"
      continue
    fi
    # Another tag of the first image, and of all.
    sed '0,/:1\./s//:2./' "$work/fleet.zd" > "$work/one.zd"
    sed 's/:1\./:2./' "$work/fleet.zd" > "$work/all.zd"
    printf '%6s services: check %s, plan of one %s, of all %s instructions\n' "$size" "$(count check "$work/fleet.zd")" \
      "$(count plan "$work/fleet.zd" "$work/one.zd")" "$(count plan "$work/fleet.zd" "$work/all.zd")"
  done
done
