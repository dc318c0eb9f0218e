//! Every experiment run once at its defaults: its first view at the end as a small picture for the gallery, the same on its way there as a
//! film, and its verdict.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::keep::Kept;
use super::{Files, digest, each, read, table, write_one};
use crate::catalogue::entries;
use gpu::Device;
use ground::controls::Settings;
use ground::error::{Error, Result};
use ground::view::View;
use plot::{self, Camera, Style, Theme};
use run::data::Library;
use run::experiment::Entry;
use run::session::Session;

/// What a run at the defaults with seed 0 came to: whether the claim holds, the figure that decides, and what it is held against.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Told {
    pub holds: Option<bool>,
    pub figure: f64,
    pub threshold: f64,
}

/// In CSS pixels.
const SIZE: (f64, f64) = (360.0, 240.0);
/// Frames of a film, one under the other in its file.
const FRAMES: usize = 12;
/// Pixels of a film a CSS pixel: it is looked at for its motion.
const FILM: f64 = 2.0 / 3.0;

/// Puts `thumbs/SLUG.svg` and `thumbs/SLUG-dark.svg`, and films `thumbs/SLUG.png` and `thumbs/SLUG-dark.png`, for every experiment into `files`, and says what each run came to.
pub fn make(kept: &Kept, files: &mut Files) -> Result<Vec<Option<Told>>> {
    let entries: Vec<_> = entries().collect();
    let program = program();
    let bar = ProgressBar::new(entries.len() as u64);
    let style = ProgressStyle::with_template("thumbnails {bar:30} {pos}/{len} {msg}").expect("the template is right");
    bar.set_style(style);
    let ends = each(&entries, |entry| {
        let bytes = kept.or_make(&key(&program, entry), || end(entry));
        bar.inc(1);
        bar.set_message(entry.card.slug);
        bytes.and_then(|bytes| draw(entry, &bytes))
    });
    bar.finish_and_clear();
    let mut all = Vec::new();
    for end in ends {
        let (told, pictures) = end?;
        all.push(Some(told));
        files.extend(pictures);
    }
    Ok(all)
}

/// The same as far as it is known without a run; pictures that are not are those of an earlier build in `out`.
pub fn find(out: &Path, kept: &Kept, files: &mut Files) -> Result<Vec<Option<Told>>> {
    let program = program();
    let find = |entry: &'static Entry| {
        if let Some(bytes) = kept.find(&key(&program, entry)) {
            let (told, pictures) = draw(entry, &bytes)?;
            files.extend(pictures);
            return Ok(Some(told));
        }
        for name in names(entry).iter().flat_map(|(_, name)| ["svg", "png"].map(|ending| format!("{name}.{ending}"))) {
            files.extend(read(&out.join(&name)).ok().map(|bytes| (name, bytes)));
        }
        Ok(None)
    };
    entries().map(find).collect()
}

/// Runs what has not been run, one after the other, and puts pictures and table into the site in the folder `out`.
pub fn fill(out: &Path, kept: &Kept) -> Result<()> {
    let program = program();
    let mut all = Vec::new();
    for entry in entries() {
        let (told, pictures) = draw(entry, &kept.or_make(&key(&program, entry), || end(entry))?)?;
        for (name, bytes) in pictures {
            write_one(out, &name, &bytes)?;
        }
        all.push(Some(told));
    }
    table::put_into(out, &all)
}

/// Which run ends how hangs on the whole program: its bytes stand for it.
pub(super) fn program() -> [u8; 8] {
    let program = read(&std::env::current_exe().unwrap_or_default()).unwrap_or_default();
    digest(&[&program]).to_le_bytes()
}

fn key<'a>(program: &'a [u8], entry: &Entry) -> [&'a [u8]; 3] {
    [b"end", program, entry.card.slug.as_bytes()]
}

/// The files of an experiment's picture and film, without ending.
fn names(entry: &Entry) -> [(Theme, String); 2] {
    let slug = entry.card.slug;
    [(Theme::Light, format!("thumbs/{slug}")), (Theme::Dark, format!("thumbs/{slug}-dark"))]
}

/// What a run came to and its pictures, from what [`end`] gave.
fn draw(entry: &Entry, end: &[u8]) -> Result<(Told, Files)> {
    let wrong = |e: Error| e.at(entry.card.slug);
    let (told, frames): (Told, Vec<Vec<u8>>) = postcard::from_bytes(end).map_err(|e| wrong(Error::new(e.to_string())))?;
    let views = frames.iter().map(|bytes| View::decode(bytes)).collect::<Result<Vec<_>>>().map_err(wrong)?;
    let last = views.last().ok_or_else(|| wrong(Error::new("there is nothing to be seen")))?;
    let mut pictures = Files::new();
    for (theme, name) in names(entry) {
        let style = Style { width: SIZE.0, height: SIZE.1, scale: 1.0, theme };
        pictures.insert(format!("{name}.svg"), plot::svg(last, &style, &Camera::default()).into_bytes());
        let small = Style { scale: FILM, ..style };
        pictures.insert(format!("{name}.png"), plot::film(&views, &small).map_err(wrong)?);
    }
    Ok((told, pictures))
}

/// A run at the defaults with seed 0: what it came to, and its first view at [`FRAMES`] moments, the last of them its end.
fn end(entry: &'static Entry) -> Result<Vec<u8>> {
    let library = Library::shipped(entry.card.data);
    let mut session = Session::new(entry, Settings::default_of(entry.controls), 0, &library, &Device::cpu())?;
    session.show(vec![0]);
    session.look();
    while !pollster::block_on(session.advance(|_| true))?.over {
        if session.due() {
            session.look();
        }
    }
    let last = session.look();
    let verdict = session.verdict();
    let told = Told { holds: verdict.holds, figure: verdict.figure, threshold: verdict.threshold };
    let kept = session.frames().saturating_sub(1);
    let moment = |k: usize| session.frame(k * kept / (FRAMES - 1)).map(|frame| frame.views[0].clone());
    let mut frames: Vec<Vec<u8>> = (0..FRAMES - 1).filter_map(moment).collect();
    frames.push(last.views[0].clone());
    postcard::to_allocvec(&(told, frames)).map_err(|e| Error::new(e.to_string()))
}
