//! Which stacks are of one swarm. Surely not are variants, each for a swarm of its own, and those that both have had one port, of which each is
//! one service's in a swarm; surely are those on one network. Of others it is not known.

use super::ports::{Ports, clash, published};
use super::stack::Stack;
use crate::change::difference::at;
use crate::change::images;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// The stacks of both sides.
pub(super) struct Apart<'a> {
    old: &'a [Stack<'a>],
    new: &'a [Stack<'a>],
    /// Whether they are of a program, which is deployed as a whole.
    is_program: bool,
    /// The ports of each stack of before.
    ports: OnceCell<BTreeMap<&'a str, Ports>>,
}

impl<'a> Apart<'a> {
    pub(super) fn of(old: &'a [Stack<'a>], new: &'a [Stack<'a>], is_program: bool) -> Self {
        Self {
            old,
            new,
            is_program,
            ports: OnceCell::new(),
        }
    }

    /// Whether two stacks, by their names, are on different swarms.
    pub(super) fn are(&self, one: &str, other: &str) -> bool {
        if one == other || self.is_program {
            return false;
        }
        let both = self.both(one, other);
        both.is_some_and(|(one, other)| are_variants(one, other)) || self.share_a_port(one, other)
    }

    /// Whether two stacks that are not apart are surely on one swarm.
    pub(super) fn are_beside(&self, one: &str, other: &str) -> bool {
        let both = || self.both(one, other);
        let is_so = |(one, other)| are_on_one_network(one, other) && !run_the_same(one, other);
        one == other || self.is_program || both().is_some_and(is_so)
    }

    fn both(&self, one: &str, other: &str) -> Option<(&'a Stack<'a>, &'a Stack<'a>)> {
        let of = |name: &str| {
            let mut stacks = self.new.iter().chain(self.old);
            stacks.find(|it| it.name == name)
        };
        of(one).zip(of(other))
    }

    fn share_a_port(&self, one: &str, other: &str) -> bool {
        let ports = self.ports.get_or_init(|| {
            let all = self.old.iter();
            all.map(|stack| {
                let services = stack.services.iter();
                let mut ports: Ports = services.flat_map(|it| published(it)).collect();
                ports.retain(|port, _| !port.contains('$'));
                (stack.name, ports)
            })
            .collect()
        });
        let both = ports.get(one).zip(ports.get(other));
        both.is_some_and(|(ours, theirs)| ours.keys().any(|port| clash(ours, theirs, port)))
    }
}

/// Words for what a swarm is for, and for the processors of its nodes.
const SWARMS: &str = "prod production prd live staging stage stg preprod uat qa test testing dev devel develop development local demo sandbox \
     preview ci arm arm32 arm64 armv armhf aarch64 rpi amd64 x86 x64 i386 ppc64le s390x windows";

/// What a file says of its swarm, and what it is called without that.
struct Called {
    swarms: BTreeSet<String>,
    folders: Vec<String>,
    /// Without the words of its folders, which tell it from others.
    file: Vec<String>,
}

impl Called {
    fn of(stack: &Stack<'_>) -> Self {
        let is_swarm = |word: &str| {
            let is_one = |word: &str| SWARMS.split(' ').any(|it| it == word);
            // The second one for tests.
            is_one(word) || is_one(word.trim_end_matches(|it: char| it.is_ascii_digit()))
        };
        let (folders, _) = stack.file.rsplit_once('/').unwrap_or_default();
        let (mut folders, mut file) = (words(folders), words(stack.name));
        file.retain(|it| !folders.contains(it));
        let all = folders.iter().chain(&file);
        let swarms = all.filter(|it| is_swarm(it)).cloned().collect();
        folders.retain(|it| !is_swarm(it));
        file.retain(|it| !is_swarm(it));
        Self {
            swarms,
            folders,
            file,
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|it: char| !it.is_alphanumeric());
    let words = words.filter(|it| !it.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

/// Whether two stacks are each of a swarm of its own: each says one that the other does not, or only one says it and they are called alike but
/// for that. Or both have the name of one stack, as `east/shop.yml` and `west/shop.yml`, and run the same.
fn are_variants(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let (ours, theirs) = (Called::of(one), Called::of(other));
    let are_called_alike = || ours.folders == theirs.folders && ours.file == theirs.file;
    let is_of_another = match (
        ours.swarms.is_subset(&theirs.swarms),
        theirs.swarms.is_subset(&ours.swarms),
    ) {
        (true, true) => false,
        (false, false) => true,
        _ => are_called_alike(),
    };
    let are_of_one = one.variant_of.is_some() && one.variant_of == other.variant_of;
    is_of_another || are_of_one && run_the_same(one, other)
}

/// Whether two stacks run the same: a service of an image that somebody made for it, or each service of one of the two. Two apps may both have
/// a database, and call it so.
fn run_the_same(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let image = |stack: &Stack<'_>, name: &str| {
        let service = stack.services.iter().find(|it| it.name == name)?;
        at(&service.content, &["image"])?
            .as_str()
            .map(ToOwned::to_owned)
    };
    let shared = one.services.iter().filter_map(|it| {
        let (ours, theirs) = (image(one, &it.name)?, image(other, &it.name)?);
        let [our_name, their_name] = [&ours, &theirs].map(|it| images::name(it));
        // Of a variable only the same one is the same.
        let is_known = !our_name.contains('$') && our_name == their_name;
        (ours == theirs || is_known).then_some([ours, theirs])
    });
    let shared: Vec<_> = shared.collect();
    let least = one.services.len().min(other.services.len());
    let are_of_all = |both: &[String; 2]| both.iter().any(|it| is_official(it));
    !shared.is_empty() && (shared.len() == least || !shared.iter().all(are_of_all))
}

/// Whether an image is of nobody but Docker (docs.docker.com/docker-hub/image-library/trusted-content).
fn is_official(image: &str) -> bool {
    let name = images::repository(image);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    !name.strip_prefix("library/").unwrap_or(name).contains('/')
}

/// Whether two stacks are on one network that is made by itself, or by one of the two under a name for the other.
fn are_on_one_network(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let asks = |one: &Stack<'_>, other: &Stack<'_>| {
        let mut names = one.external("networks");
        names.any(|name| {
            let real = one.real("networks", name);
            let is_of_all = matches!(&*real, "host" | "bridge" | "none" | "ingress");
            !is_of_all && !real.contains('$') && other.knows("networks", &real)
        })
    };
    asks(one, other) || asks(other, one)
}
