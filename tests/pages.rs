//! What every page tells: short claims, captions that say how to read a picture, stories whose questions the run answers.

use std::path::Path;

use gpu::Device;
use ground::claim::Measures;
use orrery::catalogue::module;
use orrery::site::{self, Step};
use orrery::{ledger, pool};
use run::data::Library;
use run::experiment::{Entry, INSTRUMENTS};
use run::session::Session;

/// Words of one theme, or of one palette.
const COLOURS: [&str; 22] = [
    "red", "blue", "green", "orange", "grey", "gray", "black", "white", "violet", "purple", "yellow", "cyan", "pink", "brown",
    "dark", "darker", "darkest", "bright", "brighter", "light", "lighter", "pale",
];

/// What addresses and the element of an embed say besides controls.
const RESERVED: [&str; 27] = [
    "experiment",
    "preset",
    "seed",
    "view",
    "views",
    "3d",
    "compare",
    "at",
    "step",
    "theme",
    "ui",
    "controls",
    "lock",
    "film",
    "autoplay",
    "fit",
    "name",
    "id",
    "class",
    "style",
    "title",
    "slot",
    "part",
    "hidden",
    "lang",
    "dir",
    "role",
];

fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

/// The words of a piece of HTML.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut within = false;
    for c in html.chars() {
        match c {
            '<' => within = true,
            '>' => within = false,
            c if !within => out.push(c),
            _ => {}
        }
    }
    out
}

