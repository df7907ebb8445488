//! Links the released program into one file without shared libraries, where the C library's archives are at hand:
//! a third of the time that a small build took went into loading three of them (`docs/decisions/0006`).
//!
//! `-C target-feature=+crt-static` would do the same, but as a setting of the whole build it forbids procedural macros.
//! So the linker is shown scripts in the place of the shared libraries that the standard library asks for, which lead
//! it to the archives. Where one is missing, or with `ZDC_LINK=shared`, the program is linked as ever.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script is told everything by the environment"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// Each shared library, with the archives that stand in for it.
const SCRIPTS: [(&str, &[&str]); 3] = [
    ("libc.so", &["libc.a", "libgcc_eh.a", "libgcc.a"]),
    ("libm.so", &["libm.a"]),
    ("libgcc_s.so", &["libgcc_eh.a", "libgcc.a", "libc.a"]),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ZDC_LINK");
    if !is_wanted()
        || !SCRIPTS
            .iter()
            .flat_map(|(_, archives)| *archives)
            .all(|it| is_there(it))
    {
        return Ok(());
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("archives");
    fs::create_dir_all(&folder)?;
    for (library, archives) in SCRIPTS {
        fs::write(
            folder.join(library),
            format!("GROUP ( {} )\n", archives.join(" ")),
        )?;
    }
    for argument in ["-static", "-no-pie", &format!("-L{}", folder.display())] {
        println!("cargo::rustc-link-arg-bin=zdc={argument}");
    }
    Ok(())
}

/// Whether this is an optimised build for the very Linux it is built on.
fn is_wanted() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var_os("HOST") == env::var_os("TARGET")
        && !features.split(',').any(|feature| feature == "crt-static")
        && !is("ZDC_LINK", "shared")
}

/// Whether the linker finds an archive: asked for a name it does not know, it gives back the name.
fn is_there(archive: &str) -> bool {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker)
        .arg(format!("-print-file-name={archive}"))
        .output();
    asked.is_ok_and(|told| {
        let path = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        told.status.success() && Path::new(&path).is_absolute() && Path::new(&path).exists()
    })
}
