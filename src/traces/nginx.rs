//! Recordings of nginx under load: its configuration and the marks of what was done, to a timeline.
//!
//! What happened is in the marks (`[[1000, "term a1"], …]`, milliseconds from the first request),
//! what nginx was told is in its configuration; of the parameters only what neither says is used.

use super::fields::{Fields, duration, millis};
use crate::models::interval::{Interval, Millis};
use crate::models::nginx::{Answers, Change, Load, Name, Pool, Resolution, Retry, Server, Switch};
use serde_json::{Map, Value};

/// What nginx was asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A pool whose servers come and go.
    Pool(Pool, Load),
    /// Two sides and a switch.
    Switch(Switch, Load),
    /// A name that leads elsewhere.
    Name(Name, Load),
}

/// Parameters that say again what the configuration or the marks say, or what was not varied.
const SAID_ELSEWHERE: [&str; 28] = [
    "n",
    "next_upstream",
    "max_fails",
    "fail_timeout",
    "gap_s",
    "upstream_keepalive",
    "client",
    "post",
    "opt",
    "hang",
    "read_timeout",
    "primaries",
    "backups",
    "method",
    "order",
    "old",
    "post_pct",
    "client_keepalive",
    "worker_shutdown_timeout",
    "reloads",
    "resolve",
    "reload_after_old_gone_s",
    "server_opt",
    "both_s",
    "wait_s",
    "bad",
    "workers",
    "zone",
];

/// The scenario of a recording, or what no model takes.
pub(super) fn scenario(recording: &Value) -> Result<Subject, String> {
    let object = |key: &str| {
        let object = recording.get(key).and_then(Value::as_object);
        object.ok_or_else(|| format!("no `{key}`"))
    };
    let mut fields = Fields::new(object("params")?);
    fields.pass_over(&SAID_ELSEWHERE);
    fields.pass_over(&["valid", "stop_gap_s"]);
    let facts = Facts {
        ends: ends(&mut fields)?,
        work: fields.count("work_ms")?.unwrap_or_default(),
        ttl: fields.count("dns_ttl")?,
        late: fields.text("note")?.and_then(late),
    };
    fields.all_taken()?;
    let load = load(object("load")?, &facts)?;
    let conf = recording.get("conf").and_then(Value::as_str);
    let conf = Configuration::read(conf.ok_or("no `conf`")?);
    let marks = marks(recording.get("marks"))?;
    if conf.first("include").is_some() {
        return Ok(Subject::Switch(switch(&conf, &marks, &facts)?, load));
    }
    let servers = conf.all("server").collect::<Vec<_>>();
    let named = |server: &&[String]| {
        let address = server.get(1).map(String::as_str).unwrap_or_default();
        address.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    let fixed = servers.iter().any(|server| !named(server));
    if fixed && !conf.proxies_to_a_variable() {
        return Ok(Subject::Pool(pool(&conf, &servers, &marks, &facts)?, load));
    }
    Ok(Subject::Name(name(&conf, &marks, &facts)?, load))
}

/// What neither the configuration nor the marks say.
struct Facts {
    ends: Ends,
    work: Millis,
    /// Seconds.
    ttl: Option<u32>,
    /// A new process listens only after this long.
    late: Option<Millis>,
}

/// What a process does on SIGTERM.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// It ends.
    AtOnce,
    /// It closes its listener, and ends when it has answered what it has.
    Gracefully,
    /// It goes on for a while, then ends.
    Drains,
    /// It goes on for a while, and ends when it has answered what it has.
    DrainsAndWaits,
}

fn ends(fields: &mut Fields<'_>) -> Result<Ends, String> {
    Ok(match fields.text("app")? {
        None | Some("exit" | "SIGKILL") => Ends::AtOnce,
        Some("shutdown") => Ends::Gracefully,
        Some("drain") => Ends::Drains,
        Some("drainwait") => Ends::DrainsAndWaits,
        // Of those that answer an error at first: the one before shuts down.
        Some(app) if app.starts_with("listens but answers") => Ends::Gracefully,
        Some(other) => return Err(format!("`app` = {other}")),
    })
}

