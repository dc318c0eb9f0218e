//! Every lab and every experiment that there is.

use ground::{Error, Result};
use run::experiment::{Entry, INSTRUMENTS, Lab};

/// The instruments: like experiments, but the reader brings the problem, and its claim says how far the instrument can be trusted.
static ALL_INSTRUMENTS: Lab = Lab {
    slug: INSTRUMENTS,
    title: "Instruments",
    question: "What does your own problem look like?",
    entries: &[
        &instrument_landscape::ENTRY,
        &instrument_information_estimators::ENTRY,
        &instrument_neural_collapse::ENTRY,
        &instrument_transport_plan::ENTRY,
        &instrument_trajectory::ENTRY,
    ],
};

/// Every lab, in the order in which the page lists them.
pub static LABS: &[&Lab] = &[
    &ALL_INSTRUMENTS,
    &lab_landscape::LAB,
    &lab_trajectory::LAB,
    &lab_information::LAB,
    &lab_transport::LAB,
    &lab_representation::LAB,
];

/// The crate of an experiment is a folder of the sources and a module of the browser.
pub struct Module {
    /// Name of the module: `lab-transport`, `instrument-landscape`. Its package is called `orrery-` and this.
    pub name: String,
    /// Its folder in the sources.
    pub folder: String,
}

/// The module that an experiment is in.
pub fn module(entry: &Entry) -> Module {
    let slug = entry.card.slug;
    match entry.lab {
        INSTRUMENTS => {
            Module { name: format!("instrument-{slug}"), folder: format!("src/instruments/{}", slug.replace('-', "_")) }
        }
        lab => Module { name: format!("lab-{lab}"), folder: format!("src/labs/{lab}") },
    }
}

/// Every experiment.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    LABS.iter().flat_map(|lab| lab.entries).copied()
}

/// The experiment of that slug; an error if there is none.
pub fn find(slug: &str) -> Result<&'static Entry> {
    entries().find(|entry| entry.card.slug == slug).ok_or_else(|| {
        let name: String = slug.chars().take(60).collect();
        Error::new(format!("experiment '{name}': there is none of that name; 'orrery list' shows them all"))
    })
}
