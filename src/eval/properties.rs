//! Properties of arithmetic, and of evaluation as a whole: it never panics, and it always ends.

use super::operators::{Fault, Rounding, arithmetic, compare, equal, negated};
use super::{Inputs, evaluate};
use crate::check::check;
use crate::resolve::resolve;
use crate::source::MemoryWorld;
use crate::syntax::ast::BinaryOperator as Is;
use crate::types::{Cpu, Duration, Memory, Percent, Value};
use proptest::prelude::*;

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000_000u64, Just(u64::MAX), any::<u64>()]
}

fn number() -> impl Strategy<Value = Value> {
    let int = prop_oneof![-100..100i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)];
    prop_oneof![
        int.prop_map(Value::Int),
        any::<f64>()
            .prop_filter("finite", |it| it.is_finite())
            .prop_map(Value::Float),
        amount().prop_map(|it| Value::Duration(Duration::from_millis(it))),
        amount().prop_map(|bytes| Value::Memory(Memory { bytes })),
        amount().prop_map(|millis| Value::Cpu(Cpu { millis })),
        amount().prop_map(|thousandths| Value::Percent(Percent { thousandths })),
        any::<bool>().prop_map(Value::Bool),
    ]
}

fn operator() -> impl Strategy<Value = Is> {
    prop::sample::select(vec![
        Is::Add,
        Is::Subtract,
        Is::Multiply,
        Is::Divide,
        Is::Of,
    ])
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![Rounding::Exact, Rounding::Down, Rounding::Up])
}

/// The amount of a value that is not a fraction.
fn whole(value: &Value) -> Option<i128> {
    Some(match value {
        Value::Int(it) => i128::from(*it),
        Value::Duration(it) => i128::from(it.millis),
        Value::Memory(it) => i128::from(it.bytes),
        Value::Cpu(it) => i128::from(it.millis),
        Value::Percent(it) => i128::from(it.thousandths),
        _ => return None,
    })
}

