//! The command line: list, run, sweep, build, serve.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::HashSet;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use gpu::Device;
use ground::claim::{Measures, Runs};
use ground::controls::Settings;
use ground::view::View;
use indicatif::{ProgressBar, ProgressStyle};
use orrery::ledger::{self, Job, Moment};
use orrery::{Error, Result, catalogue, pool, site};
use run::data::{Files, Library};
use run::experiment::Entry;
use run::session::{Frame, Session};
use serde_json::{Map, Value, json};

mod sweep;

/// How learning works, as experiments that measure what papers claim.
#[derive(Parser)]
#[command(name = "orrery", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the experiments
    List {
        /// The cards as a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Run an experiment over its seeds and judge its claim
    Run(RunArgs),
    /// Run an experiment for every combination of control values, into a CSV file
    Sweep(SweepArgs),
    /// Tell in numbers what pages rest on: claims over forty seeds, costs, lengths
    Audit {
        /// Labs or slugs; all of them if none is named
        names: Vec<String>,
    },
    /// Print the hashes of the runs that tests ask for, as a JSON array; they are run where the ledger does not have them
    Ledger,
    /// Build the static site
    Build {
        /// Where to
        #[arg(long, default_value = "dist")]
        out: PathBuf,
        /// The folder with the compiled modules, as ./dev build makes them
        #[arg(long, default_value = "target/web/wasm32-unknown-unknown/web")]
        modules: PathBuf,
        /// For this machine, and soon: nothing compressed, and of the pictures those that there are
        #[arg(long)]
        quick: bool,
        /// With the module that tests and measurements use
        #[arg(long)]
        timers: bool,
    },
    /// Take a part of the site along: some experiments in a folder, or a zip, that any web server can serve
    Package {
        /// The experiments
        #[arg(required = true)]
        slugs: Vec<String>,
        /// The folder, or the file if it ends in .zip
        #[arg(long)]
        out: PathBuf,
        /// For a learning platform: SCORM 1.2, completed with the story and scored by the predictions
        #[arg(long)]
        scorm: bool,
        /// The site, as ./dev build makes it
        #[arg(long, default_value = "dist")]
        site: PathBuf,
    },
    /// Serve the static site on 127.0.0.1
    Serve {
        /// The port; 0 takes a free one
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// The site
        #[arg(long, default_value = "dist")]
        dir: PathBuf,
        /// Build again when a source changes
        #[arg(long)]
        watch: bool,
        /// Make the pictures of the front page meanwhile
        #[arg(long)]
        pictures: bool,
    },
}

#[derive(Args)]
struct RunArgs {
    /// The experiment's slug, or none with --all
    #[arg(required_unless_present = "all")]
    slug: Option<String>,
    /// Every experiment, one line each
    #[arg(long, conflicts_with_all = ["slug", "out"])]
    all: bool,
    /// With --all: only this lab
    #[arg(long, requires = "all")]
    lab: Option<String>,
    #[command(flatten)]
    at: At,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Write every view of the first seed as SVG, PNG and CSV
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct At {
    /// Start from this preset
    #[arg(long, default_value = "default")]
    preset: String,
    /// Set a control: NAME=VALUE (for sweep: NAME=A,B,C, and the same name again for more)
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The seeds: FIRST..LAST, both included, or one number; by default those of the claim
    #[arg(long)]
    seeds: Option<String>,
    /// Files of your own, as they would be dropped on the page
    #[arg(long = "data", value_name = "FILE")]
    data: Vec<PathBuf>,
}

#[derive(Args)]
struct SweepArgs {
    /// The experiment's slug
    slug: String,
    #[command(flatten)]
    at: At,
    /// Runs at a time
    #[arg(long, default_value_t = pool::cores())]
    jobs: usize,
    /// Only the I-th of N parts of the runs, I from 1: I/N
    #[arg(long)]
    shard: Option<String>,
    /// The CSV file
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    let command = Cli::try_parse().map(|cli| cli.command).unwrap_or_else(|error| {
        let code = if error.use_stderr() { 2 } else { 0 };
        let text = error.render().to_string();
        // Bad input is one line; help is as long as it is.
        if code == 2 {
            eprintln!("{}", text.lines().next().unwrap_or_default())
        } else {
            print!("{text}")
        }
        std::process::exit(code)
    });
    // What breaks down in a run is told in one sentence, where it is known which run it was.
    if matches!(command, Command::Run(_) | Command::Sweep(_)) {
        std::panic::set_hook(Box::new(|_| ()));
    }
    let done = unbroken("the program", || match command {
        Command::List { json } => list(json).map(|()| true),
        Command::Run(args) => run(&args),
        Command::Sweep(args) => sweep::sweep(&args).map(|()| true),
        Command::Audit { names } => audit(&names).map(|()| true),
        Command::Ledger => print_ledger().map(|()| true),
        Command::Build { out, modules, quick, timers } => {
            site::build(&out, &modules, site::Making { quick, timers }).map(|()| true)
        }
        Command::Package { slugs, out, scorm, site } => site::package(&site, &slugs, &out, scorm).map(|()| true),
        Command::Serve { port, dir, watch, pictures } => site::serve(&dir, port, watch, pictures).map(|()| true),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // One line, whatever foreign words are in it.
            eprintln!("orrery: {}", ground::file::printable(&error.to_string(), usize::MAX));
            ExitCode::from(2)
        }
    }
}

/// What `work` gives; an error in the place of a panic in it.
fn unbroken<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let why = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Error::new(format!("{what} broke down: {}", why.unwrap_or("for an unknown reason"))))
    })
}

