#!/usr/bin/env bash
# Prepares this bundle: copies it, and starts it in a slot that takes no requests until it is healthy. What is live
# is not touched: switch.sh does that.
# Usage: deploy.sh [SERVICE...]
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
# A command that was interrupted may end as one that failed, after which more would be changed; who called this ends by the signal, too.
trap 'trap - INT; kill -INT $$' INT
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=hosts/app.sh
source "$here/hosts/app.sh"
# shellcheck source=hosts/host.sh
source "$here/hosts/host.sh"

main() {
  choose "$@"
  settle_places
  lock
  local name
  require_variables
  release=$(release_name)
  note_deploy
  make_release "$release"
  for name in "${chosen[@]}"; do
    load "$name"
    require_handed_back
    prepare_image
    read_candidate
    # What is deployed by itself is no way back.
    if [ -z "${ZDC_BACK:-}" ]; then rm -f "$place/back"; fi
    case $kind in
      blue_green) blue_green ;;
      rolling | canary) rolling ;;
    esac
  done
  prune
}

# What rollback.sh takes back: a service and its release a line, of this release. What is deployed on the way back it writes
# down itself.
note_deploy() {
  local name
  if [ -n "${ZDC_BACK:-}" ]; then return 0; fi
  {
    grep -e " $release\$" "$state/.deployed" 2>/dev/null || true
    for name in "${chosen[@]}"; do printf '%s %s\n' "$name" "$release"; done
  } | sort -u | record "$state/.deployed"
}

blue_green() {
  local slot current='' idle=''
  see_live
  if [ -n "$candidate" ] && [ "$(release_of "$candidate_slot")" = "$candidate" ] && is_live "$candidate_slot"; then
    say "an earlier switch to slot $candidate_slot was cut short; it is finished first"
    put_live "$candidate" "$candidate_slot" || fail "nginx does not reload: nothing was changed"
    stop_idle
    complete
    read_candidate
    see_live
  fi
  # A slot that was never given anything is not live, whatever nginx includes.
  for slot in "${live[@]}"; do
    if [ -n "$(release_of "$slot")" ]; then current="${current:+$current }$slot"; fi
  done
  if [ "$(release_of "${current:-none}")" = "$release" ] && is_healthy "$current"; then
    say "release $release is live in slot $current already"
    drop_candidate
    return 0
  fi
  # Others may be live than these two, as they are after another release: with other slots, or with several at once.
  for slot in "${slots[@]}"; do
    case " $current " in *" $slot "*) continue ;; esac
    # Who serves on this host before the first release goes on doing so.
    if [ -z "$idle" ] || { is_foreign "$idle" && ! is_live "$slot"; }; then idle=$slot; fi
  done
  if [ -z "$idle" ]; then
    fail "slots $current serve, all that there are: none is free for release $release, and nothing was changed." \
      "Give the service slots of other ports, or deploy it with one replica first"
  fi
  if [ "$candidate" = "$release" ] && [ "$candidate_slot" = "$idle" ] && is_healthy "$idle"; then
    say "release $release waits in slot $idle already"
    return 0
  fi
  drop_candidate
  stop_idle_of "$idle"
  give "$idle" "$release"
  start_slot "$idle"
  if ! wait_healthy "$idle"; then
    (stop_slot "$idle") || true
    fail "release $release does not run in slot $idle; requests still go to slot ${current:-none}"
  fi
  write_candidate "$release" "$idle" "$(release_of "${current%% *}")" ''
  say "release $release is healthy in slot $idle; switch.sh makes it live"
}

# The slots are replaced by switch.sh. One that is free is started now.
rolling() {
  local slot free='' behind=''
  for slot in "${slots[@]}"; do
    if is_foreign "$slot"; then
      fail "port $slot is taken by $(holder "$slot"), which is not of these scripts: nothing was changed." \
        "Give the service slots of other ports and switch to them, or end it first"
    fi
    if [ -z "$free" ] && ! is_live "$slot"; then free=$slot; fi
  done
  see_live
  # Another release may have had other slots.
  for slot in "${live[@]}"; do
    if [ "$(release_of "$slot")" != "$release" ] || ! is_running "$slot"; then behind=$slot; fi
  done
  if [ -z "$behind" ] && [ "${#live[@]}" -eq "$replicas" ]; then
    if [ "$candidate" = "$release" ] && [ -z "$undoes" ]; then
      say "an earlier switch was cut short; it is finished first"
      stop_idle
      complete
      candidate=''
    fi
    say "release $release is live in every slot already"
    drop_candidate
    return 0
  fi
  # The way back from a failed release was cut short: what that led to is the release before, and has its own behind it.
  if [ -n "$undoes" ] && [ "$candidate" != "$release" ]; then
    replaces=$candidate
  elif [ -n "$undoes" ]; then
    replaces=$(cat "$place/previous" 2>/dev/null || true)
  elif [ -z "$candidate" ]; then
    replaces=$(release_of "${live[0]-}")
  fi
  if [ "$order" = start_first ] && [ -n "$free" ] && [ -n "$replaces" ]; then
    if [ "$(release_of "$free")" != "$release" ]; then stop_idle_of "$free"; fi
    give "$free" "$release"
    start_slot "$free"
    if ! wait_healthy "$free"; then
      (stop_slot "$free") || true
      fail "release $release does not run in slot $free; requests go where they went before"
    fi
  fi
  write_candidate "$release" '' "$replaces" ''
  say "release $release is ready; switch.sh makes it live"
}

drop_candidate() {
  if [ -n "$candidate" ]; then stop_waiting "$candidate"; fi
  rm -f "$place/candidate"
}

main "$@"
