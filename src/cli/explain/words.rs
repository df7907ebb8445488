//! The words that users arrive with: what each means, and on which target it is native, emulated or
//! impossible.
//!
//! A word is one line of [`ALL`] and one page of `docs/src/words/`, which does not build when the
//! page is missing. `tests/book.rs` compiles the page's program.

/// One word.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) name: &'static str,
    /// Other names for it, as [`normal`] writes them.
    pub(super) others: &'static [&'static str],
    /// In a line.
    pub(super) what: &'static str,
    /// Its page, Markdown.
    pub(super) page: &'static str,
}

macro_rules! words {
    ($($name:literal [$($other:literal)*] $what:literal;)*) => {
        /// Every word: ways to replace first, then ways to balance.
        pub(super) static ALL: &[Word] = &[$(Word {
            name: $name,
            others: &[$($other),*],
            what: $what,
            page: include_str!(concat!("../../../docs/src/words/", $name, ".md")),
        }),*];
    };
}

words! {
    "big-bang" ["bigbang" "recreate"] "all old instances end, then all new ones start";
    "rolling" ["rolling-update" "in-place"] "a few at a time, in place or with extra instances";
    "blue-green" ["bluegreen" "red-black"] "two whole sets, one of them live";
    "canary" ["canary-release" "traffic-splitting"] "a small share of the requests first";
    "round-robin" ["roundrobin" "rr" "weighted-round-robin"] "each instance in turn";
    "ip-hash" ["iphash" "source-hash" "sticky" "sticky-session" "sticky-sessions" "session-affinity"] "the client's address decides";
    "least-connections" ["least-connection" "least-conn" "leastconn"] "the fewest open connections";
    "weighted-least-connections" ["weighted-least-connection" "weighted-least-conn" "wlc"] "the fewest open connections for its size";
    "fastest-response" ["fastest" "least-time" "least-response-time" "response-time"] "whoever has answered fastest";
    "adaptive" ["resource-based" "dynamic"] "weights that follow the load";
    "l4-l7" ["l4" "l7" "l4-against-l7" "l4-vs-l7" "layer-4" "layer-7"] "connections or requests";
}

/// The word of this name, however it is spelled.
pub(super) fn find(word: &str) -> Option<&'static Word> {
    let wanted = normal(word);
    ALL.iter()
        .find(|word| word.name == wanted || word.others.contains(&wanted.as_str()))
}

/// `Blue/Green`, `blue_green` and `blue green` are `blue-green`.
pub(super) fn normal(word: &str) -> String {
    let parts = word.split(|c: char| c.is_whitespace() || matches!(c, '-' | '_' | '/'));
    let parts: Vec<String> = parts
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_one_page_and_one_spelling() {
        let mut seen = std::collections::BTreeSet::new();
        for word in ALL {
            let title = format!("# {}", word.name);
            assert_eq!(word.page.lines().next(), Some(title.as_str()));
            for name in std::iter::once(&word.name).chain(word.others) {
                assert_eq!(*name, normal(name));
                assert!(seen.insert(*name), "{name} is there twice");
                assert_eq!(find(name).map(|found| found.name), Some(word.name));
            }
        }
    }

    #[test]
    fn a_word_is_found_however_it_is_spelled() {
        for spelling in ["Blue/Green", "blue_green", " blue  green ", "BLUE-GREEN"] {
            assert_eq!(find(spelling).map(|word| word.name), Some("blue-green"));
        }
        assert!(find("").is_none());
    }
}
