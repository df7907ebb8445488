//! `on TARGET { patch … }`: what is refused, with what is said of it and where. What is written is
//! in `tests/cases/TARGET/patches`.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests fail where they cannot go on"
)]

use zdc::Options;
use zdc::diagnostics::Severity;
use zdc::source::MemoryWorld;

/// The errors of a service with this in its body: code, message with help, and what they point at.
fn errors(targets: &str, body: &str) -> Vec<(String, String, String)> {
    let text = format!(
        "app shop {{ targets = [{targets}] }}\nparam CLASS: string = \"high\"\ndeploy COUNT: int(1..3) = 2\n\
         service web {{\n  image = \"example/web:1.0.0\"\n  replicas = 2\n  port http {{ number = 8080, publish = 80 }}\n  \
         health http {{ path = \"/\" }}\n{body}\n}}\n\
         service other {{\n  image = \"example/other:1.0.0\"\n  port http {{ number = 8080 }}\n}}\n"
    );
    let world = MemoryWorld::single("app.zd", text);
    let compilation = zdc::compile(&world, "app.zd", &Options::default());
    let found = compilation.diagnostics.iter();
    let errors = found.filter(|found| found.severity == Severity::Error);
    errors
        .map(|found| {
            let help = found.help.clone().unwrap_or_default();
            let notes = found.notes.join("; ");
            let place = compilation.sources.slice(found.span().unwrap());
            (
                found.code.id.to_owned(),
                format!("{}; {notes}; {help}", found.message),
                place.to_owned(),
            )
        })
        .collect()
}

/// Each body raises this one error, that says this, there.
fn refused(targets: &str, cases: &[(&str, &str, &str, &str)]) {
    for (body, code, says, place) in cases {
        let found = errors(targets, body);
        let [(id, message, at)] = found.as_slice() else {
            assert_eq!(found, [], "{body}");
            continue;
        };
        assert_eq!(
            (id.as_str(), at.as_str()),
            (*code, *place),
            "{body}: {message}"
        );
        assert!(message.contains(says), "{body}: {message}");
    }
}

#[test]
fn kubernetes_refuses_what_its_types_do_not_have() {
    let deployment = |entry: &str| format!("on kubernetes {{ patch deployment {{ {entry} }} }}");
    let cases = [
        ("spec.template.spec.priorityClass = CLASS", "ZD5131", "did you mean `priorityClassName`?", "spec.template.spec.priorityClass"),
        ("spec.template.spec.priority_class_name = CLASS", "ZD5131", "did you mean `priorityClassName`?", "spec.template.spec.priority_class_name"),
        ("spec.template.spec.containers[0].imagePolicy = \"Always\"", "ZD5131", "`spec.template.spec.containers[0]` of a Deployment has no `imagePolicy`", "spec.template.spec.containers[0].imagePolicy"),
        ("spec.template.spec.containers[3].tty = true", "ZD5131", "has no item 3", "spec.template.spec.containers[3].tty"),
        ("spec.template.spec.enableServiceLinks.x = 1", "ZD5131", "which has no keys", "spec.template.spec.enableServiceLinks.x"),
        ("data.x = 1", "ZD5131", "a Deployment has no `data`", "data.x"),
        ("spec.revisionHistoryLimit = \"3\"", "ZD5132", "`spec.revisionHistoryLimit` of a Deployment takes a whole number", "\"3\""),
        ("spec.revisionHistoryLimit = 99999999999", "ZD5132", "out of its range", "99999999999"),
        ("spec.revisionHistoryLimit = COUNT", "ZD5132", "known only when it is deployed", "COUNT"),
        ("spec.template.spec.tolerations = { key = \"x\" }", "ZD5132", "takes a list", "{ key = \"x\" }"),
        ("spec.template.spec = { activeDeadlineSeconds = 10s }", "ZD5132", "a patch cannot hold a duration", "10s"),
        ("spec.template.spec = { dnsPolicy = \"x\", hostPID = \"no\" }", "ZD5132", "`spec.template.spec.hostPID` of a Deployment takes true or false", "\"no\""),
        ("spec.template.spec.containers[1] = { name = \"a\", ports = [{ containerPort = \"x\" }] }", "ZD5132", "`spec.template.spec.containers[1].ports[0].containerPort`", "\"x\""),
        ("metadata.annotations.x = other.http", "ZD5132", "say which part", "other.http"),
    ]
    .map(|(entry, code, says, place)| (deployment(entry), code, says, place));
    for (body, code, says, place) in &cases {
        refused("kubernetes", &[(body, code, says, place)]);
    }
}

