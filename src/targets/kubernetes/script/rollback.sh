#!/usr/bin/env bash
# Takes the last deploy of these manifests' workloads back: each to the last revision before it that got ready, the last
# workload first, and says what became of every one. Nothing is changed where one of them cannot go back.
# The last deploy is the newest run of deploy.sh that is told by the label `rollout.zdc/deploy` of a revision, or all that have
# $ZDC_RELEASE there where that is set, a name that none has being an error; what it brought no revision of stays as it is. Where a revision that came since has no
# label, nothing is changed until it is named. Where none has the label and no $ZDC_RELEASE is set, it is the last rollout of each.
# Usage: rollback.sh [--only FILE]... [--to NUMBER] [--dry-run] [--under-way] [-- OPTION...]
#   --only FILE   the workloads of this file alone, by its name without `.yaml`; may be repeated
#   --to NUMBER   the one workload of --only goes to this revision: see `kubectl rollout history`
#   --dry-run     say what would go back, and change nothing
#   --under-way   take back what has not rolled out yet, too: what is stuck, and what somebody deploys just now
#   OPTION...     options of every call of kubectl, such as --context
# Only pods go back. The number of them and everything else that was applied stays as it is: to take that back, too,
# deploy the manifests of before. Which revisions got ready is known of those that deploy.sh waited for.
# Exit codes: 0 every workload that was changed runs the revision before, 1 one does not, 2 wrong use.
set -euo pipefail
# A command that was interrupted may end as one that failed, after which more would be changed; who called this ends by the signal, too.
trap 'trap - INT; kill -INT $$' INT

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
dry_run=
under_way=
to=
only=()
options=()
workloads=()
manifests=()
again=
newline='
'

