//! The machine: a private place to run servers in, the tools that are on it, and running them.
//!
//! Everything runs inside namespaces made by `unshare`: the network is a loopback of our own, so that files are judged
//! as they are, port 80 and all, and nothing of the host's is in the way; the state is a tmpfs of our own; and every
//! process ends with the test program, which is the first of its process namespace, however that ends.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Failure;

/// Set inside the namespaces: the folder for state.
const INSIDE: &str = "ZDC_REAL_STATE";

/// `$1` becomes the tmpfs for state. The resolver is the name server of `nginx.rs`.
const ENTER: &str = r#"set -e
ip link set lo up
mount -t tmpfs -o mode=755 state "$1"
echo 'nameserver 127.0.0.11' > "$1/resolv.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
if [ -d /var/log/nginx ]; then mount -t tmpfs log /var/log/nginx; fi
if [ -d /etc/nginx ]; then mount -t tmpfs etc /etc/nginx; fi
shift
exec "$@""#;

/// Starts this program again inside the namespaces, or returns: inside, or where there can be none.
pub(crate) fn enter(build: bool) -> Result<(), String> {
    if is_isolated() {
        return end_on_signals();
    }
    if build {
        // Before the network is gone.
        run(Command::new(tools_folder().join("build")))?;
    }
    let state = std::env::temp_dir().join("zdc-real");
    std::fs::create_dir_all(&state).map_err(|error| error.to_string())?;
    if !isolated(&state)
        .arg("true")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Ok(());
    }
    let failed = again(&state).args(std::env::args_os().skip(1)).exec();
    Err(format!("unshare: {failed}"))
}

/// This program once more in namespaces of its own, within those that it runs in.
pub(crate) fn apart() -> Command {
    again(state())
}

fn again(state: &Path) -> Command {
    let mut command = isolated(state);
    // The kernel's name for it.
    command.arg(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()));
    command.env(INSIDE, state);
    command
}

fn isolated(state: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["sh", "-c", ENTER, "sh"]).arg(state);
    // Where Debian puts what only root has a use for.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// The first process of a process namespace gets no signal it does not ask for.
fn end_on_signals() -> Result<(), String> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let always = Arc::new(AtomicBool::new(true));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&always))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
}

/// The folder for state: a tmpfs of our own, or a temporary folder where there are no namespaces.
pub(crate) fn state() -> &'static Path {
    static STATE: OnceLock<PathBuf> = OnceLock::new();
    STATE.get_or_init(|| {
        std::env::var_os(INSIDE).map_or_else(
            || tempfile::TempDir::with_prefix("zdc-real-").unwrap().keep(),
            PathBuf::from,
        )
    })
}

/// Removes the state where it is not gone with the namespaces.
pub(crate) fn clear() {
    if !is_isolated() {
        let _ = std::fs::remove_dir_all(state());
    }
}

/// A new empty folder in the state.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = state().join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Whether this program runs in namespaces of its own.
pub(crate) fn is_isolated() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// For a consumer that is a server: absent where there are no namespaces for it.
pub(crate) fn require_isolation(consumer: &'static str) -> Result<(), Failure> {
    if is_isolated() {
        return Ok(());
    }
    let why = "no namespaces for its network and processes on this machine (`unshare` failed)";
    Err(Failure::Absent {
        consumer,
        why: why.to_owned(),
    })
}

/// For a consumer that needs the machine's own root.
pub(crate) fn require_root(consumer: &'static str) -> Result<(), Failure> {
    // A user namespace of our own maps one identity; the machine's maps them all.
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if map.split_whitespace().nth(2) == Some("4294967295") {
        return Ok(());
    }
    Err(Failure::Absent {
        consumer,
        why: "it needs root".to_owned(),
    })
}

/// A program on the `PATH`.
pub(crate) fn installed(consumer: &'static str, program: &str) -> Result<PathBuf, Failure> {
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::Absent {
            consumer,
            why: format!("no {program} on this machine"),
        })
}