#[test]
fn what_is_taken_away_is_there_and_is_not_needed() {
    let cases = [
        (
            "spec.template.spec.containers[0].ports[0].containerPort = none",
            "ZD5020",
            "a Deployment needs its `spec.template.spec.containers[0].ports[0].containerPort`",
        ),
        (
            "spec.template.spec.containers[0].portz = none",
            "ZD5131",
            "did you mean `ports`?",
        ),
        (
            "spec.template.spec.enableServiceLinks.x = none",
            "ZD5131",
            "which has no keys",
        ),
        (
            "spec.template.spec.containers[0].ports[4] = none",
            "ZD5131",
            "has no item 4",
        ),
        ("spec.strategy = none", "ZD5133", "`update` of the service"),
        (
            "spec = { strategy = none }",
            "ZD5133",
            "`update` of the service",
        ),
        (
            "spec.template.spec.containers = none",
            "ZD5133",
            "`spec.template.spec.containers`",
        ),
        (
            "spec.template.spec.containers[0].image = none",
            "ZD5133",
            "write `image` in the service",
        ),
        ("metadata = none", "ZD5133", "references follow"),
    ];
    for (entry, code, says) in cases {
        let body = format!("on kubernetes {{ patch deployment {{ {entry} }} }}");
        let found = errors("kubernetes", &body);
        let [(id, message, _)] = found.as_slice() else {
            assert_eq!(found, [], "{entry}");
            continue;
        };
        assert_eq!(id, code, "{entry}: {message}");
        assert!(message.contains(says), "{entry}: {message}");
    }
    let body = "on swarm { patch service { image = none } }";
    assert_eq!(errors("swarm", body)[0].0, "ZD5133");
    let body = "on swarm { patch service { environmnt = none } }";
    assert_eq!(errors("swarm", body)[0].0, "ZD5131");
}

#[test]
fn kubernetes_keeps_what_the_proof_rests_on() {
    for (kind, entry, place, instead) in [
        (
            "deployment",
            "spec.replicas = 1",
            "spec.replicas",
            "`replicas` or `scale`",
        ),
        (
            "deployment",
            "spec.strategy.type = \"Recreate\"",
            "spec.strategy.type",
            "`update`",
        ),
        (
            "deployment",
            "spec.strategy = { type = \"Recreate\" }",
            "spec.strategy",
            "`update`",
        ),
        (
            "deployment",
            "spec = { minReadySeconds = 0 }",
            "spec",
            "`delay`",
        ),
        (
            "deployment",
            "spec.template.spec.terminationGracePeriodSeconds = 1",
            "spec.template.spec.terminationGracePeriodSeconds",
            "grace",
        ),
        (
            "deployment",
            "spec.template.spec.containers[0].readinessProbe.periodSeconds = 1",
            "spec.template.spec.containers[0].readinessProbe.periodSeconds",
            "`health`",
        ),
        (
            "deployment",
            "spec.template.spec.containers = []",
            "spec.template.spec.containers",
            "`health`",
        ),
        (
            "deployment",
            "spec.template.spec.containers[0].lifecycle = { preStop = { sleep = { seconds = 1 } } }",
            "spec.template.spec.containers[0].lifecycle",
            "drain",
        ),
        (
            "deployment",
            "metadata.name = \"x\"",
            "metadata.name",
            "names",
        ),
        (
            "deployment",
            "\"kind\" = \"Pod\"",
            "\"kind\"",
            "keeps its kind",
        ),
        (
            "service",
            "spec.publishNotReadyAddresses = true",
            "spec.publishNotReadyAddresses",
            "not ready",
        ),
        (
            "service",
            "spec[\"selector\"].x = \"y\"",
            "spec[\"selector\"].x",
            "selector",
        ),
        (
            "pod_disruption_budget",
            "spec.maxUnavailable = 2",
            "spec.maxUnavailable",
            "`availability`",
        ),
    ] {
        let body = format!("on kubernetes {{ patch {kind} {{ {entry} }} }}");
        refused("kubernetes", &[(&body, "ZD5133", instead, place)]);
    }
}

