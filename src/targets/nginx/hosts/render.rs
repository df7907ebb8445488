//! The files of a host: fixed scripts, and what they read, each by one template without logic whose
//! every value is quoted by the engine itself.

use super::Host;
use super::delivery::Delivery;
use super::includes::longest_wait;
use super::lowering::{Program, Service, seconds};
use super::unit::Unit;
use super::word::{Word, bash, groovy, systemd};
use crate::targets::{Artifact, Header};
use crate::vocabulary::{FailureAction, Order, TargetId};
use crate::yaml;
use serde::Serialize;
use std::io::{self, Write};
use std::sync::LazyLock;
use tera::{Context, Tera};

/// The scripts, as they are written for every program.
const SCRIPTS: [(&str, &str); 6] = [
    ("deploy.sh", include_str!("scripts/deploy.sh")),
    ("switch.sh", include_str!("scripts/switch.sh")),
    ("rollback.sh", include_str!("scripts/rollback.sh")),
    ("status.sh", include_str!("scripts/status.sh")),
    ("hosts/host.sh", include_str!("scripts/host.sh")),
    ("hosts/run.sh", include_str!("scripts/run.sh")),
];

/// Every file, by path.
pub(super) fn artifacts(host: &Host) -> Vec<Artifact> {
    let mut out = Vec::new();
    let mut add = |path: String, text: String, header| {
        out.push(Artifact {
            target: Some(TargetId::Nginx),
            path: format!("nginx/{path}"),
            text: text.into(),
            header,
        });
    };
    for (path, text) in SCRIPTS {
        add(path.to_owned(), text.to_owned(), Header::Hash);
    }
    add("hosts/app.sh".to_owned(), app(host), Header::Hash);
    for service in &host.services {
        let name = &service.name;
        add(
            format!("hosts/services/{name}.sh"),
            settings(service),
            Header::Hash,
        );
        if let Program::Process { unit, .. } = &service.program {
            let path = format!("systemd/{}-{name}@.service", host.app);
            add(path, unit_file(&host.app, name, unit), Header::Hash);
        }
        for include in &service.includes {
            let first = usize::try_from(service.replicas).unwrap_or(usize::MAX);
            let live: Vec<u64> = service.slots.iter().copied().take(first).collect();
            let path = format!("slots/{}/{name}/{}", host.app, include.file);
            add(path, include.text(&live), Header::Hash);
        }
    }
    if let Some(delivery) = &host.delivery {
        add("appspec.yml".to_owned(), appspec(delivery), Header::Hash);
        let pipeline = render("Jenkinsfile", &Named { app: &host.app });
        add("Jenkinsfile".to_owned(), pipeline, Header::Slashes);
    }
    out.sort_by(|one, other| one.path.cmp(&other.path));
    out
}

#[derive(Serialize)]
struct Named<'a> {
    app: &'a str,
}

fn appspec(delivery: &Delivery) -> String {
    // The types of an AppSpec have no value that YAML could not write.
    yaml::to_string(delivery).unwrap_or_default()
}

fn app(host: &Host) -> String {
    #[derive(Serialize)]
    struct Whole<'a> {
        app: &'a str,
        services: Vec<&'a str>,
        locked: bool,
        config_test: bool,
        variables: Vec<Named>,
        required: Vec<&'a str>,
    }
    #[derive(Serialize)]
    struct Named {
        name: String,
        default: Word,
    }
    let variables = host.variables.iter();
    let required = variables
        .clone()
        .filter(|variable| variable.default.is_none());
    render(
        "app.sh",
        &Whole {
            app: &host.app,
            services: host
                .services
                .iter()
                .map(|service| service.name.as_str())
                .collect(),
            locked: host.locked,
            config_test: host.config_test,
            required: required.map(|variable| &*variable.name).collect(),
            variables: variables
                .map(|variable| Named {
                    name: variable.name.to_string(),
                    default: Word::text(variable.default.as_deref().unwrap_or_default()),
                })
                .collect(),
        },
    )
}

/// What a service's file says, but for what runs.
#[derive(Serialize)]
struct Settings<'a> {
    service: &'a str,
    kind: &'static str,
    runtime: &'static str,
    slots: &'a [u64],
    replicas: u64,
    health: Health<'a>,
    verify: Verify<'a>,
    policy: Policy,
    includes: Vec<Include>,
    run_as: Word,
    workdir: Word,
    pull: &'static str,
}

#[derive(Serialize)]
struct Health<'a> {
    kind: &'static str,
    path: &'a str,
    interval: u64,
    timeout: u64,
    retries: u64,
    start_period: u64,
}

#[derive(Serialize)]
struct Verify<'a> {
    scheme: &'a str,
    port: u64,
    host: &'a str,
    path: &'a str,
}

#[derive(Serialize)]
struct Policy {
    order: &'static str,
    delay: u64,
    monitor: u64,
    on_failure: &'static str,
    swap_back: bool,
    drain: u64,
    signal: &'static str,
    grace: u64,
}

#[derive(Serialize)]
struct Include {
    file: Word,
    before: Word,
    after: Word,
}

