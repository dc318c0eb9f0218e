//! Where every start leads: a map a racer, finer with every pass.

use methods::optimize::Rule;
use methods::optimize::basins::{Flow, Landing, NEAR};
use run::kernels::basins::{landings, pays};

use super::*;

/// Pixels a side, pass by pass.
const PASSES: [usize; 4] = [32, 64, 128, 256];
/// The finest pass for those who look at more than one gradient a step.
const SLOW: usize = 64;
/// Okabe and Ito's colours, the eighth (black) left for those who diverge.
const COLOURS: [[u8; 3]; 7] =
    [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [240, 228, 66]];
const ON_ITS_WAY: [u8; 3] = [150, 150, 150];
const DIVERGED: [u8; 3] = [20, 20, 20];

/// The maps.
pub struct Atlas {
    /// Pixels a side and landings of the finest whole pass of each racer.
    whole: Vec<(usize, Vec<Landing>)>,
    minima: Vec<[f64; 2]>,
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived at the minimum of that index.
    Arrived(usize),
    /// It is somewhere else.
    OnItsWay,
    /// It is nowhere any more.
    Diverged,
}

impl Atlas {
    /// No map of so many racers is made yet.
    pub fn new(racers: usize, minima: &[[f64; 2]]) -> Self {
        Atlas { whole: vec![(0, Vec::new()); racers], minima: minima.to_vec() }
    }

    /// What became of a landing, in a window so wide.
    fn fate(&self, landing: &Landing, width: f64) -> Fate {
        let at = landing.at.map(f64::from);
        if !at.iter().all(|v| v.abs() <= 1e6 * width) {
            return Fate::Diverged;
        }
        let near = |m: &[f64; 2]| (m[0] - at[0]).abs().max((m[1] - at[1]).abs()) < NEAR * width;
        self.minima.iter().position(near).map_or(Fate::OnItsWay, Fate::Arrived)
    }
}

/// The middle of a pixel between the ends of the window.
fn middle(pixel: usize, side: usize, (low, high): (f64, f64)) -> f64 {
    low + (high - low) * (pixel as f64 + 0.5) / side as f64
}

impl Race {
    /// All maps, pass by pass.
    pub(super) async fn survey(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for side in PASSES {
            for racer in 0..self.atlas.whole.len() {
                if self.atlas.whole[racer].0 < side && side <= self.finest(racer) {
                    self = match self.method(racer) {
                        Method::First(rule) => self.follow(racer, rule, side, stage).await,
                        _ => self.walk_from_everywhere(racer, side, stage).await,
                    };
                }
            }
        }
        self
    }

    /// Rows of pixels that are made, and how many there are.
    pub(super) fn rows(&self) -> (usize, usize) {
        let rows = |side: usize| PASSES.iter().filter(|pass| **pass <= side).sum::<usize>();
        let whole = &self.atlas.whole;
        (whole.iter().map(|(side, _)| rows(*side)).sum(), (0..whole.len()).map(|racer| rows(self.finest(racer))).sum())
    }

    fn method(&self, racer: usize) -> Method {
        self.racers[racer].who.method(&self.controls, self.course.least)
    }

    /// The finest pass of a racer.
    fn finest(&self, racer: usize) -> usize {
        if matches!(self.method(racer), Method::First(_)) { PASSES[PASSES.len() - 1] } else { SLOW }
    }

    /// What stands still moves less than this a step.
    fn still(&self) -> f64 {
        let [x, _] = self.window();
        1e-4 * (x.1 - x.0)
    }

    /// A map of a first-order rule, eight starts at once. Where the GPU is faster, it makes the finest map at once; if it is lost meanwhile,
    /// the CPU goes on.
    async fn follow(mut self: Box<Self>, racer: usize, rule: Rule, side: usize, stage: &Stage<Self>) -> Box<Self> {
        let [x, y] = self.window();
        let walk = self.racers[racer].walk.as_ref().expect("the race is over");
        let flow = Flow {
            landscape: self.landscape().expect("a surface").clone(),
            rule,
            step_sizes: walk.step_sizes(),
            tilts: (0..self.course.steps).map_while(|t| <[f64; 2]>::try_from(self.course.noise.at(t).tilt).ok()).collect(),
            still: self.still(),
        };
        let finest = PASSES[PASSES.len() - 1];
        if let Some(gpu) = stage.device().gpu()
            && pays(gpu, &flow, [x, y], finest).await
            && let Ok(landings) = landings(gpu, &flow, [x, y], finest).await
        {
            self.atlas.whole[racer] = (finest, landings);
            return stage.next(self).await;
        }
        let mut made = Vec::with_capacity(side * side);
        for row in 0..side {
            for eight in (0..side).step_by(8) {
                let xs = std::array::from_fn(|i| middle(eight + i, side, x) as f32);
                made.extend(flow.run(&xs, &[middle(row, side, y) as f32; 8]));
            }
            self = stage.next(self).await;
        }
        self.atlas.whole[racer] = (side, made);
        self
    }

