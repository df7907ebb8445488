//! What is known when a stack is deployed and not before: its variables, and where its secrets' values come from.

use super::service_in;
use super::stack::{SECTIONS, Stack, stem};
use super::{defaults, policy, refused, rules};
use crate::change::difference::{at, differences, value};
use crate::change::rules::{fields, rule};
use crate::change::secrets::{real_name, source};
use crate::change::{Change, Effect, Loss, Lost, Pair, Varied, variables};
use crate::targets::{Content, Object};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The deploy-time variables of the stacks, each with the services of which another value replaces tasks: those that hold it,
/// and those that mount what has it in its name.
pub(super) fn variables(pair: &Pair<'_>) -> Vec<(String, Vec<Varied>)> {
    let (mut found, mut names): (BTreeMap<String, Vec<Varied>>, Names<'_>) = Default::default();
    for object in pair.new {
        if ["configs", "secrets", "networks"].contains(&&*object.kind) {
            named(object, &mut names);
        }
    }
    for service in pair.new.iter().filter(|it| it.kind == "services") {
        let stack = stem(&service.file);
        let view = OnceCell::new();
        let varied = || Varied {
            service: service_in(pair.new_graph, stack, &service.name)
                .map(|view| view.name().into()),
            name: format!("{stack}_{}", service.name),
            restarts: policy::rolling(&service.content, &service.content).0
                == Effect::RestartsAtOnce,
        };
        let mut add = |name: &str| {
            let varied = view.get_or_init(varied);
            let services = found.entry(name.to_owned()).or_default();
            if services.last() != Some(varied) {
                services.push(varied.clone());
            }
        };
        match &service.content {
            // Most services hold none, and mount nothing that has one in its name.
            Content::Text(text) if names.is_empty() && !text.contains('$') => {}
            Content::Text(text) => in_text(text, &names, &mut add),
            Content::Value(value) => {
                in_value(value, &mut Vec::new(), &mut add);
                for ((section, name), variables) in &names {
                    if refused::names(value, section).contains(name) {
                        variables.iter().copied().for_each(&mut add);
                    }
                }
            }
        }
    }
    found.into_iter().collect()
}

/// The variables in real names, by section and by the name that services use.
type Names<'o> = BTreeMap<(&'o str, &'o str), Vec<&'o str>>;

/// The variables of a service as zdc wrote it.
fn in_text(text: &str, names: &Names<'_>, add: &mut impl FnMut(&str)) {
    let mut key = "";
    for line in text.lines() {
        let item = line.trim_start();
        if item.starts_with("replicas:") {
            continue;
        }
        if item.len() == line.len() && !item.starts_with('-') {
            key = item;
        }
        variables::named_in(line).for_each(&mut *add);
        let section = key.trim_end_matches(':');
        let variables = mounted(key, item).and_then(|name| names.get(&(section, name)));
        variables.into_iter().flatten().for_each(|name| add(name));
    }
}

/// The variables of a service as people wrote it, where another value replaces tasks.
fn in_value(value: &Value, path: &mut Vec<String>, add: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) if text.contains('$') => {
            let replaces = rule(rules::SERVICE, path).is_none_or(|it| it.effect.replaces());
            if replaces {
                variables::named_in(text).for_each(add);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                in_value(item, path, add);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                path.push(key.clone());
                in_value(field, path, add);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The config or secret that a line of a service mounts, in the long form or in the short one.
fn mounted<'l>(key: &str, item: &'l str) -> Option<&'l str> {
    let item = item
        .strip_prefix("- ")
        .filter(|_| matches!(key, "configs:" | "secrets:"))?;
    Some(
        item.strip_prefix("source: ")
            .unwrap_or(item)
            .trim_matches('"'),
    )
}

/// The variables in the real name of what services use.
fn named<'o>(object: &'o Object, names: &mut Names<'o>) {
    let variables: Vec<&str> = match &object.content {
        Content::Text(text) => {
            let lines = text.lines().filter(|line| line.starts_with("name: "));
            lines.flat_map(variables::named_in).collect()
        }
        Content::Value(value) => {
            let name = value.get("name").and_then(Value::as_str);
            name.into_iter().flat_map(variables::named_in).collect()
        }
    };
    if !variables.is_empty() {
        let names = names.entry((&object.kind, &object.name)).or_default();
        names.extend(variables);
    }
}

