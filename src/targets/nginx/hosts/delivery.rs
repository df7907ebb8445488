//! How bundles come to a host: the AppSpec of AWS CodeDeploy, and the pipeline that makes them.
//!
//! Facts: AppSpec file reference, `version` 0.0 and `os` linux for EC2 and on-premises, hooks
//! `AfterInstall` and `ApplicationStart`, timeouts of a hook of at most 3,600 s.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::Ledger;
use crate::types::Duration;
use crate::vocabulary::{CodeDeploy, Node};
use serde::Serialize;

/// The longest a hook may take, in seconds.
const LONGEST: u64 = 3_600;

/// An AppSpec.
#[derive(Debug, Serialize)]
pub(super) struct Delivery {
    version: f64,
    os: &'static str,
    files: Vec<File>,
    file_exists_behavior: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<Permission>,
    hooks: Hooks,
}

#[derive(Debug, Serialize)]
struct File {
    source: &'static str,
    destination: String,
}

#[derive(Debug, Serialize)]
struct Permission {
    object: String,
    pattern: &'static str,
    owner: String,
    group: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Hooks {
    after_install: Vec<Hook>,
    application_start: Vec<Hook>,
}

#[derive(Debug, Clone, Serialize)]
struct Hook {
    location: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runas: Option<String>,
}

/// Lowers the settings; `None` without a destination, which is said.
pub(super) fn lower(node: &Node<CodeDeploy>, ledger: &mut Ledger<'_>) -> Option<Delivery> {
    let body = ledger.enter(node);
    let owner = ledger.take_from(body.owner.as_ref());
    let runas = ledger
        .take_from(body.runas.as_ref())
        .map(ToString::to_string);
    let timeout = ledger
        .take_from(body.timeout.as_ref())
        .map(|time| time.seconds_up());
    if let (Some(seconds), Some(written)) = (timeout, &body.timeout)
        && !(1..=LONGEST).contains(&seconds)
    {
        ledger.report(no_such_timeout(written.value, written.span));
    }
    let Some(destination) = ledger.take_from(body.destination.as_ref()) else {
        ledger.report(without_destination(node.span));
        return None;
    };
    if let Some(written) = body
        .destination
        .as_ref()
        .filter(|it| !it.value.starts_with('/'))
    {
        ledger.report(relative(written.span));
    }
    let permission = owner.map(|owner| Permission {
        object: destination.to_string(),
        pattern: "**",
        owner: owner.to_string(),
        group: owner.to_string(),
    });
    let hook = |location| Hook {
        location,
        timeout,
        runas: runas.clone(),
    };
    Some(Delivery {
        version: 0.0,
        os: "linux",
        files: vec![File {
            source: "/",
            destination: destination.to_string(),
        }],
        file_exists_behavior: "OVERWRITE",
        permissions: permission.into_iter().collect(),
        hooks: Hooks {
            after_install: vec![hook("deploy.sh")],
            application_start: vec![hook("switch.sh")],
        },
    })
}

/// CodeDeploy for a host that runs nothing of the program's.
pub(super) fn nothing_to_deliver(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_ON_A_HOST,
        "there is nothing for CodeDeploy to deliver",
        span,
    )
    .labelled("no service runs on a plain host")
    .help("take it out, or write `targets = [nginx]` in the services that run there")
}

fn without_destination(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_ON_A_HOST,
        "CodeDeploy is not told where bundles go",
        span,
    )
    .help("write `destination = \"/home/app\"`")
}

fn relative(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_ON_A_HOST,
        "CodeDeploy copies a bundle to a path from `/`",
        span,
    )
    .help("write the whole path: `destination = \"/home/app\"`")
}

fn no_such_timeout(timeout: Duration, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_ON_A_HOST,
        format!("CodeDeploy has no hook of {timeout}"),
        span,
    )
    .help("write between `1s` and `1h`")
}
