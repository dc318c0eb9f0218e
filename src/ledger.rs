//! The ledger of runs: every run is run once, and whoever asks what it came to reads that here.
//!
//! A run is told by its experiment, preset and seed, and by a digest of all that it hangs on: its own files, the crates below it, the data,
//! the versions of what it is compiled with. The same inputs give the same bits, so what the ledger holds of a run is what another run
//! would find. It is kept in a folder, one file a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::catalogue::{self, module};
use crate::pool;
use gpu::Device;
use ground::card::{Expect, Preset};
use ground::claim::{Measures, Runs, Verdict};
use ground::error::{Error, Result};
use run::data::Library;
use run::experiment::Entry;
use run::session::Session;

mod digests {
    include!(concat!(env!("OUT_DIR"), "/digests.rs"));
}

/// One run, by name.
#[derive(Clone, Copy)]
pub struct Job {
    /// The experiment.
    pub entry: &'static Entry,
    /// Its preset.
    pub preset: &'static Preset,
    /// The seed.
    pub seed: u64,
    /// To its end, and not only until its verdict is settled.
    pub to_end: bool,
}

/// What a run came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// When its verdict was settled.
    pub judged: Moment,
    /// At its end, if it was run as far.
    pub end: Option<Moment>,
    /// Its first view at the end, encoded; empty if it was not run as far.
    pub picture: Vec<u8>,
    /// The longest unit of work, or part of one, in milliseconds.
    pub longest: f64,
    /// Until there was a first picture, in milliseconds.
    pub first_picture: f64,
}

/// What there was at a moment of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// What was measured.
    pub measures: Measures,
    /// What there was to see, in a sentence.
    pub sentence: String,
    /// The hash of all measures and views.
    pub hash: u64,
    /// Seconds of computing until then.
    pub seconds: f64,
}

/// The folder of the ledger, below the sources.
const FOLDER: &str = "target/ledger";

/// What the runs of these jobs came to, in their order: read where they are known, run on all cores where not.
///
/// # Errors
/// A run that breaks off, by its name.
pub fn records(jobs: &[Job], told: impl Fn(&Job) + Sync) -> Result<Vec<Record>> {
    fs::create_dir_all(FOLDER).map_err(|e| Error::new(format!("{FOLDER}: cannot be made ({e})")))?;
    let record = |job: &Job| {
        let record = match known(job) {
            Some(record) => record,
            None => keep(job, play(job).map_err(|e| e.at(name(job)))?)?,
        };
        told(job);
        Ok(record)
    };
    pool::each(jobs, pool::cores(), record).into_iter().collect()
}

/// What the ledger holds of a run, if it is still the run that these sources make, and as far.
fn known(job: &Job) -> Option<Record> {
    let (digest, record): (u64, Record) = postcard::from_bytes(&fs::read(file(job)).ok()?).ok()?;
    (digest == digest_of(job) && (record.end.is_some() || !job.to_end)).then_some(record)
}

fn keep(job: &Job, record: Record) -> Result<Record> {
    let bytes = postcard::to_allocvec(&(digest_of(job), &record)).map_err(|e| Error::new(e.to_string()))?;
    let file = file(job);
    // Written beside and moved, so that two programs at once never read half a file.
    let beside = file.with_extension(std::process::id().to_string());
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &file));
    written.map_err(|e| Error::new(format!("{}: cannot be written ({e})", file.display())))?;
    Ok(record)
}

fn name(job: &Job) -> String {
    format!("{}, {}, seed {}", job.entry.card.slug, job.preset.name, job.seed)
}

fn file(job: &Job) -> PathBuf {
    let preset: String = job.preset.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    Path::new(FOLDER).join(format!("{}.{preset}.{}.run", job.entry.card.slug, job.seed))
}