/// Prints to standard output; a reader that has seen enough (`| head`) ends the program quietly.
fn say(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        say(&site::cards().to_string());
        return Ok(());
    }
    for lab in catalogue::LABS.iter().filter(|lab| !lab.entries.is_empty()) {
        say(&format!("{} - {}", lab.title, lab.question));
        for entry in lab.entries {
            let card = entry.card;
            say(&format!("  {:<34} {} [{}]", card.slug, card.title, card.reproduction.words()));
            let presets: Vec<_> = card.presets.iter().map(|p| p.name).collect();
            let controls: Vec<_> = entry.controls.iter().map(|c| &*c.name).collect();
            say(&format!("  {:<34} {}, {}", "", card.paper.title, card.paper.year));
            say(&format!("  {:<34} presets: {}; controls: {}", "", presets.join(", "), controls.join(", ")));
        }
    }
    Ok(())
}

/// One finished run.
struct Outcome {
    seed: u64,
    measures: Measures,
    seconds: f64,
    frame: Frame,
    understood: Vec<String>,
}

/// The part of the command line that every run shares, checked.
struct Setting {
    entry: &'static Entry,
    settings: Settings,
    seeds: Vec<u64>,
    files: Arc<Files>,
    /// The names of the files, if there are any.
    names: Option<String>,
}

impl Setting {
    fn new(slug: &str, at: &At, set: &[(String, String)]) -> Result<Setting> {
        let entry = catalogue::find(slug)?;
        let mut settings = entry.preset(&at.preset)?;
        for (name, value) in set {
            settings.set(entry.controls, name, value)?;
        }
        let seeds = at.seeds.as_deref().map_or(Ok((0..entry.card.seeds).collect()), seeds)?;
        let (mut files, mut taken) = (Files::default(), HashSet::new());
        for path in &at.data {
            if entry.card.own_data.is_none() {
                return Err(Error::new(format!("--data: {slug} takes no files")));
            }
            let bytes = std::fs::read(path).map_err(|e| Error::new(format!("{}: {e}", path.display())))?;
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let file = run::data::open(&name, &bytes)?;
            if !taken.insert(file.name.clone()) {
                let (path, name) = (path.display(), &file.name);
                return Err(Error::new(format!("--data {path}: another file is called {name} as well; rename one of them")));
            }
            files.add(file);
        }
        let names = at.data.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
        Ok(Setting { entry, settings, seeds, files: Arc::new(files), names: (!names.is_empty()).then_some(names) })
    }

    /// What its runs may read.
    fn library(&self) -> Library {
        Library::shipped(self.entry.card.data).with_files(self.files.clone())
    }

    /// Runs one seed to its end on the CPU: the same bits everywhere. A run that breaks down takes no other with it.
    fn run(&self, seed: u64, tell: impl FnMut(f64)) -> Result<Outcome> {
        unbroken(&format!("{}, seed {seed}: the computation", self.entry.card.slug), || self.to_its_end(seed, tell))
    }

    fn to_its_end(&self, seed: u64, mut tell: impl FnMut(f64)) -> Result<Outcome> {
        let library = self.library();
        let begin = Instant::now();
        let mut session = Session::new(self.entry, self.settings.clone(), seed, &library, &Device::cpu())?;
        while !session.progress().over {
            let slice = Instant::now();
            let progress = pollster::block_on(session.advance(|_| slice.elapsed().as_millis() >= 100))?;
            tell(progress.done as f64 / progress.of.max(1) as f64);
        }
        let seconds = begin.elapsed().as_secs_f64();
        Ok(Outcome { seed, measures: session.measures(), seconds, understood: session.understood(), frame: session.look() })
    }
}

