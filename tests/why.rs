//! What put a line there: the answers of `zdc why`, against small programs and every target.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test of the program as a whole works on the disk"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use zdc::check::check;
use zdc::eval::Inputs;
use zdc::provenance::Traced;
use zdc::resolve::resolve;
use zdc::source::MemoryWorld;
use zdc::vocabulary::TargetId;
use zdc::{Options, compile};

const SHOP: &str = r#"
app shop { targets = [swarm, kubernetes, compose] }
let PATH = "/health"
template checked() {
  health http { path = PATH, interval = 5s, timeout = 2s, client = curl }
}
service web {
  use checked()
  image = "shop/web:1"
  replicas = 3
  port http { number = 8080, publish = 80 }
  env { MODE = "fast", DB = db.tcp.address }
}
service db {
  image = "shop/db:1"
  port tcp { number = 5432 }
  allow downtime { because = "a test" }
}
"#;

const HOST: &str = r#"
app shop { targets = [nginx] }
service api {
  command = ["api", "--port=${slot.port}"]
  port http
  health http { path = "/health" }
  shutdown { grace = 20s }
  update blue_green { slots = [8081, 8082] }
}
gateway edge {
  listen http { port = 80 }
  route "/" { to = api.http, request_headers { set { X-Shop = "1" } } }
}
"#;

/// Each line of a program's file with what it is from.
fn told(program: &str, target: TargetId, file: &str) -> String {
    let world = MemoryWorld::single("app.zd", program);
    let compiled = compile(&world, "app.zd", &Options::default());
    let artifacts = compiled.artifacts.unwrap();
    let artifact = artifacts.iter().find(|it| it.path == file).unwrap();
    let checked = check(resolve(&world, "app.zd").0).0;
    let inputs = Inputs::default();
    let traced = Traced::new(&world, &checked, &inputs, target, file).unwrap();
    let mut text = String::new();
    for (index, line) in artifact.text.lines().enumerate() {
        let found = traced.line(index).unwrap();
        let mut answer: Vec<String> = Vec::new();
        if let Some(setting) = found.computed() {
            answer.push(format!("[{}]", setting.name));
        }
        for influence in &found.from {
            let line = compiled.sources.position(influence.span).0;
            let owner = &influence.owner.name;
            answer.push(format!("{owner}.{}:{line}", influence.property));
        }
        if found.from.is_empty() {
            answer.extend(found.of.map(|of| format!("({} {})", of.kind, of.name)));
        }
        writeln!(text, "{line:<64} <- {}", answer.join(", ")).unwrap();
    }
    text
}

#[test]
fn a_stack_file_has_its_causes() {
    insta::assert_snapshot!(told(SHOP, TargetId::Swarm, "swarm/shop.yml"));
}

#[test]
fn objects_have_their_causes() {
    insta::assert_snapshot!(told(SHOP, TargetId::Kubernetes, "kubernetes/web.yaml"));
}

#[test]
fn a_compose_file_has_its_causes() {
    insta::assert_snapshot!(told(SHOP, TargetId::Compose, "compose/compose.yaml"));
}

#[test]
fn nginx_text_and_host_files_have_their_causes() {
    let mut text = told(HOST, TargetId::Nginx, "nginx/conf.d/shop.conf");
    let world = MemoryWorld::single("app.zd", HOST);
    let artifacts = compile(&world, "app.zd", &Options::default()).artifacts;
    for artifact in artifacts.unwrap() {
        let folders = ["nginx/hosts/services/", "nginx/slots/", "nginx/systemd/"];
        if folders
            .iter()
            .any(|folder| artifact.path.starts_with(folder))
        {
            writeln!(text, "== {}", artifact.path).unwrap();
            text.push_str(&told(HOST, TargetId::Nginx, &artifact.path));
        }
    }
    insta::assert_snapshot!(text);
}

