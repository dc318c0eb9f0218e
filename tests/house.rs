//! The house's own rules, which the compiler does not keep: no circle of files, one user's code lives with its user, files of a length
//! that can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules of a crate by their paths (`transport::exact`; the crate's own file is ``), and the text of each without its tests.
fn modules(folder: &str, root: &str) -> BTreeMap<String, String> {
    fn walk(base: &Path, folder: &Path, root: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(base, &path, root, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let place = path.strip_prefix(base).unwrap().with_extension("").display().to_string().replace('/', "::");
                let name = if place == root { String::new() } else { place.trim_end_matches("::mod").to_string() };
                let text = fs::read_to_string(&path).unwrap();
                found.insert(name, text.split("#[cfg(test)]\nmod ").next().unwrap().to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(Path::new(folder), Path::new(folder), root, &mut found);
    found
}

/// The paths that a file names, groups in braces taken apart: `crate::a::{b, c::D}` as `crate::a::b` and `crate::a::c::D`.
fn paths(text: &str) -> Vec<String> {
    fn tree(text: &str, prefix: &str, found: &mut Vec<String>) -> usize {
        let bytes = text.as_bytes();
        let (mut at, mut start) = (0, 0);
        loop {
            match bytes.get(at) {
                Some(b) if b.is_ascii_alphanumeric() || matches!(b, b'_' | b':') => at += 1,
                Some(b'{') if at > start && text[..at].ends_with("::") => {
                    let prefix = format!("{prefix}{}", &text[start..at]);
                    at += 1;
                    loop {
                        at += text[at..].len() - text[at..].trim_start_matches([' ', '\n', ',']).len();
                        if bytes.get(at).is_none_or(|b| *b == b'}') {
                            return at + 1;
                        }
                        at += tree(&text[at..], &prefix, found).max(1);
                    }
                }
                _ => {
                    if at > start {
                        found.push(format!("{prefix}{}", &text[start..at]));
                    }
                    start = at;
                    return start;
                }
            }
        }
    }
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for root in ["crate::", "super::", "methods::"] {
        for (at, _) in code.match_indices(root) {
            let begins = !code[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '$'));
            if begins {
                tree(&code[at..], "", &mut found);
            }
        }
    }
    found
}

/// The module of a crate that a path leads to: the longest that there is.
fn module_of<'a>(path: &str, within: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let mut path = path.to_string();
    loop {
        if let Some((name, _)) = within.get_key_value(&path) {
            return (!name.is_empty()).then_some(name);
        }
        path.truncate(path.rfind("::")?);
    }
}

/// Which modules of its own crate every module names.
fn arrows(within: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut arrows = BTreeMap::new();
    for (name, text) in within {
        let mut named = BTreeSet::new();
        for path in paths(text) {
            let mut from = name.as_str();
            let mut rest = path.as_str();
            if let Some(after) = rest.strip_prefix("crate::") {
                (from, rest) = ("", after);
            } else if !rest.starts_with("super::") {
                continue;
            }
            while let Some(after) = rest.strip_prefix("super::") {
                (from, rest) = (from.rsplit_once("::").map_or("", |(parent, _)| parent), after);
            }
            let full = if from.is_empty() { rest.to_string() } else { format!("{from}::{rest}") };
            named.extend(module_of(&full, within).filter(|module| *module != name));
        }
        // What is private below a module, or shown by it, is seen through it.
        let below = text.lines().filter_map(|line| {
            line.strip_prefix("mod ")
                .and_then(|rest| rest.strip_suffix(';'))
                .or_else(|| line.strip_prefix("pub use ")?.split("::").next())
        });
        let below = below.map(|part| if name.is_empty() { part.to_string() } else { format!("{name}::{part}") });
        named.extend(below.filter_map(|part| within.get_key_value(&part).map(|(part, _)| part.as_str())));
        arrows.insert(name.as_str(), named);
    }
    arrows
}

/// All that can be reached by arrows.
fn reach<'a>(from: impl IntoIterator<Item = &'a str>, arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut open: Vec<&str> = from.into_iter().collect();
    let mut reached = BTreeSet::new();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(arrows.get(module).into_iter().flatten());
        }
    }
    reached
}

/// The crates, by their folders and their own files.
fn crates() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        ["ground", "methods", "gpu", "run", "plot", "page"].map(|name| (format!("src/{name}"), "lib".into())).to_vec();
    for (place, root) in [("src/labs", Some("mod")), ("src/instruments", None)] {
        for entry in fs::read_dir(place).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
            let name = entry.file_name().to_string_lossy().to_string();
            all.push((format!("{place}/{name}"), root.map_or(name, String::from)));
        }
    }
    all
}

