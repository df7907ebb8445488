//! What text becomes which tree: shapes written back with every parenthesis, values of literals.

use super::ast::{Argument, Expr, ExprKind, File, Item, KeyPart, Label, Literal, TextPart};
use super::ast::{TypeExpr, TypeKind};
use super::{KEYWORDS, is_identifier, parse};
use crate::source::FileId;

fn read(text: &str) -> File {
    let (file, diagnostics) = parse(FileId(0), text);
    let said: Vec<String> = diagnostics.into_iter().map(|said| said.message).collect();
    assert_eq!(said, Vec::<String>::new(), "{text}");
    file
}

fn value(text: &str) -> Expr {
    let mut file = read(&format!("let x = {text}\n"));
    match file.items.pop() {
        Some(Item::Let(binding)) => binding.value,
        other => panic!("{other:?}"),
    }
}

/// The code of the only diagnostic.
fn fault(text: &str) -> &'static str {
    let (_, diagnostics) = parse(FileId(0), &format!("let x = {text}\n"));
    let codes: Vec<&str> = diagnostics.iter().map(|said| said.code.id).collect();
    match codes.as_slice() {
        [code] => code,
        other => panic!("{text}: {other:?}"),
    }
}

/// An expression with every parenthesis.
fn shape(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(shape).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        ExprKind::Literal(literal) => literal_text(literal),
        ExprKind::Text(parts) => {
            parts.iter().fold("'".to_owned(), |out, part| match part {
                TextPart::Literal(text) => out + text,
                TextPart::Interpolation(value) => out + "<" + &shape(value) + ">",
            }) + "'"
        }
        ExprKind::Name(name) => name.to_string(),
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Comprehension(it) => {
            let second = it
                .second
                .as_ref()
                .map_or(String::new(), |name| format!(" {name}"));
            let condition = it
                .condition
                .as_ref()
                .map_or(String::new(), |c| format!(" if {}", shape(c)));
            format!(
                "[for {}{second} in {}{condition}: {}]",
                it.first,
                shape(&it.over),
                shape(&it.value)
            )
        }
        ExprKind::Record(entries) => {
            let entries = entries.iter().map(|entry| {
                let key = entry.key.as_text().unwrap_or("?");
                format!("{key}={}", shape(&entry.value))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
        ExprKind::Field(base, name) => format!("{}.{name}", shape(base)),
        ExprKind::Index(base, index) => format!("{}[{}]", shape(base), shape(index)),
        ExprKind::Call(base, arguments) => {
            format!("{}({})", shape(base), arguments_text(arguments))
        }
        ExprKind::Unary(operator, value) => format!("({operator:?} {})", shape(value)),
        ExprKind::Binary(a, operator, b) => format!("({} {operator:?} {})", shape(a), shape(b)),
        ExprKind::Range(a, b) => format!("({} .. {})", shape(a), shape(b)),
        ExprKind::If(branches, otherwise) => {
            let branches = branches
                .iter()
                .map(|(c, v)| format!("{}? {} : ", shape(c), shape(v)));
            format!("({}{})", branches.collect::<String>(), shape(otherwise))
        }
        ExprKind::Broken => "broken".to_owned(),
    }
}

fn arguments_text(arguments: &[Argument]) -> String {
    let arguments = arguments.iter().map(|argument| match &argument.name {
        Some(name) => format!("{name}={}", shape(&argument.value)),
        None => shape(&argument.value),
    });
    arguments.collect::<Vec<_>>().join(" ")
}

fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::None => "none".to_owned(),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => format!("{value:?}"),
        Literal::Duration(value) => format!("{}ms", value.millis),
        Literal::Memory(value) => format!("{}B", value.bytes),
        Literal::Cpu(value) => format!("{}mcpu", value.millis),
        Literal::Percent(value) => value.to_string(),
        Literal::Ip(value) => value.to_string(),
        Literal::Cidr(value) => value.to_string(),
        Literal::Date(value) => value.to_string(),
    }
}