fn zdc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zdc"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn said(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = zdc(folder, arguments);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn people_and_programs_are_answered() {
    let desk = tempfile::tempdir().unwrap();
    let shop = desk.path().join("shop");
    fs::create_dir(&shop).unwrap();
    fs::write(shop.join("app.zd"), SHOP).unwrap();
    assert!(zdc(&shop, &["build", "-q"]).status.success());
    let stack = fs::read_to_string(shop.join("manifests/swarm/shop.yml")).unwrap();
    let line = |of: &str| {
        let index = stack.lines().position(|line| line.trim() == of).unwrap();
        format!("shop/manifests/swarm/shop.yml:{}", index + 1)
    };
    let (code, text) = said(desk.path(), &["why", &line("replicas: 3")]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("`replicas` of service `web`\n      shop/app.zd:10:3: replicas = 3"));
    // From any folder, and with the value where it was written.
    let below = shop.join("manifests/swarm");
    let place = line("interval: 5s");
    let (code, text) = said(&below, &["why", place.rsplit_once('/').unwrap().1]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("`health http.interval` of service `web`"),
        "{text}"
    );
    let (_, text) = said(
        desk.path(),
        &["why", &line("delay: 36s"), "--format", "json"],
    );
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["because"], "derived");
    assert_eq!(answer["setting"]["name"], "update_config.delay");
    assert_eq!(answer["from"][0]["at"]["file"], "shop/app.zd");
    let (_, text) = said(desk.path(), &["why", "shop/manifests/swarm/shop.yml:1"]);
    assert!(text.contains("the mark of zdc"), "{text}");
}

#[test]
fn what_has_no_answer_is_said_to_have_none() {
    let desk = tempfile::tempdir().unwrap();
    let folder = desk.path();
    fs::write(folder.join("app.zd"), SHOP).unwrap();
    assert!(zdc(folder, &["build", "-q"]).status.success());
    fs::write(folder.join("notes.yml"), "a: 1\n").unwrap();
    let file = "manifests/swarm/shop.yml";
    let is_refused = |arguments: &[&str], words: &str| {
        let (code, text) = said(folder, arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(words), "{text}");
    };
    is_refused(&["why", file], "names no line of a file");
    is_refused(&["why", &format!("{file}:0")], "names no line of a file");
    is_refused(&["why", &format!("{file}:9999")], "has no line 9999");
    is_refused(&["why", "nothing.yml:1"], "cannot read `nothing.yml`");
    is_refused(&["why", "manifests:1"], "it is no file");
    is_refused(&["why", "notes.yml:1"], "was not written by zdc");
    is_refused(&["why", "notes.yml:1", "app.zd"], "was not written by zdc");
    fs::copy(folder.join(file), folder.join("copy.yml")).unwrap();
    is_refused(&["why", "copy.yml:2"], "`app.zd` writes no file `copy.yml`");
    // The program moved on, and then the file.
    fs::write(
        folder.join("app.zd"),
        SHOP.replace("replicas = 3", "replicas = 4"),
    )
    .unwrap();
    is_refused(&["why", &format!("{file}:2")], "would write now");
    let edited = fs::read_to_string(folder.join(file)).unwrap() + "# mine\n";
    fs::write(folder.join(file), edited).unwrap();
    is_refused(
        &["why", &format!("{file}:2")],
        "was edited since zdc wrote it",
    );
    fs::write(folder.join("app.zd"), "app shop {").unwrap();
    let (code, text) = said(folder, &["why", &format!("{file}:2")]);
    assert_eq!(code, Some(1), "{text}");
    fs::remove_file(folder.join("app.zd")).unwrap();
    is_refused(&["why", &format!("{file}:2")], "there is no `app.zd`");
}

/// Of a hundred and more services the one that a line's service refers to is looked at, wherever it
/// stands; and what was not looked at is counted.
#[test]
fn what_is_not_looked_at_is_said() {
    let mut text = SHOP.replace("DB = db.tcp.address", "DB = far.tcp.address");
    for number in 0..120 {
        writeln!(text, "service s{number} {{ image = \"shop/s:1\" }}").unwrap();
    }
    text.push_str("service far { image = \"shop/far:1\", port tcp { number = 7777 }, allow downtime { because = \"a test\" } }\n");
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("app.zd"), &text).unwrap();
    let built = zdc(desk.path(), &["build", "-q"]);
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let stack = fs::read_to_string(desk.path().join("manifests/swarm/shop.yml")).unwrap();
    let index = stack
        .lines()
        .position(|line| line.contains("far:7777"))
        .unwrap();
    let place = format!("manifests/swarm/shop.yml:{}", index + 1);
    let (code, said) = said(desk.path(), &["why", &place]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("`port tcp.number` of service `far`"),
        "{said}"
    );
    assert!(said.contains("not looked at: "), "{said}");
}
