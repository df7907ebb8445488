//! What is written for a plain host, and what is refused there.

use crate::Options;
use crate::source::MemoryWorld;
use std::collections::BTreeMap;

/// The files by path, and the codes of what was found.
fn build(text: &str) -> (BTreeMap<String, String>, Vec<&'static str>) {
    let world = MemoryWorld::single("app.zd", text);
    let compilation = crate::compile(&world, "app.zd", &Options::default());
    let found = compilation.diagnostics.iter();
    let found = found.map(|found| found.code.name).collect();
    let files = compilation.artifacts.unwrap_or_default();
    let files = files
        .into_iter()
        .map(|file| (file.path, file.text.to_string()));
    (files.collect(), found)
}

/// A program with one service of this body behind a gateway.
fn program(body: &str) -> String {
    format!(
        r#"
app shop {{ targets = [nginx] }}
deploy TAG: string = "it's 1"
service web {{
  {body}
}}
gateway edge {{
  listen http {{ port = 80, hosts = ["*.shop.example"] }}
  route "/" {{ to = web.http }}
}}
"#
    )
}

const PROCESS: &str = r#"
  command = ["./web", "--port=${slot.port}", "--slot", "${slot.index}", "$(id) it's"]
  port http
  health http { path = "/health" }
  update blue_green { slots = [8081, 8082] }
"#;

const CONTAINER: &str = r#"
  image = "example/web:${TAG}"
  replicas = 2
  port http { number = 8080, publish = 3000..3002 }
  health http { path = "/health" }
"#;

fn of(body: &str) -> Vec<&'static str> {
    build(&program(body)).1
}

#[test]
fn a_process_runs_by_words_that_bash_does_not_read_twice() {
    let (files, found) = build(&program(PROCESS));
    assert!(found.is_empty(), "{found:?}");
    let settings = &files["nginx/hosts/services/web.sh"];
    let words = r#"./web --port="$slot_port" --slot "$slot_index" '$(id) it'\''s'"#;
    assert!(settings.contains(words), "{settings}");
    assert!(settings.contains("slots=( 8081 8082 )\n"));
    assert!(settings.contains("verify_host=zdc-check.shop.example\nverify_path=/health\n"));
    let include = &files["nginx/slots/shop/web/service-url.inc"];
    assert_eq!(include, "set $web_url http://127.0.0.1:8081;\n");
    let conf = &files["nginx/conf.d/shop.conf"];
    assert!(
        conf.contains("include slots/shop/web/service-url.inc;"),
        "{conf}"
    );
    assert!(conf.contains("proxy_pass $web_url;"), "{conf}");
}

