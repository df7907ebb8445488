//! The grammar's rules in the user's words.

use crate::syntax::grammar::Rule;

/// What the rules stand for, each once.
pub(super) fn expected(rules: &[Rule]) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = rules.iter().filter_map(|rule| word(*rule)).collect();
    words.sort_unstable();
    words.dedup();
    if words.len() > 1 {
        words.retain(|word| *word != END);
    }
    words
}

/// `a`, `a or b`, `a, b or c`
pub(super) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

const END: &str = "the end of the item";

fn word(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::plain
        | Rule::text
        | Rule::block_text
        | Rule::raw
        | Rule::amount
        | Rule::address
        | Rule::date
        | Rule::malformed
        | Rule::reference
        | Rule::list
        | Rule::record
        | Rule::group
        | Rule::conditional
        | Rule::sign
        | Rule::expression
        | Rule::argument
        | Rule::attribute => "a value",
        Rule::name | Rule::path | Rule::parameter | Rule::variables | Rule::type_field => "a name",
        Rule::label => "a label",
        Rule::body | Rule::branch => "`{`",
        Rule::close_brace => "`}`",
        Rule::close_angle => "`>`",
        Rule::parameters => "`(`",
        Rule::colon | Rule::typed => "`:` and a type",
        Rule::comma => "a comma",
        Rule::equals | Rule::default => "`=`",
        Rule::in_word => "`in`",
        Rule::else_word => "`else`",
        Rule::alias | Rule::instance => "`as`",
        Rule::type_expr | Rule::type_term | Rule::type_record => "a type",
        Rule::operator => "an operator",
        Rule::entry => "an item",
        Rule::EOI => END,
        _ => return None,
    })
}
