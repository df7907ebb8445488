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

# Set on a revision by who saw its rollout end: whether its pods got ready. The cluster itself keeps nothing of that. A
# ReplicaSet's annotations go to its Deployment by an undo, and from there to every ReplicaSet that follows; labels stay.
mark=rollout.zdc/ready
# Set on the revisions that a deploy brought: when that was, and its $ZDC_RELEASE. Who sets it is kept with the time of the API
# server: clocks of those who deploy differ.
deploy_mark=rollout.zdc/deploy
deploy_hand=zdc-deploy
# Set before anything is applied, on what each workload is then: which deploy begins.
begun_mark=rollout.zdc/next

# What there is in the namespace of the kinds that are meant, asked for once: a line for each workload, revision and pod, and
# after a workload one for each entry of kubectl's in the account of who set which fields.
state() {
  local key=${mark//./\\.} deploy_key=${deploy_mark//./\\.} begun_key=${begun_mark//./\\.} path template list kinds=''
  case " $all_workloads" in *' deployment.'*) kinds+=,deployments,replicasets ;; esac
  case " $all_workloads" in *' statefulset.'*) kinds+=,statefulsets ;; esac
  case " $all_workloads" in *' daemonset.'*) kinds+=,daemonsets ;; esac
  case $kinds in
    '') return 0 ;;
    *,statefulsets* | *,daemonsets*) kinds+=,controllerrevisions,pods ;;
  esac
  path='{.kind}{"\t"}{.metadata.name}{"\t"}{.metadata.uid}{"\t"}{.metadata.ownerReferences[*].uid}'
  path+='{"\t"}{.metadata.generation}{"\t"}{.status.observedGeneration}'
  path+='{"\t"}{.spec.replicas}{.status.desiredNumberScheduled}'
  path+='{"\t"}{.status.updatedReplicas}{.status.updatedNumberScheduled}'
  path+='{"\t"}{.status.replicas}{"\t"}{.status.availableReplicas}{.status.numberAvailable}{"\t"}{.status.readyReplicas}'
  path+='{"\t"}{.status.currentRevision}{"\t"}{.status.updateRevision}{"\t"}{.spec.paused}{.spec.updateStrategy.type}'
  path+='{"\t"}{.status.conditions[?(@.type=="Progressing")].reason}{.status.conditions[?(@.type=="Ready")].status}'
  path+='{"\t"}{.metadata.annotations.deployment\.kubernetes\.io/revision}{.revision}'
  path+="{\"\\t\"}{.metadata.labels.$key}{\"\\t\"}{.metadata.labels.controller-revision-hash}{\"\\t\"}"
  for template in .spec.template .data.spec.template; do
    for list in initContainers containers; do path+="{range $template.spec.${list}[*]}{.image} {end}"; done
  done
  path+='{"\t"}{.spec.template}{.data.spec.template}{"\t"}{.spec.progressDeadlineSeconds}'
  path+='{"\t"}{.spec.template.spec.terminationGracePeriodSeconds}'
  path+='{"\t"}{.spec.podManagementPolicy}{.metadata.deletionTimestamp}'
  path+="{\"\\t\"}{.metadata.creationTimestamp}{\"\\t\"}{.metadata.labels.$deploy_key}"
  path+="{\"\\t\"}{.metadata.managedFields[?(@.manager==\"$deploy_hand\")].time}"
  path+="{\"\\t\"}{.metadata.labels.$begun_key}{\"\\n\"}"
  path+="{range .metadata.managedFields[?(@.manager==\"kubectl\")]}$timed_entry{end}"
  kube get "${kinds#,}" --show-managed-fields \
    --output "jsonpath={range .items[*]}$path{end}"
}

