#!/usr/bin/env bash
# Runs one slot of the release that this file is of, or probes it from inside. A unit and host.sh call it.
# Usage: run.sh SERVICE PORT [probe]
# shellcheck source-path=SCRIPTDIR disable=SC2034
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=app.sh
source "$here/hosts/app.sh"
# What the settings set, and what their `run` is given.
service='' slots=() run_as='' workdir='' docker=() container='' as=()
# shellcheck source=/dev/null
source "$here/hosts/services/$1.sh"
read -ra docker <<<"${ZDC_DOCKER:-docker}"

slot_port=$2
slot_index=0
for port in "${slots[@]}"; do
  slot_index=$((slot_index + 1))
  if [ "$port" = "$slot_port" ]; then break; fi
done
export slot_index
container=$app-$service-$slot_port

# Where a supervisor starts it as root and does not change the user itself.
if [ -n "$run_as" ] && [ "$EUID" -eq 0 ]; then
  as=(setpriv "--reuid=$run_as" "--regid=$(id -g "$run_as")" --init-groups)
fi

cd "$here"
if [ -n "$workdir" ]; then CDPATH='' cd -- "$workdir"; fi

if [ "${3:-run}" = probe ]; then
  probe_inside
  exit
fi
if [ -n "${ZDC_PID_FILE:-}" ]; then
  # The process id and the time it started, which stay when the program takes this one's place.
  read -r line <"/proc/$$/stat"
  read -ra rest <<<"${line##*) }"
  printf '%s %s\n' "$$" "${rest[19]}" >"$ZDC_PID_FILE.new"
  mv -f "$ZDC_PID_FILE.new" "$ZDC_PID_FILE"
  unset ZDC_PID_FILE
fi
# The deploy's lock: the program would keep it.
exec 9>&-
run
