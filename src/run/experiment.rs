//! The contract that every experiment fulfils.

use std::future::Future;
use std::task::{Context, Poll};

use crate::data::{Array, Library};
use crate::stage::{Course, Progress, Stage};
use gpu::Device;
pub use ground::card::{Card, Panel, Paper, Preset, Reproduction, words};
use ground::claim::{Measures, Runs, Verdict};
use ground::controls::{Controls, Settings, Spec};
use ground::error::{Error, Result};
use ground::view::View;

/// A paper (or an instrument) as a live experiment.
///
/// An experiment owns one run: it is made from controls and a seed, plays on its [`Stage`] unit by unit, and can be asked between any two
/// units what there is to see and what has been measured. Slices, the time line, cancelling and the other seeds are the business of
/// its caller, see [`session`](crate::session). The same controls and seed give the same bits on the CPU path.
pub trait Experiment: Views {
    /// What the catalogue knows of it.
    const CARD: Card;

    /// A run that has not begun. Errors name the control or the file at fault.
    fn new(controls: &Self::Controls, seed: u64, library: &Library) -> Result<Self>;

    /// The algorithm as the paper has it, in plain loops: one unit of work, at most a few milliseconds of it, then
    /// `self = stage.next(self).await`. [`Stage::judged`] where the verdict is settled. A run that has been revised is played anew, so where
    /// there is a [`revise`](Self::revise) the loops skip what is done.
    fn run(self: Box<Self>, stage: Stage<Self>) -> impl Future<Output = Result<Box<Self>>>;

    /// What has been measured so far: the same names at any time, NaN for what is not known yet.
    fn measures(&self) -> Measures;

    /// The claim over runs of several seeds at these controls.
    fn verdict(controls: &Self::Controls, runs: &Runs) -> Verdict;

    /// What there is to see at this moment, in one sentence that the run makes from its numbers; what is not known yet is not said. A page
    /// that shows it needs no caption that tells what comes out.
    fn sentence(&self) -> String {
        String::new()
    }

    /// What files of the user's were taken for, one short sentence a fact: which arrays, in which role, in which unit, what was left out
    /// and why. Empty by default, and without files.
    fn understood(&self) -> Vec<String> {
        Vec::new()
    }

    /// Arrays that can be taken away as csv or npy: a plan, an embedding, metrics. Empty by default.
    fn results(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Takes other controls in the middle of a run (or after it) where what is computed so far serves them as well: `true` if the run
    /// goes on, to the same end, bit for bit, as one that was started with them. `false`, and nothing has changed, if a fresh run is needed.
    fn revise(&mut self, _controls: &Self::Controls) -> bool {
        false
    }
}

/// What can be moved and what can be seen; made by [`views!`](crate::views).
pub trait Views: Sized + 'static {
    /// What the reader can move.
    type Controls: Controls;
    /// Its views; the first is the one that an embed and a thumbnail show.
    const VIEWS: &'static [Look<Self>];
}

/// A view and the function that makes it.
pub struct Look<R: Views> {
    /// What the catalogue knows of it.
    pub panel: Panel,
    /// Makes it.
    pub make: fn(&R) -> View,
    /// The controls after its handle was dragged to a place, or `None` if that place means nothing; where it has a handle.
    pub drag: Option<Drag<R::Controls>>,
}

/// Turns a place in a view into controls.
pub type Drag<C> = fn(&C, (f64, f64)) -> Option<C>;

/// Declares what can be seen of an experiment, and which of its functions makes it, of what arguments. A view that can be dragged names
/// the function, of the controls and a place, that makes controls of it.
///
/// ```ignore
/// views! { DiffGrad, Controls:
///     function "The function" "Where do the balls come to rest?" => function;
///     adam "Adam's steps" "They grow where the slope stays." => steps(ADAM);
///     map "Step size and start" "Bright: diffGrad is the better one." => map, dragged: place;
/// }
/// ```
#[macro_export]
macro_rules! views {
    ($experiment:ident, $controls:ty: $($id:tt $title:literal $look:literal => $view:ident $(($($argument:expr),+))? $(, dragged: $drag:ident)?;)*) => {
        impl $crate::experiment::Views for $experiment {
            type Controls = $controls;
            const VIEWS: &'static [$crate::experiment::Look<Self>] = &[$($crate::experiment::Look {
                panel: $crate::experiment::Panel { id: $crate::views!(@id $id), title: $crate::experiment::words($title), look: $crate::experiment::words($look) },
                make: |run| ground::view::View::from(run.$view($($($argument),+)?)),
                drag: $crate::views!(@drag $($drag)?),
            }),*];
        }
    };
    (@id $id:literal) => { $id };
    (@id $id:ident) => { stringify!($id) };
    (@drag) => { None };
    (@drag $drag:ident) => { Some(Self::$drag) };
}

