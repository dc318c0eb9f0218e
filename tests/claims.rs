//! Every preset shows what its card says: the claim holds at `default`, is gone at `break-it`, and so on. The runs are the ledger's.

use std::sync::atomic::{AtomicUsize, Ordering};

use ground::card::{Expect, Preset};
use ground::claim::{Measures, Verdict};
use orrery::ledger::{self, Job, Record};
use run::experiment::Entry;

/// Core-seconds that a seed may take to its verdict, and the mean over all experiments.
const MOST: f64 = 5.0;
const MEAN: f64 = 1.0;
/// How many papers there will be.
const PAPERS: usize = 170;

/// Does a sentence tell a number that was not measured?
fn unmeasured(sentence: &str) -> bool {
    sentence.split(|c: char| !c.is_alphanumeric()).any(|word| ["NaN", "inf", "unknown"].contains(&word))
}

/// What is wrong with a preset of which these are the records.
fn wrong(entry: &'static Entry, preset: &'static Preset, records: &[&Record]) -> Vec<String> {
    let measures: Vec<Measures> = records.iter().map(|record| record.judged.measures.clone()).collect();
    let verdict = |measures: Vec<Measures>| ledger::verdict(entry, preset.name, measures).expect("a preset of its own");
    let all = verdict(measures.clone());
    println!("{} at {}: {:?}, {}", entry.card.slug, preset.name, all.holds, all.text);
    let mut wrong = Vec::new();
    let mut must = |right: bool, what: String| {
        if !right {
            wrong.push(format!("{} at {}: {what}", entry.card.slug, preset.name));
        }
    };
    match preset.expect {
        Expect::Holds => must(all.holds == Some(true), format!("should hold: {all:?}")),
        Expect::Gone => must(all.holds == Some(false), format!("should be gone: {all:?}")),
        Expect::Outside => must(all.outside && all.holds.is_none(), format!("should be outside the claim: {all:?}")),
        Expect::Within(ends) => {
            for (name, low, high) in ends {
                let values: Vec<f64> = measures.iter().map(|run| run.get(name)).collect();
                must(
                    values.iter().all(|v| (low..=high).contains(&v)),
                    format!("{name} should be in {low} to {high}: {values:?}"),
                );
            }
        }
        Expect::Open => {}
    }
    for moment in records.iter().flat_map(|record| record.end.iter().chain([&record.judged])) {
        must(!unmeasured(&moment.sentence), format!("says '{}'", moment.sentence));
    }
    let alone = measures.into_iter().map(|measures| verdict(vec![measures]));
    for Verdict { text, .. } in alone.chain([all]) {
        must(!unmeasured(&text), format!("says '{text}'"));
    }
    for record in records {
        let end = record.end.iter().map(|end| verdict(vec![end.measures.clone()]));
        let judged = verdict(vec![record.judged.measures.clone()]);
        end.for_each(|end| {
            // The sentence may have more to tell by then.
            must(
                (end.holds, end.outside) == (judged.holds, judged.outside),
                format!("judged as {judged:?}, but at its end {end:?}"),
            );
        });
    }
    wrong
}

#[test]
fn presets_show_what_their_cards_say() {
    let entries = ledger::selection();
    let jobs: Vec<Job> = entries.iter().flat_map(|entry| ledger::wanted(entry)).collect();
    let count = AtomicUsize::new(0);
    let records = ledger::records(&jobs, |job| {
        let count = 1 + count.fetch_add(1, Ordering::Relaxed);
        if count.is_multiple_of(20) {
            println!("run {count} of {}: {}", jobs.len(), job.entry.card.slug);
        }
    })
    .expect("presets run");
    let all: Vec<(&Job, &Record)> = jobs.iter().zip(&records).collect();
    let mut faults = Vec::new();
    for entry in &entries {
        for preset in entry.card.presets {
            let of = |(job, _): &&(&Job, &Record)| job.entry.card.slug == entry.card.slug && job.preset.name == preset.name;
            let records: Vec<&Record> = all.iter().filter(of).map(|(_, record)| *record).collect();
            if !records.is_empty() {
                faults.extend(wrong(entry, preset, &records));
            }
        }
    }
    tell_costs(&all);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Prints what the runs cost, and what all papers would: a budget to look at, since machines differ.
fn tell_costs(all: &[(&Job, &Record)]) {
    let mut default: Vec<_> = all.iter().filter(|(job, _)| job.preset.name == "default").collect();
    default.sort_by(|a, b| b.1.judged.seconds.total_cmp(&a.1.judged.seconds));
    let seconds: f64 = default.iter().map(|(_, record)| record.judged.seconds).sum();
    let mean = seconds / default.len().max(1) as f64;
    let spent: f64 = all.iter().map(|(_, record)| record.end.as_ref().unwrap_or(&record.judged).seconds).sum();
    let experiments = all.iter().filter(|(job, _)| job.preset.name == "default" && job.seed == 0).count().max(1);
    println!("to the verdict: {mean:.2} core-seconds a seed in the mean (budget {MEAN}, at most {MOST}); the slowest:");
    for (job, record) in default.iter().filter(|(job, _)| job.seed == 0).take(10) {
        let over = if record.judged.seconds > MOST { " OVER BUDGET" } else { "" };
        let end = record.end.as_ref().map_or(f64::NAN, |end| end.seconds);
        println!("  {:<34} {:6.2} s, to the end {end:6.2} s{over}", job.entry.card.slug, record.judged.seconds);
    }
    let each = spent / experiments as f64;
    println!(
        "{experiments} experiments: {spent:.0} core-seconds of runs, {each:.1} each; {PAPERS} would take {:.0} minutes on two cores",
        each * PAPERS as f64 / 120.0
    );
}
