//! What is said of a program, which the cases under `tests/cases/compose` do not hold.

use crate::diagnostics::Severity;
use crate::source::MemoryWorld;
use crate::vocabulary::TargetId;
use crate::{Compilation, Options, compile};

fn compiled(text: &str) -> Compilation {
    let text = format!("app shop {{ targets = [compose] }}\n{text}");
    compile(
        &MemoryWorld::single("app.zd", text),
        "app.zd",
        &Options::default(),
    )
}

/// Code and message of each diagnostic, in the order of the program.
fn said(text: &str) -> Vec<String> {
    let found = compiled(text).diagnostics;
    found
        .iter()
        .map(|found| format!("{} {}", found.code.id, found.message))
        .collect()
}

/// The project file.
fn project(text: &str) -> String {
    let compilation = compiled(text);
    let files = compilation.artifacts.unwrap_or_default();
    let file = files
        .into_iter()
        .find(|file| file.path == "compose/compose.yaml");
    file.map_or_else(
        || format!("{:?}", compilation.diagnostics),
        |file| file.text.to_string(),
    )
}

#[test]
fn that_nothing_is_promised_is_said_once() {
    let two = |body: &str| {
        let service = |name: &str, port: u16| {
            format!(
                "service {name} {{ image = \"a/{name}:1\", port http {{ number = 80, publish = {port} }}, {body} }}\n"
            )
        };
        service("one", 81) + &service("two", 82)
    };
    for body in [
        "update rolling {}",
        "update recreate {}, availability { min_available = 100% }",
    ] {
        let found = compiled(&two(body)).diagnostics;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code.id, "ZD5110");
        assert_eq!(found[0].severity, Severity::Note);
    }
    assert_eq!(said("service worker { image = \"a/b:1\" }"), [""; 0]);
}

