//! What the page tells about an experiment: its Markdown as HTML, its TeX as MathML, then the paper and how to cite it.

use std::path::Path;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Event as MathEvent, ParserError, RenderConfig, Storage, mathml};

use super::story::{self, Step};
use super::{Files, glossary, read};
use crate::catalogue::{LABS, entries, find, module};
use ground::controls::Settings;
use ground::error::{Error, Result};
use run::experiment::{Entry, INSTRUMENTS, Paper};

/// Puts `text/SLUG.html` for every experiment into `files`, from the lab's folder below the folder `root`.
pub fn make(root: &Path, files: &mut Files) -> Result<()> {
    for entry in entries() {
        let slug = entry.card.slug;
        let path = format!("{}/{slug}.md", module(entry).folder);
        let markdown = String::from_utf8(read(&root.join(&path))?).map_err(|_| Error::new(format!("{path}: is not UTF-8")))?;
        let (_, rest) = story(entry, &markdown).map_err(|e| e.at(&path))?;
        let mut fragment = fragment(&rest, &|link| check(entry, link)).map_err(|e| e.at(&path))?;
        cite(&entry.card.paper, &mut fragment);
        files.insert(format!("text/{slug}.html"), fragment.into_bytes());
    }
    for lab in LABS {
        let Some(first) = lab.entries.first().filter(|_| lab.slug != INSTRUMENTS) else { continue };
        let path = format!("{}/overview.md", module(first).folder);
        if root.join(&path).exists() {
            let markdown =
                String::from_utf8(read(&root.join(&path))?).map_err(|_| Error::new(format!("{path}: is not UTF-8")))?;
            let fragment = fragment(&markdown, &leads).map_err(|e| e.at(&path))?;
            files.insert(overview(lab.slug), fragment.into_bytes());
        }
    }
    Ok(())
}

/// The story that an experiment's text tells, see [`story`](super::story), and the text without it.
fn story(entry: &Entry, markdown: &str) -> Result<(Vec<Step>, String)> {
    story::part(markdown, &|text| fragment(text, &|link| check(entry, link)), &|query| check(entry, query))
}

/// The story of an experiment, from its text below the folder `root`; empty if it has none.
///
/// # Errors
/// What is wrong with it, and where.
pub fn story_of(root: &Path, entry: &Entry) -> Result<Vec<Step>> {
    let path = format!("{}/{}.md", module(entry).folder, entry.card.slug);
    let markdown = String::from_utf8(read(&root.join(&path))?).map_err(|_| Error::new(format!("{path}: is not UTF-8")))?;
    Ok(story(entry, &markdown).map_err(|e| e.at(&path))?.0)
}

/// The file of the site that has a lab's overview.
pub(super) fn overview(lab: &str) -> String {
    format!("text/lab-{lab}.html")
}

/// Does a link of an overview lead to an experiment or a lab?
pub(super) fn leads(link: &str) -> Result<()> {
    match link.strip_prefix("?experiment=") {
        // Settings may be named too.
        Some(rest) => {
            let (slug, query) = rest.split_once('&').unwrap_or((rest, ""));
            let entry = find(slug)?;
            if query.is_empty() {
                Ok(())
            } else {
                settings_of(entry, query).map(drop).map_err(|e| e.at(format!("link '{link}'")))
            }
        }
        None if LABS.iter().any(|lab| link.strip_prefix("?lab=") == Some(lab.slug)) => Ok(()),
        None => Err(Error::new(format!("link '{link}': leads to no experiment and no lab"))),
    }
}

/// A page text as a piece of HTML; `check` looks at links that begin with '?'.
///
/// # Errors
/// A formula that is not TeX; a link `?control=value` that the experiment does not understand.
pub(super) fn fragment(markdown: &str, check: &dyn Fn(&str) -> Result<()>) -> Result<String> {
    let options = Options::ENABLE_MATH | Options::ENABLE_TABLES;
    let mut marking = false;
    let events = Parser::new_ext(markdown, options).into_offset_iter().map(|(event, place)| {
        let event = match event {
            Event::InlineMath(tex) => formula(&tex, DisplayMode::Inline).map(|math| Event::InlineHtml(math.into())),
            Event::DisplayMath(tex) => formula(&tex, DisplayMode::Block).map(|math| Event::InlineHtml(math.into())),
            // A formula with a brace too many is none to Markdown: its text would be shown as it is.
            Event::Text(text) if text.contains('$') => {
                Err(Error::new("a '$' begins or ends no formula; are its braces balanced?"))
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                Err(Error::new(format!("'{}': page texts are Markdown, without HTML", html.trim())))
            }
            Event::Start(Tag::Link { ref dest_url, .. }) if dest_url.starts_with('?') => check(dest_url).map(|()| event),
            // A word that points into the pictures: to what they call by that name.
            Event::Start(Tag::Link { ref dest_url, .. }) if dest_url.starts_with('#') => {
                marking = true;
                let name = attribute(&decode(&dest_url[1..]));
                Ok(Event::InlineHtml(format!("<mark tabindex=\"0\" data-mark=\"{name}\">").into()))
            }
            Event::End(TagEnd::Link) if std::mem::take(&mut marking) => Ok(Event::InlineHtml("</mark>".into())),
            event => Ok(event),
        };
        event.map_err(|e| e.at(format!("line {}", markdown[..place.start].matches('\n').count() + 1)))
    });
    let mut out = String::new();
    html::push_html(&mut out, events.collect::<Result<Vec<Event>>>()?.into_iter());
    Ok(glossary::tell(&out))
}

