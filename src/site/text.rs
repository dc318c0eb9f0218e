//! What the page tells about an experiment: its Markdown as HTML, its TeX as MathML, then the paper and how to cite it.

use std::path::Path;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Event as MathEvent, ParserError, RenderConfig, Storage, mathml};

use super::{Files, read};
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
        let mut fragment = fragment(&markdown, &|link| check(entry, link)).map_err(|e| e.at(&path))?;
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

/// The file of the site that has a lab's overview.
pub(super) fn overview(lab: &str) -> String {
    format!("text/lab-{lab}.html")
}

/// Does a link of an overview lead to an experiment or a lab?
fn leads(link: &str) -> Result<()> {
    match link.strip_prefix("?experiment=") {
        Some(slug) => find(slug).map(|_| ()),
        None if LABS.iter().any(|lab| link.strip_prefix("?lab=") == Some(lab.slug)) => Ok(()),
        None => Err(Error::new(format!("link '{link}': leads to no experiment and no lab"))),
    }
}

/// A page text as a piece of HTML; `check` looks at links that begin with '?'.
///
/// # Errors
/// A formula that is not TeX; a link `?control=value` that the experiment does not understand.
fn fragment(markdown: &str, check: &dyn Fn(&str) -> Result<()>) -> Result<String> {
    let options = Options::ENABLE_MATH | Options::ENABLE_TABLES;
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
            event => Ok(event),
        };
        event.map_err(|e| e.at(format!("line {}", markdown[..place.start].matches('\n').count() + 1)))
    });
    let mut out = String::new();
    html::push_html(&mut out, events.collect::<Result<Vec<Event>>>()?.into_iter());
    Ok(out)
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
    let mut settings = Settings::default_of(entry.controls);
    for pair in link[1..].split('&') {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, text) = (decode(name), decode(text));
        // What begins with `b.` is for the second run of a comparison.
        let done = match name.strip_prefix("b.").unwrap_or(&name) {
            "preset" => entry.preset(&text).map(drop),
            "seed" => text.parse::<u64>().map(drop).map_err(|_| Error::new(format!("seed: '{text}' is not a whole number"))),
            "view" | "3d" if entry.panels().all(|view| view.id != text) => Err(Error::new(format!("view: there is no '{text}'"))),
            "view" | "3d" | "compare" => Ok(()),
            control => settings.set(entry.controls, control, &text),
        };
        done.map_err(|e| e.at(format!("link '{link}'")))?;
    }
    Ok(())
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

/// The paper in one line, and for BibTeX.
fn cite(paper: &Paper, out: &mut String) {
    let (authors, title) = (escape(paper.authors), escape(paper.title));
    out.push_str(&format!("<p class=\"paper\">{authors} ({}). <cite>{title}</cite>.</p>\n", paper.year));
    out.push_str(&format!("<pre class=\"bibtex\"><code>{}</code></pre>\n", escape(&bibtex(paper))));
}

fn escape(text: &str) -> CowStr<'_> {
    if !text.contains(['&', '<', '>']) {
        return text.into();
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
}

/// A BibTeX entry, its key made of the first author's last name, the year and the title's first word of some length.
fn bibtex(paper: &Paper) -> String {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let authors: Vec<_> = paper.authors.split(", ").collect();
    let name = plain(authors[0].split_whitespace().next_back().unwrap_or_default());
    let word = paper.title.split(|c: char| !c.is_alphanumeric()).find(|word| word.chars().count() > 3).unwrap_or_default();
    let tex = |text: &str| ["&", "%", "#", "_", "$"].iter().fold(text.to_string(), |t, c| t.replace(c, &format!("\\{c}")));
    format!(
        "@misc{{{name}{}{},\n  title  = {{{{{}}}}},\n  author = {{{}}},\n  year   = {{{}}}\n}}",
        paper.year,
        plain(word),
        tex(paper.title),
        tex(&authors.join(" and ")),
        paper.year
    )
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
        let paper = Paper { title: "On the A & B of <C>", authors: "Ann B. Müller, Carl Day", year: 2024 };
        let mut html = String::new();
        cite(&paper, &mut html);
        assert!(html.contains("Ann B. Müller, Carl Day (2024). <cite>On the A &amp; B of &lt;C&gt;</cite>"), "{html}");
        let entry = bibtex(&paper);
        assert!(entry.starts_with("@misc{müller2024,\n") && entry.contains("{{On the A \\& B of <C>}}"), "{entry}");
        assert!(entry.contains("author = {Ann B. Müller and Carl Day}"), "{entry}");
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