# Reads a state, and answers. `nth[WORKLOAD, 1]` is its newest revision; both go by the names that kubectl gives.
# shellcheck disable=SC2016 # these are awk's own
read_state='
  BEGIN { FS = "\t" }
  { kind = $1 }
  kind ~ /^(Deployment|StatefulSet|DaemonSet)$/ {
    workload = tolower(kind) ".apps/" $2
    of[$3] = workload
    seen[workload] = $5 + 0 <= $6 + 0
    wanted[workload] = $7 + 0
    updated[workload] = $8 + 0
    running[workload] = kind == "DaemonSet" ? $8 + 0 : $9 + 0
    able[workload] = (kind == "StatefulSet" ? $11 : $10) + 0
    replaced[workload] = $12 == $13
    how[workload] = $14
    get_ready[workload] = $11 + 0
    reason[workload] = $15
    late[workload] = $15 == "ProgressDeadlineExceeded"
    images[workload] = $19
    sub(/ $/, "", images[workload])
    pods[workload] = $20
    deadline[workload] = $21
    ordered[workload] = $23 == "OrderedReady"
    becomes[workload] = $13
  }
  kind ~ /^(ReplicaSet|ControllerRevision)$/ && $16 != "" { revisions[++known] = $0 }
  kind == "Pod" { of_pods[++seen_pods] = $0 }
  index($0, undone) == 1 && /"f:template":/ {
    split($0, parts, "|")
    went[workload] = parts[4]
  }
  index($0, "kubectl|Apply||") == 1 && /"f:template":/ {
    split($0, parts, "|")
    applied[workload] = parts[4]
  }
  END {
    for (at = 1; at <= known; at++) { $0 = revisions[at]; keep(owner($4), tolower($1) ".apps/" $2) }
    for (at = 1; at <= seen_pods; at++) { $0 = of_pods[at]; count(owner($4)) }
    for (at in wanted) if (is_to_come(at)) come(at)
    count_of_ours = split(ours, list, " ")
    for (at = 1; at <= count_of_ours; at++) answer(list[at])
  }
  function owner(uids, all, at) {
    split(uids, all, " ")
    for (at in all) if (all[at] in of) return of[all[at]]
    return ""
  }
  function keep(workload, object, at) {
    number[object] = $16
    running[object] = $9 + 0
    able[object] = $10 + 0
    ready[object] = $17
    images[object] = $19
    sub(/ $/, "", images[object])
    pods[object] = $20
    made[object] = $24
    deploy[object] = $25
    signed[object] = $26
    next_deploy[object] = $27
    if ($25 != "") names[named_as($25)] = 1
    if ($27 != "") begun_over[named_as($27)] = 1
    if ($22 + 0 > grace[workload]) grace[workload] = $22 + 0
    for (at = ++kept[workload]; at > 1 && number[nth[workload, at - 1]] + 0 < $16 + 0; at--)
      nth[workload, at] = nth[workload, at - 1]
    nth[workload, at] = object
  }
  function count(workload, object, name) {
    object = "controllerrevision.apps/" $18
    # A pod of a DaemonSet has the hash alone.
    name = workload
    sub(/.*[\/]/, "", name)
    if (!(object in number)) object = "controllerrevision.apps/" name "-" $18
    running[object]++
    if ($15 == "True") able[object]++
    else if (ordered[workload] && $18 != becomes[workload] && $23 == "") strays[workload] = strays[workload] " " $2
  }
  # Of a Deployment that is recreated the newest revision is made once all pods of before have ended (kubernetes/kubernetes
  # pkg/controller/deployment/recreate.go, rolloutRecreate).
  function is_to_come(workload) {
    return workload ~ /^deployment/ && !updated[workload] && kept[workload] &&
      unhashed(pods[workload]) != unhashed(pods[nth[workload, 1]])
  }
  function come(workload, object, at) {
    object = "the next of " workload
    number[object] = number[nth[workload, 1]] + 1
    images[object] = images[workload]
    pods[object] = pods[workload]
    for (at = ++kept[workload]; at > 1; at--) nth[workload, at] = nth[workload, at - 1]
    nth[workload, 1] = object
    to_come[object] = 1
  }
  function unhashed(text) { return without(text, "\"pod-template-hash\":\"[^\"]*\"") }
  function without(text, member) {
    if (!sub("," member, "", text) && !sub(member ",", "", text)) sub(member, "", text)
    return text
  }
  # While all pods end first what was undone to is the newest revision yet to be.
  function goes_to(workload, at) {
    if (!to_come[nth[workload, 1]]) return nth[workload, 1]
    for (at = 2; at <= kept[workload]; at++)
      if (unhashed(pods[nth[workload, at]]) == unhashed(pods[workload])) return nth[workload, at]
    return "-"
  }
  # An undo brings a revision back that is older than others. It leaves an account of what it put back, if anything, and the marks
  # of deploys stay.
  function is_undone(workload, first, object, at, later, good) {
    first = base(workload)
    object = nth[workload, first]
    if (to_come[object]) return workload in went && goes_to(workload) != "-"
    if (!is_overtaken(workload, first)) return 0
    # What runs of the deploy that is meant is still to go back.
    if (is_of_last(object) && is_whole()) return 0
    if (ready[object] != "false") {
      for (at = first + 1; at <= kept[workload]; at++)
        if (came(nth[workload, at]) >= came(object)) {
          if (is_later(nth[workload, at], object)) later = 1
          if (ready[nth[workload, at]] != "false") good++
        }
      # Of one without a mark it is not known whether it ran before the last of several that came since.
      if (later && (deploy[object] != "" || good <= 1)) return 1
    }
    return workload in went && made[object] <= went[workload]
  }
  # Whether another revision came later than this one, which came once more then.
  function is_overtaken(workload, first, at) {
    for (at = first + 1; at <= kept[workload]; at++) if (came(nth[workload, at]) >= came(nth[workload, first])) return 1
    return 0
  }
  # When a revision came. One that came once more was made when it came first, and its deploy marked it anew.
  function came(object) { return signed[object] == "" ? made[object] : signed[object] }
  # Where all of a deploy are looked at, what was only restarted since is as that deploy brought it.
  function base(workload, at) {
    for (at = 1; last != "" && is_whole() && at < kept[workload] && deploy[nth[workload, at]] == ""; at++)
      if (plain(pods[nth[workload, at]]) != plain(pods[nth[workload, at + 1]])) break
    return at
  }
  # A pod template without what a restart and a ReplicaSet add.
  function plain(text) {
    text = unhashed(text)
    text = without(text, "\"kubectl[.]kubernetes[.]io/restartedAt\":\"[^\"]*\"")
    return without(text, "\"annotations\":[{][}]")
  }
  # Whether the deploy of one revision came after that of another.
  function is_later(one, other) {
    if (deploy[one] == "" || deploy[one] == deploy[other]) return 0
    if (signed[one] != "" && signed[other] != "" && signed[one] != signed[other]) return signed[one] > signed[other]
    return deploy[one] > deploy[other]
  }
  function is_of_last(object) {
    return last != "" && deploy[object] != "" && named_as(deploy[object]) == named_as(last) && came(object) >= start
  }
  # Whether the deploy that is meant may have begun over a revision: it did, or, where none is named, one that is known by that alone.
  function is_begun(object, name) {
    name = named_as(next_deploy[object])
    return name != "" && (name == meant() || (release == "" && !(name in names)))
  }
  # Whether it may have begun over a revision and brought what runs: where it began over that, too, only a run of it that went on.
  function may_be_begun(object, over) {
    if (named_as(next_deploy[object]) == meant() && named_as(deploy[over]) != meant()) return named_as(next_deploy[over]) == meant()
    return is_begun(over)
  }
  function meant() { return release != "" ? release : named_as(last) }
  # Whether a deploy is meant, and not what is named.
  function is_whole() { return named == "" || release != "" }
  # Whether a revision of before came once more by an apply, and may be of the deploy that is meant, which did not mark it: that was
  # begun over what was there in between, or nobody was since, and the apply is not older.
  function is_reverted(workload, first, object, over) {
    object = nth[workload, first]
    over = nth[workload, first + 1]
    if (kept[workload] == first || workload in went) return 0
    if (!is_overtaken(workload, first)) return !is_of_last(object) && may_be_begun(object, over) && is_forward(workload, object, over)
    if (applied[workload] <= came(over)) return 0
    # The release that is meant brought what came in between: it did not bring this.
    if (release != "" && named_as(deploy[over]) == release) return 0
    if (may_be_begun(object, over)) return 1
    # Who may set labels marks what is begun over.
    return !(meant() in begun_over) && applied[workload] >= since && named_as(deploy[over]) != meant() &&
      (next_deploy[object] == "" || named_as(next_deploy[object]) == named_as(deploy[over]))
  }
  # Whether a revision that another deploy marked came once more by an apply, over one that it came over before, too.
  function is_forward(workload, object, over) {
    return deploy[object] != "" && named_as(deploy[object]) != named_as(next_deploy[over]) && applied[workload] > came(object)
  }
  # What a deploy is called, without its time.
  function named_as(id) { return substr(id, index(id, ".") + 1) }
  # Whether an undo put the newest revision back since a deploy marked it, and nothing came since: it, or what it replaced, went back.
  function is_put_back(workload, first, object) {
    object = nth[workload, first]
    return workload in went && went[workload] > came(object) && kept[workload] > first && !is_overtaken(workload, first)
  }
  # As kubectl sees it in its rollout status.
  function rolled_out(workload) {
    return seen[workload] && replaced[workload] && updated[workload] >= wanted[workload] &&
      running[workload] <= updated[workload] && able[workload] >= wanted[workload]
  }
