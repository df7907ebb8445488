#!/usr/bin/env bash
# Takes the last rollout of these manifests' workloads back: each to the revision that the cluster keeps of before, the
# last one first, and says what became of every one. Nothing is changed where one of them cannot go back.
# Usage: rollback.sh [--only FILE]... [--dry-run] [--under-way] [-- OPTION...]
#   --only FILE   the workloads of this file alone, by its name without `.yaml`; may be repeated
#   --dry-run     say what would go back, and change nothing
#   --under-way   take back what has not rolled out yet, too: what is stuck, and what somebody deploys just now
#   OPTION...     options of every call of kubectl, such as --context
# Only pods go back. The number of them and everything else that was applied stays as it is: to take that back, too,
# deploy the manifests of before. The revision before is that of the last change, whoever made it.
# Exit codes: 0 every workload that was changed runs the revision before, 1 one does not, 2 wrong use.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
dry_run=
under_way=
only=()
options=()
workloads=()
manifests=()
newline='
'

main() {
  choose "$@"
  gather
  # What goes back, the number of the revision that it goes to, and what that is.
  local at back=() numbers=() templates=() stays='' refused='' failed='' went=
  for ((at = ${#workloads[@]} - 1; at >= 0; at--)); do survey "${workloads[at]}"; done
  if [ -n "$stays" ]; then say "these stay as they are:$stays"; fi
  [ -z "$refused" ] || fail "nothing was changed, since these cannot go back:$refused"
  if [ ${#back[@]} -eq 0 ]; then
    if [ -n "$went" ]; then return 0; fi
    fail "there is no revision to go back to: deploy one from its own manifests"
  fi
  say "these stay as they were applied: $(others)"
  if [ -n "$dry_run" ]; then return 0; fi
  for ((at = 0; at < ${#back[@]}; at++)); do
    undo "${back[at]}" "${numbers[at]}" || fail "${back[at]} was not taken back, and what was to follow was not touched"
  done
  for ((at = 0; at < ${#back[@]}; at++)); do settle "${back[at]}" "${templates[at]}"; done
  if [ -n "$failed" ]; then fail "these do not run the revision before:$failed"; fi
  say "what was changed runs the revision before"
}

choose() {
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=yes ;;
      --under-way) under_way=yes ;;
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

# Sorts a workload into `back`, `stays` and `refused`.
survey() {
  local workload=$1 hands kept now before is was more
  hands=$(hands_on "$workload" 'paused: {.spec.paused}{"\n"}') || fail "the API server does not answer"
  if [ -z "$hands" ]; then
    stay "it is not there"
    return 0
  fi
  if grep -xF 'paused: true' <<<"$hands" >/dev/null; then
    refuse "its rollout is paused: see \`kubectl rollout resume\`"
    return 0
  fi
  if [ -n "$(line_of "$undone" "$hands")" ]; then
    # Once more would be forward again: the two revisions change places.
    stays+="$newline  $workload: went back already, and once more would bring the revision that it came from"
    went=yes
    return 0
  fi
  require_settled || return 0
  kept=$(revisions) || fail "the API server does not answer"
  now=$(sed -n 1p <<<"$kept")
  before=$(sed -n 2p <<<"$kept")
  if [ -z "$before" ]; then
    stay "new: there is no revision before"
    return 0
  fi
  is=$(template "$now") || fail "the API server does not answer"
  was=$(template "$before") || fail "the API server does not answer"
  more=$(third "$now" "$before") || fail "the API server does not answer"
  if [ -n "$more" ]; then
    refuse "its last rollout was cut short by another: pods run of neither revision $now nor $before"
  elif [ "$is" != "$was" ] && [ "$(but_restarts "$is")" = "$(but_restarts "$was")" ]; then
    stay "the revision before has the same pods: they were restarted since"
  else
    if [ "$(images "$is")" = "$(images "$was")" ]; then
      say "$workload: another configuration of $(images "$is")"
    else
      say "$workload: $(images "$is") -> $(images "$was")"
    fi
    back+=("$workload")
    numbers+=("$before")
    templates+=("$was")
  fi
}

# What is there has rolled out, or has failed to: a Deployment's deadline says so, and nothing of the others.
require_settled() {
  local said
  if said=$(kube rollout status "$workload" --watch=false 2>&1); then
    case $under_way:$said in
      :[Ww]aiting*)
        refuse "it has not rolled out yet, and --under-way takes that back, too: $said"
        return 1
        ;;
    esac
  elif [[ $said != *'progress deadline'* ]]; then
    refuse "$said"
    return 1
  fi
}

# The numbers of the revisions that are kept, the newest first.
revisions() {
  kube rollout history "$workload" | awk '$1 ~ /^[0-9]+$/ { print $1 }' | sort -rn
}

# A revision's pod template, as kubectl tells it.
template() {
  kube rollout history "$workload" --revision "$1" | sed 1d
}

images() {
  sed -nE 's/^ *Image:[[:space:]]*//p' <<<"$1" | paste -s -d ' ' -
}

but_restarts() {
  sed -E 's/Annotations://; s/^[[:space:]]+//; /kubectl\.kubernetes\.io\/restartedAt:/d; /pod-template-hash=/d' <<<"$1"
}

# What runs of a third revision.
third() {
  local kind=${workload%%.*} name=${workload#*/} owner='{.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}'
  if [ "$kind" = deployment ]; then
    kube get replicasets --output \
      "jsonpath={range .items[*]}$owner {.metadata.annotations.deployment\.kubernetes\.io/revision} {.status.replicas}{\"\n\"}{end}" |
      awk -v owner="$kind/$name" -v now="$1" -v before="$2" 'tolower($1) == owner && $2 != now && $2 != before && $3 > 0'
    return
  fi
  {
    kube get controllerrevisions --output \
      "jsonpath={range .items[*]}revision $owner {.revision} {.metadata.name}{\"\n\"}{end}"
    kube get pods --output \
      "jsonpath={range .items[*]}pod $owner {.metadata.labels.controller-revision-hash}{\"\n\"}{end}"
  } | awk -v owner="$kind/$name" -v name="$name" -v now="$1" -v before="$2" '
    tolower($2) != owner { next }
    $1 == "revision" && ($3 == now || $3 == before) { known[$4] = 1 }
    # A pod of a DaemonSet has the hash alone.
    $1 == "pod" && !($3 in known) && !((name "-" $3) in known)
  '
}

# What undoing leaves of what was applied; a ConfigMap is named by what it holds.
others() {
  printf 'the number of pods'
  awk '/^kind: / { gsub(/"/, "", $2); print $2 }' "${manifests[@]}" | sort -u |
    { grep -vxE 'Deployment|StatefulSet|DaemonSet|ConfigMap' || true; } | sed 's/^/, each /' | tr -d '\n'
}

# What is named has to go back; of all some may have nothing to go back from.
stay() {
  if [ ${#only[@]} -gt 0 ]; then
    refuse "$1"
  else
    stays+="$newline  $workload: $1"
  fi
}

refuse() {
  refused+="$newline  $workload: $1"
}

# Waits for a workload, and judges what is there then.
settle() {
  local workload=$1 now
  if ! follow "$workload"; then
    failed+=" $workload"
    return 0
  fi
  now=$(revisions | sed -n 1p)
  if [ "$(template "$now")" != "$2" ]; then
    complain "$workload: another deploy came in between, and what runs is that one's"
    failed+=" $workload"
  fi
}

# Sets `manifests`, the files that are meant, and `workloads`, in their order; every call is of their namespace.
gather() {
  local name namespace workload
  namespace=$(sed -n 's/^namespace: //p' "$here/kustomization.yaml")
  if [ -n "$namespace" ]; then options+=(--namespace "$namespace"); fi
  while read -r name; do
    if is_meant "$name"; then manifests+=("$here/$name"); fi
  done < <(listed)
  [ ${#manifests[@]} -gt 0 ] || fail "kustomization.yaml lists no file"
  while read -r workload; do workloads+=("$workload"); done < <(workloads_in "${manifests[@]}")
}

# The files of these manifests.
listed() {
  sed -n 's/^  - //p' "$here/kustomization.yaml" | tr -d '"'
}

require_listed() {
  listed | grep -xF -e "$1.yaml" >/dev/null || misused "no such file: $1.yaml; there are: $(listed | tr '\n' ' ')"
}

# With --only: what was named, and what others only mount, which replaces nothing by itself.
is_meant() {
  if [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; then return 0; fi
  ! grep -E '^kind: ' "$here/$1" | grep -vE '^kind: "?(ConfigMap|PersistentVolumeClaim)"?$' >/dev/null
}

# What has a pod template, by the names that kubectl gives.
workloads_in() {
  awk '
    FNR == 1 || /^---/ { kind = "" }
    /^kind: / { kind = tolower($2); gsub(/"/, "", kind) }
    /^  name: / && kind ~ /^(deployment|statefulset|daemonset)$/ {
      gsub(/"/, "", $2)
      print kind ".apps/" $2
      kind = ""
    }
  ' "$@"
}

kube() {
  if [ ${#options[@]} -gt 0 ]; then
    kubectl "${options[@]}" "$@"
  else
    kubectl "$@"
  fi
}

# Who set which fields of a workload: `MANAGER|OPERATION|SUBRESOURCE|FIELDS`, a line each.
account='{range .metadata.managedFields[*]}{.manager}|{.operation}|{.subresource}|{.fieldsV1}{"\n"}{end}'

# Behind what else is asked for.
hands_on() {
  kube get "$1" --ignore-not-found --show-managed-fields --output "jsonpath=${2-}$account"
}

# How the line begins of what `kubectl rollout undo` put back: no other of kubectl's commands calls itself so.
undone='kubectl|Update||'

# The number of the line of a pod template that begins so, if any.
line_of() {
  awk -v start="$1" 'index($0, start) == 1 && /"f:template":/ { print NR }' <<<"$2"
}

# Puts a revision back, or the one before the newest. A pod of a StatefulSet that never got ready stays until somebody
# deletes it (kubernetes.io/docs/concepts/workloads/controllers/statefulset, "Forced rollback").
undo() {
  local workload=$1 revision=${2:-0} bad generation pods
  bad=$(kube get "$workload" --output 'jsonpath={.status.updateRevision}') || return 1
  kube rollout undo "$workload" --to-revision "$revision" || return 1
  if [ -z "$bad" ]; then return 0; fi
  generation=$(kube get "$workload" --output 'jsonpath={.metadata.generation}') || return 1
  kube wait "$workload" --for "jsonpath={.status.observedGeneration}=$generation" --timeout 60s >/dev/null || return 1
  pods=$(kube get pods --selector "controller-revision-hash=$bad" --output \
    'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  pods=$(awk '$2 != "True" { print $1 }' <<<"$pods")
  # shellcheck disable=SC2086 # names of pods have no blanks
  if [ -n "$pods" ]; then kube delete pod --ignore-not-found --wait=false $pods; fi
}

# A Deployment has a deadline of its own for each step; of the others every pod gets ten minutes.
follow() {
  local pods=0
  case $1 in
    deployment.*) ;;
    *)
      pods=$(kube get "$1" --output 'jsonpath={.spec.replicas}{.status.desiredNumberScheduled}')
      if [ "${pods:-0}" -eq 0 ]; then pods=1; fi
      ;;
  esac
  kube rollout status "$1" --timeout "$((pods * 600))s"
}

say() {
  printf '%s\n' "$*"
}

complain() {
  printf '%s\n' "$*" >&2
}

fail() {
  complain "error: $*"
  exit 1
}

misused() {
  complain "error: $*"
  exit 2
}

main "$@"
