//! What the writer must keep, seen through a reader, and how its pages look.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;
use serde_yaml::Value;

use super::*;

/// Strings some YAML reader takes for something else, or breaks on. One per line of `hazards.json`.
fn hazards() -> Vec<String> {
    serde_json::from_str(include_str!("hazards.json")).expect("a list of strings")
}

fn comes_back(text: &str) {
    let value = to_string(&BTreeMap::from([("k", text), ("z", "end")])).unwrap();
    let read: BTreeMap<String, Value> = serde_yaml::from_str(&value).expect(&value);
    assert_eq!(read["k"], Value::from(text), "{value}");
    assert_eq!(read["z"], Value::from("end"), "{value}");

    let item = to_string(&[vec![text, "end"]]).unwrap();
    let read: Vec<Vec<Value>> = serde_yaml::from_str(&item).expect(&item);
    assert_eq!(read, [[Value::from(text), Value::from("end")]], "{item}");

    let key = to_string(&BTreeMap::from([(text, vec![1])])).unwrap();
    let read: Value = serde_yaml::from_str(&key).expect(&key);
    let Value::Mapping(read) = read else {
        panic!("{key}")
    };
    assert_eq!(read.keys().next(), Some(&Value::from(text)), "{key}");
    assert_eq!(read.len(), 1);

    let flow = to_string(&Flow(vec![text, text])).unwrap();
    let read: Vec<Value> = serde_yaml::from_str(&flow).expect(&flow);
    assert_eq!(read, [Value::from(text), Value::from(text)], "{flow}");
    assert_eq!(flow.lines().count(), 1);
}

#[test]
fn every_hazard_comes_back() {
    let hazards = hazards();
    assert!(hazards.len() > 200);
    for text in &hazards {
        comes_back(text);
    }
}

fn written(text: &str) -> String {
    to_string(text).unwrap().trim_end_matches('\n').to_owned()
}

#[test]
fn plain_where_an_expert_writes_plain() {
    for text in [
        "nginx:1.27.3",
        "shop/prod:${IMG_TAG:-latest}",
        "${REPLICAS:-2}",
        "${TOKEN_HASH:?set TOKEN_HASH}",
        "app-real-{{.Task.Slot}}",
        "10s",
        "1m30s",
        "1.5s",
        "200M",
        "128Mi",
        "500m",
        "25%",
        "172.18.0.0/16",
        "192.168.0.8",
        "/var/log/nginx",
        "./conf/default.conf",
        "http://localhost:3001/health",
        "node.role == worker",
        "--character-set-server=utf8mb4",
        "a b  c",
        "none",
        "nothing",
    ] {
        assert_eq!(written(text), text);
    }
}

#[test]
fn quoted_where_a_reader_may_differ() {
    for text in [
        "3.8",
        "0.5",
        "80:8080",
        "1e3",
        "1_000",
        "0x1F",
        "0b1",
        "0b",
        "010s",
        "010",
        "12:30",
        "2024-01-01",
        "1E",
        "1e",
        "1d",
        "1f",
        "1_0s",
        "y",
        "No",
        "oN",
        "null",
        "NaN",
        "e1",
        "E5",
        "-x",
        "---a",
        "- a",
        "a: b",
        "a:",
        "a #b",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4/+1",
        "",
        "<<",
        "=",
        "~",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "|",
        "%a",
        "@a",
        "'a'",
        " a",
        "a ",
        "é",
    ] {
        assert_eq!(written(text), format!("\"{text}\""));
    }
}

