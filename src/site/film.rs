//! The front page's film: optimizers on their way down a bent valley. The ways are computed when the site is made and drawn by the page
//! itself, so that something moves before any program is there.

use serde::Serialize;

use super::Files;
use super::keep::Kept;
use crate::catalogue::find;
use gpu::Device;
use ground::error::{Error, Result};
use ground::view::{Axis, HeatMap, View};
use plot::{self, Camera, Style, Theme};
use run::data::Library;
use run::session::Session;

const SLUG: &str = "trajectory";
const PRESET: &str = "bent valley";
/// In CSS pixels.
const SIZE: (f64, f64) = (760.0, 460.0);
/// Points a way: as many as eight seconds can show.
const POINTS: usize = 240;

/// The film as the page reads it: the places of each way in pixels of the picture beneath it.
#[derive(Serialize)]
struct Film {
    experiment: &'static str,
    preset: &'static str,
    size: (f64, f64),
    ways: Vec<Way>,
}

#[derive(Serialize)]
struct Way {
    name: String,
    light: String,
    dark: String,
    /// x, y, x, y …
    points: Vec<f64>,
}

/// Puts `film.json` and the pictures beneath it, `film.svg` and `film-dark.svg`, into `files`.
///
/// # Errors
/// A run that breaks off, or whose first view is no map with ways on it.
pub fn make(kept: &Kept, files: &mut Files) -> Result<()> {
    let program = super::thumbnails::program();
    let view = kept.or_make(&[b"film", &program, SLUG.as_bytes()], run)?;
    let View::HeatMap(map) = View::decode(&view)? else {
        return Err(Error::new(format!("film: the first view of {SLUG} is no map")));
    };
    // Names of axes are for those who measure.
    let bare = |axis: &Axis| Axis { label: String::new(), ..axis.clone() };
    let ground = HeatMap { paths: Vec::new(), handle: None, x: bare(&map.x), y: bare(&map.y), ..map.clone() };
    let view = View::HeatMap(ground);
    let style = |theme| Style { width: SIZE.0, height: SIZE.1, scale: 1.0, theme };
    for (theme, name) in [(Theme::Light, "film.svg"), (Theme::Dark, "film-dark.svg")] {
        files.insert(name.into(), plot::svg(&view, &style(theme), &Camera::default()).into_bytes());
    }
    let film = Film { experiment: SLUG, preset: PRESET, size: SIZE, ways: ways(&map, &view, &style(Theme::Light))? };
    files.insert("film.json".into(), serde_json::to_vec(&film).map_err(|e| Error::new(format!("film: {e}")))?);
    Ok(())
}

/// The first view at the end of the run.
fn run() -> Result<Vec<u8>> {
    let entry = find(SLUG)?;
    let library = Library::shipped(entry.card.data);
    let mut session = Session::new(entry, entry.preset(PRESET)?, 0, &library, &Device::cpu())?;
    pollster::block_on(session.judge())?;
    Ok(session.look().views.swap_remove(0))
}

fn ways(map: &HeatMap, view: &View, style: &Style) -> Result<Vec<Way>> {
    // Two places say where all others are, since both axes are linear.
    let at = |px| plot::to_data(view, style, &Camera::default(), px).ok_or_else(|| Error::new("film: the map has no axes"));
    let (a, b) = ((SIZE.0 * 0.4, SIZE.1 * 0.4), (SIZE.0 * 0.6, SIZE.1 * 0.6));
    let (from, to) = (at(a)?, at(b)?);
    let place = |x: f64, y: f64| {
        let share = |value: f64, from: f64, to: f64| (value - from) / (to - from);
        let round = |px: f64| (10.0 * px).round() / 10.0;
        [round(a.0 + share(x, from.0, to.0) * (b.0 - a.0)), round(a.1 + share(y, from.1, to.1) * (b.1 - a.1))]
    };
    let colour = |theme, ink| {
        let [r, g, b, _] = plot::palette::Palette::of(theme).ink(ink).bytes();
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    let one = |path: &ground::view::Path| {
        let points = path.x.iter().zip(&path.y).filter(|(x, y)| x.is_finite() && y.is_finite());
        let all: Vec<[f64; 2]> = points.map(|(x, y)| place(*x, *y)).collect();
        let step = all.len().div_ceil(POINTS).max(1);
        let kept = all.iter().step_by(step).chain(all.last()).flatten().copied().collect();
        Way { name: path.name.clone(), light: colour(Theme::Light, path.ink), dark: colour(Theme::Dark, path.ink), points: kept }
    };
    Ok(map.paths.iter().filter(|path| path.x.len() > 1).map(one).collect())
}
