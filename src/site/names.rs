//! Names by content: `explorer.js` becomes `explorer-1f0c9b32a7d4.js`, and whoever refers to it follows.
//!
//! A browser may then keep such a file for ever, and a new build is never mixed with an old one. Pages, cards, the service worker and
//! `embed.js` keep their names: people link to them, and they say which files are the present ones.

use std::collections::BTreeMap;
use std::ops::Range;

use super::bindings::PAGE;
use super::{Files, digest};
use ground::error::{Error, Result};

/// Entries that others refer to by name.
const PUBLIC: [&str; 2] = ["embed.js", "sw.js"];

/// Where the service worker wants the list of the shell's named files: all but the modules of experiments.
const LIST: &str = "[/* files */]";

/// Hexadecimal digits of the hash in a name.
const DIGITS: usize = 12;

/// Renames modules, style sheets and wasm of the site's top folder by content, and rewrites every quoted reference
/// (`"./explorer.js"`) to them, what refers to nothing first.
///
/// # Errors
/// A reference to a file that is not there; modules that refer to each other in a circle.
pub fn hash(files: Files) -> Result<Files> {
    let mut renaming = Renaming { files: &files, named: BTreeMap::new(), done: Files::new() };
    let mut path = Vec::new();
    for name in files.keys().filter(|name| is_named(name)) {
        renaming.visit(name, &mut path)?;
    }
    let mut done = std::mem::take(&mut renaming.done);
    let shell = renaming.named.iter().filter(|(name, _)| module(&files, name).is_none_or(|module| module == PAGE));
    let list: Vec<_> = shell.map(|(_, name)| format!("\"./{name}\"")).collect();
    let list = format!("[{}]", list.join(", "));
    for (name, bytes) in files.iter().filter(|(name, _)| !is_named(name)) {
        let mut bytes = if refers(&files, name) { renaming.rewrite(name, &mut path)? } else { bytes.clone() };
        if name == "sw.js" {
            let text = String::from_utf8_lossy(&bytes);
            if !text.contains(LIST) {
                return Err(Error::new(format!("www/sw.js: has no {LIST}, where the list of files to keep goes")));
            }
            bytes = text.replace(LIST, &list).into_bytes();
        }
        done.insert(name.clone(), bytes);
    }
    Ok(done)
}

/// Is this the name of a file that never changes, since its content is in its name?
pub fn is_hashed(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
        is_code(extension) && hash.len() == DIGITS && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn is_code(extension: &str) -> bool {
    matches!(extension, "js" | "mjs" | "css" | "wasm")
}

/// Does this file get its content into its name?
fn is_named(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| is_code(extension)) && !name.contains('/') && !PUBLIC.contains(&name)
}

/// The module that this file is the bindings or the wasm of.
fn module<'a>(files: &Files, name: &'a str) -> Option<&'a str> {
    let stem = name.strip_suffix("_bg.wasm").or_else(|| name.strip_suffix(".js"))?;
    files.contains_key(&format!("{stem}_bg.wasm")).then_some(stem)
}

/// May this file refer to named ones? Bindings do not: what they quote is the name of their wasm's imports.
fn refers(files: &Files, name: &str) -> bool {
    let code = [".js", ".mjs", ".css", ".html"].iter().any(|ending| name.ends_with(ending)) && !name.contains('/');
    // Cards are read from the top folder.
    (code && module(files, name).is_none()) || name.starts_with("card/")
}

struct Renaming<'a> {
    files: &'a Files,
    /// New names by old ones.
    named: BTreeMap<&'a str, String>,
    /// Files under their new names.
    done: Files,
}

impl<'a> Renaming<'a> {
    /// Names the file `name` and, before it, those that it refers to; `path` is who refers to whom on the way here.
    fn visit(&mut self, name: &'a str, path: &mut Vec<&'a str>) -> Result<()> {
        if self.named.contains_key(name) {
            return Ok(());
        }
        if let Some(start) = path.iter().position(|earlier| *earlier == name) {
            let circle: Vec<_> = path[start..].iter().chain([&name]).copied().collect();
            let circle = circle.join(" → ");
            return Err(Error::new(format!("www/{circle}: refer to each other in a circle, which cannot be named by content")));
        }
        path.push(name);
        let bytes = if refers(self.files, name) { self.rewrite(name, path)? } else { self.files[name].clone() };
        path.pop();
        let (stem, extension) = name.rsplit_once('.').expect("a named file has an extension");
        let hash = format!("{:016x}", digest(&[&bytes]));
        let new = format!("{stem}-{}.{extension}", &hash[..DIGITS]);
        self.named.insert(name, new.clone());
        self.done.insert(new, bytes);
        Ok(())
    }

