//! nginx's own reading of a configuration, for tests: words, `;`, `{` and `}`. A plain
//! transcription of the states of `ngx_conf_read_token`, kept apart from the writer it judges.

/// What nginx sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word, its quotes and escapes gone.
    Word(String),
    /// `;`
    End,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// Reads a configuration; the error is nginx's.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => {}
            ';' => out.push(Token::End),
            '{' => out.push(Token::Open),
            '}' => out.push(Token::Close),
            '#' => {
                for char in chars.by_ref() {
                    if char == '\n' {
                        break;
                    }
                }
            }
            '"' | '\'' => {
                let raw = quoted(&mut chars, char)?;
                match chars.peek() {
                    Some(' ' | '\t' | '\r' | '\n' | ';' | '{' | ')') => {}
                    other => return Err(format!("unexpected {other:?} after a quoted word")),
                }
                out.push(Token::Word(unescape(&raw)));
            }
            first => {
                let raw = bare(&mut chars, first);
                out.push(Token::Word(unescape(&raw)));
            }
        }
    }
    Ok(out)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(chars: &mut Chars<'_>, quote: char) -> Result<String, String> {
    let mut raw = String::new();
    while let Some(char) = chars.next() {
        if char == quote {
            return Ok(raw);
        }
        raw.push(char);
        if char == '\\' {
            raw.extend(chars.next());
        }
    }
    Err("unexpected end of file".to_owned())
}

fn bare(chars: &mut Chars<'_>, first: char) -> String {
    let mut raw = String::new();
    let mut variable = first == '$';
    raw.push(first);
    if first == '\\' {
        raw.extend(chars.next());
    }
    while let Some(char) = chars.peek().copied() {
        if char == '{' && variable {
            raw.push(char);
            chars.next();
            continue;
        }
        if matches!(char, ' ' | '\t' | '\r' | '\n' | ';' | '{') {
            break;
        }
        variable = char == '$';
        raw.push(char);
        chars.next();
        if char == '\\' {
            raw.extend(chars.next());
        }
    }
    raw
}

fn unescape(raw: &str) -> String {
    let mut out = String::new();
    let mut chars = raw.chars().peekable();
    while let Some(char) = chars.next() {
        let escaped = match (char, chars.peek()) {
            ('\\', Some(next @ ('"' | '\'' | '\\'))) => Some(*next),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('r')) => Some('\r'),
            ('\\', Some('n')) => Some('\n'),
            _ => None,
        };
        match escaped {
            Some(escaped) => {
                out.push(escaped);
                chars.next();
            }
            None => out.push(char),
        }
    }
    out
}
