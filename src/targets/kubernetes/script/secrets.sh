
# A pod does not start without a Secret that it reads, nor without the key: it waits in `CreateContainerConfigError` until its
# deadline, and no dry run looks for it (kubernetes/kubernetes pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables;
# pkg/volume/secret).
require_secrets() {
  local secret key there missing='' called=kubectl
  if [ ${#options[@]} -gt 0 ]; then called+=" ${options[*]}"; fi
  while read -r secret key; do
    there=$(keys_of "$secret")
    case "$there " in
      'Secret: '*)
        if [ -z "$key" ] || [[ "${there#Secret:} " == *" $key "* ]]; then continue; fi
        complain "Secret $secret has no key \`$key\`"
        ;;
      # Who deploys may not be one who reads Secrets.
      *'(Forbidden)'*)
        complain "Secret $secret may not be looked at: whether it is there is not known"
        continue
        ;;
      ' ') complain "Secret $secret is not there: \`$called create secret generic $secret --from-file=${key:-KEY}=FILE\` first" ;;
      *)
        complain "$there"
        fail "the API server does not answer: nothing was changed"
        ;;
    esac
    missing=yes
  done < <(secrets_in "${manifests[@]}" | sort -u)
  if [ -n "$missing" ]; then fail "pods that read these Secrets would not start: nothing was changed"; fi
}

# `Secret: KEY...` of one that is there, and nothing of one that is not; else what went wrong.
keys_of() {
  # shellcheck disable=SC2016 # these are the template's own
  local keys='Secret:{{range $key, $value := .data}} {{$key}}{{end}}' said
  if said=$(kube get secret "$1" --ignore-not-found --output "go-template=$keys" 2>&1); then
    # What it warns of stands before.
    sed -n 's/.*\(Secret:.*\)/\1/p' <<<"$said"
  else
    printf '%s\n' "${said:-no answer}"
  fi
}

# What the pods of these files read of Secrets and cannot do without: `SECRET KEY`, a line each, or `SECRET` of one that is read
# as a whole.
secrets_in() {
  awk '
    function value(line) { sub(/^[^:]*: */, "", line); gsub(/["\047]/, "", line); return line }
    function settle(  at, all, count) {
      if (within != "" && secret != "" && optional != "true") {
        if (keys == "" && within == "secret" && item in part) keys = part[item]
        count = split(keys, all, " ")
        for (at = 1; at <= count; at++) print secret, all[at]
        if (count == 0) print secret
      }
      within = secret = keys = optional = ""
    }
    FNR == 1 || /^---/ { settle(); pods = 0; text = -1; split("", part) }
    { depth = match($0, /[^ ]/) - 1 }
    # What a text of several lines says is not of the manifest.
    text >= 0 && (depth < 0 || depth > text) { next }
    { text = /(: |- )[|>][-+0-9]*$/ ? depth : -1 }
    /^kind: / { pods = /^kind: "?(Deployment|StatefulSet|DaemonSet)"?$/ }
    !pods { next }
    within != "" && depth <= edge { settle() }
    /^ *(- )?(secretKeyRef|secretRef|secret):$/ {
      settle()
      within = $NF
      sub(/:$/, "", within)
      edge = depth
      next
    }
    within != "" && /^ *(name|secretName): / { secret = value($0) }
    within != "" && /^ *(- )?key: / { keys = keys " " value($0) }
    within != "" && /^ *optional: / { optional = value($0) }
    within == "" && /^ *- name: / { item = value($0) }
    within == "" && /^ *subPath: / { part[item] = value($0) }
    END { settle() }
  ' "$@"
}