/// A run whose experiment's type is forgotten: what sessions work with.
pub trait Run {
    /// Goes on to the end of the next unit of work, or part of one; see [`Course::poll`].
    fn poll(&mut self, context: &mut Context) -> Poll<Result<()>>;
    /// How far it is.
    fn progress(&self) -> Progress;
    /// The view of that place in the card; `None` after an error.
    fn view(&self, which: usize) -> Option<View>;
    /// See [`Experiment::measures`]; `None` after an error.
    fn measures(&self) -> Option<Measures>;
    /// See [`Experiment::sentence`]; nothing after an error.
    fn sentence(&self) -> String;
    /// See [`Experiment::understood`]; nothing after an error.
    fn understood(&self) -> Vec<String>;
    /// See [`Experiment::results`]; none after an error.
    fn results(&self) -> Vec<Array>;
    /// See [`Experiment::revise`].
    fn revise(&mut self, settings: &Settings) -> bool;
}

impl<E: Experiment> Run for Course<E> {
    fn poll(&mut self, context: &mut Context) -> Poll<Result<()>> {
        Course::poll(self, context)
    }
    fn progress(&self) -> Progress {
        Course::progress(self)
    }
    fn view(&self, which: usize) -> Option<View> {
        self.with(E::VIEWS[which].make)
    }
    fn measures(&self) -> Option<Measures> {
        self.with(E::measures)
    }
    fn sentence(&self) -> String {
        self.with(E::sentence).unwrap_or_default()
    }
    fn understood(&self) -> Vec<String> {
        self.with(E::understood).unwrap_or_default()
    }
    fn results(&self) -> Vec<Array> {
        self.with(E::results).unwrap_or_default()
    }
    fn revise(&mut self, settings: &Settings) -> bool {
        Course::revise(self, |run| run.revise(&E::Controls::read(settings)))
    }
}

/// Puts a run on its stage.
pub fn play<E: Experiment>(run: E, device: &Device) -> Course<E> {
    Course::new(Box::new(run), device, |run, stage| Box::pin(run.run(stage)))
}

/// Begins a run of these settings, with a seed, on what it may read and compute on.
pub type Start = fn(&Settings, u64, &Library, &Device) -> Result<Box<dyn Run>>;

/// An experiment in the registry: its card, its controls, and how to start and judge it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The lab it belongs to.
    pub lab: &'static str,
    /// The card.
    pub card: &'static Card,
    /// Its views.
    pub views: fn(usize) -> Option<&'static Panel>,
    /// The controls.
    pub controls: &'static [Spec],
    /// A run that has not begun; see [`Experiment::new`].
    pub start: Start,
    /// See [`Experiment::verdict`].
    pub verdict: fn(&Settings, &Runs) -> Verdict,
    /// The settings after the handle of a view was dragged; see [`Look::drag`].
    pub drag: fn(&Settings, usize, (f64, f64)) -> Option<Settings>,
}

/// A card without its words, see [`words`].
struct Silent<E>(std::marker::PhantomData<E>);

impl<E: Experiment> Silent<E> {
    const CARD: Card = Card { slug: E::CARD.slug, seeds: E::CARD.seeds, data: E::CARD.data, ..Card::BLANK };
}

impl Entry {
    /// The entry of experiment `E` in `lab`.
    pub const fn of<E: Experiment>(lab: &'static str) -> Entry {
        Entry {
            lab,
            card: if cfg!(target_arch = "wasm32") { &Silent::<E>::CARD } else { &E::CARD },
            views: |which| E::VIEWS.get(which).map(|look| &look.panel),
            controls: E::Controls::SPECS,
            start: |settings, seed, library, device| {
                Ok(Box::new(play(E::new(&E::Controls::read(settings), seed, library)?, device)))
            },
            verdict: |settings, runs| E::verdict(&E::Controls::read(settings), runs),
            drag: |settings, which, at| {
                let drag = E::VIEWS.get(which)?.drag?;
                drag(&E::Controls::read(settings), at).map(|controls| controls.settings())
            },
        }
    }

    /// Its views, in the order of their places.
    pub fn panels(&self) -> impl Iterator<Item = &'static Panel> {
        (0..).map_while(self.views)
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
    pub entries: &'static [&'static Entry],
}

/// The slug of the lab that the instruments make up.
pub const INSTRUMENTS: &str = "instruments";

/// Declares a lab: its title, its question, and one line an experiment (`file::Type`), in teaching order.
#[macro_export]
macro_rules! lab {
    ($slug:literal, $title:literal, $question:literal; $($file:ident :: $experiment:ident),* $(,)?) => {
        $(pub mod $file;)*
        /// This lab. A static: what it runs is compiled here, and not where it is listed.
        pub static LAB: $crate::experiment::Lab = $crate::experiment::Lab {
            slug: $slug, title: $title, question: $question,
            entries: &[$(&$crate::experiment::Entry::of::<$file::$experiment>($slug)),*],
        };
        $crate::module!(LAB.entries);
    };
}

/// Declares an instrument, which is a crate and a module of its own: `instrument!(Type)`.
#[macro_export]
macro_rules! instrument {
    ($experiment:ident) => {
        /// This instrument. A static: what it runs is compiled here, and not where it is listed.
        pub static ENTRY: $crate::experiment::Entry =
            $crate::experiment::Entry::of::<$experiment>($crate::experiment::INSTRUMENTS);
        #[cfg(target_arch = "wasm32")]
        static ALONE: [&$crate::experiment::Entry; 1] = [&ENTRY];
        $crate::module!(&ALONE);
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
