#!/usr/bin/env bash
# Takes the last deploy of this program's stacks back: each service to the version that the swarm keeps of before, once
# its callers are back, and says what became of every one. Nothing is changed where one of them cannot go back.
# The last deploy is the newest run of deploy.sh that any of the services meant has in its label `zdc.deploy`, or all that
# have $ZDC_RELEASE there where that is set; what it did not reach stays as it is. Where no service has the label, it is the
# last change of each. Where a later deploy may have left no label, nothing is changed until one of the two is named.
# Usage: rollback.sh [--only SERVICE]... [--also SERVICE]... [--dry-run] [--patience SECONDS] [STACK...]
#   --only SERVICE       this service alone, by the name it has in the swarm, such as shop_front; may be repeated
#   --also SERVICE       this service, too, unless the last deploy left its tasks as they were; may be repeated
#   --dry-run            say what would go back, and change nothing
#   --patience SECONDS   give up where nothing has moved for so long; by default ten minutes longer than
#                        these updates may wait by themselves
#   STACK...             these stacks alone
# A swarm keeps one version of before: what a service had at its last change, whoever made it. Any older one, and what
# was scaled or deployed once more since, is deployed from its own manifests.
# Exit codes: 0 every service that was changed runs the version before, 1 one does not or may not, 2 wrong use.
set -euo pipefail
# A command that was interrupted may end as one that failed, after which more would be changed; who called this ends by the signal, too.
trap 'trap - INT; kill -INT $$' INT

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
dry_run=
# What is paused is what goes back.
over_paused=yes
chosen=()
only=()
also=()
# Nothing is deployed here.
deploy=
halves=()
ran=
over=
bare=
newline='
'

