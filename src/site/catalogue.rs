//! What there is, as JSON: for the page (`catalogue.json`, `labs.json`) and for `orrery list --json`.

use serde_json::{Value, json};

use crate::catalogue::LABS;
use ground::controls::{Kind as Control, Spec};
use run::data::Kind;
use run::experiment::{Entry, INSTRUMENTS, Lab};

/// Every experiment's card and controls, in the order in which the page lists them.
pub fn catalogue() -> Value {
    LABS.iter().flat_map(|lab| lab.entries.iter().map(|entry| card(lab, entry))).collect()
}

/// Every lab: slug, title, question, its experiments' slugs, and whether there is an overview of it to tell.
pub fn labs(told: impl Fn(&str) -> bool) -> Value {
    LABS.iter()
        .map(|lab| {
            let slugs: Vec<_> = lab.entries.iter().map(|entry| entry.card.slug).collect();
            let overview = told(lab.slug);
            json!({ "slug": lab.slug, "title": lab.title, "question": lab.question, "experiments": slugs, "overview": overview })
        })
        .collect()
}

fn card(lab: &Lab, entry: &Entry) -> Value {
    let card = entry.card;
    let set = |preset: &[(&str, &str)]| preset.iter().map(|(name, text)| (name.to_string(), json!(text))).collect::<Value>();
    let views: Vec<_> = entry.panels().map(|v| json!({ "id": v.id, "title": v.title, "look": v.look })).collect();
    let presets: Vec<_> = card.presets.iter().map(|p| json!({ "name": p.name, "about": p.about, "set": set(p.set) })).collect();
    json!({
        "slug": card.slug,
        "lab": lab.slug,
        "labTitle": lab.title,
        "kind": if lab.slug == INSTRUMENTS { "instrument" } else { "paper" },
        "title": card.title,
        "paper": { "title": card.paper.title, "authors": card.paper.authors, "year": card.paper.year },
        "claim": card.claim,
        "reproduction": card.reproduction.words(),
        "honesty": card.honesty,
        "seeds": card.seeds,
        "unit": card.unit,
        "views": views,
        "presets": presets,
        "controls": entry.controls.iter().map(control).collect::<Vec<_>>(),
        "data": card.data.iter().map(|set| set.file()).collect::<Vec<_>>(),
        "ownData": card.own_data.map(own_data),
    })
}

/// What is told of files of the reader's: `takes`, the experiment's sentence; `accept`, the names' endings that can be read;
/// `python`, the lines that save the kinds which the sentence names.
fn own_data(takes: &str) -> Value {
    let endings: Vec<_> = Kind::ALL.iter().flat_map(|kind| kind.endings()).map(|ending| format!(".{ending}")).collect();
    let lines = |kind: Kind| json!({ "kind": kind.endings()[0], "lines": kind.python().join("\n") });
    let python: Vec<_> = Kind::named_in(takes).into_iter().map(lines).collect();
    json!({ "takes": takes, "accept": endings.join(","), "python": python })
}

/// A control; what its kind has no use for is left out.
fn control(spec: &Spec) -> Value {
    let mut value = json!({
        "name": spec.name,
        "symbol": spec.symbol,
        "help": spec.help,
        "default": spec.format(&spec.default),
    });
    let more = match spec.kind {
        Control::Real { min, max, log, zero } => json!({ "kind": "real", "min": min, "max": max, "log": log, "zero": zero }),
        Control::Count { min, max, log } => json!({ "kind": "count", "min": min as u64, "max": max as u64, "log": log }),
        Control::Toggle => json!({ "kind": "toggle" }),
        Control::Choice(options) => json!({ "kind": "choice", "options": options }),
        Control::Text { longest } => json!({ "kind": "text", "longest": longest }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::entries;
    use ground::controls::Settings;

    #[test]
    fn a_card_says_all_that_the_page_needs() {
        let all = catalogue();
        assert_eq!(all.as_array().unwrap().len(), entries().count());
        for (card, entry) in all.as_array().unwrap().iter().zip(entries()) {
            assert_eq!(card["slug"], entry.card.slug);
            assert_eq!(card["lab"], entry.lab);
            assert_eq!(card["presets"][1]["name"], "break-it");
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
        let kinds: Vec<_> = own["python"].as_array().unwrap().iter().map(|p| p["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["npy", "npz"]);
        assert!(own["python"][0]["lines"].as_str().unwrap().starts_with("import numpy as np\nnp.save("));
        assert_eq!(own["accept"], ".csv,.tsv,.txt,.npy,.npz,.safetensors,.png,.jpg,.jpeg");
    }

    #[test]
    fn labs_list_every_experiment_once() {
        let labs = labs(|_| false);
        let slugs = labs.as_array().unwrap().iter().flat_map(|lab| lab["experiments"].as_array().unwrap());
        assert!(slugs.eq(entries().map(|entry| entry.card.slug)));
    }
}