/// A formula as MathML, with its TeX as an annotation for those who copy it.
fn formula(tex: &str, display_mode: DisplayMode) -> Result<String> {
    let storage = Storage::new();
    let wrong = |why: &str| Error::new(format!("formula '{}': {why}", tex.trim()));
    let events: Result<Vec<MathEvent>, ParserError> = pulldown_latex::Parser::new(tex, &storage).collect();
    let events = events.map_err(|e| {
        let said = e.to_string();
        wrong(said.lines().next().unwrap_or_default().trim_start_matches("parsing error: "))
    })?;
    let mut out = String::new();
    let config = RenderConfig { display_mode, annotation: Some(tex), ..RenderConfig::default() };
    mathml::push_mathml(&mut out, events.into_iter().map(Ok::<_, ParserError>), config).map_err(|e| wrong(&e.to_string()))?;
    if out.contains("<merror") {
        return Err(wrong("cannot be set as MathML"));
    }
    // The page allows no styles in attributes; spaces and colours would silently be lost.
    match out.contains(" style=\"") {
        true => Err(wrong("needs a style of its own (a colour, a negative space); say it without")),
        false => Ok(out),
    }
}

/// Checks a link that sets controls: `?NAME=VALUE&…`, with what else the page's URL may say.
fn check(entry: &Entry, link: &str) -> Result<()> {
    if link.starts_with("?experiment=") || link.starts_with("?lab=") {
        return leads(link);
    }
    settings_of(entry, link).map(drop).map_err(|e| e.at(format!("link '{link}'")))
}

/// The settings and the seed that a query `?NAME=VALUE&…` of an experiment's page describes.
///
/// # Errors
/// What of it cannot be understood.
pub fn settings_of(entry: &Entry, query: &str) -> Result<(Settings, u64)> {
    let pairs: Vec<(String, String)> = query
        .trim_start_matches('?')
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, text)| (decode(name), decode(text)))
        .collect();
    // The preset comes first, wherever it is written; what begins with `b.` is for the second run of a comparison.
    let mut sides = ["", "b."].map(|prefix| {
        let named = |(name, _): &&(String, String)| *name == format!("{prefix}preset");
        pairs.iter().find(named).map_or(Ok(Settings::default_of(entry.controls)), |(_, preset)| entry.preset(preset))
    });
    let mut seed = 0;
    for (name, text) in &pairs {
        let (control, side) = match name.strip_prefix("b.") {
            Some(control) => (control, 1),
            None => (&**name, 0),
        };
        match control {
            "preset" | "compare" => {}
            "seed" => {
                let number = text.parse::<u64>().map_err(|_| Error::new(format!("seed: '{text}' is not a whole number")))?;
                seed = if side == 0 { number } else { seed };
            }
            "view" | "3d" if entry.panels().all(|view| view.id != text) => {
                return Err(Error::new(format!("view: there is no '{text}'")));
            }
            "at" if text != "end" && text.parse::<usize>().is_err() => {
                return Err(Error::new(format!("at: '{text}' is neither a whole number of units nor 'end'")));
            }
            "view" | "3d" | "at" => {}
            control => match &mut sides[side] {
                Ok(settings) => settings.set(entry.controls, control, text)?,
                Err(error) => return Err(error.clone()),
            },
        }
    }
    let [settings, other] = sides;
    other.and(settings).map(|settings| (settings, seed))
}

/// The text that a URL's query writes as `text`.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        (rest, _) = match (first, hex) {
            (b'%', Some(byte)) => (&tail[2..], bytes.push(byte)),
            (b'+', _) => (tail, bytes.push(b' ')),
            (byte, _) => (tail, bytes.push(*byte)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The paper in one line, with links to it, and for BibTeX.
fn cite(paper: &Paper, out: &mut String) {
    let (authors, title) = (escape(paper.authors), escape(paper.title));
    let venue = if paper.venue.is_empty() { String::new() } else { format!(" {}.", escape(paper.venue)) };
    let link = |address: &str, words: &str| format!(" <a href=\"{address}\" target=\"_blank\" rel=\"noopener\">{words}</a>");
    let doi = if paper.doi.is_empty() { String::new() } else { link(&format!("https://doi.org/{}", paper.doi), "DOI") };
    let arxiv =
        if paper.arxiv.is_empty() { String::new() } else { link(&format!("https://arxiv.org/abs/{}", paper.arxiv), "arXiv") };
    out.push_str(&format!("<p class=\"paper\">{authors} ({}). <cite>{title}</cite>.{venue}{doi}{arxiv}</p>\n", paper.year));
    out.push_str(&format!("<pre class=\"bibtex\"><code>{}</code></pre>\n", escape(&bibtex(paper))));
}

/// Text as the value of an attribute.
pub(super) fn attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;")
}