main() {
  # Whoever waits less long has not made the deploy shorter.
  local within=$patience
  choose "$@"
  require_swarm
  local at back=() stays='' refused='' went=
  local deploys='' newest='' known='' unsure='' of_same='' ids=''
  find_last
  for ((at = ${#chosen[@]} - 1; at >= 0; at--)); do survey "${chosen[at]}"; done
  if [ -n "$stays" ]; then say "these stay as they are:$stays"; fi
  [ -z "$refused" ] || fail "nothing was changed, since these cannot go back:$refused${unsure:+$newline  Besides, another deploy may have come after ${known#*.}$unsure}"
  # What went back by itself is back, whichever deploy it was of; what has no id is not.
  if [ -n "$unsure" ] && { [ ${#back[@]} -gt 0 ] || [[ $unsure == *" no id"* || $unsure == *" that very deploy"* ]]; }; then
    if [ -n "${ZDC_RELEASE-}" ]; then
      [[ $unsure != *"be of a later run"* ]] || fail "nothing was changed, since not all is known of $ZDC_RELEASE$unsure
  What is left of $ZDC_RELEASE is of an earlier run then, which may have been good. The version that you want is deployed from its own manifests"
      fail "nothing was changed, since not all is known of $ZDC_RELEASE$unsure$(ways_of_release)"
    fi
    if [[ $unsure == *" that very deploy"* ]]; then
      ZDC_RELEASE=${known#*.}
      fail "nothing was changed, since what failed may be a later deploy, which is back then, or $ZDC_RELEASE$unsure
  Where deploy.sh said that it went back to the version before, all of that is back, and there is nothing to do.
  Where $ZDC_RELEASE is to go: what went back to it is deployed from the manifests of before$(ways_of_release)"
    fi
    [ -n "$known" ] || fail "nothing was changed, since no service has the id of a deploy, and the last one may have reached these alone$unsure
  To take back what you name: --only"
    fail "nothing was changed, since another deploy may have come after ${known#*.}$unsure
  deploy.sh says its release where it fails. Where that is ${known#*.}: ZDC_RELEASE=${known#*.} $(way_back). Of any other one
  nothing is here that is known to be its own; to take back what you name: --only"
  fi
  if [ ${#back[@]} -eq 0 ]; then
    if [ -n "$went" ] || [ ${#also[@]} -gt 0 ]; then return 0; fi
    fail "there is no version to go back to: deploy one from its own manifests"
  fi
  if [ -n "$dry_run" ]; then return 0; fi
  take_all_back
}

choose() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage ;;
      --dry-run) dry_run=yes ;;
      --only | --also | --patience)
        [ $# -gt 1 ] || misused "$1 needs a value"
        case $1 in
          --only) only+=("$2") ;;
          --also)
            only+=("$2")
            also+=("$2")
            ;;
          --patience) patience=$2 ;;
        esac
        shift
        ;;
      -*) misused "no such option: $1" ;;
      *)
        is_stack "$1" || misused "no such stack: $1; there are: ${stacks[*]}"
        chosen+=("$1")
        ;;
    esac
    shift
  done
  case $patience in '' | *[!0-9]*) misused "--patience is a number of seconds: $patience" ;; esac
  settle_choice
}

# Which deploy is the last, as `newest`, of which each service has one in `deploys`: `NAME ID`. One that went back has its
# own in what it came from, and one that was changed by hand since, or twice by one release, has it in both. Where the swarm
# took it back by itself nothing is kept of that (swarmkit `manager/orchestrator/update/updater.go`, `rollbackUpdate`), and
# that deploy was later than what it has now.
find_last() {
  local stack all name names=() state id before back_to='' format
  for stack in "${chosen[@]}"; do
    all=$(services "$stack") || unanswered
    while IFS='|' read -r name _; do
      if [ -n "$name" ] && is_meant "$name"; then names+=("$name"); fi
    done <<<"$all"
  done
  if [ ${#names[@]} -eq 0 ]; then
    require_release
    return 0
  fi
  format='{{.Spec.Name}}|{{with .UpdateStatus}}{{.State}}{{end}}|{{index .Spec.Labels "zdc.deploy"}}|'
  format+='{{with .PreviousSpec}}{{index .Labels "zdc.deploy"}}{{else}}none{{end}}|'
  format+='{{index .Spec.Labels "com.docker.stack.namespace"}}|'
  format+='{{with .UpdateStatus}}{{json .StartedAt}}|{{json .CompletedAt}}{{else}}|{{end}}|{{json .UpdatedAt}}'
  all=$(docker service inspect --format "$format" "${names[@]}") || unanswered
  while IFS='|' read -r name state id before _; do
    ids+="$name|$id|$before$newline"
    case $state:$before in
      rollback_*:none) if [[ $id > $back_to ]]; then back_to=$id; fi ;;
      rollback_*) deploys+="$name $before$newline" ;;
      *)
        deploys+="$name $id$newline"
        if [ -n "$id" ] && [ "${id#*.}" = "${before#*.}" ]; then of_same+=" $name"; fi
        ;;
    esac
  done <<<"$all"
  newest=$(
    awk -v release="${ZDC_RELEASE-}" '
      release == "" || substr($2, index($2, ".") + 1) == release { print $2 }
    ' <<<"$deploys" | sort | tail -n 1
  )
  known=$newest
  require_release
  if [ -n "${ZDC_RELEASE-}" ]; then
    newest=${newest:-none}
  elif [ -n "$back_to" ] && [[ ! $newest > $back_to ]]; then
    newest=none known=$back_to
  fi
  # Of a release that only what went back to it has, each other id would be a later one's.
  if [ ${#only[@]} -eq 0 ] && { [ -z "${ZDC_RELEASE-}" ] || [ -n "$known" ]; }; then unsure=$(doubts <<<"$all"); fi
}

# A name that nothing there has may be a slip: what went back to a release has its name. Steps of a plan, which ask for what they
# may not have reached, say so.
require_release() {
  if [ -z "${ZDC_RELEASE-}" ] || [ -n "$newest${ZDC_STEP-}" ]; then return 0; fi
  if cut -d '|' -f 2 <<<"$ids" | sed 's/^[^.]*[.]//' | grep -xF -e "$ZDC_RELEASE" >/dev/null; then return 0; fi
  local there name words=--dry-run
  for name in ${only[@]+"${only[@]}"}; do words+=" --only $name"; done
  there=$(cut -d '|' -f 2 <<<"$ids" | sed 's/^[^.]*[.]//' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//')
  fail "nothing was changed: no service meant is of a deploy of the name $ZDC_RELEASE. There are: ${there:-none}
  What went back by itself has the name of before: where all of a deploy did, nothing is left of it to take back.
  To see what would go back of the last deploy there, whatever its name is: ZDC_RELEASE= $(way_back) $words"
}

# How what is known to be of $ZDC_RELEASE goes back, and what is not, where that is to go.
ways_of_release() {
  local name id of='' without=''
  while read -r name id; do
    if [[ $unsure != *"$newline  $name "* ]]; then
      if [ "${id#*.}" = "$ZDC_RELEASE" ]; then of+=" --also $name"; fi
    elif [ -z "$id" ]; then
      without+=" --also $name"
    fi
  done <<<"$deploys"
  if [ -z "$of$without" ]; then return 0; fi
  if [ -n "$of" ]; then printf '\n  What is known to be of it: ZDC_RELEASE=%s %s%s' "$ZDC_RELEASE" "$(way_back)" "$of"; fi
  if [ -n "$without" ]; then printf '\n  What has no label, where that deploy brought it: ZDC_RELEASE= %s%s' "$(way_back)" "$without"; fi
  printf '\n  Of these the callers first. Anything else by its name: --only'
}

# What may have been changed by a deploy after the newest that is known, or besides what is known of the one that is named. What
# the swarm takes back by itself while another service of its stack is under way belongs to one deploy with that: a stack is
# deployed once all of it has settled. Moments are the manager's; the one in an id is of who deployed, whose clock may be ahead.
# What only another file has never has an id.
doubts() {
  local stack here_named=''
  for stack in "${chosen[@]}"; do here_named+=" $(names_in "$stack" | tr '\n' ' ')"; done
  awk -F '|' -v newest="$known" -v names="$here_named" -v release="${ZDC_RELEASE-}" -v within="$within" '
    function moment(text) { gsub(/[":Z-]/, "", text); return text ~ /^[0-9]/ ? text : "" }
    function told(text) {
      return text == "" ? "an unknown time" : substr(text, 1, 4) "-" substr(text, 5, 2) "-" substr(text, 7, 2) " " substr(text, 10, 2) ":" substr(text, 12, 2) ":" substr(text, 14, 2)
    }
    # Whether a moment is later than the end of a deploy, which is quiet for five seconds then. What it sends comes in any order.
    function is_apart(text, end) {
      if (end == "" || end == "never" || substr(text, 1, 8) != substr(end, 1, 8)) return text > end
      return second(text) - second(end) > 5
    }
    # Whether a moment is so soon after the deploy, or what is known of its end, that it may still have been under way. Each month has 31
    # days here: what begins with the next one is later than it was.
    function is_soon(text,  end, at) {
      end = substr(newest, 1, 15)
      for (at in last) if (last[at] != "never" && last[at] > end) end = last[at]
      return text == "" || day(text) * 86400 + second(text) < day(end) * 86400 + second(end) + within
    }
    function day(text) { return substr(text, 1, 4) * 372 + substr(text, 5, 2) * 31 + substr(text, 7, 2) }
    function second(text) { return substr(text, 10, 2) * 3600 + substr(text, 12, 2) * 60 + substr(text, 14) }
    function name_of(id) { return substr(id, index(id, ".") + 1) }
    # Whether an id is that of the deploy: of a name it is each of its runs.
    function is_meant(id) { return release == "" ? id == newest : name_of(id) == release }
    # The others of which something is left that came after a run of the name, and before its newest.
    function between(id,  other, found) {
      for (other in seen) if (other > id && other < newest && !is_meant(other)) found = found (found == "" ? "" : ", ") name_of(other)
      return found
    }
    function start(at) { return began[at] == "" ? changed[at] : began[at] }
    BEGIN { count = split(names, list, " "); for (at = 1; at <= count; at++) own[list[at]] = 1; since = substr(newest, 1, 15) }
    { name[NR] = $1; state[NR] = $2; id[NR] = $3; before[NR] = $4; stack[NR] = $5; began[NR] = moment($6); changed[NR] = moment($8) }
    { for (at = 3; at <= 4; at++) if ($at != "" && $at != "none") seen[$at] = 1 }
    newest != "" && is_meant($3) { has = has " " $1; if (substr($3, 1, 15) < since) since = substr($3, 1, 15) }
    # What went back to that deploy was under way after it.
    $3 == newest && $2 ~ /^rollback_/ { if (newest != "" && $4 == "none" && start(NR) > after) after = start(NR) }
    # What was touched once more since says nothing of when that deploy was.
    is_meant($3) && $2 !~ /^rollback_/ && ($3 != $4 || $3 == "" && began[NR] != "") {
      if (start(NR) != "" && start(NR) < since) since = start(NR)
      end = $2 == "updating" ? "never" : $2 == "paused" || began[NR] == "" ? changed[NR] : moment($7)
      if (end > last[$5]) last[$5] = end
    }
    END {
      head = newest == "" ? ":" : " of " told(since) (has == "" ? ":" : ", which these have:" has)
      for (at = 1; at <= NR; at++) {
        if (release != "" && state[at] ~ /^rollback_/) {
          if (before[at] == "none" && id[at] > newest && !is_meant(id[at]))
            all = all "\n  " name[at] " went back by itself to " name_of(id[at]) ", which came after all that has the name " release ": it may be of a later run"
        } else if (release != "" && id[at] != "") {
          if (is_meant(id[at]) && between(id[at]) != "")
            all = all "\n  " name[at] " was brought by an earlier run, of " told(substr(id[at], 1, 15)) ", and " between(id[at]) " came after that"
        } else if (release != "" && before[at] == "none") {
          # It is new: there is nothing before it.
        } else if (state[at] ~ /^rollback_/) {
          if (before[at] != "none") continue
          if (newest != "" && id[at] == newest && is_soon(began[at]))
            all = all "\n  " name[at] " went back to that very deploy: from a later one that reached it alone, or since it was scaled or changed during its update, and then it runs what was deployed"
          else if (began[at] >= since && began[at] >= after && is_apart(began[at], last[stack[at]]))
            all = all "\n  " name[at] " went back by itself, whether in that deploy or in a later one: its update began at " told(began[at])
        } else if (newest != "" && id[at] != "" && id[at] == before[at] && id[at] != newest && start(at) > since) {
          all = all "\n  " name[at] " was scaled or changed by hand since, at " told(start(at)) ": a deploy that went back by itself before that is not seen any more"
        } else if (newest != "" && id[at] == "" && (name[at] in own || before[at] != "" && before[at] != "none")) {
          if (start(at) > since) all = all "\n  " name[at] " was changed since by something that gives no id, at " told(start(at))
        }
      }
      if (all != "") printf "%s%s", head, all
    }
  '
}

# Sorts the services of a stack into `back`, `stays` and `refused`.
survey() {
  local all name state release
  all=$(services "$1") || unanswered
  while IFS='|' read -r name _ _ _ state _; do
    if [ -z "$name" ]; then continue; fi
    if ! is_meant "$name"; then continue; fi
    if [[ " ${once[*]-} " == *" $name "* ]]; then
      stay "it ends by itself: going back would run the version before once more"
      continue
    fi
    case $state in
      # Once more would be forward again: the two versions change places.
      rollback_completed)
        if runs_last; then
          refuse "went back to $release and runs it, and the swarm keeps no version before it: where all of $release is to go, deploy the version before from its own manifests; --also takes back the others"
        else
          stay "went back already, and once more would bring the version that it came from"
          went=yes
        fi
        ;;
      rollback_started) refuse "goes back just now: run this again once it has" ;;
      rollback_paused) refuse "its way back is paused half-way: deploy the version before from its own manifests, with --over-paused" ;;
      *) if is_of_last && ! is_over_paused; then judge; fi ;;
    esac
  done <<<"$all"
}

# Whether `$name`, which went back, went back to what is to go, `$release`: what came after that was taken back alone.
runs_last() {
  local id
  id=$(id_of "$name" 2)
  release=${ZDC_RELEASE:-${newest#*.}}
  [ -n "$id" ] && [ "${id#*.}" = "$release" ]
}

# Whether `$name` was part of the last deploy; where not, says so.
is_of_last() {
  local id
  id=$(sed -n "s/^$name //p" <<<"$deploys")
  if [[ -z $newest || ${id#*.} == "${newest#*.}" ]]; then return 0; fi
  if [ -z "$id" ] && [ ${#only[@]} -gt 0 ] && { [ -z "${ZDC_STEP-}" ] || [ "$newest" != none ]; }; then
    refuse "has no label, so whether that deploy reached it is not known. By itself: ZDC_RELEASE= $(way_back) --only $name"
  elif [[ $newest != none && $id > $newest ]]; then
    stay "was deployed once more since, as ${id#*.}"
  else
    if [ -n "$id" ]; then
      stays+="$newline  $name: was not part of the last deploy${ZDC_RELEASE:+, which is $ZDC_RELEASE}"
    else
      stays+="$newline  $name: has no label that says which deploy it is of"
    fi
    went=yes
  fi
  return 1
}

# Whether what `$name` was before had been paused half-way; where it had, says so.
is_over_paused() {
  local over
  over=$(inspect '{{index .Spec.Labels "zdc.over"}}') || unanswered
  [ "$over" = paused ] || return 1
  refuse "what it was before is the version that was paused half-way: deploy the version that you want"
}

# Whether the version that the swarm keeps of `$name` is the one before the last deploy.
judge() {
  local image image_before now before kept place place_before tasks
  kept=$(inspect '{{if .PreviousSpec}}yes{{end}}') || unanswered
  if [ -z "$kept" ]; then
    stay "new: there is no version before"
    return 0
  fi
  image=$(inspect '{{.Spec.TaskTemplate.ContainerSpec.Image}}') || unanswered
  image_before=$(inspect '{{.PreviousSpec.TaskTemplate.ContainerSpec.Image}}') || unanswered
  now=$(inspect "$(told .Spec.TaskTemplate)") || unanswered
  before=$(inspect "$(told .PreviousSpec.TaskTemplate)") || unanswered
  place=$(placement .Spec) || unanswered
  place_before=$(placement .PreviousSpec) || unanswered
  tasks=$(running_tasks) || unanswered
  if [ -n "$tasks" ] && grep -vxF -e "$now" -e "$before" <<<"$tasks" >/dev/null; then
    refuse "its last update was cut short by another: tasks run of a third version, neither of this nor of the one before"
  elif [[ " $of_same " == *" $name "* ]]; then
    refuse "what it was before is of that deploy, too: it was scaled or changed by hand since, or the release was deployed twice, and the \
swarm keeps nothing of what was before that. \`docker service rollback $name\` takes the last change back, and nothing else; the version \
before is deployed from its own manifests, and --only takes back others"
  elif [ "$now" = "$before" ] && [ "$place" = "$place_before" ] && was_scaled; then
    refuse "has no label, and its last change was to the number of its tasks: what its deploy did before that is not known, nor whether it \
went back by itself. The version that you want is deployed from its own manifests; --only takes back others"
  elif [ "$now" = "$before" ] && [ "$place" = "$place_before" ]; then
    stay "the version before has the same tasks: the last deploy left them, or it was deployed once more or scaled since"
  else
    back+=("$name")
    if [ "$image" = "$image_before" ]; then
      say "$name: another configuration of $image"
    else
      say "$name: $image -> $image_before"
    fi
  fi
}

# Whether `$name`, which has no label, had another number of tasks before.
was_scaled() {
  local tasks_now tasks_before
  if [ -n "$(id_of "$name" 2)" ]; then return 1; fi
  tasks_now=$(inspect '{{json .Spec.Mode}}') || unanswered
  tasks_before=$(inspect '{{json .PreviousSpec.Mode}}') || unanswered
  [ "$tasks_now" != "$tasks_before" ]
}

unanswered() {
  fail "nothing was changed: the swarm does not answer"
}

inspect() {
  docker service inspect --format "$1" "$name"
}

# What each task that should run was made from.
running_tasks() {
  local tasks
  tasks=$(docker service ps --quiet --no-trunc --filter desired-state=running "$name") || return 1
  # shellcheck disable=SC2086 # the names of tasks have no blanks
  if [ -n "$tasks" ]; then docker inspect --type task --format "$(told .Spec)" $tasks; fi
}

# The format that tells one task from another. The engine writes its defaults into what a service has, and not into what it
# had.
told() {
  local container='' policy='' field
  for field in Image Labels Command Args Hostname Env Dir User Groups Mounts Secrets Configs Healthcheck Hosts StopSignal \
    ReadOnly TTY OpenStdin Init Sysctls CapabilityAdd CapabilityDrop Ulimits OomScoreAdj; do
    container+="{{json .$field}}"
  done
  for field in Condition:any Delay:5s MaxAttempts:0 Window:0s; do
    policy+=" {{with .${field%:*}}}{{.}}{{else}}${field#*:}{{end}}"
  done
  container+="{{with .StopGracePeriod}}{{.}}{{else}}10s{{end}}"
  container+="{{with .DNSConfig}}{{with .Nameservers}}{{json .}}{{end}}{{with .Search}}{{json .}}{{end}}{{with .Options}}{{json .}}{{end}}{{end}}"
  printf %s "{{with $1}}{{with .ContainerSpec}}$container{{end}}{{json .Resources}}{{json .Networks}}{{json .LogDriver}}\
{{.ForceUpdate}}{{with .RestartPolicy}}$policy{{else}} any 5s 0 0s{{end}}{{end}}"
}

# Where tasks may run. One that may stay where it is is not replaced for it (swarmkit `manager/orchestrator/task.go`,
# `IsTaskDirty`).
placement() {
  inspect "{{json $1.TaskTemplate.Placement}}"
}

# What is named has to go back; of a whole stack some may have nothing to go back from.
stay() {
  if [ ${#only[@]} -gt 0 ] && [[ $state != rollback_* && " ${also[*]-} " != *" $name "* ]]; then
    refuse "$1"
  else
    stays+="$newline  $name: $1"
  fi
}

refuse() {
  refused+="$newline  $name: $1"
}

# Round by round, each once the one before is back: nobody is left with a callee that is older than itself. What this
# program does not have goes first, as none of its services asks for it.
take_all_back() {
  local at name round stack others=() taken=()
  for name in "${back[@]}"; do
    [[ " ${rounds[*]} " == *" $name "* ]] || others+=("$name")
  done
  for round in "${others[*]-}" "${rounds[@]}"; do
    for ((at = ${#chosen[@]} - 1; at >= 0; at--)); do
      # shellcheck disable=SC2086 # the names of services have no blanks
      take_back "${chosen[at]}" $round
    done
  done
  for stack in ${taken[@]+"${taken[@]}"}; do say "$stack: what was changed runs the version before"; done
}

take_back() { # stack, services of a round
  local stack=$1 name versions known line wanted=() mine=()
  for name in "${back[@]}"; do
    if [[ $name == "$stack"_* ]] && is_among "$name" "${@:2}"; then wanted+=("$name"); fi
  done
  if [ ${#wanted[@]} -eq 0 ]; then return 0; fi
  known=$(again services "$stack") || fail "$stack was not taken back: the swarm does not answer"
  for name in "${wanted[@]}"; do
    line=$(grep "^$name|" <<<"$known") || continue
    [ "$(cut -d '|' -f 3 <<<"$line")" = "$(id_of "$name" 2)" ] ||
      fail "$name: another deploy came in between: it was not taken back, and what was to follow was not touched"
    mine+=("$name")
  done
  if [ ${#mine[@]} -eq 0 ]; then return 0; fi
  versions=$(cut -d '|' -f 1,2 <<<"$known")
  for name in "${mine[@]}"; do
    docker service rollback --detach "$name" >/dev/null || fail "$name was not taken back"
  done
  await "$stack" back "$versions"
  is_among "$stack" ${taken[@]+"${taken[@]}"} || taken+=("$stack")
}

# Whether a service, by its id, is another deploy's by now.
is_overtaken() {
  is_among "$1" "${mine[@]}" && [ "$2" != "$(id_of "$1" 3)" ]
}

# The id of its deploy that a service had when this began, or the one that it had before: the second or third field.
id_of() {
  sed -n "/^$1|/p" <<<"$ids" | cut -d '|' -f "$2"
}

# The stacks that are meant: all, those that were named, or those with a service of --only.
settle_choice() {
  local stack name known=() with=()
  [ ${#chosen[@]} -gt 0 ] || chosen=("${stacks[@]}")
  for stack in "${chosen[@]}"; do
    [ -r "$here/$stack.yml" ] || fail "$here/$stack.yml cannot be read: nothing was changed"
  done
  if [ ${#only[@]} -eq 0 ]; then return 0; fi
  for stack in "${chosen[@]}"; do
    while read -r name; do known+=("$name"); done < <(names_in "$stack")
    for name in "${only[@]}"; do
      if names_in "$stack" | grep -xF -e "$name" >/dev/null; then
        with+=("$stack")
        break
      fi
    done
  done
  for name in "${only[@]}"; do
    is_among "$name" ${known[@]+"${known[@]}"} || misused "no such service: $name; there are: ${known[*]-}"
  done
  chosen=("${with[@]}")
}

# The services of a stack file, by the names that they have in the swarm.
names_in() {
  sed -nE '/^services: *(#.*)?$/,/^[^ #]/s/^  ([^ #:]+):.*/\1/p' "$here/$1.yml" | tr -d '"' | sed "s/^/$1_/"
}

# Those of them that are meant.
meant_of() {
  local name
  while read -r name; do
    if is_meant "$name"; then printf '%s\n' "$name"; fi
  done < <(names_in "$1")
}

# Whether a service is meant: each, or those that --only names.
is_meant() {
  [ ${#only[@]} -eq 0 ] || is_among "$1" "${only[@]}"
}

is_stack() {
  is_among "$1" "${stacks[@]}"
}

# Whether the first is one of the others.
is_among() {
  local other
  for other in "${@:2}"; do
    if [ "$other" = "$1" ]; then return 0; fi
  done
  return 1
}

require_swarm() {
  local manager version
  manager=$(docker info --format '{{.Swarm.ControlAvailable}}') || fail "no engine answers"
  [ "$manager" = true ] || fail "this engine manages no swarm: see \`docker swarm init\` and \`docker context use\`"
  # moby #42875: engines before do not count what fails where `delay` is longer than `monitor`.
  version=$(docker version --format '{{.Server.Version}}')
  if [ "$(printf '%s\n' 20.10.9 "$version" | sort -V | head -n 1)" != 20.10.9 ]; then
    say "engine $version may not go back where a delay is longer than the time to monitor; 20.10.9 and later do"
  fi
}

# Waits until no service of a stack moves: `await STACK {before|after|back} VERSIONS_BEFORE`. After a deploy
# each must run what was deployed, and on the way back what was there before.
await() {
  local stack=$1 when=$2 versions=$3 moving returning bad partly mixed unmarked failed doubled others waits updating fresh step old='' way=unknown best='' moved=$SECONDS quiet=$SECONDS told=
  while :; do
    # What was not answered is asked again: it is no answer.
    if ! look; then
      quiet=$SECONDS
      [ $((SECONDS - moved)) -lt "$patience" ] || fail "$stack: the swarm does not answer: what became of it is not known"
      sleep 5
      continue
    fi
    [ -z "$others" ] || fail "$stack: another deploy came in between, and what runs is that one's:$others"
    if [ -n "$moving" ]; then
      quiet=$SECONDS
      if [ "$when$told" = before ]; then
        say "$stack: waits for what is under way:$moving"
        told=yes
      fi
    elif [ -n "$bad" ]; then
      fail "$stack:$bad$(what_runs)"
    elif [ $((SECONDS - quiet)) -ge "$(calm)" ]; then
      [ -z "$failed" ] || fail "$stack:$failed$(what_runs)"
      [ -z "$doubled" ] || say "$stack:$doubled"
      if [ "$when" = after ]; then ran=$fresh over=$mixed bare=$unmarked; fi
      return 0
    fi
    # Which tasks are to go is another question once a service goes back.
    if [ "$way" != "$returning" ] && step=$(running "$stack"); then old=$step way=$returning best='' moved=$SECONDS; fi
    if step=$(progress) && [[ $step > $best ]]; then best=$step moved=$SECONDS; fi
    [ -z "$moving" ] || [ $((SECONDS - moved)) -lt "$patience" ] || fail "$stack: nothing has moved for $patience s:$moving$(why_not)"
    sleep 1
  done
}

# For how long nothing may move: right after a deploy an update may not have begun, and nothing is said of it for a moment. Who waited
# for another deploy lets that one see its own end first.
calm() {
  case $when:$told in
    before:) echo 0 ;;
    before:yes) echo 15 ;;
    *) echo 5 ;;
  esac
}

# What moves in the stack, what of it goes back, what ended badly, of what ends by itself what failed, what has more tasks
# than it should, and what another deploy has changed since. Fails where the swarm does not say.
look() {
  local all name version id counts state message end
  moving='' returning='' bad='' partly='' failed='' doubled='' others='' waits=() updating=()
  fresh=${ran-} mixed=${over-} unmarked=${bare-}
  all=$(services "$stack") || return 1
  if [ "$when" != before ] && [ -z "$all" ]; then fail "$stack has no service"; fi
  while IFS='|' read -r name version id counts state message; do
    if [ -z "$name" ]; then continue; fi
    if [ "$when" != before ] && is_overtaken "$name" "$id" "$state"; then others+=" $name"; fi
    if [ "$when" = after ] && [ "$id" = "$deploy" ]; then
      if is_among "$name" ${halves[@]+"${halves[@]}"}; then
        mixed+=" $name"
      elif [[ $state != *paused && $state != rollback_* ]]; then
        fresh+=" $name"
      fi
    fi
    # What a stack no longer has is there as it was: a deploy gives every other one another version.
    if grep -qxF "$name|$version" <<<"$versions"; then continue; fi
    # It was changed, and no label says by whom.
    if [ "$when" = after ] && [ -z "$id" ] && [[ $state != rollback_* ]]; then
      if is_among "$name" ${halves[@]+"${halves[@]}"}; then mixed+=" $name"; else unmarked+=" $name"; fi
    fi
    counts=${counts%% *}
    end=$(end_of "$name" "${counts#*/}") || return 1
    if [ "$state" = rollback_started ]; then returning+=" $name"; fi
    case $when:$state:$end in
      *:updating:* | *:rollback_started:*)
        waits+=("$name")
        if [ "$state" = updating ]; then updating+=("$name"); fi
        moving+="$newline  $name: $state, $counts tasks run"
        ;;
      # What ends within `monitor` is taken for what failed, however it ended.
      *:paused:ended | before:paused:failed* | before:rollback_paused:ended | back:rollback_paused:ended) ;;
      after:paused:failed* | after:completed:failed* | after::failed*)
        failed+="$newline  $name ${end}. Once that is mended, run it again: docker service update --force $name"
        ;;
      before:paused:* | before:rollback_paused:*)
        if [ -z "$over_paused" ]; then
          bad+="$newline  $name is $state half-way: $message"
          if [ "$state" = paused ]; then
            bad+="$newline    The same version again would stop the tasks of the one before at once. Go back with"
            bad+="$newline    \`ZDC_RELEASE= $(way_back) --only $name\`, or deploy a mended one with --over-paused."
          else
            bad+="$newline    It was on its way back, and the engine knows no other way from there. Deploy the version before from its"
            bad+="$newline    own manifests, or a mended one, with --over-paused."
          fi
        fi
        ;;
      after:rollback_completed:ended | after:rollback_completed:runs)
        bad+="$newline  $name went back to the version before, which ran once more: what ends within \`monitor\` is taken for what"
        bad+="$newline    failed, however it ended. It needs \`on_failure = pause\`, or a shorter \`monitor\`."
        ;;
      after:rollback_completed:*)
        if [ "$id" = "$deploy" ]; then
          bad+="$newline  $name was scaled or changed during its update, so that the version before is this one for the swarm, and it went back to"
          bad+="$newline    that: deploy the version that you want"
        else
          bad+="$newline  $name went back to the version before: $message"
        fi
        ;;
      after:paused:* | after:rollback_paused:* | back:*paused:*)
        bad+="$newline  $name is $state half-way: $message"
        if [ "$when:$state:$id" = "after:paused:$deploy" ] && [[ " $mixed " != *" $name "* ]]; then partly+=" $name"; fi
        ;;
      *:runs) moving+="$newline  $name: its task has not ended" ;;
      *:ended) ;;
      after:* | back:*)
        if [ "${counts%%/*}" = "${counts#*/}" ]; then
          :
        elif is_doubled "$name" "$counts"; then
          doubled+="$newline  $name: ${counts%%/*} tasks run where ${counts#*/} are asked for, since one of before ended"
          doubled+="$newline    during the update and was replaced twice. The next deploy that changes it stops what is too many."
        else
          waits+=("$name")
          moving+="$newline  $name: $counts tasks run"
        fi
        ;;
    esac
  done <<<"$all"
}

# What runs what was deployed, where something does not, and what takes that back.
what_runs() {
  local what=them
  if [ -n "$partly" ]; then what='what is paused'; fi
  if [ -n "$fresh" ] && [ -n "$partly" ]; then what='these and what is paused'; fi
  if [ -n "$fresh" ]; then printf '\n  These run what was deployed:%s' "$fresh"; fi
  tell_way_back "$what"
  if [ "$when:$fresh$partly$mixed$unmarked" = after: ] && [[ $bad != *rollback_paused* && $bad != *"during its update"* ]]; then
    printf '\n  Nothing runs what was deployed: there is nothing to take back.'
  fi
}

# What takes back what this deploy brought: each by its name, as other deploys may have the same release, and what has no label by
# itself, whatever release is given. Each of that is sent anew, and only what has other tasks by that goes back.
tell_way_back() {
  local named=$fresh$partly
  if [ -n "$named" ]; then
    printf '\n  To take %s back: ZDC_RELEASE=%s %s%s' "$1" "${deploy#*.}" "$(way_back)" "${named// / --also }"
  fi
  if [ -n "$unmarked" ]; then
    printf '\n  These were sent too, and have no label: ZDC_RELEASE= %s%s' "$(way_back)" "${unmarked// / --also }"
  fi
  if [ -n "$mixed" ]; then
    printf '\n  These were deployed over what was paused, which is no way back. Deploy the version that you want:%s' "$mixed"
  fi
}

# The script that goes back, as it is called from here.
way_back() {
  printf %q "$(dirname -- "${BASH_SOURCE[0]}")/rollback.sh"
}

# Why tasks of what is waited for do not run, as far as the swarm says it, and what there is to do.
why_not() {
  local name why
  for name in ${waits[@]+"${waits[@]}"}; do
    # The newest of each slot comes first. One that was just started again has no error yet, but the one before it.
    why=$(
      docker service ps --no-trunc --format '{{.Name}}|{{.CurrentState}}|{{.Error}}' "$name" |
        awk -F '|' '
          { gsub(/"/, "", $3); count[$1]++ }
          count[$1] == 1 && $2 ~ /^(Running|Complete)/ { fine[$1] = 1 }
          $1 in fine || $3 == "" { next }
          count[$1] == 1 && newest == "" { newest = $3 }
          count[$1] == 2 && before == "" { before = $3 }
          END { print (newest == "" ? before : newest) }
        '
    ) || why=
    if [ -n "$why" ]; then printf '\n  %s: %s' "$name" "$why"; fi
  done
  if [ "$when" = back ]; then return 0; fi
  if [ ${#updating[@]} -gt 0 ]; then printf '\n  Another deploy would wait for this too.'; fi
  if [ "$when" = after ]; then
    tell_way_back 'what was deployed'
  elif [ ${#updating[@]} -gt 0 ]; then
    printf ' To go back: ZDC_RELEASE= %s' "$(way_back)"
    printf ' --only %s' "${updating[@]}"
  fi
}

# Whether more tasks run than are asked for, and shall go on: a task of before that ends while an update is under way is
# replaced by the engine's restarts, and then by the update (swarmkit #2242). That is not mended before the next update.
is_doubled() {
  local tasks
  [ "${2%%/*}" -gt "${2#*/}" ] || return 1
  tasks=$(docker service ps --format '{{.CurrentState}}' --filter desired-state=running "$1") || return 1
  [ "$(grep -c '^Running' <<<"$tasks")" -gt "${2#*/}" ]
}

# How the tasks of a service that ends by itself have ended: `ended` all of them, `failed` one of them, with why, or
# `runs`. Nothing of any other service, and of one that runs and is started again where it fails.
end_of() {
  local runs=
  if [[ " ${once[*]-} " == *" $1 "* ]]; then
    runs=runs
  elif [[ " ${until_done[*]-} " != *" $1 "* ]]; then
    return 0
  fi
  # The newest of each slot comes first. One that will be started again is not shut down.
  docker service ps --no-trunc --format '{{.Name}}|{{.DesiredState}}|{{.CurrentState}}|{{.Error}}' "$1" |
    awk -F '|' -v wanted="$2" -v runs="$runs" '
      seen[$1]++ { next }
      $3 ~ /^Complete/ { ended++; next }
      $2 == "Shutdown" && $3 ~ /^(Failed|Rejected)/ { why = $4; failed++ }
      END {
        gsub(/"/, "", why)
        if (failed) print "failed: " why
        else if (ended >= wanted) print "ended"
        else print runs
      }
    '
}

# The services of a stack: `NAME|VERSION|ID|TASKS|STATE|MESSAGE` each, with the id of the deploy that it has. Fails where the swarm does not say all of it: inside
# `<(...)` a question that failed would be an answer with nothing in it.
services() {
  local list names=() name versions states
  list=$(docker service ls --filter "label=com.docker.stack.namespace=$1" --format '{{.Name}}|{{.Replicas}}') || return 1
  if [ -z "$list" ]; then return 0; fi
  while IFS='|' read -r name _; do names+=("$name"); done <<<"$list"
  versions=$(docker service inspect --format '{{.Spec.Name}}|{{.Version.Index}}|{{index .Spec.Labels "zdc.deploy"}}' "${names[@]}") ||
    return 1
  # The dot keeps the last line where nothing is reported of it.
  states=$(
    docker service inspect --format '{{with .UpdateStatus}}{{.State}}|{{.Message}}{{end}}' "${names[@]}" && echo .
  ) || return 1
  states=${states%"$newline".}
  [ "$(cut -d '|' -f 1 <<<"$versions")" = "$(cut -d '|' -f 1 <<<"$list")" ] || return 1
  [ "$(wc -l <<<"$states")" -eq ${#names[@]} ] || return 1
  paste -d '|' <(printf '%s\n' "$versions") <(cut -d '|' -f 2 <<<"$list") <(printf '%s\n' "$states")
}

# Asks again what was not answered, as long as the patience lasts.
again() {
  local began=$SECONDS
  until "$@"; do
    [ $((SECONDS - began)) -lt "$patience" ] || return 1
    sleep 5
  done
}

# How far a stack has come, to be compared as text: fewer old tasks and more new ones are a step; tasks that come and
# go are none.
progress() {
  local now left count
  now=$(running "$stack") || return 1
  left=$(comm -12 <(printf '%s\n' "$now") <(printf '%s\n' "$old") | wc -l)
  count=$(printf '%s\n' "$now" | wc -l)
  printf '%09d%09d' $((999999999 - left)) $((count - left))
}

# The tasks of a stack that should run. Of a stack without any docker says so and fails (docker/cli
# `cli/command/stack/swarm/ps.go`).
running() {
  local tasks why
  local ask=(docker stack ps --quiet --no-trunc --filter desired-state=running "$1")
  if tasks=$("${ask[@]}" 2>/dev/null); then
    sort <<<"$tasks"
  else
    why=$("${ask[@]}" 2>&1 >/dev/null || true)
    [[ $why == *"nothing found in stack"* ]]
  fi
}

usage() {
  sed -n '2,/^[^#]/s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
}

say() {
  printf '%s\n' "$*"
}

fail() {
  printf 'error: %s\n' "$*" >&2
  if [ -n "${unsent-}" ]; then
    printf 'This deploy changed no service: there is nothing of it to take back.\n' >&2
  elif [ -n "$deploy" ]; then
    printf 'The release of this deploy, by which rollback.sh knows it: ZDC_RELEASE=%s\n' "${deploy#*.}" >&2
  fi
  exit 1
}

misused() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}


# As long as these updates may wait by themselves, with the end and the start of a task, and ten minutes.
patience=636

# What there is to deploy; who is called comes before its callers.
stacks=(store)
# What ends by itself and is not started again, and what is where it failed.
once=()
until_done=(store_worker)

# What goes back together; who calls comes before who is called.
rounds=(store_worker store_database)

main "$@"