/// A program that `tools/build` made.
pub(crate) fn built(consumer: &'static str, tool: &str) -> Result<PathBuf, Failure> {
    static PLACES: OnceLock<String> = OnceLock::new();
    let places = PLACES.get_or_init(|| {
        let mut places = Command::new(tools_folder().join("build"));
        places.arg("--where");
        places.output().map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    });
    places
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == tool)
        .map(|(_, path)| PathBuf::from(path))
        .ok_or_else(|| Failure::Absent {
            consumer,
            why: format!("not built on this machine (`tests/real/tools/build {tool}` does it)"),
        })
}

pub(crate) fn tools_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/tools")
}

/// Runs a program to its end: what it printed, or a message with all of it.
pub(crate) fn run(mut command: Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(said);
    }
    let mut message = format!("{}", command.get_program().display());
    for word in command.get_args() {
        let _ = write!(message, " {}", word.display());
    }
    Err(format!("{message}\n{}: {}", output.status, said.trim_end()))
}

/// The command lines of what a process has started, and of what that has.
pub(crate) fn descendants(process: u32) -> Vec<String> {
    let read = |file: PathBuf| std::fs::read(file).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // After the name of its program, which may have any letters, come its state and who started it (proc(5)).
    let started_by = |id: &u32| {
        let status = String::from_utf8_lossy(&read(format!("/proc/{id}/stat").into())).into_owned();
        let (_, fields) = status.rsplit_once(')')?;
        fields.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let children = ids.filter(|id| started_by(id) == Some(process));
    let told = children.flat_map(|id| {
        let line = read(format!("/proc/{id}/cmdline").into());
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        std::iter::once(line).chain(descendants(id))
    });
    // One that has ended has none.
    told.filter(|line| !line.is_empty()).collect()
}

/// Starts a server; it ends with the namespace. What it says goes to `NAME.log` in the state.
pub(crate) fn serve(name: &str, mut command: Command) -> Result<std::process::Child, String> {
    serve_as(name, &mut command)
}

fn serve_as(name: &str, command: &mut Command) -> Result<std::process::Child, String> {
    let log = std::fs::File::create(state().join(format!("{name}.log")))
        .map_err(|error| error.to_string())?;
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("{name}: {error}"))
}

/// A server that a test can take away for a while.
pub(crate) struct Server {
    name: String,
    command: Command,
    process: std::process::Child,
}

impl Server {
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self, String> {
        let process = serve_as(name, &mut command)?;
        Ok(Self {
            name: name.to_owned(),
            command,
            process,
        })
    }

    /// Kills it, as a machine that loses power does.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        ended
            .map(drop)
            .map_err(|error| format!("{}: {error}", self.name))
    }

    /// Whether it ended, by itself or killed.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|ended| ended.is_some())
    }

    pub(crate) fn signal(&self, signal: &str) -> Result<(), String> {
        let mut kill = Command::new("kill");
        kill.args([signal, &self.process.id().to_string()]);
        run(kill).map(drop)
    }

    /// Starts it once more, as it was.
    pub(crate) fn again(&mut self) -> Result<(), String> {
        self.process = serve_as(&self.name, &mut self.command)?;
        Ok(())
    }
}

/// The end of what a server said; of one written in Go that broke off, from there on.
pub(crate) fn log(name: &str) -> String {
    let text = std::fs::read_to_string(state().join(format!("{name}.log"))).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let broke = |line: &&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let from = lines.iter().position(broke);
    let from = from.unwrap_or_else(|| lines.len().saturating_sub(15));
    let lines = lines[from..].iter().take(15).copied();
    lines.collect::<Vec<_>>().join("\n")
}

/// Asks until the answer is there, or gives the last refusal at the bound.
pub(crate) fn wait<T>(
    bound: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(why) if start.elapsed() > bound => {
                return Err(format!("not within {} s: {why}", bound.as_secs()));
            }
            Err(_) => sleep(Duration::from_millis(100)),
        }
    }
}
