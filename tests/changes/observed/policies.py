#!/usr/bin/env python3
"""Records who reaches whom while a NetworkPolicy changes under running pods, in `policies.json` beside this file.

Nothing enforces policies on the control plane of the other tests. Here kube-router does, whose firewall is iptables and
ipset: a pod is a network namespace, with its address in the Pod's status, and each case of a policy runs pods of both
versions. First under the policies of the old version, then under those of the new one, while no pod is replaced.

    GOBIN=$PWD go install github.com/cloudnativelabs/kube-router/v2/cmd/kube-router@v2.1.0    # iptables and ipset too
    cargo build && tests/real/tools/build
    sudo tests/changes/observed/policies.py target/debug/zdc "$(tests/real/tools/build --where | sed -n 's/^kubernetes //p')" ./kube-router
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ENFORCER = "kube-router v2.1.0"
CASES = ["policy-added", "policy-network-moved"]
PODS = ["old front", "new front", "old api", "new api"]
PORT = 8080
HOST = "10.99.0.1"
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: 'https://127.0.0.1:6443', insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: token}}]
contexts: [{name: here, context: {cluster: here, user: admin}}]
current-context: here
"""
SERVER = f"""
import socketserver
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True
Server(("", {PORT}), socketserver.BaseRequestHandler).serve_forever()
"""
ASK = f"import socket, sys; socket.create_connection((sys.argv[1], {PORT}), 1)"


def run(*words, **rest):
    ended = subprocess.run(words, text=True, capture_output=True, check=False, **rest)
    if ended.returncode:
        sys.exit(f"{' '.join(words)}: {ended.stdout}{ended.stderr}")
    return ended.stdout


class Cluster:
    """An API server, and what enforces the policies that it has."""

    def __init__(self, kubernetes, router, home):
        self.kubernetes, self.router, self.home = kubernetes, router, home
        (home / "kubeconfig").write_text(KUBECONFIG)
        (home / "tokens.csv").write_text("token,admin,admin,system:masters\n")
        self.environment = os.environ | {"KUBECONFIG": f"{home}/kubeconfig", "HOME": f"{home}"}
        self.serve("etcd", kubernetes, "etcd", "--data-dir", f"{home}/etcd", "--unsafe-no-fsync")
        run(kubernetes, "key", f"{home}/key")
        self.serve(
            "apiserver",
            *(kubernetes, "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--bind-address=127.0.0.1"),
            *("--advertise-address=127.0.0.1", "--authorization-mode=AlwaysAllow", "--endpoint-reconciler-type=none"),
            *("--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16"),
            *(f"--cert-dir={home}/certificates", f"--token-auth-file={home}/tokens.csv"),
            *(f"--service-account-key-file={home}/key", f"--service-account-signing-key-file={home}/key"),
        )
        self.wait(120)
        self.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "here"}, "spec": {"podCIDR": "10.99.1.0/24"}})
        self.status("node", "here", {"addresses": [{"type": "InternalIP", "address": HOST}]})

    def enforce(self):
        self.serve(
            "kube-router",
            *(self.router, "--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--hostname-override=here"),
            *(f"--kubeconfig={self.home}/kubeconfig", "--service-cluster-ip-range=10.96.0.0/16", "--health-port=0"),
        )

    def serve(self, name, *words):
        log = (self.home / f"{name}.log").open("w")
        subprocess.Popen(words, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def wait(self, seconds):
        end = time.monotonic() + seconds
        words = [self.kubernetes, "kubectl", "get", "--raw", "/readyz"]
        while subprocess.run(words, env=self.environment, capture_output=True, check=False).returncode:
            if time.monotonic() > end:
                sys.exit((self.home / "apiserver.log").read_text()[-2000:])
            time.sleep(0.2)

    def kubectl(self, *words, **rest):
        return run(self.kubernetes, "kubectl", *words, env=self.environment, **rest)

    def apply(self, *objects):
        for each in objects:
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(each))

    def status(self, kind, name, status, *words):
        self.kubectl("patch", kind, name, "--subresource=status", "-p", json.dumps({"status": status}), *words)

    def read(self, folder, kind):
        """The objects of a kind that a folder of manifests has."""
        found = []
        for file in ("api", "front"):
            text = (folder / f"manifests/kubernetes/{file}.yaml").read_text()
            for document in text.split("---\n"):
                if f"\nkind: {kind}\n" in f"\n{document}":
                    read = self.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", input=document)
                    found.append(json.loads(read))
        return found


