# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # The app's settings are read before; some of a service's are for others.
# What deploy.sh, switch.sh, rollback.sh, status.sh and run.sh share. It is read, never run.
#
# What is live is read from the file that nginx includes, and written nowhere else. Every change of it is one
# rename. A run that was cut short anywhere is taken up by the next one: what is missing is done, what is done is kept.
#
# Where things are, all to be set from outside:
#   ZDC_STATE         releases, slots and the lock                  /var/lib/zdc/APP
#   ZDC_NGINX_DIR     the folder of nginx.conf                      /etc/nginx
#   ZDC_NGINX         how nginx is called                           nginx
#   ZDC_NGINX_PID     the file with its process id                  /run/nginx.pid
#   ZDC_NGINX_HOST    where it is asked when a switch is verified   127.0.0.1
#   ZDC_SUDO          what goes before nginx, systemctl and writes  sudo -n, or nothing for root
#                     below /etc
#   ZDC_SUPERVISOR    systemd or process; who keeps a command up    systemd where it runs
#   ZDC_UNIT_DIR      where units are put                           /etc/systemd/system
#   ZDC_DOCKER        how docker is called                          docker
#   ZDC_LOCK_WAIT     seconds to wait for another deploy            0: it is refused
#   ZDC_REPLACES      files of nginx's configuration that stand     none
#                     for this app until its first switch, which
#                     takes them out; rollback.sh puts them back

export LC_ALL=C

say() { printf '%s: %s\n' "${service:-$app}" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

now() { # milliseconds
  printf '%s' "$((${EPOCHREALTIME/./} / 1000))"
}

pause() { # milliseconds
  sleep "$(($1 / 1000)).$(printf '%03d' "$(($1 % 1000))")"
}

# --- settings ---------------------------------------------------------------------------------------------------

# Of a service; `load` sets them.
service='' kind='' runtime='' slots=() replicas=0
health='' health_path='' interval=0 timeout_seconds=0 retries=0 start_period=0
verify_scheme=http verify_port=0 verify_host='' verify_path=''
order='' delay=0 monitor=0 on_failure='' swap_back='' drain_limit=0 signal='' grace=0
include_files=() include_before=() include_after=() pull=''

# Of what nginx leads to, by which files, and the one that says so; `see_live` sets them.
live=() included=() recorded=''
# Of the host; `see_every` sets it.
every=()
# Of nginx before it read its configuration again; `reload` sets it.
old_workers=''

settle_places() {
  state=${ZDC_STATE:-/var/lib/zdc/$app}
  nginx_dir=${ZDC_NGINX_DIR:-/etc/nginx}
  nginx_pid=${ZDC_NGINX_PID:-/run/nginx.pid}
  unit_dir=${ZDC_UNIT_DIR:-/etc/systemd/system}
  local sudo=${ZDC_SUDO-}
  if [ -z "${ZDC_SUDO+set}" ] && [ "$EUID" -ne 0 ]; then sudo='sudo -n'; fi
  read -ra root <<<"$sudo"
  read -ra nginx <<<"${ZDC_NGINX:-nginx}"
  read -ra docker <<<"${ZDC_DOCKER:-docker}"
  supervisor=${ZDC_SUPERVISOR:-}
  # sd_booted(3): this folder is there where systemd is the init.
  if [ -z "$supervisor" ] && [ -d /run/systemd/system ]; then supervisor=systemd; fi
  supervisor=${supervisor:-process}
}

# Reads the settings of a service, of this bundle.
load() { load_of "$here" "$1"; }

# The same of any bundle or release.
load_of() { # its folder, service
  # What an older release does not say.
  verify_scheme=http
  # shellcheck source=/dev/null
  source "$1/hosts/services/$2.sh"
  place=$state/$service
  includes=$nginx_dir/slots/$app/$service
}

# Sets `chosen` to the services that were named, or to all.
choose() {
  local name
  if [ "${1-}" = --help ]; then
    sed -n '2,/^[^#]/{/^# shellcheck/d;s/^# //p}' "$0"
    exit 0
  fi
  chosen=("$@")
  if [ $# -eq 0 ]; then chosen=("${services[@]}"); fi
  for name in "${chosen[@]}"; do
    case " ${services[*]} " in
      *" $name "*) ;;
      *)
        say "there is no service '$name' here; there are: ${services[*]}"
        exit 2
        ;;
    esac
  done
}

