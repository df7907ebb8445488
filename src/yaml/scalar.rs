//! How a string is written: plain, as a literal block or double-quoted.
//!
//! A manifest is read by YAML 1.1 readers (go-yaml 2 in `sigs.k8s.io/yaml`, `PyYAML`), by YAML 1.2 readers and by go-yaml 3, which is a bit of both;
//! what one of them takes for a number, a date, a boolean or null must not be plain. Instead of listing what is dangerous, the rule lists the shapes
//! that all of them take for a string; `tests/real` holds it against the readers themselves.

/// Appends `text` in a form every reader takes for exactly this string. `indent` is the column a literal block's lines start at; `None` keeps to one line.
pub(super) fn write(out: &mut String, text: &str, indent: Option<usize>) {
    if is_plain(text) {
        out.push_str(text);
    } else if let Some(indent) = indent.filter(|_| is_literal(text)) {
        write_literal(out, text, indent);
    } else {
        write_quoted(out, text);
    }
}

/// Appends `text` between double quotes, everything invisible as an escape JSON knows too, or as `\U`.
pub(super) fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(c),
            c if is_visible(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let (mark, digits) = if code > 0xFFFF {
                    ("\\U", 8)
                } else {
                    ("\\u", 4)
                };
                out.push_str(mark);
                for place in (0..digits).rev() {
                    out.push(char::from_digit((code >> (4 * place)) & 0xF, 16).unwrap_or('0'));
                }
            }
        }
    }
    out.push('"');
}

/// Appends `count` spaces.
pub(super) fn write_indent(out: &mut String, count: usize) {
    const SPACES: &str = "                                ";
    let mut left = count;
    while let Some(rest) = left.checked_sub(SPACES.len()) {
        out.push_str(SPACES);
        left = rest;
    }
    out.push_str(SPACES.get(..left).unwrap_or_default());
}

/// Whether a character may stand raw in a comment, a quoted string or a literal block: printable in YAML 1.1 and 1.2 and, for the reader's eye, not
/// invisible or able to turn the direction of text (<https://yaml.org/spec/1.2.2/#51-character-set>).
pub(super) fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Controls and spaces of Latin 1, what joins or turns text, odd spaces, the byte order mark, noncharacters.
        '\0'..'\u{A1}'
        | '\u{AD}'
        | '\u{61C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202F}'
        | '\u{205F}'..='\u{206F}'
        | '\u{3000}'
        | '\u{FEFF}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{FDD0}'..='\u{FDEF}' => false,
        // The last two of each plane are noncharacters as well.
        c => u32::from(c) & 0xFFFE != 0xFFFE,
    }
}

/// Whether every reader takes it for this string without quotes.
pub(super) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let &[first, ..] = bytes else { return false };
    match first {
        b'a'..=b'z' | b'A'..=b'Z' => !is_reserved(text) && has_plain_body(bytes),
        b'/' => has_plain_body(bytes),
        b'.' => (text.starts_with("./") || text.starts_with("../")) && has_plain_body(bytes),
        b'$' => text.starts_with("${") && has_plain_body(bytes),
        b'-' => matches!(bytes, [_, b'-', b'a'..=b'z' | b'A'..=b'Z', ..]) && has_plain_body(bytes),
        b'0'..=b'9' => is_measure(bytes) || is_address(text),
        _ => false,
    }
}

/// Words some reader takes for a boolean, null or a number, in any case; and `e1`, which readers
/// that try a number first may take for one.
fn is_reserved(text: &str) -> bool {
    let words: &[&str] = match text.len() {
        1 => &["y", "n"],
        2 => &["no", "on"],
        3 => &["yes", "off", "nan", "inf"],
        4 => &["true", "null"],
        5 => &["false"],
        8 => &["infinity"],
        _ => &[],
    };
    let digit = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'_');
    match text.as_bytes() {
        // Most words do not begin as one of these does.
        [
            b'y' | b'n' | b'o' | b't' | b'f' | b'i' | b'Y' | b'N' | b'O' | b'T' | b'F' | b'I',
            ..,
        ] => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
        [b'e' | b'E', rest @ ..] => !rest.is_empty() && rest.iter().all(|&b| digit(b)),
        _ => false,
    }
}

