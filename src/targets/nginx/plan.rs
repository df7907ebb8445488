//! The configuration as nginx thinks of it: pools, servers and locations, each a list of
//! directives. And its text, by one template that loops and does nothing else.
//!
//! The template's every `{{ … }}` is quoted by the engine itself, comments too, so that no word can
//! be written bare by mistake.

use super::hosts::Include;
use super::quote::{Word, quote};
use serde::Serialize;
use std::sync::LazyLock;
use tera::{Context, Tera};

/// An include for the `http` level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conf {
    /// What stands before all blocks.
    pub(super) directives: Vec<Directive>,
    pub(super) maps: Vec<Map>,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) servers: Vec<Server>,
    /// What it includes for the slots of a plain host.
    #[serde(skip)]
    pub(super) includes: Vec<Include>,
}

/// A variable that follows from another: `map` or `split_clients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Map {
    /// The directive.
    name: Word,
    source: Word,
    variable: Word,
    entries: Vec<(Word, Word)>,
}

/// A directive: its name, its arguments, and the comment above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Directive {
    comments: Vec<Comment>,
    name: Word,
    arguments: Vec<Word>,
}

/// A line of a comment, word by word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct Comment(Vec<Word>);

/// A pool of servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Upstream {
    pub(super) name: Word,
    pub(super) directives: Vec<Directive>,
}

/// A virtual server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Server {
    /// Where it listens and what it logs.
    pub(super) directives: Vec<Directive>,
    /// More directives, an empty line before each group.
    pub(super) groups: Vec<Vec<Directive>>,
    pub(super) locations: Vec<Location>,
}

/// What is done with some paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Location {
    comments: Vec<Comment>,
    /// `= /x`, or `/x/`.
    matching: Vec<Word>,
    /// Conditions that end a request.
    pub(super) guards: Vec<Guard>,
    pub(super) directives: Vec<Directive>,
}

/// An `if` whose body ends the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Guard {
    pub(super) condition: Vec<Word>,
    pub(super) directives: Vec<Directive>,
}