#[test]
fn a_container_runs_with_the_value_its_release_was_made_with() {
    let (files, found) = build(&program(CONTAINER));
    assert!(found.is_empty(), "{found:?}");
    let settings = &files["nginx/hosts/services/web.sh"];
    assert!(
        settings.contains(r#"example/web:"${variables[TAG]}""#),
        "{settings}"
    );
    assert!(
        settings.contains(r#"--publish 127.0.0.1:"$slot_port":8080"#),
        "{settings}"
    );
    let app = &files["nginx/hosts/app.sh"];
    assert!(app.contains(r"variables[TAG]='it'\''s 1'"), "{app}");
    let include = &files["nginx/slots/shop/web/web-slots.inc"];
    let lines = "server 127.0.0.1:3000 max_fails=0;\nserver 127.0.0.1:3001 max_fails=0;\n";
    assert_eq!(include, lines);
    assert!(!files.keys().any(|path| path.starts_with("nginx/systemd/")));
}

#[test]
fn kept_connections_outlive_a_reload_where_nginx_can_do_so() {
    let old = build(&program(PROCESS)).0;
    assert!(!old["nginx/conf.d/shop.conf"].contains("keepalive_min_timeout"));
    let text = program(PROCESS) + "target nginx { version = \"1.27.4\" }";
    let new = build(&text).0;
    assert!(new["nginx/conf.d/shop.conf"].contains("keepalive_min_timeout 2s;"));
}

#[test]
fn what_a_unit_has_a_word_for_is_in_it() {
    let body = format!(
        "{PROCESS}
  user = \"web\"
  shutdown {{ signal = SIGINT, grace = 15s }}
  restart {{ condition = on_failure, delay = 2s, max_attempts = 3 }}
  resources {{ limits {{ memory = 200MiB, cpu = 1.5cpu }}, reservations {{ memory = 100MiB }} }}"
    );
    let (files, found) = build(&program(&body));
    assert!(found.is_empty(), "{found:?}");
    let unit = &files["nginx/systemd/shop-web@.service"];
    for line in [
        "User=web",
        "KillSignal=SIGINT",
        "TimeoutStopSec=15s",
        "Restart=on-failure",
        "RestartSec=2000ms",
        "StartLimitBurst=4",
        "MemoryMax=200M",
        "MemoryLow=100M",
        "CPUQuota=150%",
    ] {
        assert!(unit.contains(&format!("\n{line}\n")), "{line} in {unit}");
    }
}

#[test]
fn slots_must_suffice_and_be_told_apart() {
    let slots = |slots: &str| of(&PROCESS.replace("[8081, 8082]", slots));
    assert_eq!(slots("[8081]"), ["slot-count"]);
    assert_eq!(slots("[8081, 8082, 8083]"), ["slot-count"]);
    assert_eq!(slots("[8081, 8081]"), ["port-taken"]);
    assert_eq!(slots("[8081, 80]"), ["port-taken"]);
    assert_eq!(of(&CONTAINER.replace("3000..3002", "3000")), ["slot-count"]);
    let none = CONTAINER.replace("{ number = 8080, publish = 3000..3002 }", "");
    assert_eq!(of(&none), ["slot-count"]);
    let unknown = program(&CONTAINER.replace("replicas = 2", "replicas = N"));
    let (_, found) = build(&(unknown + "deploy N: int(1..3) = 2"));
    assert_eq!(found, ["slot-count"]);
}

#[test]
fn the_promise_holds_by_a_free_slot_or_by_what_is_left() {
    let with = |publish: &str, more: &str| {
        let body = CONTAINER.replace("3000..3002", publish);
        of(&format!("{body}\n{more}"))
    };
    assert!(with("3000..3001", "").is_empty());
    let all = "availability { min_available = 100% }";
    assert_eq!(with("3000..3001", all), ["below-promise"]);
    assert!(with("3000..3002", all).is_empty());
    let first = "update rolling { order = start_first }";
    assert_eq!(with("3000..3001", first), ["no-spare-slot"]);
    let one = CONTAINER
        .replace("replicas = 2", "")
        .replace("3000..3002", "3000");
    assert_eq!(of(&one), ["no-capacity"]);
}

#[test]
fn what_a_host_does_not_give_is_refused_once() {
    let needs = |more: &str| of(&format!("{PROCESS}\n{more}"));
    assert_eq!(needs("scale { min = 1, max = 3 }"), ["not-on-a-host"]);
    assert_eq!(needs("mount \"/x\" { bind = \"/y\" }"), ["not-on-a-host"]);
    assert_eq!(needs("port debug { number = 5005 }"), ["not-on-a-host"]);
    assert_eq!(needs("env { \"A=B\" = \"c\" }"), ["unwritable-in-a-script"]);
    assert_eq!(
        needs("liveness http { path = \"/live\" }"),
        ["different-on-a-host"]
    );
    assert_eq!(needs("user = \"a\\nb\""), ["unwritable-in-a-script"]);
}

#[test]
fn a_slot_with_tls_is_asked_so() {
    let secure = CONTAINER.replace("number = 8080", "number = 8080, protocol = https");
    let (files, found) = build(&program(&secure));
    assert!(found.is_empty(), "{found:?}");
    let settings = &files["nginx/hosts/services/web.sh"];
    assert!(settings.contains("health=https\n"), "{settings}");
}

#[test]
fn a_gateway_on_a_host_tells_who_asks() {
    let hidden =
        program(PROCESS).replace("listen http", "forwarded_headers = false\n  listen http");
    assert_eq!(build(&hidden).1, ["client-address-hidden"]);
}

#[test]
fn hosts_and_other_targets_share_a_program() {
    let text = r#"
app shop { targets = [swarm, nginx] }
service near {
  targets = [nginx]
  command = ["./near", "--port=${slot.port}"]
  port http { publish = 8081..8082 }
  health http { path = "/health" }
}
service far {
  image = "example/far:1.0.0"
  port http { number = 8080 }
  health http { path = "/health" }
}
gateway edge {
  targets = [nginx]
  listen http { port = 80 }
  route "/far/**" { to = far.http }
  route "/" { to = near.http }
}
"#;
    // Docker's name server is not there on a host.
    assert_eq!(build(text).1, ["no-names-on-a-host"]);
    let at_start = text.replacen("  listen", "  resolve = at_start\n  listen", 1);
    assert_eq!(build(&at_start).1, ["name-resolved-once"]);
    let text = format!("{text}target nginx {{ resolver = 10.0.0.2 }}\n");
    let (files, found) = build(&text);
    assert!(found.is_empty(), "{found:?}");
    assert!(files["nginx/hosts/app.sh"].contains("services=( near )"));
    assert!(files["nginx/conf.d/shop.conf"].contains("set $backend_far far;"));
    let elsewhere = text.replacen("  targets = [nginx]\n", "", 1);
    assert_eq!(build(&elsewhere).1.first(), Some(&"only-on-a-host"));
}

#[test]
fn a_canary_needs_a_free_slot_and_a_time() {
    let canary = |body: &str| format!("{CONTAINER}\n  update canary {{ {body} }}");
    let (files, found) = build(&program(&canary("monitor = 5m, delay = 2s")));
    assert!(found.is_empty(), "{found:?}");
    let settings = &files["nginx/hosts/services/web.sh"];
    for line in [
        "kind=canary\n",
        "order=start_first\n",
        "monitor=300000\n",
        "delay=2000\n",
        "on_failure=rollback\n",
    ] {
        assert!(settings.contains(line), "{line}{settings}");
    }
    let full = canary("monitor = 5m").replace("3000..3002", "3000..3001");
    assert_eq!(of(&full), ["no-spare-slot"]);
    assert_eq!(of(&canary("")), ["unwatched-canary"]);
    assert_eq!(of(&canary("monitor = 0s")), ["unwatched-canary"]);
    assert_eq!(
        of(&canary("monitor = 5m, order = stop_first")),
        ["canary-in-place"]
    );
}

/// A service in two slots.
fn named(name: &str, slots: &str) -> String {
    format!(
        "service {name} {{\n  image = \"ex/{name}:1\"\n  port http {{ number = 8080 }}\n  \
         health http {{ path = \"/health\" }}\n  update blue_green {{ slots = [{slots}] }}\n}}\n"
    )
}

/// What nginx is asked for of the service of this name behind this gateway.
fn asked(service: &str, gateway: &str) -> (String, Vec<&'static str>) {
    let services = named("web", "8081, 8082") + &named("admin", "8083, 8084");
    let (files, found) = build(&format!(
        "app shop {{ targets = [nginx] }}\n{services}gateway edge {{\n{gateway}\n}}\n"
    ));
    let settings = &files[&format!("nginx/hosts/services/{service}.sh")];
    let words = settings
        .lines()
        .filter_map(|line| line.strip_prefix("verify_"));
    (words.collect::<Vec<_>>().join(" "), found)
}

#[test]
fn nginx_is_asked_by_a_host_that_leads_to_the_service() {
    let gateway = "listen http { port = 80 }
route \"/\" { to = web.http }
route \"admin\" { path = \"/\", hosts = [\"admin.example\"], to = admin.http }";
    let (web, found) = asked("web", gateway);
    assert_eq!(web, "scheme=http port=80 host=localhost path=/health");
    assert!(found.is_empty(), "{found:?}");
    let (admin, _) = asked("admin", gateway);
    assert_eq!(admin, "scheme=http port=80 host=admin.example path=/health");
}

#[test]
fn a_listener_that_only_sends_elsewhere_does_not_say_that_a_slot_answers() {
    let gateway = "listen http { redirect = https }
listen https { tls { certificate = cert, key = key } }
route \"/\" { to = web.http }
route \"/health\" { to = admin.http, methods = [POST] }
route \"gets\" { path = \"/health\", to = web.http, methods = [GET] }
}
secret cert { from = env(\"CERT\") }
secret key { from = env(\"KEY\")";
    let (web, _) = asked("web", gateway);
    assert_eq!(web, "scheme=https port=443 host=localhost path=/health");
    let (admin, found) = asked("admin", gateway);
    assert_eq!(admin, "scheme=http port=0 host='' path=''");
    assert!(found.contains(&"unverified-switch"), "{found:?}");
}

#[test]
fn slots_take_no_share_of_a_route() {
    let gateway = "listen http { port = 80 }
route \"/\" { to = web.http }
route \"/admin/**\" { to = admin.http, split web.http { share = 10% } }
route \"/health\" { to = admin.http }";
    let text = [
        "app shop { targets = [nginx] }".to_owned(),
        named("web", "8081, 8082"),
        named("admin", "8083, 8084"),
        format!("gateway edge {{\n{gateway}\n}}"),
    ];
    let (files, found) = build(&text.join("\n"));
    assert!(found.contains(&"not-on-a-host"), "{found:?}");
    assert!(files.is_empty());
}
