//! The `zdc` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    zdc::cli::run()
}
