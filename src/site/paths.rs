//! Paths: ways of a quarter of an hour and more through several experiments, with questions, answers and notes for the lecturer.
//!
//! A path is a Markdown file in `paths/`: a title, a line that says how long it takes and for whom, and stops, each a heading that links to an
//! experiment. A paragraph that begins with **Question.**, **Answer.** or **For the lecturer.** is shown to those who want it.

use std::path::Path as File;

use serde::Serialize;

use super::text::{fragment, leads};
use super::{Files, read, sources};
use ground::error::{Error, Result};

const FOLDER: &str = "src/site/paths";

/// A path as the front page lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// Name in URLs.
    pub slug: String,
    /// Title.
    pub title: String,
    /// How long it takes, and for whom it is.
    pub takes: String,
    /// The experiments on its way, as queries.
    pub stops: Vec<String>,
}

/// Every path below the folder `root`, with its text as HTML.
///
/// # Errors
/// A file without title, without stops, or with a link that leads nowhere.
pub fn all(root: &File) -> Result<Vec<(Path, String)>> {
    let folder = root.join(FOLDER);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let path = |name: &String| {
        let wrong = |e: Error| e.at(format!("{FOLDER}/{name}"));
        let text = String::from_utf8(read(&folder.join(name))?).map_err(|_| wrong(Error::new("is not UTF-8")))?;
        one(name.trim_end_matches(".md"), &text).map_err(wrong)
    };
    sources::list(&folder)?.iter().filter(|name| name.ends_with(".md")).map(path).collect()
}

/// Puts `paths.json` and `text/path-SLUG.html` into `files`.
pub(super) fn make(root: &File, files: &mut Files) -> Result<()> {
    let paths = all(root)?;
    let list: Vec<&Path> = paths.iter().map(|(path, _)| path).collect();
    files.insert("paths.json".into(), serde_json::to_vec(&list).map_err(|e| Error::new(format!("paths: {e}")))?);
    for (path, html) in paths {
        files.insert(format!("text/path-{}.html", path.slug), html.into_bytes());
    }
    Ok(())
}

fn one(slug: &str, text: &str) -> Result<(Path, String)> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let title = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or_else(|| Error::new("begins with no title, '# …'"))?;
    let takes = lines.next().ok_or_else(|| Error::new("does not say how long it takes"))?;
    let stop = |line: &str| {
        let link = line.strip_prefix("## [")?.split_once("](")?.1.strip_suffix(')')?;
        Some(link.to_string())
    };
    let stops: Vec<String> = text.lines().filter_map(stop).collect();
    if stops.len() < 3 {
        return Err(Error::new(format!("has {} stops, '## [title](?experiment=…)'", stops.len())));
    }
    let html = fragment(text, &leads)?;
    let html = [("Question.", "asked"), ("Answer.", "answer"), ("For the lecturer.", "note")].iter().fold(
        html,
        |html, (words, class)| {
            html.replace(&format!("<p><strong>{words}</strong>"), &format!("<p class=\"{class}\"><strong>{words}</strong>"))
        },
    );
    Ok((Path { slug: slug.into(), title: title.into(), takes: takes.into(), stops }, html))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Balls\n\n20 minutes. For all.\n\n## [One](?experiment=diffgrad)\n\nLook.\n\n**Question.** Who?\n\n**Answer.** He.\n\n**For the lecturer.** Ask.\n\n## [Two](?experiment=diffgrad&learning_rate=0.05)\n\n## [Three](?experiment=trajectory)\n";

    #[test]
    fn a_path_has_stops_questions_answers_and_notes() {
        let (path, html) = one("balls", TEXT).unwrap();
        assert_eq!((&*path.title, &*path.takes, path.stops.len()), ("Balls", "20 minutes. For all.", 3));
        for class in ["asked", "answer", "note"] {
            assert!(html.contains(&format!("<p class=\"{class}\"><strong>")), "{html}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |from: &str, to: &str| one("x", &TEXT.replace(from, to)).unwrap_err().to_string();
        assert!(error("# Balls", "Balls").contains("no title"));
        assert!(error("0.05", "7").contains("learning_rate: '7' is outside"));
        assert!(error("?experiment=trajectory", "?experiment=none").contains("none of that name"));
        assert!(error("## [Three](?experiment=trajectory)\n", "").contains("has 2 stops"));
    }

    #[test]
    fn every_path_is_right() {
        all(File::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    }
}