/// Recorders note how late a process listens: `START_DELAY 800ms`, `listens only after 1.5 s`.
fn late(note: &str) -> Option<Millis> {
    let delay = note.split_once("START_DELAY ").and_then(|(_, rest)| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        duration(rest.get(..end.unwrap_or(rest.len()))?)
    });
    delay.or_else(|| {
        let (_, rest) = note.split_once("listens only after ")?;
        let (number, _) = rest.split_once(' ')?;
        millis(number.parse::<f64>().ok()? * 1_000.0)
    })
}

fn load(written: &Map<String, Value>, facts: &Facts) -> Result<Load, String> {
    let mut fields = Fields::new(written);
    fields.pass_over(&["path"]);
    let keepalive = fields.get("client_keepalive").and_then(Value::as_bool);
    let until = fields.number("duration_s")?.unwrap_or_default() * 1_000.0;
    let load = Load {
        clients: fields.count("conc")?.unwrap_or(1),
        pause: fields.count("pace_ms")?.unwrap_or_default(),
        work: facts.work,
        posts: fields.count("post_pct")?.unwrap_or_default(),
        keepalive: keepalive.unwrap_or_default(),
        // The load client's own.
        patience: 10_000,
        until: millis(until).ok_or("`duration_s`")?,
    };
    fields.all_taken()?;
    Ok(load)
}

type Mark = (Millis, String);

fn marks(value: Option<&Value>) -> Result<Vec<Mark>, String> {
    let Some(list) = value.and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    let mark = |value: &Value| {
        let at = value.get(0)?.as_u64()?;
        let text = value.get(1)?.as_str()?;
        Some((Millis::try_from(at).ok()?, text.to_owned()))
    };
    let marks = list
        .iter()
        .map(|value| mark(value).ok_or_else(|| format!("the mark {value}")));
    marks.collect()
}

fn unknown(mark: &str) -> String {
    format!("the mark `{mark}`")
}

/// The directives of a configuration, without their nesting.
struct Configuration {
    directives: Vec<Vec<String>>,
}

impl Configuration {
    fn read(text: &str) -> Self {
        let parts = text.split([';', '{', '}']);
        let words = parts.map(|part| part.split_whitespace().map(str::to_owned).collect());
        Self {
            directives: words
                .filter(|words: &Vec<String>| !words.is_empty())
                .collect(),
        }
    }

    /// Each directive of a name that has an argument.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.directives
            .iter()
            .map(Vec::as_slice)
            .filter(move |words| words.len() > 1 && words.first().is_some_and(|word| word == name))
    }

    fn first<'a>(&'a self, name: &'a str) -> Option<&'a [String]> {
        self.all(name).next()
    }

    fn time(&self, name: &str) -> Option<Millis> {
        let words = self.first(name)?;
        duration(words.get(1)?)
    }

    fn proxies_to_a_variable(&self) -> bool {
        let target = self.first("proxy_pass").and_then(|words| words.get(1));
        target.is_some_and(|target| target.contains('$'))
    }
}

fn switch(conf: &Configuration, marks: &[Mark], facts: &Facts) -> Result<Switch, String> {
    let mut switch = Switch {
        worker_shutdown_timeout: conf.time("worker_shutdown_timeout"),
        ..Switch::default()
    };
    for (at, mark) in marks {
        let words: Vec<&str> = mark.split_whitespace().collect();
        match words.as_slice() {
            ["green", "up"] => {
                let listens = at.saturating_add(facts.late.unwrap_or_default());
                switch.new_listens = Some(listens);
            }
            ["reload", rest @ ..] => switch.reloads.push((*at, took(&rest.join(" ")))),
            ["old", "workers", "gone"] => switch.waited = true,
            ["blue", "none"] => {}
            ["blue", _] => switch.old_stopped = Some(*at),
            _ => return Err(unknown(mark)),
        }
    }
    Ok(switch)
}

/// Whether nginx took a configuration: its exit code stands first in what a mark says.
fn took(said: &str) -> bool {
    !said.contains("(1,")
}

