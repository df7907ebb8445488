//! What the cases under `tests/cases` do not reach: quantities, the names of configs, other images.

use super::draft::{ConfigNames, Draft, NewConfig};
use super::escaped;
use super::mounts::{extension, host_path};
use super::resources::{bytes, cpus};
use crate::diagnostics::Severity;
use crate::source::{FileId, MemoryWorld, Span};
use crate::types::{Cpu, Memory};
use crate::vocabulary::TargetId;
use crate::{Options, compile};

#[test]
fn memory_is_in_the_largest_unit_that_is_exact() {
    for (amount, text) in [
        (200 << 20, "200M"),
        (1 << 30, "1G"),
        (1536 << 20, "1536M"),
        (64 << 10, "64K"),
        (1_000_001, "1000001"),
        (0, "0"),
    ] {
        assert_eq!(bytes(Memory { bytes: amount }), text);
    }
}

#[test]
fn processors_are_decimal() {
    for (millis, text) in [
        (500, "0.5"),
        (1000, "1"),
        (1250, "1.25"),
        (5, "0.005"),
        (0, "0"),
    ] {
        assert_eq!(cpus(Cpu { millis }), text);
    }
}

#[test]
fn every_dollar_is_doubled() {
    assert_eq!(escaped("$5, $$ and ${X}"), "$$5, $$$$ and $${X}");
}

#[test]
fn an_extension_follows_the_last_dot_of_the_file() {
    for (path, text) in [
        ("conf/app.yml", "yml"),
        ("conf.d/app", ""),
        (".env", ""),
        ("a.tar.gz", "gz"),
        ("", ""),
    ] {
        assert_eq!(extension(path), text, "{path}");
    }
}

fn config<'a>(parts: &[&'a str], content: &str, service: &'a str) -> NewConfig<'a> {
    NewConfig {
        real: None,
        parts: parts.to_vec(),
        extension: "yml",
        content: content.to_owned(),
        service,
        span: Span::new(FileId(0), 0, 0),
    }
}

#[test]
fn one_content_is_one_config_and_another_content_another() {
    let mut draft = Draft::new("shop", ConfigNames::Plain);
    assert_eq!(
        draft.add_config(config(&["conf", "app"], "a", "x")),
        "conf-app"
    );
    assert_eq!(
        draft.add_config(config(&["conf", "app"], "a", "y")),
        "conf-app"
    );
    assert_eq!(
        draft.add_config(config(&["conf", "app"], "b", "y")),
        "conf-app-y"
    );
    assert_eq!(
        draft.add_config(config(&["conf", "app"], "c", "y")),
        "conf-app-y-2"
    );
    let paths: Vec<String> = draft.contents("swarm").map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "swarm/configs/conf-app-ca978112ca1b.yml",
            "swarm/configs/conf-app-y-3e23e8160039.yml",
            "swarm/configs/conf-app-y-2-2e7d2c03a950.yml",
        ]
    );
}

#[test]
fn a_config_s_path_stays_in_its_folder() {
    let mut draft = Draft::new("shop", ConfigNames::Plain);
    let name = draft.add_config(config(&["conf", "../../etc/pass wd"], "a", "x"));
    assert_eq!(name, "conf-..-..-etc-pass-wd");
    let paths: Vec<String> = draft.contents("swarm").map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        ["swarm/configs/conf-..-..-etc-pass-wd-ca978112ca1b.yml"]
    );
}

#[test]
fn a_config_named_by_content_changes_its_name_with_it() {
    let mut draft = Draft::new("shop", ConfigNames::ByContent);
    let mut add = |content| draft.add_config(config(&["conf", "app"], content, "x"));
    assert_eq!(add("a"), "conf-app-ca978112ca1b");
    assert_eq!(add("b"), "conf-app-3e23e8160039");
    assert_eq!(add("a"), "conf-app-ca978112ca1b");
    let paths: Vec<String> = draft.contents("compose").map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "compose/configs/conf-app-ca978112ca1b.yml",
            "compose/configs/conf-app-3e23e8160039.yml",
        ]
    );
}