# --- one at a time ----------------------------------------------------------------------------------------------

lock() {
  mkdir -p "$state" 2>/dev/null || true
  if ! [ -w "$state" ]; then
    fail "cannot write to $state; make it once: sudo install -d -o $(id -un) $state"
  fi
  if [ "$locked" = false ]; then return 0; fi
  exec 9>"$state/lock"
  if ! flock --exclusive --timeout "${ZDC_LOCK_WAIT:-0}" 9; then
    say "another deploy is running; set ZDC_LOCK_WAIT to wait for it"
    exit 75 # EX_TEMPFAIL of sysexits.h
  fi
}

# --- files ------------------------------------------------------------------------------------------------------

# Puts what comes on standard input into a file of ours, whole or not at all: a caller that looks at how this ends has bash
# go on after what fails in it.
record() {
  mkdir -p "${1%/*}"
  cat >"$1.new" || return 1
  mv -f "$1.new" "$1"
}

# The same below nginx's folder, where root may be needed.
install_file() {
  "${root[@]}" mkdir -p "${1%/*}"
  "${root[@]}" tee "$1.new" >/dev/null || return 1
  "${root[@]}" mv -f "$1.new" "$1"
}

# --- releases: a release is a copy of a bundle, named by its content --------------------------------------------

# Names what this bundle holds.
bundle_name() {
  (
    cd "$here" || exit 1
    find . \( -path ./.git -o -path ./hosts/variables.sh -o -path ./hosts/bundle \) -prune -o -type f -print0 |
      sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12
  )
}

# Names what this bundle is with the values of its deploy-time variables.
release_name() {
  local name
  {
    bundle_name
    for name in "${variable_names[@]}"; do printf '%s=%s\n' "$name" "${variables[$name]}"; done
  } | sha256sum | cut -c1-12
}

require_variables() {
  local name
  for name in "${required_names[@]}"; do
    if [ -z "${variables[$name]}" ]; then fail "set $name: it has no default"; fi
  done
}

make_release() {
  local id=$1 draft=$state/releases/.draft name
  if [ -d "$state/releases/$id" ]; then return 0; fi
  rm -rf "$draft"
  mkdir -p "$draft"
  (cd "$here" && find . -mindepth 1 -maxdepth 1 ! -name .git -exec cp -a -t "$draft" {} +)
  for name in "${variable_names[@]}"; do printf 'variables[%s]=%q\n' "$name" "${variables[$name]}"; done \
    >"$draft/hosts/variables.sh"
  bundle_name >"$draft/hosts/bundle"
  mv -T "$draft" "$state/releases/$id"
}

# Whether a release was made from this bundle.
is_ours() { [ "$(cat "$state/releases/$1/hosts/bundle" 2>/dev/null)" = "$(bundle_name)" ]; }

# Removes releases that no slot runs and nobody may want back.
prune() {
  local each id kept link
  kept=" ${release-} $(cat "$state"/*/previous "$state"/*/candidate 2>/dev/null | tr '\n' ' ' || true) "
  for link in "$state"/*/slots/*/release; do
    if [ -L "$link" ]; then kept="$kept$(basename "$(readlink "$link")") "; fi
  done
  for each in "$state"/releases/*/; do
    id=$(basename "$each")
    case $kept in *" $id "*) ;; *) rm -rf "$state/releases/$id" ;; esac
  done
}

# The release that a slot was last given.
release_of() {
  local link=$place/slots/$1/release
  if [ -L "$link" ]; then basename "$(readlink "$link")"; fi
}

give() { # slot, release
  mkdir -p "$place/slots/$1"
  ln -sfn "$state/releases/$2" "$place/slots/$1/release.new"
  mv -fT "$place/slots/$1/release.new" "$place/slots/$1/release"
}

# The release that is to go live: its name, its slot (blue/green), the release that it replaces, and the one that
# failed where this is the way back.
read_candidate() {
  candidate='' candidate_slot='' replaces='' undoes=''
  if [ -f "$place/candidate" ]; then
    { read -r candidate && read -r candidate_slot && read -r replaces && read -r undoes; } <"$place/candidate" || true
  fi
}

write_candidate() { # release, slot, the release it replaces, the release it undoes
  printf '%s\n' "$1" "$2" "$3" "$4" | record "$place/candidate"
}

# The candidate is live, whole: what it replaced is what one may go back to. It may have replaced nothing.
complete() {
  if [ -z "$undoes" ]; then
    # A line for each service, who went live last the last one. No service is named with a dot.
    { grep -vxF -e "$service" "$state/.order" 2>/dev/null || true; printf '%s\n' "$service"; } | record "$state/.order"
    if [ -z "$replaces" ]; then
      rm -f "$place/previous"
    elif [ "$replaces" != "$candidate" ]; then
      printf '%s\n' "$replaces" | record "$place/previous"
    fi
  fi
  rm -f "$place/candidate" "$state/conf-ours/first"
  prune
}

# --- slots: who runs in them ------------------------------------------------------------------------------------

other() { # of the two
  if [ "$1" = "${slots[0]}" ]; then printf '%s' "${slots[1]}"; else printf '%s' "${slots[0]}"; fi
}

# Whether a slot is one of this bundle.
is_own() { case " ${slots[*]} " in *" $1 "*) ;; *) return 1 ;; esac }

# Every slot: those of this bundle, and those that other releases had. Sets `every`.
see_every() {
  local folder
  every=("${slots[@]}")
  for folder in "$place"/slots/*/; do
    folder=${folder%/}
    if [ -d "$folder" ] && ! is_own "${folder##*/}"; then every+=("${folder##*/}"); fi
  done
}

