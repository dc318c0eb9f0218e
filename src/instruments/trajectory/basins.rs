//! Where every start leads: a map a racer, finer with every pass.

use super::field::Weather;
use super::race::Walk;
use super::{GRADIENTS, Race, Stage};
use gpu::Device;
use ground::view::Images;
use methods::basins::{Flow, Landing, NEAR};
use methods::optimize::solver::Method;
use run::kernels::basins::{landings, pays};

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
    /// Landings of the finest whole pass of each racer, and of the one being made.
    whole: Vec<(usize, Vec<Landing>)>,
    making: Vec<Landing>,
    pass: usize,
    racer: usize,
    minima: Vec<[f64; 2]>,
    /// There are two variables.
    flat: bool,
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
    pub fn new(racers: usize, minima: &[[f64; 2]], flat: bool) -> Self {
        let whole = vec![(0, Vec::new()); if flat { racers } else { 0 }];
        Atlas { whole, making: Vec::new(), pass: 0, racer: 0, minima: minima.to_vec(), flat }
    }

    /// About how many slices there are.
    pub fn slices(&self) -> usize {
        if self.flat { self.whole.len() * PASSES.iter().sum::<usize>() } else { 0 }
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

impl Race {
    /// One row of the pass that is being made (or a part of it, for those who are slow).
    pub(super) async fn survey(&mut self, device: &Device) {
        let [x, y] = self.window();
        if self.atlas.racer == self.atlas.whole.len() {
            (self.atlas.racer, self.atlas.pass) = (0, self.atlas.pass + 1);
        }
        if self.atlas.pass == PASSES.len() || self.atlas.whole.is_empty() {
            self.stage = Stage::Over;
            return;
        }
        let side = PASSES[self.atlas.pass];
        if self.atlas.whole[self.atlas.racer].0 >= side {
            self.atlas.racer += 1;
            return;
        }
        let racer = &self.racers[self.atlas.racer];
        let method = racer.who.method(&self.controls, self.course.least);
        let slow = !matches!(method, Method::First(_));
        if slow && side > SLOW {
            self.atlas.racer += 1;
            return;
        }
        let place = |i: usize, (low, high): (f64, f64)| low + (high - low) * (i as f64 + 0.5) / side as f64;
        let still = 1e-4 * (x.1 - x.0);
        let from = self.atlas.making.len();
        if let Method::First(rule) = method {
            let walk = racer.walk.as_ref().expect("the race is over");
            let flow = Flow {
                landscape: self.landscape().expect("a surface").clone(),
                rule,
                step_sizes: walk.step_sizes(),
                tilts: (0..self.course.steps).map_while(|t| <[f64; 2]>::try_from(self.course.noise.at(t).tilt).ok()).collect(),
                still,
            };
            // All of the finest map at once; if the GPU is lost meanwhile, the CPU goes on.
            let finest = PASSES[PASSES.len() - 1];
            if let Some(gpu) = device.gpu().filter(|_| from == 0)
                && pays(gpu, &flow, [x, y], finest).await
                && let Ok(landings) = landings(gpu, &flow, [x, y], finest).await
            {
                self.atlas.whole[self.atlas.racer] = (finest, landings);
                self.atlas.racer += 1;
                return;
            }
            // As many as fit into a slice, whole packs.
            let many = (32 * 8 * 200 / self.course.steps).clamp(8, side * side) / 8 * 8;
            for eight in (from..(from + many).min(side * side)).step_by(8) {
                let xs = std::array::from_fn(|i| place((eight + i) % side, x) as f32);
                let ys = std::array::from_fn(|i| place((eight + i) / side, y) as f32);
                self.atlas.making.extend(flow.run(&xs, &ys));
            }
        } else {
            let (who, step_size, mut left) = (racer.who, racer.step_size, GRADIENTS);
            for i in from..side * side {
                if left == 0 {
                    break;
                }
                let start = [place(i % side, x), place(i / side, y)].into();
                let mut walk: Walk = self.walk(who, step_size, &start, &self.controls);
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
                }
                left = left.saturating_sub(walk.evaluations);
                let at = if walk.diverged.is_some() { [f32::NAN; 2] } else { [walk.x[0] as f32, walk.x[1] as f32] };
                self.atlas.making.push(Landing { at, settled });
            }
        }
        if self.atlas.making.len() == side * side {
            let landings = std::mem::take(&mut self.atlas.making);
            let racer = self.atlas.racer;
            self.atlas.whole[racer] = (side, landings);
            self.atlas.racer += 1;
        }
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
    use methods::landscapes::Landscape;

    /// Nothing is known of it yet.
    fn landing(x: f32, y: f32) -> Landing {
        Landing { at: [x, y], settled: 0.0 }
    }

    #[test]
    fn fates_are_told() {
        let atlas = Atlas::new(1, &Landscape::Himmelblau.minima(), true);
        let Fate::Arrived(three_two) = atlas.fate(&landing(3.01, 2.01), 10.0) else { panic!("near (3, 2)") };
        assert!((atlas.minima[three_two][0] - 3.0).abs() < 1e-6);
        assert_eq!(atlas.fate(&landing(0.0, 0.0), 10.0), Fate::OnItsWay);
        assert_eq!(atlas.fate(&landing(f32::NAN, 0.0), 10.0), Fate::Diverged);
        assert_eq!(atlas.fate(&landing(1e20, 0.0), 10.0), Fate::Diverged);
    }
}
