
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

