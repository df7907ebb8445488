//! shellcheck finds nothing in the shell scripts that were written.

use std::process::Command;

use crate::programs::{self, Program};
use crate::{Test, machine};

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    programs::each(programs, "shell", ("", &["sh"]), |_, files| {
        let mut command = Command::new(machine::installed("shellcheck", "shellcheck")?);
        command.arg("--").args(files);
        machine::run(command)?;
        Ok(())
    })
}
