//! Manifests as a side of a plan, whoever wrote them: what was deployed may be in no program.

use super::documents::{
    documents, holds_objects, is_manifest, is_named_so, is_object, is_yaml, object,
    without_byte_order_mark,
};
use super::stack::says_stack;
use super::{kustomization, outside, twice};
use crate::change::env_file_paths;
use crate::cli::Failure;
use crate::cli::disk::read_source;
use crate::cli::output::{Mark, mark, unstamped};
use crate::cli::project::show;
use crate::source::LoadError;
use crate::targets::{Content, Object, kubernetes};
use crate::vocabulary::TargetId;
use crate::yaml;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The sections of a stack file that hold objects.
const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "configs", "secrets"];

/// The most files that are read.
const MOST_FILES: usize = 100_000;

/// Where manifests are.
pub(super) enum Manifests {
    /// In a folder, or a file.
    OnDisk(PathBuf),
    /// Read from a revision, by path; and what of it is not known, in words.
    Read(BTreeMap<String, String>, Vec<String>),
}

/// What manifests ask for.
pub(super) struct Asked {
    pub(super) objects: Vec<(TargetId, Vec<Object>)>,
    /// What the stacks among them name and is not known, in words.
    pub(super) unread: Vec<String>,
}

impl Manifests {
    /// What they ask of each target; of a single file as of one with that name.
    ///
    /// # Errors
    /// They cannot be read, or are no manifests.
    pub(super) fn asked(&self, one_stack: Option<&str>) -> Result<Asked, Failure> {
        let (mut targets, unread) = match self {
            Self::OnDisk(path) => {
                let (files, unread) = on_disk(path)?;
                (read(&files)?, unread)
            }
            Self::Read(files, unread) => (read(files)?, unread.clone()),
        };
        if let (Some(name), Some(own)) = (one_stack, self.single()) {
            let objects = targets.iter_mut().flat_map(|(_, objects)| objects);
            for object in objects.filter(|it| it.kind != Object::FILE && it.file == own) {
                name.clone_into(&mut object.file);
            }
        }
        Ok(Asked {
            objects: targets,
            unread,
        })
    }

    /// The name of the one file, where it is no folder.
    pub(super) fn single(&self) -> Option<String> {
        match self {
            Self::OnDisk(path) if path.is_dir() => None,
            Self::OnDisk(path) => Some(path.file_name()?.to_string_lossy().into_owned()),
            Self::Read(files, _) => {
                let contents = contents(files);
                let mut others = files.keys().filter(|path| !contents.contains(*path));
                let one = others.next().filter(|path| !path.contains('/'))?;
                others.next().is_none().then(|| one.clone())
            }
        }
    }
}

/// The files of a folder, or the one file, by path from there, with what its stacks name; and what of that is not known, in words.
fn on_disk(path: &Path) -> Result<(BTreeMap<String, String>, Vec<String>), Failure> {
    let mut files = BTreeMap::new();
    let outside = if path.is_dir() {
        let mut unread = Vec::new();
        walk(path, "", &mut files, &mut unread)?;
        let contents = contents(&files);
        let is_meant = |(inside, _): &(String, _)| is_named_so(inside) || contents.contains(inside);
        if let Some((inside, error)) = unread.into_iter().find(is_meant) {
            return Err(unreadable(&path.join(inside), &error));
        }
        outside::read_below_roots(path, contents, &mut files)
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = read_source(path).map_err(|error| unreadable(path, &error))?;
        files.insert(name.into_owned(), text.to_string());
        let folder = path.parent().unwrap_or(Path::new(""));
        outside::read_beside(folder, contents(&files), &mut files)
    };
    if files.is_empty() {
        return Err(
            Failure::new(format!("there are no manifests in `{}`", show(path)))
                .help("name a program, a folder with an `app.zd`, or what `zdc build` wrote"),
        );
    }
    Ok((files, outside))
}