# Stops what runs and is not live, of every slot.
stop_idle() {
  see_every
  stop_idle_of "${every[@]}"
}

# The same of these. A run that was cut short may have led requests away from one in files that nginx has not read since.
stop_idle_of() { # slots
  local slot ending=()
  for slot in "$@"; do
    if ! is_live "$slot" && is_running "$slot"; then ending+=("$slot"); fi
  done
  if [ "${#ending[@]}" -eq 0 ]; then return 0; fi
  # Before the first switch nothing was led anywhere.
  if [ -d "$includes" ]; then reload || fail "nginx does not reload: slot ${ending[*]} was not stopped"; fi
  for slot in "${ending[@]}"; do
    monitor=0 drain "$slot" || true
    stop_slot "$slot"
  done
}

# Stops a release where it runs and is not live.
stop_waiting() { # release
  local slot waiting=()
  see_every
  for slot in "${every[@]}"; do
    if [ "$(release_of "$slot")" = "$1" ]; then waiting+=("$slot"); fi
  done
  stop_idle_of "${waiting[@]}"
}

unit_of() { printf '%s-%s@%s.service' "$app" "$service" "$1"; }
container_of() { printf '%s-%s-%s' "$app" "$service" "$1"; }

# When a process started, in the kernel's ticks: with its number it names one process for good. One that has ended and
# that nobody has asked after (proc(5), state Z) runs no more.
started_at() {
  local line rest
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  read -ra rest <<<"${line##*) }"
  if [ "${rest[0]}" = Z ]; then return 1; fi
  printf '%s' "${rest[19]}"
}

process_of() {
  local pid start
  read -r pid start 2>/dev/null <"$place/slots/$1/pid" || return 1
  [ "$(started_at "$pid" || true)" = "$start" ] || return 1
  printf '%s' "$pid"
}

# How what is in a slot was started: a release before may have run as a process, and this one in a container.
runtime_of() {
  local from=$place/slots/$1/started said=''
  if [ -f "$from" ]; then
    said=$(sed -n 's/^runtime=//p' "$state/releases/$(<"$from")/hosts/services/$service.sh" 2>/dev/null) || true
  fi
  printf '%s' "${said:-$runtime}"
}

# Whether a slot runs. Where that is not known the script ends, unless it is asked in a subshell: what runs would be
# taken for stopped.
is_running() {
  local answer=0
  runs "$1" || answer=$?
  if [ "$answer" -eq 2 ]; then fail "docker does not answer: whether slot $1 runs is not known"; fi
  return "$answer"
}

# The same; 2 where it is not known.
runs() {
  case $(runtime_of "$1"):$supervisor in
    docker:*) docker_says "$1" '{{.State.Running}}' true false ;;
    *:systemd) systemctl --quiet is-active "$(unit_of "$1")" ;;
    *) process_of "$1" >/dev/null ;;
  esac
}

