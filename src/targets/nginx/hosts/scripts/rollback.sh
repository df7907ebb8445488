#!/usr/bin/env bash
# Takes the last deploy back: what waits to go live is dropped; what is live of it is replaced by the release that it
# replaced, by that release's own deploy.sh and switch.sh; of several services who went live last goes first. Before the
# first release stood what ZDC_REPLACES named then: it is put back, and has to run still.
# Usage: rollback.sh [SERVICE...]
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
  local name back=() to=() i dropped='' deployed='' stays=''
  if [ $# -eq 0 ]; then deployed=$(cat "$state/.deployed" 2>/dev/null || true); fi
  turn_round
  for name in "${chosen[@]}"; do
    load "$name"
    read_candidate
    if [ -f "$place/hand-back" ]; then
      say "an earlier way back to what served before was cut short; it is finished"
      hand_back
    fi
    if resumes; then
      say "an earlier way back to release $replaces was cut short; it is finished"
      back+=("$name")
      to+=("$replaces")
      continue
    fi
    if [ -n "$deployed" ] && [ -z "$candidate" ] && ! serves_of "$deployed"; then
      say "it stays: the last deploy is not live there"
      stays=yes
      continue
    fi
    # A release that failed, and whose way back was cut short: that way is the one.
    if [ -n "$undoes" ]; then
      replaces=$candidate
    elif [ -n "$candidate" ] && ! begun; then
      drop
      dropped=yes
      continue
    fi
    if [ -z "$replaces" ]; then replaces=$(cat "$place/previous" 2>/dev/null || true); fi
    if [ -z "$replaces" ] || ! [ -d "$state/releases/$replaces" ]; then
      if ! [ -f "$state/conf-before/files" ]; then
        [ "${#chosen[@]}" -gt 1 ] || fail "there is no release to go back to"
        say "there is no release to go back to: it stays"
        continue
      fi
      # The site before is of all of them.
      if [ "${#services[@]}" -gt 1 ]; then fail "there is no release to go back to; what stood before is in $state/conf-before"; fi
      hand_back
    fi
    back+=("$name")
    to+=("$replaces")
  done
  service=''
  [ "${#back[@]}" -gt 0 ] || [ -n "$dropped$stays" ] || fail "there is no release to go back to"
  for ((i = 0; i < ${#back[@]}; i++)); do printf '%s\n' "${to[i]}" | record "$state/${back[i]}/back"; done
  # The scripts of the release before take the lock themselves.
  exec 9>&-
  export ZDC_BACK=yes
  for ((i = 0; i < ${#back[@]}; i++)); do
    go "${to[i]}" deploy.sh "${back[i]}"
    go "${to[i]}" switch.sh "${back[i]}"
  done
  # Whoever came between is waited for: what went back is not undone by that.
  ZDC_LOCK_WAIT=${ZDC_LOCK_WAIT:-600}
  lock
  for ((i = 0; i < ${#back[@]}; i++)); do leave "${back[i]}" "${to[i]}"; done
  for name in "${back[@]}"; do rm -f "$state/$name/back"; done
  # Last: a run that was cut short before does not go forth again.
  if [ "${#back[@]}" -gt 0 ]; then
    for ((i = 0; i < ${#back[@]}; i++)); do printf '%s %s\n' "${back[i]}" "${to[i]}"; done | record "$state/.deployed"
  fi
}

# Sorts `chosen`: who went live last goes back first, since whoever it asks for went live before it. Of whom that is not
# known, who calls.
turn_round() {
  local name known=() order=() wanted=" ${chosen[*]} "
  if [ -f "$state/.order" ]; then mapfile -t known <"$state/.order"; fi
  for name in "${services[@]}"; do
    case " ${known[*]} " in *" $name "*) ;; *) order=("$name" "${order[@]}") ;; esac
  done
  for name in "${known[@]}"; do order=("$name" "${order[@]}"); done
  chosen=()
  for name in "${order[@]}"; do
    case $wanted in *" $name "*) chosen+=("$name") ;; esac
  done
}

# A script of the release before. Where it fails this is no longer the way; where it is killed, or that release waits still, it is.
go() { # release, script, service
  local ended=0
  bash "$state/releases/$1/$2" "$3" || ended=$?
  if [ "$ended" -eq 0 ]; then return 0; fi
  if [ "$ended" -le 128 ] && [ "$(head -n 1 "$state/$3/candidate" 2>/dev/null)" != "$1" ]; then rm -f "$state/$3/back"; fi
  exit "$ended"
}

# Whether an earlier run was cut short once the release before was to go live again: it waits, or it serves. `replaces` is
# that release then.
resumes() {
  local to slot
  to=$(cat "$place/back" 2>/dev/null) || return 1
  if [ -n "$candidate" ]; then
    [ "$candidate" = "$to" ] || return 1
  else
    see_live
    [ "${#live[@]}" -gt 0 ] || return 1
    for slot in "${live[@]}"; do
      [ "$(release_of "$slot")" = "$to" ] || return 1
    done
  fi
  replaces=$to
}

# What runs on in slots that the release before does not have: its scripts may know of none but their own.
leave() { # service, release
  local slot
  load "$1"
  see_live
  for slot in "${live[@]}"; do
    [ "$(release_of "$slot")" = "$2" ] || fail "slot $slot still serves release $(release_of "$slot"): build the release" \
      "before anew and deploy it, as its scripts do not know the slots of this one"
  done
  stop_idle
}

# Whether requests go to a release that is written down there.
serves_of() { # a service and its release a line
  local slot
  see_live
  for slot in "${live[@]}"; do
    if grep -qxF -e "$service $(release_of "$slot")" <<<"$1"; then return 0; fi
  done
  return 1
}

# Whether requests go to the candidate already.
begun() {
  local slot
  see_live
  for slot in "${live[@]}"; do
    if [ "$(release_of "$slot")" = "$candidate" ]; then return 0; fi
  done
  return 1
}

# To what served before the first release, or to where requests went until now. What is to be done is written down first,
# and once that answers it is not judged again: a run that was cut short is ended by the next one.
hand_back() {
  local files='' serving=() answered='' slot
  if [ -f "$place/hand-back" ]; then
    { read -r files && read -ra serving && read -r answered; } <"$place/hand-back" || true
  else
    see_live
    serving=("${live[@]}")
    files=$(tr '\n' ' ' <"$state/conf-before/files")
    printf '%s\n' "$files" "${serving[*]}" '' | record "$place/hand-back"
  fi
  if [ -z "$answered" ]; then
    remove_conf
    if ! { test_nginx && reload && answers; }; then
      if ZDC_REPLACES=$files put_live "$(release_of "${serving[0]:-}")" "${serving[@]}"; then rm -f "$place/hand-back"; fi
      fail "what served before does not answer: start it first. Requests go where they went"
    fi
    printf '%s\n' "$files" "${serving[*]}" yes | record "$place/hand-back"
    for slot in "${serving[@]}"; do drain "$slot" || true; done
  fi
  "${root[@]}" rm -rf "$includes"
  # Nothing is live now: what was prepared, or left by a switch that was cut short, goes too.
  stop_idle
  for slot in "${every[@]}"; do rm -f "$place/slots/$slot/release"; done
  rm -f "$place/candidate" "$place/hand-back"
  say "requests go where they went before the first release"
  exit 0
}

drop() {
  stop_waiting "$candidate"
  rm -f "$place/candidate"
  say "release $candidate was not live yet; it is dropped"
}

main "$@"