fn name(conf: &Configuration, marks: &[Mark], facts: &Facts) -> Result<Name, String> {
    let mut name = Name {
        resolution: resolution(conf, facts)?,
        changes: Vec::new(),
        old_gone: None,
        reloads: Vec::new(),
        unknown: Vec::new(),
        silent: Vec::new(),
        timeout: conf.time("resolver_timeout").unwrap_or(30_000),
    };
    let from = |at: Millis| Interval::new(at, Millis::MAX);
    let ended = |times: &mut Vec<Interval>, at: Millis| {
        if let Some(time) = times.last_mut() {
            time.most = at;
        }
    };
    for (at, mark) in marks {
        let change = |both| Change { at: *at, both };
        match mark.as_str() {
            "new up, name moved" | "moved" | "name moved" => name.changes.push(change(false)),
            "dns has both" => name.changes.push(change(true)),
            "old gone" => name.old_gone = Some(*at),
            "name removed" | "nxdomain" => name.unknown.push(from(*at)),
            "back" => ended(&mut name.unknown, *at),
            "dns stopped answering" => name.silent.push(from(*at)),
            "dns back" => ended(&mut name.silent, *at),
            other if other.starts_with('(') => name.reloads.push((*at, took(other))),
            other => return Err(unknown(other)),
        }
    }
    Ok(name)
}

fn resolution(conf: &Configuration, facts: &Facts) -> Result<Resolution, String> {
    if !conf.proxies_to_a_variable() {
        return Ok(Resolution::AtStart);
    }
    // A variable that holds a pool's name needs no resolver.
    if conf.first("upstream").is_some() {
        return Ok(Resolution::Pool);
    }
    let Some(resolver) = conf.first("resolver") else {
        return Ok(Resolution::Never);
    };
    let valid = resolver.iter().find_map(|word| word.strip_prefix("valid="));
    if let Some(valid) = valid {
        let valid = duration(valid).ok_or_else(|| format!("`valid` = {valid}"))?;
        return Ok(Resolution::Every(valid));
    }
    let ttl = facts
        .ttl
        .ok_or("a resolver without `valid`, and no `dns_ttl`")?;
    Ok(Resolution::Every(ttl.saturating_mul(1_000)))
}

fn pool(
    conf: &Configuration,
    servers: &[&[String]],
    marks: &[Mark],
    facts: &Facts,
) -> Result<Pool, String> {
    let mut pool = Pool {
        servers: servers
            .iter()
            .map(|words| server(words))
            .collect::<Result<_, _>>()?,
        retry: retry(conf)?,
        read_timeout: conf.time("proxy_read_timeout").unwrap_or(60_000),
        reloads: Vec::new(),
    };
    for (at, mark) in marks {
        if mark.starts_with("reload") {
            pool.reloads.push(*at);
            continue;
        }
        let (what, who) = parts(mark).ok_or_else(|| unknown(mark))?;
        let mut known = false;
        for (number, server) in pool.servers.iter_mut().enumerate() {
            if is_meant(who, number, server.backup, servers) {
                known = true;
                happens(server, what, *at, facts).ok_or_else(|| unknown(mark))?;
            }
        }
        if !known {
            return Err(unknown(mark));
        }
    }
    Ok(pool)
}

/// What happened, and to whom.
fn parts(mark: &str) -> Option<(&str, &str)> {
    if let Some(rest) = mark.split_once(" answers ") {
        return Some((rest.1, rest.0));
    }
    let (first, last) = mark.rsplit_once(' ')?;
    let whom = |word: &str| {
        matches!(
            word,
            "primaries" | "backups" | "primary" | "backup" | "both"
        ) || word.len() > 1
            && word.starts_with(['a', 'p', 'b'])
            && word.chars().skip(1).all(|c| c.is_ascii_digit())
    };
    if whom(last) {
        Some((first, last))
    } else {
        whom(first).then_some((last, first))
    }
}

