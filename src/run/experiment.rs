//! The contract that every experiment fulfils.

use std::future::Future;
use std::pin::Pin;

use crate::data::{Array, Library};
use gpu::Device;
pub use ground::card::{Card, Panel, Paper, Preset, Reproduction};
use ground::claim::{Measures, Verdict};
use ground::controls::{Controls, Settings, Spec};
use ground::error::{Error, Result};
use ground::view::View;

/// A paper (or an instrument) as a live experiment.
///
/// An experiment owns one run: it is made from controls and a seed, advances slice by slice, and can at any moment be asked
/// what there is to see and what has been measured. The loop, the time line, cancelling and the other seeds live in
/// [`session`](crate::session). The same controls and seed give the same bits on the CPU path.
pub trait Experiment: Sized + 'static {
    /// What the reader can move.
    type Controls: Controls;
    /// What the catalogue knows of it.
    const CARD: Card;

    /// A fresh run. Errors name the control or the file at fault.
    fn new(controls: &Self::Controls, seed: u64, library: &Library) -> Result<Self>;

    /// One slice: at most 8 ms of CPU work, or one batch on the GPU.
    fn step(&mut self, device: &Device) -> impl Future<Output = Result<Progress>>;

    /// What there is to see now in the view `CARD.views[which]`.
    fn view(&self, which: usize) -> View;

    /// What has been measured so far.
    fn measures(&self) -> Measures;

    /// The claim over runs of several seeds at the same controls.
    fn verdict(runs: &[Measures]) -> Verdict;

    /// Arrays that can be taken away as csv or npy: a plan, an embedding, metrics. Empty by default.
    fn results(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Takes other controls in the middle of a run (or after it) where what is computed so far serves them as well: `true` if the run
    /// goes on, to the same end, bit for bit, as one that was started with them. `false`, and nothing has changed, if a fresh run is needed.
    fn revise(&mut self, _controls: &Self::Controls) -> bool {
        false
    }

    /// The controls after the handle of view `which` was dragged to `at`, or `None` if that view takes no pointer.
    fn pointer(_controls: &Self::Controls, _which: usize, _at: (f64, f64)) -> Option<Self::Controls> {
        None
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done, in the experiment's own unit (iterations, epochs).
    pub done: usize,
    /// Steps in all, as far as is known now; the run is over when `done >= of`.
    pub of: usize,
}

impl Progress {
    /// Nothing is left to do.
    pub fn finished(&self) -> bool {
        self.done >= self.of
    }
}

/// A run whose experiment's type is forgotten: what sessions work with.
pub trait Run {
    /// See [`Experiment::step`].
    fn step<'a>(&'a mut self, device: &'a Device) -> Pin<Box<dyn Future<Output = Result<Progress>> + 'a>>;
    /// See [`Experiment::view`].
    fn view(&self, which: usize) -> View;
    /// See [`Experiment::measures`].
    fn measures(&self) -> Measures;
    /// See [`Experiment::results`].
    fn results(&self) -> Vec<Array>;
    /// See [`Experiment::revise`].
    fn revise(&mut self, settings: &Settings) -> bool;
}

impl<E: Experiment> Run for E {
    fn step<'a>(&'a mut self, device: &'a Device) -> Pin<Box<dyn Future<Output = Result<Progress>> + 'a>> {
        Box::pin(Experiment::step(self, device))
    }
    fn view(&self, which: usize) -> View {
        Experiment::view(self, which)
    }
    fn measures(&self) -> Measures {
        Experiment::measures(self)
    }
    fn results(&self) -> Vec<Array> {
        Experiment::results(self)
    }
    fn revise(&mut self, settings: &Settings) -> bool {
        Experiment::revise(self, &E::Controls::read(settings))
    }
}

/// An experiment in the registry: its card, its controls, and how to start and judge it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The lab it belongs to.
    pub lab: &'static str,
    /// The card.
    pub card: &'static Card,
    /// The controls.
    pub controls: &'static [Spec],
    /// See [`Experiment::new`].
    pub start: fn(&Settings, u64, &Library) -> Result<Box<dyn Run>>,
    /// See [`Experiment::verdict`].
    pub verdict: fn(&[Measures]) -> Verdict,
    /// See [`Experiment::pointer`].
    pub pointer: fn(&Settings, usize, (f64, f64)) -> Option<Settings>,
}

impl Entry {
    /// The entry of experiment `E` in `lab`.
    pub const fn of<E: Experiment>(lab: &'static str) -> Entry {
        Entry {
            lab,
            card: &E::CARD,
            controls: E::Controls::SPECS,
            start: |settings, seed, library| Ok(Box::new(E::new(&E::Controls::read(settings), seed, library)?)),
            verdict: E::verdict,
            pointer: |settings, which, at| E::pointer(&E::Controls::read(settings), which, at).map(|c| c.settings()),
        }
    }

    /// The settings of the preset `name`.
    pub fn preset(&self, name: &str) -> Result<Settings> {
        let presets = self.card.presets;
        let Some(preset) = presets.iter().find(|p| p.name == name) else {
            let names: Vec<_> = presets.iter().map(|p| p.name).collect();
            return Err(Error::new(format!(
                "preset {name}: {} has none of that name; it has {}",
                self.card.slug,
                names.join(", ")
            )));
        };
        Settings::parse(self.controls, preset.set.iter().copied())
    }
}

/// A field of questions, with its experiments in teaching order.
#[derive(Clone, Copy)]
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

/// The slug of the lab that the instruments make up.
pub const INSTRUMENTS: &str = "instruments";

/// Declares a lab: its title, its question, and one line an experiment (`file::Type`), in teaching order.
#[macro_export]
macro_rules! lab {
    ($slug:literal, $title:literal, $question:literal; $($file:ident :: $experiment:ident),* $(,)?) => {
        $(pub mod $file;)*
        /// This lab.
        pub const LAB: $crate::experiment::Lab = $crate::experiment::Lab {
            slug: $slug, title: $title, question: $question,
            entries: &[$($crate::experiment::Entry::of::<$file::$experiment>($slug)),*],
        };
        $crate::module!(LAB.entries);
    };
}

/// Declares an instrument, which is a crate and a module of its own: `instrument!(Type)`.
#[macro_export]
macro_rules! instrument {
    ($experiment:ident) => {
        /// This instrument.
        pub const ENTRY: $crate::experiment::Entry =
            $crate::experiment::Entry::of::<$experiment>($crate::experiment::INSTRUMENTS);
        $crate::module!(&[ENTRY]);
    };
}

/// Makes the crate a module of the browser that runs these experiments.
#[macro_export]
macro_rules! module {
    ($entries:expr) => {
        #[cfg(target_arch = "wasm32")]
        #[$crate::web::wasm_bindgen::prelude::wasm_bindgen(start, wasm_bindgen = $crate::web::wasm_bindgen)]
        fn begin() {
            $crate::web::open($entries)
        }
    };
}
