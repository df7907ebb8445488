//! The examples: as they should be they are clean and their manifests fresh; as found, every fault
//! is reported with its code, at its place. Examples are discovered, never listed.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use zdc::diagnostics::Severity;
use zdc::source::MemoryWorld;
use zdc::{Compilation, Options};

fn examples() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.file_name().is_some_and(|name| name == "app.zd") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"),
        &mut found,
    );
    found.sort();
    assert!(found.len() >= 4, "the examples are gone");
    found
}

fn is_as_found(path: &Path) -> bool {
    path.parent()
        .is_some_and(|folder| folder.ends_with("as-found"))
}

fn compile(text: &str) -> Compilation {
    zdc::compile(
        &MemoryWorld::single("app.zd", text),
        "app.zd",
        &Options::default(),
    )
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
        .join("app.zd");
    fs::read_to_string(path).unwrap()
}

/// Code, line, and the text that the first label covers.
fn findings(compilation: &Compilation) -> Vec<(String, usize, String)> {
    let found = compilation.diagnostics.iter();
    let judged = found.filter(|diagnostic| diagnostic.severity > Severity::Note);
    judged
        .map(|diagnostic| {
            let span = diagnostic.span().unwrap();
            let (line, _) = compilation.sources.position(span);
            let covered = compilation.sources.slice(span).to_owned();
            (diagnostic.code.name.to_owned(), line, covered)
        })
        .collect()
}

#[test]
fn as_they_should_be_they_are_clean() {
    for path in examples().iter().filter(|path| !is_as_found(path)) {
        let compilation = compile(&fs::read_to_string(path).unwrap());
        assert_eq!(findings(&compilation), [], "{}", path.display());
        assert!(compilation.artifacts.is_some_and(|files| !files.is_empty()));
    }
}

#[test]
fn their_manifests_are_fresh() {
    for path in examples().iter().filter(|path| !is_as_found(path)) {
        let check = Command::new(env!("CARGO_BIN_EXE_zdc"))
            .args(["build", "--check"])
            .arg(path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&check.stdout).into_owned()
            + &String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{}:\n{said}", path.display());
    }
}

#[test]
fn as_found_nothing_is_written() {
    for path in examples().iter().filter(|path| is_as_found(path)) {
        let compilation = compile(&fs::read_to_string(path).unwrap());
        assert!(compilation.artifacts.is_none(), "{}", path.display());
    }
}