/// Why a file that would be a manifest is none.
fn unreadable(path: &Path, error: &LoadError) -> Failure {
    let why = match error {
        LoadError::TooLarge { bytes } => format!("{bytes} bytes, and 4 MiB are read"),
        LoadError::NotUtf8 { offset } => format!("it is not UTF-8 at byte {offset}"),
        LoadError::NotFound => "there is no such file".to_owned(),
        LoadError::Io(words) => words.clone(),
        LoadError::OutsideRoot | LoadError::NotAFile => "it is no file".to_owned(),
    };
    Failure::new(format!("cannot read `{}`: {why}", show(path)))
}

/// The files below a folder, and those that cannot be read. `kubectl apply -R` follows no link to a folder
/// (kubernetes/kubernetes `staging/src/k8s.io/cli-runtime/pkg/resource/visitor.go`, `ExpandPathsToFileVisitors`).
fn walk(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, String>,
    unread: &mut Vec<(String, LoadError)>,
) -> Result<(), Failure> {
    let fail =
        |error: std::io::Error| Failure::new(format!("cannot read `{}`: {error}", show(folder)));
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    for entry in entries.take(MOST_FILES) {
        let path = entry.map_err(fail)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let inside = format!("{prefix}{name}");
        if path.is_dir() && path.is_symlink() {
            let link = format!(
                "`{}` is a link to a folder, which nobody follows",
                show(&path)
            );
            return Err(Failure::new(link).help("name the folder itself, or put the files here"));
        } else if path.is_dir() {
            walk(&path, &format!("{inside}/"), files, unread)?;
            continue;
        }
        match read_source(&path) {
            Ok(text) => {
                files.insert(inside, text.to_string());
            }
            Err(error) => unread.push((inside, error)),
        }
    }
    Ok(())
}

/// What the stacks among files name, by path.
pub(super) fn contents(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    Named::by_stacks(files).contents
}

/// What the stacks among files say of the others.
#[derive(Default)]
struct Named {
    /// What they make configs and secrets of, and the files that variables stand in, by path.
    contents: BTreeSet<String>,
    /// Whether somebody wrote one by hand.
    by_hand: bool,
}

impl Named {
    fn by_stacks(files: &BTreeMap<String, String>) -> Self {
        let mut named = Self::default();
        for (path, text) in files.iter().filter(|(path, _)| is_yaml(path)) {
            if let Mark::Intact { .. } = mark(Path::new(path), text) {
                named.made_of(path, |section| yaml::at(text, &[section]));
                continue;
            }
            for document in documents(path, text).unwrap_or_default() {
                let Some(services) = document.get("services").and_then(Value::as_object) else {
                    continue;
                };
                named.by_hand |= !is_object(&document);
                let env_files = services.values().flat_map(env_file_paths);
                let env_files = env_files.map(|inside| Object::beside(path, inside));
                named.contents.extend(env_files);
                named.made_of(path, |section| document.get(section).cloned());
            }
        }
        named
    }

    fn made_of(&mut self, path: &str, section: impl Fn(&str) -> Option<Value>) {
        for section in ["configs", "secrets"].into_iter().filter_map(section) {
            let entries = section.as_object().into_iter().flat_map(|it| it.values());
            let files = entries.filter_map(|entry| entry.get("file")?.as_str());
            let files = files.map(|inside| Object::beside(path, inside));
            self.contents.extend(files);
        }
    }
}

/// The folders of targets that hold what zdc wrote; one of the same name may be of an app, with objects of Kubernetes.
fn bundles(files: &BTreeMap<String, String>) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (path, text) in files {
        if let Some((folder, _)) = path.split_once('/')
            && TargetId::from_word(folder).is_some()
            && !found.contains(folder)
            && !matches!(mark(Path::new(path), text), Mark::None)
        {
            found.insert(folder);
        }
    }
    found
}

