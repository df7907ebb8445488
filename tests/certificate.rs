//! The certificate beside the manifests: what is in it, when it no longer matches, and what it never holds.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test of the program as a whole works on the disk"
)]

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use zdc::source::MemoryWorld;
use zdc::{Options, compile, eval};

const SHOP: &str = r#"
app shop { targets = [swarm, kubernetes], certificate = true }
param word: string = "one"
assert word != "never", "a word"
secret token { from = env("TOKEN") }
service web {
  image = "example/web:1.0.0"
  replicas = 3
  port http { number = 8080, publish = 80 }
  health http { path = "/health", interval = 5s }
  timing { startup = 2s..9s, longest_request = 4s }
  placement { max_per_node = 1 }
  secret token { path = "/run/token" }
  availability { min_available = 2 }
}
service store {
  image = "example/store:1.0.0"
  port tcp { number = 5432, publish = 5432 }
  allow downtime { because = "one | writer", until = 2027-01-31 }
}
"#;

fn files(text: &str, word: &str) -> (Value, String) {
    let options = Options {
        inputs: eval::Inputs {
            set: vec![("word".to_owned(), word.to_owned())],
            ..eval::Inputs::default()
        },
        ..Options::default()
    };
    let world = MemoryWorld::single("app.zd", text);
    let artifacts = compile(&world, "app.zd", &options).artifacts.unwrap();
    let text = |path: &str| {
        let found = artifacts.iter().find(|it| it.path == path);
        found.unwrap().text.to_string()
    };
    (
        serde_json::from_str(&text("proof.json")).unwrap(),
        text("PROOF.md"),
    )
}

#[test]
fn it_holds_what_was_proved_and_what_that_rests_on() {
    let (record, page) = files(SHOP, "one");
    assert_eq!(record["app"], "shop");
    let row = |target: &str, drain: Value| {
        json!({
            "service": "web", "target": target, "replicas": [3, 3], "promised": 2,
            "through": ["update", "rollback"],
            "update": 2, "rollback": 3, "bad_version": 2, "drain": drain,
        })
    };
    let proofs = record["proofs"].as_array().unwrap();
    assert!(proofs.contains(&row("swarm", json!(2))), "{proofs:#?}");
    let facts = &record["facts"][0];
    assert_eq!(
        *facts,
        json!({
            "service": "web", "health_check": true, "startup": "2s..9s",
            "longest_request": "4s", "nodes": 3,
        })
    );
    assert_eq!(
        record["accepted"],
        json!([{
            "service": "store", "accepts": "downtime", "because": "one | writer", "until": "2027-01-31",
        }])
    );
    assert_eq!(record["targets"][1]["engine"], "Kubernetes v1.36.3");
    assert_eq!(record["inputs"]["app.zd"].as_str().unwrap().len(), 64);
    assert!(
        page.contains("| store | downtime | 2027-01-31 | one \\| writer |"),
        "{page}"
    );
    assert!(
        page.contains("| web | swarm | 3 | 2 | 2 | 3 | 2 | 2 |"),
        "{page}"
    );
}

/// An update, a rollback and a drain are each judged with nothing else going on.
#[test]
fn what_no_scene_has_in_it_is_taken_for_granted() {
    let text = SHOP
        .replace("replicas = 3", "replicas = 4")
        .replace("min_available = 2", "min_available = 4, through = [update]")
        .replace(
            "  placement",
            "  update rolling { order = start_first, delay = 59s, monitor = 59s }\n  placement",
        )
        .replace("max_per_node = 1", "max_per_node = 9");
    let (record, page) = files(&text, "one");
    for target in record["targets"].as_array().unwrap() {
        let assumes = target["assumes"].to_string();
        let has = |words: &str| assert!(assumes.contains(words), "{words}: {target}");
        has("no node is lost or drained while an update runs");
        has("no instance ends by itself while an update runs");
        has("one after the other");
    }
    let proofs = record["proofs"].as_array().unwrap();
    let web = proofs.iter().find(|it| it["target"] == "swarm").unwrap();
    assert_eq!(web["through"], json!(["update"]), "{web}");
    assert_eq!((&web["promised"], &web["rollback"]), (&json!(4), &json!(3)));
    assert!(page.contains("only 3"), "{page}");
    assert!(
        page.contains("in a kind of change that the service's `through` does not name"),
        "{page}"
    );
}