/// It may not stand in a plain scalar.
const REFUSED: u8 = 1;
/// A space, which ends the scalar after a colon.
const SPACE: u8 = 2;
/// A `#`, which begins a comment after a space.
const HASH: u8 = 4;

/// What a byte may do inside a plain scalar; nothing for one that is free in block style.
const INSIDE: [u8; 256] = {
    const FREE: &[u8] = b"-./_:=$@+,(){}?*%~^;&|<>!0123456789\
        ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut table = [REFUSED; 256];
    let mut rest = FREE;
    while let [first, others @ ..] = rest {
        set(&mut table, *first, 0);
        rest = others;
    }
    set(&mut table, b' ', SPACE);
    set(&mut table, b'#', HASH);
    table
};

const fn set(table: &mut [u8; 256], byte: u8, inside: u8) {
    let (_, from) = table.split_at_mut(byte as usize);
    if let Some(place) = from.first_mut() {
        *place = inside;
    }
}

/// Only characters that mean nothing inside a plain scalar of block style, nor any pair that ends
/// one: `: ` and ` #`. Nearly every scalar of a manifest comes through here: one look at each byte
/// says whether pairs must be looked for.
fn has_plain_body(bytes: &[u8]) -> bool {
    let inside = |b: &u8| INSIDE.get(usize::from(*b)).copied().unwrap_or(REFUSED);
    let seen = bytes.iter().fold(0, |seen, b| seen | inside(b));
    if seen & REFUSED != 0 || matches!(bytes, [.., b' ' | b':']) {
        return false;
    }
    seen == 0
        || bytes.first() != Some(&b'#')
            && !bytes
                .windows(2)
                .any(|pair| matches!(pair, [b':', b' '] | [b' ', b'#']))
}

/// Numbers each with a unit, `10s`, `1m30s`, `200M`, `500m`, `1.5h`, `25%`. No unit is a letter of a number (`e`, `E`, `x`, `o`, `b`, `d`, `f`).
fn is_measure(mut bytes: &[u8]) -> bool {
    const UNITS: [&[u8]; 18] = [
        b"ns", b"us", b"ms", b"s", b"m", b"h", b"k", b"K", b"M", b"G", b"T", b"Ki", b"Mi", b"Gi",
        b"Ti", b"KiB", b"MiB", b"%",
    ];
    while !bytes.is_empty() {
        let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let Some((number, mut rest)) = bytes.split_at_checked(digits) else {
            return false;
        };
        if number.is_empty() || (number.len() > 1 && number.first() == Some(&b'0')) {
            return false;
        }
        if let [b'.', fraction @ ..] = rest {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            let Some((fraction, after)) = fraction.split_at_checked(digits) else {
                return false;
            };
            if fraction.is_empty() {
                return false;
            }
            rest = after;
        }
        let letters = rest.iter().take_while(|b| !b.is_ascii_digit()).count();
        let Some((unit, after)) = rest.split_at_checked(letters) else {
            return false;
        };
        if !UNITS.contains(&unit) {
            return false;
        }
        bytes = after;
    }
    true
}

/// An IPv4 address or network, `172.18.0.0/16`: with its three dots no reader's number.
fn is_address(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    prefix
        .parse::<u8>()
        .is_ok_and(|bits| bits <= 32 && !prefix.starts_with('+'))
        && address.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Whether a text of several lines survives as a literal block in every reader: only visible characters, text on its first line and on its last, and
/// no first line that starts with white space, since that would need an indentation indicator.
fn is_literal(text: &str) -> bool {
    let body = text.trim_end_matches('\n');
    body.contains('\n')
        && body
            .chars()
            .all(|c| c == '\n' || c == '\t' || is_visible(c))
        && !body.starts_with(['\n', ' ', '\t'])
        && !body.ends_with([' ', '\t'])
}

fn write_literal(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    out.push_str(match ends {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            write_indent(out, indent);
            out.push_str(line);
        }
    }
    // The newline that ends the entry is the writer's.
    for _ in 1..ends {
        out.push('\n');
    }
}
