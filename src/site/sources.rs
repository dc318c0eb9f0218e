//! The files that go into the site as they are: the page at the top, and everything under `www`.

use std::fs;
use std::path::Path;

use super::{Files, read as read_file};
use ground::error::{Error, Result};

/// `index.html` and the files under `www/` of the folder `root`; the latter land beside the former.
pub fn read(root: &Path) -> Result<Files> {
    let mut files = Files::from([("index.html".to_string(), read_file(&root.join("index.html"))?)]);
    let www = root.join("www");
    for name in list(&www)? {
        let bytes = read_file(&www.join(&name))?;
        if files.insert(name.clone(), bytes).is_some() {
            return Err(Error::new(format!("www/{name}: there is one beside www already")));
        }
    }
    Ok(files)
}

/// The files under `folder`, by their path in it, parted by `/` and sorted; hidden ones are left out.
pub fn list(folder: &Path) -> Result<Vec<String>> {
    let fails = |e: std::io::Error| Error::new(format!("{}: cannot be read ({e})", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fails)? {
        let entry = entry.map_err(fails)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|n| Error::new(format!("{}: the name {} is not Unicode", folder.display(), n.to_string_lossy())))?;
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            names.extend(list(&entry.path())?.into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
