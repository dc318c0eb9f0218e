//! What is kept of the pixels: ridge regressions of them on every layer and level, and pairs run backwards.

use methods::network::autodiff::Tape;
use methods::statistics::ridge::Ridge;

use super::branches::{Branches, Shape, Teaching};
use super::{PART, PIXELS};

/// Of the number of digits.
const RIDGE: f64 = 1e-3;

/// What was found.
pub struct Kept {
    /// R² of the pixels by layer of the main branch that was looked at, and by level of the pair.
    pub main: Vec<(usize, f64)>,
    pub pairs: Vec<f64>,
    /// R² from (u₀, v₀) as running backwards gives them, and the largest difference from what they were.
    pub recovered: f64,
    pub off: f64,
    /// Test digits rebuilt from the last layer, and from the last level.
    pub rebuilt: [Vec<f64>; 2],
}

/// Branches under inspection, some digits at a time.
pub struct Inspection {
    branches: Branches<f64>,
    /// Which layers of the main branch, upwards.
    layers: Vec<usize>,
    /// Whether the reversible branch takes anything from the main one.
    with_main: bool,
    main: Vec<Ridge>,
    pairs: Vec<Ridge>,
    recovered: Ridge,
    off: f64,
}

impl Inspection {
    pub fn new(branches: Branches<f64>, layers: Vec<usize>, with_main: bool) -> Self {
        let Shape { width, levels, .. } = branches.shape;
        let paired = branches.teaching == Teaching::Programmable;
        Inspection {
            main: vec![Ridge::new(width, PIXELS); layers.len()],
            pairs: vec![Ridge::new(2 * width, PIXELS); if paired { levels + 1 } else { 0 }],
            recovered: Ridge::new(2 * width, PIXELS),
            off: 0.0,
            branches,
            layers,
            with_main,
        }
    }

    /// How many digits make a part of the work.
    pub fn rows(&self) -> usize {
        let width = self.branches.shape.width;
        (PART / ((self.main.len() + 4 * self.pairs.len()) * width * (width + PIXELS))).clamp(4, 128)
    }

    /// Looks at some digits.
    pub fn add(&mut self, x: &[f64]) {
        let Self { branches, layers, with_main, .. } = self;
        let mut tape = Tape::default();
        let pass = branches.forward(&mut tape, x, *with_main);
        self.main.iter_mut().zip(layers).for_each(|(ridge, l)| ridge.add(tape.value(pass.layers[*l]), x));
        for (ridge, (u, v)) in self.pairs.iter_mut().zip(&pass.pairs) {
            let both = tape.beside(*u, *v);
            ridge.add(tape.value(both), x);
        }
        if let [(u0, v0), .., (u, v)] = pass.pairs[..] {
            let layers: Vec<&[f64]> = pass.layers.iter().map(|h| tape.value(*h)).collect();
            let (u, v) = branches.invert(tape.value(u), tape.value(v), with_main.then_some(&layers[..]));
            let [u, v] = [u, v].map(|values| tape.leaf(values, branches.shape.width));
            let (start, back) = (tape.beside(u0, v0), tape.beside(u, v));
            let apart = tape.value(back).iter().zip(tape.value(start)).map(|(a, b)| (a - b).abs());
            self.off = apart.fold(self.off, f64::max);
            self.recovered.add(tape.value(back), x);
        }
    }

    /// What was found, and the digits `shown` rebuilt.
    pub fn kept(&self, shown: &[f64]) -> Kept {
        let Self { main, pairs, .. } = self;
        let fit = |ridge: &Ridge| ridge.fit(RIDGE);
        let mut tape = Tape::default();
        let pass = self.branches.forward(&mut tape, shown, self.with_main);
        let level = pass.pairs.last().map(|(u, v)| tape.beside(*u, *v));
        let last = self.layers.last().map(|l| pass.layers[*l]);
        let rebuilt = [(main.last(), last), (pairs.last(), level)]
            .map(|(ridge, at)| ridge.zip(at).map(|(ridge, at)| fit(ridge).predict(tape.value(at))).unwrap_or_default());
        let recovered = if pairs.is_empty() { f64::NAN } else { fit(&self.recovered).r_squared };
        let [main, pairs] = [main, pairs].map(|ridges| ridges.iter().map(|ridge| fit(ridge).r_squared).collect::<Vec<_>>());
        Kept { main: self.layers.iter().copied().zip(main).collect(), pairs, recovered, off: self.off, rebuilt }
    }
}
