//! One live run: start, advance in slices, record, scrub.

use crate::data::{Array, Library};
use crate::experiment::{Entry, Progress, Run};
use gpu::Device;
use ground::claim::{Measures, Verdict};
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
    progress: Progress,
    reel: Reel,
}

/// What there was to see at one moment of a run.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When.
    pub progress: Progress,
    /// Every view, encoded (see [`View::encode`](ground::view::View::encode)).
    pub views: Vec<Vec<u8>>,
    /// The measures.
    pub measures: Measures,
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
            .is_none_or(|last| now.done >= last.progress.done + self.stride || (now.finished() && now.done > last.progress.done))
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
    pub fn new(entry: &'static Entry, settings: Settings, seed: u64, library: &Library) -> Result<Self> {
        let run = (entry.start)(&settings, seed, library)?;
        Ok(Session { entry, settings, seed, run, progress: Progress { done: 0, of: usize::MAX }, reel: Reel::default() })
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
        // The run may have more to do now.
        self.progress.of = usize::MAX;
        true
    }

    /// How far the run is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Advances the run by slices, at least one, until it is over or `enough` says so between two slices.
    pub async fn advance(&mut self, device: &Device, mut enough: impl FnMut() -> bool) -> Result<Progress> {
        while !self.progress.finished() {
            self.progress = self.run.step(device).await?;
            if enough() {
                break;
            }
        }
        Ok(self.progress)
    }

    /// What there is to see now; kept on the time line when it is due.
    pub fn look(&mut self) -> Frame {
        let views = (0..self.entry.card.views.len()).map(|which| self.run.view(which).encode()).collect();
        let frame = Frame { progress: self.progress, views, measures: self.run.measures() };
        if self.reel.wants(self.progress) {
            self.reel.push(frame.clone());
        }
        frame
    }

    /// Does the time line want a frame of this moment?
    pub fn due(&self) -> bool {
        self.reel.wants(self.progress)
    }

    /// How many frames the time line has.
    pub fn frames(&self) -> usize {
        self.reel.frames.len()
    }

    /// A frame of the time line, 0 the first; the last one if `index` is past the end.
    pub fn frame(&self, index: usize) -> Option<&Frame> {
        self.reel.frames.get(index).or(self.reel.frames.last())
    }

    /// What has been measured so far.
    pub fn measures(&self) -> Measures {
        self.run.measures()
    }

    /// What can be taken away from the run as it stands.
    pub fn results(&self) -> Vec<Array> {
        self.run.results()
    }

    /// The verdict of this run alone.
    pub fn verdict(&self) -> Verdict {
        (self.entry.verdict)(&[self.measures()])
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
