//! The first view of every experiment at the end of a run at its defaults, as small pictures for the gallery.

use indicatif::{ProgressBar, ProgressStyle};

use super::keep::Kept;
use super::{Files, each, read};
use crate::controls::Settings;
use crate::data::Library;
use crate::error::Result;
use crate::experiment::Entry;
use crate::gpu::Device;
use crate::labs::entries;
use crate::plot::{self, Camera, Style, Theme};
use crate::session::Session;
use crate::view::View;

/// In CSS pixels.
const SIZE: (f64, f64) = (360.0, 240.0);

/// Puts `thumbs/SLUG.svg` and `thumbs/SLUG-dark.svg` for every experiment into `files`.
pub fn make(kept: &Kept, files: &mut Files) -> Result<()> {
    let entries: Vec<_> = entries().collect();
    // Which run ends how hangs on the whole program: its bytes stand for it.
    let program = read(&std::env::current_exe().unwrap_or_default()).unwrap_or_default();
    let program = super::digest(&[&program]).to_le_bytes();
    let bar = ProgressBar::new(entries.len() as u64);
    let style = ProgressStyle::with_template("thumbnails {bar:30} {pos}/{len} {msg}").expect("the template is right");
    bar.set_style(style);
    let views = each(&entries, |entry| {
        let view = kept.or_make(&[b"view", &program, entry.card.slug.as_bytes()], || end(entry));
        bar.inc(1);
        bar.set_message(entry.card.slug);
        view.and_then(|bytes| View::decode(&bytes)).map_err(|e| e.at(entry.card.slug))
    });
    bar.finish_and_clear();
    for (entry, view) in entries.iter().zip(views) {
        let view = view?;
        for (theme, ending) in [(Theme::Light, ""), (Theme::Dark, "-dark")] {
            let style = Style { width: SIZE.0, height: SIZE.1, scale: 1.0, theme };
            let svg = plot::svg(&view, &style, &Camera::default());
            files.insert(format!("thumbs/{}{ending}.svg", entry.card.slug), svg.into_bytes());
        }
    }
    Ok(())
}

/// The first view, encoded, at the end of a run at the defaults with seed 0.
fn end(entry: &'static Entry) -> Result<Vec<u8>> {
    let library = Library::shipped(entry.card.data);
    let mut session = Session::new(entry, Settings::default_of(entry.controls), 0, &library)?;
    pollster::block_on(session.advance(&Device::cpu(), || false))?;
    Ok(session.look().views.swap_remove(0))
}
