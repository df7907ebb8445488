#!/usr/bin/env bash
# Applies these manifests to a cluster, waits until every workload has rolled out, and takes a rollout that failed back:
# the cluster itself never does.
# Usage: deploy.sh [--only FILE]... [--keep] [-- OPTION...]
#   --only FILE   what this file has, by its name without `.yaml`, and the configs and volumes of all; may be repeated.
#                 The others stay as they are
#   --keep        leave a rollout that failed as it is
#   OPTION...     options of every call of kubectl, such as --context
# Exit codes: 0 everything runs what was applied, 1 something does not, 2 wrong use.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
keep=
only=()
options=()
workloads=()
manifests=()
failed=

main() {
  choose "$@"
  gather
  local files=() before after changed workload at
  for ((at = 0; at < ${#manifests[@]}; at++)); do files+=(-f "${manifests[at]}"); done
  before=$(templates)
  local said
  # What one object is refused for is said before any is changed.
  if ! said=$(apply --dry-run=server "${files[@]}" 2>&1 >/dev/null) && ! take_over "${files[@]}"; then
    complain "$said"
    fail "the API server refuses what is above: nothing was changed"
  fi
  changed=$(undone_workloads) || fail "the API server does not answer"
  for workload in $changed; do own_what_was_undone "$workload"; done
  changed=$(apply --output name "${files[@]}") || fail "not everything was applied: see above"
  changed=$(grep -E '^(deployment|statefulset|daemonset)\.apps/' <<<"$changed" || true)
  after=$(templates)
  for workload in $changed; do
    follow "$workload" || take_back "$workload"
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
      --keep) keep=yes ;;
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

# The server merges, by the keys of every list: kubectl itself takes two ports of one number for one, and keeps what it
# applied in an annotation, which has room for 256 KiB. What is written here holds, also after `kubectl rollout undo`
# and `kubectl scale`; what is not, such as the number of pods under an autoscaler, stays with whoever set it.
apply() {
  kube apply --server-side --force-conflicts "$@"
}

# What was applied by hand, on kubectl's own side, is that side's: the server merges what is new into what is no longer
# written, and refuses some of that, such as a variable with two sources. kubectl itself takes it away.
take_over() {
  kube apply --dry-run=server "$@" >/dev/null 2>&1 || return 1
  say "taking over what was applied by hand"
  kube apply "$@" >/dev/null || fail "not everything was applied: see above"
}

# Which of these workloads `kubectl rollout undo` took back since they were applied.
undone_workloads() {
  kube get deployments,statefulsets,daemonsets --show-managed-fields --output \
    "jsonpath={range .items[*]}workload {.kind}.apps/{.metadata.name}{\"\n\"}$account{end}" |
    awk -v "undone=$undone" -v "ours=${workloads[*]-}" '
      BEGIN { split(ours, names, " "); for (at in names) meant[names[at]] = 1 }
      /^workload / { name = tolower($2) }
      index($0, undone) == 1 && /"f:template":/ && name in meant { print name }
    '
}

# What `kubectl rollout undo` put back is its own, and no apply would remove it: a variable of the version before would
# stay in the next one. So it is made what was applied; only the server's account of who set what changes.
own_what_was_undone() {
  local tries hands theirs
  for tries in 1 2 3 4 5; do
    hands=$(hands_on "$1") || fail "the API server does not answer"
    theirs=$(line_of "$undone" "$hands")
    if [ -z "$theirs" ]; then return 0; fi
    if kube patch "$1" --type json --patch "$(as_applied)" >/dev/null; then return 0; fi
    # Another hand was faster.
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

# The pod templates that are there, a line each.
templates() {
  kube get deployments,statefulsets,daemonsets \
    --output 'jsonpath={range .items[*]}{.kind}.apps/{.metadata.name}{"\t"}{.spec.template}{"\n"}{end}' |
    awk -F '\t' '{ print tolower($1) "\t" $2 }'
}

template() {
  awk -F '\t' -v name="$1" '$1 == name { print $2 }' <<<"$2"
}

# Puts the version before back, where this deploy brought another.
take_back() {
  local was is
  was=$(template "$1" "$before")
  is=$(template "$1" "$after")
  failed+=" $1"
  if [ -n "$keep" ] || [ "$was" = "$is" ]; then return 0; fi
  if [ -z "$was" ]; then
    complain "$1 is new: there is no version to go back to"
    return 0
  fi
  complain "$1 does not get ready: it goes back to the version before"
  undo "$1" || return 0
  follow "$1" || complain "the version before of $1 does not get ready either"
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
