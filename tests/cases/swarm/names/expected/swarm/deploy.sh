#!/usr/bin/env bash
# Deploys this program's stacks to a swarm, one after the other, each once the one before has settled, and says what
# became of every service: `docker stack deploy` ends well after a rollback too.
# Usage: deploy.sh [--only SERVICE]... [--prune] [--over-paused] [--patience SECONDS] [--root DIR] [STACK...] [-- OPTION...]
#   --only SERVICE       this service alone, by the name it has in the swarm, such as shop_front; may be repeated. The
#                        others stay as they are
#   --prune              remove the services that a stack no longer has, once all that was deployed runs
#   --over-paused        deploy over an update that was paused half-way
#   --patience SECONDS   give up where nothing has moved for so long; by default ten minutes longer than
#                        these updates may wait by themselves
#   --root DIR           where the files of secrets are; two folders up by default
#   STACK...             these stacks alone
#   OPTION...            more options for `docker stack deploy`
# Each service that is deployed has the id of its deploy in the label `zdc.deploy`, by which rollback.sh knows what the last one
# changed: its time, and $ZDC_RELEASE where that is set, so that several deploys count as one. No task is replaced for it.
# Exit codes: 0 every service runs what was deployed, 1 one does not, 2 wrong use.
set -euo pipefail
# A command that was interrupted may end as one that failed, after which more would be changed; who called this ends by the signal, too.
trap 'trap - INT; kill -INT $$' INT

# Stacks read the environment as it was given, whatever names this script uses.
given=$(export -p)
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
root=$here/../..
over_paused=
prune=
chosen=()
only=()
options=()
hashes=()
# What this deploy is called, and the services of a stack that it is of.
deploy=
sent=()
# Until something was sent.
unsent=yes
# What the stacks before it got: what runs, what was deployed over what was paused, and what has no label.
ran=
over=
bare=
# What is paused half-way, and deployed over.
halves=()
newline='
'

main() {
  choose "$@"
  require_swarm
  secrets
  local stack
  for stack in "${chosen[@]}"; do require_variables "$stack"; done
  networks
  for stack in "${chosen[@]}"; do deploy "$stack"; done
  if [ -n "$prune" ]; then for stack in "${chosen[@]}"; do prune "$stack"; done; fi
}

choose() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage ;;
      --prune) prune=yes ;;
      --over-paused) over_paused=yes ;;
      --only | --patience | --root)
        [ $# -gt 1 ] || misused "$1 needs a value"
        case $1 in
          --only) only+=("$2") ;;
          --patience) patience=$2 ;;
          --root) root=$2 ;;
        esac
        shift
        ;;
      --)
        shift
        take_options "$@"
        break
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
  deploy=${ZDC_RELEASE:-$(printf '%04x%04x' $RANDOM $RANDOM)}
  case $deploy in *[!A-Za-z0-9._-]*) misused "ZDC_RELEASE has letters, digits, dots, dashes and underscores alone: $deploy" ;; esac
  deploy=$(date -u +%Y%m%dT%H%M%SZ).$deploy
  if [ ${#only[@]} -gt 0 ] && [ -n "$prune" ]; then
    misused "--prune would remove what --only leaves out"
  fi
  if [ -n "$prune" ] && [[ " ${options[*]-} " =~ ' '(-c|--compose-file)[^\ ]*' ' ]]; then
    misused "--prune would remove what another file has: it knows the stack's own alone"
  fi
}

# `docker stack deploy --prune` removes before it deploys (docker/cli `cli/command/stack/deploy_composefile.go`,
# `deployCompose`), while callers of before still ask for what goes.
take_options() {
  local option
  for option; do
    case $option in
      --prune | --prune=[1tT]*) prune=yes ;;
      --prune=*) ;;
      *) options+=("$option") ;;
    esac
  done
}

# Every variable that a stack asks for has a value before anything is changed.
require_variables() {
  local text missing
  text=$(text_of "$1") || fail "$1.yml cannot be read: nothing was changed"
  missing=$(as_given without_value <<<"$text")
  [ -z "$missing" ] || fail "$1.yml needs values for:$missing"
}

without_value() {
  local variable
  { grep -oE '(^|[^$])(\$\$)*\$\{[A-Za-z_][A-Za-z0-9_]*:\?' || true; } | sed -E 's/.*\{//; s/:\?$//' | sort -u |
    while read -r variable; do
      if [ -z "$(printenv "$variable")" ]; then printf ' %s' "$variable"; fi
    done
}