fn type_shape(ty: &TypeExpr) -> String {
    match &ty.kind {
        TypeKind::Named {
            path,
            parameters,
            refinement,
        } => {
            let parameters: Vec<String> = parameters.iter().map(type_shape).collect();
            let inside = if parameters.is_empty() {
                String::new()
            } else {
                format!("<{}>", parameters.join(" "))
            };
            let refined = if refinement.is_empty() {
                String::new()
            } else {
                format!("({})", arguments_text(refinement))
            };
            format!("{path}{inside}{refined}")
        }
        TypeKind::Member(text) => format!("'{text}'"),
        TypeKind::Union(types) => types.iter().map(type_shape).collect::<Vec<_>>().join(" | "),
        TypeKind::Record(fields) => {
            let fields = fields
                .iter()
                .map(|(name, ty)| format!("{name}: {}", type_shape(ty)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(" "))
        }
        TypeKind::Optional(ty) => format!("{}?", type_shape(ty)),
    }
}

#[test]
fn operators_bind_in_their_order() {
    for (text, expected) in [
        ("a || b && c", "(a Or (b And c))"),
        ("a && b || c", "((a And b) Or c)"),
        ("a && b == c", "(a And (b Equal c))"),
        ("a == b && c != d", "((a Equal b) And (c NotEqual d))"),
        ("a < b + c * d", "(a Less (b Add (c Multiply d)))"),
        ("a - b - c", "((a Subtract b) Subtract c)"),
        ("a / b * c", "((a Divide b) Multiply c)"),
        ("a + b .. c + d", "((a Add b) .. (c Add d))"),
        ("a in 1..n + 1", "(a In (1 .. (n Add 1)))"),
        ("25% of n + 1", "((25% Of n) Add 1)"),
        ("(a + b) * c", "((a Add b) Multiply c)"),
        ("-a.b + !c", "((Negate a.b) Add (Not c))"),
        ("a - -1", "(a Subtract (Negate 1))"),
        ("N-1 - 1", "(N-1 Subtract 1)"),
        ("a\n  || b\n  // why\n  && c", "(a Or (b And c))"),
        ("a +\n  b", "(a Add b)"),
        ("1..20", "(1 .. 20)"),
        ("5s..20s", "(5000ms .. 20000ms)"),
    ] {
        assert_eq!(shape(&value(text)), expected, "{text}");
    }
}

#[test]
fn values_take_their_shapes() {
    for (text, expected) in [
        ("a.b[0](1, n = 2,).c", "a.b[0](1 n=2).c"),
        ("service[\"user-${n}\"].http", "service['user-<n>'].http"),
        ("[\n  1,\n\n  2, // two\n]", "[1 2]"),
        (
            "{ a = 1, \"b.c\" = { d = 2 }\n e = 3 }",
            "{a=1 b.c={d=2} e=3}",
        ),
        (
            "[for x in xs if x > 1 { x }]",
            "[for x in xs if (x Greater 1): x]",
        ),
        ("[for i, x in xs { { at = i } }]", "[for i x in xs: {at=i}]"),
        ("if a { 1 } else if b { 2 } else { 3 }", "(a? 1 : b? 2 : 3)"),
        (
            "if a { 1 }\n  else { if b { 2 } else { 3 } }",
            "(a? 1 : (b? 2 : 3))",
        ),
        ("true", "true"),
        ("none", "none"),
        ("nonesuch", "nonesuch"),
        ("iffy", "iffy"),
        ("r", "r"),
        ("in-between", "in-between"),
    ] {
        assert_eq!(shape(&value(text)), expected, "{text}");
    }
}

#[test]
fn literals_have_their_values() {
    for (text, expected) in [
        ("9_223_372_036_854_775_807", "9223372036854775807"),
        ("0.50", "0.5"),
        ("250ms", "250ms"),
        ("1h30m", "5400000ms"),
        ("1d2h3m4s5ms", "93784005ms"),
        ("106751d", "9223286400000ms"),
        ("1.5GiB", "1610612736B"),
        ("0.5KB", "500B"),
        ("64KiB", "65536B"),
        ("2.50cpu", "2500mcpu"),
        ("500mcpu", "500mcpu"),
        ("33.3%", "33.3%"),
        ("172.18.0.1", "172.18.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2024-02-29", "2024-02-29"),
    ] {
        assert_eq!(shape(&value(text)), expected, "{text}");
    }
}

#[test]
fn what_has_no_value_is_no_literal() {
    for text in [
        "9223372036854775808",
        "106752d",
        "16777216TiB",
        "0.0001cpu",
        "1.5B",
        "0.0001%",
        "1.5s",
        "30s1m",
        "1m1m",
        "1_",
        "1__0",
        "200M",
        "10sec",
        "1GB/s",
        "2048x",
        "1.2.3",
        "256.1.1.1",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "01.2.3.4",
        "2025-02-29",
        "2026-3-1",
        "5-3",
        "0x10",
        "1e3",
        r#""\d""#,
        r#""\u{d800}""#,
        r#""\u{1234567}""#,
        r#""\u{}""#,
    ] {
        assert_eq!(fault(text), "ZD0005", "{text}");
    }
}

#[test]
fn strings_lose_their_escapes_and_margins() {
    for (text, expected) in [
        (r#""a\n\t\"\\\$\u{e9}""#, "'a\n\t\"\\$\u{e9}'"),
        (r#""$a $ ${b} \${c}""#, "'$a $ <b> ${c}'"),
        (r#""""#, "''"),
        (r#"r"\d${x}""#, "'\\d${x}'"),
        (
            "\"\"\"\n    a\n      b\n\n    c\n    \"\"\"",
            "'a\n  b\n\nc\n'",
        ),
        ("\"\"\"\n    a\n  \"\"\"", "'  a\n'"),
        ("\"\"\"\n    a\"\"\"", "'a'"),
        ("\"\"\"a\n    b\"\"\"", "'a\nb'"),
        ("\"\"\"\n  a ${b}\n  ${c}\\n\n  \"\"\"", "'a <b>\n<c>\n\n'"),
        ("\"\"\"\r\n  a\r\n  b\r\n  \"\"\"", "'a\nb\n'"),
        ("\"\"\"\"quoted\" \"\"\"", "'\"quoted\" '"),
        ("\"\"\"\"\"\"", "''"),
        ("\"in ${\"in ${\"in\"}\"}\"", "'in <'in <'in'>'>'"),
    ] {
        assert_eq!(shape(&value(text)), expected, "{text}");
    }
}

#[test]
fn types_take_their_shapes() {
    for (text, expected) in [
        ("int", "int"),
        ("int(1..65535)?", "int((1 .. 65535))?"),
        ("list<port>(1..8)", "list<port>((1 .. 8))"),
        ("map<string, list<image>>", "map<string list<image>>"),
        (
            "string(matching = r\"^[a-z]+$\")",
            "string(matching='^[a-z]+$')",
        ),
        ("\"low\"\n  | \"high\"", "'low' | 'high'"),
        (
            "{ name: string, port: port?\n x: infra.pool }",
            "{name: string port: port? x: infra.pool}",
        ),
    ] {
        let file = read(&format!("type t = {text}\n"));
        let [Item::Type(alias)] = file.items.as_slice() else {
            panic!("{file:?}");
        };
        assert_eq!(type_shape(&alias.ty), expected, "{text}");
    }
}

#[test]
fn keywords_are_free_where_they_begin_no_statement() {
    for keyword in KEYWORDS {
        for text in [
            format!("{keyword} = 1"),
            format!("{keyword} {{ }}"),
            format!("{keyword}.b = 1"),
            format!("{keyword}-x label"),
        ] {
            if text == "if { }" {
                continue;
            }
            let file = read(&text);
            assert!(
                matches!(file.items.as_slice(), [Item::Attribute(_) | Item::Block(_)]),
                "{text}"
            );
        }
    }
}

#[test]
fn keys_and_labels_keep_their_parts() {
    let file =
        read("a.b.\"c/d\"[0] = 1\nserver real.http\nmount \"/x\"\nto service[\"u\"].http {}\n");
    let [
        Item::Attribute(key),
        Item::Block(path),
        Item::Block(text),
        Item::Block(reference),
    ] = file.items.as_slice()
    else {
        panic!("{file:?}");
    };
    assert!(matches!(
        key.key.parts.as_slice(),
        [
            KeyPart::Name(_),
            KeyPart::Name(_),
            KeyPart::Text(_),
            KeyPart::Index(_)
        ]
    ));
    assert!(matches!(&path.label, Some(Label::Path(path)) if path.to_string() == "real.http"));
    assert_eq!(text.label.as_ref().and_then(Label::as_text), Some("/x"));
    assert!(
        matches!(&reference.label, Some(Label::Reference(it)) if shape(it) == "service['u'].http")
    );
}

#[test]
fn identifiers_end_in_no_hyphen() {
    for (text, is) in [
        ("a", true),
        ("N-1", true),
        ("_x", true),
        ("a-", false),
        ("1a", false),
        ("", false),
        ("é", false),
    ] {
        assert_eq!(is_identifier(text), is, "{text}");
    }
}

/// A block without a body ends with its label: what is behind it on its line is not its own.
#[test]
fn a_bare_block_ends_with_its_label() {
    for behind in ["", "  ", "\r", "   // why", "\t\r"] {
        let file = read(&format!("join backend{behind}\nuse pod\n"));
        let spans: Vec<(u32, u32)> = file
            .items
            .iter()
            .map(|item| (item.span().start, item.span().end))
            .collect();
        assert_eq!(spans.first(), Some(&(0, 12)), "{behind:?}");
    }
}
