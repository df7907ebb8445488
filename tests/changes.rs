//! What a plan says of each change in `tests/changes`: a folder is a case, with the old and the new
//! program (or manifests) and the plan, `plan.txt`; and of what a real swarm and a real control plane
//! did with it, in `tests/changes/observed`. Cases are discovered, never listed.
//! `UPDATE_EXPECTED=1 cargo test --test changes` writes the plans anew: read the difference.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes")
}

/// Each case's name.
fn cases() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "observed").collect();
    names.sort();
    assert!(names.len() >= 60, "the changes are gone");
    names
}

/// The two sides of a case, as the program takes them: beside the plan, or in the examples.
fn sides(case: &str) -> [String; 2] {
    if let Some(example) = case.strip_prefix("example-") {
        let folder = format!("../../../examples/{example}");
        return [format!("{folder}/as-found"), folder];
    }
    ["old", "new"].map(|side| {
        let files = [format!("{side}.zd"), format!("{side}.yml")];
        let mut files = files.into_iter();
        let found = files.find(|file| folder().join(case).join(file).exists());
        found.unwrap_or_else(|| side.to_owned())
    })
}

/// Runs zdc in a folder: the exit code, what it wrote, and what it said beside that.
fn zdc(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_zdc"))
        .args(words)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    (output.status.code().unwrap(), out, err)
}

fn plan(case: &str, format: &str) -> String {
    let [old, new] = sides(case);
    let words = ["plan", "--format", format, &old, &new];
    let (code, text, said) = zdc(&folder().join(case), &words);
    if format == "human" {
        return format!("{text}{said}exit code {code}\n");
    }
    text
}

