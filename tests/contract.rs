//! What every experiment owes the house: a whole card, views that can be drawn and said, controls that hold at both ends.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use gpu::Device;
use ground::controls::{Kind, Settings, Value};
use ground::view::View;
use orrery::{catalogue, ledger, pool};
use run::data::Library;
use run::experiment::Entry;
use run::session::Session;

/// Runs for so many milliseconds and looks, as the page does; what is said at each step goes into `said`.
fn look(entry: &'static Entry, settings: &Settings, milliseconds: u128, said: &Said) -> orrery::Result<Vec<View>> {
    let mut session = Session::new(entry, settings.clone(), 0, &Library::shipped(entry.card.data), &Device::cpu())?;
    let begin = std::time::Instant::now();
    loop {
        [session.sentence(), session.verdict().text].into_iter().for_each(|sentence| said.read(entry.card.slug, &sentence));
        if session.progress().over || begin.elapsed().as_millis() >= milliseconds {
            break;
        }
        pollster::block_on(session.advance(|_| true))?;
    }
    session.look().views.iter().map(|bytes| View::decode(bytes)).collect()
}

/// Sentences that tell a number which was not measured, one for each experiment.
#[derive(Default)]
struct Said(std::sync::Mutex<std::collections::BTreeMap<&'static str, String>>);

impl Said {
    fn read(&self, slug: &'static str, sentence: &str) {
        let mut words = sentence.split(|c: char| !c.is_alphanumeric());
        if words.any(|word| ["NaN", "inf", "unknown"].contains(&word)) {
            self.0.lock().expect("no thread panics while it holds the lock").insert(slug, sentence.to_string());
        }
    }

    fn none(self) {
        let wrong = self.0.into_inner().expect("all threads have ended");
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// A view can be drawn, written and said, and its text says more than its title.
fn check(view: &View, place: &str) {
    let (style, camera) = (plot::Style::default(), plot::Camera::default());
    let svg = plot::svg(view, &style, &camera);
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{place}: not an SVG");
    let mut words = svg.split(|c: char| !c.is_alphanumeric());
    assert!(!words.any(|word| word == "NaN" || word == "inf"), "{place}: a number that is none reached the picture");
    assert!(plot::describe(view, "x").len() > 12, "{place}: nothing is said of it");
    assert!(!plot::csv(view).is_empty(), "{place}: no data");
}

#[test]
fn cards_are_whole() {
    let mut slugs = Vec::new();
    for lab in catalogue::LABS {
        for entry in lab.entries {
            let card = entry.card;
            let slug = card.slug;
            assert!(!slugs.contains(&slug), "{slug}: twice");
            slugs.push(slug);
            assert_eq!(entry.lab, lab.slug);
            let folder = catalogue::module(entry).folder;
            assert!(Path::new(&format!("{folder}/{}.rs", slug.replace('-', "_"))).exists(), "{slug}: file name");
            assert!(Path::new(&format!("{folder}/{slug}.md")).exists(), "{slug}: no text");
            assert!(card.presets.len() >= 2 && card.presets[0].name == "default" && card.presets[1].name == "break-it", "{slug}");
            assert!(card.presets[0].set.is_empty(), "{slug}: default is the controls' defaults");
            assert!(
                card.seeds >= 1 && entry.panels().count() > 0 && !card.claim.is_empty() && !card.honesty.is_empty(),
                "{slug}"
            );
            for preset in card.presets {
                entry.preset(preset.name).unwrap_or_else(|e| panic!("{slug}, preset {}: {e}", preset.name));
            }
            for (spec, default) in entry.controls.iter().zip(&Settings::default_of(entry.controls).0) {
                assert_eq!(spec.parse(&spec.format(default)).as_ref(), Ok(default), "{slug}: default of {}", spec.name);
                assert!(!spec.help.is_empty(), "{slug}: {} says nothing", spec.name);
            }
        }
    }
}

/// The README says how many there are.
#[test]
fn the_readme_counts_right() {
    let readme = std::fs::read_to_string("README.md").expect("README.md");
    let of = |lab: &str| catalogue::entries().filter(|entry| entry.lab == lab).count();
    let instruments = of(run::experiment::INSTRUMENTS);
    let papers = catalogue::entries().count() - instruments;
    let told = format!("There are {papers} papers and {instruments} instruments");
    assert!(readme.contains(&told), "README.md does not say '{told}'");
}

#[test]
fn every_preset_shows_itself_at_start_and_later() {
    let of = |entry: &'static Entry| entry.card.presets.iter().map(move |preset| (entry, preset));
    let presets: Vec<_> = ledger::selection().into_iter().flat_map(of).collect();
    let said = Said::default();
    pool::each(&presets, pool::cores(), |(entry, preset)| {
        for milliseconds in [8, 300] {
            let place = format!("{} at {} after {milliseconds} ms", entry.card.slug, preset.name);
            let views =
                look(entry, &entry.preset(preset.name).unwrap(), milliseconds, &said).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert_eq!(views.len(), entry.panels().count());
            views.iter().for_each(|view| check(view, &place));
        }
    });
    said.none();
}

#[test]
fn controls_hold_at_both_ends() {
    let of = |entry: &'static Entry| (0..entry.controls.len()).map(move |index| (entry, index));
    let controls: Vec<_> = ledger::selection().into_iter().flat_map(of).collect();
    let said = Said::default();
    pool::each(&controls, pool::cores(), |(entry, index)| {
        let spec = &entry.controls[*index];
        let ends = match &spec.kind {
            Kind::Real { min, max, zero, .. } => vec![if *zero { 0.0 } else { *min }, *min, *max],
            Kind::Count { min, max, .. } => vec![*min, *max],
            Kind::Toggle => vec![0.0, 1.0],
            Kind::Text { .. } => vec![],
            Kind::Choice { options } => (0..options.iter().count()).map(|i| i as f64).collect(),
        };
        for end in ends {
            let mut settings = Settings::default_of(entry.controls);
            settings.0[*index] = Value::Number(end);
            let place = format!("{}, {} = {end}", entry.card.slug, spec.name);
            match look(entry, &settings, 40, &said) {
                Ok(views) => views.iter().for_each(|view| check(view, &place)),
                // Two controls may contradict each other; then the error names the control.
                Err(error) => assert!(error.to_string().contains(&*spec.name), "{place}: {error}"),
            }
        }
    });
    said.none();
}

/// The papers that there are to be, and in which lab, are those of a list; a lab that is called whole has all of its.
#[test]
fn whole_labs_are_whole() {
    let list = include_str!("papers.csv");
    let papers: Vec<(&str, &str)> = list.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    for entry in catalogue::entries().filter(|entry| entry.lab != run::experiment::INSTRUMENTS) {
        assert!(
            papers.contains(&(entry.card.slug, entry.lab)),
            "{} is none of the papers of the lab {}",
            entry.card.slug,
            entry.lab
        );
    }
    let readme = include_str!("../README.md");
    let line = readme.lines().find_map(|line| line.strip_prefix("Whole labs: ")).expect("the README says which labs are whole");
    for lab in line.trim_end_matches('.').split(", ") {
        let here = |slug: &str| catalogue::entries().any(|entry| entry.card.slug == slug && entry.lab == lab);
        let of: Vec<&str> = papers.iter().filter(|(_, of)| *of == lab).map(|(slug, _)| *slug).collect();
        let missing: Vec<&str> = of.iter().copied().filter(|slug| !here(slug)).collect();
        assert!(!of.is_empty() && missing.is_empty(), "{lab}: called whole, but without {}", missing.join(", "));
    }
}

/// A run that goes on with other controls ends, bit for bit, as one that was started with them.
#[test]
fn revised_runs_end_as_fresh_ones() {
    let finish = |session: &mut Session| {
        pollster::block_on(session.advance(|_| false)).unwrap();
        session.look().hash()
    };
    let revised = AtomicUsize::new(0);
    let entries = ledger::selection();
    pool::each(&entries, pool::cores(), |entry| {
        let entry = *entry;
        let library = Library::shipped(entry.card.data);
        let default = Settings::default_of(entry.controls);
        let start = |settings: &Settings| Session::new(entry, settings.clone(), 0, &library, &Device::cpu()).unwrap();
        for (index, spec) in entry.controls.iter().enumerate() {
            let mut settings = default.clone();
            settings.0[index] = Value::Number(match &spec.kind {
                Kind::Real { min, max, .. } => 0.7 * min + 0.3 * max,
                Kind::Count { min, max, .. } => (0.7 * min + 0.3 * max).round(),
                Kind::Toggle => 1.0 - default.0[index].number(),
                Kind::Text { .. } => continue,
                Kind::Choice { options } => (options.iter().count() - 1) as f64,
            });
            if !start(&default).revise(&settings) {
                continue;
            }
            let fresh = finish(&mut start(&settings));
            // In the middle, and at the end.
            for units in [30, usize::MAX] {
                let (mut session, mut left) = (start(&default), units);
                pollster::block_on(session.advance(|_| {
                    left -= 1;
                    left == 0
                }))
                .unwrap();
                // What it is at by now may need a fresh run after all.
                if !session.revise(&settings) {
                    continue;
                }
                revised.fetch_add(1, Ordering::Relaxed);
                assert_eq!(finish(&mut session), fresh, "{}, {} after {units} units", entry.card.slug, spec.name);
            }
        }
        let mut session = start(&default);
        assert!(!session.revise(&default), "{}: the same controls are a wish to start again", entry.card.slug);
    });
    let revised = revised.into_inner();
    assert!(revised >= 6 || entries.len() < catalogue::entries().count(), "only {revised} runs went on with other controls");
}
