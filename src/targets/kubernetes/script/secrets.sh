
# A pod does not start without a Secret that it reads, nor without the key: it waits in `CreateContainerConfigError` until its
# deadline, and no dry run looks for it (kubernetes/kubernetes pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables;
# pkg/volume/secret).
#
# A listener of a Gateway serves nothing without its certificate (gateway-api.sigs.k8s.io/reference/spec, ListenerConditionReason,
# InvalidCertificateRef), and an Ingress has one of its controller then (kubernetes.github.io/ingress-nginx/user-guide/tls).
require_secrets() {
  local secret keys key there pods='' https='' without way
  while read -r secret keys; do
    there=$(keys_of "$secret")
    case "$there " in
      'Secret: '*)
        without=
        for key in $keys; do
          if [[ "${there#Secret:} " != *" $key "* ]]; then without=yes && complain "Secret $secret has no key \`$key\`"; fi
        done
        if [ -z "$without" ]; then continue; fi
        ;;
      # Who deploys may not be one who reads Secrets.
      *'(Forbidden)'*)
        complain "Secret $secret may not be looked at: whether it is there is not known"
        continue
        ;;
      ' ')
        way="generic $secret --from-file=${keys:-KEY}=FILE"
        if [ "$keys" = "$certificate" ]; then way="tls $secret --cert=CERTIFICATE.pem --key=KEY.pem"; fi
        complain "Secret $secret is not there: \`$called create secret $way\` first"
        ;;
      *)
        complain "$there"
        fail "the API server does not answer: nothing was changed"
        ;;
    esac
    if [ "$keys" = "$certificate" ]; then https=yes; else pods=yes; fi
  done < <(secrets_in "${manifests[@]}" | sort -u)
  if [ -z "$pods$https" ]; then return 0; fi
  if [ -n "$secrets_later" ]; then
    say "going on without these Secrets: until they are there pods that read them do not start, and https has no certificate"
    return 0
  fi
  local why="pods that read these Secrets would not start"
  if [ -z "$pods" ]; then why="https would have no certificate"; fi
  fail "$why: nothing was changed; --secrets-later goes on where somebody makes them afterwards, such as an operator"
}

# The keys of a Secret with a certificate.
certificate='tls.crt tls.key'

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
# as a whole; and the certificates of Ingresses and Gateways, both keys in a line. Those that cert-manager makes once it sees who asks
# are not among them (cert-manager.io/docs/usage/ingress, cert-manager.io/docs/usage/gateway).
secrets_in() {
  awk -v certificate="$certificate" '
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
    function refer() {
      if (named != "" && !elsewhere) served[++certificates] = named
      named = ""
      elsewhere = 0
    }
    function leave(  at) {
      settle()
      refer()
      if (!issued) for (at = 1; at <= certificates; at++) print served[at], certificate
      pods = ingress = gateway = certificates = issued = 0
      references = text = -1
      split("", part)
    }
    FNR == 1 || /^---/ { leave() }
    { depth = match($0, /[^ ]/) - 1 }
    # What a text of several lines says is not of the manifest.
    text >= 0 && (depth < 0 || depth > text) { next }
    { text = /(: |- )[|>][-+0-9]*$/ ? depth : -1 }
    /^kind: / { pods = /^kind: "?(Deployment|StatefulSet|DaemonSet)"?$/ }
    /^kind: / { ingress = /^kind: "?Ingress"?$/; gateway = /^kind: "?Gateway"?$/ }
    /^    "?(cert-manager\.io\/(cluster-)?issuer|kubernetes\.io\/tls-acme)"?: / { issued = 1 }
    ingress && /^ *(- )?secretName: / { served[++certificates] = value($0) }
    references >= 0 && (depth < references || depth == references && !/^ *- /) { refer(); references = -1 }
    gateway && /^ *(- )?certificateRefs:$/ { references = depth; next }
    references >= 0 && /^ *- / { refer() }
    references >= 0 && /^ *(- )?name: / { named = value($0) }
    references >= 0 && (/^ *(- )?namespace: / || /^ *(- )?kind: / && value($0) != "Secret") { elsewhere = 1 }
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
    END { leave() }
  ' "$@"
}
