//! Strings that a YAML reader, a stack's substitution, a shell or nginx could take for something else come back as the
//! same strings: through every reader, through a running engine, API server and nginx.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::programs::Program;
use crate::{
    Failure, Test, Verdict, compose, ensure, kubernetes, machine, nginx, swarm, test, yaml,
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("hazard::values", values),
        test("hazard::keys", keys),
        test("hazard::header", header),
    ]
}

/// Every hazard of the YAML writer's own tests that can be a value here: no variable holds a NUL, and `{{` is Docker's.
fn strings() -> Result<Vec<String>, Failure> {
    let all: Vec<String> = serde_json::from_str(include_str!("../../src/yaml/hazards.json"))
        .map_err(|error| error.to_string())?;
    ensure(all.len() > 100, || "the hazards are gone".to_owned())?;
    Ok(all
        .into_iter()
        .filter(|text| !text.contains('\0') && !text.contains("{{"))
        .collect())
}

/// As zd writes it: only what has to be is escaped.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' | '$' => {
                literal.push('\\');
                literal.push(character);
            }
            _ if character.is_control() || !character.is_ascii() => {
                let _ = write!(literal, "\\u{{{:x}}}", u32::from(character));
            }
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

fn program(name: &str, text: &str) -> Result<Program, String> {
    let source = machine::folder(name).join("app.zd");
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    let program = Program::new(format!("hazard-{name}"), source);
    program.build()?;
    Ok(program)
}

fn service(name: &str, targets: &str, body: &str) -> String {
    format!(
        r#"app hazards-{name} {{ targets = [{targets}] }}
service web {{
  image = "hazards/web:1.0"
  health exec {{ command = ["true"], interval = 1s }}
  allow downtime {{ because = "a test" }}
{body}
}}
"#
    )
}

fn entries(pairs: &[(String, String)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "    {} = {}", literal(key), literal(value));
        text
    })
}

/// As values of environment variables: in the file to every reader, and in the end to the service.
fn values() -> Verdict {
    let shell = [
        "$HOME",
        "$$",
        "${X:-y}",
        "${X:?y}",
        "$(reboot)",
        "`reboot`",
        "'; reboot; '",
    ];
    let texts = strings()?.into_iter().chain(shell.map(str::to_owned));
    let pairs: Vec<(String, String)> = texts
        .enumerate()
        .map(|(index, text)| (format!("V{index}"), text))
        .collect();
    let body = format!("  env {{\n{}  }}", entries(&pairs));
    let program = program(
        "values",
        &service("values", "swarm, kubernetes, compose", &body),
    )?;

    let stack = &program.files("swarm", &["yml"])[0];
    yaml::judge_strings(&read(stack)?, swarm::substituted, &pairs)?;

    let project = &program.files("compose", &["yaml"])[0];
    yaml::judge_strings(&read(project)?, swarm::substituted, &pairs)?;
    yaml::has_strings(
        "docker compose",
        &environment(&compose::container(project, "web")?),
        &pairs,
    )?;
    // After the project, whose network has the same name: what a swarm started may go later than it says.
    yaml::has_strings("the engine", &swarm::service(stack, "web")?, &pairs)?;

    let objects = program.files("kubernetes", &["yaml"]);
    let all = objects
        .iter()
        .map(|file| read(file))
        .collect::<Result<Vec<_>, _>>()?;
    let with_variables = all.iter().find(|text| text.contains("V0"));
    yaml::judge_strings(
        with_variables.map_or("", String::as_str),
        kubernetes::expanded,
        &pairs,
    )?;
    let created = kubernetes::created("hazards", &objects)?;
    yaml::has_strings(
        "the API server",
        &yaml::translate(created, kubernetes::expanded),
        &pairs,
    )
}

/// A container's environment as a map.
fn environment(container: &Value) -> Value {
    let entries = container["Config"]["Env"].as_array().into_iter().flatten();
    let entries = entries.filter_map(|entry| entry.as_str()?.split_once('='));
    entries
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect()
}

/// As keys: a service's labels on a swarm may have any.
fn keys() -> Verdict {
    // Its schema wants a character in each and no line end (`^.+$`).
    let texts = strings()?
        .into_iter()
        .filter(|text| !text.is_empty() && !text.contains('\n'));
    let pairs: Vec<(String, String)> = texts.map(|text| (text, "value".to_owned())).collect();
    let body = format!("  labels {{\n{}  }}", entries(&pairs));
    let program = program("keys", &service("keys", "swarm, compose", &body))?;
    let stack = &program.files("swarm", &["yml"])[0];
    // Docker's CLI substitutes in values alone (docker/cli, cli/compose/interpolation).
    yaml::judge_strings(&read(stack)?, swarm::substituted, &pairs)?;
    let project = &program.files("compose", &["yaml"])[0];
    yaml::has_strings(
        "docker compose",
        &compose::container(project, "web")?,
        &pairs,
    )?;
    yaml::has_strings("the engine", &swarm::service(stack, "web")?, &pairs)
}

/// As headers that nginx sets: none ends its directive.
fn header() -> Verdict {
    let values = [
        "a\";}b",
        "\"",
        "\\",
        "a\\",
        "a\\\"",
        "'",
        "a'b",
        ";",
        "}",
        "{",
        "# a",
        "a b",
        "`reboot`",
        "a=b",
        "~ a",
        "é",
        "🙂",
        "\"; return 500; \"",
        "on",
        "%00",
    ];
    let names: Vec<String> = (0..values.len())
        .map(|index| format!("X-H{index}"))
        .collect();
    let pairs: Vec<(String, String)> = names
        .iter()
        .cloned()
        .zip(values.map(str::to_owned))
        .collect();
    let text = format!(
        r#"app hazards {{ targets = [swarm, nginx] }}
network net {{ attachable = true }}
service web {{
  image = "hazards/web:1.0"
  join net
  port http {{ number = 8080 }}
  health http {{ path = "/health" }}
  allow downtime {{ because = "a test" }}
}}
gateway edge {{
  image = "nginx:1.28.3"
  join net
  listen http {{ port = 80 }}
  allow downtime {{ because = "a test" }}
  route "/" {{
    to = web.http
    request_headers {{ set {{
{}    }} }}
  }}
}}
"#,
        entries(&pairs)
    );
    let program = program("header", &text)?;
    let files = program.files("nginx/conf.d", &["conf"]);
    let expected: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(values).collect();
    nginx::judge_headers(
        &nginx::modern()?,
        &program.output.join("nginx/conf.d"),
        &files,
        &expected,
    )
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}