#[test]
fn plans_are_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let path = folder().join(&case).join("plan.txt");
        let plan = plan(&case, "human");
        let is_plan = plan.contains("\nPlan: ") || plan.contains("\nNo changes");
        assert!(is_plan, "{case} compares no two programs:\n{plan}");
        if update {
            fs::write(&path, plan).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != plan {
            wrong.push(format!("{case}:\n{plan}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The steps of a plan are what its script deploys, by the names that each target's `deploy.sh` knows; the last step of a
/// swarm is all others, since a service that is deployed once more has nothing to go back to.
#[test]
fn the_script_of_a_plan_has_its_steps() {
    let script = |case: &str, target: &str| {
        let [old, new] = sides(case);
        let mut words = vec!["plan", "--format", "script", &old, &new];
        if !target.is_empty() {
            words.extend(["--target", target]);
        }
        let (code, text, said) = zdc(&folder().join(case), &words);
        let (_, found) = text.split_once("\ntarget=").unwrap_or_default();
        (code, found.to_owned(), said)
    };
    let (code, found, said) = script("versions-chain", "swarm");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ZD4065"), "{said}");
    for line in [
        "steps=3",
        "1) deployed=(shop_db); replaced=(shop_db);;",
        "2) deployed=(shop_web); replaced=(shop_web);;",
        "3) deployed=(shop_front); replaced=(shop_front);;",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
    let (_, found, _) = script("versions-chain", "kubernetes");
    for line in [
        "2) deployed=(web); replaced=(web);;",
        "3) replaced=(front);;",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
    let (_, found, _) = script("schema-one-way-accepted", "swarm");
    let line = "1) replaced=(shop_coupon); one_way=(coupon);;";
    assert!(found.contains(line), "{found}");
    let (_, found, _) = script("host-command", "nginx");
    assert!(found.contains("1) replaced=(api);;"), "{found}");
    // Of what is refused nothing goes back, whoever accepts that.
    let (_, found, _) = script("refused-accepted", "kubernetes");
    assert!(found.contains("    1) ;;"), "{found}");
    // What nothing is deployed by in steps says why.
    let (code, _, said) = script("compose-image", "compose");
    assert!(code == 2 && said.contains("keeps no promise"), "{said}");
    let (_, found, _) = script("image", "swarm");
    assert!(found.contains("steps=1\n"), "{found}");
    // Nothing is written of a step with errors, or for nobody in particular.
    let (code, found, said) = script("versions-no-order", "swarm");
    assert_eq!((code, found.as_str()), (1, ""), "{said}");
    assert!(said.contains("ZD4066"), "{said}");
    let (code, found, said) = script("versions-chain", "");
    assert_eq!((code, found.as_str()), (2, ""), "{said}");
    assert!(said.contains("--target swarm"), "{said}");
}

/// Every script that is written is one that bash can read, whatever its steps do.
#[test]
fn the_script_of_every_plan_parses() {
    let mut parsed = 0;
    for case in cases() {
        if !errors(&case).is_empty() {
            continue;
        }
        let told: Value = serde_json::from_str(&plan(&case, "json")).unwrap();
        for target in told["targets"].as_array().unwrap() {
            let target = target["target"].as_str().unwrap();
            let [old, new] = sides(&case);
            let script = Command::new(env!("CARGO_BIN_EXE_zdc"))
                .args(["plan", "--format", "script", "--target", target, &old, &new])
                .current_dir(folder().join(&case))
                .env_clear()
                .output()
                .unwrap();
            // Wrong use: the target has no script.
            if script.status.code() == Some(2) {
                continue;
            }
            let text = String::from_utf8(script.stdout).unwrap();
            let bash = Command::new("bash").args(["-n", "-c", &text]).output();
            let said = String::from_utf8(bash.unwrap().stderr).unwrap();
            assert!(said.is_empty(), "{case}, {target}: {said}\n{text}");
            assert!(
                text.ends_with("\nmain \"$@\"\n"),
                "{case}, {target}: {text}"
            );
            parsed += 1;
        }
    }
    assert!(parsed >= 100, "only {parsed} were written");
}

/// What a plan says of a refusal that depends on what is there by then.
const WHILE_THERE: &str = "; refused while it is there: ";

/// What became of each object on a target, by name: `replaced`, `kept`, `created`, `left` or the refusal.
fn predicted(case: &str, target: &str) -> BTreeMap<String, String> {
    let plan: Value = serde_json::from_str(&plan(case, "json")).unwrap();
    let targets = plan["targets"].as_array().unwrap();
    let target = targets.iter().find(|it| it["target"] == target);
    let changes = target.map(|it| it["changes"].as_array().unwrap().clone());
    let mut predicted = BTreeMap::new();
    for change in changes.unwrap_or_default() {
        let name = format!(
            "{} {}",
            change["kind"].as_str().unwrap(),
            change["name"].as_str().unwrap()
        );
        let how = change["how"].as_str().unwrap_or_default();
        let what = match change["effect"].as_str().unwrap() {
            "rolls" | "restarts_at_once" => "replaced".to_owned(),
            "in_place" | "ignored" => "kept".to_owned(),
            "renamed" => "created".to_owned(),
            // A Job that ends is gone by then; one that nobody runs is there.
            "created" if how.contains(WHILE_THERE) => {
                let (_, refusal) = how.split_once(WHILE_THERE).unwrap();
                format!("refused: {refusal}")
            }
            "refused" => format!("refused: {how}"),
            other => other.to_owned(),
        };
        if let Some(was) = change["was"].as_str() {
            predicted.insert(was.to_owned(), "left".to_owned());
        }
        predicted.insert(name, what);
    }
    predicted
}

/// The codes of a plan's errors.
fn errors(case: &str) -> Vec<String> {
    let plan: Value = serde_json::from_str(&plan(case, "json")).unwrap();
    let found = plan["diagnostics"].as_array().unwrap().iter();
    let errors = found.filter(|it| it["severity"] == "error");
    errors
        .map(|it| it["code"].as_str().unwrap().to_owned())
        .collect()
}

/// Callers that were answered all the time while both sides were replaced have nothing to fear of the plan; of others it
/// says that their address moves.
#[test]
fn plans_say_which_calls_are_lost() {
    let mut outcomes = Vec::new();
    let cases = observed("swarm");
    for (case, seen) in &cases {
        for (call, what) in seen["calls"].as_object().into_iter().flatten() {
            let expected: &[&str] = match what.as_str().unwrap() {
                "answered" => &[],
                _ => &["ZD4052"],
            };
            assert_eq!(errors(case), expected, "{case}: {call} {what}");
            outcomes.push(what.as_str().unwrap());
        }
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["answered", "not always"]);
}

/// What was seen of the cases, by the name of its record.
fn observed(record: &str) -> serde_json::Map<String, Value> {
    let path = folder().join("observed").join(format!("{record}.json"));
    let observed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    observed["cases"].as_object().unwrap().clone()
}

/// What was seen agrees with what is said: each workload that was replaced is said to be, and no
/// other; each refusal in the orchestrator's own words.
#[test]
fn plans_say_what_was_seen() {
    let mut wrong = Vec::new();
    for target in ["swarm", "kubernetes"] {
        let cases = observed(target);
        assert!(cases.len() >= 40, "{target}: {}", cases.len());
        for (case, seen) in &cases {
            let predicted = predicted(case, target);
            for (object, seen) in seen["objects"].as_object().unwrap() {
                let seen = seen.as_str().unwrap();
                let said = predicted.get(object).map_or("kept", String::as_str);
                // What comes after a refusal may or may not have been done.
                if said != seen && !said.starts_with("refused") {
                    wrong.push(format!(
                        "{target} {case}: {object} was {seen}, said is {said}"
                    ));
                }
            }
            let refused = seen["refused"].as_str().unwrap_or_default();
            let said: Vec<&str> = predicted
                .values()
                .filter_map(|what| what.strip_prefix("refused: "))
                // What it depends on is the plan's to say.
                .map(|what| what.split("; unless").next().unwrap_or(what))
                .collect();
            if said.is_empty() != refused.is_empty()
                || !said.iter().any(|it| quotes(it, refused)) && !said.is_empty()
            {
                wrong.push(format!(
                    "{target} {case}: it said {refused:?}, the plan {said:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a refusal is quoted: … stands for what is left out. Of one object kubectl says `The Deployment "web" is …`, of several
/// `Deployment.apps "web" is …` each.
fn quotes(said: &str, refused: &str) -> bool {
    let named = said
        .strip_prefix("The ")
        .and_then(|said| said.split_once(' '));
    let said = named.map_or(said, |(_, named)| named);
    let mut parts = said.split('…');
    let rest = parts.try_fold(refused, |rest, part| Some(rest.split_once(part)?.1));
    rest.is_some()
}

/// A changed policy counts for the pods of both versions while none is replaced, and what a plan says of the order is
/// what was seen: callers go first where the policies of before let the new ones through.
#[test]
fn plans_say_whom_policies_refused() {
    let cases = observed("policies");
    assert!(!cases.is_empty());
    for (case, seen) in &cases {
        let answered = |caller: &str, policies: &str| {
            let by = |callee: &str| {
                let asked = format!("{caller} front asks {callee} api");
                let seen = &seen[format!("policies of the {policies} version")][asked];
                seen.as_bool().unwrap()
            };
            assert_eq!(by("old"), by("new"), "{case}: {caller}, {policies}");
            by("old")
        };
        let matches = ["old", "new"].map(|side| answered(side, side));
        assert_eq!(matches, [true, true], "{case}");
        let said = match (answered("new", "old"), answered("old", "new")) {
            (_, true) => None,
            (true, false) => Some("warning[ZD4062]"),
            (false, false) => Some("error[ZD4052]"),
        };
        let plan = fs::read_to_string(folder().join(case).join("plan.txt")).unwrap();
        for code in ["warning[ZD4062]", "error[ZD4052]"] {
            assert_eq!(plan.contains(code), said == Some(code), "{case}: {code}");
        }
    }
}

/// A repository with two commits of a program, and a third version in the working tree.
struct Repository(tempfile::TempDir);

const PROGRAM: &str = r#"app shop { targets = [swarm] }
import "./parts/web.zd" as web
"#;

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q"]);
        repository.put("shop/app.zd", PROGRAM);
        repository.put("shop/parts/web.zd", &Self::web("1.0.0"));
        repository.commit("one");
        repository.put("shop/parts/web.zd", &Self::web("1.1.0"));
        repository.commit("two");
        repository.put("shop/parts/web.zd", &Self::web("1.2.0"));
        repository
    }

    fn web(version: &str) -> String {
        format!("service web {{ image = \"example/web:{version}\" }}\n")
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(words)
            .current_dir(self.0.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn commit(&self, tag: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "-m", tag]);
        self.git(&["tag", tag]);
    }

    /// Runs `zdc plan` in the program's folder: the exit code, and all that was said.
    fn plan(&self, words: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_zdc"))
            .arg("plan")
            .args(words)
            .current_dir(self.0.path().join("shop"))
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    }
}

#[test]
fn revisions_are_read_as_they_were() {
    let repository = Repository::new();
    for (words, change) in [
        (&[][..], "web:1.1.0\" -> \"example/web:1.2.0"),
        (&["HEAD~1"], "web:1.0.0\" -> \"example/web:1.2.0"),
        (&["one..two"], "web:1.0.0\" -> \"example/web:1.1.0"),
        (&["one.."], "web:1.0.0\" -> \"example/web:1.1.0"),
        (&["two", "one"], "web:1.1.0\" -> \"example/web:1.0.0"),
        (&["one", "app.zd"], "web:1.0.0\" -> \"example/web:1.2.0"),
        (
            &["one:app.zd", "two:app.zd"],
            "web:1.0.0\" -> \"example/web:1.1.0",
        ),
        (&["one:.", "app.zd"], "web:1.0.0\" -> \"example/web:1.2.0"),
    ] {
        let (code, said) = repository.plan(words, &[]);
        assert!(
            code == 0 && said.contains(change),
            "{words:?}: {code}\n{said}"
        );
    }
    let tree = fs::read_to_string(repository.0.path().join("shop/parts/web.zd")).unwrap();
    assert_eq!(
        tree,
        Repository::web("1.2.0"),
        "the working tree was touched"
    );
}

/// The commit that brings a program has nothing to be compared with, and a name that neither side has is no first deploy.
#[test]
fn the_first_program_is_all_created() {
    let repository = Repository::new();
    repository.put("two/app.zd", PROGRAM);
    repository.put("two/parts/web.zd", &Repository::web("1.0.0"));
    fs::create_dir(repository.0.path().join("shop/nothing")).unwrap();
    let first = "This is the first deploy, and everything is created";
    let all = "Plan: 1 to create; 0 stay as they are.";
    for (words, why) in [
        (
            &["--file", "../two/app.zd"][..],
            "there is no `two/app.zd` in `HEAD`",
        ),
        (
            &["HEAD", "../two/app.zd"],
            "there is no `two/app.zd` in `HEAD`",
        ),
        (&["HEAD", "../two"], "there is no `two` in `HEAD`"),
        (
            &["one:../two/app.zd", "../two/app.zd"],
            "there is no `two/app.zd` in `one`",
        ),
        (&["nothing", "app.zd"], "`nothing` is empty"),
        (&["/dev/null", "app.zd"], "`/dev/null` is empty"),
        (&["/dev/null", "one"], "`/dev/null` is empty"),
    ] {
        let (code, said) = repository.plan(words, &[]);
        let is_told = said.contains(first) && said.contains(why) && said.contains(all);
        assert!(code == 0 && is_told, "{words:?}: {code}\n{said}");
    }
    for (format, line) in [
        ("json", "\"first_deploy\":\"`/dev/null` is empty\""),
        ("markdown", first),
        ("script", "# This is the first deploy"),
    ] {
        let (code, said) = repository.plan(&["/dev/null", "app.zd", "--format", format], &[]);
        assert!(code == 0 && said.contains(line), "{format}: {code}\n{said}");
    }
    repository.commit("three");
    let (code, said) = repository.plan(&["two..three", "--file", "../two/app.zd"], &[]);
    assert!(code == 0 && said.contains(all), "{code}\n{said}");
    // One that has moved runs already.
    let at = |path: &str| repository.0.path().join(path);
    fs::rename(at("two"), at("moved")).unwrap();
    fs::rename(at("moved/app.zd"), at("moved/two.zd")).unwrap();
    let (code, said) = repository.plan(&["HEAD", "../moved/two.zd"], &[]);
    assert!(
        code == 2 && said.contains("there is no `moved/two.zd` in `HEAD`"),
        "{code}\n{said}"
    );
    fs::rename(at("moved/two.zd"), at("moved/app.zd")).unwrap();
    for (words, message) in [
        (
            &["HEAD", "../moved/app.zd"][..],
            "there is no `moved/app.zd` in `HEAD`",
        ),
        (&["--file", "../moved/app.zd"], "it has `shop/app.zd`"),
        (
            &["--file", "../mvoed/app.zd"],
            "there is no `mvoed/app.zd` in `HEAD`",
        ),
        (
            &["one:ap.zd", "app.zd"],
            "there is no `shop/ap.zd` in `one`",
        ),
        (
            &["three..one", "--file", "../two/app.zd"],
            "there is no `two/app.zd` in `one`",
        ),
        (
            &["app.zd", "nothing"],
            "there are no manifests in `nothing`",
        ),
    ] {
        let (code, said) = repository.plan(words, &[]);
        assert!(
            code == 2 && said.contains(message),
            "{words:?}: {code}\n{said}"
        );
    }
}

/// What a program with an error asks for is not known, and nothing is said to be left behind.
#[test]
fn a_name_that_is_not_there_gives_no_plan() {
    let repository = Repository::new();
    let text = "service api {\n  image = \"example/api:1.0.0\"\n  env { WEB = web.htp.url }\n}\n";
    let text = Repository::web("1.3.0") + text;
    repository.put("shop/parts/web.zd", &text);
    for format in ["human", "json", "markdown"] {
        let (code, said) = repository.plan(&["--format", format], &[]);
        assert!(
            code == 1 && said.contains("ZD3001") && !said.contains("left"),
            "{format}: {code}\n{said}"
        );
    }
}

#[test]
fn links_are_followed_within_the_root_and_no_further() {
    let repository = Repository::new();
    let parts = repository.0.path().join("shop/parts");
    fs::rename(parts.join("web.zd"), parts.join("real.zd")).unwrap();
    std::os::unix::fs::symlink("real.zd", parts.join("web.zd")).unwrap();
    repository.commit("inside");
    assert_eq!(repository.plan(&["inside"], &[]).0, 0);
    fs::remove_file(parts.join("web.zd")).unwrap();
    repository.put("outside.zd", &Repository::web("1.0.0"));
    std::os::unix::fs::symlink("../../outside.zd", parts.join("web.zd")).unwrap();
    repository.commit("outside");
    let (code, said) = repository.plan(&["outside", "inside"], &[]);
    assert!(code == 1 && said.contains("ZD1002"), "{code}\n{said}");
}

/// A revision of manifests has what a checkout of it has.
#[test]
fn links_to_manifests_are_followed_in_a_revision() {
    let repository = Repository::new();
    let folder = repository.0.path().join("shop");
    let link = |to: &str, at: &str| {
        fs::create_dir_all(folder.join(at).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, folder.join(at)).unwrap();
    };
    let web = |version: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{name: web, image: \"web:{version}\"}}]}}\n"
        );
        repository.put("shop/base/web.yml", &text);
    };
    let stack = "services: {web: {image: web, env_file: e.env, configs: [c]}}\nconfigs: {c: {file: ./conf/site.conf}}\n";
    repository.put("shop/stack.yml", stack);
    let settings = |version: &str| {
        repository.put("shop/conf/real.conf", version);
        repository.put("shop/conf/real.env", &format!("A={version}\n"));
    };
    web("1");
    settings("1");
    link("../base/web.yml", "prod/web.yml");
    link("real.conf", "conf/site.conf");
    link("conf/real.env", "e.env");
    link("stack.yml", "prod.yml");
    repository.commit("before");
    web("2");
    settings("2");
    repository.commit("after");
    for (words, found) in [
        (["before:prod", "after:prod"], "web:1\" -> \"web:2"),
        (["before:prod", "prod"], "web:1\" -> \"web:2"),
        (
            ["before:prod/web.yml", "prod/web.yml"],
            "web:1\" -> \"web:2",
        ),
        (
            ["before:stack.yml", "after:stack.yml"],
            "only updates to Labels",
        ),
        (["before:stack.yml", "after:stack.yml"], "~ environment.A"),
        (
            ["before:prod.yml", "after:prod.yml"],
            "only updates to Labels",
        ),
    ] {
        let (_, said) = repository.plan(&words, &[]);
        assert!(said.contains(found), "{words:?}\n{said}");
    }
    // What is not there is said: of a manifest nothing can be.
    fs::remove_file(folder.join("conf/site.conf")).unwrap();
    link("/srv/site.conf", "conf/site.conf");
    repository.commit("config-outside");
    let (_, said) = repository.plan(&["after:stack.yml", "config-outside:stack.yml"], &[]);
    let note = "is not known: it is a link to `/srv/site.conf`, which is outside of the repository";
    assert!(said.contains(note), "{said}");
    for (tag, to, why) in [
        (
            "manifest-outside",
            "../../../web.yml",
            "outside of the repository",
        ),
        (
            "manifest-gone",
            "../base/gone.yml",
            "a link to what is not there",
        ),
        (
            "folder",
            "../base",
            "a link to a folder, which nobody follows",
        ),
        ("round", "web.yml", "a link to what is not there"),
    ] {
        fs::remove_file(folder.join("prod/web.yml")).unwrap();
        link(to, "prod/web.yml");
        repository.commit(tag);
        let (code, said) = repository.plan(&["before:prod", &format!("{tag}:prod")], &[]);
        assert!(code == 2 && said.contains(why), "{tag}: {code}\n{said}");
    }
}

#[test]
fn the_root_is_a_folder_of_the_disk_for_a_revision_too() {
    let repository = Repository::new();
    let shared = |version: &str| repository.put("library/web.zd", &Repository::web(version));
    shared("1.0.0");
    let program = PROGRAM.replace("./parts", "../library");
    repository.put("shop/app.zd", &program);
    repository.commit("shared");
    shared("1.1.0");
    let change = "web:1.0.0\" -> \"example/web:1.1.0";
    for words in [&["--root", ".."][..], &["HEAD", "app.zd", "--root", ".."]] {
        let (code, said) = repository.plan(words, &[]);
        assert!(code == 0 && said.contains(change), "{code}\n{said}");
    }
    // A range stands alone.
    let (code, said) = repository.plan(&["one..two", "app.zd"], &[]);
    assert!(
        code == 2 && said.contains("--file app.zd"),
        "{code}\n{said}"
    );
}

#[test]
fn exit_codes_are_as_documented() {
    let repository = Repository::new();
    let detailed = "--detailed-exitcode";
    assert_eq!(repository.plan(&[detailed], &[]).0, 2);
    assert_eq!(repository.plan(&["two..two", detailed], &[]).0, 0);
    assert_eq!(repository.plan(&["no-such-revision"], &[]).0, 2);
    assert_eq!(repository.plan(&["no-such-revision", detailed], &[]).0, 1);
    for words in [
        &["--format", "xml"][..],
        &["--bogus"],
        &["--set", "x"],
        &["a", "b", "c"],
    ] {
        let detailed = [words, &[detailed]].concat();
        assert_eq!(repository.plan(words, &[]).0, 2, "{words:?}");
        assert_eq!(repository.plan(&detailed, &[]).0, 1, "{words:?}");
    }
    assert_eq!(repository.plan(&["--help", detailed], &[]).0, 0);
    repository.put("shop/parts/web.zd", "service web {");
    assert_eq!(repository.plan(&[], &[]).0, 1);
}

/// Who reads a comment or an object sees that the program is refused, and why.
#[test]
fn errors_of_the_new_program_are_in_every_format() {
    let repository = Repository::new();
    let refused =
        "service web { image = \"example/web:1.3.0\", availability { min_available = 2 } }";
    for (text, code, planned) in [
        (refused, "ZD4022", true),
        ("service web {", "ZD0004", false),
    ] {
        repository.put("shop/parts/web.zd", text);
        let (ended, said) = repository.plan(&["--format", "markdown"], &[]);
        assert!(
            ended == 1 && said.contains(&format!("- **error {code}**")),
            "{said}"
        );
        assert_eq!(said.contains("### No plan"), !planned, "{said}");
        let (ended, said) = repository.plan(&["--format", "json"], &[]);
        let object = said.lines().find(|line| line.starts_with('{')).unwrap();
        let plan: Value = serde_json::from_str(object).unwrap();
        let mut found = plan["diagnostics"].as_array().unwrap().iter();
        assert!(ended == 1 && found.any(|it| it["code"] == code), "{plan}");
        assert_eq!(plan["changes"].is_null(), !planned, "{plan}");
    }
}

/// The commit that brings a parameter has a plan as any other.
#[test]
fn a_parameter_is_given_to_the_side_that_has_it() {
    let repository = Repository::new();
    repository.put("params.yaml", "TAG: \"1.3.0\"\n");
    let web = "param TAG: string\nservice web { image = \"example/web:${TAG}\" }\n";
    repository.put("shop/parts/web.zd", web);
    let new = &["--set", "TAG=1.3.0"][..];
    for words in [new, &["--params", "../params.yaml"]] {
        let (code, said) = repository.plan(words, &[]);
        assert!(code == 0 && said.contains("example/web:1.3.0"), "{said}");
    }
    repository.commit("three");
    repository.put("shop/parts/web.zd", &Repository::web("1.4.0"));
    let (code, said) = repository.plan(new, &[]);
    assert!(code == 0 && said.contains("example/web:1.3.0"), "{said}");
    for words in [
        &["--set", "TAG=1", "--set", "TAGG=1"][..],
        &["--set", "TAG=1", "--set-old", "TAGG=1"],
    ] {
        let (code, said) = repository.plan(words, &[]);
        assert!(
            code == 1 && said.contains("ZD1030") && said.contains("`TAGG`"),
            "{said}"
        );
    }
    let (code, said) = repository.plan(&["manifests", "app.zd", "--set", "TAGG=1"], &[]);
    assert!(code != 0, "{said}");
}

#[test]
fn manifests_that_are_not_what_is_applied_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |kustomization: &str, service: &str| {
        for side in ["old", "new"] {
            let side = folder.path().join(side);
            fs::create_dir_all(&side).unwrap();
            fs::write(side.join("kustomization.yaml"), kustomization).unwrap();
            fs::write(side.join("web.yaml"), service).unwrap();
        }
        let (code, _, said) = zdc(folder.path(), &["plan", "old", "new"]);
        (code, said)
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n";
    let lists = "resources: [web.yaml]\n";
    assert_eq!(plan(lists, service).0, 0);
    for more in [
        "images: [{name: example/web, newTag: \"1\"}]\n",
        "namePrefix: a-\n",
        "namespace: shop\n",
        "resources: [\"https://example.com/base?ref=main\"]\n",
        "resources: [../base, web.yaml]\n",
        "resources: [below/../../base, web.yaml]\n",
    ] {
        let kustomization = if more.starts_with("resources") {
            more.to_owned()
        } else {
            format!("{lists}{more}")
        };
        let (code, said) = plan(&kustomization, service);
        assert!(
            code == 2 && said.contains("kubectl kustomize DIR"),
            "{more}: {code}\n{said}"
        );
    }
    let (code, said) = plan(
        lists,
        "apiVersion: v1\nkind: Service\nmetadata: {name: 1}\n",
    );
    assert!(
        code == 2 && said.contains("metadata.name"),
        "{code}\n{said}"
    );
}

/// `kubectl apply -k` takes what a kustomization lists, and no file beside it.
#[test]
fn a_kustomization_names_what_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let object =
        |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for side in ["old", "new"] {
        write(&format!("{side}/web.yaml"), &object("web"));
        write(&format!("{side}/cache/cache.yaml"), &object("cache"));
        write(
            &format!("{side}/cache/kustomization.yaml"),
            "resources: [cache.yaml]\n",
        );
    }
    write("new/worker.yaml", &object("worker"));
    let plan = |lists: [&str; 2]| {
        for (side, listed) in ["old", "new"].into_iter().zip(lists) {
            write(
                &format!("{side}/kustomization.yaml"),
                &format!("resources: {listed}\n"),
            );
        }
        let (code, out, err) = zdc(folder.path(), &["plan", "old", "new"]);
        (code, out + &err)
    };
    let both = "[./web.yaml, cache/]";
    let (code, said) = plan([both, both]);
    assert!(
        code == 0 && said.contains("No changes: 2 objects"),
        "{said}"
    );
    let (_, said) = plan([both, "[web.yaml]"]);
    assert!(said.contains("- Service cache is left behind"), "{said}");
    let (_, said) = plan([both, "[web.yaml, cache, worker.yaml]"]);
    assert!(said.contains("+ Service worker is created"), "{said}");
    let (code, said) = plan([both, "[web.yaml, cahce]"]);
    assert!(
        code == 2 && said.contains("`cahce`, which is not there"),
        "{said}"
    );
}

/// A release that is another value of a variable is no change of a file.
#[test]
fn values_of_variables_are_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let stack = "services: {web: {image: \"example/web:${TAG:-1}\", deploy: {replicas: 2}}}\n";
    fs::write(folder.path().join("shop.yml"), stack).unwrap();
    let plan = |words: &[&str]| {
        let plan = ["plan", "shop.yml", "shop.yml", "--detailed-exitcode"];
        let (code, out, err) = zdc(folder.path(), &[&plan, words].concat());
        (code, out + &err)
    };
    let (code, said) = plan(&[]);
    assert!(
        code == 0 && said.contains("another `TAG` than at the last deploy rolls shop_web\n"),
        "{said}"
    );
    let (code, said) = plan(&["--set-old", "TAG=1", "--set", "TAG=2"]);
    assert!(
        code == 2 && said.contains("image: \"example/web:1\" -> \"example/web:2\""),
        "{said}"
    );
    let (code, said) = plan(&["--set", "TAG=2"]);
    assert!(
        code == 0 && said.contains("No changes: 1 objects"),
        "{said}"
    );
}

/// A file does not say what its stack is called, and a program does.
#[test]
fn a_stack_file_goes_by_the_programs_stack() {
    let folder = tempfile::tempdir().unwrap();
    let program = "app shop { targets = [swarm] }\nnetwork net {}\nservice web {\n  image = \"example/web:1.0.0\"\n  \
                   replicas = 2\n  join net\n  port http { number = 8080, publish = 80 }\n  \
                   health http { path = \"/\", interval = 5s }\n}\n";
    fs::write(folder.path().join("app.zd"), program).unwrap();
    let run = |words: &[&str]| {
        let (_, out, err) = zdc(folder.path(), words);
        (out, err)
    };
    let (stack, _) = run(&["build", "app.zd", "--stdout", "--target", "swarm"]);
    let (_, stack) = stack.split_once('\n').unwrap();
    let stack = stack.replace("example/web:1.0.0", "example/web:0.9.0");
    fs::write(folder.path().join("docker-stack.yml"), &stack).unwrap();
    fs::write(folder.path().join("shop.yml"), &stack).unwrap();
    for sides in [
        ["docker-stack.yml", "app.zd"],
        ["app.zd", "docker-stack.yml"],
    ] {
        let (plan, note) = run(&[&["plan"], &sides[..]].concat());
        assert!(plan.contains("@ service shop_web rolls"), "{plan}");
        assert!(
            note.contains("`docker-stack.yml` is compared as stack `shop` of `app.zd`"),
            "{note}"
        );
    }
    let (plan, note) = run(&["plan", "shop.yml", "app.zd"]);
    assert!(plan.contains("@ service shop_web rolls"), "{plan}");
    assert!(note.is_empty(), "{note}");
}

/// Files that are told apart by more than what stands before the first dot are stacks of their own, and a folder is the same as itself.
#[test]
fn each_file_of_a_folder_is_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let stack = |image: &str| format!("services: {{web: {{image: \"example/{image}\"}}}}\n");
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for side in ["old", "new"] {
        for file in [
            "shop.prod.yml",
            "shop.staging.yml",
            "blog/stack.yml",
            "wiki/stack.yml",
            "a/b-c.yml",
            "a-b/c.yml",
            "a/b.c.yml",
        ] {
            put(&format!("{side}/{file}"), &stack(file));
        }
    }
    let plan = |old: &str, new: &str| {
        let (_, out, err) = zdc(folder.path(), &["plan", old, new]);
        (out, err)
    };
    let (same, notes) = plan("new", "new");
    assert!(same.contains("No changes: 7 objects"), "{same}");
    assert!(notes.is_empty(), "{notes}");
    for file in ["shop.staging.yml", "wiki/stack.yml"] {
        put(&format!("new/{file}"), &stack("another"));
    }
    let (changed, _) = plan("old", "new");
    for service in ["shop-staging_web", "wiki-stack_web"] {
        let line = format!("! service {service} restarts at once");
        assert!(changed.contains(&line), "{changed}");
    }
    assert!(
        changed.contains("2 to restart at once; 5 stay as they are"),
        "{changed}"
    );
}

/// What `docker compose` reads by itself is no stack beside one, and a word says so.
#[test]
fn files_of_compose_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let plan = |old: &str, new: &str| {
        let (_, out, err) = zdc(folder.path(), &["plan", old, new]);
        [out, err]
    };
    let of_developers = |tag: &str| {
        format!(
            "services: {{web: {{build: ., image: \"example/web:{tag}\", depends_on: {{db: {{condition: service_healthy}}}}, ports: [\"80:80\"]}}}}\n"
        )
    };
    let stack = "services: {web: {image: \"example/web:1\", ports: [\"80:80\"]}}\n";
    for (side, tag) in [("old", "1"), ("new", "2")] {
        put(&format!("{side}/docker-stack.yml"), stack);
        put(&format!("{side}/docker-compose.yml"), &of_developers(tag));
        put(
            &format!("{side}/docker-compose.override.yml"),
            &of_developers(tag),
        );
        // Beside no stack it may be one.
        put(&format!("{side}/blog/docker-compose.yml"), "services: {}\n");
    }
    let [same, notes] = plan("old", "new");
    assert!(same.contains("No changes: 1 objects"), "{same}");
    assert!(
        notes.contains("`docker-compose.yml` is left out: beside `docker-stack.yml` it is `docker compose`'s")
            && notes.contains("`docker-compose.override.yml` is left out: `docker compose` merges it into `docker-compose.yml`"),
        "{notes}"
    );
    assert_eq!(notes.lines().count(), 2, "{notes}");
    put("new/blog/docker-compose.yml", stack);
    let [changed, _] = plan("old", "new");
    assert!(
        changed.contains("+ service docker-compose_web is created")
            || changed.contains("service docker-compose_web is refused"),
        "{changed}"
    );
    // Who names a file means it.
    let file = "docker-compose.yml";
    let [named, notes] = plan(&format!("old/{file}"), &format!("new/{file}"));
    assert!(named.contains("service docker-compose_web"), "{named}");
    assert!(notes.is_empty(), "{notes}");
}

/// What looks like a manifest and cannot be read is no reason to say that nothing changes.
#[test]
fn manifests_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |file: &str, text: &[u8]| {
        let path = folder.path().join("new").join(file);
        for side in ["old", "new"] {
            let side = folder.path().join(side);
            fs::create_dir_all(&side).unwrap();
            let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n";
            fs::write(side.join("web.yaml"), service).unwrap();
        }
        if !text.is_empty() {
            fs::write(&path, text).unwrap();
        }
        let (code, _, said) = zdc(folder.path(), &["plan", "old", "new"]);
        if !text.is_empty() {
            fs::remove_file(path).unwrap();
        }
        (code, said)
    };
    let (latin, long) = (b"# caf\xe9\n".as_slice(), vec![b'#'; (4 << 20) + 1]);
    assert_eq!(plan("picture.png", latin).0, 0);
    let (code, said) = plan("more.yaml", latin);
    assert!(
        code == 2 && said.contains("more.yaml") && said.contains("UTF-8"),
        "{said}"
    );
    let (code, said) = plan("more.json", &long);
    assert!(
        code == 2 && said.contains("more.json") && said.contains("4 MiB"),
        "{said}"
    );
    let (elsewhere, link) = (
        folder.path().join("elsewhere"),
        folder.path().join("new/below"),
    );
    fs::create_dir(elsewhere).unwrap();
    std::os::unix::fs::symlink("../elsewhere", link).unwrap();
    let (code, said) = plan("more.yaml", b"");
    assert!(
        code == 2 && said.contains("below") && said.contains("link"),
        "{said}"
    );
    // Two versions of one stack go by one name, and an error by the file's own.
    fs::write(folder.path().join("broken.yml"), "services: [\n").unwrap();
    fs::write(folder.path().join("good.yml"), "services: {}\n").unwrap();
    let (_, _, said) = zdc(folder.path(), &["plan", "broken.yml", "good.yml"]);
    assert!(said.contains("cannot read `broken.yml`"), "{said}");
}

#[test]
fn what_git_cannot_give_is_said() {
    let repository = Repository::new();
    for (words, message) in [
        (
            &["no-such-revision"][..],
            "there is no revision `no-such-revision`",
        ),
        (&["--", "--output=x"], "there is no revision `--output=x`"),
        (&["one...two"], "two dots"),
        (
            &["one:nothing.zd", "app.zd"],
            "there is no `shop/nothing.zd` in `one`",
        ),
        (&["one:nothing.zd", "app.zd"], "it has `shop/app.zd`"),
        (&["nothing.zd", "app.zd"], "there is no file `nothing.zd`"),
    ] {
        let (code, said) = repository.plan(words, &[]);
        assert!(
            code == 2 && said.contains(message),
            "{words:?}: {code}\n{said}"
        );
    }
    let (code, said) = repository.plan(&[], &[("PATH", "/nowhere")]);
    assert!(
        code == 2 && said.contains("there is no `git`"),
        "{code}\n{said}"
    );
    let (code, said) = repository.plan(&["--target", "compose"], &[]);
    assert!(
        code == 2 && said.contains("is not written for compose, but for"),
        "{code}\n{said}"
    );
    let bare = tempfile::tempdir().unwrap();
    fs::write(bare.path().join("app.zd"), "app shop {}\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_zdc"))
        .arg("plan")
        .current_dir(bare.path())
        .env_clear()
        .env("GIT_CEILING_DIRECTORIES", bare.path().parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && said.contains("not a git repository"),
        "{said}"
    );
}

/// What stacks of a folder name may stand beside it, and go by the whole path, as `docker stack config` writes it.
#[test]
fn what_stacks_name_is_read_where_it_is() {
    let repository = Repository::new();
    let stack = |folder: &str| {
        format!(
            "services:\n  web:\n    image: example/web:1\n    configs: [conf]\n    secrets: [key]\n\
             configs:\n  conf: {{file: {folder}/web.conf}}\nsecrets:\n  key: {{file: {folder}/key.txt}}\n"
        )
    };
    repository.put("shop/deploy/stack.yml", &stack("../conf"));
    repository.put("shop/conf/web.conf", "listen 80;\n");
    repository.put("shop/conf/key.txt", "of-one\n");
    repository.commit("three");
    let whole = repository.0.path().join("shop/conf");
    let whole = whole.to_str().unwrap();
    repository.put("shop/written/stack.yml", &stack(whole));
    let (code, said) = repository.plan(&["deploy", "written"], &[]);
    let is_none = code == 0 && said.contains("No changes") && !said.contains("note:");
    assert!(is_none, "{code}\n{said}");
    repository.put("shop/conf/web.conf", "listen 81;\n");
    repository.put("shop/conf/key.txt", "of-two\n");
    repository.commit("four");
    for words in [
        ["HEAD~1:deploy", "deploy"],
        ["HEAD~1:deploy", "HEAD:deploy"],
    ] {
        let (code, said) = repository.plan(&words, &[]);
        let is_told = [
            "config stack_conf is refused",
            "secret stack_key is refused",
        ]
        .iter()
        .all(|words| said.contains(words));
        assert!(
            code == 1 && is_told && !said.contains("of-two"),
            "{words:?}: {code}\n{said}"
        );
    }
    // Nothing is shown of what is elsewhere on the machine, and it is not taken for nothing.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("web.conf"), "listen 82;\n").unwrap();
    let stack = stack(elsewhere.path().to_str().unwrap());
    repository.put("shop/written/stack.yml", &stack);
    let (code, said) = repository.plan(&["deploy", "written"], &[]);
    let is_told = said.contains("nor in its repository") && said.contains("it is not there");
    assert!(
        code == 0 && is_told && !said.contains("listen 8") && !said.contains("null"),
        "{code}\n{said}"
    );
}

/// By its own attributes, which may be others than those of now.
#[test]
fn a_revision_is_not_read_by_attributes_of_now() {
    let repository = Repository::new();
    let stack = "services:\n  web:\n    image: example/web:1\n    configs: [conf]\nconfigs:\n  conf: {file: web.conf}\n";
    repository.put("shop/stack/stack.yml", stack);
    repository.put("shop/stack/web.conf", "listen 80;\n");
    repository.put(".gitattributes", "* text=auto\n");
    repository.commit("three");
    repository.put(".gitattributes", "* text=auto\n*.conf eol=crlf\n");
    repository.put("shop/stack/web.conf", "listen 80;\r\n");
    repository.commit("four");
    let (_, said) = repository.plan(&["HEAD~1:stack", "stack"], &[]);
    assert!(!said.contains("No changes"), "{said}");
    let (_, said) = repository.plan(&["HEAD:stack", "stack"], &[]);
    assert!(said.contains("No changes"), "{said}");
}

/// What a checkout converts is no change: ends of lines, and what a filter such as Git LFS or git-crypt keeps otherwise.
#[test]
fn a_revision_is_read_as_it_is_checked_out() {
    let repository = Repository::new();
    repository.git(&["config", "filter.turned.clean", "tr a-z A-Z"]);
    repository.git(&["config", "filter.turned.smudge", "tr A-Z a-z"]);
    repository.put(".gitattributes", "*.conf eol=crlf\n*.env filter=turned\n");
    repository.put("shop/stack/web.conf", "listen 80;\r\nserver_name a;\r\n");
    repository.put("shop/stack/web.env", "level=debug\n");
    let stack = "services:\n  web:\n    image: example/web:1\n    env_file: web.env\n    configs: [conf]\nconfigs:\n  conf: {file: web.conf}\n";
    repository.put("shop/stack/stack.yml", stack);
    repository.commit("three");
    for words in [
        &["HEAD:stack", "stack"],
        &["HEAD:stack/stack.yml", "stack/stack.yml"],
    ] {
        let (code, said) = repository.plan(words, &[]);
        assert!(
            code == 0 && said.contains("No changes"),
            "{words:?}: {code}\n{said}"
        );
    }
    repository.git(&["config", "filter.turned.smudge", "false"]);
    repository.git(&["config", "filter.turned.required", "true"]);
    let (code, said) = repository.plan(&["HEAD:stack/stack.yml", "stack/stack.yml"], &[]);
    assert!(
        code != 0 && said.contains("smudge filter turned failed"),
        "{code}\n{said}"
    );
}

/// A copy of a repository with its newest commit alone, one without a working tree, and one of another user.
#[test]
fn what_git_would_not_give_is_helped() {
    let repository = Repository::new();
    let place = tempfile::tempdir().unwrap();
    let clone = |name: &str, words: &[&str]| {
        let to = place.path().join(name);
        let from = format!("file://{}", repository.0.path().display());
        let words = [&["clone", "-q"], words, &[&*from, to.to_str().unwrap()]].concat();
        repository.git(&words);
        to
    };
    let plan = |folder: PathBuf, words: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_zdc"))
            .arg("plan")
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    };
    let shallow = clone("shallow", &["--depth", "1"]).join("shop");
    let (code, said) = plan(shallow.clone(), &["HEAD~1"], &[]);
    assert!(
        code == 2 && said.contains("`git fetch --unshallow"),
        "{said}"
    );
    let command = said
        .split('`')
        .find(|it| it.starts_with("git fetch"))
        .unwrap();
    let fetched = Command::new("sh")
        .args(["-c", command])
        .current_dir(&shallow)
        .output();
    assert!(fetched.unwrap().status.success(), "{said}");
    let (code, said) = plan(shallow, &["HEAD~1"], &[]);
    assert!(code == 0 && said.contains("web:1.0.0"), "{said}");

    let bare = clone("bare", &["--bare"]);
    let (code, said) = plan(bare.clone(), &["--file", "shop/app.zd"], &[]);
    let help = "`zdc plan HEAD~1..HEAD`";
    assert!(
        code == 2 && said.contains("no working tree") && said.contains(help),
        "{said}"
    );
    let words = ["HEAD~1..HEAD", "--file", "shop/app.zd"];
    let (code, said) = plan(bare, &words, &[]);
    assert!(
        code == 0 && said.contains("web:1.0.0\" -> \"example/web:1.1.0"),
        "{said}"
    );

    // Git's own tests say so of a folder that is another user's (git t/t0033-safe-directory.sh).
    let theirs = clone("theirs", &[]).join("shop");
    let other = [("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")];
    let (code, said) = plan(theirs, &[], &other);
    let help = "where you trust it, `git config --global --add safe.directory";
    assert!(code == 2 && said.contains(help), "{said}");
}

#[test]
fn what_was_written_is_what_is_built() {
    let repository = Repository::new();
    let folder = repository.0.path().join("shop");
    let build = || {
        Command::new(env!("CARGO_BIN_EXE_zdc"))
            .args(["build", "--target", "swarm"])
            .current_dir(&folder)
            .env_clear()
            .output()
            .unwrap()
    };
    let built = build();
    assert!(built.status.success(), "{built:?}");
    let (code, said) = repository.plan(&["manifests", "app.zd", "--detailed-exitcode"], &[]);
    assert!(code == 0, "{said}");
    repository.put("shop/parts/web.zd", &Repository::web("1.3.0"));
    let (code, said) = repository.plan(&["manifests", "app.zd", "--detailed-exitcode"], &[]);
    assert!(code == 2 && said.contains("1.3.0"), "{said}");
    // Of objects nobody knows the order, and what is not known is not written as commands.
    let not_judged = "Not judged: the order of services, their versions, the form of their own data and whether their way back is checked, since of `manifests` only";
    assert!(said.contains(not_judged), "{said}");
    let (_, said) = repository.plan(&["manifests", "app.zd", "--format", "markdown"], &[]);
    assert!(said.contains(not_judged), "{said}");
    let (_, said) = repository.plan(&["manifests", "app.zd", "--format", "json"], &[]);
    let key = "\"not_judged\":[\"order\",\"versions\",\"data\",\"way_back\"]";
    assert!(said.contains(key), "{said}");
    let script = &["--format", "script", "--target", "swarm"];
    for sides in [["manifests", "app.zd"], ["app.zd", "manifests"]] {
        let (code, said) = repository.plan(&[&sides[..], script].concat(), &[]);
        assert!(
            code == 2 && said.contains("only objects are known") && said.contains("two programs"),
            "{said}"
        );
        assert!(!said.contains("#!"), "{said}");
    }
    // Nor where both sides are manifests.
    fs::rename(folder.join("manifests"), folder.join("before")).unwrap();
    let built = build();
    assert!(built.status.success(), "{built:?}");
    let both = ["before", "manifests"];
    let (code, said) = repository.plan(&both, &[]);
    let not_judged = "is checked, since of both sides only objects are known.";
    assert!(code == 0 && said.contains(not_judged), "{said}");
    let (_, said) = repository.plan(&[&both[..], &["--format", "markdown"]].concat(), &[]);
    assert!(said.contains(not_judged), "{said}");
    let (_, said) = repository.plan(&[&both[..], &["--format", "json"]].concat(), &[]);
    assert!(said.contains(key), "{said}");
    let (code, said) = repository.plan(&[&both[..], script].concat(), &[]);
    assert!(code == 2 && said.contains("of both sides only"), "{said}");
    assert!(!said.contains("#!"), "{said}");
    let (code, said) = repository.plan(&["manifests", "manifests"], &[]);
    assert!(code == 0 && !said.contains("Not judged"), "{said}");
    let (code, said) = repository.plan(&["--format", "json"], &[]);
    assert!(code == 0 && said.contains("\"not_judged\":[]"), "{said}");
    let (code, said) = repository.plan(script, &[]);
    assert!(code == 0 && said.contains("steps=1\n"), "{said}");
}

/// What a plan says of each object: of one that is left it knows the service only by the old program.
fn told(folder: &Path, old: &str, new: &str) -> Vec<Value> {
    let plan = Command::new(env!("CARGO_BIN_EXE_zdc"))
        .args(["plan", "--format", "json", old, new])
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&plan.stderr);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap_or_else(|_| panic!("{said}"));
    let mut changes = Vec::new();
    for target in plan["targets"].as_array().unwrap() {
        for change in target["changes"].as_array().unwrap() {
            let mut change = change.clone();
            change.as_object_mut().unwrap().remove("service");
            changes.push(change);
        }
    }
    changes
}

/// As zdc wrote them, manifests are not read but where they differ; with a line more they are anybody's YAML.
#[test]
fn manifests_say_what_their_program_says() {
    let mut compared = 0;
    for case in cases() {
        let [old, new] = sides(&case);
        let folder = folder().join(&case);
        let built = tempfile::tempdir().unwrap();
        let manifests = built.path().to_str().unwrap();
        let wrote = Command::new(env!("CARGO_BIN_EXE_zdc"))
            .args(["build", &old, "--out", manifests])
            .current_dir(&folder)
            .env_clear()
            .output()
            .unwrap();
        // What is unproved is not built, and a folder of manifests is no program.
        if !wrote.status.success() {
            continue;
        }
        let as_written = told(&folder, manifests, &new);
        // Where the value of a secret comes from is in no manifest.
        let mut expected = told(&folder, &old, &new);
        expected.retain(|change| {
            let is_secret = ["secret", "Secret"]
                .iter()
                .any(|kind| change["kind"] == *kind);
            !is_secret || !change["how"].as_str().unwrap().starts_with("its value")
        });
        // What was one service under another name only the old program knows.
        if expected.iter().all(|change| change["was"].is_null()) {
            assert_eq!(as_written, expected, "{case}");
            compared += 1;
        }
        for target in ["swarm", "kubernetes", "compose"] {
            let files = fs::read_dir(built.path().join(target))
                .into_iter()
                .flatten();
            for file in files.map(|file| file.unwrap().path()) {
                if file
                    .extension()
                    .is_some_and(|it| it == "yml" || it == "yaml")
                {
                    let text = fs::read_to_string(&file).unwrap();
                    fs::write(&file, text + "# ours now\n").unwrap();
                }
            }
        }
        let edited = told(&folder, manifests, &new);
        assert_eq!(edited, as_written, "{case}, edited");
    }
    assert!(compared >= 60, "only {compared} were compared");
}

#[test]
fn hostile_text_stays_text() {
    let repository = Repository::new();
    let hostile = "service web { image = \"example/web:1.0.0\", env { A = \"\\u{1b}[31m```\\n# @all <b>\" } }\n";
    repository.put("shop/parts/web.zd", hostile);
    for format in ["human", "json", "markdown"] {
        let (_, said) = repository.plan(&["--format", format], &[]);
        assert!(!said.contains('\u{1b}'), "{format}: {said}");
        assert!(
            format != "markdown" || said.matches("```").count() == 2,
            "{said}"
        );
    }
}
