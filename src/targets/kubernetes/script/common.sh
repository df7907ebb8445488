
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