fn text(entry: &Entry) -> String {
    let path = format!("{}/{}.md", module(entry).folder, entry.card.slug);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn story(entry: &Entry) -> Vec<Step> {
    site::story_of(Path::new("."), entry).unwrap_or_else(|e| panic!("{e}"))
}

/// Collects what is wrong everywhere before it fails.
fn none_wrong(faults: Vec<String>) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn cards_are_short_and_plain() {
    let mut faults = Vec::new();
    for entry in ledger::selection() {
        let card = entry.card;
        let mut must = |right: bool, what: String| {
            if !right {
                faults.push(format!("{}: {what}", card.slug));
            }
        };
        must(words(card.title) <= 10, format!("a title of {} words", words(card.title)));
        must(words(card.claim) <= 18, format!("a claim of {} words", words(card.claim)));
        must(!card.criterion.is_empty(), "no criterion".into());
        must((1..=60).contains(&card.figure.chars().count()), format!("the gauge's axis is called '{}'", card.figure));
        must((6.0..=10.0).contains(&card.film), format!("a film of {} s", card.film));
        let paper = card.paper;
        must(!(paper.doi.is_empty() && paper.arxiv.is_empty() && paper.venue.is_empty()), "nothing leads to the paper".into());
        for panel in entry.panels() {
            let named =
                |words: &str| words.split(|c: char| !c.is_alphanumeric()).any(|word| COLOURS.contains(&&*word.to_lowercase()));
            must(!named(panel.look), format!("the caption of {} names a colour: '{}'", panel.id, panel.look));
            must(words(panel.look) <= 20, format!("the caption of {} has {} words", panel.id, words(panel.look)));
            // A figure is an outcome; a letter before it makes it a name.
            let figures = panel.look.split_whitespace().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            must(figures.count() == 0, format!("the caption of {} has figures: '{}'", panel.id, panel.look));
            must(panel.title.chars().count() <= 40, format!("the title of {} is too long", panel.id));
        }
        for spec in entry.controls {
            must(!RESERVED.contains(&&*spec.name), format!("{} means something else in an address or on an element", spec.name));
            must(words(&spec.help) <= 25, format!("the help of {} has {} words", spec.name, words(&spec.help)));
            for (other, values) in spec.when.iter().copied().flatten() {
                let Some(other) = entry.controls.iter().find(|spec| spec.name == *other) else {
                    must(false, format!("{} hangs on {other}, which is no control", spec.name));
                    continue;
                };
                for value in *values {
                    must(other.parse(value).is_ok(), format!("{} hangs on {} at '{value}'", spec.name, other.name));
                }
            }
        }
    }
    none_wrong(faults);
}

#[test]
fn texts_have_their_parts() {
    let mut faults = Vec::new();
    for entry in ledger::selection() {
        let (slug, text) = (entry.card.slug, text(entry));
        let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let parts = ["Story", "What you see", "Things to try", "What it shows, and what it does not", "Equations", "The paper"];
        let found: Vec<&str> = sections.iter().copied().filter(|section| parts.contains(section)).collect();
        if found != parts {
            faults.push(format!("{slug}.md: has the sections {sections:?}"));
        }
        let of =
            |name: &str| text.split("\n## ").find_map(|part| part.trim_start_matches("## ").strip_prefix(name)).map_or(0, words);
        let told: usize = [parts[1], parts[2], parts[3], parts[5]].into_iter().map(of).sum();
        let most = if entry.lab == INSTRUMENTS { 650 } else { 450 };
        if !(150..=most).contains(&told) {
            faults.push(format!("{slug}.md: {told} words besides story, equations and fine print"));
        }
    }
    none_wrong(faults);
}

#[test]
fn stories_are_short_and_ask() {
    let mut faults = Vec::new();
    for entry in ledger::selection() {
        let story = story(entry);
        let mut must = |right: bool, what: String| {
            if !right {
                faults.push(format!("{}: {what}", entry.card.slug));
            }
        };
        must((4..=6).contains(&story.len()), format!("a story of {} steps", story.len()));
        let questions = story.iter().filter_map(|step| step.question.as_ref());
        must((2..=3).contains(&questions.clone().count()), format!("{} questions", questions.clone().count()));
        must(story.iter().any(|step| step.state.contains("preset=break-it")), "the story never breaks it".into());
        for step in &story {
            must(words(&step.title) <= 6, format!("step '{}': a title of {} words", step.title, words(&step.title)));
            must(words(&plain(&step.told)) <= 45, format!("step '{}': {} words", step.title, words(&plain(&step.told))));
        }
        for question in questions {
            must(question.options.len() <= 4, format!("'{}' has {} options", question.asked, question.options.len()));
            must(
                words(&plain(&question.why)) <= 35,
                format!("'{}' is answered in {} words", question.asked, words(&plain(&question.why))),
            );
        }
    }
    none_wrong(faults);
}

/// The measures of the run that a query of the page describes, where its verdict is settled.
fn measured(entry: &'static Entry, query: &str) -> Measures {
    let (settings, seed) = site::settings_of(entry, query).unwrap_or_else(|e| panic!("{}, {query}: {e}", entry.card.slug));
    let library = Library::shipped(entry.card.data);
    let mut session = Session::new(entry, settings, seed, &library, &Device::cpu()).unwrap();
    pollster::block_on(session.judge()).unwrap();
    session.measures()
}

#[test]
fn questions_are_answered_by_their_runs() {
    let asked =
        |entry: &'static Entry| story(entry).into_iter().filter(|step| step.question.is_some()).map(move |step| (entry, step));
    let steps: Vec<_> = ledger::selection().into_iter().flat_map(asked).collect();
    let faults = pool::each(&steps, pool::cores(), |(entry, step)| {
        let measures = measured(entry, &step.state);
        let measure = |name: &str| measures.0.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        let right = |option: &site::Choice| option.when.iter().map(|when| when.holds(&measure)).collect::<Result<Vec<_>, _>>();
        let options = &step.question.as_ref().expect("a question").options;
        let right: Vec<_> = options
            .iter()
            .filter(|option| right(option).unwrap_or_else(|e| panic!("{}: {e}", entry.card.slug)).iter().all(|holds| *holds))
            .collect();
        (right.len() != 1).then(|| {
            let words: Vec<_> = right.iter().map(|option| &option.words).collect();
            format!("{}, step '{}': right are {words:?}; {:?}", entry.card.slug, step.title, measures.0)
        })
    });
    none_wrong(faults.into_iter().flatten().collect());
}
