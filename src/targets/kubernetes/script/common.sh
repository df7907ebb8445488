
# Sets `manifests`, the files that are meant, and `workloads`, in their order, beside `all_workloads`, those of every file; every
# call is of their namespace, `called` is how one reads, and `handed` is what of it was given.
gather() {
  local name namespace workload files=()
  command -v kubectl >/dev/null || fail "kubectl is not there"
  handed=(${options[@]+"${options[@]}"})
  namespace=$(sed -n 's/^namespace: //p' "$here/kustomization.yaml" | tr -d '"')
  # Of two kubectl takes the last one, and apply refuses one that is not that of what it applies.
  if [ -n "$namespace" ] && [ ${#options[@]} -gt 0 ]; then
    options=(--namespace "$namespace" "${options[@]}")
  elif [ -n "$namespace" ]; then
    options=(--namespace "$namespace")
  fi
  called=kubectl
  if [ ${#options[@]} -gt 0 ]; then called+=" ${options[*]}"; fi
  while read -r name; do
    files+=("$here/$name")
    if is_meant "$name"; then manifests+=("$here/$name"); fi
  done < <(listed)
  [ ${#manifests[@]} -gt 0 ] || fail "kustomization.yaml lists no file"
  while read -r workload; do workloads+=("$workload"); done < <(workloads_in "${manifests[@]}")
  all_workloads=$(workloads_in "${files[@]}" | tr '\n' ' ')
}

# The files of these manifests.
listed() {
  sed -n 's/^  - //p' "$here/kustomization.yaml" | tr -d '"'
}

require_listed() {
  local name
  while read -r name; do
    if [ "$name" = "$1.yaml" ]; then return 0; fi
  done < <(listed)
  misused "no such file: $1.yaml; there are: $(listed | tr '\n' ' ')"
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

# The file of a workload, as --only names it.
file_of() {
  local manifest
  for manifest in "${manifests[@]}"; do
    if workloads_in "$manifest" | grep -xF -e "$1" >/dev/null; then basename "$manifest" .yaml; fi
  done
}

# The options that were handed over, for a command that is named.
given() {
  if [ ${#handed[@]} -gt 0 ]; then printf ' --'; printf ' %q' "${handed[@]}"; fi
}

kube() {
  if [ ${#options[@]} -gt 0 ]; then
    kubectl "${options[@]}" "$@"
  else
    kubectl "$@"
  fi
}

# Who set which fields of a workload: `MANAGER|OPERATION|SUBRESOURCE|FIELDS`, a line each.
entry='{.manager}|{.operation}|{.subresource}|{.fieldsV1}{"\n"}'
timed_entry='{.manager}|{.operation}|{.subresource}|{.time}|{.fieldsV1}{"\n"}'

hands_on() {
  kube get "$1" --ignore-not-found --show-managed-fields --output "jsonpath={range .metadata.managedFields[*]}$entry{end}"
}

# How the line begins of what `kubectl rollout undo` put back: no other of kubectl's commands calls itself so.
undone='kubectl|Update||'

# The number of the line of a pod template that begins so, if any.
line_of() {
  awk -v start="$1" 'index($0, start) == 1 && /"f:template":/ { print NR }' <<<"$2"
}

# Waits for the end of a rollout: 0 it has rolled out, 1 it does not, 2 nobody knows. That `kubectl rollout status` failed
# says nothing by itself, since it may not have been answered; what there is does.
follow() {
  local there patience late end asked counts size is wanted='' best=0
  there=$(heard) || return 2
  note "$there"
  patience=$(patience_with "$there" "$1")
  late=$((SECONDS + patience))
  end=$late
  while :; do
    read -r counts size is < <(progress "$there" "$1") || return 1
    if [ "$counts" = yes ]; then late=$((SECONDS + patience)); fi
    # Another number of pods, by an autoscaler, is another way to go.
    if [ "$size" != "$wanted" ]; then wanted=$size best=-1; fi
    # To the controller pods that get ready and fail again are progress each time, and those that come once all are new never.
    if [ "$is" -gt "$best" ]; then best=$is late=$((SECONDS + patience)) end=$((SECONDS + 3 * patience)); fi
    # Without a time kubectl would wait for ever.
    if [ "$SECONDS" -ge "$late" ] || [ "$SECONDS" -ge "$end" ]; then return 1; fi
    if kube rollout status "$1" --timeout "$((late - SECONDS))s"; then return 0; fi
    # While the API server does not answer no controller does anything either.
    asked=$SECONDS
    there=$(heard) || return 2
    note "$there"
    late=$((late + SECONDS - asked)) end=$((end + SECONDS - asked))
    case $(come_to "$there" "$1") in
      done) return 0 ;;
      stuck) return 1 ;;
    esac
    sleep 5
  done
}

# How many seconds are waited for a step forward that no controller counts a deadline of. Of a StatefulSet and a DaemonSet none does: every
# pod has its turn, and of what waits to be deleted kubectl tells no end. Of a Deployment none does where the last rollout went well
# and this one has not made its first pod: until the old ones have ended, where all end first, or for ever, where the pods of a
# revision that there was before are refused (kubernetes/kubernetes pkg/controller/deployment/util/deployment_util.go,
# DeploymentTimedOut; pkg/controller/deployment/progress.go, syncRolloutStatus).
patience_with() {
  local grace deadline
  if [[ $2 != deployment.* ]]; then
    turn_of "$2"
    return 0
  fi
  read -r grace deadline < <(ask '
    function answer(workload) { print grace[workload] + 0, deadline[workload] }
  ' "$1" "$2") || true
  printf '%s\n' "$((${deadline:-600} + ${grace:-0} + 30))"
}

# Whether the controller of a workload counts a deadline, how many pods it is to have, and how far its rollout has come, more with
# each step: by new pods and the end of old ones, then by those that are ready and that count.
progress() {
  ask '
    function answer(workload) {
      counts = workload ~ /^deployment/ && seen[workload] && reason[workload] != "NewReplicaSetAvailable" ? "yes" : "no"
      is = 10000 * (10000 + 2 * updated[workload] - running[workload]) + able[workload] + get_ready[workload]
      if (!seen[workload]) is = 0
      print counts, wanted[workload] + 0, is
    }
  ' "$1" "$2"
}

# What a workload has come to, as a state tells: `done`, `stuck` or `moving`.
come_to() {
  ask '
    function answer(workload) {
      if (!(workload in wanted)) print "stuck"
      else if (rolled_out(workload)) print "done"
      else print (seen[workload] && late[workload]) || how[workload] == "OnDelete" ? "stuck" : "moving"
    }
  ' "$1" "$2"
}

# The state, asked for again where the API server does not answer, for five minutes.
heard() {
  local tries there began=$SECONDS
  for ((tries = 0; tries < 60 && SECONDS - began < 300; tries++)); do
    if there=$(state); then
      printf '%s\n' "$there"
      return 0
    fi
    sleep 5
  done
  return 1
}

usage() {
  sed -n '2,/^[^#]/s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
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