    /// The content of `name` with its references following the files they mean.
    fn rewrite(&mut self, name: &'a str, path: &mut Vec<&'a str>) -> Result<Vec<u8>> {
        let text = std::str::from_utf8(&self.files[name]).map_err(|e| Error::new(format!("{name}: is not UTF-8 ({e})")))?;
        let (mut new, mut end) = (String::with_capacity(text.len()), 0);
        for range in references(text) {
            let target = &text[range.clone()];
            let Some((target, _)) = self.files.get_key_value(target) else {
                return Err(Error::new(format!("{name}: refers to ./{target}, which is not there")));
            };
            if is_named(target) {
                self.visit(target, path)?;
                new.push_str(&text[end..range.start]);
                new.push_str(&self.named[&**target]);
                end = range.end;
            }
        }
        new.push_str(&text[end..]);
        Ok(new.into_bytes())
    }
}

/// Where `text` quotes a relative reference to code, without its `./`.
fn references(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("./").filter_map(|(at, _)| {
        let quote = text[..at].chars().next_back().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let start = at + 2;
        let length = text[start..].find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))?;
        let range = start..start + length;
        let code = text[range.clone()].rsplit_once('.').is_some_and(|(_, extension)| is_code(extension));
        (code && text[range.end..].starts_with(quote)).then_some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn names_follow_content_through_references() {
        let sources = |leaf: &str| {
            site(&[
                ("index.html", r#"<link href="./a.css"><script src="./top.js"></script><a href="./embed.html">"#),
                ("a.css", "body {}"),
                ("top.js", "import x from './leaf.js'; new Worker(new URL(\"./top.wasm\", import.meta.url)); f(`./embed.js`)"),
                ("leaf.js", leaf),
                ("top.wasm", "\0asm"),
                ("embed.js", "import \"./top.js\""),
                ("sw.js", "const files = [/* files */];"),
                ("data/a.js", "import './leaf.js'"),
                ("lab-a.js", "imports['./lab-a_bg.js']"),
                ("lab-a_bg.wasm", "\0asm"),
                ("page.js", "imports['./page_bg.js']"),
                ("page_bg.wasm", "\0asm"),
                ("card/a.json", r#"{"script":"./lab-a.js"}"#),
            ])
        };
        let (one, same, other) = (hash(sources("1")).unwrap(), hash(sources("1")).unwrap(), hash(sources("2")).unwrap());
        assert_eq!(one, same);
        let name = |files: &Files, stem: &str| files.keys().find(|n| n.starts_with(stem) && is_hashed(n)).unwrap().clone();
        let text = |files: &Files, name: &str| String::from_utf8(files[name].clone()).unwrap();
        assert_ne!(name(&one, "leaf-"), name(&other, "leaf-"));
        assert_eq!(name(&one, "a-"), name(&other, "a-"));
        let top = one.keys().find(|n| n.starts_with("top-") && n.ends_with(".js")).unwrap();
        assert!(!other.contains_key(top), "a module's name follows what it imports");
        assert_eq!(text(&one, "embed.js"), format!("import \"./{top}\""));
        assert!(text(&one, "index.html").contains(&format!("src=\"./{top}\"")));
        assert!(text(&one, top).contains(&format!("'./{}'", name(&one, "leaf-"))));
        assert!(text(&one, top).contains("`./embed.js`"));
        let worker = text(&one, "sw.js");
        assert_eq!(worker.matches("./").count(), 6, "{worker}");
        assert!(worker.contains("./page_bg-") && !worker.contains("./lab-a"), "{worker}");
        assert_eq!(text(&one, "card/a.json"), format!(r#"{{"script":"./{}"}}"#, name(&one, "lab-a-")));
        assert_eq!(text(&one, "data/a.js"), "import './leaf.js'");
    }

    #[test]
    fn says_what_is_missing_and_what_goes_in_circles() {
        let error = |files: &[(&str, &str)]| hash(site(files)).unwrap_err().to_string();
        assert_eq!(error(&[("a.js", "import './b.js'")]), "a.js: refers to ./b.js, which is not there");
        let circle = error(&[("a.js", "import './b.js'"), ("b.js", "import './c.js'"), ("c.js", "import './b.js'")]);
        assert!(circle.starts_with("www/b.js → c.js → b.js:"), "{circle}");
        assert!(error(&[("sw.js", "")]).contains("[/* files */]"));
    }

    #[test]
    fn tells_hashed_names_from_others() {
        assert!(is_hashed("/a/top-0123456789ab.js") && is_hashed("orrery_bg-0123456789ab.wasm"));
        assert!(!is_hashed("top.js") && !is_hashed("top-0123456789ab.html") && !is_hashed("self-contained.css"));
    }
}
