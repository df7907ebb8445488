//! Which stacks are of one swarm. Surely not are variants, each for a swarm of its own, and those that both have had one port, of which each is
//! one service's in a swarm; surely are those on one network that say no other swarms. Of others it is not known.

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
        let is_so = |(one, other)| say_other_swarms(one, other) || are_variants(one, other);
        self.both(one, other).is_some_and(is_so) || self.share_a_port(one, other)
    }

    /// Whether two stacks each have ports of their own: they are one for two swarms, or have had one port. Words alone do not say it of two apps.
    pub(super) fn have_own_ports(&self, one: &str, other: &str) -> bool {
        if one == other || self.is_program {
            return false;
        }
        let is_so = || {
            let both = self.both(one, other);
            both.is_some_and(|(one, other)| are_variants(one, other))
        };
        let came_of = || self.comes_of(one, other) || self.comes_of(other, one);
        self.share_a_port(one, other) || is_so() && !came_of()
    }

    /// Whether two stacks are on different swarms by more than a word of each, which may be two apps: each has ports of its own, or one of them
    /// is there for the swarm of the other as well.
    pub(super) fn are_surely(&self, one: &str, other: &str) -> bool {
        let makes = |one: &Stack<'_>, other: &Stack<'_>| {
            let mut names = other.external("networks");
            names.any(|name| self.alone_makes(one, &other.real("networks", name)))
        };
        // Who asks for what the other one alone makes is on its swarm.
        let is_beside = |(one, other)| makes(one, other) || makes(other, one);
        if one == other || self.is_program || self.both(one, other).is_some_and(is_beside) {
            return false;
        }
        let is_there_too = |one: &Stack<'_>, other: &Stack<'_>| {
            let swarms = Called::of(other).swarms;
            let all = self.new.iter().chain(self.old);
            let mut others = all.filter(|it| it.name != other.name);
            others.any(|it| Called::of(it).swarms == swarms && are_variants(one, it))
        };
        let is_so = |(one, other)| {
            say_other_swarms(one, other) && (is_there_too(one, other) || is_there_too(other, one))
        };
        self.have_own_ports(one, other) || self.both(one, other).is_some_and(is_so)
    }

    /// Whether no stack of another name makes a network.
    fn alone_makes(&self, stack: &Stack<'_>, network: &str) -> bool {
        let all = self.new.iter().chain(self.old);
        let mut others = all.filter(|it| it.name != stack.name);
        stack.makes("networks", network) && !others.any(|it| it.makes("networks", network))
    }

    /// Whether a service that a stack had and another one has are on different swarms all the same: the two are variants, and run the same or
    /// came of the one together.
    pub(super) fn stay_apart(&self, was: &str, is: &str) -> bool {
        if was == is || self.is_program {
            return false;
        }
        let is_so = |(one, other)| {
            are_variants(one, other)
                && if has(self.new, was) {
                    run_the_same(one, other)
                } else {
                    !self.is_renamed(was, is)
                }
        };
        self.share_a_port(was, is) || self.both(was, is).is_some_and(is_so)
    }

    /// Whether two stacks by their words are for two swarms, whatever they run.
    pub(super) fn say_other_swarms(&self, one: &str, other: &str) -> bool {
        let both = self.both(one, other).filter(|_| !self.is_program);
        both.is_some_and(|(one, other)| say_other_swarms(one, other))
            && !self.are_one_renamed(one, other)
    }

    fn are_one_renamed(&self, one: &str, other: &str) -> bool {
        self.is_renamed(one, other) || self.is_renamed(other, one)
    }

    /// Whether a stack is one that is gone under another name: no other new one is called so but for its words.
    fn is_renamed(&self, was: &str, is: &str) -> bool {
        self.come_of(was) == [is]
    }

    /// Whether a new stack came of one that is gone, alone or beside others for other swarms.
    pub(super) fn comes_of(&self, is: &str, was: &str) -> bool {
        self.come_of(was).contains(&is)
    }

    /// The new stacks that are called as one that is gone but for their words, or that one of its own swarm alone.
    pub(super) fn come_of(&self, was: &str) -> Vec<&'a str> {
        let mut gone = self.old.iter().filter(|it| it.name == was);
        let Some(gone) = gone.next().filter(|_| !has(self.new, was)) else {
            return Vec::new();
        };
        let new = || self.new.iter().filter(|it| !has(self.old, it.name));
        let is_there = |it: &&Stack<'_>| {
            // The path of a file names no stack.
            let are_of_path = [gone, it].iter().any(|it| it.variant_of.is_some());
            !are_of_path && says_its_swarm(gone, it) && run_the_same(gone, it)
        };
        if let Some(there) = new().find(is_there) {
            return vec![there.name];
        }
        let come = new().filter(|it| are_variants(gone, it));
        come.map(|it| it.name).collect()
    }

    /// Whether two stacks that are not apart are surely on one swarm.
    pub(super) fn are_beside(&self, one: &str, other: &str) -> bool {
        let both = || self.both(one, other);
        let is_so = |(one, other)| {
            are_on_one_network(one, other)
                && !run_the_same(one, other)
                && !say_other_swarms(one, other)
        };
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

fn has(stacks: &[Stack<'_>], name: &str) -> bool {
    stacks.iter().any(|it| it.name == name)
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

/// Whether each of two stacks says a swarm that the other does not.
fn say_other_swarms(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let (ours, theirs) = (Called::of(one).swarms, Called::of(other).swarms);
    !ours.is_subset(&theirs) && !theirs.is_subset(&ours)
}

/// Whether two stacks say one swarm.
fn says_its_swarm(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let (ours, theirs) = (Called::of(one).swarms, Called::of(other).swarms);
    !ours.is_empty() && ours == theirs
}

/// Whether two stacks are one for two swarms: at least one says a swarm that the other does not, and they are called alike but for that, or both
/// say one and run the same. Or both have the name of one stack, as `east/shop.yml` and `west/shop.yml`, and run the same.
fn are_variants(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let (ours, theirs) = (Called::of(one), Called::of(other));
    let are_called_alike = || {
        // Nothing is left of `prod.yml` and `demo.yml`, which may be two apps.
        let are_called = !ours.file.is_empty() || have_one_service(one, other);
        ours.folders == theirs.folders && ours.file == theirs.file && are_called
    };
    let is_of_another = if say_other_swarms(one, other) {
        are_called_alike() || run_the_same(one, other)
    } else {
        ours.swarms != theirs.swarms && are_called_alike()
    };
    let are_of_one = one.variant_of.is_some() && one.variant_of == other.variant_of;
    is_of_another || are_of_one && run_the_same(one, other)
}

/// Whether a service of one is called as one of the other.
fn have_one_service(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let mut services = one.services.iter();
    services.any(|ours| other.services.iter().any(|it| it.name == ours.name))
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
pub(super) fn is_official(image: &str) -> bool {
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
