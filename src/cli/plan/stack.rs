//! Which files of a folder are stacks, and the name of each, which its file does not say.

use super::Compiled;
use crate::change::{VARIANT, stack_name};
use crate::cli::terminal;
use crate::diagnostics::render::escape_line;
use crate::targets::{Content, Object};
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

/// The stack files of a side, each with its services.
type Files<'o> = BTreeMap<&'o str, BTreeMap<&'o str, &'o Object>>;

/// Takes the files out that are no stack by themselves, and says so: those that `docker compose` reads, and those that are merged into another
/// one. Where a file is one on either side it stays on both.
pub(super) fn leave_out_those_of_compose(sides: [&mut Compiled; 2]) {
    let files = sides.each_ref().map(|side| files(side));
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    for path in files.iter().flat_map(BTreeMap::keys) {
        let has_it = files.iter().filter(|files| files.contains_key(path));
        let whys: Option<Vec<String>> = has_it.map(|files| why_left_out(path, files)).collect();
        if let Some(why) = whys.and_then(|mut whys| whys.pop()) {
            left.insert((*path).to_owned(), why);
        }
    }
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

/// The names by which `docker compose` finds a file.
fn is_default(name: &str) -> bool {
    matches!(name, "compose" | "docker-compose")
}

/// Whether the name of a file says that it is a stack's.
pub(super) fn says_stack(path: &str) -> bool {
    let (_, name) = parts(path).unwrap_or_default();
    let mut words = name.split(['-', '_']);
    words.any(|it| it.eq_ignore_ascii_case("stack") || it.eq_ignore_ascii_case("swarm"))
}

/// Why a file is no stack by itself, as far as its name and services and those of the files beside it say so.
fn why_left_out(path: &str, files: &Files<'_>) -> Option<String> {
    let (folder, name) = parts(path)?;
    let own = files.get(path)?;
    let beside = || {
        let all = files
            .iter()
            .filter_map(|(it, has)| Some((*it, parts(it)?, has)));
        all.filter(|(it, (other, _), _)| *other == folder && *it != path)
            .map(|(it, (_, name), has)| (it, name, has))
    };
    // docs.docker.com/compose/how-tos/multiple-compose-files/merge
    if name.strip_suffix(".override").is_some_and(is_default) {
        let (of, _, _) = beside().find(|(_, name, _)| is_default(name))?;
        return Some(format!(
            "`docker compose` merges it into `{}`, and `docker stack deploy` does not",
            escape_line(of)
        ));
    }
    // No stack is built, and most say how they are deployed.
    let is_built = || own.values().any(|it| has(it, "build"));
    let is_of_developers = || is_built() || !own.values().any(|it| has(it, "deploy"));
    if is_default(name) && is_of_developers() {
        let has_one_of_it = |has: &BTreeMap<&str, &Object>| {
            let mut shared = has.iter().filter(|(name, _)| own.contains_key(*name));
            shared.any(|(_, it)| is_whole(it))
        };
        let stack = beside().find(|(it, _, has)| says_stack(it) && has_one_of_it(has));
        if let Some((stack, _, _)) = stack {
            return Some(format!(
                "beside `{}` it is `docker compose`'s; to plan it, name the file itself",
                escape_line(stack)
            ));
        }
    }
    // Another stack may have a service of the name.
    let bases = beside().filter_map(|(it, name, has)| {
        let mut parts = own.iter().filter(|(_, it)| !is_whole(it));
        let is_there = |name: &str| has.get(name).is_some_and(|it| is_whole(it));
        let is_one = stack_name(it) == stack_name(path);
        let is_base = if is_one {
            parts.any(|(name, _)| is_there(name))
        } else {
            parts.clone().next().is_some() && parts.all(|(name, _)| is_there(name))
        };
        is_base.then_some((is_one, is_default(name), it))
    });
    let (_, _, base) = bases.max()?;
    let file = |path: &str| escape_line(path.rsplit('/').next().unwrap_or(path)).into_owned();
    let (base, file) = (file(base), file(path));
    Some(format!(
        "its services lack what `{base}` has of them, into which `docker stack deploy -c {base} -c {file}` merges it; to plan both, name what \
         `docker stack config -c {base} -c {file}` writes"
    ))
}

/// Whether a service says what it runs: of what is merged into another file some do not (docs.docker.com/reference/cli/docker/stack/deploy,
/// `--compose-file`).
fn is_whole(service: &Object) -> bool {
    ["image", "build", "extends"]
        .iter()
        .any(|key| has(service, key))
}

/// Whether a service has a field.
fn has(service: &Object, key: &str) -> bool {
    match &service.content {
        Content::Value(fields) => fields.get(key).is_some_and(|field| !field.is_null()),
        Content::Text(text) => {
            let mut keys = text.lines().filter_map(|line| line.split_once(':'));
            keys.any(|(it, _)| it == key)
        }
    }
}

/// Gives the files of each side that would be one stack by their names a stack each, the same one on both sides: `shop-prod` of `shop.prod.yml`
/// beside `shop.staging.yml`, and `blog-stack` of `blog/stack.yml` beside `wiki/stack.yml`, in whatever folder those are.
pub(super) fn tell_apart(sides: [&mut Compiled; 2]) {
    let files = sides.each_ref().map(|side| written(side));
    let all: BTreeSet<&String> = files.iter().flatten().collect();
    let mut names: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for path in &all {
        names.insert(path, (0, stack_name(path).to_owned()));
    }
    let alike = alike(&files);
    // Of more and more of the folders.
    let depth = all.iter().map(|path| path.matches('/').count()).max();
    let most = depth.unwrap_or_default() + 2;
    for _ in 0..=most {
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
        if shared.is_empty() {
            break;
        }
        for (index, path) in all.iter().enumerate() {
            if let Some((level, name)) = names.get_mut(path.as_str())
                && shared.contains(name)
            {
                *level += 1;
                *name = if *level < most {
                    let mut words = folders(path);
                    let behind = alike.get(path.as_str()).copied().unwrap_or_default();
                    words.truncate(words.len().saturating_sub(behind));
                    let (_, file) = parts(path).unwrap_or(("", path));
                    let before = words.len().saturating_sub(*level - 1);
                    words.push(file);
                    let words: Vec<&str> = words.into_iter().skip(before).collect();
                    words.join("-").replace('.', "-")
                } else {
                    let (folder, file) = parts(path).unwrap_or(("", path));
                    format!("{folder}{file}-{index}").replace(['.', '/'], "-")
                };
            }
        }
    }
    for objects in sides.into_iter().filter_map(of_swarm) {
        let mut variants: BTreeMap<String, String> = BTreeMap::new();
        for object in objects.iter_mut().filter(|it| it.kind != Object::FILE) {
            if let Some((1.., name)) = names.get(object.file.as_str()) {
                let folder = parts(&object.file).map_or("", |(folder, _)| folder);
                let file = format!("{folder}{name}.yml");
                let was = std::mem::replace(&mut object.file, file.clone());
                variants.insert(file, stack_name(&was).to_owned());
            }
        }
        objects.extend(variants.into_iter().map(|(file, of)| Object {
            file,
            kind: VARIANT.to_owned(),
            name: of,
            namespace: None,
            content: Content::Value(serde_json::Value::Null),
        }));
    }
}

/// How many of the last folders of each file all files of its name are in, which tell them apart from none: of `blog/deploy/stack.yml` beside
/// `wiki/deploy/stack.yml` it is one. Where all of them moved it is said of each side by itself.
fn alike(sides: &[BTreeSet<String>; 2]) -> BTreeMap<&str, usize> {
    let [old, new] = sides.each_ref().map(|side| {
        let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for path in side {
            named.entry(stack_name(path)).or_default().insert(path);
        }
        named
    });
    let mut found = BTreeMap::new();
    for name in old.keys().chain(new.keys()) {
        let both = [&old, &new].map(|side| side.get(name).cloned().unwrap_or_default());
        let [were, are] = &both;
        let scopes = if were.is_disjoint(are) {
            Vec::from(both)
        } else {
            vec![were | are]
        };
        for scope in scopes {
            let mut paths = scope.iter().map(|path| folders(path));
            let first = paths.next().unwrap_or_default();
            let in_common = |other: Vec<&str>| {
                let both = first.iter().rev().zip(other.iter().rev());
                both.take_while(|(one, other)| one == other).count()
            };
            let count = paths.map(in_common).min().unwrap_or_default();
            found.extend(scope.iter().map(|path| (*path, count)));
        }
    }
    found
}

/// The folders that a file is in.
fn folders(path: &str) -> Vec<&str> {
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    folder.split('/').filter(|it| !it.is_empty()).collect()
}

/// The stack files of a side that is manifests, each with its services.
fn files(side: &Compiled) -> Files<'_> {
    let mut files = Files::new();
    if side.inspection.graph.is_none() {
        for object in on_swarm(side) {
            let services = files.entry(object.file.as_str()).or_default();
            if object.kind == "services" {
                services.insert(&object.name, object);
            }
        }
    }
    files
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
    on_swarm(side).map(|it| it.file.as_str()).collect()
}

/// What a side asks of a swarm, without the files beside.
fn on_swarm(side: &Compiled) -> impl Iterator<Item = &Object> {
    let objects = side.inspection.objects.iter();
    let objects = objects.filter(|(of, _)| *of == TargetId::Swarm);
    let objects = objects.flat_map(|(_, objects)| objects);
    objects.filter(|it| it.kind != Object::FILE)
}