fn same_kind(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

proptest! {
    #[test]
    fn a_result_is_finite_and_within_its_type(
        a in number(),
        b in number(),
        operator in operator(),
        rounding in rounding(),
    ) {
        match arithmetic(operator, &a, &b, rounding) {
            Ok(Value::Float(it)) => prop_assert!(it.is_finite()),
            Ok(value) => {
                let amount = whole(&value).unwrap();
                let least = if matches!(value, Value::Int(_)) { i64::MIN } else { 0 };
                prop_assert!((i128::from(least)..=i128::from(i64::MAX)).contains(&amount));
            }
            Err(Fault::Inexact) => prop_assert_eq!(rounding, Rounding::Exact),
            Err(_) => {}
        }
    }

    #[test]
    fn sums_are_exact_or_refused(a in number(), b in number()) {
        let Some((left, right)) = whole(&a).zip(whole(&b)) else { return Ok(()) };
        for (operator, expected) in [(Is::Add, left + right), (Is::Subtract, left - right)] {
            match arithmetic(operator, &a, &b, Rounding::Exact) {
                Ok(sum) => {
                    prop_assert!(same_kind(&a, &b) && same_kind(&a, &sum));
                    prop_assert_eq!(whole(&sum), Some(expected));
                }
                Err(Fault::Mismatch) => prop_assert!(!same_kind(&a, &b)),
                Err(Fault::Overflow) => prop_assert!(i64::try_from(expected).is_err()),
                Err(Fault::Negative) => prop_assert!(expected < 0),
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn quotients_lie_between_their_roundings(a in any::<i64>(), b in -50..50i64) {
        let (a, b) = (Value::Int(a), Value::Int(b));
        let by = |rounding| arithmetic(Is::Divide, &a, &b, rounding);
        match (by(Rounding::Exact), by(Rounding::Down), by(Rounding::Up)) {
            (Ok(exact), Ok(down), Ok(up)) => {
                prop_assert!(exact == down && exact == up);
                prop_assert_eq!(arithmetic(Is::Multiply, &exact, &b, Rounding::Exact), Ok(a));
            }
            (Err(Fault::Inexact), Ok(down), Ok(up)) => {
                prop_assert_eq!(whole(&up), whole(&down).map(|down| down + 1));
                let (a, b, down) = (whole(&a).unwrap(), whole(&b).unwrap(), whole(&down).unwrap());
                let (low, high) = (down * b, (down + 1) * b);
                prop_assert!(low.min(high) < a && a < low.max(high));
            }
            (exact, down, up) => {
                prop_assert_eq!(&exact, &down);
                prop_assert_eq!(&exact, &up);
            }
        }
    }

    #[test]
    fn order_and_equality_agree(a in number(), b in number()) {
        prop_assert!(equal(&a, &a) && equal(&b, &b));
        prop_assert_eq!(equal(&a, &b), equal(&b, &a));
        if let Some(order) = compare(&a, &b) {
            prop_assert_eq!(order.is_eq(), equal(&a, &b));
            prop_assert_eq!(compare(&b, &a), Some(order.reverse()));
        }
        if let Ok(twice) = negated(&a).and_then(|it| negated(&it)) {
            prop_assert!(equal(&a, &twice));
        }
    }
}

/// Expressions of every kind over a few names, mostly of a right type.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        "0 1 2 7 -1 9223372036854775807 0.5 1.0 true false none 10s 1h30m 200MiB 0.5cpu 25% \
         172.18.0.1 172.18.0.0/16 2026-03-31 \"\" \"a\" \"a,b\" [] [1,2,3] a b c d f n web back \
         net conf token slot conf.key conf.other web.http web.http.number web.http.url \
         web.none.number token.path swarm 1..3 nothing"
            .split(' ')
            .filter(|leaf| !leaf.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    );
    leaf.prop_recursive(5, 40, 4, |inner| {
        let function = prop::sample::select(
            "floor ceil min max length keys values join_with split lower upper trim replace \
             starts_with ends_with concat merge file env hash string double"
                .split(' ')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "of", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in",
        ]);
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (pair.clone(), operator).prop_map(|((a, b), op)| format!("({a} {op} {b})")),
            pair.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            pair.clone()
                .prop_map(|(a, b)| format!("{{ x = {a}, \"y\" = {b} }}")),
            pair.clone().prop_map(|(a, b)| format!("({a})[{b}]")),
            pair.clone()
                .prop_map(|(a, b)| format!("\"<${{{a}}}|${{{b}}}>\"")),
            pair.clone()
                .prop_map(|(a, b)| format!("[for n in {a} {{ {b} }}]")),
            (pair, inner.clone())
                .prop_map(|((a, b), c)| format!("if {a} {{ {b} }} else {{ {c} }}")),
            inner.clone().prop_map(|a| format!("({a}).x")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (function, prop::collection::vec(inner, 0..4))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Straight to evaluation, whatever the check says of it.
    #[test]
    fn evaluation_ends_whatever_it_is_given(
        values in prop::collection::vec(expression(), 8),
    ) {
        let [a, b, c, d, e, f, g, h] = <[String; 8]>::try_from(values).unwrap();
        let text = format!(
            "app shop {{ targets = [swarm] }}
let a = {a}
let b = {b}
param c: int(1..5) = {c}
deploy d: int = 2
fn double(n: int): int = n * 2
fn f(n: list<int>): string = {d}
network net {{ attachable = true }}
config conf {{ data {{ key = {e}, other = \"x\" }} }}
secret token {{ external = true }}
template all(n: int) {{
  replicas = n
  env {{ A = {f}, B = {g} }}
}}
for n in {h} {{
  service \"s-${{n}}\" {{ image = \"a/b:1\" }}
}}
service back {{
  use all({c})
  image = {a}
  port http {{ number = {g} }}
}}
service web {{
  use all(1)
  use all({b})
  image = \"a/b:1\"
  port http {{ number = {d} }}
  if {e} {{ hostname = {f} }}
  join net {{ aliases = {h} }}
}}
assert {a}, \"${{{b}}}\"
"
        );
        let world = MemoryWorld::single("app.zd", text);
        let (program, _) = resolve(&world, "app.zd");
        let (checked, _) = check(program);
        let (deployment, found) = evaluate(&world, &checked, &Inputs::default());
        let again = evaluate(&world, &checked, &Inputs::default());
        prop_assert_eq!(format!("{deployment:?}"), format!("{:?}", again.0));
        prop_assert_eq!(found.into_sorted(), again.1.into_sorted());
    }
}
