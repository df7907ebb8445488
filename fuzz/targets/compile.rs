//! Any text as a program: it never panics, every place it tells lies in the text, and what is written is the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zdc::source::MemoryWorld;
use zdc::{Options, compile};

fuzz_target!(|text: &str| {
    let world = MemoryWorld::single("app.zd", text);
    let compilation = compile(&world, "app.zd", &Options::default());
    for diagnostic in &compilation.diagnostics {
        for label in &diagnostic.labels {
            let source = compilation.sources.get(label.span.file).expect("a file");
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            assert!(source.text.get(start..end).is_some(), "{diagnostic:?}");
        }
    }
    if compilation.artifacts.is_some() {
        let again = compile(&world, "app.zd", &Options::default());
        assert_eq!(compilation.artifacts, again.artifacts);
    }
});
