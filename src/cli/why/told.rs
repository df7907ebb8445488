//! The answer of `zdc why`, for people and for programs.

use crate::cli::project::show;
use crate::diagnostics::render::{Style, escape_line};
use crate::provenance::{Influence, Owner, Provenance};
use crate::source::{Sources, Span};
use crate::vocabulary::TargetId;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// So many of what a line depends on are told to people.
const MOST: usize = 8;

/// What there is to tell.
pub(super) struct Told<'a> {
    pub(super) file: &'a Path,
    pub(super) number: usize,
    pub(super) line: &'a str,
    pub(super) target: TargetId,
    /// `None` where the line is the mark of zdc.
    pub(super) provenance: Option<&'a Provenance>,
    pub(super) program: &'a str,
    /// What stands before a project path where it is shown.
    pub(super) folder: &'a str,
    pub(super) sources: &'a Sources,
}

impl Told<'_> {
    pub(super) fn human(&self, style: Style) -> String {
        let mut text = String::new();
        let place = format!("{}:{}", show(self.file), self.number);
        // Writing to a string never fails.
        let _ = writeln!(text, "{}", bold(&place, style));
        let _ = writeln!(text, "    {}\n", escape_line(self.line.trim()));
        let Some(provenance) = self.provenance else {
            let _ = writeln!(
                text,
                "the mark of zdc: by it `zdc build` knows its own files"
            );
            return text;
        };
        let _ = writeln!(text, "{}", self.reason(provenance));
        if let Some(setting) = provenance.computed() {
            for law in &setting.must {
                let _ = writeln!(text, "    {}", law.numbers());
            }
            let _ = writeln!(text, "    {}", setting.because);
        }
        if !provenance.from.is_empty() && provenance.computed().is_some() {
            text.push_str("it depends on\n");
        }
        for influence in provenance.from.iter().take(MOST) {
            self.influence(&mut text, influence);
        }
        let more = provenance.from.len().saturating_sub(MOST);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more, which `--format json` has");
        }
        if provenance.from.is_empty()
            && let Some(owner) = &provenance.of
        {
            self.place(&mut text, &of(owner), owner.span);
        }
        if provenance.unseen > 0 {
            let _ = writeln!(
                text,
                "not looked at: {} of the resources that neither this line names nor its service refers to",
                provenance.unseen
            );
        }
        text
    }

    /// In a line.
    fn reason(&self, provenance: &Provenance) -> String {
        let target = self.target.word();
        match (provenance.computed(), provenance.from.is_empty()) {
            (Some(setting), _) => match setting.must.first() {
                Some(law) => format!("{}: {}", setting.origin.word(), law.law()),
                None => format!("{}: {}", setting.origin.word(), setting.name),
            },
            (None, false) => "because of".to_owned(),
            (None, true) if provenance.of.is_some() => {
                format!("the default shape of target {target}")
            }
            (None, true) => format!("target {target} writes it for every program"),
        }
    }

    fn influence(&self, text: &mut String, influence: &Influence) {
        let owner = of(&influence.owner);
        let what = match &*influence.property {
            "" => owner,
            property => format!("`{}` of {owner}", escape_line(property)),
        };
        self.place(text, &what, influence.span);
        // What stands in the line of its key needs no mention of its own.
        let line = |span: Span| (span.file, self.sources.position(span).0);
        if line(influence.span) != line(influence.value) {
            self.place(text, "its value", influence.value);
        }
    }

    fn place(&self, text: &mut String, what: &str, span: Span) {
        let (path, line, column) = self.position(span);
        let _ = writeln!(
            text,
            "  {what}\n      {path}:{line}:{column}: {}",
            self.source_line(span)
        );
    }

    fn position(&self, span: Span) -> (String, usize, usize) {
        let (line, column) = self.sources.position(span);
        let path = match self.sources.get(span.file) {
            Some(source) => format!("{}{}", self.folder, source.path),
            None => self.program.to_owned(),
        };
        (escape_line(&path).into_owned(), line, column)
    }

    fn source_line(&self, span: Span) -> String {
        let source = self.sources.get(span.file);
        let (line, _) = self.sources.position(span);
        let text = source.and_then(|source| source.text.lines().nth(line - 1));
        escape_line(text.unwrap_or_default().trim()).into_owned()
    }

    pub(super) fn json(&self) -> String {
        let setting = self.provenance.and_then(|it| it.setting.as_ref());
        let answer = json!({
            "file": self.file.to_string_lossy(),
            "line": self.number,
            "text": self.line,
            "target": self.target.word(),
            "because": match self.provenance {
                None => "mark",
                Some(it) if it.computed().is_some() => "derived",
                Some(it) if !it.from.is_empty() => "written",
                Some(_) => "default",
            },
            "of": self.provenance.and_then(|it| it.of.as_ref()).map(|owner| self.owner(owner)),
            "from": self.provenance.map_or_else(Vec::new, |it| {
                it.from.iter().map(|influence| self.json_of(influence)).collect::<Vec<_>>()
            }),
            "unseen": self.provenance.map_or(0, |it| it.unseen),
            "setting": setting.map(|setting| json!({
                "name": setting.name,
                "from": setting.origin.word(),
                "must": setting.must.iter().map(|law| json!({
                    "law": law.law(),
                    "numbers": law.numbers(),
                })).collect::<Vec<_>>(),
                "because": setting.because,
                "source": setting.source,
            })),
        });
        format!("{answer:#}\n")
    }

    fn json_of(&self, influence: &Influence) -> Value {
        json!({
            "property": influence.property,
            "of": self.owner(&influence.owner),
            "at": self.at(influence.span),
            "value": self.at(influence.value),
        })
    }

    fn owner(&self, owner: &Owner) -> Value {
        json!({ "kind": owner.kind, "name": owner.name, "at": self.at(owner.span) })
    }

    fn at(&self, span: Span) -> Value {
        let (path, line, column) = self.position(span);
        json!({ "file": path, "line": line, "column": column })
    }
}

/// A service by its kind and name; the app by its kind.
fn of(owner: &Owner) -> String {
    match &*owner.name {
        "" => format!("`{}`", owner.kind),
        name => format!("{} `{}`", owner.kind, escape_line(name)),
    }
}

fn bold(text: &str, style: Style) -> String {
    if style.color {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
