//! `zdc completions`: a shell's script.

use super::{Cli, Exit, Failure, terminal};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Write a shell's completion script
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc completions bash > /etc/bash_completion.d/zdc
  zdc completions zsh > ~/.zfunc/_zdc
  zdc completions fish > ~/.config/fish/completions/zdc.fish")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "zdc", &mut script);
        terminal::to_output(|out| out.write_all(&script))?;
        Ok(Exit::Success)
    }
}
