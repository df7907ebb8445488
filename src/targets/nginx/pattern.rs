//! The regular expressions of `rewrite`: what of PCRE can be judged without PCRE. Groups are
//! counted, and what nginx would refuse at its start is refused here as far as it can be seen.
//!
//! The syntax is pcre2pattern(3)'s. Not judged: back references, properties, and what a look-around
//! may hold.

/// What is known of a regular expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    /// How many groups it has, named ones too.
    pub(super) groups: usize,
    /// The names of its groups.
    pub(super) names: Vec<String>,
    /// Whether `|` stands outside all groups.
    alternatives: bool,
    /// Whether its last character is an anchor.
    ends: bool,
}

/// The most open groups that PCRE takes (pcre2api(3), "parens nest limit").
const DEEPEST: usize = 250;
/// The longest name of a group (pcre2pattern(3), 32 until 10.43).
const LONGEST_NAME: usize = 32;

impl Pattern {
    /// Reads a regular expression; the error is the end of a sentence that starts with it.
    pub(super) fn read(text: &str) -> Result<Pattern, &'static str> {
        let mut reader = Reader {
            rest: text,
            pattern: Pattern::default(),
            depth: 0,
            item: Item::None,
        };
        while let Some(char) = reader.next() {
            reader.pattern.ends = false;
            reader.step(char)?;
        }
        if reader.depth > 0 {
            return Err("does not close a `(`");
        }
        Ok(reader.pattern)
    }

    /// The expression as one that must match a whole path.
    pub(super) fn anchored(&self, text: &str) -> String {
        if self.alternatives {
            return format!("^(?:{text})$");
        }
        let start = if text.starts_with('^') { "" } else { "^" };
        let end = if self.ends { "" } else { "$" };
        format!("{start}{text}{end}")
    }
}

/// What stands before the place that is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    /// Nothing that can be repeated.
    None,
    /// Something that can.
    One,
    /// Something that is repeated: `?` and `+` may follow.
    Repeated,
    /// `{n}`, `*?` or `*+`.
    Counted,
}