# Whether docker says the first of these words of a container: 1 where it says one of the others, or that there is no
# such container. What it does not answer is no answer: it is asked again, and then it is 2.
docker_says() { # slot, format, words
  local said word tries
  for ((tries = 0; tries < 5; tries++)); do
    if [ "$tries" -gt 0 ]; then pause 1000; fi
    if said=$("${docker[@]}" inspect --type container --format "$2" "$(container_of "$1")" 2>&1); then
      # Warnings may stand before it.
      said=${said##*$'\n'}
      if [ "$said" = "$3" ]; then return 0; fi
      for word in "${@:4}"; do
        if [ "$said" = "$word" ]; then return 1; fi
      done
    fi
    # docker/cli `cli/command/system/inspect.go`, moby `daemon/errors.go`; of another case in some versions.
    case ${said,,} in *'no such object'* | *'no such container'*) return 1 ;; esac
  done
  return 2
}

# Whether a program has the port of a slot that these scripts did not start: the host was set up in another way before.
is_foreign() { is_taken "$1" && ! is_running "$1"; }

# Whether anything listens on a port.
is_taken() { [ "$(connections 0A "$1")" -gt 0 ]; }

# Who listens on a port, as far as that may be seen.
holder() {
  local inode found pid
  inode=$(listening "$1")
  found=$(find /proc/[0-9]*/fd -lname "socket:\\[${inode:-none}\\]" -print -quit 2>/dev/null || true)
  pid=${found#/proc/}
  pid=${pid%%/*}
  if [ -n "$pid" ]; then printf 'process %s (%s)' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)"; else printf "another user's process"; fi
}

start_slot() {
  local started=$place/slots/$1/started
  if is_running "$1"; then
    if ! [ -f "$started" ] || [ "$(<"$started")" = "$(release_of "$1")" ]; then return 0; fi
    # What was there before is not what it was given. Where requests go to it, it is not stopped before they are led away.
    if is_live "$1"; then
      give "$1" "$(<"$started")"
      fail "slot $1 runs again, and requests go to it: it was not stopped. Run this again"
    fi
    stop_slot "$1"
  fi
  rm -f "$started"
  # One that has ended keeps its name.
  if [ "$runtime" = docker ]; then "${docker[@]}" rm --force "$(container_of "$1")" >/dev/null 2>&1 || true; fi
  if is_foreign "$1"; then fail "port $1 is taken by $(holder "$1"), which is not of these scripts"; fi
  mkdir -p "$place/slots/$1"
  case $runtime:$supervisor in
    docker:*)
      bash "$place/slots/$1/release/hosts/run.sh" "$service" "$1" 9>&- >/dev/null
      ;;
    *:systemd)
      install_unit
      "${root[@]}" systemctl enable --quiet --now "$(unit_of "$1")"
      ;;
    *)
      rm -f "$place/slots/$1/pid"
      # It must not end with this script, and holds its lock until it has written down who it is: were this script
      # killed before, another run would start a second one beside it.
      ZDC_PID_FILE=$place/slots/$1/pid setsid --fork bash "$place/slots/$1/release/hosts/run.sh" "$service" "$1" \
        </dev/null >>"$place/slots/$1/log" 2>&1
      local tries
      for ((tries = 0; tries < 100; tries++)); do
        if [ -f "$place/slots/$1/pid" ]; then break; fi
        pause 50
      done
      [ -f "$place/slots/$1/pid" ] || fail "slot $1 did not start; its log is $place/slots/$1/log"
      ;;
  esac
  release_of "$1" | record "$started"
}

# The signal first; after the grace it is killed. What runs on would be taken for what is started next.
stop_slot() {
  end_slot "$1"
  if is_running "$1"; then fail "slot $1 does not stop: what is above says why. End it, and run this again"; fi
}

end_slot() {
  local said
  case $(runtime_of "$1"):$supervisor in
    docker:*)
      "${docker[@]}" stop --time "$(((grace + 999) / 1000))" "$(container_of "$1")" >/dev/null 2>&1 || true
      if ! said=$("${docker[@]}" rm --force "$(container_of "$1")" 2>&1 >/dev/null); then
        # Of a container that is not there some versions say so and fail.
        case ${said,,} in *'no such container'*) ;; *) say "$said" ;; esac
      fi
      ;;
    *:systemd)
      if ! said=$("${root[@]}" systemctl disable --quiet --now "$(unit_of "$1")" 2>&1) && is_running "$1"; then say "$said"; fi
      ;;
    *)
      local pid end
      pid=$(process_of "$1") || return 0
      kill -s "${signal#SIG}" "$pid" 2>/dev/null || true
      end=$(($(now) + grace))
      while process_of "$1" >/dev/null && [ "$(now)" -lt "$end" ]; do pause 50; done
      if process_of "$1" >/dev/null; then
        say "slot $1 did not end within its grace; it is killed"
        # Its group, as it was started in one of its own.
        kill -s KILL -- "-$pid" || true
        end=$(($(now) + 5000))
        while process_of "$1" >/dev/null && [ "$(now)" -lt "$end" ]; do pause 50; done
      fi
      ;;
  esac
}

# Has the image here before anything waits for it.
prepare_image() {
  if [ "$runtime" != docker ] || [ "$pull" = never ]; then return 0; fi
  local image
  image=$(image_name)
  if [ "$pull" = always ] || ! "${docker[@]}" image inspect "$image" >/dev/null 2>&1; then
    "${docker[@]}" pull --quiet "$image" >/dev/null || fail "image $image is not here, and was not pulled: what is above says why"
  fi
}

install_unit() {
  local file=$unit_dir/$app-$service@.service text
  text=$(<"$here/systemd/$app-$service@.service")
  text=${text//"/var/lib/zdc/$app"/"$state"}
  if [ "$("${root[@]}" cat "$file" 2>/dev/null)" = "$text" ]; then return 0; fi
  printf '%s\n' "$text" | install_file "$file"
  "${root[@]}" systemctl daemon-reload
}

# --- health -----------------------------------------------------------------------------------------------------

get() { # url, more words of curl
  curl --fail --silent --show-error --output /dev/null --noproxy '*' --max-time "$timeout_seconds" "${@:2}" "$1"
}

is_healthy() { is_running "$1" && probe "$1" >/dev/null 2>&1; }

# Asks a slot that runs.
probe() {
  case $health in
    http) get "http://127.0.0.1:$1$health_path" ;;
    # A certificate is for the names that clients ask for.
    https) get "https://127.0.0.1:$1$health_path" --insecure ;;
    tcp) timeout "$timeout_seconds" bash -c ": </dev/tcp/127.0.0.1/$1" 2>/dev/null ;;
    exec) timeout "$timeout_seconds" bash "$place/slots/$1/release/hosts/run.sh" "$service" "$1" probe 9>&- >/dev/null ;;
    image) docker_says "$1" '{{.State.Health.Status}}' healthy unhealthy starting none ;;
    none) true ;;
  esac
}

# Waits until a slot can serve. Failures count once the start period is over.
wait_healthy() {
  local began failures=0 why
  began=$(now)
  while true; do
    if is_running "$1" && why=$(probe "$1" 2>&1); then return 0; fi
    if ! is_running "$1"; then
      say "slot $1 ended before it was healthy"
      return 1
    fi
    if [ "$(($(now) - began))" -ge "$start_period" ]; then failures=$((failures + 1)); fi
    if [ "$failures" -ge "$retries" ]; then
      say "slot $1 is not healthy: ${why:-no answer}"
      return 1
    fi
    pause "$interval"
  done
}

# One request through nginx itself, as a client would send it, by a name that its routes know. Whether the certificate
# is good is no matter of a switch.
verify() {
  local address=${ZDC_NGINX_HOST:-127.0.0.1}
  if [ -z "$verify_path" ]; then return 0; fi
  if [ "$verify_scheme" = https ]; then
    # Which certificate and server are meant is said before there is a Host.
    get "https://$verify_host:$verify_port$verify_path" --insecure --connect-to "::$address:"
  else
    get "http://$address:$verify_port$verify_path" --header "Host: $verify_host"
  fi
}

# A few answers through nginx. What fails is asked again at once, as often as the health check would: one slow answer
# of a busy machine is no reason to go back, and a release that does not answer is not to serve for long.
answers() {
  local good=0 failures=0
  while [ "$good" -lt 3 ]; do
    if verify; then
      good=$((good + 1))
      continue
    fi
    failures=$((failures + 1))
    if [ "$failures" -ge "$retries" ]; then return 1; fi
    pause 100
  done
}

# --- nginx ------------------------------------------------------------------------------------------------------

# Sets `live` to what nginx includes: the slots that requests go to. The one place that says what is live.
see_live() {
  local slot file=${include_files[0]} lines
  live=() recorded=''
  see_included
  # Another release may include files of other names, and what it included once may still lie here. Of what it leads
  # nowhere it has a file of this name, and none of what it does not know.
  if [ "${#included[@]}" -gt 0 ]; then
    if ! is_included "$file"; then file=${included[0]}; fi
  elif [ -d "$state/conf-ours" ]; then
    file=unused.inc
    if ! [ -f "$includes/$file" ]; then return 0; fi
  fi
  if [ -f "$includes/$file" ]; then
    recorded=$file
    lines=$(grep -ohE '127\.0\.0\.1:[0-9]+' "$includes/$file" || true)
    if [ -n "$lines" ]; then mapfile -t live <<<"${lines//127.0.0.1:/}"; fi
    return 0
  fi
  # Before the first switch nothing is live. Later the file may have another name in this release: what runs is live.
  if ! [ -d "$includes" ]; then return 0; fi
  for slot in "${slots[@]}"; do
    if [ -n "$(release_of "$slot")" ] && is_running "$slot"; then live+=("$slot"); fi
  done
}

# Sets `included` to the service's files that the configuration in place includes.
see_included() {
  local from=$nginx_dir/conf.d/$app.conf lines
  included=()
  lines=$(grep -ohE "^[[:space:]]*include[[:space:]]+slots/$app/$service/[^;/[:space:]]+" "$from" 2>/dev/null || true)
  if [ -n "$lines" ]; then mapfile -t included <<<"$lines"; fi
  included=("${included[@]##*/}")
}

is_included() {
  case " ${included[*]} " in *" $1 "*) ;; *) return 1 ;; esac
}

