//! What the cases under `tests/cases/nginx` do not reach: what is refused, and what no nginx of
//! ours could serve.

use super::tokens::{Token, tokens};
use crate::Options;
use crate::source::MemoryWorld;
use crate::vocabulary::TargetId;
use proptest::prelude::*;

/// A program with a service `web` of an HTTP port, and a gateway with this in it.
fn program(gateway: &str) -> String {
    format!(
        r#"
app shop {{ targets = [swarm, nginx] }}
service web {{
  image = "example/web:1.0.0"
  port http  {{ number = 8080 }}
  port tls   {{ number = 8443, protocol = https }}
  port calls {{ number = 9090, protocol = grpc }}
  port cache {{ number = 6379 }}
  health http {{ path = "/health" }}
}}
gateway edge {{
  targets = [nginx]
  {gateway}
}}
"#
    )
}

/// The configuration, and the codes and messages of what was found.
fn build(text: &str) -> (String, Vec<String>) {
    let world = MemoryWorld::single("app.zd", text);
    let options = Options {
        targets: vec![TargetId::Nginx],
        ..Options::default()
    };
    let compilation = crate::compile(&world, "app.zd", &options);
    let found = compilation.diagnostics.iter();
    let found = found.map(|found| format!("{} {}", found.code.id, found.message));
    let files = compilation.artifacts.unwrap_or_default();
    let text: Vec<String> = files.iter().map(|file| file.text.to_string()).collect();
    (text.concat(), found.collect())
}

fn found(gateway: &str) -> Vec<String> {
    build(&program(gateway)).1
}

/// What is found in a gateway that listens.
fn faults(gateway: &str) -> Vec<String> {
    found(&format!("listen http\n{gateway}"))
}

/// What is found in the one route of a gateway.
fn of_route(route: &str) -> Vec<String> {
    faults(&format!("route \"/a/**\" {{ to = web.http\n{route} }}"))
}