#[test]
fn what_is_not_written_is_not_patched() {
    refused(
        "kubernetes",
        &[
            (
                "on kubernetes { patch ingress { spec.ingressClassName = \"x\" } }",
                "ZD5130",
                "it writes `deployment`, `service`, `public_service`, `pod_disruption_budget`",
                "patch ingress",
            ),
            (
                "on kubernetes { patch deploymnet { spec.paused = true } }",
                "ZD5130",
                "did you mean `deployment`?",
                "patch deploymnet",
            ),
            (
                "on kubernetes { names { ingress = \"x\" } }",
                "ZD5130",
                "writes no `ingress`",
                "ingress",
            ),
            (
                "on kubernetes { names { deployment = \"No Name\" } }",
                "ZD5050",
                "`No Name` is no name",
                "\"No Name\"",
            ),
            (
                "on kubernetes { names { deployment = \"other\" } }",
                "ZD3007",
                "two Deployments are named `other`",
                "\"other\"",
            ),
            (
                "on kubernetes { names { service = \"web-public\" } }",
                "ZD3007",
                "two Services are named `web-public`",
                "\"web-public\"",
            ),
        ],
    );
    refused(
        "swarm",
        &[
            (
                "on swarm { patch deployment { init = true } }",
                "ZD5130",
                "it writes `service`",
                "patch deployment",
            ),
            (
                "on swarm { names { service = \"x\" } }",
                "ZD5130",
                "write `name = ",
                "names",
            ),
        ],
    );
    refused(
        "swarm, nginx",
        &[(
            "on nginx { patch service { x = 1 } }",
            "ZD5130",
            "no objects",
            "patch service",
        )],
    );
}

#[test]
fn a_swarm_takes_the_compose_format_and_keeps_the_proof() {
    let cases = [
        ("initt = true", "ZD5131", "did you mean `init`?", "initt"),
        (
            "deploy.label.x = \"y\"",
            "ZD5131",
            "`deploy` of a service has no `label`",
            "deploy.label.x",
        ),
        (
            "privileged = true",
            "ZD5131",
            "`docker stack deploy` says that it ignores `privileged`",
            "privileged",
        ),
        (
            "init = 1",
            "ZD5132",
            "`init` of a service takes true or false",
            "1",
        ),
        ("tmpfs = 3", "ZD5132", "a text or a list of texts", "3"),
        (
            "ulimits.nofile = { soft = 1, hrad = 2 }",
            "ZD5131",
            "did you mean `hard`?",
            "2",
        ),
        (
            "ulimits.nofile = { soft = 1 }",
            "ZD5132",
            "missing field `hard`",
            "{ soft = 1 }",
        ),
        (
            "deploy.resources.limits.pids = 3",
            "ZD5131",
            "has no `pids`",
            "deploy.resources.limits.pids",
        ),
        (
            "deploy.replicas = 3",
            "ZD5133",
            "`replicas`",
            "deploy.replicas",
        ),
        (
            "deploy = { update_config = { order = \"stop-first\" } }",
            "ZD5133",
            "`update`",
            "deploy",
        ),
        (
            "healthcheck.disable = true",
            "ZD5133",
            "`health`",
            "healthcheck.disable",
        ),
        (
            "stop_grace_period = \"1s\"",
            "ZD5133",
            "grace",
            "stop_grace_period",
        ),
        ("networks = [\"x\"]", "ZD5133", "`join`", "networks"),
    ];
    for (entry, code, says, place) in cases {
        let body = format!("on swarm {{ patch service {{ {entry} }} }}");
        refused("swarm", &[(&body, code, says, place)]);
    }
}

#[test]
fn several_faults_are_told_at_once() {
    let found = errors(
        "kubernetes",
        "on kubernetes { patch deployment { spec.replicas = 1, spec.x = 2, spec.paused = 3, spec.revisionHistoryLimit = \"4\" } }",
    );
    let codes: Vec<&str> = found.iter().map(|(code, ..)| code.as_str()).collect();
    assert_eq!(codes, ["ZD5133", "ZD5131", "ZD5133", "ZD5132"]);
}

#[test]
fn a_patch_of_another_target_is_left_alone() {
    let found = errors(
        "swarm",
        "on kubernetes { patch deployment { spec.nothing.of.this.is = \"looked at\" } }",
    );
    assert_eq!(found, []);
}

#[test]
fn names_in_a_patch_are_names_of_the_program() {
    let found = errors(
        "kubernetes",
        "on kubernetes { patch deployment { spec.template.spec.dnsPolicy = Default } }",
    );
    let [(code, message, place)] = found.as_slice() else {
        assert_eq!(found, []);
        return;
    };
    assert_eq!((code.as_str(), place.as_str()), ("ZD1005", "Default"));
    assert!(
        message.contains("for a text, write `\"Default\"`"),
        "{message}"
    );
}
