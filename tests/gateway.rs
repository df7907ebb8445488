//! What is said of a gateway's faults, target by target, and the book's page on gateways.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::fmt::Write as _;
use zdc::diagnostics::Severity;
use zdc::source::MemoryWorld;
use zdc::{Compilation, Options};

fn compile(text: &str) -> Compilation {
    let world = MemoryWorld::single("app.zd", text);
    zdc::compile(&world, "app.zd", &Options::default())
}

/// The codes of what is more than a note about a gateway with this body, sorted.
fn codes(target: &str, settings: &str, body: &str) -> Vec<&'static str> {
    let targets = match target {
        "nginx" => "targets = [swarm, nginx]",
        target => &format!("targets = [{target}]"),
    };
    let own = if target == "nginx" {
        "targets = [nginx]"
    } else {
        "image = \"nginx:1.28.0\", join net"
    };
    let secrets = if body.contains("cert") {
        "secret cert { external = true }\nsecret key { external = true }"
    } else {
        ""
    };
    let text = format!(
        "app shop {{ {targets} }}\n{settings}\n{secrets}\nnetwork net\n
         template pod {{
           image = \"shop/web:1.0.0\", join net, replicas = 2
           port http {{ number = 8080 }}
           health http {{ path = \"/health\", client = curl }}
         }}
         service web {{ use pod }}
         service next {{ use pod }}
         gateway edge {{
           {own}, replicas = 2
           health http {{ path = \"/healthz\", client = curl }}
           {body}
         }}"
    );
    let found = compile(&text).diagnostics;
    let more = found.iter().filter(|found| found.severity > Severity::Note);
    let mut codes: Vec<&str> = more.map(|found| found.code.id).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

const LISTEN: &str = "listen http { port = 80 }";
const GATEWAY_API: &str = "target kubernetes { gateway = gateway_api, gateway_class = \"envoy\" }";

fn nginx(route: &str) -> Vec<&'static str> {
    codes("nginx", "", &format!("{LISTEN}\n{route}"))
}

#[test]
fn routes_that_no_request_comes_to() {
    for (routes, code) in [
        (
            "route \"/\" { to = web.http }\nroute \"/**\" { to = next.http }",
            "ZD3013",
        ),
        (
            "route \"a\" { path = \"/\", methods = [GET], to = web.http }
             route \"b\" { path = \"/\", methods = [HEAD, GET], to = next.http }",
            "ZD3013",
        ),
        (
            "route \"a\" { path = \"/\", headers { X-A = \"1\" }, to = web.http }
             route \"b\" { path = \"/**\", headers { x-a = \"1\" }, to = next.http }",
            "ZD3013",
        ),
        (
            "route \"a\" { path = \"/\", methods = [GET, POST], to = web.http }
             route \"b\" { path = \"/\", methods = [POST], to = next.http }",
            "ZD3014",
        ),
    ] {
        assert_eq!(nginx(routes), [code], "{routes}");
    }
    for routes in [
        "route \"a\" { path = \"/\", methods = [POST], to = web.http }
         route \"b\" { path = \"/\", methods = [GET, POST], to = next.http }
         route \"c\" { path = \"/\", to = next.http }",
        "route \"a\" { path = \"/\", to = web.http }
         route \"b\" { path = \"/\", hosts = [\"b.example\"], to = next.http }",
        "route \"a\" { path = \"/\", to = web.http }
         route \"b\" { path = \"/\", headers { X-A = \"1\" }, to = next.http }",
    ] {
        assert_eq!(nginx(routes), Vec::<&str>::new(), "{routes}");
    }
}

#[test]
fn routes_have_one_end_and_hosts_a_listener() {
    for (body, code) in [
        ("route \"/\" { methods = [GET] }", "ZD3017"),
        ("route \"/\" { to = web.http, root = \"/srv\" }", "ZD3017"),
        (
            "route \"/\" { redirect { path = \"/a\" }, websocket = true }",
            "ZD3018",
        ),
        ("route \"/\" { to = web.http, split_by = client }", "ZD3018"),
        (
            "route \"/\" { to = web.http, split next.http {} }",
            "ZD3019",
        ),
        (
            "route \"/\" { to = web.http, split next.http { share = 0.005% } }",
            "ZD3019",
        ),
        ("route \"/\" { to = web.http, hosts = [\"a.*\"] }", "ZD3016"),
        ("route \"/\" { to = web.http, hosts = [] }", "ZD3016"),
    ] {
        assert_eq!(nginx(body), [code], "{body}");
    }
    let listen = "listen http { hosts = [\"*.shop.example\"] }";
    let route =
        |host: &str| format!("{listen}\nroute \"/\" {{ to = web.http, hosts = [\"{host}\"] }}");
    assert_eq!(codes("nginx", "", &route("shop.example")), ["ZD3015"]);
    assert_eq!(
        codes("nginx", "", &route("A.shop.example")),
        Vec::<&str>::new()
    );
}

#[test]
fn listeners_that_speak_tls_have_a_certificate() {
    let route = "route \"/\" { to = web.http }";
    let of = |listen: &str| codes("nginx", "", &format!("{listen}\n{route}"));
    assert_eq!(of("listen https { port = 443 }"), ["ZD5070"]);
    assert_eq!(
        of("listen any { tls { certificate = cert }, port = 443 }\nlisten key { port = 1 }"),
        ["ZD5070", "ZD7002"]
    );
    assert_eq!(of("listen http { redirect = https }"), ["ZD5073"]);
    let secure = "listen https { tls { certificate = cert, key = key } }";
    assert_eq!(
        of(&format!("{secure}\nlisten http {{ redirect = https }}")),
        Vec::<&str>::new()
    );
    let host = "listen https { hosts = [\"a.example\"], tls { certificate = cert, key = key } }";
    assert_eq!(
        of(&format!("{host}\nlisten http {{ redirect = https }}")),
        ["ZD5073"]
    );
}

#[test]
fn what_nginx_cannot_do_is_said() {
    for (route, code) in [
        ("request_timeout = 1m", "ZD5075"),
        ("retry { tries = 2 }", "ZD5076"),
        ("rate_limit { burst = 2 }", "ZD5079"),
        ("rate_limit { requests = 1, per = 1h }", "ZD5079"),
        ("rate_limit { requests = 1, key = \"\" }", "ZD5079"),
        ("rate_limit { requests = 1, key = \"$\" }", "ZD5040"),
        ("headers { X-A = \"\" }", "ZD5038"),
        ("headers { X_A = \"1\" }", "ZD5038"),
        ("rewrite { prefix = \"x\" }", "ZD5039"),
        (
            "rewrite { prefix = \"/x\", from = \"a\", to = \"/\" }",
            "ZD5037",
        ),
    ] {
        let body = format!("route \"/a\" {{ to = web.http, {route} }}");
        assert_eq!(nginx(&body), [code], "{body}");
    }
    for redirect in [
        "",
        "path = \"x\"",
        "path = \"/a?b\"",
        "path = \"/a$b\"",
        "host = \"a b\"",
        "path = \"/\", status = 305",
    ] {
        let body = format!("route \"/a\" {{ redirect {{ {redirect} }} }}");
        assert_eq!(nginx(&body), ["ZD5039"], "{body}");
    }
    for root in ["srv", "/srv/$host", "/srv\\n"] {
        let body = format!("route \"/a\" {{ root = \"{root}\" }}");
        assert_eq!(nginx(&body), ["ZD5039"], "{body}");
    }
}

/// What depends on a client's address, behind a routing mesh and past it.
#[test]
fn clients_look_alike_on_a_swarm() {
    let of = |publish: &str, what: &str| {
        let pool = "upstream pool { server web.http, balance = ip_hash }";
        let body = format!("{LISTEN}\n{publish}\n{pool}\n{what}");
        let found = codes("swarm", "", &body);
        found.into_iter().filter(|code| *code == "ZD5072").count()
    };
    let host = "port http { number = 80, publish = 80, mode = host }";
    for what in [
        "route \"/\" { to = pool }",
        "route \"/\" { to = web.http, rate_limit { requests = 1 } }",
        "route \"/\" { to = web.http, split next.http { share = 5% }, split_by = client }",
    ] {
        assert_eq!(of("", what), 1, "{what}");
        assert_eq!(of(host, what), 0, "{what}");
    }
}

#[test]
fn what_kubernetes_cannot_do_is_said() {
    for (route, ingress, gateway_api) in [
        ("methods = [GET]", true, false),
        ("headers { X-A = \"1\" }", true, false),
        ("rewrite { prefix = \"/\" }", true, false),
        ("rewrite { from = \"/a/(x.*)\", to = \"/$1\" }", true, true),
        ("request_headers { set { X-A = \"1\" } }", true, false),
        ("request_headers { set { X-A = \"$host\" } }", true, true),
        ("response_headers { remove = [\"X-A\"] }", true, false),
        ("split next.http { share = 5% }", true, false),
        (
            "split next.http { share = 5% }, split_by = client",
            true,
            true,
        ),
        ("request_timeout = 1m", true, false),
        ("read_timeout = 1m", true, true),
        ("retry { tries = 2 }", true, true),
        ("rate_limit { requests = 2 }", true, true),
        ("body_size = 1MiB", true, true),
        ("websocket = true", false, false),
        ("hosts = [\"a.example\"]", false, false),
    ] {
        let body = format!("{LISTEN}\nroute \"/a/**\" {{ to = web.http, {route} }}");
        let said = |settings: &str, code: &str| {
            let found = codes("kubernetes", settings, &body);
            assert!(
                found.iter().all(|found| *found == code),
                "{body}: {found:?}"
            );
            !found.is_empty()
        };
        assert_eq!(said("", "ZD5060"), ingress, "{body}");
        assert_eq!(said(GATEWAY_API, "ZD5077"), gateway_api, "{body}");
    }
    let route = format!("{LISTEN}\nroute \"/\" {{ to = web.http }}");
    assert_eq!(
        codes(
            "kubernetes",
            "target kubernetes { gateway = gateway_api }",
            &route
        ),
        ["ZD5074"]
    );
}

/// As many routes as people have, and more.
#[test]
fn a_service_of_a_host_is_not_called_as_the_scripts_call_their_own() {
    let said = |name: &str| {
        let text = format!(
            "app shop {{ targets = [nginx] }}\nservice {name} {{\n  command = [\"api\", \"${{slot.port}}\"]\n  port http\n  health \
             http {{ path = \"/health\", interval = 2s }}\n  update blue_green {{ slots = [8081, 8082] }}\n}}\ngateway public {{\n  listen http \
             {{ port = 80 }}\n  route \"/\" {{ to = {name}.http }}\n}}\n"
        );
        let found = compile(&text).diagnostics.into_iter();
        let errors = found.filter(|it| it.severity == Severity::Error);
        errors.map(|it| it.code.id).collect::<Vec<_>>()
    };
    for name in ["lock", "releases", "conf-ours", "conf-before"] {
        assert_eq!(said(name), ["ZD5092"], "{name}");
    }
    assert!(said("locks").is_empty(), "{:?}", said("locks"));
}

#[test]
fn thousands_of_routes_are_written() {
    let mut routes = String::new();
    for number in 0..2000 {
        writeln!(
            routes,
            "route \"/r{number}/**\" {{ to = web.http, methods = [GET] }}"
        )
        .unwrap();
    }
    assert_eq!(nginx(&routes), Vec::<&str>::new());

    // Each host name has a table of its own.
    let mut routes = String::from("route \"/a/**\" { to = web.http }\n");
    for number in 0..50 {
        let host = format!("h{number}.example");
        writeln!(
            routes,
            "route \"h{number}\" {{ path = \"/\", hosts = [\"{host}\"], to = next.http }}"
        )
        .unwrap();
    }
    assert_eq!(nginx(&routes), Vec::<&str>::new());
}

#[test]
fn the_page_on_gateways_compiles() {
    let page = include_str!("../docs/src/gateway.md");
    let blocks: Vec<&str> = page.split("```zd\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let text = block.split_once("```").unwrap().0;
        let compilation = compile(text);
        let found = compilation.diagnostics.iter();
        let worse: Vec<&str> = found
            .filter(|found| found.severity > Severity::Note)
            .map(|found| &*found.message)
            .collect();
        assert_eq!(worse, Vec::<&str>::new(), "{text}");
        assert!(compilation.artifacts.is_some());
    }
}