/// A swarm has no autoscaler: what keeps the number of replicas is that nobody sets another.
#[test]
fn nobody_scales_a_swarm() {
    const FEWEST: &str = "of `scale` a deploy sets the fewest, and nothing sets more";
    let scaled = SHOP.replace("replicas = 3", "scale { min = 3, max = 5, cpu = 70% }");
    for (text, is_scaled) in [(SHOP, false), (&*scaled, true)] {
        let (record, page) = files(text, "one");
        let targets = record["targets"].as_array().unwrap();
        let assumed = |target: &str, words: &str| {
            let target = targets.iter().find(|it| it["target"] == target).unwrap();
            target["assumes"]
                .as_array()
                .unwrap()
                .contains(&json!(words))
        };
        assert!(assumed(
            "swarm",
            "nothing but a deploy sets how many replicas there are"
        ));
        assert_eq!(assumed("swarm", FEWEST), is_scaled);
        assert!(!assumed("kubernetes", FEWEST));
        assert_eq!(page.contains(FEWEST), is_scaled);
    }
}

#[test]
fn a_value_that_is_in_no_manifest_is_in_no_certificate() {
    let (one, other) = (files(SHOP, "one"), files(SHOP, "other"));
    assert_eq!(one, other);
    let commented = files(&format!("{SHOP}// a comment\n"), "one");
    assert_eq!(one.0["manifests"], commented.0["manifests"]);
    assert_ne!(one.0["inputs"], commented.0["inputs"]);
    let image = files(&SHOP.replace("web:1.0.0", "web:1.0.1"), "one");
    assert_ne!(one.0["manifests"], image.0["manifests"]);
}

#[test]
fn a_check_fails_when_it_no_longer_matches() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let zdc = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zdc"));
        let output = command.args(arguments).current_dir(folder.path()).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let there = |name: &str| Path::new(&path("manifests")).join(name).exists();
    fs::write(path("app.zd"), SHOP).unwrap();
    assert_eq!(zdc(&["build"]).0, Some(0));
    assert!(there("PROOF.md") && there("proof.json"));
    assert_eq!(zdc(&["build", "--check"]).0, Some(0));
    let (code, said) = zdc(&["why", "manifests/PROOF.md:3"]);
    assert!(
        code == Some(2) && said.contains("about the whole program"),
        "{said}"
    );

    // Not a line of a manifest is another.
    fs::write(path("app.zd"), format!("{SHOP}// a comment\n")).unwrap();
    let (code, said) = zdc(&["build", "--check"]);
    assert!(code == Some(1) && said.contains("2 files in"), "{said}");
    // One target leaves it as it is.
    assert_eq!(zdc(&["build", "--target", "swarm"]).0, Some(0));
    assert_eq!(zdc(&["build", "--check"]).0, Some(1));
    assert_eq!(zdc(&["build"]).0, Some(0));
    // One that was edited is never lost.
    let record = fs::read_to_string(path("manifests/proof.json")).unwrap();
    let edited = record.replace("\"update\": 2", "\"update\": 3");
    assert_ne!(record, edited);
    fs::write(path("manifests/proof.json"), edited).unwrap();
    let (code, said) = zdc(&["build"]);
    assert!(code == Some(2) && said.contains("edited since"), "{said}");
    fs::write(path("manifests/proof.json"), record).unwrap();
    // Not asked for any more, it is removed.
    fs::write(path("app.zd"), SHOP.replace(", certificate = true", "")).unwrap();
    let (code, said) = zdc(&["build"]);
    assert!(code == Some(0) && said.contains("removed 2"), "{said}");
    assert!(!there("PROOF.md") && !there("proof.json"));
}