class Pod:
    """A network namespace, and the Pod that has its address."""

    def __init__(self, cluster, version, service, labels, number, namespace):
        self.address, self.space = f"10.99.1.{number}", f"pod{number}"
        inside = ("ip", "netns", "exec", self.space)
        run("ip", "netns", "add", self.space)
        run("ip", "link", "add", f"host{number}", "type", "veth", "peer", "name", "eth0", "netns", self.space)
        run("ip", "link", "set", f"host{number}", "up")
        run("ip", "route", "add", f"{self.address}/32", "dev", f"host{number}")
        run(*inside, "ip", "address", "add", f"{self.address}/32", "dev", "eth0")
        run(*inside, "ip", "link", "set", "eth0", "up")
        run(*inside, "ip", "route", "add", HOST, "dev", "eth0")
        run(*inside, "ip", "route", "add", "default", "via", HOST)
        subprocess.Popen([*inside, sys.executable, "-c", SERVER])
        name = f"{service}-{version}"
        container = {"name": service, "image": "example/pod:1", "ports": [{"containerPort": PORT}]}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        spec = {"nodeName": "here", "automountServiceAccountToken": False, "containers": [container]}
        cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        status = {"phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}], "hostIP": HOST}
        cluster.status("pod", name, status, "-n", namespace)

    def reaches(self, other):
        words = ["ip", "netns", "exec", self.space, sys.executable, "-c", ASK, other.address]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0


def record(zdc, cluster, case, first):
    built = {}
    for side in ("old", "new"):
        built[side] = cluster.home / case / side
        built[side].mkdir(parents=True)
        program = built[side] / "app.zd"
        program.write_text((pathlib.Path(__file__).parent.parent / case / f"{side}.zd").read_text())
        run(zdc, "build", str(program))
    cluster.kubectl("create", "namespace", case)
    cluster.kubectl("create", "serviceaccount", "default", "-n", case)
    pods = {}
    for number, pod in enumerate(PODS, start=first):
        side, service = pod.split()
        templates = {each["metadata"]["name"]: each["spec"]["template"] for each in cluster.read(built[side], "Deployment")}
        pods[pod] = Pod(cluster, side, service, templates[service]["metadata"]["labels"], number, case)

    def sample():
        callers, callees = PODS[:2], PODS[2:]
        return {f"{caller} asks {callee}": pods[caller].reaches(pods[callee]) for caller in callers for callee in callees}

    def settled(seconds):
        """What stays the same for some seconds."""
        last, since = sample(), time.monotonic()
        while time.monotonic() - since < seconds:
            now = sample()
            if now != last:
                last, since = now, time.monotonic()
        return last

    seen = {}
    for side in ("old", "new"):
        for policy in cluster.read(built[side], "NetworkPolicy"):
            policy["metadata"]["namespace"] = case
            cluster.apply(policy)
        seen[f"policies of the {side} version"] = settled(8)
    return seen


def main():
    if "inside" not in sys.argv:
        words = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp("unshare", ["unshare", *words, sys.executable, *map(os.path.abspath, sys.argv[:4]), "inside"])
    zdc, kubernetes, router = sys.argv[1:4]
    run("mount", "-t", "tmpfs", "run", "/run")
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{HOST}/32", "dev", "lo")
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    with tempfile.TemporaryDirectory() as home:
        cluster = Cluster(kubernetes, router, pathlib.Path(home))
        cluster.enforce()
        cases = {case: record(zdc, cluster, case, 1 + 10 * at) for at, case in enumerate(CASES)}
        version = json.loads(cluster.kubectl("get", "--raw", "/version"))["gitVersion"]
    text = json.dumps({"engine": f"Kubernetes {version}", "enforcer": ENFORCER, "cases": cases}, indent=2)
    (pathlib.Path(__file__).parent / "policies.json").write_text(text + "\n")


main()