# Removes what the configuration in place does not include any more: scripts of before would read there what is live.
remove_stale() {
  local file
  see_live
  if [ -z "$recorded" ]; then return 0; fi
  for file in "$includes"/*; do
    file=${file##*/}
    if ! is_included "$file" && [ "$file" != "$recorded" ]; then "${root[@]}" rm -f "$includes/$file" || true; fi
  done
}

is_live() {
  see_live
  case " ${live[*]} " in *" $1 "*) ;; *) return 1 ;; esac
}

# Leads requests to these slots and to no other.
lead_to() { # slots
  local i slot
  # Backwards: the file that says what is live is the last to change.
  for ((i = ${#include_files[@]} - 1; i >= 0; i--)); do
    for slot in "$@"; do printf '%s%s%s\n' "${include_before[i]}" "$slot" "${include_after[i]}"; done |
      install_file "$includes/${include_files[i]}" || return 1
  done
}

test_nginx() {
  if [ "$config_test" = false ]; then return 0; fi
  local said
  if ! said=$("${root[@]}" "${nginx[@]}" -t 2>&1); then
    say "nginx refuses its configuration:"
    printf '%s\n' "$said" >&2
    return 1
  fi
}

# The processes of nginx that answer requests, those that are ending too.
workers() {
  local master stat line rest
  master=$("${root[@]}" cat "$nginx_pid" 2>/dev/null) || return 0
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$stat" || continue
    read -ra rest <<<"${line##*) }"
    if [ "${rest[1]}" = "$master" ]; then printf '%s\n' "${line%% *}"; fi
  done
}

# Nothing is begun where nobody would take it.
require_nginx() {
  local master
  master=$("${root[@]}" cat "$nginx_pid" 2>/dev/null || true)
  if [ -z "$master" ] || ! [ -d "/proc/$master" ]; then
    fail "nginx does not run, or $nginx_pid is not its file: start it, or set ZDC_NGINX_PID; nothing was changed"
  fi
}

# Has nginx read its configuration again, and waits until new workers have it. `old_workers` are those before.
reload() {
  old_workers=$(workers)
  if ! "${root[@]}" "${nginx[@]}" -s reload; then return 1; fi
  local end pid
  end=$(($(now) + 10000))
  while [ "$(now)" -lt "$end" ]; do
    for pid in $(workers); do
      case $'\n'$old_workers$'\n' in
        *$'\n'"$pid"$'\n'*) ;;
        *) return 0 ;;
      esac
    done
    pause 20
  done
  say "nginx did not take its new configuration; its error log says why"
  return 1
}

# Waits until the workers are gone that know the configuration before, at most the drain time: for a tenth of a second
# after a reload they still take requests (src/os/unix/ngx_process_cycle.c, ngx_master_process_cycle).
retire() {
  local end
  end=$(($(now) + drain_limit))
  while [ "$(retiring)" -gt 0 ] && [ "$(now)" -lt "$end" ]; do pause 50; done
}

# How many workers are left that know the configuration before.
retiring() {
  if [ -z "$old_workers" ]; then printf 0; else workers | grep -cxF "$old_workers" || true; fi
}

# How many sockets are in a state of the kernel's (tcp_states.h): 0A listens on this port, 01 is connected to it.
connections() {
  local column=3
  if [ "$1" = 0A ]; then column=2; fi
  awk -v state="$1" -v end=":$(printf '%04X' "$2")" -v column="$column" \
    '$4 == state && substr($column, length($column) - 4) == end { count++ } END { print count + 0 }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

# The kernel's number of the socket that listens on a port.
listening() {
  awk -v end=":$(printf '%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == end { print $10; exit }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

# Waits until nothing asks a slot any more: the workers that knew it are gone, and no connection to it is left. At
# most the drain time, and at least as long as a new slot is judged. 1 where requests fail meanwhile.
drain() { # slot to be left alone, slots that must serve
  local slot=$1 began failures=0 next=0 waited left found
  began=$(now)
  while true; do
    waited=$(($(now) - began))
    if [ "$waited" -ge "$next" ]; then
      next=$((waited + interval))
      if serves "${@:2}"; then failures=0; else failures=$((failures + 1)); fi
      if [ "$failures" -ge "$retries" ]; then return 1; fi
    fi
    left=$(retiring)
    found=$(connections 01 "$slot")
    if [ "$waited" -ge "$monitor" ] && [ "$left" -eq 0 ] && [ "$found" -eq 0 ]; then return 0; fi
    if [ "$waited" -ge "$monitor" ] && [ "$waited" -ge "$drain_limit" ]; then
      say "slot $slot still has $found connections after its drain; its own shutdown is to end them"
      return 0
    fi
    pause 50
  done
}

# Whether nginx answers and these slots are healthy.
serves() {
  local slot
  verify >/dev/null 2>&1 || return 1
  for slot in "$@"; do is_healthy "$slot" || return 1; done
}

# Files that the configuration of a bundle or release includes, of every service, and that are not there yet, or that
# nobody has included since: a first deploy, a new pool, or the way back to one.
add_includes() { # its folder
  local settings
  for settings in "$1"/hosts/services/*.sh; do
    settings=${settings##*/}
    (
      load_of "$1" "${settings%.sh}"
      add_files
    ) || return 1
  done
}

add_files() {
  local missing=false file
  see_live
  for file in "${include_files[@]}"; do
    if ! [ -f "$includes/$file" ]; then missing=true; fi
    if [ -n "$recorded" ] && [ "$file" != "$recorded" ] && ! is_included "$file"; then missing=true; fi
  done
  if [ "$missing" = false ]; then return 0; fi
  if [ "${#live[@]}" -gt 0 ]; then lead_to "${live[@]}"; else lead_to "${slots[@]:0:replicas}"; fi
}

# Files of nginx's configuration with a server on a port. Whole only while nginx takes its configuration.
files_on() {
  "${root[@]}" "${nginx[@]}" -T 2>/dev/null | awk -v port="$1" '
    /^# configuration file .*:$/ { file = substr($0, 22, length($0) - 22); next }
    {
      sub(/#.*/, "")
      while (match($0, /(^|[ \t;{])listen[ \t]+[^ \t;]+/)) {
        word = substr($0, RSTART, RLENGTH)
        $0 = substr($0, RSTART + RLENGTH)
        sub(/.*[ \t:]/, "", word)
        if (word == port && !(file in seen)) { seen[file]; print file }
      }
    }'
}

# Before the first switch: what else answers on the port, of which this app may take the place. Said of what is not to
# be taken out.
say_who_answers() {
  local file
  if [ -d "$state/conf-ours" ] || [ -z "$verify_path" ]; then return 0; fi
  for file in $(files_on "$verify_port"); do
    case " ${ZDC_REPLACES:-} $nginx_dir/conf.d/$app.conf " in *" $file "*) continue ;; esac
    say "$file has a server on port $verify_port too, and keeps the requests that it names;" \
      "if this app takes its place: ZDC_REPLACES=$file switch.sh"
  done
}

# Takes out what stood for the app before. nginx goes on by it until it reads its configuration again.
set_aside() {
  local kept=$state/conf-before file i=0
  if ! [ -f "$kept/files" ]; then
    if [ -z "${ZDC_REPLACES:-}" ]; then return 0; fi
    mkdir -p "$kept"
    # shellcheck disable=SC2086  # Files, one a word.
    printf '%s\n' $ZDC_REPLACES | record "$kept/files"
  fi
  while read -r file; do
    i=$((i + 1))
    if is_kept "$kept/$i"; then
      # A run that was cut short had kept it, and not taken it out yet.
      if is_same "$kept/$i" "$file"; then "${root[@]}" rm -f "$file"; fi
      continue
    fi
    if ! [ -f "$file" ]; then
      say "ZDC_REPLACES: there is no file $file"
      return 1
    fi
    move "$file" "$kept/$i" || return 1
  done <"$kept/files"
}

put_back() {
  local kept=$state/conf-before file i=0
  if ! [ -f "$kept/files" ]; then return 0; fi
  while read -r file; do
    i=$((i + 1))
    if is_kept "$kept/$i"; then move "$kept/$i" "$file" || return 1; fi
  done <"$kept/files"
  rm -rf "$kept"
}

# Moves a file whole or not at all, also to another file system.
move() { # from, to
  "${root[@]}" cp -pP "$1" "$2.new" || return 1
  "${root[@]}" mv -fT "$2.new" "$2" || return 1
  "${root[@]}" rm -f "$1"
}

is_same() {
  if [ -L "$1" ] || [ -L "$2" ]; then
    [ "$(readlink "$1")" = "$(readlink "$2")" ]
  else
    "${root[@]}" cmp --silent "$1" "$2"
  fi
}

# A site that is enabled by a link has a link that leads nowhere from here.
is_kept() { [ -e "$1" ] || [ -L "$1" ]; }

# Puts a release's configuration of nginx in place. What others wrote there before is kept beside it.
install_conf() {
  local to=$nginx_dir/conf.d/$app.conf from=$state/releases/$1/conf.d/$app.conf
  if ! [ -f "$from" ]; then
    # Without a gateway nobody is led anywhere: what nginx still has of before would lead to slots that end.
    if [ -d "$state/conf-ours" ]; then "${root[@]}" rm -f "$to"; fi
    return 0
  fi
  if "${root[@]}" cmp --silent "$from" "$to"; then return 0; fi
  if ! [ -d "$state/conf-ours" ]; then
    set_aside || return 1
    if [ -f "$to" ] && ! [ -f "$to.before" ]; then "${root[@]}" cp -p "$to" "$to.before"; fi
    mkdir -p "$state/conf-ours"
    touch "$state/conf-ours/first"
  fi
  install_file "$to" <"$from"
}

# Nothing is begun before an earlier way back to what served before the first release is ended.
require_handed_back() {
  if [ -f "$place/hand-back" ]; then
    fail "an earlier rollback.sh was cut short on its way to what served before: run it again first"
  fi
}

# Whether no release of the app has gone live yet, whole.
is_first() { [ -f "$state/conf-ours/first" ] || ! [ -d "$state/conf-ours" ]; }

# Takes the configuration out again, and puts back what was there before. Run again after it was cut short, it takes out
# nothing that it has put back.
remove_conf() {
  local to=$nginx_dir/conf.d/$app.conf each
  rm -rf "$state/conf-ours"
  if [ -f "$to.before" ]; then
    "${root[@]}" mv -f "$to.before" "$to"
  else
    for each in "$state"/releases/*/conf.d/"$app.conf"; do
      if "${root[@]}" cmp --silent "$each" "$to"; then "${root[@]}" rm -f "$to"; fi
    done
  fi
  put_back
}

# Has nginx lead requests to these slots of a release, through the files that its own configuration includes.
put_live() { # release, slots
  local from=$state/releases/$1
  if [ -n "$1" ] && [ -d "$from" ]; then
    # Where it is in place what it includes is there.
    if ! "${root[@]}" cmp --silent "$from/conf.d/$app.conf" "$nginx_dir/conf.d/$app.conf"; then
      add_includes "$from" || return 1
      install_conf "$1" || return 1
    fi
    (
      load_of "$from" "$service"
      lead_to "${@:2}"
    ) || return 1
  else
    lead_to "${@:2}" || return 1
  fi
  test_nginx || return 1
  reload || return 1
  remove_stale
}
