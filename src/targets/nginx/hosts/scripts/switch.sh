#!/usr/bin/env bash
# Makes live what deploy.sh prepared. Run again after it was cut short anywhere, it goes on from there.
# Usage: switch.sh [SERVICE...]
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
  require_nginx
  add_includes "$here" || fail "nothing was switched"
  for name in "${chosen[@]}"; do
    load "$name"
    require_handed_back
    read_candidate
    if [ -z "$candidate" ]; then
      say "nothing waits to go live"
      continue
    fi
    say_who_answers
    if [ -z "$undoes" ] && ! is_ours "$candidate"; then
      fail "release $candidate waits to go live, and it is not of this bundle; run deploy.sh again"
    fi
    case $kind in
      blue_green) blue_green ;;
      rolling | canary) rolling ;;
    esac
  done
}

blue_green() {
  local new=$candidate_slot slot old=()
  see_old
  if ! is_healthy "$new"; then
    if is_live "$new" && [ "${#old[@]}" -gt 0 ]; then swap_back "slot $new is not healthy any more"; fi
    fail "slot $new is not healthy any more; nothing was switched"
  fi
  test_nginx || fail "nothing was switched"
  if ! put_live "$candidate" "$new"; then swap_back "nginx does not take release $candidate"; fi
  if ! answers || ! drain "${old[0]:-$(other "$new")}" "$new"; then
    swap_back "release $candidate does not answer through nginx"
  fi
  # The new one has been judged by now.
  for slot in "${old[@]:1}"; do monitor=0 drain "$slot" || true; done
  for slot in "${old[@]}"; do stop_slot "$slot"; done
  stop_idle
  complete
  say "release $candidate is live in slot $new"
  say_who_is_left
}

# Sets `old` to the slots that requests went to before: they may be others than the two of this bundle.
see_old() {
  see_live
  for slot in "${live[@]}"; do
    if [ "$slot" != "$new" ] && [ -n "$(release_of "$slot")" ]; then old+=("$slot"); fi
  done
  if [ "${#old[@]}" -gt 0 ]; then return 0; fi
  # An earlier switch was cut short.
  see_every
  for slot in "${every[@]}"; do
    if [ "$slot" != "$new" ] && [ "$(release_of "$slot")" = "$replaces" ] && is_running "$slot"; then old+=("$slot"); fi
  done
}

# What served in a slot before these scripts did: it is not theirs to end.
say_who_is_left() {
  local slot
  for slot in "${slots[@]}"; do
    if is_foreign "$slot"; then
      say "$(holder "$slot") still has port $slot; nothing leads there now: end it before the next deploy"
    fi
  done
}

swap_back() { # why
  local slot well=()
  say "$1"
  if [ "$swap_back" = false ]; then fail "requests go to slot $new all the same, as swap_back = false"; fi
  if [ "${#old[@]}" -eq 0 ]; then
    if is_first; then give_back; fi
    fail "no other slot runs: there is nothing to swap back to"
  fi
  for slot in "${old[@]}"; do
    if is_healthy "$slot"; then well+=("$slot"); fi
  done
  if [ "${#well[@]}" -eq 0 ]; then fail "slot ${old[*]} does not run: there is nothing to swap back to"; fi
  put_live "$(release_of "${well[0]}")" "${well[@]}" || fail "nginx does not go back to slot ${well[*]} either"
  drain "$new" || true
  # What failed is not to serve, whether it stops or not.
  (stop_slot "$new") || true
  rm -f "$place/candidate"
  fail "requests go to slot ${well[*]} again"
}

# The first release failed: nginx is what it was before it.
give_back() {
  remove_conf
  "${root[@]}" rm -rf "$includes"
  if test_nginx && reload; then retire; fi
  fail "this is the first release: requests go where they went before it"
}

# Slot by slot until each live one runs the candidate and there are as many as there shall be.
rolling() {
  test_nginx || fail "nothing was replaced"
  until settled; do
    if ! step; then
      give_up
    fi
  done
  stop_idle
  local was=$candidate undone=$undoes
  complete
  if [ -n "$undone" ]; then fail "release $undone failed; every slot runs $was again"; fi
  see_live
  say "release $was is live in slots ${live[*]}"
}