'

# `ask PROGRAM STATE WORKLOADS`: what the program prints in its function `answer`, which gets each workload.
ask() {
  # Some kinds of awk take no newline in a variable.
  local ours=${3//$'\n'/ }
  awk -v "undone=$undone" -v "ours=$ours" -v "to=${to-}" -v "under_way=${under_way-}" -v "again=${again-}" \
    -v "last=${last-}" -v "since=${since-}" -v "start=${start-}" -v "release=${ZDC_RELEASE-}" -v "named=${only[*]-}" -v "id=${deploy-}" \
    "$read_state$1" <<<"$2"
}

# The newest revision of a workload, where it is made.
newest() {
  ask 'function answer(workload) { if (!to_come[nth[workload, 1]]) print nth[workload, 1] }' "$1" "$2"
}

# Marks the newest revision of each workload that has rolled out, as a state tells.
remember() {
  local names
  # What has no pods has shown nothing.
  names=$(ask '
    function answer(workload) {
      if (kept[workload] && wanted[workload] > 0 && rolled_out(workload) && ready[nth[workload, 1]] != "true")
        print nth[workload, 1]
    }
  ' "$1" "${workloads[*]-}")
  put_mark true "$names"
}

put_mark() {
  if [ -z "$2" ]; then return 0; fi
  # shellcheck disable=SC2086 # names have no blanks
  kube label --overwrite $2 "$mark=$1" >/dev/null ||
    complain "rollback.sh will not know whether these got ready: $(tr '\n' ' ' <<<"$2")"
}

# `ways_back STATE WORKLOADS`: where each goes, as `WHAT WORKLOAD NUMBER REVISION MESSAGE` with tabs between; `back`,
# `went` where that was done already, `going` where it was and has not rolled out yet, `other` where the last deploy left it,
# `unsure` where nothing tells whose it is, with a number where only that takes it back, `stay` where there is nothing before,
# `refuse` where it cannot be known.
ways_back() {
  ask '
    function answer(workload, at, object) {
      skipped = ""
      if (!(workload in wanted)) return stay("it is not there")
      if (is_left(workload)) return
      if (how[workload] == "true") return refuse("its rollout is paused: resume it first")
      if (how[workload] == "OnDelete") return refuse("its pods are replaced by hand: it is OnDelete")
      if (!seen[workload]) return refuse("its controller has not seen the last change yet")
      if (is_undone(workload) && !to && !again) return say_back(workload)
      if (!under_way && !late[workload] && !rolled_out(workload))
        return refuse("it has not rolled out yet, and --under-way takes that back, too: " updated[workload] " of " \
          wanted[workload] " pods are new, " able[workload] " are ready" left_of(workload))
      if (kept[workload] < 2) return stay("new: there is no revision before")
      # A controller that had not heard of a revision yet gives the next one the same number, and an undo goes by numbers
      # (kubernetes/kubernetes pkg/controller/statefulset/stateful_set_control.go, nextRevision).
      for (at = 2; at <= kept[workload]; at++) {
        object = number[nth[workload, at]]
        if (object == number[nth[workload, at - 1]])
          return refuse("two of its revisions are number " object ": put one back by its manifest")
      }
      at = to ? numbered(workload) : last_ready(workload)
      if (!at) return
      object = nth[workload, at]
      if (plain(pods[object]) == plain(pods[nth[workload, 1]]))
        return stay("the revision before has the same pods: they were restarted since")
      say("back", number[object] "\t" object, change(nth[workload, 1], object) skipped)
    }
    function say_back(workload) {
      if (rolled_out(workload)) say("went", "-\t-", "went back already, and once more would bring the revision that it came from")
      else say("going", "-\t" goes_to(workload), "went back already, and has not rolled out yet: it is waited for")
    }
    function left_of(workload, old) {
      old = running[workload] - updated[workload]
      return old > 0 ? ", and " old " of before are there" : ""
    }
    # Whether the last deploy did not bring what a workload is now, as far as that is known; where so, says it.
    function is_left(workload, first, object, at, had) {
      first = base(workload)
      object = nth[workload, first]
      if (last == "" || again || !kept[workload] || to_come[object]) return 0
      if (is_reverted(workload, first)) {
        say("unsure", number[nth[workload, first + 1]] "\t-", "runs what was there before, by hand or by a deploy that was cut short," \
          " in place of what came in between")
        return 1
      }
      # What came back so may be back, and what is before it the version that was taken back.
      if (is_of_last(object) && is_put_back(workload, first)) {
        say("unsure", number[nth[workload, first + 1]] "\t-", "was put back by an undo since it was deployed, and may be back already; it came in place of " \
          told(nth[workload, first + 1]))
        return 1
      }
      # What is named goes back from its own last rollout.
      if (!is_whole() || is_of_last(object)) return 0
      # What runs and is of the release that is meant is not back, whatever was taken back to it.
      if (release != "" && deploy[object] != "" && named_as(deploy[object]) == release) {
        if (kept[workload] == 1) return 0
        if (!is_overtaken(workload, first))
          say("unsure", "-\t-", "was brought by an earlier run of that name: another deploy came in between")
        # What came since and went back is its last rollout.
        else if (at = last_ready(workload))
          say("unsure", number[nth[workload, at]] "\t-", "was brought by an earlier run of that name, and what came in between went" \
            " back to it; before it there was " told(nth[workload, at]))
        return 1
      }
      # Nor is what was only restarted since.
      for (at = first + 1; release != "" && deploy[object] == "" && at <= kept[workload]; at++)
        if (named_as(deploy[nth[workload, at]]) == release && plain(pods[nth[workload, at]]) == plain(pods[object])) {
          refuse("runs what is of " release ", restarted since: choose with --only and --to NUMBER")
          return 1
        }
      if (is_undone(workload)) return 0
      for (at = first + 1; at <= kept[workload]; at++) if (is_of_last(nth[workload, at])) had = 1
      # What the deploy that is meant began over was there before it.
      if (deploy[object] == "" && (had || may_be_begun(object, nth[workload, first + 1]) ||
          made[object] >= since && named_as(next_deploy[object]) != meant())) {
        if (kept[workload] == 1) return 0
        say("unsure", "-\t-", "has a revision without a mark, by hand or by a deploy that was cut short")
      } else if (had && is_put_back(workload, first) && named_as(next_deploy[object]) == meant()) say_back(workload)
      else if (had) stay("was deployed once more since, as " named_as(deploy[object]))
      else say("other", "-\t-", "was not part of the last deploy" (release != "" ? ", which is " release : ""))
      return 1
    }
    function say(what, where, message) { print what "\t" list[at] "\t" where "\t" message }
    function stay(message) { say("stay", "-\t-", message) }
    function refuse(message) { say("refuse", "-\t-", message) }
    function numbered(workload, at, all) {
      for (at = 2; at <= kept[workload]; at++) {
        if (number[nth[workload, at]] == to) return at
        all = all " " number[nth[workload, at]]
      }
      refuse("there is no revision " to " to go back to; there are:" all)
    }
    # A rollout that ended left no pods of a revision before: what is between such pods and the newest revision did not.
    function last_ready(workload, at, object, oldest, doubt, first) {
      first = base(workload)
      for (at = 2; at <= kept[workload]; at++) if (running[nth[workload, at]]) oldest = at
      for (at = first + 1; at <= kept[workload]; at++) {
        object = nth[workload, at]
        # What the same release brought before is no way back from it.
        if (last != "" && deploy[object] != "" && named_as(deploy[object]) == named_as(deploy[nth[workload, first]]) && came(object) >= start) continue
        # Nor is what a run of it may have brought that was cut short.
        if (is_unmarked_of(named_as(deploy[nth[workload, first]]), object, nth[workload, at + 1]))
          return refuse(told(object) " may be of " named_as(deploy[nth[workload, first]]) ", which was cut short before it " \
            "marked that: choose with --only and --to NUMBER")
        if (came_after(object, nth[workload, first]) && made[object] <= made[nth[workload, first]]) {
          # It was there before, too.
          if (ready[object] == "false")
            return refuse(told(object) " was there before, and came once more since, and did not get ready then: choose with" \
              " --only and --to NUMBER")
          if (named_as(next_deploy[object]) != named_as(deploy[nth[workload, first]]))
            return refuse(told(object) " was there before, and came once more since: choose with --only and --to NUMBER")
        } else if (came_after(object, nth[workload, first])) {
          # It was so under that deploy, which began over it.
          if (next_deploy[object] != "" && named_as(next_deploy[object]) == named_as(deploy[nth[workload, first]]))
            return refuse(told(object) " was there before, and came once more since: choose with --only and --to NUMBER")
          skipped = skipped "; skips " told(object) ", which came later and was taken back"
          continue
        }
        if (at < oldest || (ready[object] == "false" && !able[object])) {
          if (!doubt) skipped = skipped "; skips " told(object) ", which did not get ready"
        } else if (ready[object] == "true" || able[object]) {
          if (!doubt) return at
          return refuse("nobody saw whether " told(nth[workload, doubt]) " got ready, and " told(object) \
            " did: choose with --only and --to NUMBER")
        } else if (!doubt) doubt = at
      }
      if (!doubt) return refuse("no revision before got ready: --only and --to NUMBER take one all the same" skipped)
      skipped = skipped "; nobody saw whether that one got ready"
      return doubt
    }
    # Whether one release began over a revision without a mark, which is no restart, and over the one before that, too.
    function is_unmarked_of(name, object, before) {
      return last != "" && name != "" && is_whole() && deploy[object] == "" && plain(pods[object]) != plain(pods[before]) &&
        named_as(next_deploy[object]) == name && named_as(next_deploy[before]) == name
    }
    # Whether a revision came after the newest one did, which was put back since then.
    function came_after(object, newest) {
      if (deploy[newest] == "" || came(object) < came(newest)) return 0
      return deploy[object] == "" ? signed[newest] != "" : is_later(object, newest)
    }
    function told(object) { return "revision " number[object] " (" images[object] ")" }
    function change(from, to) {
      if (images[from] == images[to]) return "another configuration of " images[from]
      return images[from] " -> " images[to]
    }
  ' "$1" "$2"
}

# Which deploy is the last that brought a revision of these workloads, its own or one that went back since, since when a revision
# without a mark may be of it, and when it came: `ID TIME TIME`. Runs of one name are one deploy, unless there was another between
# them. Of those of $ZDC_RELEASE where that is set; where there is none of these `none`, or `unknown`
# where none of that name began either, since the last of any. Nothing where no deploy is known and none is named.
last_deploy() {
  ask '
    function answer(workload, at, object) {
      for (at = 1; at <= kept[workload]; at++) {
        object = nth[workload, at]
        if (deploy[object] != "") print came(object), deploy[object], begun(workload, at)
        if (next_deploy[object] != "") print "next", next_deploy[object]
      }
    }
    # At the latest: a mark may be set late, and what is older than one of a lower number was made for another deploy.
    function begun(workload, at, older) {
      for (older = at + 1; older <= kept[workload]; older++)
        if (made[nth[workload, older]] >= made[nth[workload, at]]) return came(nth[workload, at])
      return made[nth[workload, at]]
    }
  ' "$1" "$2" | awk -v release="${ZDC_RELEASE-}" '
    function named_as(id) { return substr(id, index(id, ".") + 1) }
    # A mark that was set late says when its deploy began.
    function time(id) { return substr(id, 1, 4) "-" substr(id, 5, 2) "-" substr(id, 7, 5) ":" substr(id, 12, 2) ":" substr(id, 14, 3) }
    $1 == "next" {
      if (named_as($2) == release) begun = 1
      next
    }
    !($2 in began) || $1 < began[$2] { began[$2] = $1 }
    !($2 in from) || $3 < from[$2] { from[$2] = $3 }
    END {
      for (id in began) {
        if (began[id] > any) any = began[id]
        if (release != "" && named_as(id) != release) continue
        if (last == "" || began[id] > began[last] || (began[id] == began[last] && id > last)) last = id
      }
      if (last == "") {
        if (release != "") print begun ? "none" : "unknown", any
        exit
      }
      for (id in began) if (named_as(id) != named_as(last) && began[id] < began[last] && began[id] > between) between = began[id]
      for (id in began) if (named_as(id) == named_as(last) && began[id] >= between) {
        if (start == "" || began[id] < start) start = began[id]
        if (since == "" || from[id] < since) since = from[id]
        if (time(id) < since) since = time(id)
      }
      print last, since, start
    }
  '
}

# The names of the deploys that brought a revision of these workloads or began over one, the newest first.
releases() {
  ask '
    function answer(workload, at, object) {
      for (at = 1; at <= kept[workload]; at++) {
        object = nth[workload, at]
        if (deploy[object] != "") print deploy[object]
        if (next_deploy[object] != "") print next_deploy[object]
      }
    }
  ' "$1" "$2" | sort -r | awk '
    { name = substr($0, index($0, ".") + 1) }
    !(name in told) {
      printf "%s%s", (NR > 1 ? " " : ""), name
      told[name] = 1
    }
  '
}

# `undo WORKLOAD NUMBER` puts a revision back.
undo() {
  local workload=$1 was now tries
  was=$(template_of "$workload") || was=''
  for tries in 1 2 3 4 5; do
    if kube rollout undo "$workload" --to-revision "$2"; then break; fi
    if [ "$tries" = 5 ]; then return 1; fi
    sleep "$tries"
    # It may have been done without an answer.
    now=$(template_of "$workload") || continue
    if [ -n "$was" ] && [ "$now" != "$was" ]; then break; fi
  done
  unblock "$workload"
}

# Deletes what keeps a workload from going back.
unblock() {
  local pods tries
  pods=$(strays "$1")
  if [ -z "$pods" ]; then return 0; fi
  for tries in 1 2 3; do
    # shellcheck disable=SC2086 # names of pods have no blanks
    if kube delete pod --ignore-not-found --wait=false $pods; then return 0; fi
    sleep "$tries"
  done
  complain "$1 goes back once this is done: \`$called delete pod$pods\`"
}

# The pods of a StatefulSet that keep the others from their turn: its controller waits for one that never got ready until somebody
# deletes it (kubernetes.io/docs/concepts/workloads/controllers/statefulset, "Forced rollback"). Where the pods are managed in
# parallel it replaces that by itself.
strays() {
  local tries there seen='' pods=''
  if [[ $1 != statefulset.* ]]; then return 0; fi
  for ((tries = 0; tries < 30; tries++)); do
    there=$(heard) || return 0
    read -r seen pods < <(ask '
      function answer(workload) { print ordered[workload] && !seen[workload] ? "no" : "yes" strays[workload] }
    ' "$there" "$1") || true
    if [ "$seen" = yes ]; then break; fi
    sleep 2
  done
  printf '%s\n' "${pods:+ $pods}"
}

template_of() {
  kube get "$1" --output 'jsonpath={.spec.template}'
}

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

# How many seconds a pod of this workload may take to give way to one that counts: its end, the longest start,
# `minReadySeconds`, and ten minutes to be placed and pulled.
turn_of() {
  case $1 in
    *) echo 600 ;;
  esac
}

main "$@"
