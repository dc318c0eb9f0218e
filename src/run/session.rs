//! One live run: start, advance in slices, record, scrub.

use std::future::poll_fn;

use crate::data::{Array, Library};
use crate::experiment::{Entry, Run};
use crate::stage::Progress;
use gpu::Device;
use ground::claim::{Measures, Runs, Verdict};
use ground::controls::Settings;
use ground::error::Result;

/// A run with its recorded time line.
pub struct Session {
    /// The experiment.
    pub entry: &'static Entry,
    /// The controls.
    pub settings: Settings,
    /// The seed.
    pub seed: u64,
    run: Box<dyn Run>,
    shown: Option<Vec<usize>>,
    reel: Reel,
    /// What reading the user's files decided.
    read: Vec<String>,
}

/// What there was to see at one moment of a run.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When.
    pub progress: Progress,
    /// The views that are shown, encoded (see [`View::encode`](ground::view::View::encode)), each at its place in the card; the others empty.
    pub views: Vec<Vec<u8>>,
    /// The measures.
    pub measures: Measures,
    /// What there is to see, in one sentence; see [`Experiment::sentence`](crate::experiment::Experiment::sentence).
    pub sentence: String,
}

/// A time line that never outgrows its budget: when it does, every second frame goes and frames are taken half as often.
struct Reel {
    frames: Vec<Frame>,
    bytes: usize,
    /// Steps between frames.
    stride: usize,
}

impl Default for Reel {
    fn default() -> Self {
        Reel { frames: Vec::new(), bytes: 0, stride: 1 }
    }
}

impl Reel {
    const BYTES: usize = 48 << 20;
    const FRAMES: usize = 400;

    fn wants(&self, now: Progress) -> bool {
        self.frames
            .last()
            .is_none_or(|last| now.done >= last.progress.done + self.stride || (now.over && now.done > last.progress.done))
    }

    fn push(&mut self, frame: Frame) {
        self.bytes += size(&frame);
        self.frames.push(frame);
        while self.frames.len() > 2 && (self.bytes > Self::BYTES || self.frames.len() > Self::FRAMES) {
            self.stride *= 2;
            let last = self.frames.len() - 1;
            let mut index = 0;
            self.frames.retain(|_| {
                index += 1;
                (index - 1) % 2 == 0 || index - 1 == last
            });
            self.bytes = self.frames.iter().map(size).sum();
        }
    }
}

fn size(frame: &Frame) -> usize {
    frame.views.iter().map(Vec::len).sum()
}

impl Session {
    /// A session at the start of its run.
    pub fn new(entry: &'static Entry, settings: Settings, seed: u64, library: &Library, device: &Device) -> Result<Self> {
        let run = (entry.start)(&settings, seed, library, device).map_err(|error| library.files().explain(error))?;
        let read = library.files().notes().map(String::from).collect();
        Ok(Session { entry, settings, seed, run, shown: None, reel: Reel::default(), read })
    }

    /// Makes these views only, by their places, in frames to come.
    pub fn show(&mut self, views: Vec<usize>) {
        self.shown = Some(views);
    }

    /// Goes on with other controls if the run can; see [`Experiment::revise`](crate::experiment::Experiment::revise). The time line
    /// then begins again at this moment.
    pub fn revise(&mut self, settings: &Settings) -> bool {
        // The same controls once more are a wish to start again.
        if *settings == self.settings || !self.run.revise(settings) {
            return false;
        }
        self.settings = settings.clone();
        self.reel = Reel::default();
        true
    }

    /// How far the run is.
    pub fn progress(&self) -> Progress {
        self.run.progress()
    }

    /// Advances the run unit by unit, at least one, until it is over or `enough` says so between two units.
    pub async fn advance(&mut self, mut enough: impl FnMut(Progress) -> bool) -> Result<Progress> {
        loop {
            poll_fn(|context| self.run.poll(context)).await?;
            let progress = self.progress();
            if progress.over || enough(progress) {
                return Ok(progress);
            }
        }
    }

    /// Advances the run until its verdict is settled.
    pub async fn judge(&mut self) -> Result<Progress> {
        self.advance(|progress| progress.judged).await
    }

    /// What there is to see now; kept on the time line when it is due. After an error, what there was to see last.
    pub fn look(&mut self) -> Frame {
        let progress = self.progress();
        let Some(measures) = self.run.measures() else {
            return self.reel.frames.last().cloned().unwrap_or(Frame {
                progress,
                views: Vec::new(),
                measures: Measures::default(),
                sentence: String::new(),
            });
        };
        let shown = |which: &usize| self.shown.as_ref().is_none_or(|shown| shown.contains(which));
        let view = |which: usize| Some(which).filter(shown).and_then(|which| self.run.view(which));
        let views = self.entry.panels().enumerate().map(|(which, _)| view(which).map_or(Vec::new(), |view| view.encode()));
        let frame = Frame { progress, views: views.collect(), measures, sentence: self.run.sentence() };
        if self.reel.wants(progress) {
            self.reel.push(frame.clone());
        }
        frame
    }

    /// Does the time line want a frame of this moment?
    pub fn due(&self) -> bool {
        self.reel.wants(self.progress())
    }

    /// How many frames the time line has.
    pub fn frames(&self) -> usize {
        self.reel.frames.len()
    }

    /// A frame of the time line, 0 the first; the last one if `index` is past the end.
    pub fn frame(&self, index: usize) -> Option<&Frame> {
        self.reel.frames.get(index).or(self.reel.frames.last())
    }

    /// What has been measured so far; after an error, what had been at the last look.
    pub fn measures(&self) -> Measures {
        let last = || self.reel.frames.last().map(|frame| frame.measures.clone());
        self.run.measures().or_else(last).unwrap_or_default()
    }

    /// What there is to see now, in one sentence.
    pub fn sentence(&self) -> String {
        self.run.sentence()
    }

    /// What files of the user's were taken for, and what was left out of them, a sentence a fact.
    pub fn understood(&self) -> Vec<String> {
        [self.run.understood(), self.read.clone()].concat()
    }

    /// What can be taken away from the run as it stands.
    pub fn results(&self) -> Vec<Array> {
        self.run.results()
    }

    /// The verdict of this run alone.
    pub fn verdict(&self) -> Verdict {
        (self.entry.verdict)(&self.settings, &Runs(vec![self.measures()]))
    }
}

impl Frame {
    /// A number that changes when any bit of the measures or views does (FNV-1a, 64 bits).
    pub fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut eat = |bytes: &[u8]| bytes.iter().for_each(|b| hash = (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        for (name, value) in &self.measures.0 {
            eat(name.as_bytes());
            // One NaN for all: their bits are the only ones that machines do not agree on.
            eat(&if value.is_nan() { f64::NAN } else { *value }.to_bits().to_le_bytes());
        }
        self.views.iter().for_each(|view| eat(view));
        hash
    }
}
