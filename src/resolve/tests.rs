//! Modules are read once and in order; names mean the nearest thing of their name.

use super::*;
use crate::source::MemoryWorld;

fn codes(world: &MemoryWorld) -> Vec<(&'static str, usize)> {
    let (_, diagnostics) = resolve(world, "app.zd");
    let facts = |found: &crate::diagnostics::Diagnostic| (found.code.id, found.labels.len());
    diagnostics.iter().map(facts).collect()
}

/// The bindings of every name expression of the main file, in the order written.
fn bindings(program: &Program) -> Vec<Binding> {
    let main = program.module(FileId(0)).unwrap();
    main.bindings
        .iter()
        .copied()
        .filter(|binding| *binding != Binding::Unbound)
        .collect()
}

#[test]
fn modules_come_in_the_order_first_imported() {
    let world = MemoryWorld::single(
        "app.zd",
        "import \"./lib/b.zd\" as b\nimport \"c.zd\" as c\nlet x = b.y\n",
    )
    .with("lib/b.zd", "import \"../d.zd\" as d\nlet y = 1\n")
    .with("c.zd", "import \"d.zd\" as d\nlet z = 1\n")
    .with("d.zd", "let w = 1\n");
    let (program, diagnostics) = resolve(&world, "app.zd");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let paths: Vec<&str> = program.sources.iter().map(|(_, s)| &*s.path).collect();
    assert_eq!(paths, ["app.zd", "lib/b.zd", "d.zd", "c.zd"]);
    assert_eq!(bindings(&program), [Binding::Import(FileId(1))]);
    let c = program.definition(FileId(0), "c").unwrap();
    assert_eq!(c.kind, DefinitionKind::Import(FileId(3)));
}

/// A world whose disk must not be asked.
struct Untouched(&'static str);

impl World for Untouched {
    fn load(&self, path: &str) -> Result<Str, crate::source::LoadError> {
        assert_eq!(path, "app.zd");
        Ok(self.0.into())
    }
}

#[test]
fn the_standard_library_is_not_on_the_disk() {
    let world = Untouched("import std.web\nimport std.redis as cache\nimport std.web as again\n");
    let (program, diagnostics) = resolve(&world, "app.zd");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let paths: Vec<&str> = program.sources.iter().map(|(_, s)| &*s.path).collect();
    assert_eq!(paths, ["app.zd", "std/web.zd", "std/redis.zd"]);
    let web = program.definition(FileId(0), "web").unwrap();
    assert_eq!(web.kind, DefinitionKind::Import(FileId(1)));
}

#[test]
fn a_file_stands_beside_a_module_of_its_name() {
    let world = MemoryWorld::single(
        "app.zd",
        "import std.web\nimport \"std/web.zd\" as own\nlet x = own.mine\n",
    )
    .with("std/web.zd", "let mine = 1\n");
    let (program, diagnostics) = resolve(&world, "app.zd");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert!(program.definition(FileId(1), "service").is_some());
    assert!(program.definition(FileId(2), "mine").is_some());
}

/// Modules read nothing of the project: a path in one would be looked up there.
#[test]
fn the_standard_library_stands_alone() {
    let files = std::fs::read_dir("stdlib").unwrap().count();
    assert_eq!(files, STANDARD_LIBRARY.len(), "a file is not registered");
    for module in STANDARD_LIBRARY {
        assert_eq!(
            standard_module(module.name).map(|it| it.path),
            Some(module.path)
        );
        assert!(!module.text.contains("import \""), "{}", module.name);
        assert!(!module.text.contains("file("), "{}", module.name);
        assert!(!module.text.contains("file ="), "{}", module.name);
    }
}

#[test]
fn a_cycle_is_one_fault_with_every_import_labelled() {
    let world = MemoryWorld::single("app.zd", "import \"b.zd\" as b\n")
        .with("b.zd", "import \"c.zd\" as c\n")
        .with("c.zd", "import \"b.zd\" as b\n");
    assert_eq!(codes(&world), [("ZD1001", 2)]);
}

#[test]
fn what_cannot_be_imported_says_why() {
    for (import, code) in [
        ("import \"../x.zd\" as x", "ZD1002"),
        ("import \"/x.zd\" as x", "ZD1002"),
        ("import \"x.zd\" as x", "ZD1003"),
        ("import std.wep", "ZD1003"),
        ("import std", "ZD1003"),
        ("import std.web.service", "ZD1003"),
        ("import shop.api", "ZD1003"),
    ] {
        let world = MemoryWorld::single("app.zd", format!("{import}\n"));
        assert_eq!(codes(&world), [(code, 1)], "{import}");
    }
    assert_eq!(codes(&MemoryWorld::default()), [("ZD0002", 1)]);
}

#[test]
fn a_name_is_declared_once_unless_conditions_keep_it_apart() {
    let world = |text: &str| MemoryWorld::single("app.zd", text);
    assert_eq!(codes(&world("let a = 1\nparam a: int\n")), [("ZD1004", 2)]);
    assert_eq!(
        codes(&world("service a { }\nnetwork a { }\n")),
        [("ZD1004", 2)]
    );
    let branches = "if true {\n  network a { }\n} else {\n  network a { }\n}\n";
    assert_eq!(codes(&world(branches)), []);
    let twice = "if true {\n  network a { }\n  network a { }\n}\n";
    assert_eq!(codes(&world(twice)), [("ZD1004", 2)]);
}

#[test]
fn a_name_means_the_nearest_thing() {
    let text = "let x = 1\nfn f(x: int): int = x + floor(slot)\nservice api { }\n\
                let y = [for x in [x] { x }]\nlet z = [service[\"api\"], api, floor]\n";
    let (program, diagnostics) = resolve(&MemoryWorld::single("app.zd", text), "app.zd");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let file = FileId(0);
    let mut found = bindings(&program);
    found.sort_by_key(|binding| format!("{binding:?}"));
    assert_eq!(
        found,
        [
            Binding::Builtin,
            Binding::Item(file, 0),
            Binding::Local,
            Binding::Local,
            Binding::Resource(ResourceKind::Service),
            Binding::ResourceMap(ResourceKind::Service),
            Binding::Slot,
        ]
    );
}

#[test]
fn labels_that_expansion_makes_are_known_by_their_ends() {
    let text = "for n in [1] {\n  service \"user-${n}\" { }\n}\nservice \"plain\" { }\n";
    let (program, _) = resolve(&MemoryWorld::single("app.zd", text), "app.zd");
    assert!(program.has_computed_labels);
    assert!(program.may_be_computed("user-1"));
    assert!(!program.may_be_computed("order-1"));
    assert!(program.definition(FileId(0), "plain").is_some());
}
