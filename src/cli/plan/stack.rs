//! The name of a stack, which its file does not say.

use super::Compiled;
use crate::change::stack_name;
use crate::cli::terminal;
use crate::diagnostics::render::escape_line;
use crate::targets::Object;
use crate::vocabulary::TargetId;
use std::collections::BTreeSet;

/// Has a single stack file go by the name of the one stack of the program beside it, whatever the file is called (`docker-stack.yml`), and
/// says so.
pub(super) fn go_by_that_of(
    (side, single): (&mut Compiled, Option<&str>),
    (program, name): (&Compiled, &str),
) {
    let Some(single) = single.filter(|_| program.inspection.graph.is_some()) else {
        return;
    };
    let mut files = of_stacks(program).into_iter();
    let Some(file) = files.next().filter(|_| files.next().is_none()) else {
        return;
    };
    let file = file.rsplit('/').next().unwrap_or(file);
    if stack_name(file) == stack_name(single) || !of_stacks(side).contains(single) {
        return;
    }
    let of_swarm = side.inspection.objects.iter_mut();
    let of_swarm = of_swarm.filter(|(of, _)| *of == TargetId::Swarm);
    let objects = of_swarm.flat_map(|(_, objects)| objects);
    for object in objects.filter(|it| it.file == single) {
        file.clone_into(&mut object.file);
    }
    let [single, stack, name] = [single, stack_name(file), name].map(escape_line);
    terminal::say(&format!(
        "note: `{single}` is compared as stack `{stack}` of `{name}`: a file does not say what its stack is called"
    ));
}

/// The stack files of a side.
fn of_stacks(side: &Compiled) -> BTreeSet<&str> {
    let objects = side.inspection.objects.iter();
    let objects = objects.filter(|(of, _)| *of == TargetId::Swarm);
    let objects = objects.flat_map(|(_, objects)| objects);
    let objects = objects.filter(|it| it.kind != Object::FILE);
    objects.map(|it| it.file.as_str()).collect()
}
