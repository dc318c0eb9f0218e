//! A part of the site to take along: some experiments and all that they need, in a folder or a zip that any web server can serve, also as
//! SCORM 1.2 for a learning platform.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::path::Path;

use serde_json::Value;
use zip::write::SimpleFileOptions;

use super::text::attribute;
use super::{Files, claim, list, read, sources, write};
use crate::catalogue::find;
use ground::error::{Error, Result};

/// Writes the experiments `slugs` of the site in the folder `site` to `out`: a zip if it ends in `.zip`, else a folder. With `scorm` it has a
/// manifest in which each experiment is a unit: completed with its story, scored by the reader's predictions.
///
/// # Errors
/// A slug of no experiment; a site that was not built; a folder that holds something else.
pub fn package(site: &Path, slugs: &[String], out: &Path, scorm: bool) -> Result<()> {
    for slug in slugs {
        find(slug)?;
    }
    let mut files = part(site, slugs, scorm)?;
    if scorm {
        files.insert("imsmanifest.xml".into(), manifest(&files, slugs).into_bytes());
    }
    match out.extension().is_some_and(|ending| ending == "zip") {
        true => std::fs::write(out, zipped(&files)?).map_err(|e| super::unwritable(out, e)),
        false => claim(out).and_then(|()| write(out, &files)),
    }
}

/// Of the site's files those that these experiments need.
fn part(site: &Path, slugs: &[String], scorm: bool) -> Result<Files> {
    if !site.join("embed.js").exists() {
        return Err(Error::new(format!("{}: holds no site; './dev build' makes it", site.display())));
    }
    let json = |name: &str| -> Result<Value> {
        serde_json::from_slice(&read(&site.join(name))?).map_err(|e| Error::new(format!("{name}: {e}")))
    };
    // What a card names: the files of its module, and data.
    let mut named = BTreeSet::new();
    for slug in slugs {
        let card = json(&format!("card/{slug}.json"))?;
        let module = ["script", "wasm"].iter().filter_map(|key| card["module"][key].as_str());
        named.extend(module.map(|name| name.trim_start_matches("./").to_string()));
        named.extend(card["data"].as_array().into_iter().flatten().filter_map(Value::as_str).map(|file| format!("data/{file}")));
    }
    let of_some = |name: &str| {
        let stem = name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or_default();
        slugs.iter().any(|slug| stem == slug || stem.strip_suffix("-dark") == Some(slug))
    };
    let wanted = |name: &String| match name.split('/').next().unwrap_or_default() {
        "card" | "text" | "thumbs" => of_some(name),
        "data" => named.contains(name),
        "timers" => false,
        "experiments.html" | "gallery.html" | "files.json" => false,
        _ if name.starts_with("lab-") || name.starts_with("instrument-") => named.contains(name),
        _ if name.starts_with("scorm") => scorm,
        _ => !name.starts_with("gallery-"),
    };
    let mut files = Files::new();
    for name in sources::list(site)?.into_iter().filter(|name| !name.ends_with(".br") && !name.ends_with(".gz")).filter(wanted) {
        let bytes = read(&site.join(&name))?;
        files.insert(name, bytes);
    }
    let mut labs = json("index.json")?;
    for lab in labs.as_array_mut().into_iter().flatten() {
        lab["overview"] = false.into();
        if let Some(experiments) = lab["experiments"].as_array_mut() {
            experiments.retain(|one| slugs.iter().any(|slug| one["slug"] == **slug));
        }
    }
    files.insert("index.json".into(), labs.to_string().into_bytes());
    // Paths and the front page's film lead to experiments that may not be here.
    files.insert("paths.json".into(), b"[]".to_vec());
    if !slugs.iter().any(|slug| slug == "trajectory") {
        files.insert("film.json".into(), b"null".to_vec());
    }
    list(&mut files)?;
    Ok(files)
}

fn zipped(files: &Files) -> Result<Vec<u8>> {
    let wrong = |e: &dyn std::fmt::Display| Error::new(format!("zip: {e}"));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).map_err(|e| wrong(&e))?;
        zip.write_all(bytes).map_err(|e| wrong(&e))?;
    }
    zip.finish().map(Cursor::into_inner).map_err(|e| wrong(&e))
}

/// What a learning platform reads first: a unit for each experiment.
fn manifest(files: &Files, slugs: &[String]) -> String {
    let title = |slug: &String| attribute(find(slug).map_or("", |entry| entry.card.title));
    let items: String = slugs
        .iter()
        .map(|slug| {
            format!(
                "      <item identifier=\"item-{slug}\" identifierref=\"unit-{slug}\"><title>{}</title></item>\n",
                title(slug)
            )
        })
        .collect();
    let all: String = files.keys().map(|name| format!("      <file href=\"{}\"/>\n", attribute(name))).collect();
    let units: String = slugs
        .iter()
        .map(|slug| {
            format!(
                "    <resource identifier=\"unit-{slug}\" type=\"webcontent\" adlcp:scormtype=\"sco\" href=\"scorm.html?experiment={slug}\">\n      <file href=\"scorm.html\"/>\n      <dependency identifierref=\"all\"/>\n    </resource>\n"
            )
        })
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<manifest identifier="orrery" version="1.0" xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2" xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_rootv1p2">
  <metadata><schema>ADL SCORM</schema><schemaversion>1.2</schemaversion></metadata>
  <organizations default="orrery">
    <organization identifier="orrery">
      <title>Orrery</title>
{items}    </organization>
  </organizations>
  <resources>
{units}    <resource identifier="all" type="webcontent" adlcp:scormtype="asset">
{all}    </resource>
  </resources>
</manifest>
"#
    )
}