/// Of all that a run hangs on.
fn digest_of(job: &Job) -> u64 {
    let (slug, folder) = (job.entry.card.slug.replace('-', "_"), module(job.entry).folder);
    let whole = job.entry.lab == run::experiment::INSTRUMENTS;
    let own = |path: &str| {
        let within = path.strip_prefix(&folder).and_then(|path| path.strip_prefix('/'));
        within.is_some_and(|path| {
            whole || path == "mod.rs" || path.strip_prefix(&slug).is_some_and(|rest| rest.starts_with(['.', '/']))
        })
    };
    let parts = digests::OWN.iter().filter(|(path, _)| own(path)).map(|(_, digest)| *digest);
    let set = format!("{:?}", job.preset.set);
    let bytes = parts.flat_map(u64::to_le_bytes).chain(set.into_bytes());
    bytes.fold(digests::COMMON, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Runs it on the CPU.
fn play(job: &Job) -> Result<Record> {
    let library = Library::shipped(job.entry.card.data);
    let begin = Instant::now();
    let mut session = Session::new(job.entry, job.entry.preset(job.preset.name)?, job.seed, &library, &Device::cpu())?;
    session.look();
    let first_picture = 1e3 * begin.elapsed().as_secs_f64();
    let (mut longest, mut spent, mut judged) = (0.0f64, 0.0, None);
    let moment = |session: &mut Session, seconds: f64| {
        let frame = session.look();
        Moment { hash: frame.hash(), measures: frame.measures, sentence: frame.sentence, seconds }
    };
    loop {
        let unit = Instant::now();
        let progress = pollster::block_on(session.advance(|_| true))?;
        let seconds = unit.elapsed().as_secs_f64();
        longest = longest.max(1e3 * seconds);
        spent += seconds;
        if progress.judged && judged.is_none() {
            judged = Some(moment(&mut session, spent));
        }
        if progress.over || (judged.is_some() && !job.to_end) {
            break;
        }
    }
    let judged = judged.expect("a run that is over is judged");
    let end = session.progress().over.then(|| moment(&mut session, spent));
    let picture = if end.is_some() { session.look().views.swap_remove(0) } else { Vec::new() };
    Ok(Record { judged, end, picture, longest, first_picture })
}

/// Which experiments the tests are about, from the environment: `ORRERY_ONLY` (labs and slugs parted by commas; all if it is not set) and
/// `ORRERY_SHARD` (`I/N`: the I-th of N parts).
pub fn selection() -> Vec<&'static Entry> {
    let only = std::env::var("ORRERY_ONLY").unwrap_or_default();
    let named = |entry: &&Entry| only.is_empty() || only.split(',').any(|name| name == entry.lab || name == entry.card.slug);
    let shard = std::env::var("ORRERY_SHARD").ok();
    let parts =
        shard.as_deref().and_then(|shard| shard.split_once('/')).and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let (part, parts): (usize, usize) = parts.unwrap_or((1, 1));
    catalogue::entries().filter(named).skip(part.max(1) - 1).step_by(parts.max(1)).collect()
}

/// The runs that the tests ask for: what presets must show, and the bits of the first two at their end. Presets called `paper` take
/// longer and are left out unless `ORRERY_PAPER` is set.
pub fn wanted(entry: &'static Entry) -> Vec<Job> {
    let job = move |preset, seed, to_end| Job { entry, preset, seed, to_end };
    let mut jobs = Vec::new();
    for (place, preset) in entry.card.presets.iter().enumerate() {
        if preset.name == "paper" && std::env::var_os("ORRERY_PAPER").is_none() {
            continue;
        }
        let seeds = match preset.expect {
            Expect::Open | Expect::Outside => 1,
            Expect::Holds | Expect::Gone | Expect::Within(_) => entry.card.seeds,
        };
        jobs.extend((0..seeds).map(|seed| job(preset, seed, place < 2 && seed == 0)));
    }
    jobs
}

/// The verdict over the runs of one preset.
pub fn verdict(entry: &Entry, preset: &str, runs: Vec<Measures>) -> Result<Verdict> {
    Ok((entry.verdict)(&entry.preset(preset)?, &Runs(runs)))
}
