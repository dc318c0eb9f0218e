//! What there is, as JSON: for the page (`index.json`, and `card/SLUG.json` for each experiment) and for `orrery list --json`.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::story::Step;
use super::{Files, text};
use crate::catalogue::{LABS, module};
use ground::card::{Card, Panel, Paper, Reproduction};
use ground::controls::Spec;
use ground::error::{Error, Result};
use run::data::Kind;
use run::experiment::{Entry, INSTRUMENTS, Lab};

/// Every experiment's card and controls, in the order in which the page lists them.
pub fn cards() -> Value {
    let all = LABS.iter().flat_map(|lab| lab.entries.iter().map(|entry| told(lab, entry)));
    all.map(|card| serde_json::to_value(card).expect("a card is plain data")).collect()
}

/// Puts the list of what there is and all cards into `files`.
pub(super) fn make(root: &Path, files: &mut Files) -> Result<()> {
    let json = |value: Result<Vec<u8>, serde_json::Error>| value.map_err(|e| Error::new(format!("catalogue: {e}")));
    let index: Vec<_> = LABS.iter().map(|lab| listed(lab, files.contains_key(&text::overview(lab.slug)))).collect();
    files.insert("index.json".into(), json(serde_json::to_vec(&index))?);
    for lab in LABS {
        for entry in lab.entries {
            let name = module(entry).name;
            // Read from the site's root, not from the folder of the cards.
            let module = Module { script: format!("./{name}.js"), wasm: format!("./{name}_bg.wasm") };
            let story = text::story_of(root, entry)?;
            let card =
                serde_json::to_vec(&OnSite { told: told(lab, entry), bibtex: text::bibtex(&entry.card.paper), story, module });
            files.insert(format!("card/{}.json", entry.card.slug), json(card)?);
        }
    }
    Ok(())
}

/// A lab in the list of what there is.
#[derive(Serialize)]
struct ListedLab {
    slug: &'static str,
    title: &'static str,
    question: &'static str,
    /// There is an overview of it to tell.
    overview: bool,
    experiments: Vec<Listed>,
}

/// An experiment in the list: what it is found by, and what its tile shows.
#[derive(Serialize)]
struct Listed {
    slug: &'static str,
    title: &'static str,
    paper: Paper,
    claim: &'static str,
    reproduction: Reproduction,
    /// What files of the reader's it takes, in a sentence.
    takes: Option<&'static str>,
}

fn listed(lab: &Lab, overview: bool) -> ListedLab {
    let one = |entry: &&Entry| {
        let Card { slug, title, paper, claim, reproduction, own_data, .. } = *entry.card;
        Listed { slug, title, paper, claim, reproduction, takes: own_data }
    };
    let Lab { slug, title, question, entries } = *lab;
    ListedLab { slug, title, question, overview, experiments: entries.iter().map(one).collect() }
}

/// All that is told of an experiment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    lab: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    card: &'static Card,
    views: Vec<&'static Panel>,
    controls: &'static [Spec],
    own_data: Option<OwnData>,
}

fn told(lab: &Lab, entry: &Entry) -> Told {
    let kind = if lab.slug == INSTRUMENTS { "instrument" } else { "paper" };
    let (card, views, own_data) = (entry.card, entry.panels().collect(), entry.card.own_data.map(own_data));
    Told { lab: lab.slug, kind, card, views, controls: entry.controls, own_data }
}

/// A card as the site has it: with its story, how the paper is cited, and the files of the module that runs it.
#[derive(Serialize)]
struct OnSite {
    #[serde(flatten)]
    told: Told,
    bibtex: String,
    story: Vec<Step>,
    module: Module,
}

#[derive(Serialize)]
struct Module {
    script: String,
    wasm: String,
}

/// What is told of files of the reader's.
#[derive(Serialize)]
struct OwnData {
    /// The experiment's sentence.
    takes: &'static str,
    /// The endings of names that can be read.
    accept: String,
    /// How Python saves the kinds which the sentence names.
    python: Vec<Python>,
}

#[derive(Serialize)]
struct Python {
    kind: &'static str,
    lines: String,
}

fn own_data(takes: &'static str) -> OwnData {
    let endings: Vec<_> = Kind::ALL.iter().flat_map(|kind| kind.endings()).map(|ending| format!(".{ending}")).collect();
    let python = |kind: Kind| Python { kind: kind.endings()[0], lines: kind.python().join("\n") };
    OwnData { takes, accept: endings.join(","), python: Kind::named_in(takes).into_iter().map(python).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::entries;
    use ground::controls::{Kind as Control, Settings};

    #[test]
    fn a_card_says_all_that_the_page_needs() {
        let all = cards();
        assert_eq!(all.as_array().unwrap().len(), entries().count());
        for (card, entry) in all.as_array().unwrap().iter().zip(entries()) {
            assert_eq!(card["slug"], entry.card.slug);
            assert_eq!(card["lab"], entry.lab);
            assert_eq!(card["reproduction"], entry.card.reproduction.words());
            assert_eq!(card["presets"][1]["name"], "break-it");
            let controls: Vec<Spec> = serde_json::from_value(card["controls"].clone()).unwrap();
            assert!(controls.iter().map(|spec| &spec.name).eq(entry.controls.iter().map(|spec| &spec.name)));
            for (control, spec) in card["controls"].as_array().unwrap().iter().zip(entry.controls) {
                let text = control["default"].as_str().unwrap();
                assert_eq!(spec.parse(text).unwrap(), spec.default, "{}: {text}", spec.name);
                assert_eq!(control["options"].is_array(), control["kind"] == "choice");
                assert_eq!(control["min"].is_number(), matches!(spec.kind, Control::Real { .. } | Control::Count { .. }));
            }
            for preset in card["presets"].as_array().unwrap() {
                let pairs = preset["set"].as_object().unwrap().iter().map(|(name, text)| (&**name, text.as_str().unwrap()));
                Settings::parse(entry.controls, pairs).unwrap();
            }
            // Files are taken by a sentence that names at least one kind.
            assert_eq!(card["ownData"].is_object(), entry.card.own_data.is_some());
            assert!(entry.card.own_data.is_none_or(|takes| !Kind::named_in(takes).is_empty()), "{}", entry.card.slug);
        }
    }

    #[test]
    fn own_data_comes_with_the_lines_that_save_it() {
        let own = own_data("Features (npz, npy) and labels.");
        let kinds: Vec<_> = own.python.iter().map(|python| python.kind).collect();
        assert_eq!(kinds, ["npy", "npz"]);
        assert!(own.python[0].lines.starts_with("import numpy as np\nnp.save("));
        assert_eq!(own.accept, ".csv,.tsv,.txt,.npy,.npz,.safetensors,.png,.jpg,.jpeg");
    }

    #[test]
    fn the_list_and_the_cards_have_every_experiment_once() {
        let mut files = Files::new();
        make(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files).unwrap();
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let slugs = index.as_array().unwrap().iter().flat_map(|lab| lab["experiments"].as_array().unwrap());
        assert!(slugs.map(|listed| &listed["slug"]).eq(entries().map(|entry| entry.card.slug)));
        assert_eq!(files.len(), 1 + entries().count());
        let card: Value = serde_json::from_slice(&files["card/diffgrad.json"]).unwrap();
        assert_eq!(card["module"]["script"], "./lab-trajectory.js");
    }
}
