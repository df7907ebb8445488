use super::*;
use crate::diagnostics::catalogue::{NOT_YET, SYNTAX_ERROR};
use crate::source::{FileId, Span};

const PLAIN: Style = Style {
    color: false,
    unicode: true,
    width: Some(80),
};

/// Two files: the second has tabs, wide and hostile characters.
fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add(
        "app.zd",
        "app shop {\n  targets = [swram]\n}\n\nservice web {\n  image = \"a\"\n}\n",
    );
    sources.add(
        "lib/x.zd",
        "let a = \"\u{1b}[31m\u{9b}1m\u{202e}\"\r\n\tlet 名前 = 1 + 10s\n",
    );
    sources
}

fn at(sources: &Sources, file: u32, text: &str) -> Span {
    let file = FileId(file);
    let start = sources.get(file).unwrap().text.find(text).unwrap();
    Span::new(file, start, start + text.len())
}

fn text(format: Format, diagnostics: &[Diagnostic], style: Style) -> String {
    let sources = sources();
    let shown = Shown {
        sources: &sources,
        diagnostics,
        folder: "shop/",
    };
    let mut out = Vec::new();
    render(format, &shown, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn conflict() -> Diagnostic {
    let sources = sources();
    let word = at(&sources, 0, "swram");
    Diagnostic::new(&SYNTAX_ERROR, "there is no target `swram`", word)
        .labelled("not a target")
        .and(at(&sources, 1, "1 + 10s"), "asked for here")
        .note("what is not written is not deployed")
        .help("the targets are swarm, nginx and kubernetes")
        .replace(word, "swarm ")
}

fn note() -> Diagnostic {
    let mut note = Diagnostic::new(
        &NOT_YET,
        "`web` has no\nhealth check",
        at(&sources(), 0, "service web"),
    )
    .help("give it one");
    note.severity = Severity::Note;
    note
}

#[test]
fn people_see_both_ends_of_a_conflict() {
    insta::assert_snapshot!(text(Format::Human, &[conflict(), note()], PLAIN), @r#"
    error[ZD0001] syntax-error

      × there is no target `swram`
      ╰─▶ what is not written is not deployed
       ╭─[shop/app.zd:2:14]
     1 │ app shop {
     2 │   targets = [swram]
       ·              ──┬──
       ·                ╰── not a target
     3 │ }
       ╰────
       ╭─[shop/lib/x.zd:2:11]
     1 │ let a = "\u{1b}[31m\u{9b}1m\u{202e}"
     2 │     let 名前 = 1 + 10s
       ·                ───┬───
       ·                   ╰── asked for here
       ╰────
      help: the targets are swarm, nginx and kubernetes

    note[ZD0003] shop/app.zd:5:1: `web` has no\nhealth check
      help: give it one

    1 error, 1 note
    "#);
}

#[test]
fn a_narrow_ascii_terminal_is_served() {
    let style = Style {
        color: false,
        unicode: false,
        width: Some(40),
    };
    insta::assert_snapshot!(text(Format::Human, &[note(), conflict()], style), @r#"
    note[ZD0003] shop/app.zd:5:1: `web` has no\nhealth check
      help: give it one

    error[ZD0001] syntax-error

      x there is no target `swram`
      `-> what is not written is not
          deployed
       ,-[shop/app.zd:2:14]
     1 | app shop {
     2 |   targets = [swram]
       :              ^^|^^
       :                `-- not a target
     3 | }
       `----
       ,-[shop/lib/x.zd:2:11]
     1 | let a = "\u{1b}[31m\u{9b}1m\u{202e}"
     2 |     let 名前 = 1 + 10s
       :                ^^^|^^^
       :                   `-- asked for here
       `----
      help: the targets are swarm, nginx
            and kubernetes

    1 error, 1 note
    "#);
}

#[test]
fn colours_are_only_there_when_asked_for() {
    let style = Style {
        color: true,
        ..PLAIN
    };
    assert!(
        text(Format::Human, &[conflict(), note()], style)
            .contains("\u{1b}[1;31m1 error, 1 note\u{1b}[0m")
    );
    assert!(!text(Format::Human, &[conflict(), note()], PLAIN).contains('\u{1b}'));
}

#[test]
fn hostile_characters_never_reach_a_terminal() {
    let sources = sources();
    let hostile = "\u{1b}]0;x\u{7}\u{9b}\u{202e}\r";
    let diagnostic = Diagnostic::new(&SYNTAX_ERROR, hostile, at(&sources, 1, "\u{9b}1m"))
        .labelled(hostile)
        .help(hostile)
        .note(hostile)
        .replace(at(&sources, 1, "let a"), hostile);
    let mut as_note = diagnostic.clone();
    as_note.severity = Severity::Note;
    for format in [Format::Human, Format::Json, Format::Sarif, Format::Github] {
        let text = text(format, &[diagnostic.clone(), as_note.clone()], PLAIN);
        let raw = text
            .chars()
            .find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(raw, None, "{format:?}: {text}");
    }
}

#[test]
fn a_label_stands_under_its_text_whatever_stands_before_it() {
    let sources = sources();
    let diagnostic = Diagnostic::new(&SYNTAX_ERROR, "m", at(&sources, 1, "10s")).labelled("here");
    let shown = text(Format::Human, &[diagnostic], PLAIN);
    let lines: Vec<&str> = shown.lines().collect();
    let source = lines.iter().position(|line| line.contains("10s")).unwrap();
    // Each of the two wide characters takes two columns and is one character.
    let column = lines[source].chars().position(|c| c == 's').unwrap();
    let mark = lines[source + 1].chars().position(|c| c == '┬').unwrap();
    assert_eq!(mark, column - 1 + 2, "{shown}");
}

#[test]
fn places_count_characters_from_one() {
    let diagnostic = Diagnostic::new(&SYNTAX_ERROR, "m", at(&sources(), 1, "10s"));
    let json: serde_json::Value =
        serde_json::from_str(&text(Format::Json, &[diagnostic], PLAIN)).unwrap();
    let label = &json["labels"][0];
    assert_eq!(label["path"], "shop/lib/x.zd");
    assert_eq!((&label["line"], &label["column"]), (&2.into(), &15.into()));
    assert_eq!(label["end_column"], 18);
}

#[test]
fn places_agree_with_the_slow_way_in_a_large_file() {
    let line = "é".repeat(700);
    let mut sources = Sources::default();
    let file = sources.add("a.zd", format!("{line}\n{line}{line}\nx\n").as_str());
    let length = sources.get(file).unwrap().text.len();
    let diagnostics: Vec<Diagnostic> = (0..=length)
        .step_by(101)
        .chain([length])
        .map(|at| Diagnostic::new(&SYNTAX_ERROR, "m", Span::new(file, at & !1, length)))
        .collect();
    let shown = Shown {
        sources: &sources,
        diagnostics: &diagnostics,
        folder: "",
    };
    let places = places::Places::of(&shown);
    for span in diagnostics.iter().filter_map(Diagnostic::span) {
        let place = places.place(span).unwrap();
        if sources
            .get(file)
            .unwrap()
            .text
            .is_char_boundary(span.start as usize)
        {
            assert_eq!((place.line, place.column), sources.position(span));
        }
    }
}

#[test]
fn long_lines_and_long_spans_are_cut() {
    let mut sources = Sources::default();
    let file = sources.add(
        "a.zd",
        format!(
            "{}x{}\n{}",
            "a".repeat(9000),
            "b".repeat(9000),
            "c\n".repeat(999)
        )
        .as_str(),
    );
    let diagnostics = [
        Diagnostic::new(&SYNTAX_ERROR, "long line", Span::new(file, 9000, 9001)).labelled("here"),
        Diagnostic::new(&SYNTAX_ERROR, "long span", Span::new(file, 18_002, 19_900))
            .labelled("all"),
        Diagnostic::new(&SYNTAX_ERROR, "outside", Span::new(file, 90_000, 90_001)).labelled("end"),
        Diagnostic::new(&SYNTAX_ERROR, "no such file", Span::new(FileId(9), 0, 1)),
    ];
    let shown = Shown {
        sources: &sources,
        diagnostics: &diagnostics,
        folder: "",
    };
    let mut out = Vec::new();
    render(Format::Human, &shown, PLAIN, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.len() < 4000, "{}", text.len());
    assert!(
        text.contains("…aaa") && text.contains("axb") && text.contains("bbb…"),
        "{text}"
    );
    assert!(text.contains("a.zd:1:9001"), "{text}");
}

#[test]
fn an_empty_file_has_a_place() {
    let mut sources = Sources::default();
    let file = sources.add("a.zd", "");
    let diagnostics =
        [Diagnostic::new(&SYNTAX_ERROR, "empty", Span::new(file, 0, 0)).labelled("here")];
    let shown = Shown {
        sources: &sources,
        diagnostics: &diagnostics,
        folder: "",
    };
    let mut out = Vec::new();
    render(Format::Human, &shown, PLAIN, &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("a.zd:1:1"));
}

#[test]
fn a_hundred_are_shown_and_errors_come_before_the_rest() {
    let mut diagnostics = vec![note(); 150];
    diagnostics.push(conflict());
    let text = text(Format::Human, &diagnostics, PLAIN);
    assert!(text.contains("there is no target"));
    assert!(
        text.ends_with("… and 51 more\n1 error, 150 notes\n"),
        "{text}"
    );
}

#[test]
fn an_edit_is_said_once() {
    let sources = sources();
    let span = at(&sources, 0, "swram");
    let plain = |help: Option<&str>, edit: &str| {
        let mut diagnostic = Diagnostic::new(&SYNTAX_ERROR, "m", span).replace(span, edit);
        diagnostic.help = help.map(str::to_owned);
        super::edit(&diagnostic, &sources)
    };
    assert_eq!(plain(None, "swarm"), Some("write `swarm`".to_owned()));
    assert_eq!(plain(Some("write `swarm`"), "swarm"), None);
    assert_eq!(plain(None, ""), Some("remove `swram`".to_owned()));
    assert_eq!(plain(None, "a\nb"), Some("write\na\nb".to_owned()));
}

#[test]
fn sarif_has_what_its_schema_asks_for() {
    let log: serde_json::Value =
        serde_json::from_str(&text(Format::Sarif, &[conflict(), note()], PLAIN)).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "ZD0001");
    let result = &run["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["ruleIndex"]),
        (&"ZD0001".into(), &0.into())
    );
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "shop/app.zd");
    assert_eq!(place["region"]["startLine"], 2);
    assert_eq!(
        result["relatedLocations"][0]["message"]["text"],
        "asked for here"
    );
    assert_eq!(
        result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "swarm "
    );
    assert_eq!(run["results"][1]["level"], "note");
    // Nothing found is still a log.
    let empty: serde_json::Value = serde_json::from_str(&text(Format::Sarif, &[], PLAIN)).unwrap();
    assert_eq!(empty["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn github_gets_one_command_a_diagnostic() {
    insta::assert_snapshot!(text(Format::Github, &[conflict(), note()], PLAIN), @r"
    ::error file=shop/app.zd,line=2,endLine=2,col=14,endColumn=19,title=ZD0001 syntax-error::there is no target `swram`%0Ashop/lib/x.zd:2: asked for here%0Awhat is not written is not deployed%0Ahelp: the targets are swarm, nginx and kubernetes
    ::notice file=shop/app.zd,line=5,endLine=5,col=1,endColumn=12,title=ZD0003 not-yet::`web` has no%0Ahealth check%0Ahelp: give it one
    ");
}
