//! Every experiment's claim: it holds over the card's seeds at `default`, and is gone at `break-it`.

use std::sync::Mutex;

use gpu::Device;
use ground::claim::{Measures, Runs};
use orrery::catalogue;
use run::data::Library;
use run::experiment::Entry;
use run::session::Session;

/// The measures of a run on the CPU.
fn measures(entry: &'static Entry, preset: &str, seed: u64) -> Measures {
    let settings = entry.preset(preset).expect("a preset of its own");
    let mut session =
        Session::new(entry, settings, seed, &Library::shipped(entry.card.data), &Device::cpu()).expect("presets start");
    pollster::block_on(session.judge()).expect("presets run to their end");
    session.measures()
}

#[test]
fn claims_hold_by_default_and_break() {
    let jobs: Vec<(&Entry, &str, u64)> = catalogue::entries()
        .flat_map(|entry| {
            ["default", "break-it"]
                .into_iter()
                .flat_map(move |preset| (0..entry.card.seeds).map(move |seed| (entry, preset, seed)))
        })
        .collect();
    let next = Mutex::new(jobs.iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(&(entry, preset, seed)) = next.lock().unwrap().next() else { break };
                    let measured = measures(entry, preset, seed);
                    done.lock().unwrap().push((entry.card.slug, preset, seed, measured));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(slug, preset, seed, _)| (*slug, *preset, *seed));
    let mut wrong = Vec::new();
    for entry in catalogue::entries() {
        for (preset, expected) in [("default", true), ("break-it", false)] {
            let runs = done.iter().filter(|(slug, p, ..)| *slug == entry.card.slug && *p == preset).map(|d| d.3.clone());
            let runs = Runs(runs.collect());
            assert_eq!(runs.len() as u64, entry.card.seeds);
            let verdict = (entry.verdict)(&entry.preset(preset).expect("a preset of its own"), &runs);
            println!("{} at {preset}: {:?}, {}", entry.card.slug, verdict.holds, verdict.text);
            if verdict.holds != Some(expected) {
                wrong.push(format!("{} at {preset}: {verdict:?}", entry.card.slug));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