/// `0..4` as 0, 1, 2, 3, 4; `7` as 7.
fn seeds(text: &str) -> Result<Vec<u64>> {
    let bad = || Error::new(format!("--seeds {text}: neither FIRST..LAST nor one whole number"));
    let number = |t: &str| t.parse::<u64>().map_err(|_| bad());
    match text.split_once("..") {
        None => Ok(vec![number(text)?]),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first || last - first >= 100_000 {
                return Err(Error::new(format!(
                    "--seeds {text}: the last must not be before the first, and at most 100,000 seeds"
                )));
            }
            Ok((first..=last).collect())
        }
    }
}

fn pairs(set: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| Error::new(format!("--set {text}: not NAME=VALUE")))?;
        Ok((name.to_string(), value.to_string()))
    };
    set.iter().map(pair).collect()
}

/// Does `work` on every item, `jobs` at a time, under a progress bar; results in the items' order.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T, &mut dyn FnMut(f64)) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    const WHOLE: f64 = 1000.0;
    let bar = bar(items.len() as u64 * WHOLE as u64);
    let results = pool::each(items, jobs, |item| {
        let mut told = 0;
        let mut tell = |share: f64| {
            let now = (share * WHOLE) as u64;
            bar.inc(now.saturating_sub(told));
            told = now.max(told);
        };
        let result = work(item, &mut tell);
        tell(1.0);
        result
    });
    bar.finish_and_clear();
    results.into_iter().collect()
}

fn bar(of: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent}% {elapsed} of about {duration}").expect("a valid template");
    ProgressBar::new(of).with_style(style)
}

fn audit(names: &[String]) -> Result<()> {
    let named = |entry: &&Entry| names.is_empty() || names.iter().any(|name| name == entry.lab || name == entry.card.slug);
    let entries: Vec<&'static Entry> = catalogue::entries().filter(named).collect();
    if entries.is_empty() {
        return Err(Error::new(format!("audit {}: neither a lab nor an experiment of that name", names.join(" "))));
    }
    let bar = bar(80 * entries.len() as u64);
    let text = orrery::audit::audit(&entries, |_| bar.inc(1))?;
    bar.finish_and_clear();
    say(text.trim_end());
    Ok(())
}

fn print_ledger() -> Result<()> {
    let jobs: Vec<Job> = ledger::selection().into_iter().flat_map(ledger::wanted).collect();
    let records = ledger::records(&jobs, |_| ())?;
    let hash = |moment: &Moment| format!("{:016x}", moment.hash);
    let rows = jobs.iter().zip(&records).map(|(job, record)| {
        json!({
            "slug": job.entry.card.slug, "lab": job.entry.lab, "preset": job.preset.name, "seed": job.seed,
            "judged": hash(&record.judged), "end": record.end.as_ref().map(hash),
        })
    });
    say(&rows.collect::<Value>().to_string());
    Ok(())
}