#[test]
fn with_another_target_the_promise_is_proved_there() {
    let text = "app shop { targets = [swarm, compose] }
        service web {
          image = \"a/b:1\", replicas = 2
          port http { number = 80, publish = 80 }
          health http { path = \"/\" }
          update rolling { order = stop_first, parallelism = 2 }
        }";
    let found = |targets: Vec<TargetId>| {
        let options = Options {
            targets,
            ..Options::default()
        };
        let compilation = compile(&MemoryWorld::single("app.zd", text), "app.zd", &options);
        let errors = compilation.diagnostics.into_iter();
        let errors: Vec<&str> = errors
            .filter(|found| found.severity == Severity::Error)
            .map(|found| found.code.id)
            .collect();
        (errors, compilation.artifacts.is_some())
    };
    assert_eq!(found(Vec::new()), (vec!["ZD4001"], false));
    assert_eq!(found(vec![TargetId::Compose]), (vec![], true));
}

#[test]
fn a_host_has_a_port_and_an_address_once() {
    let web = |body: &str| {
        said(&format!(
            "deploy N: int(0..4) = 2\nnetwork edge {{ subnet = 10.0.0.0/24 }}
             service web {{ image = \"a/b:1\", {body} }}"
        ))
    };
    let published = "port http { number = 80, publish = 80 }";
    let fewer = |what: &str| format!("`web` runs as {what} once");
    for (body, expected) in [
        (
            format!("replicas = 3, join edge, {published}"),
            "one instance on compose: a host has port 80",
        ),
        (
            format!("replicas = N, join edge, {published}"),
            "one instance on compose: a host has port 80",
        ),
        (
            format!("scale {{ min = 2, max = 4 }}, join edge, {published}"),
            "one instance on compose: a host has port 80",
        ),
        (
            "replicas = 3, join edge, port dns { number = 53, publish = 53..54 }".to_owned(),
            "2 instances on compose: a host has each of ports 53..54",
        ),
        (
            "replicas = 2, join edge { address = 10.0.0.7 }".to_owned(),
            "one instance on compose: a host has address 10.0.0.7",
        ),
    ] {
        let found = web(&body);
        let told: Vec<&String> = found.iter().filter(|it| it.contains("ZD5111")).collect();
        assert_eq!(told, [&format!("ZD5111 {}", fewer(expected))], "{found:?}");
    }
    for body in [
        format!("join edge, {published}"),
        format!("mode = global, join edge, {published}"),
        "replicas = 2, join edge, port dns { number = 53, publish = 53..54 }".to_owned(),
        "replicas = N, join edge, port http { number = 80 }".to_owned(),
    ] {
        let found = web(&body);
        assert!(!found.iter().any(|it| it.contains("ZD5111")), "{found:?}");
    }
}

#[test]
fn addresses_that_the_engine_cannot_give_are_refused() {
    let text = "
        network plain
        network odd  { gateway = 10.1.0.1 }
        network edge { subnet = 10.0.0.0/24 }
        network wide { subnet = 10.0.0.0/16, gateway = 10.0.0.9 }
        service a { image = \"a/b:1\", join plain { address = 10.9.0.1 }, join odd }
        service b { image = \"a/b:1\", join edge { address = 10.0.0.1 } }
        service c { image = \"a/b:1\", join edge { address = 10.0.0.7 }, join wide { address = 10.0.0.9 } }
        service d { image = \"a/b:1\", join edge { address = 10.0.0.7 } }";
    assert_eq!(
        said(text),
        [
            "ZD5115 network `odd` has a gateway and no subnet",
            "ZD5115 `10.0.0.0/16` belongs to two networks",
            "ZD5115 `10.9.0.1` needs a subnet, and network `plain` has none",
            "ZD5115 `10.0.0.1` is taken on network `edge`",
            "ZD5115 `10.0.0.9` is taken on network `wide`",
            "ZD5115 `10.0.0.7` is taken on network `edge`",
        ]
    );
}

#[test]
fn a_secret_is_injected_where_it_is_a_variable() {
    let env = |secret: &str| {
        format!("secret t {{ {secret} }}\nservice a {{ image = \"a/b:1\", env {{ T = t }} }}")
    };
    let variable = env("from = env(\"TOKEN\")");
    assert_eq!(said(&variable), [""; 0]);
    assert!(project(&variable).contains("T: ${TOKEN:?set TOKEN}"));
    assert!(project(&env("external = true")).contains("T: ${T:?set T}"));
    let file = said(&env("file = \"t.key\""));
    assert!(
        file.len() == 1 && file[0].starts_with("ZD5007 compose mounts secret `t` as a file"),
        "{file:?}"
    );
}

#[test]
fn what_the_engine_or_the_plugin_refuses_is_told() {
    let service = |body: &str| {
        let volume = if body.contains("volume") {
            "volume data\n"
        } else {
            ""
        };
        said(&format!(
            "deploy V: string = \"a{{b\"\n{volume}service a {{ image = \"a/b:1\", {body} }}"
        ))
    };
    for (body, expected) in [
        (
            "resources { limits { memory = 5MiB } }",
            "ZD5017 compose refuses 5MiB: it wants at least 6MiB",
        ),
        (
            "replicas = 2, env { SLOT = \"${slot.index}\" }",
            "ZD5005 compose does not tell an instance its number",
        ),
        (
            "name = \"a b\"",
            "ZD5116 docker compose refuses the name `a b`",
        ),
        (
            "env { V = V }",
            "ZD5016 `V` cannot be substituted: its default has a `{`, which is counted against the \
             `}` that ends the substitution",
        ),
        (
            "volume data { path = \"/a:b\" }",
            "ZD5118 docker compose cannot mount a volume at `/a:b`",
        ),
        (
            "port rpc { number = 9000 }, health tcp {}",
            "ZD5002 compose probes from inside the container, and no program for a tcp probe is in \
             every image",
        ),
    ] {
        assert_eq!(service(body), [expected], "{body}");
    }
}

#[test]
fn services_without_an_image_are_built_or_refused() {
    assert!(project("service a { build { context = \"a\" } }").contains("context: ../../a"));
    assert_eq!(
        said("service a {}"),
        ["ZD3010 `a` has no image, and compose runs images"]
    );
    let both = "app shop { targets = [swarm, compose] }\nservice a { build { context = \"a\" } }";
    let found = compile(
        &MemoryWorld::single("app.zd", both),
        "app.zd",
        &Options::default(),
    );
    assert_eq!(
        found.diagnostics[0].message,
        "`a` has no image, and swarm runs images"
    );
}

#[test]
fn names_are_had_once_in_a_project() {
    let text = "
        service a { name = \"web\", stack = \"one\", image = \"a/b:1\", port http { number = 80, publish = 80 } }
        service b { name = \"web\", stack = \"two\", image = \"a/b:1\", port http { number = 80, publish = 80 } }";
    let found = said(text);
    assert!(
        found.contains(&"ZD3007 two services of the compose project are called `web`".to_owned())
            && found.contains(&"ZD3008 `a` and `b` both publish port 80 on compose".to_owned()),
        "{found:?}"
    );
}

#[test]
fn a_long_circle_is_broken_once() {
    const MANY: usize = 300;
    let services: Vec<String> = (0..MANY)
        .map(|n| {
            let next = (n + 1) % MANY;
            format!("service s{n} {{ image = \"a/b:1\", port http {{ number = 80 }}, env {{ NEXT = s{next}.http.url }} }}")
        })
        .collect();
    let text = services.join("\n");
    let found = said(&text);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("ZD5114 `s299` and `s0` lead to each other"));
    assert_eq!(project(&text).matches("depends_on").count(), MANY - 1);
}
