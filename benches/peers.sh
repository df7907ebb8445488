#!/usr/bin/env bash
# Times zdc beside other generators of the same Kubernetes objects, in turn on one machine:
#   benches/peers.sh [SERVICES…]          default: 1 100 1000
# Peers are those found on PATH: jrsonnet, jsonnet, helm, kustomize, kompose. What counts is the ratio
# of one run, printed last; medians of nine runs.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# median NAME COMMAND…: wall milliseconds of nine runs after one that is not counted.
median() {
  python3 - "$@" <<'PY'
import statistics, subprocess, sys, time
command = sys.argv[1:]
times = []
for run in range(10):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    times.append((time.perf_counter() - start) * 1000)
print(f"{statistics.median(times[1:]):.1f}")
PY
}

for services in "${@:-1 100 1000}"; do
  for n in $services; do
    cargo bench --quiet --bench fleet -- write "$n" > "$work/fleet.zd"
    python3 benches/peers.py "$n" "$work"
    base=$(median true)
    zdc=$(median target/release/zdc build "$work/fleet.zd" --target kubernetes --stdout)
    printf '%6s services: true %s ms, zdc %s ms' "$n" "$base" "$zdc"
    peer() {
      command -v "$1" > /dev/null || return 0
      local time
      time=$(median "$@")
      printf ', %s %s ms (%sx)' "$1" "$time" "$(python3 -c "print(f'{$time / $zdc:.1f}')")"
    }
    peer jrsonnet -y "$work/fleet.jsonnet"
    peer jsonnet -y "$work/fleet.jsonnet"
    peer helm template fleet "$work/helm"
    peer kompose convert -f "$work/compose.yaml" --stdout
    echo
  done
done
