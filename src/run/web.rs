//! The worker's side: data, files, runs, and the verdict over several.

use std::cell::Cell;

use serde::Serialize;
use serde_bytes::Bytes;
use serde_wasm_bindgen::{from_value, to_value};
pub use wasm_bindgen;
use wasm_bindgen::prelude::*;

use crate::data::{self, Dataset, Library};
use crate::experiment::Entry;
use crate::session::{Frame, Session};
use crate::stage::Progress;
use gpu::{Device, milliseconds as now};
use ground::claim::{Measures, Runs};
use ground::controls::Settings;
use ground::{Error, Result};

thread_local! {
    /// What this module can run.
    static ENTRIES: Cell<&'static [&'static Entry]> = const { Cell::new(&[]) };
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// Opens the module: it can run these experiments. A panic ends the instance; its message goes to the console before that.
pub fn open(entries: &'static [&'static Entry]) {
    ENTRIES.set(entries);
    std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
}

fn find(slug: &str) -> Result<&'static Entry> {
    let entry = ENTRIES.get().iter().copied().find(|entry| entry.card.slug == slug);
    entry.ok_or_else(|| Error::new(format!("experiment '{slug}': this module has none of that name")))
}

/// The settings that `pairs` (name, text, name, text, …) lay over an experiment's defaults.
fn settings(entry: &Entry, pairs: &[String]) -> Result<Settings> {
    Settings::parse(entry.controls, pairs.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())))
}

/// The controls that are not at their defaults (name, text, name, text, …) after the handle of view `which` was dragged to
/// `(x, y)`; nothing if that view takes no pointer.
#[wasm_bindgen]
pub fn pointer(slug: &str, pairs: Vec<String>, which: usize, x: f64, y: f64) -> Result<Option<Vec<String>>, JsError> {
    let entry = find(slug)?;
    let moved = (entry.drag)(&settings(entry, &pairs)?, which, (x, y));
    let pairs =
        |moved: Settings| moved.changed(entry.controls).into_iter().flat_map(|(name, text)| [name.into(), text]).collect();
    Ok(moved.map(pairs))
}

/// What the runs of a worker may read: shipped data sets and the user's files.
#[wasm_bindgen]
#[derive(Default)]
pub struct Shelf(Library);

#[wasm_bindgen]
impl Shelf {
    /// An empty shelf.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Shelf {
        Shelf::default()
    }

    /// The same shelf once more, so that a change can be tried before it is kept.
    pub fn copy(&self) -> Shelf {
        Shelf(self.0.clone())
    }

    /// The files in `data/` that experiment `slug` needs and that are not on the shelf yet.
    pub fn missing(&self, slug: &str) -> Result<Vec<String>, JsError> {
        let sets = find(slug)?.card.data;
        Ok(sets.iter().filter(|set| !self.0.has(**set)).map(|set| set.file().to_string()).collect())
    }

    /// Puts a file of `data/` on the shelf.
    pub fn put(&mut self, file: &str, bytes: &[u8]) -> Result<(), JsError> {
        let set = Dataset::ALL.into_iter().find(|set| set.file() == file);
        let set = set.ok_or_else(|| Error::new(format!("data/{file}: not a data set that this version knows")))?;
        Ok(self.0.put(set, bytes)?)
    }

    /// Adds a file of the user's, replacing one of the same name.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), JsError> {
        self.0.files_mut().replace(data::open(name, bytes)?);
        Ok(())
    }

    /// Takes a file of the user's away.
    pub fn remove(&mut self, name: &str) {
        self.0.files_mut().remove(name);
    }

    /// The user's arrays as `[{file, array, shape}]`, `array` being "" where the file is one array.
    pub fn own(&self) -> Result<JsValue, JsError> {
        let understood = |array: &data::Array| {
            let file = array.file();
            let shape: Vec<String> = array.shape.iter().map(usize::to_string).collect();
            Understood {
                file: file.into(),
                array: array.name[file.len()..].trim_start_matches('/').into(),
                shape: shape.join(" × "),
            }
        };
        Ok(to_value(&self.0.own().iter().map(understood).collect::<Vec<_>>())?)
    }
}