/// The objects of files, by their paths: in the folder of their target, or told by what they hold.
fn read(files: &BTreeMap<String, String>) -> Result<Vec<(TargetId, Vec<Object>)>, Failure> {
    let mut found: BTreeMap<TargetId, Vec<Object>> = BTreeMap::new();
    let (named, bundles) = (Named::by_stacks(files), bundles(files));
    let hosts = TargetId::Nginx.word();
    let in_hosts = |path: &str| path.split_once('/').is_some_and(|(it, _)| it == hosts);
    // Beside a stack it is the folder of its nginx, or of what that reads.
    let are_hosts = bundles.contains(hosts)
        || !named.by_hand
            && !files
                .iter()
                .any(|(path, text)| in_hosts(path) && holds_objects(path, text));
    let mut kustomizations = Vec::new();
    for (path, text) in files {
        let folder = path.split_once('/').map(|(folder, _)| folder);
        let target = folder.and_then(TargetId::from_word);
        let target = target.filter(|it| *it != TargetId::Nginx || are_hosts);
        let path = path.clone();
        // A secret may lie beside what zdc wrote for a host, and is nothing that the host shows.
        if named.contents.contains(&path) {
            let swarm = found.entry(TargetId::Swarm).or_default();
            swarm.push(file(&path, text));
            if target != Some(TargetId::Nginx) || mark(Path::new(&path), text) == Mark::None {
                continue;
            }
        }
        let in_configs = path.contains("/configs/") || path.starts_with("configs/");
        let in_bundle = folder.is_some_and(|it| bundles.contains(it));
        let is_content = in_configs && (in_bundle || !holds_objects(&path, text));
        if target == Some(TargetId::Nginx) || !is_manifest(&path, text) || is_content {
            let objects = found.entry(target.unwrap_or(TargetId::Swarm)).or_default();
            objects.push(file(&path, text));
            continue;
        }
        if let Mark::Intact { .. } = mark(Path::new(&path), text)
            && let Some((told, objects)) = written(&path, &unstamped(text))
        {
            let target = target
                .filter(|_| told != TargetId::Kubernetes)
                .unwrap_or(told);
            found.entry(target).or_default().extend(objects);
            continue;
        }
        let mut has_stack = false;
        for document in documents(&path, text)? {
            if kustomization::is_one(&path, &document)? {
                kustomizations.push((path.clone(), document));
                continue;
            }
            let target =
                target.filter(|it| !is_object(&document) && !is_stack(*it, &path, &document));
            let target = target.unwrap_or_else(|| told(&document));
            let objects = found.entry(target).or_default();
            match target {
                TargetId::Kubernetes => objects.extend(object(&path, document)?),
                TargetId::Swarm if has_stack => objects.push(unread(&path, document)),
                _ => {
                    has_stack |= document.get("services").is_some();
                    objects.extend(sections((&path, text), document, target));
                }
            }
        }
    }
    if !kustomizations.is_empty()
        && let Some(objects) = found.get_mut(&TargetId::Kubernetes)
    {
        let unlisted = kustomization::unlisted(&kustomizations, files)?;
        objects.retain(|object| !unlisted.contains(&object.file));
    }
    let listed = found.get(&TargetId::Kubernetes);
    let listed = listed.map(Vec::as_slice).unwrap_or_default();
    for (path, document) in &kustomizations {
        kustomization::keeps_namespaces(path, document, listed)?;
    }
    let holds = |objects: &[Object]| objects.iter().any(|it| it.kind != Object::FILE);
    found.retain(|target, objects| *target == TargetId::Nginx || holds(objects));
    if found.is_empty() {
        return Err(Failure::new("these files are no manifests")
            .help("name stack files, Kubernetes manifests, or what `zdc build` wrote"));
    }
    Ok(found.into_iter().collect())
}

/// A file's text, without the line that says who made it.
fn file(path: &str, text: &str) -> Object {
    Object {
        file: path.to_owned(),
        kind: Object::FILE.to_owned(),
        name: path.rsplit('/').next().unwrap_or(path).to_owned(),
        namespace: None,
        content: Content::Text(unstamped(text).into_owned().into()),
    }
}