#[test]
fn newer_versions_keep_no_connections_and_tls_is_told_the_name() {
    let (text, found) = build(
        &program(
            "listen http
             upstream pool { server web.tls }
             route \"/\" { to = pool }
             route \"/direct\" { to = web.tls }",
        )
        .replace(
            "app shop",
            "target nginx { version = \"1.29.7\", resolver = 10.0.0.2 }\napp shop",
        ),
    );
    assert_eq!(found, Vec::<String>::new());
    insta::assert_snapshot!(text, @r"
    upstream pool {
        zone pool 64k;
        resolver 10.0.0.2 valid=1s ipv6=off;
        resolver_timeout 2s;
        # max_fails=0: a pool whose members are all marked down answers 502 to everyone.
        server tasks.web:8443 resolve max_fails=0;
        # A request on a kept connection is lost when its instance stops.
        keepalive 0;
    }

    server {
        listen 80 default_server;
        server_name _;

        # A name in a variable is looked up at request time: no reload when addresses change.
        resolver 10.0.0.2 valid=1s ipv6=off;
        resolver_timeout 2s;
        set $backend_web web;

        proxy_connect_timeout 1s;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;

        location / {
            proxy_pass https://pool;
            proxy_ssl_server_name on;
            proxy_ssl_name web;
        }

        location = /direct {
            proxy_pass https://$backend_web:8443;
            proxy_ssl_server_name on;
        }
    }
    ");
}

#[test]
fn routes_are_patterns_that_every_target_has() {
    for pattern in [
        "", "a", "/a/*", "/*", "/a/**/b", "/a*", "/{id}", "//**", "/a//**",
    ] {
        let found = faults(&format!("route \"{pattern}\" {{ to = web.http }}"));
        assert_eq!(found.len(), 1, "{pattern}: {found:?}");
        assert!(
            found[0].starts_with("ZD5033") || found[0].starts_with("ZD5039"),
            "{pattern}: {found:?}"
        );
    }
    for path in ["/a%20b", "/a?b=c", "/a#b", "/a//b", "/a/../b", "/a/."] {
        let found = faults(&format!("route \"{path}\" {{ to = web.http }}"));
        let expected = format!("ZD5039 nginx cannot take `{path}` as a path of a route");
        assert_eq!(found, [expected]);
    }
    let found = faults("route \"/a\" { methods = [GET] }");
    assert_eq!(found, ["ZD3017 route `/a` leads nowhere"]);
}

#[test]
fn what_it_routes_to_may_be_another_target_s_alone() {
    let program = program("listen http\nroute \"/a/**\" { to = web.http }");
    let program = program.replace("service web {", "service web {\n  targets = [swarm]");
    let (text, found) = build(&program);
    assert!(text.contains("web:8080"), "{text}");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn two_routes_of_one_path_are_refused() {
    let found = faults("route \"/\" { to = web.http }\nroute \"/**\" { to = web.http }");
    assert_eq!(
        found,
        ["ZD3013 a second route for the same requests: `/**`"]
    );
    let found = faults("route \"/a\" { to = web.http }\nroute \"/a/**\" { to = web.http }");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn calls_are_passed_on() {
    let tls = "listen https { tls { certificate = crt, key = key } }";
    let text = |version: &str, listen: &str, route: &str| {
        let secrets = "secret crt { external = true }\nsecret key { external = true }\n";
        let secrets = if listen == tls { secrets } else { "" };
        let gateway = format!(
            "{listen}\nread_timeout = 2m\nroute \"/shop.Shop/**\" {{ to = web.calls\n{route} }}"
        );
        let settings = format!("target nginx {{ version = \"{version}\" }}\n");
        build(&format!("{settings}{secrets}{}", program(&gateway)))
    };
    let (conf, found) = text("1.28", "listen http", "retry { on = [error], tries = 2 }");
    assert_eq!(found, ["ZD5076 there is no other server of `web` to try"]);
    for directive in [
        "http2 on;",
        "grpc_pass grpc://$backend_web:9090;",
        "grpc_read_timeout 120s;",
        "client_body_timeout 120s;",
        "grpc_connect_timeout 1s;",
        "grpc_set_header Host $http_host;",
        "grpc_next_upstream error;",
        "grpc_next_upstream_tries 2;",
    ] {
        assert!(conf.contains(directive), "{directive}: {conf}");
    }
    assert!(!conf.contains(" proxy_"), "{conf}");
    let (conf, found) = text("1.22", tls, "");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("ZD5071 "), "{found:?}");
    assert!(
        conf.contains("listen 443 ssl default_server http2;"),
        "{conf}"
    );
    let (_, found) = text("1.22", "listen http", "");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("ZD5022 "), "{found:?}");
    let (_, found) = text("1.28", "listen http", "websocket = true");
    assert_eq!(found, ["ZD5023 nginx cannot do this for gRPC"]);
    let (_, found) = text("1.17.7", tls, "");
    assert!(
        found.iter().any(|it| it.starts_with("ZD5022 ")),
        "{found:?}"
    );
}

#[test]
fn calls_that_were_sent_are_not_tried_again() {
    let of_pool = |retry: &str| {
        let pool = "upstream pool { server web.calls, resolve = at_start }";
        let gateway =
            format!("listen http\n{pool}\nroute \"/\" {{ to = pool\nretry {{ {retry} }} }}");
        let settings = "target nginx { version = \"1.28\" }\n";
        let (_, found) = build(&format!("{settings}{}", program(&gateway)));
        found.iter().filter(|it| it.starts_with("ZD5025 ")).count()
    };
    assert_eq!(of_pool("on = [error, timeout], tries = 2"), 0);
    assert_eq!(of_pool("non_idempotent = false"), 0);
    assert_eq!(of_pool("non_idempotent = true"), 1);
    assert_eq!(of_pool("on = [error, http_503]"), 1);
}

#[test]
fn one_port_speaks_http2_or_not() {
    let gateway = "listen http
         route \"/\" { to = web.http }
         route \"/shop.Shop/**\" { hosts = [\"calls.example\"], to = web.calls }";
    let settings = "target nginx { version = \"1.28\" }\n";
    let (conf, found) = build(&format!("{settings}{}", program(gateway)));
    assert_eq!(found, Vec::<String>::new());
    // nginx reads it of the first server of a port, and either may be that.
    assert_eq!(conf.matches("http2 on;").count(), 2, "{conf}");
}

#[test]
fn what_is_not_http_is_refused() {
    assert_eq!(
        faults("route \"/\" { to = web.cache }"),
        ["ZD5036 a gateway passes on HTTP, and `web.cache` speaks tcp"]
    );
    assert_eq!(
        found("listen http { protocol = https }\nroute \"/\" { to = web.http }"),
        ["ZD5070 listener `http` speaks https and has no certificate and no key"]
    );
    assert_eq!(
        found("listen http { protocol = udp }\nroute \"/\" { to = web.http }"),
        ["ZD5036 a gateway passes on HTTP, not udp"]
    );
}

#[test]
fn listeners_do_not_meet() {
    let route = "route \"/\" { to = web.http }";
    let two = "listen a { hosts = [\"X.example\"] }\nlisten b { hosts = [\"x.example\"] }";
    assert_eq!(
        found(&format!("{two}\n{route}")),
        ["ZD5035 requests for `x.example` on port 80 would have two servers"]
    );
    assert_eq!(
        found(&format!("listen a\nlisten b\n{route}")),
        ["ZD5035 requests of all host names on port 80 would have two servers"]
    );
    assert_eq!(found(route), ["ZD5041 gateway `edge` listens nowhere"]);
    for host in ["a b", "$host", "~.*", "a.*", ""] {
        let found = found(&format!("listen a {{ hosts = [\"{host}\"] }}\n{route}"));
        assert!(found[0].starts_with("ZD3016"), "{host}: {found:?}");
    }
}

#[test]
fn rewrites_are_judged() {
    for (rewrite, message) in [
        ("from = \"/a\"", "ZD5037 a rewrite needs `from` and `to`"),
        (
            "from = \"(\", to = \"/\"",
            "ZD5037 the regular expression `(` does not close a `(`",
        ),
        (
            "from = \"(?<uri>.*)\", to = \"/\"",
            "ZD5037 a group cannot be named `uri`: there is a variable of that name",
        ),
        (
            "from = \"(?<backend_web>.*)\", to = \"/\"",
            "ZD5037 a group cannot be named `backend_web`: there is a variable of that name",
        ),
        (
            "from = \".*\", to = \"http://elsewhere/\"",
            "ZD5037 `http://elsewhere/` is no path",
        ),
        (
            "from = \".*\", to = \"$scheme://elsewhere/\"",
            "ZD5037 `$scheme://elsewhere/` is no path",
        ),
        (
            "from = \"(.*)\", to = \"/$2\"",
            "ZD5040 `$2` names no group: there is one group",
        ),
    ] {
        assert_eq!(of_route(&format!("rewrite {{ {rewrite} }}")), [message]);
    }
}

#[test]
fn headers_are_judged() {
    for (set, message) in [
        ("\"a b\" = \"c\"", "ZD5038 `a b` is no name of a header"),
        ("\"a$b\" = \"c\"", "ZD5038 `a$b` is no name of a header"),
        (
            "Transfer-Encoding = \"chunked\"",
            "ZD5038 nginx writes `Transfer-Encoding` itself",
        ),
        (
            "A = \"a\\r\\nX: b\"",
            "ZD5039 nginx cannot take `a\\r\\nX: b` as a header's value",
        ),
        ("A = \"5 $\"", "ZD5040 a `$` in `5 $` starts no variable"),
        ("A = \"$hots\"", "ZD5040 nginx has no variable `$hots`"),
    ] {
        let headers = format!("request_headers {{ set {{ {set} }} }}");
        assert_eq!(of_route(&headers), [message]);
    }
    let both = "request_headers { remove = [\"Cookie\"], set { cookie = \"a\" } }";
    assert_eq!(of_route(both), ["ZD5038 `cookie` is changed twice"]);
    let own = "response_headers { set { Server = \"shop\" } }";
    assert_eq!(of_route(own), ["ZD5038 nginx writes `Server` itself"]);
}

#[test]
fn values_are_judged() {
    let route = "route \"/\" { to = web.http }";
    for (attribute, message) in [
        (
            "access_log = \"/var/log/$host\"",
            "ZD5039 nginx cannot take `/var/log/$host` as a path",
        ),
        (
            "error_log = \"off\"",
            "ZD5039 nginx cannot turn its error log off",
        ),
        (
            "body_size = 0B",
            "ZD5039 nginx cannot take `0B` as a body size",
        ),
    ] {
        assert_eq!(faults(&format!("{attribute}\n{route}")), [message]);
    }
    assert_eq!(
        of_route("connect_timeout = 0s"),
        ["ZD5039 nginx cannot take `0s` as a timeout"]
    );
    assert_eq!(
        of_route("methods = []"),
        ["ZD5039 nginx cannot take `[]` as a list of methods"]
    );
}

#[test]
fn versions_are_told_by_the_target_then_by_the_image() {
    let pool = "listen http\nupstream pool { server web.http }\nroute \"/\" { to = pool }";
    let needs = "ZD5030 pool `pool` looks names up at request time, which needs nginx 1.27.3";
    let said = |version: &str| {
        let target = format!("target nginx {{ version = \"{version}\" }}\napp shop");
        build(&program(pool).replace("app shop", &target)).1
    };
    let image = |image: &str| found(&format!("image = \"{image}\"\n{pool}"));
    assert_eq!(found(pool), [needs]);
    assert_eq!(said("1.27.2"), [needs]);
    assert_eq!(said("1.27.3"), Vec::<String>::new());
    assert_eq!(
        said("new"),
        ["ZD5039 nginx cannot take `new` as a version of nginx"]
    );
    assert_eq!(image("nginx:1.28"), Vec::<String>::new());
    assert_eq!(image("nginx:1.26.0"), [needs]);
    assert_eq!(image("nginx:stable"), [needs]);
}

#[test]
fn an_app_without_gateways_writes_nothing() {
    let text = program("listen http\nroute \"/\" { to = web.http }");
    let text = text.replace(
        "targets = [nginx]",
        "targets = [swarm]\nimage = \"nginx:1.28.0\"",
    );
    assert_eq!(build(&text).0, "");
}

/// A zd string of a text.
fn string(text: &str) -> String {
    let escape = |char: char| match char {
        '"' | '\\' | '$' => format!("\\{char}"),
        char => char.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Through the whole compiler: a value is one word of its directive, or it is refused.
    #[test]
    fn no_value_breaks_out(value in "[ -~é\u{85}\u{1f600}]{0,24}|[\\\\\"';{}#$` ]{0,12}") {
        let headers = format!("request_headers {{ set {{ X-Value = {} }} }}", string(&value));
        let gateway = format!(
            "listen http\nroute \"/a\" {{ to = web.http\n{headers} }}\nroute \"/b\" {{ to = web.http }}"
        );
        let (text, found) = build(&program(&gateway));
        prop_assume!(!text.is_empty());
        prop_assert!(found.iter().all(|found| found.starts_with("ZD5040 nginx has no variable")));
        let tokens = tokens(&text).unwrap();
        let place = tokens.iter().position(|token| *token == Token::Word("X-Value".to_owned()));
        let place = place.unwrap();
        prop_assert_eq!(&tokens[place + 1], &Token::Word(value));
        prop_assert_eq!(&tokens[place + 2], &Token::End);
        let servers = tokens.iter().filter(|token| **token == Token::Word("server".to_owned()));
        prop_assert_eq!(servers.count(), 1);
    }

    /// The same for values that stand in other places: what is matched, where files are, where
    /// clients are sent, what tells them apart, what is compressed.
    #[test]
    fn no_other_value_breaks_out(
        value in "[ -~é\u{85}\u{1f600}]{0,24}|[\\\\\"';{}#$` ]{0,12}",
        place in 0..7_usize,
    ) {
        let text = string(&value);
        let route = [
            format!("to = web.http, headers {{ X-A = {text} }}"),
            format!("root = {}", string(&format!("/{value}"))),
            format!("redirect {{ path = {} }}", string(&format!("/{value}"))),
            format!("redirect {{ host = {text} }}"),
            format!("to = web.http, rate_limit {{ requests = 1, key = {text} }}"),
            format!("to = web.http, rewrite {{ prefix = {} }}", string(&format!("/{value}"))),
            format!("to = web.http, hosts = [{text}]"),
        ][place].clone();
        let plain = [
            "to = web.http, headers { X-A = \"a\" }",
            "root = \"/a\"",
            "redirect { path = \"/a\" }",
            "redirect { host = \"a\" }",
            "to = web.http, rate_limit { requests = 1, key = \"a\" }",
            "to = web.http, rewrite { prefix = \"/a\" }",
            "to = web.http, hosts = [\"a\"]",
        ][place];
        let gateway = |route: &str| format!("listen http\nroute \"/a/**\" {{ {route} }}");
        let (text, _) = build(&program(&gateway(&route)));
        prop_assume!(!text.is_empty());
        let (plain, _) = build(&program(&gateway(plain)));
        // Word for word the same shape: nothing but words differs.
        let shape = |text: &str| -> Vec<Token> {
            let word = |token| match token {
                Token::Word(_) => Token::Word(String::new()),
                other => other,
            };
            tokens(text).unwrap().into_iter().map(word).collect()
        };
        prop_assert_eq!(shape(&text), shape(&plain));
    }
}

#[test]
fn https_for_some_of_the_hosts_is_told_from_none() {
    let of = |secure: &str| {
        found(&format!(
            "listen http {{ redirect = https }}\n{secure}\nroute \"/\" {{ to = web.http }}"
        ))
    };
    let none =
        "ZD5073 listener `http` sends everything to https, and none of the gateway's speaks it";
    assert!(of("").contains(&none.to_owned()), "{:?}", of(""));
    let some = of("listen https { hosts = [\"s.example\"] }");
    assert!(
        some.contains(&format!("{none} for all of its hosts")),
        "{some:?}"
    );
}
