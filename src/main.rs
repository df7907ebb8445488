//! The `zdc` program.

fn main() {}