/// What was understood of a file of the user's.
#[derive(Serialize)]
struct Understood {
    file: String,
    array: String,
    shape: String,
}

/// What runs compute on.
#[wasm_bindgen]
pub struct Processor(Device);

#[wasm_bindgen]
impl Processor {
    /// The CPU alone: the same bits everywhere.
    pub fn cpu() -> Processor {
        Processor(Device::cpu())
    }

    /// The GPU where there is one that can be used, else the CPU.
    pub async fn best() -> Processor {
        Processor(Device::best().await)
    }

    /// Destroys the GPU's device, as a driver's restart would. For tests.
    pub fn lose(&self) {
        self.0.lose();
    }
}

/// A run.
#[wasm_bindgen]
pub struct Live {
    session: Session,
    device: Device,
    /// Milliseconds that keeping the time line may take whatever the run takes; it is not kept if that is 0.
    records: f64,
    /// Milliseconds spent on the run, and on keeping its time line.
    worked: f64,
    looked: f64,
}

/// Keeping the time line may take this share of a run's work, beside what is free.
const LOOK_SHARE: f64 = 0.4;

#[wasm_bindgen]
impl Live {
    /// A run of `slug` at its start. `pairs`: name, text, name, text … of the controls that are not at their defaults.
    /// `records`: milliseconds that keeping its time line may take in any case; 0 if it keeps none.
    #[wasm_bindgen(constructor)]
    pub fn new(
        slug: &str,
        pairs: Vec<String>,
        seed: f64,
        shelf: &Shelf,
        processor: &Processor,
        records: f64,
    ) -> Result<Live, JsError> {
        let entry = find(slug)?;
        let session = Session::new(entry, settings(entry, &pairs)?, seed as u64, &shelf.0, &processor.0)?;
        Ok(Live { session, device: processor.0.clone(), records, worked: 0.0, looked: 0.0 })
    }

    /// Goes on with other controls, if the run can.
    pub fn revise(&mut self, pairs: Vec<String>) -> Result<bool, JsError> {
        Ok(self.session.revise(&settings(self.session.entry, &pairs)?))
    }

    /// Advances by slices until the next one would probably not fit into `milliseconds`, or `slices` are done, at least one; and no further
    /// than to where the verdict is settled.
    /// True when the run is over.
    pub async fn advance(&mut self, milliseconds: f64, slices: u32) -> Result<bool, JsError> {
        let begin = now();
        let mut before = begin;
        let mut left = slices;
        let judged = self.judged();
        loop {
            self.session.advance(|_| true).await?;
            let after = now();
            let slice = after - before;
            self.worked += slice;
            before = after;
            if self.records > 0.0 && self.session.due() && self.looked < self.records + LOOK_SHARE * self.worked {
                self.session.look();
                before = now();
                self.looked += before - after;
            }
            left = left.saturating_sub(1);
            let Progress { over, judged: now_judged, .. } = self.session.progress();
            if over || now_judged != judged || left == 0 || before - begin + slice > milliseconds {
                return Ok(over);
            }
        }
    }

    /// What there is to see now, kept on the time line when it is due: `{done, of, views, sentence, measures}`.
    pub fn look(&mut self) -> Result<JsValue, JsError> {
        shown(&self.session.look())
    }

    /// The frame on the time line at or before step `done`, or the one `offset` places after it.
    pub fn at(&self, done: f64, offset: i32) -> Result<Option<JsValue>, JsError> {
        let step = |index: usize| self.session.frame(index).map_or(f64::INFINITY, |frame| frame.progress.done as f64);
        let (mut low, mut high) = (0, self.session.frames());
        while low + 1 < high {
            let middle = (low + high) / 2;
            if step(middle) <= done { low = middle } else { high = middle }
        }
        self.session.frame(low.saturating_add_signed(offset as isize)).map(shown).transpose()
    }

