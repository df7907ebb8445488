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