/// Whether a mark's name is that of a server: `a2` is the second, `p1` the first that is no backup.
fn is_meant(who: &str, number: usize, backup: bool, servers: &[&[String]]) -> bool {
    let is_backup = |words: &&[String]| words.iter().any(|word| word == "backup");
    let before = servers.iter().take(number);
    let of_kind = before.filter(|words| is_backup(words) == backup).count();
    let numbered = |prefix: char, index: usize| {
        let rest = who
            .strip_prefix(prefix)
            .and_then(|rest| rest.parse::<usize>().ok());
        rest == Some(index.saturating_add(1))
    };
    match who {
        "both" => true,
        "primaries" | "primary" => !backup,
        "backups" | "backup" => backup,
        _ => numbered('a', number) || numbered(if backup { 'b' } else { 'p' }, of_kind),
    }
}

/// What a mark means for a server.
fn happens(server: &mut Server, what: &str, at: Millis, facts: &Facts) -> Option<()> {
    let closes = |server: &mut Server| {
        let open = server
            .closed
            .last()
            .is_some_and(|last| last.most == Millis::MAX);
        if !open {
            server.closed.push(Interval::new(at, Millis::MAX));
        }
    };
    let opens = |server: &mut Server, at: Millis| {
        if let Some(last) = server.closed.last_mut() {
            last.most = last.most.min(at);
        }
    };
    let answers = |server: &mut Server, how| {
        server.answers.push((Interval::new(at, Millis::MAX), how));
    };
    let answers_no_more = |server: &mut Server| {
        if let Some((time, _)) = server.answers.last_mut() {
            time.most = time.most.min(at);
        }
    };
    match what {
        "term" if matches!(facts.ends, Ends::Drains | Ends::DrainsAndWaits) => {}
        "term" => {
            closes(server);
            match facts.ends {
                Ends::Gracefully => server.ends.push(at),
                _ => server.cuts.push(at),
            }
        }
        "exited" => {
            if server
                .closed
                .last()
                .is_none_or(|last| last.most != Millis::MAX)
            {
                match facts.ends {
                    Ends::AtOnce | Ends::Drains => server.cuts.push(at),
                    Ends::Gracefully | Ends::DrainsAndWaits => server.ends.push(at),
                }
            }
            closes(server);
        }
        "kill" => {
            closes(server);
            server.cuts.push(at);
        }
        "up" => opens(server, at),
        "started (no gate)" => {
            closes(server);
            server.cuts.push(at);
            opens(server, at.saturating_add(facts.late.unwrap_or_default()));
        }
        "SIGSTOP" => answers(server, Answers::Nothing),
        "SIGCONT" | "v2 ok" => answers_no_more(server),
        _ => {
            let status = what.strip_prefix("v2 serving ").unwrap_or(what);
            opens(server, at);
            answers(server, Answers::Status(status.parse().ok()?));
        }
    }
    Some(())
}

fn server(words: &[String]) -> Result<Server, String> {
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let max_fails = option("max_fails=").map(str::parse::<u32>).transpose();
    let fail_timeout = match option("fail_timeout=") {
        None => 10_000,
        Some(text) => duration(text).ok_or_else(|| format!("`fail_timeout` = {text}"))?,
    };
    Ok(Server {
        backup: words.iter().any(|word| word == "backup"),
        max_fails: max_fails.map_err(|error| error.to_string())?.unwrap_or(1),
        fail_timeout,
        closed: Vec::new(),
        answers: Vec::new(),
        cuts: Vec::new(),
        ends: Vec::new(),
    })
}

fn retry(conf: &Configuration) -> Result<Retry, String> {
    let Some(words) = conf.first("proxy_next_upstream") else {
        return Ok(Retry::default());
    };
    let mut retry = Retry {
        errors: false,
        ..Retry::default()
    };
    for word in words.iter().skip(1) {
        match word.as_str() {
            "off" => {}
            "error" | "timeout" | "invalid_header" => retry.errors = true,
            "non_idempotent" => retry.non_idempotent = true,
            other => {
                let status = other
                    .strip_prefix("http_")
                    .and_then(|code| code.parse().ok());
                retry
                    .statuses
                    .insert(status.ok_or_else(|| format!("`proxy_next_upstream {other}`"))?);
            }
        }
    }
    Ok(retry)
}