#[test]
fn a_relative_path_is_one_of_the_program_s_folder_on_compose() {
    for (path, swarm, compose) in [
        ("/srv/data", "/srv/data", "/srv/data"),
        ("~/data", "~/data", "~/data"),
        ("data", "./data", "../../data"),
        ("./data", "./data", "../../data"),
        (".", ".", "../.."),
        ("../data", "../data", "../../../data"),
    ] {
        assert_eq!(host_path(TargetId::Swarm, path), swarm);
        assert_eq!(host_path(TargetId::Compose, path), compose);
    }
}

#[test]
fn a_gateway_ends_its_requests() {
    let signal = |image: &str, shutdown: &str| {
        let text = format!(
            "app shop {{ targets = [swarm] }}\n\
             gateway edge {{\n  image = \"{image}\"\n  replicas = 2\n  listen http {{ port = 80 }}\n  \
             route \"/\" {{ redirect {{ host = \"example.com\" }} }}\n  health http {{ path = \"/\" }}\n  {shutdown}\n}}\n",
        );
        let world = MemoryWorld::single("app.zd", text);
        let built = compile(&world, "app.zd", &Options::default());
        let said = format!("{:#?}", built.diagnostics);
        let artifacts = built.artifacts.expect(&said);
        let stack = artifacts.iter().find(|it| it.path == "swarm/shop.yml");
        let text = stack.expect(&said).text.to_string();
        let line = text.lines().find(|line| line.contains("stop_signal:"));
        line.map(|line| line.trim().to_owned())
    };
    for official in [
        "nginx:1.27.4",
        &format!("docker.io/library/nginx:1.27.4@sha256:{}", "00".repeat(32)),
        "nginxinc/nginx-unprivileged:1.27.4",
    ] {
        assert_eq!(signal(official, ""), None, "{official}");
    }
    for other in [
        "registry.example.com:5000/nginx:1.27.4",
        "example/edge:3.0.0",
    ] {
        let quit = Some("stop_signal: SIGQUIT".to_owned());
        assert_eq!(signal(other, ""), quit, "{other}");
        assert_eq!(signal(other, "shutdown { grace = 30s }"), quit, "{other}");
    }
    let own = signal("example/edge:3.0.0", "shutdown { signal = SIGTERM }");
    assert_eq!(own, Some("stop_signal: SIGTERM".to_owned()));
}

#[test]
fn a_config_of_a_swarm_holds_a_byte_and_no_thousand_kibibytes() {
    let codes = |target: &str, value: &str| {
        let text = format!(
            "app shop {{ targets = [{target}] }}\nparam text: string = \"{value}\"\n\
             config c {{ data {{ a = text, b = c.a }} }}\n\
             service web {{ image = \"example/web:1.0.0\", config c {{ path = \"/c\" }} }}\n\
             service other {{ image = \"example/web:1.0.0\", config c {{ path = \"/c\" }} }}\n",
        );
        let world = MemoryWorld::single("app.zd", text);
        let found = compile(&world, "app.zd", &Options::default()).diagnostics;
        let errors = found.iter().filter(|it| it.severity == Severity::Error);
        errors.map(|it| it.code.id).collect::<Vec<_>>()
    };
    let most = "x".repeat((1000 << 10) - 1);
    assert!(codes("swarm", &most).is_empty());
    // Whoever mounts it: each key is told of once.
    assert_eq!(codes("swarm", &format!("{most}x")), ["ZD5062", "ZD5062"]);
    assert_eq!(codes("swarm", ""), ["ZD5027", "ZD5027"]);
    assert!(codes("swarm", "\\n").is_empty());
    assert!(codes("compose", "").is_empty());
}

#[test]
fn a_check_with_tls_looks_at_no_certificate() {
    for (client, words) in [
        (
            "",
            r#""wget", "-q", "--no-check-certificate", "-O", "/dev/null", "https://127.0.0.1:8443/""#,
        ),
        (
            ", client = curl",
            r#""curl", "-fk", "https://localhost:8443/""#,
        ),
    ] {
        let text = format!(
            "app shop {{ targets = [swarm] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  \
             port web {{ number = 8443, protocol = https }}\n  health http {{ path = \"/\"{client} }}\n}}\n"
        );
        let world = MemoryWorld::single("app.zd", text);
        let files = compile(&world, "app.zd", &Options::default()).artifacts;
        let files = files.unwrap();
        assert!(
            files.iter().any(|file| file.text.contains(words)),
            "{words}"
        );
    }
}
