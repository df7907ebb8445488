#!/usr/bin/env bash
# Carries this plan out in its steps: each deploy begins once the one before is done, and none after one that failed.
# Usage: steps.sh [--manifests DIR] [--from STEP] [--to STEP] [--release NAME] [-- OPTION...]
#        steps.sh --back STEP [--anyway] [--manifests DIR] [--before DIR] [--release NAME] [-- OPTION...]
#   --manifests DIR   what `zdc build` wrote of the new program; `manifests` by default
#   --from STEP       begin with this one: those before it are done, and so is what the plan has before it of nginx beside a swarm
#   --to STEP         end with this one, so that each step is done on every host before the next
#   --back STEP       the way back: this one, which is done, and those before it, the last first
#   --anyway          go back also where the plan says that there is no way back, something of a later step stayed, or what
#                     the plan left behind is gone
#   --before DIR      what `zdc build` wrote of the old program: all that the steps changed goes back by it, with the
#                     values that deploy-time variables have now. Without, what they replaced goes back by what the swarm,
#                     the cluster or the host keeps of before, and the rest stays
#   --release NAME    what all the steps are known by, and their way back: that of the plan before, where one was made anew half-way
#   OPTION...         more options of every deploy.sh, or of every rollback.sh; those of a plain host have none
# Exit codes: 0 done, 1 a step failed, 2 wrong use.
set -euo pipefail
# A command that was interrupted may end as one that failed, after which more would be changed; who called this ends by the signal, too.
trap 'trap - INT; kill -INT $$' INT

manifests=manifests
before=
from=
# The step that was asked for, if one was.
begun=
to=
back=
went=
anyway=
# Whether --release was given: what is named here needs it, too.
released=
options=()
# Those of them that a script of a cluster hands on to kubectl.
of_kubectl=()
# On the way back: what stays as the steps made it, a line each, and what of it might have gone back.
stays=
stayed=
# What is known of a step, by `know`.
deployed=()
replaced=()
varied=()
ended=()
in_place=()
created=()
one_way=()
only_before=()
holds=()
settles=()
reloads=()
newline='
'

