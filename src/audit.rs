//! What a paper's page rests on, in numbers: so that nobody has to believe anybody.

use std::fs;

use crate::catalogue::module;
use crate::ledger::{self, Job, Record};
use ground::card::{Expect, Preset};
use ground::error::Result;
use run::experiment::Entry;

/// The seeds 0 to 39.
const SEEDS: u64 = 40;

/// One table a paper, as text: how often and how clearly the claim holds at `default` and is gone at `break-it` over forty seeds, what runs
/// cost, how long the file and its text are, and what presets must show.
pub fn audit(entries: &[&'static Entry], told: impl Fn(&Job) + Sync) -> Result<String> {
    let of = |entry: &'static Entry| {
        let preset = move |preset| (0..SEEDS).map(move |seed| Job { entry, preset, seed, to_end: seed == 0 });
        entry.card.presets[..2].iter().flat_map(preset)
    };
    let jobs: Vec<Job> = entries.iter().flat_map(|entry| of(entry)).collect();
    let records = ledger::records(&jobs, told)?;
    let mut text = String::new();
    for (entry, records) in entries.iter().zip(records.chunks(2 * SEEDS as usize)) {
        text += &table(entry, records)?;
    }
    Ok(text)
}

fn table(entry: &'static Entry, records: &[Record]) -> Result<String> {
    let card = entry.card;
    let mut lines = vec![format!("{} ({}, {})", card.slug, entry.lab, card.reproduction.words())];
    for (preset, records) in card.presets.iter().zip(records.chunks(SEEDS as usize)) {
        lines.push(claim(entry, preset, records)?);
    }
    let seconds = sorted(records.iter().map(|record| record.judged.seconds));
    let ends: Vec<String> = records.iter().filter_map(|r| r.end.as_ref()).map(|end| format!("{:.1}", end.seconds)).collect();
    let longest = records.iter().map(|record| record.longest).fold(0.0, f64::max);
    let first = sorted(records.iter().map(|record| record.first_picture));
    lines.push(format!(
        "  cost       {:.2} core-s to the verdict, {:.2} at most; {} s to the end; longest unit {longest:.0} ms; first picture {:.0} ms",
        middle(&seconds),
        seconds.last().unwrap_or(&f64::NAN),
        ends.join(" and "),
        middle(&first)
    ));
    let (code, tests, parts) = lengths(entry);
    let words = |text: &str| text.split_whitespace().count();
    lines.push(format!(
        "  length     {code} lines and {tests} of tests, {parts} in parts; text {} words; claim {} words",
        prose(entry),
        words(card.claim)
    ));
    for preset in card.presets {
        let expect = match preset.expect {
            Expect::Holds => "holds".to_string(),
            Expect::Gone => "gone".into(),
            Expect::Outside => "outside the claim".into(),
            Expect::Open => "-".into(),
            Expect::Within(ends) => {
                ends.iter().map(|(name, low, high)| format!("{name} in {low} to {high}")).collect::<Vec<_>>().join(", ")
            }
        };
        lines.push(format!("  preset     {:<20} must show: {expect}", preset.name));
    }
    Ok(lines.join("\n") + "\n\n")
}

/// What forty seeds say, each alone, and the card's number of them together.
fn claim(entry: &'static Entry, preset: &'static Preset, records: &[Record]) -> Result<String> {
    let verdict = |records: &[Record]| {
        ledger::verdict(entry, preset.name, records.iter().map(|record| record.judged.measures.clone()).collect())
    };
    let alone = records.chunks(1).map(verdict).collect::<Result<Vec<_>>>()?;
    let together = records.chunks_exact(entry.card.seeds as usize).map(verdict).collect::<Result<Vec<_>>>()?;
    let count = |verdicts: &[ground::claim::Verdict]| verdicts.iter().filter(|v| v.holds == Some(true)).count();
    let figures = sorted(alone.iter().map(|v| v.figure).filter(|f| f.is_finite()));
    let threshold = alone.first().map_or(f64::NAN, |v| v.threshold);
    let mean = figures.iter().sum::<f64>() / figures.len() as f64;
    let spread = methods::statistics::variance(&figures).sqrt();
    let rivals = together.iter().flat_map(|v| &v.rivals).fold(Vec::<(&str, Vec<f64>, usize)>::new(), |mut rivals, rival| {
        let at = rivals.iter().position(|(name, ..)| *name == rival.name).unwrap_or_else(|| {
            rivals.push((&rival.name, Vec::new(), 0));
            rivals.len() - 1
        });
        rivals[at].1.push(rival.figure);
        rivals[at].2 += usize::from(rival.meets == Some(true));
        rivals
    });
    let rivals: String = rivals
        .into_iter()
        .map(|(name, figures, meets)| {
            let figures = sorted(figures.into_iter());
            let (low, high) = (figures[0], figures[figures.len() - 1]);
            format!("\n  rival      {name}: {low:.4} to {high:.4}, does as well in {meets} of {} groups", figures.len())
        })
        .collect();
    let nan = alone.iter().chain(&together).filter(|v| v.text.contains("NaN")).count();
    Ok(format!(
        "  {:<10} holds in {} of {} seeds, in {} of {} groups of {}; figure {:.4} to {:.4}, middle {:.4}, threshold {threshold}: {:.1} spreads off; {nan} sentences with NaN{rivals}",
        preset.name,
        count(&alone),
        alone.len(),
        count(&together),
        together.len(),
        entry.card.seeds,
        figures.first().unwrap_or(&f64::NAN),
        figures.last().unwrap_or(&f64::NAN),
        middle(&figures),
        (mean - threshold).abs() / spread,
    ))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle one of sorted values.
fn middle(values: &[f64]) -> f64 {
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Lines of the experiment's own file before its tests and of them, and of its parts.
fn lengths(entry: &Entry) -> (usize, usize, usize) {
    let (folder, stem) = (module(entry).folder, entry.card.slug.replace('-', "_"));
    let file = fs::read_to_string(format!("{folder}/{stem}.rs")).unwrap_or_default();
    let code = file.lines().take_while(|line| *line != "#[cfg(test)]").count();
    let parts = if entry.lab == run::experiment::INSTRUMENTS { folder.clone() } else { format!("{folder}/{stem}") };
    let parts = fs::read_dir(parts).into_iter().flatten().flatten().map(|entry| entry.path());
    let parts = parts.filter(|path| path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_some_and(|s| s != &*stem));
    let count = parts.filter_map(|path| fs::read_to_string(path).ok()).map(|text| text.lines().count()).sum();
    (code, file.lines().count() - code, count)
}

/// Words of the page's text besides its equations.
fn prose(entry: &Entry) -> usize {
    let text = fs::read_to_string(format!("{}/{}.md", module(entry).folder, entry.card.slug)).unwrap_or_default();
    // Every second piece between dollars is an equation.
    text.replace("$$", "$").split('$').step_by(2).map(|piece| piece.split_whitespace().count()).sum()
}