/// The objects of a file as zdc wrote it, which need not be read: a fresh build gives the same texts where nothing changed.
fn written(path: &str, text: &str) -> Option<(TargetId, Vec<Object>)> {
    if yaml::at(text, &["apiVersion"]).is_some() {
        let objects = kubernetes::objects(path, &text.to_owned().into());
        let named = |object: &Object| !object.kind.is_empty() && !object.name.is_empty();
        return objects
            .iter()
            .all(named)
            .then_some((TargetId::Kubernetes, objects));
    }
    let name = yaml::at(text, &[Object::PROJECT]);
    let mut objects = Vec::from_iter(name.and_then(|name| project(path, &name)));
    for section in SECTIONS {
        let entries = yaml::entries(text, section)?.into_iter();
        objects.extend(entries.map(|(name, text)| Object {
            file: path.to_owned(),
            kind: section.to_owned(),
            name,
            namespace: None,
            content: Content::Text(text.into()),
        }));
    }
    Some((TargetId::Swarm, objects))
}

/// Whether a document is a stack in the folder of an app that is called as a target; of `compose` alone its name has to say so.
fn is_stack(folder: TargetId, path: &str, document: &Value) -> bool {
    // The values of a chart may have services, too.
    let runs = |service: &Value| {
        let image = service.get("image").is_some_and(Value::is_string);
        image || service.get("build").is_some()
    };
    let services = document.get("services").and_then(Value::as_object);
    let has_services = services.is_some_and(|services| services.values().any(runs));
    let is_of_kubernetes = ["apiVersion", "kind"]
        .iter()
        .any(|key| document.get(*key).is_some());
    has_services && !is_of_kubernetes && (folder != TargetId::Compose || says_stack(path))
}

fn told(document: &Value) -> TargetId {
    if document.get("apiVersion").is_some() {
        TargetId::Kubernetes
    } else {
        TargetId::Swarm
    }
}

/// The name that a Compose file gives its project.
fn project(path: &str, name: &Value) -> Option<Object> {
    Some(Object {
        file: path.to_owned(),
        kind: Object::PROJECT.to_owned(),
        name: name.as_str()?.to_owned(),
        namespace: None,
        content: Content::Value(Value::Null),
    })
}

/// What docker reads of a stack file as a whole: what stands at its top, of its sections the names alone; and what it says of a file that it cannot
/// read. What has no services is none.
fn whole((path, text): (&str, &str), sections: &Map<String, Value>) -> Vec<Object> {
    if !sections.contains_key("services") {
        return Vec::new();
    }
    let of = |(word, value): (&String, &Value)| {
        let value = match value {
            Value::Object(entries) if SECTIONS.contains(&&**word) => {
                let names = entries.keys().map(|name| (name.clone(), Value::Null));
                Value::Object(names.collect())
            }
            value => value.clone(),
        };
        (word.clone(), value)
    };
    let top = Content::Value(sections.iter().map(of).collect());
    let refused = twice::said(without_byte_order_mark(text))
        .map(|said| (Object::REFUSED, Content::Text(said.into())));
    let parts = [Some((Object::TOP, top)), refused].into_iter().flatten();
    let objects = parts.map(|(kind, content)| Object {
        file: path.to_owned(),
        kind: kind.to_owned(),
        name: String::new(),
        namespace: None,
        content,
    });
    objects.collect()
}

/// A document behind that of a stack: docker reads the first of a file alone (docker/cli `cli/compose/loader/loader.go`, `ParseYAML`).
fn unread(path: &str, document: Value) -> Object {
    Object {
        file: path.to_owned(),
        kind: Object::UNREAD.to_owned(),
        name: String::new(),
        namespace: None,
        content: Content::Value(document),
    }
}

/// The entries of a stack file, or of a Compose file.
fn sections((path, text): (&str, &str), document: Value, target: TargetId) -> Vec<Object> {
    let Value::Object(sections) = document else {
        return Vec::new();
    };
    let name = sections.get(Object::PROJECT);
    let mut objects = Vec::from_iter(name.and_then(|name| project(path, name)));
    if target == TargetId::Swarm {
        objects.extend(whole((path, text), &sections));
    }
    for (section, entries) in sections {
        if let (true, Value::Object(entries)) = (SECTIONS.contains(&&*section), entries) {
            objects.extend(entries.into_iter().map(|(name, entry)| Object {
                file: path.to_owned(),
                kind: section.clone(),
                name,
                namespace: None,
                content: Content::Value(entry),
            }));
        }
    }
    objects
}
