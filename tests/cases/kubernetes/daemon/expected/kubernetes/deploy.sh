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
failed=

main() {
  choose "$@"
  local files=() name namespace before after workloads workload
  namespace=$(sed -n 's/^namespace: //p' "$here/kustomization.yaml")
  if [ -n "$namespace" ]; then options+=(--namespace "$namespace"); fi
  while read -r name; do
    if is_meant "$name"; then files+=(-f "$here/$name"); fi
  done < <(listed)
  # What one object is refused for is said before any is changed.
  apply --dry-run=server "${files[@]}" >/dev/null || fail "the API server refuses what is above: nothing was changed"
  before=$(templates)
  workloads=$(apply --output name "${files[@]}") || fail "not everything was applied: see above"
  workloads=$(grep -E '^(deployment|statefulset|daemonset)\.apps/' <<<"$workloads" || true)
  after=$(templates)
  for workload in $workloads; do
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
        listed | grep -xF -e "$2.yaml" >/dev/null || misused "no such file: $2.yaml; there are: $(listed | tr '\n' ' ')"
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

# The files of these manifests.
listed() {
  sed -n 's/^  - //p' "$here/kustomization.yaml" | tr -d '"'
}

# With --only: what was named, and what others only mount, which replaces nothing by itself.
is_meant() {
  if [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; then return 0; fi
  ! grep -E '^kind: ' "$here/$1" | grep -vE '^kind: "?(ConfigMap|PersistentVolumeClaim)"?$' >/dev/null
}

kube() {
  if [ ${#options[@]} -gt 0 ]; then
    kubectl "${options[@]}" "$@"
  else
    kubectl "$@"
  fi
}

# The server merges, by the keys of every list: kubectl itself takes two ports of one number for one, and keeps what it
# applied in an annotation, which has room for 256 KiB. What is written here holds, also after `kubectl rollout undo`
# and `kubectl scale`; what is not, such as the number of pods under an autoscaler, stays with whoever set it.
apply() {
  kube apply --server-side --force-conflicts "$@"
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
  kube rollout undo "$1" || return 0
  case $1 in
    statefulset.*)
      # kubernetes.io/docs/concepts/workloads/controllers/statefulset, "Forced rollback".
      complain "a pod of $1 that never got ready is not replaced until somebody deletes it"
      ;;
    *) follow "$1" || complain "the version before of $1 does not get ready either" ;;
  esac
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