fn escape(text: &str) -> CowStr<'_> {
    if !text.contains(['&', '<', '>']) {
        return text.into();
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
}

/// A BibTeX entry, its key made of the first author's last name, the year and the title's first word of some length.
pub(super) fn bibtex(paper: &Paper) -> String {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let authors: Vec<_> = paper.authors.split(", ").collect();
    let name = plain(authors[0].split_whitespace().next_back().unwrap_or_default());
    let word = paper.title.split(|c: char| !c.is_alphanumeric()).find(|word| word.chars().count() > 3).unwrap_or_default();
    let tex = |text: &str| ["&", "%", "#", "_", "$"].iter().fold(text.to_string(), |t, c| t.replace(c, &format!("\\{c}")));
    let fields = [
        ("title", format!("{{{}}}", tex(paper.title))),
        ("author", tex(&authors.join(" and "))),
        ("year", paper.year.to_string()),
        ("note", tex(paper.venue)),
        ("doi", paper.doi.into()),
        ("eprint", paper.arxiv.into()),
        ("archivePrefix", if paper.arxiv.is_empty() { "" } else { "arXiv" }.into()),
    ];
    let told: Vec<_> =
        fields.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("  {name} = {{{text}}}")).collect();
    format!("@misc{{{name}{}{},\n{}\n}}", paper.year, plain(word), told.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    fn of(markdown: &str) -> Result<String> {
        let entry = find("diffgrad").unwrap();
        let mut out = fragment(markdown, &|link| check(entry, link))?;
        cite(&entry.card.paper, &mut out);
        Ok(out)
    }

    #[test]
    fn formulas_become_mathml() {
        let html = of("With $x < \\frac{1}{2}$ and\n\n$$\\sum_i x_i$$").unwrap();
        assert!(html.contains("<mfrac>") && html.contains("<math display=\"block\"") && html.contains("∑"), "{html}");
        assert!(html.contains("<p>With <math"), "{html}");
        assert!(!html.contains('$'), "{html}");
    }

    #[test]
    fn a_wrong_formula_is_named() {
        for tex in ["\\frca{1}{2}", "x_1_2", "\\left( x", "\\color{red}x"] {
            let error = of(&format!("Take ${tex}$.")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line 1: formula '{tex}': ")) && !error.contains('\n'), "{error}");
        }
        let error = of("Take\n\n$\\frac{1}{2$.").unwrap_err().to_string();
        assert!(error.starts_with("line 3: a '$' begins or ends no formula"), "{error}");
    }

    #[test]
    fn a_word_can_point_into_a_picture() {
        let html = of("The [fast one](#Adam%20at%20%CE%B1%2F2) and [a link](?learning_rate=0.1).").unwrap();
        assert!(html.contains("<mark tabindex=\"0\" data-mark=\"Adam at α/2\">fast one</mark>"), "{html}");
        assert!(html.contains("<a href=\"?learning_rate=0.1\">a link</a>"), "{html}");
    }

    #[test]
    fn a_link_must_be_understood() {
        of("[a](?learning_rate=0.05&function=F2) [b](?against=Adam%20at%20%CE%B1%2F2) [c](?preset=half+rate&seed=3&view=map)")
            .unwrap();
        let error = |link: &str| of(&format!("[x]({link})")).unwrap_err().to_string();
        assert!(error("?learning_rate=7").contains("link '?learning_rate=7': control learning_rate: '7' is outside"));
        assert!(error("?step=1").contains("there is none of that name"));
        assert!(error("?preset=none").contains("preset none"));
        assert!(error("?view=none").contains("view"));
        assert!(of("<script>").unwrap_err().to_string().contains("without HTML"));
    }

    #[test]
    fn cites_for_people_and_for_bibtex() {
        let paper = Paper::new("On the A & B of <C>", "Ann B. Müller, Carl Day", 2024).venue("ICLR 2024").arxiv("2401.1");
        let mut html = String::new();
        cite(&paper, &mut html);
        assert!(html.contains("Ann B. Müller, Carl Day (2024). <cite>On the A &amp; B of &lt;C&gt;</cite>. ICLR 2024. <a href=\"https://arxiv.org/abs/2401.1\""), "{html}");
        let entry = bibtex(&paper);
        assert!(entry.starts_with("@misc{müller2024,\n") && entry.contains("{{On the A \\& B of <C>}}"), "{entry}");
        assert!(
            entry.contains("author = {Ann B. Müller and Carl Day},\n  year = {2024},\n  note = {ICLR 2024},\n  eprint"),
            "{entry}"
        );
        assert_eq!(bibtex(&find("diffgrad").unwrap().card.paper).lines().next().unwrap(), "@misc{dubey2019diffgrad,");
    }

    #[test]
    fn every_page_text_is_right() {
        let mut files = Files::new();
        make(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files).unwrap();
        assert_eq!(files.keys().filter(|name| !name.starts_with("text/lab-")).count(), entries().count());
        assert!(files.contains_key("text/lab-transport.html"));
    }
}
