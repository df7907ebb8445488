//! On a control plane: nothing answers requests there, so what is held to the plan is how many pods are ready after each
//! change of any of them. They get ready as a kubelet would have them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use zdc::vocabulary::TargetId;

use super::{Plan, example, objects};
use crate::changes::write_to;
use crate::deploy::{Plane, Script, edit};
use crate::gateway_api;
use crate::hosts::with;
use crate::kubernetes::Cluster;
use crate::machine::folder;
use crate::{Test, Verdict, ensure, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("found::on_a_control_plane", spring_cloud)]
}

const NAMESPACE: &str = "found";

/// The three that stood on the cluster before, by their pods' names there.
const SERVICES: [&str; 3] = ["catalog-service", "order-service", "user-service"];

/// What the program names of Secrets.
const SECRETS: [&str; 4] = ["token-secret", "db-root", "db-shop", "rabbitmq-shop"];

fn spring_cloud() -> Verdict {
    // Ports of nodes are the cluster's, and other tests have these.
    let place = |text: &str| text.replace("3000", "3100");
    let found = place(&example("spring-cloud", "as-found")?);
    let found = found + "\ntarget kubernetes { namespace = \"found\" }\n";
    let written = with(
        &place(&example("spring-cloud", "")?),
        "target kubernetes {\n",
        "target kubernetes {\n  namespace = \"found\"\n",
    )?;
    let plan = Plan::of("spring-cloud", [&found, &written])?;
    let of_each = |code: &'static str| [code; 3].to_vec();
    let codes = ["ZD4058", "ZD4061", "ZD4068"].map(of_each);
    let mut codes = codes.concat();
    // Each comes to ask the same four that were not on the cluster.
    codes.extend(["ZD4062"; 4]);
    codes.sort_unstable();
    // With docker compose a container that is left behind has the gateway's port, and two find a volume where they wrote to the host.
    // It publishes four of its ports no more.
    plan.finds(&[&["ZD4050"], &["ZD4051"; 2][..], &["ZD4056"; 4][..], &*codes].concat())?;
    let effects = plan.effects(TargetId::Kubernetes);
    for name in SERVICES {
        let effect = effects.get(&format!("Deployment {name}"));
        ensure(effect == Some(&"rolls"), || format!("{name}: {effect:?}"))?;
    }
    plan.says(
        "`mariadb` goes first: the new `catalog-service`, `order-service` and `user-service` ask for `mariadb:3306`",
    )?;
    plan.says("starts 1 more instance of the old version of `user-service` first")?;
    plan.says(
        "stays as it is now: Deployment `user-service`: `spec.minReadySeconds`, `spec.replicas`",
    )?;

    let plane = Plane::new(NAMESPACE)?;
    gateway_api::define(plane.cluster)?;
    let files = write_to(
        &objects(&found, TargetId::Kubernetes)?,
        &folder("found-msa"),
    )?;
    let new = plane.build("found-msa-new", &written)?;
    // A verdict on a version that fails is not waited for.
    for name in SERVICES {
        let file = format!("{name}.yaml");
        edit(&new, &file, ("minReadySeconds: 18", "minReadySeconds: 1"))?;
    }
    plane.with_pods(|| carried(plane.cluster, &files, &new))
}