fn run(args: &RunArgs) -> Result<bool> {
    let set = pairs(&args.at.set)?;
    if let Some(lab) = &args.lab
        && !catalogue::LABS.iter().any(|l| l.slug == lab)
    {
        let names: Vec<_> = catalogue::LABS.iter().map(|l| l.slug).collect();
        return Err(Error::new(format!("--lab {lab}: there is none of that name; there are {}", names.join(", "))));
    }
    let slugs: Vec<&str> = match &args.slug {
        Some(slug) => vec![slug],
        None => {
            catalogue::entries().filter(|e| args.lab.as_deref().is_none_or(|lab| lab == e.lab)).map(|e| e.card.slug).collect()
        }
    };
    let settings = slugs.iter().map(|slug| Setting::new(slug, &args.at, &set)).collect::<Result<Vec<_>>>()?;
    args.out.as_deref().map_or(Ok(()), writable)?;
    let jobs: Vec<(usize, u64)> =
        settings.iter().enumerate().flat_map(|(i, setting)| setting.seeds.iter().map(move |seed| (i, *seed))).collect();
    let mut outcomes = side_by_side(&jobs, pool::cores(), |(i, seed), tell| settings[*i].run(*seed, tell))?.into_iter();
    let mut all_hold = true;
    for setting in &settings {
        let outcomes: Vec<Outcome> = outcomes.by_ref().take(setting.seeds.len()).collect();
        let runs = Runs(outcomes.iter().map(|o| o.measures.clone()).collect());
        let verdict = (setting.entry.verdict)(&setting.settings, &runs);
        all_hold &= verdict.holds != Some(false);
        let holds = match verdict.holds {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "cannot tell",
        };
        if args.json {
            say(&report(setting, &args.at.preset, &outcomes, &verdict).to_string());
        } else if args.all {
            let seconds: f64 = outcomes.iter().map(|o| o.seconds).sum();
            let (figure, threshold) = (short(verdict.figure), short(verdict.threshold));
            say(&format!(
                "{:<34} {figure:>10} / {threshold:<8} {holds:<14} {seconds:6.1} s  {}",
                setting.entry.card.slug, setting.entry.card.claim
            ));
        } else {
            say(setting.entry.card.claim);
            outcomes.iter().take(1).flat_map(|first| &first.understood).for_each(|sentence| say(&format!("  read: {sentence}")));
            for outcome in &outcomes {
                let values: Vec<_> = outcome.measures.0.iter().map(|(name, value)| format!("{name} {}", short(*value))).collect();
                say(&format!("  seed {} ({:.2} s): {}", outcome.seed, outcome.seconds, values.join(", ")));
            }
            say(&format!("{holds}: {}", verdict.text));
            for rival in verdict.rivals.iter().filter(|rival| !rival.figure.is_nan()) {
                let does = if rival.meets == Some(true) { "does as well" } else { "falls short" };
                say(&format!("  rival: {}: {} ({does})", rival.name, short(rival.figure)));
            }
        }
        if let (Some(dir), Some(first)) = (&args.out, outcomes.first()) {
            write_views(dir, setting.entry, &first.frame)?;
        }
    }
    Ok(all_hold)
}

/// Four significant digits; a dash for what is not known.
fn short(value: f64) -> String {
    match value.abs() {
        a if a.is_nan() => "–".into(),
        0.0 => "0".into(),
        a if !(1e-3..1e5).contains(&a) => format!("{value:.3e}"),
        a => format!("{value:.*}", (3 - a.log10().floor() as i32).max(0) as usize),
    }
}

/// The JSON object of a run; a number that JSON cannot write (NaN, infinity) is null.
fn report(setting: &Setting, preset: &str, outcomes: &[Outcome], verdict: &ground::claim::Verdict) -> Value {
    let entry = setting.entry;
    let controls: Map<String, Value> = entry
        .controls
        .iter()
        .zip(&setting.settings.0)
        .map(|(spec, value)| {
            let text = spec.format(value);
            (spec.name.to_string(), text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number)))
        })
        .collect();
    let runs: Vec<Value> = outcomes
        .iter()
        .map(|o| {
            let measures: Map<String, Value> = o.measures.0.iter().map(|(name, v)| (name.to_string(), json!(v))).collect();
            json!({"seed": o.seed, "measures": measures, "seconds": o.seconds, "hash": format!("{:016x}", o.frame.hash())})
        })
        .collect();
    let understood = outcomes.first().map_or(&[][..], |first| &first.understood);
    json!({
        "slug": entry.card.slug, "lab": entry.lab, "preset": preset, "controls": controls, "understood": understood,
        "runs": runs, "verdict": verdict,
    })
}

/// A folder that cannot be written is told before the work is done.
fn writable(dir: &Path) -> Result<()> {
    let probe = dir.join(format!(".orrery-{}", std::process::id()));
    let written =
        std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&probe, "")).and_then(|()| std::fs::remove_file(&probe));
    written.map_err(|e| Error::new(format!("--out {}: {e}", dir.display())))
}

fn write_views(dir: &Path, entry: &Entry, frame: &Frame) -> Result<()> {
    let failed = |path: &Path, e: std::io::Error| Error::new(format!("{}: {e}", path.display()));
    let (style, camera) = (plot::Style::default(), plot::Camera::default());
    for (panel, bytes) in entry.panels().zip(&frame.views) {
        let view = View::decode(bytes)?;
        let files = [
            ("svg", plot::svg(&view, &style, &camera).into_bytes()),
            ("png", plot::png(&view, &style, &camera)?),
            ("csv", plot::csv(&view).into_bytes()),
        ];
        for (ending, content) in files {
            let path = dir.join(format!("{}-{}.{ending}", entry.card.slug, panel.id));
            std::fs::write(&path, content).map_err(|e| failed(&path, e))?;
        }
    }
    Ok(())
}