fn settings(service: &Service) -> String {
    let policy = &service.policy;
    let verify = service.verification.as_ref();
    let (template, runtime) = match service.program {
        Program::Process { .. } => ("process.sh", "process"),
        Program::Container { .. } => ("docker.sh", "docker"),
    };
    let settings = Settings {
        service: &service.name,
        kind: if policy.blue_green {
            "blue_green"
        } else if policy.canary {
            "canary"
        } else {
            "rolling"
        },
        runtime,
        slots: &service.slots,
        replicas: service.replicas,
        health: Health {
            kind: service.health.kind,
            path: &service.health.path,
            // A probe that follows the last at once would be one without end.
            interval: policy.judgement.interval.millis.max(50),
            timeout: seconds(policy.judgement.timeout),
            retries: policy.judgement.retries,
            start_period: policy.judgement.start_period.millis,
        },
        verify: Verify {
            scheme: verify.map_or("http", |verify| verify.scheme.word()),
            port: verify.map_or(0, |verify| verify.port),
            host: verify.map_or("", |verify| &verify.host),
            path: verify.map_or("", |verify| &verify.path),
        },
        policy: Policy {
            order: match policy.order {
                Order::StartFirst => "start_first",
                Order::StopFirst => "stop_first",
            },
            delay: policy.delay.millis,
            monitor: policy.monitor.millis,
            on_failure: match policy.on_failure {
                FailureAction::Rollback => "rollback",
                FailureAction::Pause | FailureAction::Continue => "pause",
            },
            swap_back: policy.swap_back,
            drain: longest_wait(policy.drain).millis,
            signal: policy.signal.word(),
            grace: policy.grace.millis,
        },
        includes: service
            .includes
            .iter()
            .map(|include| Include {
                file: Word::text(&include.file),
                before: Word::text(&include.before),
                after: Word::text(&include.after),
            })
            .collect(),
        run_as: Word::text(&service.run_as),
        workdir: Word::text(&service.workdir),
        pull: service.pull,
    };
    render("service.sh", &settings) + &program(template, service)
}

fn program(template: &str, service: &Service) -> String {
    #[derive(Serialize)]
    struct Process<'a> {
        environment: &'a [Word],
        command: &'a [Word],
        probe: &'a [Word],
    }
    #[derive(Serialize)]
    struct Container<'a> {
        options: &'a [Vec<Word>],
        image: &'a Word,
        command: &'a [Word],
        probe: &'a [Word],
    }
    let nothing = [Word::text("true")];
    let probe = match service.probe.as_slice() {
        [] => &nothing[..],
        probe => probe,
    };
    match &service.program {
        Program::Process {
            environment,
            command,
            ..
        } => render(
            template,
            &Process {
                environment,
                command,
                probe,
            },
        ),
        Program::Container {
            options,
            image,
            command,
        } => render(
            template,
            &Container {
                options,
                image,
                command,
                probe,
            },
        ),
    }
}

fn unit_file(app: &str, service: &str, unit: &Unit) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        app: &'a str,
        service: &'a str,
        description: String,
        limits: &'a [super::unit::Line],
        lines: &'a [super::unit::Line],
        quotas: &'a [u64],
    }
    render(
        "unit",
        &File {
            app,
            service,
            description: format!("{service} of {app}"),
            limits: &unit.limits,
            lines: &unit.lines,
            quotas: &unit.quotas,
        },
    )
}

/// Its text by one of the templates.
///
/// They are part of the program and cannot fail on its structs; were one to, bash, systemd and
/// Jenkins would refuse the text rather than run half of it.
fn render(template: &str, value: &impl Serialize) -> String {
    let engine = match template {
        "unit" => &UNITS,
        "Jenkinsfile" => &PIPELINES,
        _ => &SHELL,
    };
    let rendered = LazyLock::force(engine)
        .as_ref()
        .map_err(ToString::to_string);
    let rendered = rendered.and_then(|engine| {
        Context::from_serialize(value)
            .and_then(|context| engine.render(template, &context))
            .map_err(|error| error.to_string())
    });
    rendered.unwrap_or_else(|error| format!("exit 1 # not rendered: {}\n", bash(&error)))
}

type Engine = LazyLock<Result<Tera, tera::Error>>;

static SHELL: Engine = LazyLock::new(|| {
    engine(
        |word, out| out.write_all(bash(word).as_bytes()),
        &[
            ("app.sh", include_str!("scripts/app.sh.tera")),
            ("service.sh", include_str!("scripts/service.sh.tera")),
            ("process.sh", include_str!("scripts/process.sh.tera")),
            ("docker.sh", include_str!("scripts/docker.sh.tera")),
        ],
    )
});
static UNITS: Engine = LazyLock::new(|| {
    engine(
        |word, out| out.write_all(systemd(word).as_bytes()),
        &[("unit", include_str!("scripts/unit.tera"))],
    )
});
static PIPELINES: Engine = LazyLock::new(|| {
    engine(
        |word, out| out.write_all(groovy(word).as_bytes()),
        &[("Jenkinsfile", include_str!("scripts/Jenkinsfile.tera"))],
    )
});

fn engine(
    escape: fn(&str, &mut dyn Write) -> io::Result<()>,
    templates: &[(&'static str, &'static str)],
) -> Result<Tera, tera::Error> {
    let mut engine = Tera::default();
    engine.set_escape_fn(escape);
    engine.autoescape_on(templates.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, text) in templates {
        engine.add_raw_template(name, text)?;
    }
    Ok(engine)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_templates_loop_and_do_nothing_else() {
        let templates = [
            include_str!("scripts/app.sh.tera"),
            include_str!("scripts/service.sh.tera"),
            include_str!("scripts/process.sh.tera"),
            include_str!("scripts/docker.sh.tera"),
            include_str!("scripts/unit.tera"),
            include_str!("scripts/Jenkinsfile.tera"),
        ];
        for template in templates {
            for tag in template.split("{%").skip(1) {
                let word = tag.trim_start_matches('-').split_whitespace().next();
                assert!(matches!(word, Some("for" | "endfor")), "{tag}");
            }
            for value in template.split("{{").skip(1) {
                let value = value.split("}}").next().unwrap();
                assert!(!value.contains('|'), "{value}");
            }
        }
    }
}