fn carried(cluster: &Cluster, files: &[PathBuf], new: &Script) -> Verdict {
    for file in files {
        cluster.apply(NAMESPACE, &["-f", &file.to_string_lossy()])?;
    }
    for name in SERVICES {
        let workload = format!("deployment/{name}");
        let words = ["rollout", "status", &workload, "-n", NAMESPACE];
        cluster.kubectl(&[&words[..], &["--timeout=60s"]].concat())?;
    }
    // What `deploy.sh` asks for, and no manifest holds.
    for name in SECRETS {
        let words = [
            "create",
            "secret",
            "generic",
            name,
            "--from-literal=value=x",
        ];
        cluster.kubectl(&[&words[..], &["-n", NAMESPACE]].concat())?;
    }
    // One is what was there, and what is promised.
    keeps(cluster, ("there", 1), || {
        new.with(&[], &[])?
            .ended(0, "everything runs what was applied")
    })?;
    images(cluster, "1.0.3")?;

    // Two are there now, and none fewer may serve.
    let rollback = new.rollback();
    keeps(cluster, ("back", 2), || {
        let ran = rollback.with(&[], &[])?;
        ran.ended(
            0,
            "deployment.apps/user-service: edu/user-service:1.0.3 -> edu/user-service:k8s_v1.0",
        )?;
        ran.ended(0, "what was changed runs the revision before")
    })?;
    images(cluster, "k8s_v1.0")?;
    for name in SERVICES {
        let path = "jsonpath={.spec.replicas} {.spec.minReadySeconds}";
        let stays = cluster.kubectl(&["get", "deployment", name, "-n", NAMESPACE, "-o", path])?;
        ensure(stays == "2 1", || format!("{name}: {stays}"))?;
    }
    // What the old version reads is there still.
    let kept = cluster.kubectl(&["get", "configmaps", "-n", NAMESPACE, "-o", "name"])?;
    ensure(kept.contains("msa-k8s-configmap-"), || kept)
}

/// Every one of the three runs an image of this tag.
fn images(cluster: &Cluster, tag: &str) -> Verdict {
    for name in SERVICES {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        let words = ["get", "deployment", name, "-n", NAMESPACE, "-o", path];
        let image = cluster.kubectl(&words)?;
        ensure(image == format!("edu/{name}:{tag}"), || image)?;
    }
    Ok(())
}

/// While something is done, so many pods of each service are ready after every change of any pod.
fn keeps(
    cluster: &Cluster,
    (what, least): (&str, usize),
    work: impl FnOnce() -> Verdict,
) -> Verdict {
    let fail = |error: std::io::Error| error.to_string();
    let log = folder("found-pods").join(what);
    let mut watch = cluster.command("kubectl");
    watch.args([
        "get",
        "pods",
        "-n",
        NAMESPACE,
        "--watch",
        "--output-watch-events",
    ]);
    watch.args(["-o", "json"]);
    let written = std::fs::File::create(&log).map_err(fail)?;
    let mut watch = watch.stdout(written).spawn().map_err(fail)?;
    // Those that are there come first.
    sleep(Duration::from_secs(2));
    let done = work();
    sleep(Duration::from_secs(1));
    watch.kill().map_err(fail)?;
    watch.wait().map_err(fail)?;
    done?;
    let text = std::fs::read_to_string(&log).map_err(fail)?;
    let (kept, changes) = fewest(&text, least);
    println!("  spring-cloud as found, {what}: at least {kept:?} ready in {changes} changes");
    let enough = |kept: &Option<usize>| kept.is_some_and(|kept| kept >= least);
    // Each of the three was replaced.
    ensure(changes > 12 && kept.iter().all(enough), || {
        format!("{what}: {kept:?} in {changes} changes")
    })
}

/// The fewest pods of each service that were ready, from when there were enough on, and how many changes were seen.
fn fewest(events: &str, enough: usize) -> ([Option<usize>; 3], usize) {
    let mut ready: BTreeMap<String, String> = BTreeMap::new();
    let mut kept = [None; 3];
    let mut changes = 0;
    let events = serde_json::Deserializer::from_str(events).into_iter::<Value>();
    for event in events.map_while(Result::ok) {
        changes += 1;
        let pod = &event["object"];
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let service = &pod["metadata"]["labels"]["app.kubernetes.io/name"];
        let conditions = pod["status"]["conditions"].as_array();
        let serves = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        let ends = !pod["metadata"]["deletionTimestamp"].is_null();
        if serves && !ends && event["type"] != "DELETED" {
            let service = service.as_str().unwrap_or_default();
            ready.insert(name.to_owned(), service.to_owned());
        } else {
            ready.remove(name);
        }
        for (kept, name) in kept.iter_mut().zip(SERVICES) {
            let now = ready.values().filter(|service| *service == name).count();
            if kept.is_some() || now >= enough {
                *kept = Some(kept.map_or(now, |least: usize| least.min(now)));
            }
        }
    }
    (kept, changes)
}
