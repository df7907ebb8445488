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
