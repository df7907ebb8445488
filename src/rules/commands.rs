//! What a service runs, where that keeps it from being stopped well.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise};
use crate::source::Spanned;
use crate::types::Text;

/// A shell between who sends SIGTERM and the program.
///
/// docs.docker.com, Dockerfile reference, "Shell form ENTRYPOINT example": a process that a shell started gets no
/// signals. dash 0.5.12 with `-c` stays in front even of a single command; bash 5.2 gives its place to the last one.
pub(super) fn shells(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let body = &service.node.service.body;
        let promised = matches!(graph.promise(service), Promise::Capacity { .. });
        let Some(command) = body.command.as_ref().filter(|_| promised) else {
            continue;
        };
        let arguments = body.args.iter().flat_map(|args| &args.value);
        let words: Vec<&Spanned<Text>> = command.value.iter().chain(arguments).collect();
        let Some(script) = script_in_front(&words) else {
            continue;
        };
        diagnostics.push(
            Diagnostic::new(
                &catalogue::SHELL_KEEPS_SIGNAL,
                format!(
                    "`{}` is not told to stop: the shell in front of it is",
                    service.name()
                ),
                script.span,
            )
            .labelled("the shell stays, and passes no signal on")
            .help(
                "write `exec` before the last command of the script, or leave the shell out: `command = [\"program\", …]`",
            )
            .about(service.name()),
        );
    }
}

/// The script that a shell is given, where the shell stays in front of its last command.
fn script_in_front<'w>(words: &[&'w Spanned<Text>]) -> Option<&'w Spanned<Text>> {
    const SHELLS: [&str; 3] = ["sh", "dash", "ash"];
    let known = |word: &'w Spanned<Text>| match &word.value {
        Text::Known(text) => Some(&**text),
        Text::Pieces(_) => None,
    };
    let (shell, rest) = words.split_first()?;
    let shell = known(shell)?;
    if !SHELLS.contains(&shell.rsplit('/').next().unwrap_or(shell)) {
        return None;
    }
    // `-c` may stand among other letters: `-ec`.
    let options = rest
        .iter()
        .take_while(|word| known(word).is_some_and(|it| it.starts_with('-')));
    let options: Vec<&str> = options.filter_map(|word| known(word)).collect();
    let script = rest
        .get(options.len())
        .filter(|_| options.iter().any(|it| it.contains('c')))?;
    stays_in_front(&start_of_last_command(&script.value)?).then_some(*script)
}

/// What a script's last command begins with; `None` where that is not known, or where the script has a `trap`.
fn start_of_last_command(script: &Text) -> Option<String> {
    let text = match script {
        Text::Known(text) => text.to_string(),
        // What is filled in later is a word like another.
        Text::Pieces(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                crate::types::Piece::Literal(text) => text.to_string(),
                _ => "value".to_owned(),
            })
            .collect(),
    };
    if text.split_whitespace().any(|word| word == "trap") {
        return None;
    }
    let mut quote = None;
    let ends_a_command = |c: char| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        quote.is_none() && matches!(c, '\n' | ';' | '&' | '|')
    };
    let commands = text.split(ends_a_command).map(str::trim);
    let last = commands.filter(|command| !command.is_empty()).last()?;
    Some(last.to_owned())
}

/// Whether a shell waits for a command: not for one that takes its place.
fn stays_in_front(command: &str) -> bool {
    let mut words = command
        .split_whitespace()
        .map(|word| word.trim_start_matches(['(', '{']));
    // `NAME=value exec program`
    let first = words.find(|word| !word.is_empty() && !word.contains('='));
    first.is_some_and(|first| first != "exec")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stays(script: &str) -> bool {
        start_of_last_command(&Text::Known(script.into())).is_some_and(|it| stays_in_front(&it))
    }

    #[test]
    fn a_shell_stays_unless_the_last_command_takes_its_place() {
        for script in [
            "node server.js",
            "cd /app && node server.js",
            "migrate; serve\n",
            "exec a; b",
        ] {
            assert!(stays(script), "{script}");
        }
        for script in [
            "exec node server.js",
            "exec java '-Dflags=a;b'",
            "cd /app && exec node server.js",
            "export A=1\nA=2 exec serve --port=80\n",
            "trap 'kill $child' TERM; serve & child=$!; wait",
            "",
        ] {
            assert!(!stays(script), "{script}");
        }
    }
}