main() {
  choose "$@"
  gather
  [ -z "$to" ] || [ ${#workloads[@]} -eq 1 ] || misused "--to is for one workload: name its file with --only"
  local now at turned='' back=() numbers=() revisions=() stays='' refused='' failed='' went='' other='' stayed='' ended last='' since='' start='' unsure=()
  for ((at = ${#workloads[@]} - 1; at >= 0; at--)); do turned+=" ${workloads[at]}"; done
  now=$(state) || fail "kubectl could not ask what there is, for the reason above: nothing was changed"
  if [ -z "$to" ]; then read -r last since start < <(last_deploy "$now" "$all_workloads") || true; fi
  if [ "$last" = unknown ]; then refuse_unknown; fi
  survey
  if [ -n "$stays" ]; then say "these stay as they are:$stays"; fi
  [ -z "$refused" ] || fail "nothing was changed, since these cannot go back:$refused"
  if [ ${#unsure[@]} -gt 0 ]; then refuse_unsure; fi
  if [ ${#back[@]} -eq 0 ]; then
    if [ -n "$went" ] || { [ -n "$other" ] && [ -z "$stayed" ]; }; then return 0; fi
    fail "there is no revision to go back to: deploy one from its own manifests"
  fi
  say "these stay as they were applied: $(others)"
  if [ -n "$dry_run" ]; then return 0; fi
  for ((at = 0; at < ${#back[@]}; at++)); do
    if [ "${numbers[at]}" = - ]; then
      unblock "${back[at]}"
    else
      undo "${back[at]}" "${numbers[at]}" || fail "${back[at]} was not taken back, and what was to follow was not touched"
    fi
  done
  for ((at = 0; at < ${#back[@]}; at++)); do
    ended=0
    follow "${back[at]}" || ended=$?
    case $ended in
      0) ;;
      1) failed+=" ${back[at]}" ;;
      *) fail "the API server does not answer: whether these run the revision before is not known: ${back[*]}" ;;
    esac
  done
  now=$(heard) || fail "the API server does not answer: whether these run the revision before is not known: ${back[*]}"
  for ((at = 0; at < ${#back[@]}; at++)); do judge "${back[at]}" "${revisions[at]}"; done
  remember "$now"
  if [ -n "$failed" ]; then fail "these do not run the revision before:$failed"; fi
  say "what was changed runs the revision before"
}

choose() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage ;;
      --dry-run) dry_run=yes ;;
      --under-way) under_way=yes ;;
      --to)
        [ $# -gt 1 ] || misused "$1 needs a value"
        [[ $2 =~ ^[1-9][0-9]*$ ]] || misused "$1 needs the number of a revision: $2"
        to=$2
        shift
        ;;
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

# Sorts the workloads into `back`, `stays` and `refused`.
survey() {
  local what workload number revision message
  while IFS=$'\t' read -r what workload number revision message; do
    case $what in
      # What went back and has not rolled out is waited for and judged as what goes now.
      back | going)
        say "$workload: $message"
        back+=("$workload")
        numbers+=("$number")
        revisions+=("$revision")
        ;;
      went)
        # Once more would be forward again: the two revisions change places.
        stays+="$newline  $workload: $message"
        went=yes
        ;;
      other)
        stays+="$newline  $workload: $message"
        other=yes
        ;;
      unsure) unsure+=("$workload" "$message" "$number") ;;
      # What is named has to go back; of all some may have nothing to go back from.
      *)
        if [ "$what" = stay ] && [ ${#only[@]} -eq 0 ]; then
          stays+="$newline  $workload: $message"
          stayed=yes
        else
          refused+="$newline  $workload: $message"
        fi
        ;;
    esac
  done < <(ways_back "$now" "$turned")
}

# A name that nothing here has may be a slip: all that is said beside is what may be of it, since it has no mark.
refuse_unknown() {
  local there said
  there=$(releases "$now" "$all_workloads")
  said="no revision here is of a deploy of the name $ZDC_RELEASE; there are, the newest first: ${there:-none}."
  said+=" \`ZDC_RELEASE= rollback.sh --dry-run$(given)\` says what would go back without a name"
  last=none
  survey >/dev/null
  if [ ${#unsure[@]} -eq 0 ]; then fail "nothing was changed: $said"; fi
  complain "$said"
  back=()
  refuse_unsure
}

# Says what nobody signed, and how to take it back, or what is known to be of the deploy alone.
refuse_unsure() {
  local at file said='' known='' named='' meant="the last deploy" release=''
  for ((at = 0; at < ${#unsure[@]}; at += 3)); do
    file=$(file_of "${unsure[at]}")
    said+="$newline  ${unsure[at]} ${unsure[at + 1]}"
    if [ "${unsure[at + 2]}" = - ]; then
      named+=" --only $file"
    else
      said+=", which is put back by: \`rollback.sh --only $file --to ${unsure[at + 2]}$(given)\`"
    fi
  done
  for ((at = 0; at < ${#back[@]}; at++)); do known+=" --only $(file_of "${back[at]}")"; done
  if [ -n "${ZDC_RELEASE-}" ]; then meant=$ZDC_RELEASE release="ZDC_RELEASE= "; fi
  if [ -n "$known" ]; then said+="$newline  Known to be of $meant, and taken back by themselves: \`rollback.sh$known$(given)\`"; fi
  if [ -n "$named" ]; then
    said+="$newline  Their last rollouts are taken back, whoever made them, by: \`${release}rollback.sh$named$(given)\`"
  fi
  fail "nothing was changed, since whether these are of $meant is not known:$said"
}

# Nothing is deployed here that would have to be marked.
note() { :; }

# What undoing leaves of what was applied; a ConfigMap is named by what it holds.
others() {
  printf 'the number of pods'
  awk '/^kind: / { gsub(/"/, "", $2); print $2 }' "${manifests[@]}" | sort -u |
    { grep -vxE 'Deployment|StatefulSet|DaemonSet|ConfigMap' || true; } | sed 's/^/, each /' | tr -d '\n'
}

# Whether a workload runs the revision that was meant. An undo brings a revision itself back, under another number.
judge() {
  if [ "$(newest "$now" "$1")" = "$2" ] || [[ " $failed " == *" $1 "* ]]; then return 0; fi
  complain "$1: another deploy came in between, and what runs is that one's"
  failed+=" $1"
}
