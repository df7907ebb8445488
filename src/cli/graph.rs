//! `zdc graph`: who reaches whom, as a picture.

use super::arguments::Program;
use super::drawing::{self, Drawing};
use super::invocation::{Invocation, Telling};
use super::{Exit, Failure, terminal};
use crate::diagnostics::Severity;
use clap::{Args, ValueEnum};

/// Draw who reaches whom
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc graph --format svg > graph.svg
  zdc graph shop/app.zd | dot -Tpng > graph.png
  zdc graph --format mermaid")]
pub(super) struct Graph {
    #[command(flatten)]
    program: Program,

    /// How it is drawn
    #[arg(long, value_name = "FORMAT", default_value = "dot", value_enum)]
    format: Picture,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Picture {
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
    /// As it is
    Svg,
}

impl Graph {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let invocation = Invocation::compile(&self.program, &[], None)?;
        let found = &invocation.compilation.diagnostics;
        let broken = found.iter().any(|found| found.severity == Severity::Error);
        // Warnings are for a build to tell.
        if broken {
            invocation.tell(Telling::aside(self.program.color))?;
        }
        if let Some(graph) = &invocation.compilation.graph {
            let drawing = Drawing::of(graph);
            let text = match self.format {
                Picture::Dot => drawing::dot(&drawing),
                Picture::Mermaid => drawing::mermaid(&drawing),
                Picture::Svg => drawing::svg(&drawing),
            };
            terminal::to_output(|out| out.write_all(text.as_bytes()))?;
        }
        Ok(if broken { Exit::Found } else { Exit::Success })
    }
}