#[test]
fn the_invisible_is_escaped() {
    assert_eq!(
        written(
            "\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{200b}\u{202e}\u{2028}\u{feff}\u{fffe}\u{1fffe}"
        ),
        r#""\u0000\u0007\u001b\u007f\u0085\u00a0\u200b\u202e\u2028\ufeff\ufffe\U0001fffe""#
    );
    assert_eq!(written("say \"hi\"\\\t\r\n"), r#""say \"hi\"\\\t\r\n""#);
    assert_eq!(written("\u{1f642} é"), "\"\u{1f642} é\"");
}

#[test]
fn several_lines_are_a_literal_block() {
    let map = BTreeMap::from([
        ("a", "x\n\n  y: z #\n"),
        ("b", "x\ny"),
        ("c", "x\ny\n\n"),
        ("d", " x\ny"),
        ("e", "x\r\ny"),
        ("f", "\n"),
    ]);
    assert_eq!(
        to_string(&map).unwrap(),
        "a: |\n  x\n\n    y: z #\nb: |-\n  x\n  y\nc: |+\n  x\n  y\n\nd: \" x\\ny\"\ne: \"x\\r\\ny\"\nf: \"\\n\"\n"
    );
    assert_eq!(to_string(&[["a\nb\n"]]).unwrap(), "- - |\n    a\n    b\n");
}

#[derive(Serialize)]
struct Page {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
    nothing: Option<u8>,
    ports: Vec<Port>,
    nested: Vec<Vec<i64>>,
    none: Vec<u8>,
    empty: BTreeMap<u8, u8>,
    kinds: Vec<Kind>,
    test: Flow<Vec<&'static str>>,
    ratios: [f64; 4],
}

#[derive(Serialize)]
struct Port {
    name: &'static str,
    target: Target,
}

#[derive(Serialize)]
struct Target(u16);

#[derive(Serialize)]
enum Kind {
    Unit,
    New(Target),
    Pair(u8, u8),
    Record { open: bool },
}

#[test]
fn a_page_in_block_style() {
    let page = Page {
        name: "shop",
        left_out: None,
        nothing: None,
        ports: vec![
            Port {
                name: "http",
                target: Target(80),
            },
            Port {
                name: "admin",
                target: Target(81),
            },
        ],
        nested: vec![vec![1, -2], vec![], vec![i64::MIN]],
        none: vec![],
        empty: BTreeMap::new(),
        kinds: vec![
            Kind::Unit,
            Kind::New(Target(1)),
            Kind::Pair(1, 2),
            Kind::Record { open: true },
        ],
        test: Flow(vec!["CMD", "curl", "-f"]),
        ratios: [0.5, 1.0, 1e20, f64::NEG_INFINITY],
    };
    insta::assert_snapshot!(to_string(&page).unwrap());
}

#[test]
fn a_value_on_one_line() {
    let flow = Flow((
        vec!["a"],
        BTreeMap::from([("k", Kind::Pair(1, 2)), ("l", Kind::Record { open: false })]),
        1,
    ));
    let text = to_string(&BTreeMap::from([("x", flow)])).unwrap();
    assert_eq!(
        text,
        "x: [[\"a\"], {\"k\": {\"Pair\": [1, 2]}, \"l\": {\"Record\": {\"open\": false}}}, 1]\n"
    );
    let read: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(read["x"][1]["k"]["Pair"][1], Value::from(2));
}

#[test]
fn comments_stand_above_what_they_belong_to() {
    let inner = BTreeMap::from([
        (
            "a",
            comment(
                "why a\nand more",
                vec![comment("first", 1), comment("second", 2)],
            ),
        ),
        ("b", vec![].into()),
    ]);
    let document = comment(
        "Written by a compiler.\n",
        BTreeMap::from([("x", vec![comment("item", inner)])]),
    );
    assert_eq!(
        to_string(&document).unwrap(),
        "# Written by a compiler.\n#\nx:\n  # item\n  # why a\n  # and more\n  - a:\n      # first\n      - 1\n      # second\n      - 2\n    b: []\n"
    );
}

#[test]
fn what_stands_apart_has_an_empty_line_above() {
    let map = BTreeMap::from([("a", 1), ("b", 2)]);
    let list = vec![Apart(comment("first", map.clone())), Apart(map.into())];
    assert_eq!(
        to_string(&BTreeMap::from([("x", list)])).unwrap(),
        "x:\n\n  # first\n  - a: 1\n    b: 2\n\n  - a: 1\n    b: 2\n"
    );
    assert_eq!(to_string(&Flow([Apart(1)])).unwrap(), "[1]\n");
}

#[test]
fn a_comment_cannot_end_early() {
    let text = to_string(&comment("a\rb\u{85}c\u{2028}d\u{7}: e", 1)).unwrap();
    assert_eq!(text, "# a\n# b\n# c\n# d\u{fffd}: e\n1\n");
}

#[test]
fn documents_are_separated() {
    let mut out = String::new();
    write(&mut out, &[1]).unwrap();
    out.push_str(BETWEEN);
    write(&mut out, &comment("two", [2])).unwrap();
    assert_eq!(out, "- 1\n---\n# two\n- 2\n");
    assert!(super::documents(&out).eq(["- 1\n", "# two\n- 2\n"]));
    assert!(super::documents("a: |\n  ---\n").eq(["a: |\n  ---\n"]));
}

#[test]
fn a_long_key_is_an_explicit_one() {
    let key = "long ".repeat(300);
    comes_back(&key);
    comes_back(&"k".repeat(2000));
}

#[test]
fn a_list_is_no_key() {
    assert!(to_string(&BTreeMap::from([(vec![1], 1)])).is_err());
}

#[test]
fn kubernetes_types_are_written_as_they_serialize() {
    use k8s_openapi::api::core::v1::{
        Container, ContainerPort, Probe, ResourceRequirements, TCPSocketAction,
    };
    use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString};
    let container = Container {
        name: "app".into(),
        args: Some(vec!["--x".into()]),
        ports: Some(vec![ContainerPort {
            name: Some("http".into()),
            container_port: 80,
            ..ContainerPort::default()
        }]),
        readiness_probe: Some(Probe {
            tcp_socket: Some(TCPSocketAction {
                port: IntOrString::Int(80),
                host: None,
            }),
            ..Probe::default()
        }),
        resources: Some(ResourceRequirements {
            limits: Some(
                [
                    ("memory".to_owned(), Quantity("200Mi".into())),
                    ("cpu".to_owned(), Quantity("0.5".into())),
                ]
                .into(),
            ),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    };
    assert_eq!(
        to_string(&container).unwrap(),
        "args:\n  - --x\nname: app\nports:\n  - containerPort: 80\n    name: http\nreadinessProbe:\n  tcpSocket:\n    port: 80\n\
         resources:\n  limits:\n    cpu: \"0.5\"\n    memory: 200Mi\n"
    );
}

/// Text rich in what means something to YAML.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-a-c0-3:# \n\t.{}$_?,&*!|>'\"%@`/\\\\]{0,12}",
        "[0-9]{0,3}[.:_xobeE]?[0-9]{0,2}[a-zA-Z%]{0,3}",
        proptest::sample::select(hazards()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..5).prop_map(|entries| {
                Value::Mapping(
                    entries
                        .into_iter()
                        .map(|(k, v)| (Value::from(k), v))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_string_comes_back(text in text()) {
        comes_back(&text);
    }

    #[test]
    fn any_structure_comes_back(value in value()) {
        let text = to_string(&value).unwrap();
        let read: Value = serde_yaml::from_str(&text).expect(&text);
        prop_assert_eq!(&read, &value, "{}", text);
        if let Some(by_lines) = super::read(&text) {
            prop_assert_eq!(by_lines, serde_json::to_value(read).unwrap(), "{}", text);
        }
        let flow = to_string(&Flow(&value)).unwrap();
        prop_assert_eq!(serde_yaml::from_str::<Value>(&flow).expect(&flow), value, "{}", flow);
    }
}
