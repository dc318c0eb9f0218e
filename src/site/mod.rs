//! The static site (native): [`build`] makes it from the sources, [`serve`] shows it on this machine.
//!
//! Everything is made in memory from `index.html`, `www/`, the registry, the page texts and the compiled modules, and only then
//! written: a build that fails leaves the last good site as it was. URLs are relative, names of modules, style sheets and wasm
//! carry a hash of what is in them, and the same sources give the same bytes.

mod bindings;
mod catalogue;
mod compress;
mod film;
mod glossary;
mod keep;
mod names;
mod package;
mod paths;
mod server;
mod sources;
mod story;
mod table;
mod text;
mod thumbnails;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use catalogue::cards;
pub use package::package;
pub use paths::{Path as Way, all as paths};
pub use server::serve;
pub use story::{Choice, Condition, Question, Step};
pub use text::{settings_of, story_of};

use ground::error::{Error, Result};

/// The files of the site by their path under its root, parted by `/`.
type Files = BTreeMap<String, Vec<u8>>;

/// What is made anew only when its inputs have changed: bindings, thumbnails, compressed files.
const KEPT: &str = "target/site";

/// How a site is made.
#[derive(Clone, Copy, Default)]
pub struct Making {
    /// For this machine, and soon: nothing compressed, and of the pictures those that there are.
    pub quick: bool,
    /// With the module that tests and measurements use.
    pub timers: bool,
}

/// Builds the site into the folder `out` from the sources in the present folder and the compiled modules in the folder `modules`.
/// What `out` held of an earlier build goes.
///
/// # Errors
/// A source that is missing or wrong, by its name; a folder `out` that holds something else than a site.
pub fn build(out: &Path, modules: &Path, making: Making) -> Result<()> {
    claim(out)?;
    let kept = keep::Kept::new(Path::new(KEPT));
    let mut files = sources::read(Path::new("."))?;
    bindings::make(modules, &kept, making, &mut files)?;
    text::make(Path::new("."), &mut files)?;
    paths::make(Path::new("."), &mut files)?;
    catalogue::make(Path::new("."), &mut files)?;
    film::make(&kept, &mut files)?;
    let told = if making.quick { thumbnails::find(out, &kept, &mut files)? } else { thumbnails::make(&kept, &mut files)? };
    table::put(&told, &mut files)?;
    let mut files = names::hash(files)?;
    list(&mut files)?;
    if !making.quick {
        compress::make(&kept, &mut files);
    }
    write(out, &files)
}

/// Puts `files.json` into `files`: their names, how many bytes they are, and the version, which stands for all that is in them.
fn list(files: &mut Files) -> Result<()> {
    let version = files.iter().fold(0, |hash, (name, bytes)| digest(&[&u64::to_le_bytes(hash), name.as_bytes(), bytes]));
    let list = serde_json::json!({
        "version": format!("{version:016x}"),
        "files": files.keys().collect::<Vec<_>>(),
        "bytes": files.values().map(Vec::len).sum::<usize>(),
    });
    files.insert("files.json".into(), serde_json::to_vec(&list).map_err(|e| Error::new(format!("files.json: {e}")))?);
    Ok(())
}

/// Checks that `out` is no folder whose files are someone else's.
fn claim(out: &Path) -> Result<()> {
    let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    let ours = || fs::read_to_string(out.join("embed.js")).is_ok_and(|text| text.contains("orrery-experiment"));
    if (out.exists() && !out.is_dir()) || !(empty || ours()) {
        return Err(Error::new(format!("{}: is not empty and no site of Orrery's; name a new or empty folder", out.display())));
    }
    Ok(())
}

/// Makes `out` hold `files` and nothing else. Pages come last, so that a page never names a file that is not there yet.
fn write(out: &Path, files: &Files) -> Result<()> {
    let (pages, rest): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name.ends_with(".html"));
    for (name, bytes) in rest.into_iter().chain(pages) {
        write_one(out, name, bytes)?;
    }
    for name in sources::list(out)? {
        if !files.contains_key(&name) {
            let path = out.join(name);
            fs::remove_file(&path).map_err(|e| unwritable(&path, e))?;
        }
    }
    Ok(())
}

/// Writes a file of the site, unless it is there already.
fn write_one(out: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = out.join(name);
    let folder = path.parent().unwrap_or(out);
    fs::create_dir_all(folder).map_err(|e| unwritable(folder, e))?;
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(&path, bytes).map_err(|e| unwritable(&path, e))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(format!("{}: cannot be written ({error})", path.display()))
}

/// The bytes of a file; the error names it.
fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::new(format!("{}: cannot be read ({e})", path.display())))
}

/// `make(item)` for every item, on all cores, in the items' order.
fn each<T: Sync, R: Send>(items: &[T], make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(index)
                {
                    let result = make(item);
                    made.lock().expect("no thread panics while it holds the lock").push((index, result));
                }
            });
        }
    });
    let mut made = made.into_inner().expect("all threads have ended");
    made.sort_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, result)| result).collect()
}

/// A number that stands for these bytes (FNV-1a, 64 bits): not against malice, but against chance.
fn digest(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        // The length first, so that ["ab", "c"] and ["a", "bc"] differ.
        for byte in (part.len() as u64).to_le_bytes().iter().chain(*part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty folder of this test's own.
    pub fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("orrery-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn writes_over_a_site_but_over_nothing_else() {
        let out = folder("write");
        claim(&out).unwrap();
        claim(&out.join("new")).unwrap();
        let files = |names: &[&str]| names.iter().map(|n| (n.to_string(), n.as_bytes().to_vec())).collect::<Files>();
        let embed = || ("embed.js".to_string(), b"<orrery-experiment>".to_vec());
        write(&out, &files(&["old.js", "data/a.npz"]).into_iter().chain([embed()]).collect()).unwrap();
        claim(&out).unwrap();
        write(&out, &files(&["new.js", "index.html"]).into_iter().chain([embed()]).collect()).unwrap();
        assert_eq!(sources::list(&out).unwrap(), ["embed.js", "index.html", "new.js"]);
        fs::write(out.join("embed.js"), "somebody else's").unwrap();
        assert!(claim(&out).unwrap_err().to_string().contains("no site of Orrery's"));
        assert!(claim(&out.join("new.js")).is_err());
        fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn works_in_order_on_all_cores() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(each(&items, |i| i * i), items.iter().map(|i| i * i).collect::<Vec<_>>());
        assert!(each(&[] as &[usize], |i| *i).is_empty());
    }
}
