//! The page `experiments.html`: every experiment in one table, with what its claim measured.

use std::fs;
use std::path::Path;

use super::thumbnails::Told;
use super::{Files, write_one};
use crate::catalogue::LABS;
use ground::error::{Error, Result};
use plot::number;

/// The page, and where the table stands in it.
const PAGE: &str = "experiments.html";
const BEGIN: &str = "<!-- experiments -->";
const END: &str = "<!-- /experiments -->";

/// Puts the table into the page, with what every experiment's run came to as far as that is known.
pub fn put(told: &[Option<Told>], files: &mut Files) -> Result<()> {
    let page = files.get(PAGE).and_then(|page| std::str::from_utf8(page).ok()).unwrap_or_default();
    let page = replace(page, &table(told))
        .ok_or_else(|| Error::new(format!("www/{PAGE}: has no {BEGIN} … {END}, where the table of experiments goes")))?;
    files.insert(PAGE.into(), page.into_bytes());
    Ok(())
}

/// Puts the table into the page of the site in the folder `out`.
pub fn put_into(out: &Path, told: &[Option<Told>]) -> Result<()> {
    let page = fs::read_to_string(out.join(PAGE)).unwrap_or_default();
    replace(&page, &table(told)).map_or(Ok(()), |page| write_one(out, PAGE, page.as_bytes()))
}

/// `page` with `table` between its marks.
fn replace(page: &str, table: &str) -> Option<String> {
    let start = page.find(BEGIN)? + BEGIN.len();
    let end = start + page[start..].find(END)?;
    Some(format!("{}\n{table}{}", &page[..start], &page[end..]))
}

/// One row an experiment, in the page's order.
fn table(told: &[Option<Told>]) -> String {
    let heads = ["Lab", "Experiment", "Paper", "Reproduces", "Measured at seed 0", "Claim"];
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let mut rows = String::new();
    let mut told = told.iter();
    for lab in LABS {
        for (index, entry) in lab.entries.iter().enumerate() {
            let (card, paper) = (entry.card, &entry.card.paper);
            if index == 0 {
                let (rowspan, lab, title) = (lab.entries.len(), lab.slug, lab.title);
                rows += &format!(
                    "<tr><th scope=\"rowgroup\" rowspan=\"{rowspan}\"><a href=\"./index.html?lab={lab}\">{title}</a></th>"
                );
            } else {
                rows += "<tr>";
            }
            let (title, of, year) = (escape(card.title), escape(paper.title), paper.year);
            let (slug, authors, badge) = (card.slug, escape(&authors(paper.authors)), card.reproduction.words());
            let class = badge.replace(' ', "-");
            let (figure, claim) = told.next().copied().flatten().map_or(("–".into(), "–".into()), words);
            rows += &format!(
                "<td><a href=\"./index.html?experiment={slug}\">{title}</a></td><td>{authors} {year}, <cite>{of}</cite></td>\
                 <td><span class=\"badge {class}\">{badge}</span></td><td>{figure}</td><td>{claim}</td></tr>\n"
            );
        }
    }
    format!("<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

/// What was measured, and what that says of the claim.
fn words(told: Told) -> (String, String) {
    let holds = told.holds.map_or("cannot tell", |holds| if holds { "holds" } else { "does not hold" });
    // Which way the claim goes, told from how it came out.
    let above = (told.figure > told.threshold) == (told.holds == Some(true));
    (number(told.figure), format!("{} {}: {holds}", if above { "≥" } else { "≤" }, number(told.threshold)))
}

/// The last names of one author or two, the first one's and "et al." of more.
fn authors(all: &str) -> String {
    let last = |author: &str| author.split_whitespace().next_back().unwrap_or_default().to_string();
    let all: Vec<_> = all.split(", ").map(last).collect();
    match &all[..] {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, ..] => format!("{one} et al."),
        [] => String::new(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::entries;

    #[test]
    fn the_table_stands_between_its_marks() {
        let mut files = Files::from([(PAGE.to_string(), format!("a\n{BEGIN}\nof an earlier build\n{END}\nb").into_bytes())]);
        let mut told = vec![Some(Told { holds: Some(true), figure: 0.25, threshold: 0.5 }); entries().count()];
        told[0] = None;
        put(&told, &mut files).unwrap();
        let page = String::from_utf8(files[PAGE].clone()).unwrap();
        assert_eq!(page.matches("</tr>\n").count(), told.len());
        assert!(page.contains("<td>0.25</td><td>≤ 0.5: holds</td>") && page.contains("<td>–</td><td>–</td>"), "{page}");
        assert!(!page.contains("of an earlier build") && page.ends_with(&format!("{END}\nb")));
        assert!(put(&told, &mut Files::new()).is_err());
    }
}
