//! The labs: one folder each, one file a paper.

use crate::experiment::Entry;

/// A field of questions, with its experiments in teaching order.
pub struct Lab {
    /// Name in URLs and folders.
    pub slug: &'static str,
    /// Name on the page.
    pub title: &'static str,
    /// What the field asks, in one sentence.
    pub question: &'static str,
    /// Its experiments.
    pub entries: &'static [Entry],
}

/// Declares a lab: its title, its question, and one line an experiment (`file::Type`), in teaching order.
macro_rules! lab {
    ($slug:literal, $title:literal, $question:literal; $($file:ident :: $experiment:ident),* $(,)?) => {
        $(pub mod $file;)*
        /// This lab.
        pub const LAB: $crate::labs::Lab = $crate::labs::Lab {
            slug: $slug, title: $title, question: $question,
            entries: &[$($crate::experiment::Entry::of::<$file::$experiment>($slug)),*],
        };
    };
}

pub(crate) use lab;

pub mod information;
pub mod landscape;
pub mod representation;
pub mod trajectory;
pub mod transport;

/// Every lab, in the order in which the page lists them.
pub const LABS: &[Lab] =
    &[crate::instruments::LAB, landscape::LAB, trajectory::LAB, information::LAB, transport::LAB, representation::LAB];

/// The instruments' slug: they live in a folder of their own.
pub const INSTRUMENTS: &str = "instruments";

/// The folder of the lab `slug` in the sources.
pub fn folder(slug: &str) -> String {
    if slug == INSTRUMENTS { "src/instruments".into() } else { format!("src/labs/{slug}") }
}

/// Every experiment.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    LABS.iter().flat_map(|lab| lab.entries)
}

/// The experiment of that slug; an error that names near ones if there is none.
pub fn find(slug: &str) -> crate::Result<&'static Entry> {
    entries().find(|entry| entry.card.slug == slug).ok_or_else(|| {
        let name: String = slug.chars().take(60).collect();
        crate::Error::new(format!("experiment '{name}': there is none of that name; 'orrery list' shows them all"))
    })
}
