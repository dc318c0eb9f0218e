//! The table of experiments in the README.

use std::fs;
use std::path::Path;

use super::read;
use super::thumbnails::Told;
use crate::catalogue::LABS;
use ground::error::{Error, Result};
use plot::number;

const BEGIN: &str = "<!-- experiments -->";
const END: &str = "<!-- /experiments -->";

/// Writes the table between the two marks of the README at `path`, with what every experiment's run came to; touches nothing if it is
/// there already.
pub fn update(path: &Path, told: &[Told]) -> Result<()> {
    let fails = |why: &str| Error::new(format!("{}: {why}", path.display()));
    let old = String::from_utf8(read(path)?).map_err(|_| fails("is not UTF-8"))?;
    let new = replace(&old, &table(told))
        .ok_or_else(|| fails(&format!("has no {BEGIN} … {END}, where the table of experiments goes")))?;
    if new != old {
        fs::write(path, new).map_err(|e| fails(&format!("cannot be written ({e})")))?;
    }
    Ok(())
}

/// `text` with `table` between its marks.
fn replace(text: &str, table: &str) -> Option<String> {
    let start = text.find(BEGIN)? + BEGIN.len();
    let end = start + text[start..].find(END)?;
    Some(format!("{}\n{table}{}", &text[..start], &text[end..]))
}

/// One row an experiment, in the page's order.
fn table(told: &[Told]) -> String {
    let mut table =
        String::from("| Lab | Experiment | Paper | Reproduces | Measured at seed 0 | Claim |\n|---|---|---|---|---|---|\n");
    let mut told = told.iter();
    let cell = |text: &str| text.replace('|', "\\|");
    for lab in LABS {
        for (index, entry) in lab.entries.iter().enumerate() {
            let (card, paper) = (entry.card, &entry.card.paper);
            let lab = if index == 0 { lab.title } else { "" };
            let last = |author: &str| author.split_whitespace().next_back().unwrap_or_default().to_string();
            let authors: Vec<_> = paper.authors.split(", ").map(last).collect();
            let authors = match &authors[..] {
                [one] => one.clone(),
                [one, two] => format!("{one} and {two}"),
                [one, ..] => format!("{one} et al."),
                [] => String::new(),
            };
            let (title, of, badge) = (cell(card.title), cell(paper.title), card.reproduction.words());
            let end = told.next().expect("one an experiment");
            let holds = end.holds.map_or("cannot tell", |holds| if holds { "holds" } else { "does not hold" });
            // Which way the claim goes, told from how it came out.
            let above = (end.figure > end.threshold) == (end.holds == Some(true));
            let (figure, sign, threshold) = (number(end.figure), if above { "≥" } else { "≤" }, number(end.threshold));
            table += &format!(
                "| {lab} | {title} (`{}`) | {authors} {}, *{of}* | {badge} | {figure} | {sign} {threshold}: {holds} |\n",
                card.slug, paper.year
            );
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::entries;

    #[test]
    fn replaces_what_is_between_the_marks() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb");
        let new = replace(&text, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb"));
        assert_eq!(replace(&new, "new\n").unwrap(), new);
        assert_eq!(replace("no marks", "new"), None);
        let told = vec![Told { holds: Some(true), figure: 0.25, threshold: 0.5 }; entries().count()];
        assert_eq!(table(&told).lines().count(), 2 + told.len());
        assert!(table(&told).contains("| 0.25 | ≤ 0.5: holds |"));
    }
}