#[test]
fn no_circle_of_files() {
    let mut circles = Vec::new();
    for (folder, root) in crates() {
        let within = modules(&folder, &root);
        let mut arrows = arrows(&within);
        // A module and what is below it are one thing seen from two sides.
        for (name, named) in &mut arrows {
            let part = |a: &str, of: &str| a.starts_with(&format!("{of}::"));
            named.retain(|other| !name.is_empty() && !part(name, other) && !part(other, name));
        }
        for (name, named) in &arrows {
            if reach(named.iter().copied(), &arrows).contains(name) {
                circles.push(format!("{folder}: {name}"));
            }
        }
    }
    assert!(circles.is_empty(), "in circles: {}", circles.join(", "));
}

/// Methods that only one experiment reaches and that stay all the same: textbook methods that papers to come build on, or what an
/// instrument makes available for any problem of the reader's.
const GENERAL: &[&str] = &[
    "network::contrastive",    // losses of a whole family of papers
    "linear::fourier",         // the fast Fourier transform
    "information::continuous", // estimators for continuous variables
    "network::linear_network", // deep linear networks and their exact solutions
    "neural_collapse::free",   // unconstrained features
    "optimize::solver",        // second-order and line-search methods
    "network::points",         // labelled points in the plane
    "statistics::ridge",       // ridge regression
    "geometry::mesh",          // meshes and their Laplacian
    "linear::spd",             // positive definite matrices
    "linear::spd::affine_invariant",
    "linear::spd::bures_wasserstein",
];

#[test]
fn methods_have_more_than_one_user() {
    let methods = modules("src/methods", "lib");
    let arrows = arrows(&methods);
    let mut users: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut count = |user: String, text: &str| {
        let named =
            paths(text).into_iter().filter_map(|path| module_of(path.strip_prefix("methods::")?, &methods)).collect::<Vec<_>>();
        for module in reach(named, &arrows) {
            users.entry(module).or_default().insert(user.clone());
        }
    };
    for (folder, root) in crates().into_iter().filter(|(folder, _)| folder != "src/methods") {
        for (name, text) in modules(&folder, &root) {
            // A part belongs to its paper, an instrument's files to the instrument, and all that is not a lab's counts as of everybody.
            let user = match folder.strip_prefix("src/labs/") {
                Some(lab) => format!("{lab}/{}", name.split("::").next().unwrap_or_default()),
                None => folder.clone(),
            };
            count(user, &text);
        }
    }
    let lonely: Vec<String> = methods
        .keys()
        .filter(|name| !name.is_empty() && !GENERAL.contains(&name.as_str()))
        // A field that only lists what is in it is nobody's.
        .filter(|name| {
            methods[*name].lines().any(|line| !line.is_empty() && !line.starts_with("//!") && !line.starts_with("pub mod "))
        })
        // A private part belongs to its parent.
        .filter(|name| {
            let private =
                |(parent, part): (&str, &str)| methods[parent].lines().any(|line| line.trim() == format!("mod {part};"));
            !name.rsplit_once("::").is_some_and(private) && !name.ends_with("::tests")
        })
        .filter_map(|name| match users.get(name.as_str()) {
            Some(users) if users.len() > 1 || users.iter().any(|user| user.starts_with("src/run")) => None,
            Some(users) => Some(format!("{name} ({})", users.iter().cloned().collect::<Vec<_>>().join(", "))),
            None => Some(format!("{name} (nobody)")),
        })
        .collect();
    assert!(lonely.is_empty(), "reached by one experiment only, or by none: {}", lonely.join(", "));
}

/// Lines that a file of an experiment may have, tests included; an instrument's each.
const PAPER: usize = 550;
const INSTRUMENT: usize = 500;

#[test]
fn files_can_be_read() {
    let mut long = Vec::new();
    for (place, most) in [("src/labs", PAPER), ("src/instruments", INSTRUMENT)] {
        for entry in fs::read_dir(place).unwrap().flatten() {
            for file in fs::read_dir(entry.path()).into_iter().flatten().flatten().map(|file| file.path()) {
                let Ok(text) = fs::read_to_string(&file) else { continue };
                if file.extension().is_some_and(|ending| ending == "rs") {
                    if text.lines().count() > most {
                        long.push(format!("{} has {} lines", file.display(), text.lines().count()));
                    }
                    // The caller packs units into slices by the clock.
                    if text.contains("const SLICE:") {
                        long.push(format!("{} cuts its own slices", file.display()));
                    }
                }
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn paths_are_taken_apart() {
    let text = "use crate::a::{b, c::{D, e::F}};\nlet x = super::g::H::new(crate::i());\n// crate::comment\n";
    assert_eq!(paths(text), ["crate::a::b", "crate::a::c::D", "crate::a::c::e::F", "crate::i", "super::g::H::new"]);
}
