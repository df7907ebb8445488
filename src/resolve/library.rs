//! The standard library: modules that are part of the program and are never looked for on the disk.

/// A module of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct StandardModule {
    /// Its name after `std.`.
    pub name: &'static str,
    /// The path that messages show; no file of a project has it as a module.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! library {
    ($($name:literal)*) => {
        /// Every module, by name. A new one is a file in `stdlib/` and its line here.
        pub static STANDARD_LIBRARY: &[StandardModule] = &[$(StandardModule {
            name: $name,
            path: concat!("std/", $name, ".zd"),
            text: include_str!(concat!("../../stdlib/", $name, ".zd")),
        }),*];
    };
}

library! {
    "grafana"
    "kafka"
    "mariadb"
    "mysql"
    "nginx"
    "node"
    "postgres"
    "prometheus"
    "rabbitmq"
    "redis"
    "spring"
    "web"
    "zipkin"
    "zookeeper"
}

/// The module of this name.
pub fn standard_module(name: &str) -> Option<&'static StandardModule> {
    STANDARD_LIBRARY.iter().find(|module| module.name == name)
}