    /// The first step on the time line; NaN before there is one.
    pub fn first(&self) -> f64 {
        self.session.frame(0).map_or(f64::NAN, |frame| frame.progress.done as f64)
    }

    /// Is its verdict settled?
    pub fn judged(&self) -> bool {
        self.session.progress().judged
    }

    /// What it computes on: "CPU", or "GPU: " and its name.
    pub fn device(&self) -> String {
        self.device.name()
    }

    /// The verdict of this run alone.
    pub fn verdict(&self) -> Result<JsValue, JsError> {
        Ok(to_value(&self.session.verdict())?)
    }

    /// What has been measured so far: `[[name, value], …]`.
    pub fn measures(&self) -> Result<JsValue, JsError> {
        Ok(to_value(&self.session.measures().0)?)
    }

    /// What files of the user's were taken for, a sentence a fact.
    pub fn understood(&self) -> Vec<String> {
        self.session.understood()
    }

    /// The names of the arrays that can be taken away.
    pub fn results(&self) -> Vec<String> {
        self.session.results().into_iter().map(|array| array.name).collect()
    }

    /// The array of that name as a file of the kind "csv" or "npy".
    pub fn result(&self, name: &str, kind: &str) -> Option<Vec<u8>> {
        let array = self.session.results().into_iter().find(|array| array.name == name)?;
        Some(if kind == "npy" { data::write_npy(&array) } else { data::write_csv(&array).into_bytes() })
    }

    /// The hash of all measures and views as they are now, in hexadecimal.
    pub fn hash(&mut self) -> String {
        format!("{:016x}", self.session.look().hash())
    }
}

/// The measures of finished runs, and the verdict over them in the order of their seeds, whoever is finished first.
#[wasm_bindgen]
pub struct Tally {
    entry: &'static Entry,
    settings: Settings,
    runs: Vec<Option<Measures>>,
}

#[wasm_bindgen]
impl Tally {
    /// No runs yet.
    #[wasm_bindgen(constructor)]
    pub fn new(slug: &str, pairs: Vec<String>) -> Result<Tally, JsError> {
        let entry = find(slug)?;
        Ok(Tally { entry, settings: settings(entry, &pairs)?, runs: vec![None; entry.card.seeds as usize] })
    }

    /// Takes the measures (`[[name, value], …]`) of the claim's seed number `place`, and gives the verdict of that run alone.
    pub fn add(&mut self, place: usize, measures: JsValue) -> Result<JsValue, JsError> {
        let measures: Measures = from_value(measures)?;
        let alone = (self.entry.verdict)(&self.settings, &Runs(vec![measures.clone()]));
        let run = self.runs.get_mut(place).ok_or_else(|| Error::new(format!("seed {place}: the claim is over fewer")))?;
        *run = Some(measures);
        Ok(to_value(&alone)?)
    }

    /// The verdict over the runs added.
    pub fn verdict(&self) -> Result<JsValue, JsError> {
        let runs = Runs(self.runs.iter().flatten().cloned().collect());
        Ok(to_value(&(self.entry.verdict)(&self.settings, &runs))?)
    }
}

/// A frame as the page gets it.
#[derive(Serialize)]
struct Shown<'a> {
    done: f64,
    of: f64,
    views: Vec<&'a Bytes>,
    sentence: &'a str,
    measures: &'a [(std::borrow::Cow<'static, str>, f64)],
}

fn shown(frame: &Frame) -> Result<JsValue, JsError> {
    let (done, of) = (frame.progress.done as f64, frame.progress.of as f64);
    Ok(to_value(&Shown {
        done,
        of,
        views: frame.views.iter().map(|bytes| Bytes::new(bytes)).collect(),
        sentence: &frame.sentence,
        measures: &frame.measures.0,
    })?)
}