impl Directive {
    pub(super) fn new<W: Into<Word>>(name: &str, arguments: impl IntoIterator<Item = W>) -> Self {
        Self {
            comments: Vec::new(),
            name: name.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// With one more line of comment above it.
    pub(super) fn comment(mut self, line: &str) -> Self {
        self.comments.push(Comment::new(line));
        self
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The same under another name.
    pub(super) fn called(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Whether this is one of its arguments.
    pub(super) fn has(&self, word: &str) -> bool {
        self.arguments.iter().any(|known| known.as_str() == word)
    }

    /// Its first argument; empty without one.
    pub(super) fn first(&self) -> &str {
        self.arguments.first().map_or("", Word::as_str)
    }

    /// Adds an argument.
    pub(super) fn push(&mut self, word: &str) {
        self.arguments.push(word.into());
    }
}

impl Map {
    /// `map`: what the first of these patterns that fits gives, else `otherwise`.
    pub(super) fn new(
        source: &str,
        variable: &str,
        otherwise: &str,
        patterns: &[(String, String)],
    ) -> Self {
        let default = ("default".to_owned(), otherwise.to_owned());
        let default = Some(&default).filter(|_| !otherwise.is_empty());
        Self::of("map", source, variable, default.into_iter().chain(patterns))
    }

    /// `split_clients`: shares, and what each gives.
    pub(super) fn split(source: &str, variable: &str, shares: &[(String, String)]) -> Self {
        Self::of("split_clients", source, variable, shares)
    }

    fn of<'e>(
        name: &str,
        source: &str,
        variable: &str,
        entries: impl IntoIterator<Item = &'e (String, String)>,
    ) -> Self {
        let word = |(key, value): &(String, String)| (key.as_str().into(), value.as_str().into());
        Self {
            name: name.into(),
            source: source.into(),
            variable: format!("${variable}").into(),
            entries: entries.into_iter().map(word).collect(),
        }
    }
}

impl Location {
    pub(super) fn new<W: Into<Word>>(matching: impl IntoIterator<Item = W>) -> Self {
        Self {
            comments: Vec::new(),
            matching: matching.into_iter().map(Into::into).collect(),
            guards: Vec::new(),
            directives: Vec::new(),
        }
    }

    /// With one more line of comment above it.
    pub(super) fn comment(mut self, line: &str) -> Self {
        self.comments.push(Comment::new(line));
        self
    }
}

impl Comment {
    fn new(line: &str) -> Self {
        Self(line.split(' ').map(Word::from).collect())
    }
}

impl Conf {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.upstreams.is_empty() && self.servers.is_empty()
    }

    /// Adds all of another one.
    pub(super) fn extend(&mut self, other: Conf) {
        for directive in other.directives {
            if !self.directives.contains(&directive) {
                self.directives.push(directive);
            }
        }
        for map in other.maps {
            if !self.maps.contains(&map) {
                self.maps.push(map);
            }
        }
        self.upstreams.extend(other.upstreams);
        self.servers.extend(other.servers);
        self.includes.extend(other.includes);
    }

    /// Has `$connection_upgrade`: what a connection to a service is to become, as the client asks
    /// (nginx.org "WebSocket proxying").
    pub(super) fn upgrades(&mut self) {
        let closed = [(String::new(), "close".to_owned())];
        let map = Map::new("$http_upgrade", "connection_upgrade", "upgrade", &closed);
        if !self.maps.contains(&map) {
            self.maps.push(map);
        }
    }

    /// Keeps of each comment on a directive the first: what it explains holds for the whole file.
    pub(super) fn comment_once(&mut self) {
        let mut said: Vec<Comment> = Vec::new();
        let of_upstreams = self
            .upstreams
            .iter_mut()
            .map(|upstream| &mut upstream.directives);
        let of_servers = self
            .servers
            .iter_mut()
            .flat_map(|server| &mut server.groups);
        for directive in of_upstreams.chain(of_servers).flatten() {
            directive.comments.retain(|comment| !said.contains(comment));
            said.extend(directive.comments.iter().cloned());
        }
        let of_locations = self
            .servers
            .iter_mut()
            .flat_map(|server| &mut server.locations)
            .flat_map(|location| &mut location.directives);
        for directive in of_locations {
            directive.comments.retain(|comment| !said.contains(comment));
            said.extend(directive.comments.iter().cloned());
        }
    }

    /// Its text; ends in a newline.
    ///
    /// The template is part of the program and cannot fail on a [`Conf`]; were it to, nginx would
    /// refuse the text rather than run without its servers.
    pub fn render(&self) -> String {
        let engine = LazyLock::force(&ENGINE);
        let rendered = engine.as_ref().map_err(ToString::to_string);
        let rendered = rendered.and_then(|engine| {
            Context::from_serialize(self)
                .and_then(|context| engine.render(TEMPLATE, &context))
                .map_err(|error| error.to_string())
        });
        match rendered {
            Ok(text) => text.trim_start_matches('\n').to_owned(),
            Err(error) => format!("not_rendered {};\n", quote(&error)),
        }
    }
}

const TEMPLATE: &str = "conf.tera";

/// Made at the first rendering, since most builds write no nginx configuration.
static ENGINE: LazyLock<Result<Tera, tera::Error>> = LazyLock::new(|| {
    let mut engine = Tera::default();
    engine.set_escape_fn(|word, out| out.write_all(quote(word).as_bytes()));
    engine.autoescape_on(vec![TEMPLATE]);
    engine.add_raw_template(TEMPLATE, include_str!("conf.tera"))?;
    Ok(engine)
});

#[cfg(test)]
mod tests {
    use super::super::tokens::{Token, tokens};
    use super::*;
    use proptest::prelude::*;

    fn conf(words: &[String]) -> Conf {
        let directive = |name: &str| Directive::new(name, words.iter().map(String::as_str));
        let comment = words.join(" ");
        Conf {
            includes: Vec::new(),
            directives: vec![directive("resolver").comment(&comment)],
            maps: vec![Map {
                name: "map".into(),
                source: words[0].as_str().into(),
                variable: words[0].as_str().into(),
                entries: vec![(words[0].as_str().into(), words[0].as_str().into())],
            }],
            upstreams: vec![Upstream {
                name: words[0].as_str().into(),
                directives: vec![
                    directive("server").comment(&comment),
                    directive("keepalive"),
                ],
            }],
            servers: vec![Server {
                directives: vec![directive("listen")],
                groups: vec![vec![directive("set"), directive("set")]],
                locations: vec![Location {
                    guards: vec![Guard {
                        condition: words.iter().map(|word| word.as_str().into()).collect(),
                        directives: vec![directive("return")],
                    }],
                    directives: vec![directive("proxy_pass")],
                    ..Location::new(words.iter().map(String::as_str)).comment(&comment)
                }],
            }],
        }
    }

    /// The words of a configuration, straight from the structs.
    fn expected(conf: &Conf) -> Vec<Token> {
        let mut out = Vec::new();
        let word = |word: &Word| Token::Word(word.as_str().to_owned());
        let directive = |out: &mut Vec<Token>, directive: &Directive| {
            out.push(word(&directive.name));
            out.extend(directive.arguments.iter().map(word));
            out.push(Token::End);
        };
        let open = |out: &mut Vec<Token>, name: &str, words: &[Word]| {
            out.push(Token::Word(name.to_owned()));
            out.extend(words.iter().map(word));
            out.push(Token::Open);
        };
        for each in &conf.directives {
            directive(&mut out, each);
        }
        for map in &conf.maps {
            open(&mut out, "map", &[map.source.clone(), map.variable.clone()]);
            for (pattern, value) in &map.entries {
                out.extend([word(pattern), word(value), Token::End]);
            }
            out.push(Token::Close);
        }
        for upstream in &conf.upstreams {
            open(&mut out, "upstream", std::slice::from_ref(&upstream.name));
            for each in &upstream.directives {
                directive(&mut out, each);
            }
            out.push(Token::Close);
        }
        for server in &conf.servers {
            open(&mut out, "server", &[]);
            for each in server
                .directives
                .iter()
                .chain(server.groups.iter().flatten())
            {
                directive(&mut out, each);
            }
            for location in &server.locations {
                open(&mut out, "location", &location.matching);
                for guard in &location.guards {
                    open(&mut out, "if", &guard.condition);
                    for each in &guard.directives {
                        directive(&mut out, each);
                    }
                    out.push(Token::Close);
                }
                for each in &location.directives {
                    directive(&mut out, each);
                }
                out.push(Token::Close);
            }
            out.push(Token::Close);
        }
        out
    }

    proptest! {
        #[test]
        fn no_word_breaks_out(words in prop::collection::vec("[ -~]{0,12}|[\\\\\"'ntr${};# \n]{0,8}|[^\0]{0,8}", 1..4)) {
            let conf = conf(&words);
            prop_assert_eq!(tokens(&conf.render()).unwrap(), expected(&conf));
        }
    }

    #[test]
    fn it_reads_as_a_person_writes_it() {
        let conf = conf(&["a".to_owned(), "b c".to_owned()]);
        insta::assert_snapshot!(conf.render(), @r#"
        # a b c
        resolver a "b c";

        map a a {
            a a;
        }

        upstream a {
            # a b c
            server a "b c";
            keepalive a "b c";
        }

        server {
            listen a "b c";

            set a "b c";
            set a "b c";

            # a b c
            location a "b c" {
                if a "b c" {
                    return a "b c";
                }
                proxy_pass a "b c";
            }
        }
        "#);
    }

    #[test]
    fn the_template_escapes_everything() {
        let template = include_str!("conf.tera");
        assert!(!template.contains("safe") && !template.contains('|'));
        assert!(!template.contains("if ") || template.matches("if ").count() == 1);
    }
}