# Runs something with the environment that was given and the names of secrets.
as_given() {
  (
    # What was given may be called as anything here is, but not as these are.
    set -- "${#hashes[@]}" ${hashes[@]+"${hashes[@]}"} "$@"
    # SHELLOPTS and the like may be given, and may not be set.
    eval "$given" 2>/dev/null || true
    if [ "$1" -gt 0 ]; then export "${@:2:$1}"; fi
    shift "$(($1 + 1))"
    "$@"
  )
}

# A network that stacks share is made once and outlives each of them.
network() {
  local name=$1
  shift
  if docker network inspect "$name" >/dev/null 2>&1; then return 0; fi
  docker network create --driver overlay "$@" "$name" >/dev/null || fail "network $name was not made"
  say "network $name: made"
}

# A secret's name has the hash of its value, which cannot be changed: another value is another secret, and the services
# that mount it roll. `secret_of NAME HASH_VARIABLE {env VARIABLE|file PATH}`
secret_of() {
  local name=$1 variable=$2 kind=$3 from=$4 hash
  asks_for "$variable" || return 0
  if [ "$kind" = file ]; then
    case $from in /*) ;; *) from=$root/$from ;; esac
    [ -s "$from" ] || fail "secret $name needs $from: there is no such file, or nothing in it"
  else
    [ -n "$(as_given printenv "$from")" ] || fail "secret $name needs a value in $from"
  fi
  hash=$(value_of "$kind" "$from" | sum)
  hash=${hash:0:12}
  hashes+=("$variable=$hash")
  if docker secret inspect "$name-$hash" >/dev/null 2>&1; then return 0; fi
  value_of "$kind" "$from" | docker secret create "$name-$hash" - >/dev/null || fail "secret $name-$hash was not made"
  say "secret $name-$hash: made"
}

# Never on a command line, which everybody on the machine can read.
value_of() {
  if [ "$1" = file ]; then
    cat "$2"
  else
    local value
    value=$(as_given printenv "$2" && echo .)
    value=${value%.}
    printf %s "${value%"$newline"}"
  fi
}

sum() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi
}

asks_for() {
  local stack
  for stack in "${chosen[@]}"; do
    if text_of "$stack" | grep -F "\${$1:?" >/dev/null; then return 0; fi
  done
  return 1
}

# A stack file, with the services of --only alone where there are some: `docker stack deploy` leaves those alone that a
# file does not have.
text_of() {
  if [ ${#only[@]} -eq 0 ]; then
    cat "$here/$1.yml"
    return 0
  fi
  awk -v stack="$1" -v only="${only[*]}" '
    BEGIN { split(only, names, " "); for (at in names) wanted[names[at]] = 1 }
    /^[^ #]/ { inside = $0 ~ /^services: *(#.*)?$/; keep = 1 }
    inside && /^  [^ #]/ { name = $1; gsub(/[":]/, "", name); keep = (stack "_" name) in wanted }
    keep
  ' "$here/$1.yml"
}

# A stack file with the id of this deploy as a label of each service, and whether it is deployed over what was paused. A second
# file would do for that, but docker loses what it merges: of two ports with one number the first, and of a secret that is
# mounted twice (docker/cli `cli/compose/loader/merge.go`). What was written by hand in braces gets it there.
labelled() {
  awk -v id="$deploy" -v stack="$1" -v over="${halves[*]-}" '
    BEGIN { from = 1; split(over, names, " "); for (at in names) half[names[at]] = 1 }
    function labels(mark, is,  key) {
      print mark "zdc.deploy" is id
      key = line[name_at]
      gsub(/[ ":]/, "", key)
      if ((stack "_" key) in half) print mark "zdc.over" is "paused"
    }
    function inline(text,  is_list) {
      is_list = text ~ /labels: *\[/
      if (text ~ /labels: *[[{]/) sub(/labels: *[[{]/, "&zdc.deploy" (is_list ? "=" : ": ") id ", ", text)
      else sub(/[{]/, "{labels: {zdc.deploy: " id "}, ", text)
      return text
    }
    function put(at) {
      print line[at]
      if (at == label && list) labels(sprintf("%" list "s- ", ""), "=")
      else if (at == label) labels(sprintf("%" (deep ? deep : 8) "s", ""), ": ")
      else if (at == settings || at == name) {
        if (at == name) print "    deploy:"
        print "      labels:"
        labels("        ", ": ")
      }
    }
    function end(  at) {
      name_at = name
      if (label) settings = name = 0
      else if (settings) name = 0
      else if (merges) name = 0
      for (at = from; at < NR + ended; at++) put(at)
      from = NR
      name = settings = label = list = deep = known = inside = merges = 0
    }
    # What an anchor, an alias or a merge gives is not seen here, and would be lost beside what is put in: it gets no label.
    function is_elsewhere(word) { return word ~ /^[&*!]/ }
    /^  ?[^ #]/ { end() }
    { line[NR] = $0 }
    /^[^ #]/ { services = $0 ~ /^services: *(#.*)?$/ }
    services && /^  [^ #]/ { name = $2 == "" || $2 ~ /^#/ ? NR : 0 }
    services && /^    [^ #]/ {
      if ($1 == "<<:") merges = 1
      inside = $1 == "deploy:"
      if (inside && is_elsewhere($2)) inside = name = 0
      else if (inside && $2 ~ /^[{]/ && $2 != "{}") { line[NR] = inline($0); inside = name = 0 }
      else if (inside) { settings = NR; line[NR] = "    deploy:" }
    }
    inside && /^      (labels|<<):/ {
      if ($1 == "<<:" || is_elsewhere($2)) { if (!label) inside = settings = name = 0 }
      else if ($2 ~ /^[[{]./ && $2 != "{}" && $2 != "[]") { line[NR] = inline($0); settings = name = 0 }
      else { label = NR; line[NR] = "      labels:" }
    }
    label && NR > label && !known && !/^ *(#|$)/ {
      known = 1
      if (match($0, /^ +- /)) list = RLENGTH - 2
      else if (match($0, /^ +/) && RLENGTH > 6) deep = RLENGTH
    }
    END { ended = 1; end() }
  '
}

deploy() {
  local stack=$1 versions words asked now name state others first
  await "$stack" before ''
  if let_others_see; then await "$stack" before ''; fi
  versions=$(again services "$stack") || fail "$stack was not deployed: the swarm does not answer"
  halves=()
  while IFS='|' read -r name _ _ _ state _; do
    # What ends by itself may be paused for having ended.
    if [[ $state == *paused && " ${once[*]-} ${until_done[*]-} " != *" $name "* ]]; then halves+=("$name"); fi
  done <<<"$versions"
  versions=$(cut -d '|' -f 1,2 <<<"$versions")
  words=(docker stack deploy --with-registry-auth --compose-file -)
  # Waiting is done below: the command itself waits for ever where a start-first update finds no room. A client of
  # before 26 never waits, and has no such option.
  # grep reads all of it: were docker cut off, the pipe would have failed.
  if docker stack deploy --help | grep -e --detach >/dev/null; then words+=(--detach=true); fi
  if [ ${#options[@]} -gt 0 ]; then words+=("${options[@]}"); fi
  words+=("$stack")
  sent=()
  while read -r name; do sent+=("$name"); done < <(meant_of "$stack")
  say "$stack: deploying"
  first=$unsent unsent=
  # What a stack refers to stands beside it.
  (cd "$here" && text_of "$stack" | labelled "$stack" | as_given "${words[@]}") || tell_refused
  asked=$(again asked_of) || fail "$stack: the swarm does not answer: what became of it is not known"
  tell_unlabelled
  await "$stack" after "$versions"
  now=$(again asked_of) || fail "$stack: the swarm does not answer: what became of it is not known"
  others=$(grep -vxF -e "$asked" <<<"$now" | cut -d '|' -f 1 | tr '\n' ' ' || true)
  [ -z "$others" ] || fail "$stack: another deploy came in between, and what runs is that one's: $others"
  if [ ${#only[@]} -gt 0 ]; then
    say "$stack: every service of --only runs what was deployed"
  elif [ $((${#once[@]} + ${#until_done[@]})) -gt 0 ]; then
    say "$stack: every service runs what was deployed, or has ended well"
  else
    say "$stack: every service runs what was deployed"
  fi
}

# Ends where docker refused the stack: a reference, a file or a network that it does not take is told before anything is changed.
tell_refused() {
  local after when=after fresh=$ran partly='' mixed=$over unmarked=$bare
  after=$(again services "$stack") && after=$(cut -d '|' -f 1,2 <<<"$after") || after='not known'
  if [ "$after" = "$versions" ]; then
    unsent=$first
    fail "$stack was not deployed: it is as it was$(tell_way_back 'what the stacks before it got')"
  fi
  fail "$stack was not deployed as a whole: it may hold services of both versions$(tell_way_back 'what the stacks before it got')"
}

# Waits a moment where another deploy has only just ended: that one still looks whether all is well, would find this one there and
# say that it failed. Those of one release are one after the other by themselves. Whether it waited.
let_others_see() {
  local now names=() name times other try
  for ((try = 0; try < 12; try++)); do
    now=$(docker info --format '{{.SystemTime}}') || break
    names=()
    while IFS='|' read -r name _; do
      if [ -n "$name" ]; then names+=("$name"); fi
    done < <(docker service ls --filter "label=com.docker.stack.namespace=$stack" --format '{{.Name}}')
    [ ${#names[@]} -gt 0 ] || break
    times=$(docker service inspect --format '{{index .Spec.Labels "zdc.deploy"}}|{{json .UpdatedAt}}' "${names[@]}") || break
    other=$(just_ended "$now" <<<"$times")
    [ -n "$other" ] || break
    if [ "$try" -eq 0 ]; then say "$stack: waits until another deploy, which has only just ended, has seen that"; fi
    sleep 1
  done
  [ "$try" -gt 0 ]
}

# The release that a service has by now which another deploy changed less than ten seconds before this moment of the engine.
just_ended() {
  awk -F '|' -v now="$1" -v own="${deploy#*.}" '
    function seconds(text,  part, year, month, zone) {
      gsub(/"/, "", text)
      if (text !~ /^[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]/) return -1
      split(substr(text, 1, 19), part, /[-T:]/)
      year = part[1] + 0
      month = part[2] + 0
      if (month < 3) { year--; month += 12 }
      zone = substr(text, length(text) - 5)
      zone = zone ~ /^[+-][0-9][0-9]:[0-9][0-9]$/ ? (substr(zone, 1, 1) "1") * (substr(zone, 2, 2) * 60 + substr(zone, 5)) : 0
      return (365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * month - 457) / 5) + part[3]) * 86400 + \
        part[4] * 3600 + (part[5] - zone) * 60 + part[6]
    }
    BEGIN { moment = seconds(now) }
    {
      release = substr($1, index($1, ".") + 1)
      changed = seconds($2)
      if (moment < 0 || changed < 0 || release == "" || release == own) next
      if (moment - changed < 10 && changed - moment < 10) { print release; exit }
    }
  '
}

# Says which services of the stack got no label: rollback.sh takes these for somebody else's.
tell_unlabelled() {
  local all name id without=''
  all=$(again services "$stack") || fail "$stack: the swarm does not answer: what became of it is not known"
  while IFS='|' read -r name _ id _; do
    if [ -n "$name" ] && [ -z "$id" ] && is_among "$name" ${sent[@]+"${sent[@]}"}; then without+=" $name"; fi
  done <<<"$all"
  if [ -z "$without" ]; then return 0; fi
  say "$stack: these got no label, since their \`deploy\` has an anchor, an alias, a tag or a merge:$without"
  say "  rollback.sh cannot see that they are of this deploy: it refuses, and takes each back by itself: ZDC_RELEASE= rollback.sh --only NAME"
}

# Whether a service, by its id and state, is another deploy's by now. What went back has the id of before.
is_overtaken() {
  [ -n "$2" ] && [ "$2" != "$deploy" ] && [[ $3 != rollback_* ]] && is_among "$1" "${sent[@]}"
}

# Removes the services of a stack that its file does not have.
prune() {
  local stack=$1 all name gone=()
  all=$(again services "$stack") || fail "$stack: nothing was removed: the swarm does not answer"
  while IFS='|' read -r name _; do
    if [ -n "$name" ] && ! names_in "$stack" | grep -xF -e "$name" >/dev/null; then gone+=("$name"); fi
  done <<<"$all"
  if [ ${#gone[@]} -eq 0 ]; then return 0; fi
  docker service rm "${gone[@]}" >/dev/null || fail "$stack: not all of these were removed: ${gone[*]}"
  say "$stack: removed, as the stack no longer has them: ${gone[*]}"
}

# What the swarm was asked for of each service that is deployed here: `NAME|TASKS`.
asked_of() {
  local all
  if [ ${#sent[@]} -eq 0 ]; then return 0; fi
  all=$(docker service inspect --format '{{.Spec.Name}}|{{json .Spec.TaskTemplate}}' "${sent[@]}") || return 1
  [ "$(cut -d '|' -f 1 <<<"$all")" = "$(printf '%s\n' "${sent[@]}")" ] || return 1
  printf '%s\n' "$all"
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
patience=720

# What there is to deploy; who is called comes before its callers.
stacks=(names plain)
# What ends by itself and is not started again, and what is where it failed.
once=()
until_done=()

networks() {
  :
}

secrets() {
  :
}

main "$@"
