//! `zdc check`: judge, and write nothing.

use super::arguments::{Judging, Program};
use super::invocation::Invocation;
use super::{Exit, Failure, terminal};
use crate::diagnostics::render::Format;
use clap::Args;

/// Judge a program without writing anything
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc check
  zdc check shop/app.zd --target kubernetes --deny-warnings
  zdc check --format sarif > zdc.sarif")]
pub(super) struct Check {
    #[command(flatten)]
    program: Program,
    #[command(flatten)]
    judging: Judging,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let invocation = Invocation::compile(&self.program, &self.judging.targets)?;
        if !invocation.tell(self.judging.telling(&self.program, false))? {
            return Ok(Exit::Found);
        }
        if !self.judging.quiet && self.judging.format == Format::Human {
            let main = invocation.project.main_shown();
            let words: Vec<&str> = invocation
                .targets
                .iter()
                .map(|target| target.word())
                .collect();
            let targets = words.join(", ");
            terminal::say(&format!(
                "{main} is sound for {targets} ({})",
                invocation.elapsed()
            ));
        }
        Ok(Exit::Success)
    }
}