#[test]
fn every_fault_of_the_shop_is_found() {
    let compilation = compile(&example("shop/as-found"));
    let name = "\"app\"".to_owned();
    let image = |service: &str| format!("\"shop/{service}:${{IMG_TAG}}\"");
    let expected = [
        ("one-network-two-names", "\"backend\"".to_owned()),
        ("ambiguous-name", name),
        ("found-late", "update rolling".to_owned()),
        ("found-late", "update rolling".to_owned()),
        ("found-late", "update rolling".to_owned()),
        ("floating-tag", image("prod")),
        ("floating-tag", image("coupon")),
        ("floating-tag", image("front")),
    ];
    let found: Vec<(String, String)> = findings(&compilation)
        .into_iter()
        .map(|(code, _, text)| (code, text))
        .collect();
    let found: Vec<(&str, String)> = found
        .iter()
        .map(|(code, text)| (code.as_str(), text.clone()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn with_the_slip_mended_the_shop_cannot_reach_its_services() {
    let text = example("shop/as-found");
    let slip = "external = true, name = \"backend\"";
    assert!(text.contains(slip));
    let compilation = compile(&text.replace(slip, "external = true"));
    let found = findings(&compilation);
    let unreachable: Vec<&str> = found
        .iter()
        .filter(|(code, ..)| code == "unreachable")
        .map(|(_, _, covered)| covered.as_str())
        .collect();
    assert_eq!(unreachable, ["prod.http.url", "coupon.http.url"]);
}

#[test]
fn every_fault_of_the_primary_and_backup_pools_is_found() {
    let compilation = compile(&example("primary-backup/as-found"));
    let found: BTreeSet<(String, String)> = findings(&compilation)
        .into_iter()
        .map(|(code, _, text)| (code, text))
        .collect();
    let found: BTreeSet<(&str, &str)> = found
        .iter()
        .map(|(code, text)| (code.as_str(), text.as_str()))
        .collect();
    let expected = BTreeSet::from([
        ("floating-tag", "\"windowforsun/test-web\""),
        ("no-health-check", "service webapp-real"),
        ("no-health-check", "service webapp-backup"),
        ("no-health-check", "gateway nginx"),
        ("no-capacity", "gateway nginx"),
        ("name-resolved-once", "at_start"),
        ("mark-takes-pool-down", "1"),
        ("lost-instance", "on_failure"),
        ("bad-version", "service webapp-backup"),
        ("node-local-mount", "\"./default.conf\""),
    ]);
    assert_eq!(found, expected);
}

/// Code and place of each finding, in the order of the source.
fn found(example_name: &str) -> Vec<(String, String)> {
    let compilation = compile(&example(example_name));
    let found = findings(&compilation).into_iter();
    found.map(|(code, _, text)| (code, text)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(code, text): &(&str, &str)| ((*code).to_owned(), (*text).to_owned());
    expected.iter().map(pair).collect()
}

#[test]
fn every_fault_of_blue_green_by_hand_is_found() {
    let expected = pairs(&[
        ("cut-request", "10s"),
        ("untested-configuration", "config_test = false"),
        ("unlocked-deploy", "lock        = false"),
        ("no-swap-back", "swap_back   = false"),
    ]);
    assert_eq!(found("blue-green/as-found"), expected);
}

#[test]
fn every_fault_of_the_node_cluster_is_found() {
    let expected = pairs(&[
        ("no-health-check", "service node"),
        ("no-update-policy", "service node"),
        ("client-address-hidden", "forwarded_headers"),
    ]);
    assert_eq!(found("node-cluster/as-found"), expected);
}

#[test]
fn a_bundle_for_codedeploy_has_what_its_agent_reads() {
    let artifacts = compile(&example("blue-green")).artifacts.unwrap();
    let file = artifacts
        .iter()
        .find(|file| file.path == "nginx/appspec.yml");
    let yaml: serde_yaml::Value = serde_yaml::from_str(&file.unwrap().text).unwrap();
    assert_eq!(yaml["version"].as_f64(), Some(0.0));
    assert_eq!(yaml["os"].as_str(), Some("linux"));
    assert_eq!(
        yaml["files"][0]["destination"].as_str(),
        Some("/home/ubuntu/app")
    );
    for (hook, script) in [
        ("AfterInstall", "deploy.sh"),
        ("ApplicationStart", "switch.sh"),
    ] {
        let hook = &yaml["hooks"][hook][0];
        assert_eq!(hook["location"].as_str(), Some(script));
        assert_eq!(hook["timeout"].as_u64(), Some(180));
        assert_eq!(hook["runas"].as_str(), Some("ubuntu"));
        assert!(
            artifacts
                .iter()
                .any(|file| file.path == format!("nginx/{script}"))
        );
    }
}

#[test]
fn every_fault_of_the_spring_cloud_shop_is_found() {
    let compilation = compile(&example("spring-cloud/as-found"));
    let found: Vec<(String, String)> = findings(&compilation)
        .into_iter()
        .map(|(code, _, text)| (code, text))
        .collect();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(code, text)| (code.as_str(), text.as_str()))
        .collect();
    let expected = [
        ("literal-secret", "token_secret"),
        ("no-health-check", "service user-service"),
        ("unreadable-variable", "ORDER-SERVICE-URL"),
        ("no-health-check", "service order-service"),
        ("unreadable-variable", "BOOTSTRAP-SERVERS"),
        ("no-health-check", "service catalog-service"),
        ("unreadable-variable", "BOOTSTRAP-SERVERS"),
        ("floating-tag", "\"wurstmeister/zookeeper\""),
        ("address-may-be-taken", "172.18.0.100"),
        ("floating-tag", "\"wurstmeister/kafka\""),
        ("address-may-be-taken", "172.18.0.101"),
        ("call-as-text", "\"zookeeper:2181\""),
        ("docker-socket", "\"/var/run/docker.sock\""),
        ("literal-secret", "RABBITMQ_DEFAULT_PASS"),
        ("literal-secret", "MYSQL_ROOT_PASSWORD"),
        ("floating-tag", "\"openzipkin/zipkin\""),
        ("floating-tag", "\"prom/prometheus\""),
        ("floating-tag", "\"grafana/grafana\""),
        ("call-as-text", "\"http://config-service:8888\""),
        ("call-as-text", "\"http://config-service:8888\""),
        ("call-as-text", "\"http://discovery-service:8761/eureka/\""),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_shops_stacks_have_the_values_of_the_hand_written_ones() {
    let compilation = compile(&example("shop"));
    let artifacts = compilation.artifacts.unwrap();
    for (stack, port) in [("prod", 3001), ("coupon", 3002), ("front", 8080)] {
        let path = format!("swarm/{stack}.yml");
        let file = artifacts.iter().find(|file| file.path == path).unwrap();
        let yaml: serde_yaml::Value = serde_yaml::from_str(&file.text).unwrap();
        let service = &yaml["services"][stack];
        let text = |value: &serde_yaml::Value| value.as_str().unwrap().to_owned();
        assert_eq!(
            text(&service["image"]),
            format!("shop/{stack}:${{IMG_TAG:-latest}}")
        );
        let check = &service["healthcheck"];
        let url = format!("http://localhost:{port}/health");
        let command: Vec<String> = check["test"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        assert_eq!(command, ["CMD", "curl", "-f", url.as_str()]);
        assert_eq!(text(&check["interval"]), "10s");
        assert_eq!(text(&check["timeout"]), "5s");
        assert_eq!(check["retries"].as_u64(), Some(3));
        assert_eq!(text(&check["start_period"]), "10s");
        let deploy = &service["deploy"];
        assert_eq!(text(&deploy["mode"]), "replicated");
        assert_eq!(text(&deploy["replicas"]), "${REPLICAS:-2}");
        assert_eq!(deploy["update_config"]["parallelism"].as_u64(), Some(1));
        assert_eq!(text(&deploy["update_config"]["order"]), "start-first");
        assert_eq!(text(&deploy["update_config"]["failure_action"]), "rollback");
        assert_eq!(text(&deploy["resources"]["limits"]["memory"]), "200M");
        assert_eq!(text(&deploy["resources"]["reservations"]["memory"]), "100M");
    }
}
