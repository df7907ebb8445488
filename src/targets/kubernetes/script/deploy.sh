#!/usr/bin/env bash
# Applies these manifests to a cluster, waits until every workload has rolled out, and takes a rollout that failed back:
# the cluster itself never does.
# Usage: deploy.sh [--only FILE]... [--keep] [--secrets-later] [-- OPTION...]
#   --only FILE   what this file has, by its name without `.yaml`, and the configs and volumes of all; may be repeated.
#                 The others stay as they are
#   --keep        leave a rollout that failed as it is
#   --secrets-later
#                 go on without Secrets that are not there: somebody makes them afterwards, such as an operator
#   OPTION...     options of every call of kubectl, such as --context
# Each revision that a deploy brings has the id of it in the label `rollout.zdc/deploy`, by which rollback.sh knows what the last
# one changed: its time, and $ZDC_RELEASE where that is set, so that several deploys count as one.
# Exit codes: 0 everything runs what was applied, 1 something does not, 2 wrong use.
set -euo pipefail
# A command that was interrupted may end as one that failed, after which more would be changed; who called this ends by the signal, too.
trap 'trap - INT; kill -INT $$' INT

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
keep=
secrets_later=
only=()
options=()
workloads=()
manifests=()
failed=
unknown=
# What this deploy is called.
deploy=
# What kubectl said of its marks last.
unmarked=
# Nothing of these is asked for here.
to=
last=
since=
start=
under_way=
again=

main() {
  choose "$@"
  gather
  call
  local files=() before after now changed renewed workload at ended
  for ((at = 0; at < ${#manifests[@]}; at++)); do files+=(-f "${manifests[at]}"); done
  before=$(state) || fail "kubectl could not ask what there is, for the reason above: nothing was changed"
  refuse_paused "$before"
  require_secrets
  ask_for_leave "${files[@]}"
  remember "$before"
  begin
  own_all_undone
  if ! changed=$(apply --output name "${files[@]}"); then
    note_in_part
    fail "not everything was applied: see above; what was goes on, and this can be run again"
  fi
  changed=$(grep -E '^(deployment|statefulset|daemonset)\.apps/' <<<"$changed" || true)
  after=$(heard) || fail "the API server does not answer: whether what was applied runs is not known, and nothing was taken back"
  renewed=$(compare other "$before" "$after" "$changed")
  renewed+=" $(left_unmarked)"
  note "$after"
  for workload in $changed; do
    ended=0
    waits_for_strays "$workload" || true
    follow "$workload" || ended=$?
    case $ended in
      0) ;;
      1) take_back "$workload" ;;
      *) unknown+=" $workload" ;;
    esac
  done
  if [ -z "$unknown" ]; then now=$(heard) || unknown=" $(tr '\n' ' ' <<<"$changed")"; fi
  # What was not answered is no verdict.
  if [ -n "$unknown" ] && [ -n "$failed" ]; then complain "these do not run what was applied:$failed"; fi
  [ -z "$unknown" ] || fail "the API server does not answer: whether these run what was applied is not known, and they were left as they are:$unknown"
  remember "$now"
  note "$now"
  for workload in $changed; do
    if [[ " $failed " != *" $workload "* ]] && ! is_ours "$workload"; then failed+=" $workload"; fi
  done
  if [ -n "$failed" ]; then fail "these do not run what was applied:$failed"; fi
  if [ ${#only[@]} -gt 0 ]; then
    say "what --only named runs what was applied"
  else
    say "everything runs what was applied"
  fi
}

choose() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage ;;
      --keep) keep=yes ;;
      --secrets-later) secrets_later=yes ;;
      --only)
        [ $# -gt 1 ] || misused "$1 needs a value"
        require_listed "$2"
        only+=("$2.yaml")
        shift
        ;;
      --)
        shift
        options+=("$@")
        return 0
        ;;
      *) misused "no such option: $1" ;;
    esac
    shift
  done
}