/// What becomes of a config or secret of both sides, by its real name, where it holds something else.
pub(super) fn held(
    (section, real): (&str, &str),
    (old, was): (&Stack<'_>, &Object),
    (new, is): (&Stack<'_>, &Object),
) -> Option<Change> {
    let named = at(&is.content, &["file"]);
    let entries = (was, is);
    let is_hidden = section == "secrets" || old.is_of_a_secret(was) || new.is_of_a_secret(is);
    let (was, is) = (old.text(was), new.text(is));
    if was.is_none() || was == is {
        let has_another_name = of_content(real, (old, new)).is_some();
        return (!has_another_name).then(|| settled((section, real), entries))?;
    }
    let kind = section.trim_end_matches('s');
    let mut change = Change::of(kind, real.to_owned());
    if let (None, Some(named)) = (is, named.as_deref().and_then(Value::as_str)) {
        change.effect = Effect::InPlace;
        change.how = format!(
            "what `{named}` holds is not known: where it is something else than before, the {kind} is refused"
        );
        return Some(change);
    }
    let shown = |it: Cow<'_, Value>| {
        // A plan is read by many.
        if is_hidden {
            Value::from("(hidden)")
        } else {
            it.into_owned()
        }
    };
    let [was, is] = [was, is].map(|it| it.map(value).map(shown).unwrap_or_default());
    let differ = differences(&was, &is);
    if let Some(variable) = of_content(real, (old, new)) {
        change.effect = Effect::InPlace;
        change.how = named_by(variable, kind);
        // What is made of the content has another value by itself.
        if !is_called(variable, OF_CONTENT) {
            change.losses.push(unless_another(variable, kind, real));
        }
        change.fields = fields(rules::CONTENT_BY_NAME, &differ, None);
    } else {
        change.effect = Effect::Refused;
        change.how = format!(
            "failed to update {kind} {real}: Error response from daemon: rpc error: \
             code = InvalidArgument desc = only updates to Labels are allowed"
        );
        change.fields = fields(rules::CONTENT, &differ, None);
    }
    Some(change)
}

/// What stays as it was made of a config or secret that holds what it held, such as `template_driver`; else its labels, which are changed.
fn settled((section, real): (&str, &str), (was, is): (&Object, &Object)) -> Option<Change> {
    let sides = [was, is].map(|it| defaults::made(section, it));
    let parts = |are_labels: bool| {
        sides.clone().map(|mut made| {
            if let Value::Object(fields) = &mut made {
                fields.retain(|key, _| key != "file" && (key == "labels") == are_labels);
            }
            made
        })
    };
    let kind = section.trim_end_matches('s');
    let change = |[was, is]: [Value; 2], effect: Effect, how: String| {
        let differ = differences(&was, &is);
        let mut change = Change::of(kind, real.to_owned());
        change.effect = effect;
        change.how = how;
        change.fields = fields(rules::SETTLED, &differ, None);
        (!differ.is_empty()).then_some(change)
    };
    let stays = format!("the {kind} is there, and stays as it is");
    let stays = change(parts(false), Effect::Ignored, stays);
    let labelled = || {
        change(
            parts(true),
            Effect::InPlace,
            "no task is replaced".to_owned(),
        )
    };
    stays.or_else(labelled)
}

/// Words in the names of variables that are made of what is held, and of those that somebody counts on.
const OF_CONTENT: &str = "digest hash sum checksum md5 md5sum sha sha1 sha256 sha512";
const COUNTED: &str = "version ver revision rev tag commit date timestamp";

/// What is counted where a variable ends in it: `RELEASE`, and no `RELEASE_CHANNEL`.
const COUNTED_LAST: &str = "release build";

/// What has another number each time: `BUILD_ID`, and no `TENANT_ID`.
const NUMBERED: &str =
    "build run pipeline job deploy deployment release commit workflow vcs config changeset";
const NUMBERS: &str = "id iid number num no nr time stamp";

/// The same in one word, as Azure has it: `BUILD_BUILDID`.
const NUMBERED_IN_ONE: [&str; 4] = ["buildid", "buildnumber", "releaseid", "sourceversion"];

/// Of what `CREATED_AT` is the time.
const MADE: &str = "created started built deployed released";

/// In what a variable ends that stays as it is, whatever it begins with: `CI_COMMIT_BRANCH`.
const STAYS: &str = "name slug branch ref env environment stage type mode";

/// Whether the name of a variable has one of some words.
fn is_called(variable: &str, words: &str) -> bool {
    let variable = variable.to_ascii_lowercase();
    let is_one = |word: &str| words.split(' ').any(|it| it == word);
    variable.split('_').any(is_one)
}

/// Whether somebody counts a variable on, as its name says.
fn is_counted(variable: &str) -> bool {
    let variable = variable.to_ascii_lowercase();
    let mut words = variable.rsplit('_');
    let last = words.next().unwrap_or_default();
    let before = words.next().unwrap_or_default();
    let is_numbered = match last {
        "at" => is_called(before, MADE),
        // The commit, at GitLab once.
        "ref" => before == "build",
        // Of a tag, and of no release: `RELEASE_NAME`.
        "name" => is_called(before, COUNTED),
        _ => is_called(last, NUMBERS) && is_called(before, NUMBERED),
    };
    let is_in_one = NUMBERED_IN_ONE.iter().any(|it| last.ends_with(it));
    let is_one = is_called(&variable, COUNTED) || is_called(last, COUNTED_LAST);
    is_numbered || is_in_one || is_one && !is_called(last, STAYS)
}

/// The variable in the name of a config or secret that has another value where that holds something else: one that is called so, has no value
/// of its own, and is in the name of nothing in the file that is as it was; but another config or secret that is counted on with it.
fn of_content<'n>(real: &'n str, (old, new): (&Stack<'_>, &Stack<'_>)) -> Option<&'n str> {
    let is_called_so = |variable: &str| is_called(variable, OF_CONTENT) || is_counted(variable);
    let has_default = |variable: &str| {
        let behind = real.split_once(&format!("${{{variable}"));
        behind.is_some_and(|(_, behind)| behind.starts_with('-') || behind.starts_with(":-"))
    };
    let mut all = variables::named_in(real);
    all.find(|it| is_called_so(it) && !has_default(it) && !names_what_stays(it, (old, new)))
}

