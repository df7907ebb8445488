//! shellcheck finds nothing in the shell scripts that were written.

use std::process::Command;

use crate::programs::{self, Program};
use crate::{Test, machine};

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    programs::each(programs, "shell", ("", &["sh"]), |_, files| {
        let mut command = Command::new(machine::installed("shellcheck", "shellcheck")?);
        // What a script reads is judged with it.
        command.args(["--external-sources", "--"]).args(files);
        machine::run(command)?;
        Ok(())
    })
}
