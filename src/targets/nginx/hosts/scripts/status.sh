#!/usr/bin/env bash
# What is live, what runs and what waits. Ends with 1 where a live slot is not healthy.
# Usage: status.sh [SERVICE...]
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=hosts/app.sh
source "$here/hosts/app.sh"
# shellcheck source=hosts/host.sh
source "$here/hosts/host.sh"

main() {
  choose "$@"
  settle_places
  local name slot release condition answer well=true
  for name in "${chosen[@]}"; do
    load "$name"
    read_candidate
    printf '%s\n' "$name"
    see_every
    for slot in "${every[@]}"; do
      # Of another release's slots what runs, or should.
      if ! is_own "$slot" && ! is_live "$slot"; then
        answer=0
        runs "$slot" || answer=$?
        if [ "$answer" -eq 1 ]; then continue; fi
      fi
      release=$(release_of "$slot")
      answer=0
      runs "$slot" || answer=$?
      if [ "$answer" -eq 2 ]; then
        condition='not known, since docker does not answer'
      elif [ "$answer" -ne 0 ]; then
        if is_taken "$slot"; then condition="taken by $(holder "$slot")"; else condition=stopped; fi
      elif probe "$slot" >/dev/null 2>&1; then
        condition=healthy
      else
        condition=unhealthy
      fi
      if is_live "$slot"; then
        condition="$condition, live"
        case $condition in healthy*) ;; *) well=false ;; esac
      fi
      printf '  slot %s: %s, release %s\n' "$slot" "$condition" "${release:-none}"
    done
    if [ -n "$candidate" ]; then printf '  waits: release %s\n' "$candidate"; fi
    printf '  before: release %s\n' "$(cat "$place/previous" 2>/dev/null || echo none)"
  done
  [ "$well" = true ]
}

main "$@"