fn names_what_stays(variable: &str, (old, new): (&Stack<'_>, &Stack<'_>)) -> bool {
    let is_counted =
        |section: &str| is_counted(variable) && matches!(section, "configs" | "secrets");
    let mut sections = SECTIONS.into_iter().filter(|it| !is_counted(it));
    sections.any(|section| {
        let mut all = new.all(section);
        all.any(|(name, object)| {
            let real = new.real(section, name);
            let mut named = variables::named_in(&real);
            let stays = |was| match section {
                "configs" | "secrets" => old.text(was) == new.text(object),
                _ => true,
            };
            let was = old.entry(section, name);
            named.any(|it| it == variable) && was.is_some_and(stays)
        })
    })
}

/// What comes of such a one whose variable has the value that it had.
fn unless_another(variable: &str, kind: &str, real: &str) -> Loss {
    Loss {
        about: Lost::Refused,
        what: format!(
            "{kind} `{real}` holds something else, and is refused unless `{variable}` has another value than at the last deploy: \
             `only updates to Labels are allowed`"
        ),
        way: format!(
            "see that `{variable}` has another value then; `--set-old {variable}=OLD --set {variable}=NEW` tells the plan"
        ),
    }
}

/// What becomes of a config or secret that holds something else, under a name with a variable in it.
fn named_by(variable: &str, kind: &str) -> String {
    format!(
        "refused unless `{variable}` has another value than at the last deploy: then it is another {kind}, and what mounts it rolls. \
         `--set-old {variable}=OLD --set {variable}=NEW` tells the plan"
    )
}

/// Secrets whose values come from somewhere else now. A value is in no manifest: its hash is in the secret's name when
/// `deploy.sh` makes it.
pub(super) fn sources(pair: &Pair<'_>) -> Vec<Change> {
    let (Some(old), Some(new)) = (pair.old_graph, pair.new_graph) else {
        return Vec::new();
    };
    // A stack has those that are mounted, however that is written.
    let is_written = |name: &str| {
        let mut written = pair.new.iter();
        written.any(|it| it.kind == "secrets" && it.name == name)
    };
    let secrets = new.deployment().secrets.iter();
    let moved = secrets.filter_map(|secret| {
        let (was, is) = (old.secret(secret.label.name())?, secret);
        let (from, to) = (source(was)?, source(is)?);
        (from != to && is_written(is.label.name())).then(|| {
            let mut change = Change::of("secret", real_name(is).to_owned());
            change.effect = Effect::InPlace;
            change.how = format!(
                "its value comes from {to}, and came from {from}: where that is another one, what mounts it rolls"
            );
            change.span = Some(is.span);
            change
        })
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_on_is_called_so() {
        let counted = "VERSION CONF_VER CI_COMMIT_TAG CI_COMMIT_SHORT_SHA BUILD_ID BUILD_NUMBER CI_PIPELINE_IID GITHUB_RUN_ID \
                       GITHUB_RUN_NUMBER CI_JOB_ID DEPLOY_DATE RELEASE APP_BUILD VERSION_OF_WEB BUILD_BUILDID BUILD_BUILDNUMBER \
                       BUILD_SOURCEVERSION RELEASE_RELEASEID CIRCLE_BUILD_NUM TAG_NAME VERSION_NAME SEMAPHORE_WORKFLOW_NUMBER WORKFLOW_ID \
                       BUILD_VCS_NUMBER CI_BUILD_REF CI_PIPELINE_CREATED_AT BUILD_TIME BUILD_STAMP BUILD_NUM BUILD_NO BUILD_NR RUN_NO CONFIG_ID \
                       CONFIG_NUMBER CHANGESET_ID";
        for variable in counted.split_whitespace() {
            let is_one = is_counted(variable) || is_called(variable, OF_CONTENT);
            assert!(is_one, "{variable}");
        }
        let stays = "CI_COMMIT_REF_SLUG CI_COMMIT_REF_NAME CI_COMMIT_BRANCH CI_PROJECT_ID TENANT_ID AWS_ACCOUNT_ID SITE_ID NODE_ID STACK_ID ID \
                     RELEASE_NAME BUILD_ENV BUILD_TYPE PIPELINE_NAME RUN_MODE CUSTOMER_NUMBER NUMBER RELEASE_CHANNEL BUILD_HOST STAGE CI_BUILD_REF_NAME \
                     GITHUB_REF_NAME BUILD_SOURCEBRANCHNAME RELEASE_RELEASENAME RELEASE_ENVIRONMENTNAME SHOP_NO TIME STORED_AT";
        for variable in stays.split_whitespace() {
            assert!(!is_counted(variable), "{variable}");
        }
    }
}