main() {
  choose "$@"
  local step
  # By this `deploy.sh` and `rollback.sh` know what the steps reached. What is deployed of before is not of them.
  if [ -z "$before" ]; then export ZDC_RELEASE=$release; else unset ZDC_RELEASE; fi
  begun=$from from=${from:-1} to=${to:-$steps}
  [ "$from" -le "$to" ] || misused "--to $to is before --from $from"
  if [ -z "$back" ]; then
    for ((step = from; step <= to; step++)); do carry_out "$step"; done
    say "done: $to of $steps"
  else
    for ((step = back; step >= 1; step--)); do require_way_back "$step"; done
    require_left
    if [ -n "$before" ] && [ ${#variables[@]} -gt 0 ]; then
      say "what is deployed reads these, which have to be what they were before the steps: ${variables[*]}"
    fi
    for ((step = back; step >= 1; step--)); do take_back "$step"; done
    tell_stays
    [ -n "$went" ] || fail "nothing went back: there is no version before of anything in the steps up to $back, or release $release did not reach it"
    if [ -n "$before" ] && [ ${#variables[@]} -gt 0 ]; then
      say "back: what the steps up to $back changed is as the program before has it with the values of now: ${variables[*]}"
    elif [ -n "$before" ]; then
      say "back: what the steps up to $back changed is as it was"
    elif [ -n "$stayed" ]; then
      say "back, but for what stays: what else the steps up to $back replaced is the version before. These stay:$stayed"
    else
      say "back: what the steps up to $back replaced is the version before"
    fi
  fi
}

choose() {
  while [ $# -gt 0 ]; do
    case $1 in
      --manifests | --before | --from | --to | --back | --release)
        [ $# -gt 1 ] || misused "$1 needs a value"
        case $1 in
          --manifests) manifests=$2 ;;
          --before) before=$2 ;;
          --from) from=$(number "$2") ;;
          --to) to=$(number "$2") ;;
          --back) back=$(number "$2") ;;
          --release) release=$2 released=yes ;;
        esac
        shift
        ;;
      --help) usage ;;
      --anyway) anyway=yes ;;
      --)
        shift
        options=("$@")
        until [ $# -eq 0 ] || [ "$1" = -- ]; do shift; done
        of_kubectl=("${@:2}")
        break
        ;;
      *) misused "no such option: $1" ;;
    esac
    shift
  done
  # As a label of a cluster may be, behind the time.
  case $release in
    *[!A-Za-z0-9._-]* | *[._-] | '')
      misused "--release has letters, digits, dots, dashes and underscores alone, and ends with a letter or digit: $release"
      ;;
  esac
  [ ${#release} -le 46 ] || misused "--release has 46 characters at most: $release"
  if [ -n "$back" ]; then
    [ -z "$from$to" ] || misused "--back has neither --from nor --to: that step goes back, and each before it"
  else
    [ -z "$before" ] || misused "--before is for the way back: say --back STEP, too"
    [ -z "$anyway" ] || misused "--anyway is for the way back: say --back STEP, too"
  fi
  if [ "$target" = nginx ] && [ ${#options[@]} -gt 0 ]; then misused "the scripts of a plain host have no options"; fi
  if [ -z "$back" ]; then
    require_deploy "$manifests"
  elif [ -n "$before" ]; then
    require_deploy "$before"
  else
    require "$manifests/$target/rollback.sh"
  fi
}

number() {
  case $1 in '' | 0* | *[!0-9]* | ?????*) misused "there is no step $1: there are $steps" ;; esac
  [ "$1" -le "$steps" ] || misused "there is no step $1: there are $steps"
  printf %s "$1"
}

require_deploy() {
  require "$1/$target/deploy.sh"
  if [ "$target" = nginx ]; then require "$1/nginx/switch.sh"; fi
}

require() {
  [ -f "$1" ] || misused "there is no $1: build the program, or name its folder"
  [ -x "$1" ] || misused "$1 may not be executed: build the program again, or copy it with its mode"
}

# The last step deploys the others too: what has no order, and what another value of a variable changes.
carry_out() {
  local words=() specs
  know "$1"
  if [ ${#reloads[@]} -gt 0 ] && [ "$1" != "$begun" ]; then
    fail "before step $1 of $steps nginx takes the new configuration of ${reloads[*]}, which is reloaded by whoever runs it: \
once that is done, go on with --from $1"
  fi
  if [ "$1" -lt "$steps" ]; then
    say "step $1 of $steps: ${deployed[*]}"
  else
    say "step $1 of $steps: everything else"
  fi
  if [ ${#deployed[@]} -gt 0 ]; then only "${deployed[@]}"; fi
  specs=$(specifications)
  deploy "$manifests" || stop "$1"
  if [ "$1" -lt "$steps" ]; then settle; fi
}

# What an Ingress or a route leads to, and whom a policy lets in, counts once the controller and the nodes have taken it, and
# of the first and the last no status says when. ingress-nginx takes what is new up to three times in ten seconds
# (kubernetes/ingress-nginx docs/user-guide/cli-arguments.md, --sync-rate-limit), Traefik after two seconds
# (doc.traefik.io, providersThrottleDuration).
settle() {
  if [ ${#settles[@]} -eq 0 ]; then return 0; fi
  say "waiting for 10 seconds, until the cluster has carried out what changed of: ${settles[*]}"
  sleep 10
}

know() {
  deployed=() replaced=() varied=() ended=() in_place=() created=() one_way=() only_before=() holds=() settles=() reloads=()
  names "$1"
}

# Nothing is taken back where one of the steps cannot be.
require_way_back() {
  local name held=''
  know "$1"
  for name in ${holds[@]+"${holds[@]}"}; do
    if docker service inspect "$name" >/dev/null 2>&1; then held+=" $name"; fi
  done
  if [ -n "$held" ]; then
    fail "step $1 gave a port to these, and what goes back has it only once they are gone. First: docker service rm$held"
  fi
  if [ -n "$anyway" ]; then return 0; fi
  if [ ${#one_way[@]} -gt 0 ]; then
    fail "there is no way back from step $1, since the data of these is newer than the version before knows: ${one_way[*]}"
  fi
  if [ ${#only_before[@]} -gt 0 ] && [ -z "$before" ]; then
    fail "only --before gives those who go back what they ask for: step $1 switched these off, or left what cuts off the pods" \
      "of before (see the plan): ${only_before[*]}"
  fi
}

# What the plan left behind may be gone by now, and who goes back asked for it.
require_left() {
  local name gone=() words=()
  for name in ${left[@]+"${left[@]}"}; do
    # Of an object the file that makes it again is told, which may have another one.
    if ! is_there "$name" && [[ " ${gone[*]-} " != *" ${name%% *} "* ]]; then gone+=("${name%% *}"); fi
  done
  if [ ${#gone[@]} -eq 0 ]; then return 0; fi
  if [ -n "$before" ]; then
    say "first of all, since these are gone and what goes back may ask for them: ${gone[*]}"
    only "${gone[@]}"
    deploy "$before" || fail "nothing else was taken back"
  elif [ -z "$anyway" ]; then
    fail "these are gone, and what goes back may ask for them: ${gone[*]}. --before DIR makes them again first;" \
      "--anyway goes back without them"
  fi
}

# Whether a service of the swarm is there, or an object of the cluster: `FILE KIND/NAME [NAMESPACE]`.
is_there() {
  local object namespace found
  if [ "$target" = swarm ]; then
    docker service inspect "$1" >/dev/null 2>&1
    return
  fi
  read -r _ object namespace <<<"$1"
  found=$(
    kubectl get "$object" --ignore-not-found --output name ${namespace:+--namespace "$namespace"} \
      ${of_kubectl[@]+"${of_kubectl[@]}"}
  ) || fail "nothing was taken back: the API server does not answer"
  [ -n "$found" ]
}

take_back() {
  local name words=() meant=() also=() specs said
  know "$1"
  meant=(${replaced[@]+"${replaced[@]}"})
  if [ -n "$before" ]; then
    meant+=(${varied[@]+"${varied[@]}"} ${ended[@]+"${ended[@]}"} ${in_place[@]+"${in_place[@]}"})
  else
    also=(${varied[@]+"${varied[@]}"})
  fi
  if [ $((${#meant[@]} + ${#also[@]})) -gt 0 ]; then require_callers_back "$1"; fi
  if [ -z "$before" ]; then
    stay "changed in place, which --before takes back" ${in_place[@]+"${in_place[@]}"}
    stay "it ends by itself: going back would run the version before once more" ${ended[@]+"${ended[@]}"}
  fi
  stay "new, and the program before has no such thing" ${created[@]+"${created[@]}"}
  if [ -n "$before" ] && is_whole "$1"; then
    say "step $1 of $steps goes back: everything else"
  elif [ $((${#meant[@]} + ${#also[@]})) -eq 0 ]; then
    return 0
  else
    say "step $1 of $steps goes back:" ${meant[@]+"${meant[@]}"} ${also[@]+"${also[@]}"}
    if [ ${#meant[@]} -gt 0 ]; then only "${meant[@]}"; fi
    for name in ${also[@]+"${also[@]}"}; do words+=(--also "$name"); done
  fi
  if [ -n "$before" ]; then
    went=yes
    deploy "$before" || fail "step $1 did not go back: those before it were not touched"
    if [ "$1" -gt 1 ]; then settle; fi
  else
    specs=$(specifications)
    go_back || fail "step $1 did not go back: those before it were not touched." \
      "--before DIR takes it back by the manifests of before, whatever was deployed since"
    see_what_went
  fi
}

# Runs the script that takes a step back. What a host's starts goes on, and may hold nothing open.
go_back() {
  if [ "$target" != kubernetes ]; then
    # Asked for is what may not have been reached, too.
    ZDC_STEP=1 run "$manifests/$target/rollback.sh"
  else
    { said=$(run "$manifests/$target/rollback.sh" 3>&- | both); } 3>&1
  fi
}

# Tells what it reads, and hands it on.
both() {
  local line
  while IFS= read -r line; do
    say "$line" >&3
    say "$line"
  done
}

# What stayed of the steps after this one may call what it takes back, which would be too old for it.
require_callers_back() {
  if [ -z "$stayed" ] || [ -n "$anyway" ]; then return 0; fi
  tell_stays
  fail "step $1 and those before it were not taken back, since these stayed and may call what they take back:$stayed." \
    "--before DIR takes back all, whatever was deployed since; --anyway leaves these, and goes on"
}

see_what_went() {
  # Whether anything of a later step did.
  local later=$went
  case $target in
    nginx) went=yes ;;
    kubernetes) see_what_pods_went ;;
    swarm) see_what_services_went ;;
  esac
}

# What a cluster's script said of each.
see_what_pods_went() {
  local name
  if [[ $said == *"what was changed runs the revision before"* || $said == *": went back already"* ]]; then went=yes; fi
  while read -r name; do
    if [ -n "$name" ]; then pass_over "${name%: was not part *}"; fi
  done < <(grep -F ': was not part of the last deploy' <<<"$said" || true)
}

# Who goes back finds what its step did not reach as it was. But what a later step reached is there, and then an earlier one
# was done, too: by another plan.
pass_over() {
  if [ -z "$later" ]; then
    stays+="$newline  $1: no step of release $release reached it"
    return 0
  fi
  stay "it is not of release $release, as what came after it is: where the plan was made anew half-way, --release names that of before" "$1"
  stayed+=" $1"
}

# A swarm keeps of a service that was deployed again as it is that very version as the one before (swarmkit
# `manager/controlapi/service.go`, `UpdateService`): rollback.sh ends well there, and leaves it.
see_what_services_went() {
  local name known now id
  now=$(specifications)
  while read -r name known; do
    if [ -z "$name" ]; then continue; fi
    if [ "$known" = unknown ] || grep -xF -e "$name unknown" <<<"$specs" >/dev/null; then
      stay "whether it went back is not known, since the swarm did not say" "$name"
    elif ! grep -xF -e "$name $known" <<<"$specs" >/dev/null || is_back "$name"; then
      went=yes
      continue
    elif id=$(id_of "$name") && [ -z "$id" ]; then
      stay "it has no label, so whether a step reached it is not known; --before takes it back, and where one did, so does ZDC_RELEASE= $(printf %q "$manifests/swarm/rollback.sh") --only $name" "$name"
    elif [ -n "$id" ] && [ "${id#*.}" != "$release" ]; then
      pass_over "$name"
      continue
    else
      stay "the last deploy left it as it was, or it was deployed again as it is; --before takes it back" "$name"
    fi
    stayed+=" $name"
  done <<<"$now"
}

# Whether a service went back before: a deploy takes that away (there too).
is_back() {
  local state
  state=$(docker service inspect --format '{{with .UpdateStatus}}{{.State}}{{end}}' "$1" 2>/dev/null) || return 1
  [ "$state" = rollback_completed ]
}

# The deploy that brought what a service has, if its label says so.
id_of() {
  docker service inspect --format '{{index .Spec.Labels "zdc.deploy"}}' "$1" 2>/dev/null
}

# Whether the whole program of before is deployed: at last, what has no order too. A swarm has nothing of that kind but
# where there is one deploy.
is_whole() {
  [ "$1" -eq 1 ] && { [ "$target" != swarm ] || [ "$steps" -eq 1 ]; }
}

stay() {
  local name why=$1
  shift
  for name in "$@"; do stays+="$newline  $name: $why"; done
}

tell_stays() {
  if [ -n "$stays" ]; then say "these stay as they are:$stays"; fi
}

only() {
  local name
  for name in "$@"; do
    if [ "$target" = nginx ]; then words+=("$name"); else words+=(--only "$name"); fi
  done
}

# A plain host makes ready what its second script makes live.
deploy() {
  run "$1/$target/deploy.sh" || return 1
  if [ "$target" = nginx ]; then run "$1/nginx/switch.sh"; fi
}

run() {
  local command=("$1")
  if [ ${#words[@]} -gt 0 ]; then command+=("${words[@]}"); fi
  if [ ${#options[@]} -gt 0 ]; then command+=("${options[@]}"); fi
  "${command[@]}"
}

# What the swarm has of the services that a step may replace, a line each, without which deploy it is of.
specifications() {
  local name spec
  if [ "$target" != swarm ]; then return 0; fi
  for name in ${replaced[@]+"${replaced[@]}"} ${varied[@]+"${varied[@]}"}; do
    # docker ends its output with a newline also where it failed.
    if spec=$(docker service inspect --format '{{json .Spec}}' "$name" 2>/dev/null); then
      printf '%s %s\n' "$name" "$(sed -E 's/,?"zdc\.[a-z]+":"[^"]*"//g' <<<"$spec")"
    else
      printf '%s unknown\n' "$name"
    fi
  done
}

# Says how to go on, and how to go back: of a step that failed only what it changed.
stop() {
  local name now known id changed='' bare='' unknown='' earlier=$(($1 - 1)) of_release="${released:+ --release $release}"
  now=$(specifications)
  while read -r name known; do
    if [ -z "$name" ]; then continue; fi
    # What could not be asked for is no change.
    if [ "$known" = unknown ] || grep -xF -e "$name unknown" <<<"$specs" >/dev/null; then
      unknown+=" $name"
    elif ! grep -xF -e "$name $known" <<<"$specs" >/dev/null; then
      # What has no label is not of a release.
      if id=$(id_of "$name") && [ -z "$id" ]; then bare+=" --only $name"; else changed+=" --only $name"; fi
    fi
  done <<<"$now"
  if [ -n "$unknown" ]; then say "The swarm did not say what it has of these, which this step may have changed:$unknown"; fi
  say "step $1 of $steps failed. Once that is mended: --from $1, with --release $release where the plan is another then. To go back:"
  case $target in
    swarm)
      if [ ${#holds[@]} -gt 0 ]; then say "  docker service rm ${holds[*]}   # where they are: they have a port that what goes back needs"; fi
      if [ -n "$changed" ]; then say "  ZDC_RELEASE=$release $(printf %q "$manifests/swarm/rollback.sh")$changed"; fi
      if [ -n "$bare" ]; then say "  ZDC_RELEASE= $(printf %q "$manifests/swarm/rollback.sh")$bare"; fi
      if [ -z "$changed$bare$unknown" ] && [ ${#created[@]} -eq 0 ] && [ ${#in_place[@]} -eq 0 ] && [ ${#ended[@]} -eq 0 ]; then
        say "  nothing of this step: what it replaces is as it was"
      fi
      for name in $unknown; do say "  see first what $name runs: docker service inspect --pretty $name"; done
      ;;
    kubernetes)
      # deploy.sh takes some of it back itself, and knows why it left the rest.
      say "  of this step see above for what deploy.sh left"
      words=()
      if [ ${#replaced[@]} -gt 0 ]; then
        only "${replaced[@]}"
        say "  ZDC_RELEASE=$release$(printf ' %q' "$manifests/kubernetes/rollback.sh" --dry-run "${words[@]}")$(handed_on)   # --under-way for what has not rolled out"
      fi
      ;;
    nginx) say "  see status.sh for what waits or was switched; rollback.sh SERVICE drops the one and takes back the other" ;;
  esac
  for name in ${ended[@]+"${ended[@]}"}; do say "  $name ends by itself: nothing runs the version before once more"; done
  for name in ${in_place[@]+"${in_place[@]}"}; do say "  $name may be changed in place: the manifests of before take that back"; done
  for name in ${created[@]+"${created[@]}"}; do
    if [[ " ${holds[*]-} " == *" $name "* ]]; then continue; fi
    say "  $name is new, and stays where it was made: the program before has no such thing"
  done
  if [ ${#only_before[@]} -gt 0 ]; then
    say "  what this step did to these may cut off who goes back, and only the manifests of before take it back: ${only_before[*]}"
    say "  bash $(printf %q "$0") --back $1 --before DIR$of_release$(handed_on --)"
  elif [ "$earlier" -gt 0 ]; then
    say "  bash $(printf '%q --manifests %q' "$0" "$manifests") --back $earlier$of_release$(handed_on --)"
  fi
  fail "step $1 of $steps failed: the steps after it were not begun"
}

# What a command for the same cluster ends with.
handed_on() {
  if [ "$target" = kubernetes ] && [ ${#of_kubectl[@]} -gt 0 ]; then printf ' %s' "$@" --; printf ' %q' "${of_kubectl[@]}"; fi
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
  exit 1
}

misused() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}
