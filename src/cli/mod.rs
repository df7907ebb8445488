//! The command line: the only room with a door to the disk, the environment, the clock and the
//! terminal. One file for each subcommand; what several of them need stands beside them.
#![allow(
    clippy::disallowed_methods,
    reason = "this is the door to the outside that the rest of the crate does not have"
)]

mod arguments;
mod build;
mod check;
mod completions;
mod disk;
mod doc;
mod drawing;
mod explain;
mod fix;
mod graph;
mod init;
mod invocation;
mod model;
mod output;
mod params;
mod plan;
mod project;
mod rollout;
mod terminal;
mod test;
mod why;

use clap::{Parser, Subcommand};
use std::fmt;
use std::process::ExitCode;

/// A compiler for deployments that refuses to ship downtime.
#[derive(Debug, Parser)]
#[command(
    name = "zdc",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  zdc init shop                     a first app.zd that builds
  zdc build                         app.zd to manifests/, one folder for each target
  zdc build --target swarm --stdout | docker stack deploy -c - shop
  zdc test                          the `test` blocks of all programs here
  zdc build --check                 in CI: are the committed manifests up to date?
  zdc plan                          what deploying the working tree changes since the last commit
  zdc explain ZD4003                what a code means and how to fix it
  zdc why manifests/swarm/shop.yml:14   what put this line there

Exit codes: 0 done, 1 errors in the program, failed tests or stale manifests, 2 usage or files."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::Build),
    Check(check::Check),
    Explain(explain::Explain),
    Init(init::Init),
    Graph(graph::Graph),
    Test(test::Test),
    Doc(doc::Doc),
    Model(model::Model),
    Rollout(rollout::Rollout),
    Why(why::Why),
    Plan(plan::Plan),
    Completions(completions::Completions),
}

/// How the program ends, where nothing was wrong with its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Success,
    /// The program has errors, a test failed, or the manifests are stale.
    Found,
    /// Something changes, and that was asked for.
    Changes,
    /// SIGINT or SIGTERM.
    Interrupted,
}

/// Wrong use, or files that cannot be read or written.
#[derive(Debug)]
struct Failure {
    message: String,
    help: Option<String>,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Runs the program on the process's arguments.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => return misused(&refused),
    };
    let ended = match cli.command {
        Command::Build(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Graph(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Doc(command) => command.run(),
        Command::Model(command) => command.run(),
        Command::Rollout(command) => command.run(),
        Command::Why(command) => command.run(),
        Command::Plan(command) => return command.end(),
        Command::Completions(command) => command.run(),
    };
    exit(ended, 2)
}

/// Says what is wrong with the words of a command, or what was asked for in their place, such as its help.
fn misused(refused: &clap::Error) -> ExitCode {
    // There is nobody else to tell where that fails.
    let _ = refused.print();
    let detailed = std::env::args_os().any(|word| word == "--detailed-exitcode");
    ExitCode::from(match (refused.use_stderr(), detailed) {
        (false, _) => 0,
        // 2 says that something changes.
        (true, true) => 1,
        (true, false) => 2,
    })
}

/// The exit code of what ended so; wrong use has one of its own.
fn exit(ended: Result<Exit, Failure>, misused: u8) -> ExitCode {
    ExitCode::from(match ended {
        Ok(Exit::Success) => 0,
        Ok(Exit::Found) => 1,
        Ok(Exit::Changes) => 2,
        Ok(Exit::Interrupted) => 130,
        Err(failure) => {
            terminal::say(&failure.to_string());
            misused
        }
    })
}