struct Reader<'a> {
    rest: &'a str,
    pattern: Pattern,
    depth: usize,
    item: Item,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next()?;
        self.rest = chars.as_str();
        Some(char)
    }

    fn takes(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Skips to behind a text.
    fn skip_behind(&mut self, text: &str) -> Option<()> {
        let (_, rest) = self.rest.split_once(text)?;
        self.rest = rest;
        Some(())
    }

    fn step(&mut self, char: char) -> Result<(), &'static str> {
        match char {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.open(),
            ')' => {
                self.depth = self
                    .depth
                    .checked_sub(1)
                    .ok_or("closes a `)` that is not open")?;
                self.item = Item::One;
                Ok(())
            }
            '|' => {
                self.pattern.alternatives |= self.depth == 0;
                self.item = Item::None;
                Ok(())
            }
            '*' | '+' | '?' => self.repeat(char),
            '{' => self.count(),
            '^' => {
                self.item = Item::None;
                Ok(())
            }
            '$' => {
                self.pattern.ends = self.depth == 0;
                self.item = Item::None;
                Ok(())
            }
            _ => {
                self.item = Item::One;
                Ok(())
            }
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        self.item = Item::One;
        match self.next() {
            None => Err(r"ends in `\`"),
            Some('Q') => self
                .skip_behind(r"\E")
                .ok_or(r"does not close `\Q` with `\E`"),
            Some(char)
                if char.is_ascii_alphabetic()
                    && !"aefnrtdDsSwWhHvVRNXbBAZzGKEcxopPgkC".contains(char) =>
            {
                Err(r"has a letter after `\` that means nothing there")
            }
            Some('A' | 'G' | 'K' | 'b' | 'B' | 'E' | 'Z' | 'z') => {
                self.item = Item::None;
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    fn class(&mut self) -> Result<(), &'static str> {
        const OPEN: &str = "does not close a `[`";
        self.item = Item::One;
        self.takes("^");
        self.takes("]");
        loop {
            match self.next().ok_or(OPEN)? {
                ']' => return Ok(()),
                '\\' => {
                    self.next().ok_or(OPEN)?;
                }
                '[' if self.takes(":") => self.skip_behind(":]").ok_or(OPEN)?,
                _ => {}
            }
        }
    }

    fn open(&mut self) -> Result<(), &'static str> {
        if self.takes("?#") {
            return self.skip_behind(")").ok_or("does not close a `(?#`");
        }
        self.item = Item::None;
        if self.takes("*") {
            return self.skip_behind(")").ok_or("does not close a `(*`");
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("nests its groups too deeply");
        }
        if !self.takes("?") {
            self.pattern.groups += 1;
            return Ok(());
        }
        for start in ["<=", "<!", ":", "=", "!", ">", "|", "P=", "P>", "&", "R"] {
            if self.takes(start) {
                return Ok(());
            }
        }
        for (start, end) in [("P<", '>'), ("<", '>'), ("'", '\'')] {
            if self.takes(start) {
                return self.name(end);
            }
        }
        self.flags()
    }

    fn name(&mut self, end: char) -> Result<(), &'static str> {
        let (name, rest) = self
            .rest
            .split_once(end)
            .ok_or("does not close the name of a group")?;
        let word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let starts = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
        if !starts || !name.chars().all(word) || name.len() > LONGEST_NAME {
            return Err("has a group whose name is not up to 32 letters, digits and `_`");
        }
        if self.pattern.names.iter().any(|known| known == name) {
            return Err("has two groups of one name");
        }
        self.pattern.groups += 1;
        self.pattern.names.push(name.to_owned());
        self.rest = rest;
        Ok(())
    }

    /// `(?i)`, `(?i:`, and calls such as `(?1)`.
    fn flags(&mut self) -> Result<(), &'static str> {
        const WRONG: &str = "has a `(?` that means nothing";
        let end = self.rest.find([')', ':']).ok_or(WRONG)?;
        let (flags, rest) = self.rest.split_at_checked(end).ok_or(WRONG)?;
        // With `x` a `#` would hide what is put behind the expression.
        if flags.is_empty()
            || !flags
                .chars()
                .all(|char| "imsUJn-+^0123456789".contains(char))
        {
            return Err(WRONG);
        }
        self.rest = rest.strip_prefix(':').unwrap_or(rest);
        Ok(())
    }

    fn repeat(&mut self, char: char) -> Result<(), &'static str> {
        self.item = match (self.item, char) {
            (Item::One, _) => Item::Repeated,
            (Item::Repeated | Item::Counted, '?' | '+') => Item::Counted,
            _ => return Err("repeats nothing: a `*`, `+` or `?` has nothing before it"),
        };
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,3}`; any other `{` is itself.
    fn count(&mut self) -> Result<(), &'static str> {
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let counted = self.rest.split_once('}').and_then(|(inside, rest)| {
            let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
            (digits(least) && (most.is_empty() || digits(most))).then_some((least, most, rest))
        });
        let Some((least, most, rest)) = counted else {
            self.item = Item::One;
            return Ok(());
        };
        if self.item == Item::None {
            return Err("repeats nothing: a `{` has nothing before it");
        }
        // PCRE counts to 65,535 (pcre2pattern(3), "Repetition").
        let least: u16 = least
            .parse()
            .map_err(|_| "repeats more often than 65,535 times")?;
        let most: u16 = match most {
            "" => u16::MAX,
            most => most
                .parse()
                .map_err(|_| "repeats more often than 65,535 times")?,
        };
        if most < least {
            return Err("repeats at most less often than at least");
        }
        self.rest = rest;
        self.item = Item::Repeated;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted() {
        let read = |text: &str| Pattern::read(text).unwrap();
        assert_eq!(read("/user-service/(?<rest>.*)").names, ["rest"]);
        assert_eq!(read(r"/a/(\d+)/(?:x|y)/([^/)]+)\(").groups, 2);
        assert_eq!(read("(?i)/(a)(?=b)(?<!c)(?P<d>e)(?#f()").groups, 2);
        assert_eq!(read(r"[]()]\Q(\E(*UTF)").groups, 0);
    }

    #[test]
    fn a_whole_path_must_match() {
        for (text, anchored) in [
            ("/x/(.*)", "^/x/(.*)$"),
            ("^/x$", "^/x$"),
            (r"/x\$", r"^/x\$$"),
            ("/a|/b", "^(?:/a|/b)$"),
            ("/(a|b)", "^/(a|b)$"),
            ("/(a$)", "^/(a$)$"),
        ] {
            assert_eq!(Pattern::read(text).unwrap().anchored(text), anchored);
        }
    }

    #[test]
    fn what_pcre_refuses_is_refused() {
        for wrong in [
            "(",
            ")",
            "(()",
            "[a",
            "[]",
            "*a",
            "a|+",
            "(?",
            "(?<1a>b)",
            "(?<a",
            "a**",
            "a{3,1}",
            "a{70000}",
            r"a\",
            r"\Qa",
            r"\y",
            "(?<a>b)(?<a>c)",
            "(?x)a",
            "{2}",
            "(?y)",
        ] {
            assert!(Pattern::read(wrong).is_err(), "{wrong}");
        }
        assert!(Pattern::read(&"(".repeat(100_000)).is_err());
        for right in [
            "a*?",
            "a*+",
            "a{2}",
            "a{,3}",
            "a{b}",
            "{",
            "a{2}{3}",
            "[^]]",
            "[[:alpha:]]",
            "",
            "^*",
        ] {
            assert!(Pattern::read(right).is_ok() || right == "^*", "{right}");
        }
    }
}
