//! What there is, as JSON: for the page (`catalogue.json`, `labs.json`) and for `orrery list --json`.

use serde_json::{Value, json};

use crate::controls::{Kind, Spec};
use crate::experiment::Entry;
use crate::labs::{INSTRUMENTS, LABS, Lab};

/// Every experiment's card and controls, in the order in which the page lists them.
pub fn catalogue() -> Value {
    LABS.iter().flat_map(|lab| lab.entries.iter().map(|entry| card(lab, entry))).collect()
}

/// Every lab: slug, title, question, and its experiments' slugs.
pub fn labs() -> Value {
    LABS.iter()
        .map(|lab| {
            let slugs: Vec<_> = lab.entries.iter().map(|entry| entry.card.slug).collect();
            json!({ "slug": lab.slug, "title": lab.title, "question": lab.question, "experiments": slugs })
        })
        .collect()
}

fn card(lab: &Lab, entry: &Entry) -> Value {
    let card = entry.card;
    let set = |preset: &[(&str, &str)]| preset.iter().map(|(name, text)| (name.to_string(), json!(text))).collect::<Value>();
    let views: Vec<_> = card.views.iter().map(|v| json!({ "id": v.id, "title": v.title, "look": v.look })).collect();
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
        "ownData": card.own_data,
    })
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
        Kind::Real { min, max, log, zero } => json!({ "kind": "real", "min": min, "max": max, "log": log, "zero": zero }),
        Kind::Count { min, max, log } => json!({ "kind": "count", "min": min as u64, "max": max as u64, "log": log }),
        Kind::Toggle => json!({ "kind": "toggle" }),
        Kind::Choice(options) => json!({ "kind": "choice", "options": options }),
        Kind::Text { longest } => json!({ "kind": "text", "longest": longest }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Settings;
    use crate::labs::entries;

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
                assert_eq!(control["min"].is_number(), matches!(spec.kind, Kind::Real { .. } | Kind::Count { .. }));
            }
            for preset in card["presets"].as_array().unwrap() {
                let pairs = preset["set"].as_object().unwrap().iter().map(|(name, text)| (&**name, text.as_str().unwrap()));
                Settings::parse(entry.controls, pairs).unwrap();
            }
        }
    }

    #[test]
    fn labs_list_every_experiment_once() {
        let labs = labs();
        let slugs = labs.as_array().unwrap().iter().flat_map(|lab| lab["experiments"].as_array().unwrap());
        assert!(slugs.eq(entries().map(|entry| entry.card.slug)));
    }
}