# Sets what the next step is chosen by; true where there is none to take.
settled() {
  local slot
  see_live
  in=("${live[@]}")
  behind='' dead='' gone='' free=''
  for slot in "${in[@]}"; do
    if is_running "$slot"; then
      if [ "$(release_of "$slot")" != "$candidate" ]; then behind=$slot; fi
    elif is_own "$slot"; then
      dead=$slot
    else
      # Another release had it: nothing is started there any more.
      gone=$slot
    fi
  done
  behind=${gone:-$behind}
  for slot in "${slots[@]}"; do
    if is_live "$slot"; then continue; fi
    # One that deploy.sh has started is the first.
    if [ -z "$free" ] || { [ "$(release_of "$slot")" = "$candidate" ] && is_running "$slot"; }; then free=$slot; fi
  done
  [ -z "$behind$dead" ] && [ "${#in[@]}" -eq "$replicas" ]
}

step() {
  local most=$replicas
  if [ "$order" = start_first ]; then most=$((replicas + 1)); fi
  if [ -n "$dead" ]; then
    revive "$dead"
  elif [ -n "$gone" ]; then
    leave_gone
  elif [ -n "$behind" ] && { [ -z "$free" ] || [ "${#in[@]}" -ge "$most" ]; }; then
    take_out "$behind"
  elif [ "${#in[@]}" -gt "$replicas" ] && [ -z "$behind" ]; then
    take_out "${in[-1]}"
  else
    bring_in "$free"
  fi
}

# Slots of another release that nginx leads to and that do not run: there is nothing to drain.
leave_gone() {
  local slot run=()
  for slot in "${in[@]}"; do
    if is_running "$slot"; then run+=("$slot"); fi
  done
  in=("${run[@]}")
  if [ "${#in[@]}" -eq 0 ]; then
    bring_in "$free"
  else
    put_live "$candidate" "${in[@]}"
  fi
}

# A slot that nginx leads to and that does not run.
revive() {
  # One that was started again meanwhile, as docker does, is taken out first, like any other.
  if is_running "$1"; then return 0; fi
  give "$1" "$candidate"
  start_slot "$1"
  if wait_healthy "$1"; then
    put_live "$candidate" "${in[@]}"
    return
  fi
  (stop_slot "$1") || true
  return 1
}

bring_in() {
  if is_running "$1" && [ "$(release_of "$1")" != "$candidate" ]; then
    # An earlier run left it as it was taken out: it may still answer.
    reload || return 1
    drain "$1" || return 1
    stop_slot "$1"
  fi
  give "$1" "$candidate"
  start_slot "$1"
  if ! wait_healthy "$1"; then
    (stop_slot "$1") || true
    return 1
  fi
  put_live "$candidate" "${in[@]}" "$1" || return 1
  say "slot $1 serves release $candidate"
  judge "$1" || return 1
}

# How long a new slot's failure counts, and the wait before the next one. A canary is watched once: it is the first
# slot that runs the candidate.
judge() {
  local end failures=0 watch=$monitor slot
  if [ "$kind" = canary ]; then
    for slot in "${in[@]}"; do
      if [ "$(release_of "$slot")" = "$candidate" ] && is_running "$slot"; then watch=0; fi
    done
  fi
  end=$(($(now) + (watch > delay ? watch : delay)))
  while [ "$(now)" -lt "$end" ]; do
    if serves "$1"; then failures=0; else failures=$((failures + 1)); fi
    if [ "$failures" -ge "$retries" ]; then
      say "slot $1 fails after it was brought in"
      return 1
    fi
    pause "$interval"
  done
}

take_out() {
  local slot rest=()
  for slot in "${in[@]}"; do
    if [ "$slot" != "$1" ]; then rest+=("$slot"); fi
  done
  if [ "${#rest[@]}" -gt 0 ]; then
    put_live "$candidate" "${rest[@]}" || return 1
    monitor=0 drain "$1" "${rest[@]}" || return 1
  fi
  stop_slot "$1"
}

# The candidate failed: back to what it replaces, or a stop with every slot in that still runs.
give_up() {
  local slot serving=()
  for slot in "${in[@]}"; do
    if is_running "$slot"; then serving+=("$slot"); fi
  done
  if [ -n "$undoes" ]; then fail "the way back from release $undoes fails too"; fi
  # Without what another one served before, some slots are better than none.
  if [ -f "$state/conf-before/files" ] && is_first; then give_back; fi
  if [ -z "$replaces" ] || [ "$on_failure" != rollback ]; then
    if [ "${#serving[@]}" -gt 0 ]; then put_live "$replaces" "${serving[@]}" || true; fi
    fail "release $candidate failed; slots ${serving[*]} serve. Deploy another, or run rollback.sh"
  fi
  say "release $candidate failed; going back to $replaces"
  # Written down first: a run that is cut short goes on going back.
  write_candidate "$replaces" '' '' "$candidate"
  read_candidate
}

main "$@"