# What this deploy is called, as the value of a label.
call() {
  deploy=${ZDC_RELEASE:-$(printf '%04x%04x' $RANDOM $RANDOM)}
  case $deploy in
    *[!A-Za-z0-9._-]* | *[._-])
      misused "ZDC_RELEASE has letters, digits, dots, dashes and underscores alone, and ends with a letter or digit: $deploy"
      ;;
  esac
  [ ${#deploy} -le 46 ] || misused "ZDC_RELEASE has 46 characters at most: $deploy"
  deploy=$(date -u +%Y%m%dT%H%M%SZ).$deploy
}

# The workloads whose pods two states tell alike, or not: `compare {same|other} STATE STATE WORKLOADS`.
compare() {
  awk -F '\t' -v how="$1" '
    NR == FNR { known[$0] = 1; next }
    (($0 in known) ? "same" : "other") == how { print $1 }
  ' <(pods_by_name "$2" "$4") <(pods_by_name "$3" "$4")
}

pods_by_name() {
  ask 'function answer(workload) { print workload "\t" pods[workload] }' "$1" "$2"
}

# Marks the revisions that this deploy brought as its own, as soon as a state tells them: it may be cut short.
note() {
  local names said
  names=$(ask '
    function answer(workload, object) {
      object = nth[workload, 1]
      if (seen[workload] && kept[workload] && !to_come[object] && deploy[object] != id) print object
    }
  ' "$1" "$(compare same "$after" "$1" "$renewed")")
  if [ -z "$names" ]; then return 0; fi
  # shellcheck disable=SC2086 # names have no blanks
  if said=$(kube label --field-manager "$deploy_hand" --overwrite $names "$deploy_mark=$deploy" 2>&1 >/dev/null); then return 0; fi
  if [ "$said" = "$unmarked" ]; then return 0; fi
  unmarked=$said
  complain "$said"
  complain "rollback.sh will not know that these are of this deploy: $(tr '\n' ' ' <<<"$names")"
}

# Marks what each workload is before anything is applied. Who cannot will not be able to mark what comes either, and says so then.
begin() {
  local names
  names=$(newest "$before" "${workloads[*]-}")
  # shellcheck disable=SC2086 # names have no blanks
  if [ -n "$names" ]; then kube label --field-manager "$deploy_hand-next" --overwrite $names "$begun_mark=$deploy" >/dev/null 2>&1 || true; fi
}

# What a run of this release brought that was cut short is of the one that goes on with it: a revision without a mark, or one that
# came once more, that came by an apply and by nothing since, over one over which that release was begun.
left_unmarked() {
  local workload made undone_before
  undone_before=" $(undone_workloads "$before" | tr '\n' ' ')"
  while read -r workload made; do
    if [ -n "$workload" ] && [[ $undone_before != *" $workload "* ]] && is_by_apply "$workload" "$made"; then printf '%s ' "$workload"; fi
  done < <(ask '
    function answer(workload, object, before) {
      object = nth[workload, 1]
      before = nth[workload, 2]
      if (kept[workload] < 2 || !seen[workload] || to_come[object]) return
      if (next_deploy[before] == "" || named_as(next_deploy[before]) != named_as(id)) return
      if (!is_overtaken(workload, 1)) {
        if (deploy[object] == "") print workload, made[object]
        else if (is_forward(workload, object, before)) print workload
      } else if (applied[workload] > came(before)) print workload
    }
  ' "$after" "$(compare same "$before" "$after" "$changed")")
}

# Whether of all hands on a pod template an apply was the last, and not after this moment, if one is given.
is_by_apply() {
  kube get "$1" --ignore-not-found --show-managed-fields --output "jsonpath={range .metadata.managedFields[*]}$timed_entry{end}" |
    awk -F '|' -v made="$2" '
      /"f:template":/ && $4 > last { last = $4; by = "" }
      /"f:template":/ && $4 == last { by = by $1 "|" $2 " " }
      END { exit !(by == "kubectl|Apply " && (made == "" || last <= made)) }
    '
}

# Of a deploy that was cut short some revisions may be there, or come in a moment.
note_in_part() {
  local tries
  for tries in 1 2 3; do
    sleep "$tries"
    after=$(state) || continue
    renewed=$(compare other "$before" "$after" "${workloads[*]-}")
    note "$after"
  done
}

# The server merges, by the keys of every list: kubectl itself takes two ports of one number for one, and keeps what it
# applied in an annotation, which has room for 256 KiB. What is written here holds, also after `kubectl rollout undo`
# and `kubectl scale`; what is not, such as the number of pods under an autoscaler, stays with whoever set it.
apply() {
  kube apply --server-side --force-conflicts "$@"
}

# What one object is refused for is said before any is changed.
ask_for_leave() {
  local said tries began=$SECONDS owned=
  for ((tries = 0; tries < 60 && SECONDS - began < 300; tries++)); do
    if said=$(apply --dry-run=server "$@" 2>&1 >/dev/null) || take_over "$said" "$@"; then return 0; fi
    if ! is_unanswered "$said"; then
      # What was undone may be what stands against it, such as the other source of a variable.
      if [ -z "$owned" ] && [ -n "$(undone_workloads "$before")" ]; then
        owned=yes
        own_all_undone
        continue
      fi
      complain "$said"
      fail "the API server refuses what is above: nothing was changed"
    fi
    sleep 5
  done
  complain "$said"
  fail "the API server does not answer: nothing was changed"
}

# Whether kubectl tells of a call without an answer, or of a server that was not up to it: once more it may be another one.
is_unanswered() {
  # What calls others, such as a webhook, tells of theirs, which is an answer.
  grep -v '^Error from server (InternalError)' <<<"$1" | grep -E \
    -e '^Unable to connect to the server|^The connection to the server|: (Get|Post|Patch) "https?:' \
    -e '^Error from server( \((Timeout|ServiceUnavailable|TooManyRequests)\)|: etcdserver:)|Please retry' >/dev/null
}

# What was applied by hand, on kubectl's own side, is that side's: the server merges what is new into what is no longer
# written, and refuses some of that: a variable with two sources, or that was written twice (kubernetes/kubernetes#113482). kubectl
# itself takes it away.
take_over() {
  if is_unanswered "$1" || [[ $1 != *" is invalid: "* && $1 != *": duplicate entries for key "* ]]; then return 1; fi
  shift
  kube apply --dry-run=server "$@" >/dev/null 2>&1 || return 1
  say "taking over what was applied by hand"
  kube apply "$@" >/dev/null || fail "not everything was applied: see above"
}

# Which of these workloads `kubectl rollout undo` took back since they were applied.
undone_workloads() {
  ask 'function answer(workload) { if (workload in went) print workload }' "$1" "${workloads[*]-}"
}

own_all_undone() {
  local workload
  for workload in $(undone_workloads "$before"); do own_what_was_undone "$workload"; done
}

# What `kubectl rollout undo` put back is its own, and no apply would remove it: a variable of the version before would
# stay in the next one. So it is made what was applied; only the server's account of who set what changes.
own_what_was_undone() {
  local tries hands theirs said
  for tries in 1 2 3 4 5; do
    hands=$(hands_on "$1") || fail "kubectl could not ask what there is, for the reason above: nothing was changed"
    theirs=$(line_of "$undone" "$hands")
    if [ -z "$theirs" ]; then return 0; fi
    if said=$(kube patch "$1" --type json --patch "$(as_applied)" 2>&1 >/dev/null); then return 0; fi
    # Another hand was faster, which needs no word where the next try goes well.
    if [ "$tries" -gt 1 ]; then complain "$said"; fi
    sleep "$tries"
  done
  fail "$1: what was undone cannot be made what was applied: nothing was changed"
}

# The change to the account, if it is still the one that was read.
as_applied() {
  local ours list=/metadata/managedFields fields undone_fields
  ours=$(line_of 'kubectl|Apply||' "$hands")
  undone_fields=$(fields_of "$theirs")
  printf '[{"op":"test","path":"%s/%s/fieldsV1","value":%s}' "$list" "$((theirs - 1))" "$undone_fields"
  if [ -z "$ours" ]; then
    printf ',{"op":"replace","path":"%s/%s/operation","value":"Apply"}]' "$list" "$((theirs - 1))"
    return 0
  fi
  fields=$(fields_of "$ours")
  printf ',{"op":"test","path":"%s/%s/fieldsV1","value":%s}' "$list" "$((ours - 1))" "$fields"
  fields=$(both_of "$fields" "$undone_fields")
  printf ',{"op":"replace","path":"%s/%s/fieldsV1","value":%s}' "$list" "$((ours - 1))" "$fields"
  printf ',{"op":"remove","path":"%s/%s"}]' "$list" "$((theirs - 1))"
}

fields_of() {
  sed -n "$1p" <<<"$hands" | cut -d '|' -f 4-
}

# The fields of two accounts are those of one merged into the other, which kubectl does here and without a server.
both_of() {
  printf '{"apiVersion":"local/v1","kind":"Account","metadata":{"name":"both"},"fields":%s}' "$1" |
    kubectl patch --local --filename - --type merge --patch "{\"fields\":$2}" --output 'jsonpath={.fields}'
}

# A Deployment that somebody paused by `kubectl rollout pause`, which no manifest says, replaces no pod, and has no deadline
# either: its rollout would be waited for without an end (kubernetes/kubernetes
# pkg/controller/deployment/deployment_controller.go, syncDeployment).
refuse_paused() {
  local paused workload
  paused=$(ask 'function answer(workload) { if (how[workload] == "true") print workload }' "$1" "${workloads[*]-}")
  if [ -z "$paused" ]; then return 0; fi
  for workload in $paused; do
    complain "$workload is paused: \`$called rollout resume deployment/${workload#*/}\` first"
  done
  fail "what is paused would not roll out: nothing was changed"
}

# What a workload's pods are made from.
pods_of() {
  ask 'function answer(workload) { print pods[workload] }' "$1" "$2"
}

# Whether the pods of a workload are still what was applied.
is_ours() {
  if [ "$(pods_of "$now" "$1")" = "$(pods_of "$after" "$1")" ]; then return 0; fi
  complain "$1: another deploy came in between, and what is there is that one's"
  return 1
}

# How many pods a workload is to have.
wanted_of() {
  ask 'function answer(workload) { print wanted[workload] + 0 }' "$1" "$2"
}

# Says so of a Deployment all of whose pods are of its newest revision, of which some serve. Where it came to have more since,
# the version before would have no room for those either.
lacks_pods() {
  ask '
    function answer(workload) {
      if (seen[workload] && reason[workload] == "NewReplicaSetAvailable" && updated[workload] == running[workload] &&
          able[nth[workload, 1]] > 0) print "yes"
    }
  ' "$1" "$2"
}

# What this deploy did not change has no version of before it. Whether it ever got ready stays as it was seen.
stays() {
  local seen
  seen=$(ask 'function answer(workload) { print ready[nth[workload, 1]] }' "$now" "$1")
  if [ "$seen" = true ]; then
    complain "$1 is what it was before, and got ready then: it stays as it is"
    return 0
  fi
  put_mark false "$(newest "$now" "$1")"
  local what message again=yes under_way=yes
  IFS=$'\t' read -r what _ _ _ message < <(ways_back "$now" "$1")
  if [ "$what" = back ]; then message="\`${ZDC_RELEASE:+ZDC_RELEASE= }rollback.sh --only $(file_of "$1") --under-way$(given)\` takes it back: $message"; fi
  complain "$1 is what it was before, nobody saw it get ready, and it stays as it is: $message"
}

# The newest revision, where the controller has seen what was applied.
newest_seen() {
  ask 'function answer(workload) { if (seen[workload] && !to_come[nth[workload, 1]]) print nth[workload, 1] }' "$1" "$2"
}

# Says so where a StatefulSet waits for pods that are of a version before and may never get ready.
waits_for_strays() {
  local pods
  pods=$(strays "$1")
  [ -n "$pods" ] || return 1
  complain "$1 replaces no pod before these of a version before are ready:$pods; if they never get so: \`$called delete pod$pods\`"
}

# Puts the version before back, where this deploy brought another.
take_back() {
  local workload=$1 was is what number message again=yes under_way=yes ended=0
  was=$(pods_of "$before" "$workload")
  is=$(pods_of "$after" "$workload")
  # It may have got ready meanwhile.
  if ! now=$(heard); then
    unknown+=" $workload"
    return 0
  fi
  if [ "$(come_to "$now" "$workload")" = "done" ]; then return 0; fi
  failed+=" $workload"
  note "$now"
  is_ours "$workload" || return 0
  if [ "$was" = "$is" ] || [ "$(wanted_of "$now" "$workload")" -gt "$(wanted_of "$after" "$workload")" ]; then
    if [ -n "$(lacks_pods "$now" "$workload")" ]; then
      complain "$workload has rolled out, and some of the pods that it is to have now are not available: it stays as it is"
      return 0
    fi
  fi
  if [ "$was" = "$is" ]; then
    stays "$workload"
    return 0
  fi
  # What never had its turn is not bad.
  waits_for_strays "$workload" || put_mark false "$(newest_seen "$now" "$workload")"
  if [ -n "$keep" ]; then return 0; fi
  if [ -z "$was" ]; then
    complain "$workload is new: there is no version to go back to"
    return 0
  fi
  IFS=$'\t' read -r what _ number _ message < <(ways_back "$now" "$workload")
  if [ "$what" != back ]; then
    complain "$workload does not get ready, and stays as it is: $message"
    return 0
  fi
  complain "$workload does not get ready: it goes back: $message"
  if ! undo "$workload" "$number"; then
    complain "$workload was not taken back"
    return 0
  fi
  follow "$workload" || ended=$?
  case $ended in
    0) ;;
    1) complain "the version before of $workload does not get ready either" ;;
    *) complain "the API server does not answer: whether the version before of $workload gets ready is not known" ;;
  esac
}
