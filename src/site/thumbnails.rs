//! Every experiment run once at its defaults: its first view at the end as a small picture for the gallery, and its verdict.

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::keep::Kept;
use super::{Files, each, read};
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

/// Puts `thumbs/SLUG.svg` and `thumbs/SLUG-dark.svg` for every experiment into `files`, and says what each run came to.
pub fn make(kept: &Kept, files: &mut Files) -> Result<Vec<Told>> {
    let entries: Vec<_> = entries().collect();
    // Which run ends how hangs on the whole program: its bytes stand for it.
    let program = read(&std::env::current_exe().unwrap_or_default()).unwrap_or_default();
    let program = super::digest(&[&program]).to_le_bytes();
    let bar = ProgressBar::new(entries.len() as u64);
    let style = ProgressStyle::with_template("thumbnails {bar:30} {pos}/{len} {msg}").expect("the template is right");
    bar.set_style(style);
    let ends = each(&entries, |entry| {
        let bytes = kept.or_make(&[b"end", &program, entry.card.slug.as_bytes()], || end(entry));
        bar.inc(1);
        bar.set_message(entry.card.slug);
        let read = |bytes: Vec<u8>| {
            let (told, view): (Told, Vec<u8>) = postcard::from_bytes(&bytes).map_err(|e| Error::new(e.to_string()))?;
            Ok((told, View::decode(&view)?))
        };
        bytes.and_then(read).map_err(|e| e.at(entry.card.slug))
    });
    bar.finish_and_clear();
    let mut all = Vec::new();
    for (entry, end) in entries.iter().zip(ends) {
        let (told, view) = end?;
        all.push(told);
        for (theme, ending) in [(Theme::Light, ""), (Theme::Dark, "-dark")] {
            let style = Style { width: SIZE.0, height: SIZE.1, scale: 1.0, theme };
            let svg = plot::svg(&view, &style, &Camera::default());
            files.insert(format!("thumbs/{}{ending}.svg", entry.card.slug), svg.into_bytes());
        }
    }
    Ok(all)
}

/// The end of a run at the defaults with seed 0: what it came to, and the first view.
fn end(entry: &'static Entry) -> Result<Vec<u8>> {
    let library = Library::shipped(entry.card.data);
    let mut session = Session::new(entry, Settings::default_of(entry.controls), 0, &library, &Device::cpu())?;
    pollster::block_on(session.advance(|_| false))?;
    let verdict = session.verdict();
    let told = Told { holds: verdict.holds, figure: verdict.figure, threshold: verdict.threshold };
    postcard::to_allocvec(&(told, session.look().views.swap_remove(0))).map_err(|e| Error::new(e.to_string()))
}
