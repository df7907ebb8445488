//! Which files of a folder are stacks, and the name of each, which its file does not say.

use super::Compiled;
use crate::change::stack_name;
use crate::cli::terminal;
use crate::diagnostics::render::escape_line;
use crate::targets::Object;
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};

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

/// Takes the files out that `docker compose` reads and `docker stack deploy` does not, by their names, and says so: what they hold is
/// deployed on no swarm.
pub(super) fn leave_out_those_of_compose(sides: [&mut Compiled; 2]) {
    let files = sides.each_ref().map(|side| written(side));
    let files: BTreeSet<&str> = files.iter().flatten().map(String::as_str).collect();
    let left: BTreeMap<&str, String> = files
        .iter()
        .filter_map(|path| Some((*path, why_of_compose(path, &files)?)))
        .collect();
    for (path, why) in &left {
        terminal::say(&format!("note: `{}` is left out: {why}", escape_line(path)));
    }
    for objects in sides.into_iter().filter_map(of_swarm) {
        objects.retain(|it| it.kind == Object::FILE || !left.contains_key(it.file.as_str()));
    }
}

/// The folder of a YAML file with the slash, and its name without the end.
fn parts(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    let ends = [".yml", ".yaml"];
    let name = ends.into_iter().find_map(|end| name.strip_suffix(end))?;
    Some((folder, name))
}

/// Why a file is none of `docker stack deploy`, where its name and those beside it say so (docs.docker.com/compose/intro/compose-application-model,
/// The Compose file; docs.docker.com/compose/how-tos/multiple-compose-files/merge).
fn why_of_compose(path: &str, files: &BTreeSet<&str>) -> Option<String> {
    let (folder, name) = parts(path)?;
    let beside = || {
        let all = files.iter().filter_map(|it| Some((*it, parts(it)?)));
        all.filter(|(_, (other, _))| *other == folder)
    };
    if let Some(of) = name.strip_suffix(".override") {
        let (of, _) = beside().find(|(_, (_, name))| *name == of)?;
        return Some(format!(
            "`docker compose` merges it into `{}`, and `docker stack deploy` does not",
            escape_line(of)
        ));
    }
    let says_stack = |name: &str| {
        let mut words = name.split(['-', '_']);
        words.any(|it| it.eq_ignore_ascii_case("stack") || it.eq_ignore_ascii_case("swarm"))
    };
    let is_default = matches!(name, "compose" | "docker-compose");
    let (stack, _) = beside().find(|(_, (_, name))| is_default && says_stack(name))?;
    Some(format!(
        "beside `{}` it is `docker compose`'s; to plan it, name the file itself",
        escape_line(stack)
    ))
}

/// Gives the files of each side that would be one stack by their names a stack each, the same one on both sides: `shop-prod` of `shop.prod.yml`
/// beside `shop.staging.yml`, and `blog-stack` of `blog/stack.yml` beside `wiki/stack.yml`.
pub(super) fn tell_apart(sides: [&mut Compiled; 2]) {
    let files = sides.each_ref().map(|side| written(side));
    let all: BTreeSet<&String> = files.iter().flatten().collect();
    let all: Vec<&String> = all.into_iter().collect();
    let mut names: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for path in &all {
        names.insert(path, (0, stack_name(path).to_owned()));
    }
    for _ in 0..3 {
        let mut shared: BTreeSet<String> = BTreeSet::new();
        for side in &files {
            let mut seen = BTreeSet::new();
            let of_side = side.iter().filter_map(|path| names.get(path.as_str()));
            shared.extend(
                of_side
                    .filter(|(_, name)| !seen.insert(name))
                    .map(|(_, name)| name.clone()),
            );
        }
        for (index, path) in all.iter().enumerate() {
            if let Some((level, name)) = names.get_mut(path.as_str())
                && shared.contains(name)
            {
                *level += 1;
                let (folder, file) = parts(path).unwrap_or(("", path));
                *name = match *level {
                    1 => file.replace('.', "-"),
                    2 => format!("{folder}{file}").replace(['.', '/'], "-"),
                    _ => format!("{folder}{file}-{index}").replace(['.', '/'], "-"),
                };
            }
        }
    }
    for objects in sides.into_iter().filter_map(of_swarm) {
        for object in objects.iter_mut().filter(|it| it.kind != Object::FILE) {
            if let Some((1.., name)) = names.get(object.file.as_str()) {
                let folder = parts(&object.file).map_or("", |(folder, _)| folder);
                object.file = format!("{folder}{name}.yml");
            }
        }
    }
}

/// What a side asks of a swarm, where it is manifests.
fn of_swarm(side: &mut Compiled) -> Option<&mut Vec<Object>> {
    let is_manifests = side.inspection.graph.is_none();
    let mut objects = side.inspection.objects.iter_mut();
    let (_, objects) = objects.find(|(of, _)| *of == TargetId::Swarm && is_manifests)?;
    Some(objects)
}

/// The stack files of a side that is manifests.
fn written(side: &Compiled) -> BTreeSet<String> {
    let files = of_stacks(side).into_iter();
    let files = files.filter(|_| side.inspection.graph.is_none());
    files.map(ToOwned::to_owned).collect()
}

/// The stack files of a side.
fn of_stacks(side: &Compiled) -> BTreeSet<&str> {
    let objects = side.inspection.objects.iter();
    let objects = objects.filter(|(of, _)| *of == TargetId::Swarm);
    let objects = objects.flat_map(|(_, objects)| objects);
    let objects = objects.filter(|it| it.kind != Object::FILE);
    objects.map(|it| it.file.as_str()).collect()
}