    /// A map of anyone else, start by start.
    async fn walk_from_everywhere(mut self: Box<Self>, racer: usize, side: usize, stage: &Stage<Self>) -> Box<Self> {
        let ([x, y], still) = (self.window(), self.still());
        let Racer { who, step_size, .. } = self.racers[racer];
        let mut made = Vec::with_capacity(side * side);
        for row in 0..side {
            for column in 0..side {
                let start = [middle(column, side, x), middle(row, side, y)].into();
                let mut walk = self.walk(who, step_size, &start, &self.controls);
                let mut settled = 0.0;
                while !walk.over(&self.course) {
                    let before = [walk.x[0], walk.x[1]];
                    walk.step(&self.course);
                    let moved = (walk.x[0] - before[0]).abs().max((walk.x[1] - before[1]).abs());
                    if moved >= still {
                        settled = walk.t as f32;
                    }
                    // A solver that finds nothing to do will find nothing the next time.
                    if moved == 0.0 && self.controls.noise == Weather::Clear {
                        break;
                    }
                    if walk.t.is_multiple_of(self.course.stretch) {
                        self = stage.part(self).await;
                    }
                }
                let at = if walk.diverged.is_some() { [f32::NAN; 2] } else { [walk.x[0] as f32, walk.x[1] as f32] };
                made.push(Landing { at, settled });
                self = stage.part(self).await;
            }
            self = stage.next(self).await;
        }
        self.atlas.whole[racer] = (side, made);
        self
    }

    /// What became of all starts of a racer's map; empty if there is none.
    pub(super) fn fates(&self, racer: usize) -> Vec<Fate> {
        let [x, _] = self.window();
        let landings = self.atlas.whole.get(racer).map_or(&[][..], |(_, landings)| landings);
        landings.iter().map(|landing| self.atlas.fate(landing, x.1 - x.0)).collect()
    }

    /// It arrived at one of the lowest minima.
    pub(super) fn is_lowest(&self, fate: Fate) -> bool {
        matches!(fate, Fate::Arrived(m) if m < self.lowest().len())
    }

    /// The maps side by side.
    pub(super) fn maps(&self) -> Option<Images> {
        let finest = self.atlas.whole.iter().map(|(side, _)| *side).max().filter(|side| *side > 0)?;
        let (mut pixels, mut captions) = (Vec::new(), Vec::new());
        for (racer, (side, landings)) in self.atlas.whole.iter().enumerate() {
            let fates = self.fates(racer);
            for row in (0..finest).rev() {
                for column in 0..finest {
                    if *side == 0 {
                        pixels.extend([230; 3]);
                        continue;
                    }
                    let i = row * side / finest * side + column * side / finest;
                    let shade = 1.0 - 0.55 * landings[i].settled / self.course.steps as f32;
                    let [r, g, b] = match fates[i] {
                        Fate::Arrived(m) => COLOURS[m % COLOURS.len()].map(|c| (f32::from(c) * shade) as u8),
                        Fate::OnItsWay => ON_ITS_WAY,
                        Fate::Diverged => DIVERGED,
                    };
                    pixels.extend([r, g, b]);
                }
            }
            let lowest = fates.iter().filter(|f| self.is_lowest(**f)).count() as f64 / fates.len().max(1) as f64;
            captions.push(format!("{}: {:.0} %", self.name(&self.racers[racer]), 100.0 * lowest));
        }
        let columns = if self.atlas.whole.len() > 1 { 2 } else { 1 };
        Some(Images { width: finest, height: finest, channels: 3, columns, pixels, captions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is known of it yet.
    fn landing(x: f32, y: f32) -> Landing {
        Landing { at: [x, y], settled: 0.0 }
    }

    #[test]
    fn fates_are_told() {
        let atlas = Atlas::new(1, &Landscape::Himmelblau.minima());
        let Fate::Arrived(three_two) = atlas.fate(&landing(3.01, 2.01), 10.0) else { panic!("near (3, 2)") };
        assert!((atlas.minima[three_two][0] - 3.0).abs() < 1e-6);
        assert_eq!(atlas.fate(&landing(0.0, 0.0), 10.0), Fate::OnItsWay);
        assert_eq!(atlas.fate(&landing(f32::NAN, 0.0), 10.0), Fate::Diverged);
        assert_eq!(atlas.fate(&landing(1e20, 0.0), 10.0), Fate::Diverged);
    }
}
