//! The contract that every experiment fulfils.

use std::future::Future;
use std::pin::Pin;

use crate::claim::{Measures, Verdict};
use crate::controls::{Controls, Settings, Spec};
use crate::data::{Array, Dataset, Library};
use crate::error::{Error, Result};
use crate::gpu::Device;
use crate::view::View;

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

/// What the catalogue knows of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Name in URLs and on the command line.
    pub slug: &'static str,
    /// What one will see, as a title.
    pub title: &'static str,
    /// Where it comes from.
    pub paper: Paper,
    /// The claim that the run measures, in one sentence.
    pub claim: &'static str,
    /// How much of the paper's claim reproduces here.
    pub reproduction: Reproduction,
    /// One sentence: what the paper claims, and what this run can and cannot show.
    pub honesty: &'static str,
    /// How many seeds (`s`, `s + 1`, …) the verdict is over.
    pub seeds: u64,
    /// What [`Progress`] counts: "iteration", "epoch".
    pub unit: &'static str,
    /// Its views; the first is the one that an embed and a thumbnail show.
    pub views: &'static [Panel],
    /// Named settings; the first two are `default` and `break-it`.
    pub presets: &'static [Preset],
    /// Data sets that must be in the library before a run starts.
    pub data: &'static [Dataset],
    /// What files of the user's it takes, if any, in one sentence that names their kinds (csv, npy, npz, safetensors, png, jpg): the
    /// page tells how Python saves those.
    pub own_data: Option<&'static str>,
}

/// A paper.
#[derive(Clone, Copy, Debug)]
pub struct Paper {
    /// Title.
    pub title: &'static str,
    /// Authors, as the paper names them.
    pub authors: &'static str,
    /// Year.
    pub year: u16,
}

/// Does the paper's claim reproduce here?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reproduction {
    /// As the paper claims it.
    AsClaimed,
    /// A part of it, or under narrower conditions.
    InPart,
    /// Not at a scale that runs in a browser; the nearest true claim is shown.
    NotAtThisScale,
}

impl Reproduction {
    /// The words on the badge.
    pub fn words(self) -> &'static str {
        match self {
            Reproduction::AsClaimed => "as claimed",
            Reproduction::InPart => "in part",
            Reproduction::NotAtThisScale => "not at this scale",
        }
    }
}

/// A view of an experiment, as the catalogue knows it.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// Name in URLs and file names.
    pub id: &'static str,
    /// Title over the picture.
    pub title: &'static str,
    /// One sentence: what to look for.
    pub look: &'static str,
}

/// Named settings of the controls.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Name in URLs and on its button.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// Controls that differ from their defaults, as `(name, text)`.
    pub set: &'static [(&'static str, &'static str)],
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
