//! Neural collapse: how far features and classifier are from the simplex that long training drives them to, and models of it.
//!
//! Features are the columns of H (d×N) with labels in `0..K`; h̄_k are the class means, h_G is their mean and m_k = h̄_k − h_G.
//! Metrics after Papyan, Han & Donoho 2020; NC1~ after Tirer, Huang & Niles-Weed 2023. [`models`] has optimization models
//! in which collapse is exact or nearly so, [`free`] one with every loss and decay, [`training`] watches a real network (a
//! [`learner`]), [`projection`] makes it visible.

pub mod free;
pub mod learner;
pub mod models;
pub mod projection;
pub mod training;

use nalgebra::{DMatrix, DVector};

use crate::linear::product::Product;

/// Class means of features.
#[derive(Clone, Debug)]
pub struct Means {
    /// h̄_k, one a column (d×K).
    pub of_classes: DMatrix<f64>,
    /// h_G = (1/K) Σ_k h̄_k.
    pub global: DVector<f64>,
    /// M: m_k = h̄_k − h_G, one a column (d×K).
    pub centred: DMatrix<f64>,
}

impl Means {
    /// The means of the features `h` (d×N); every class in `0..classes` must occur among the `labels`.
    pub fn of(h: &DMatrix<f64>, labels: &[u8], classes: usize) -> Self {
        let mut of_classes = DMatrix::zeros(h.nrows(), classes);
        let mut counts = vec![0.0; classes];
        for (feature, &label) in h.column_iter().zip(labels) {
            let mut sum = of_classes.column_mut(usize::from(label));
            sum += feature;
            counts[usize::from(label)] += 1.0;
        }
        of_classes.column_iter_mut().zip(counts).for_each(|(mut mean, count)| mean /= count);
        let global = of_classes.column_mean();
        let mut centred = of_classes.clone();
        centred.column_iter_mut().for_each(|mut m| m -= &global);
        Means { of_classes, global, centred }
    }

    /// h − h̄_k of every feature (d×N).
    pub fn deviations(&self, h: &DMatrix<f64>, labels: &[u8]) -> DMatrix<f64> {
        let mut within = h.clone();
        for (mut feature, &label) in within.column_iter_mut().zip(labels) {
            feature -= self.of_classes.column(usize::from(label));
        }
        within
    }

    /// θ: the share of the squared deviations that lies in the span of the class means h̄_k.
    pub fn share_in_span(&self, h: &DMatrix<f64>, labels: &[u8]) -> f64 {
        let within = self.deviations(h, labels);
        left_singular(&self.of_classes).0.tr_mul(&within).norm_squared() / within.norm_squared()
    }
}

/// NC1: within-class variability relative to what lies between the classes. 0 when every class is one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variability {
    /// (1/K)·Tr(Σ_W Σ_B†): sees only the span of the class means.
    pub nc1: f64,
    /// NC1~ = Tr Σ_W / Tr Σ_B.
    pub traces: f64,
}

impl Variability {
    /// Where it has no meaning, or has not been measured.
    pub const NONE: Variability = Variability { nc1: f64::NAN, traces: f64::NAN };

    /// The variability of `h` around its `means`; NaN if all means are equal (Σ_B = 0) or not finite.
    pub fn of(h: &DMatrix<f64>, labels: &[u8], means: &Means) -> Self {
        let (n, classes) = (h.ncols() as f64, means.centred.ncols() as f64);
        // A singular value decomposition of what is not finite does not end.
        if !means.centred.iter().all(|m| m.is_finite()) {
            return Variability::NONE;
        }
        let (u, s) = left_singular(&means.centred);
        let within = means.deviations(h, labels);
        // Σ_B = U S² Uᵀ/K, so (1/K) Tr(Σ_W Σ_B†) = Σ_j u_jᵀ Σ_W u_j / s_j² over the s_j² above the pseudo-inverse's cut-off.
        let along = u.tr_mul(&within);
        let cut_off = 1e-10 * s[0] * s[0];
        let kept = along.row_iter().zip(s.iter()).filter(|(_, s)| *s * *s > cut_off);
        let nc1 = kept.map(|(row, s)| row.norm_squared() / n / (s * s)).sum();
        let between = means.centred.norm_squared() / classes;
        if between > 0.0 { Variability { nc1, traces: within.norm_squared() / n / between } } else { Variability::NONE }
    }
}

/// Left singular vectors and singular values of `a`, the largest first.
fn left_singular(a: &DMatrix<f64>) -> (DMatrix<f64>, DVector<f64>) {
    let svd = a.clone().svd(true, false);
    (svd.u.expect("asked for"), svd.singular_values)
}

/// NC2: how far K vectors are from a simplex, K equal lengths at equal angles, as far apart as can be. All 0 at a simplex.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simplex {
    /// Standard deviation of the lengths over their mean.
    pub equinorm: f64,
    /// Standard deviation of the cosines over pairs.
    pub equiangle: f64,
    /// Mean over pairs of |cosine + 1/(K−1)|.
    pub max_angle: f64,
}

impl Simplex {
    /// The measures of the columns of `vectors`, K ≥ 2.
    pub fn of(vectors: &DMatrix<f64>) -> Self {
        let lengths: Vec<f64> = vectors.column_iter().map(|v| v.norm()).collect();
        let cosines = cosines(vectors);
        let k = vectors.ncols();
        let pairs: Vec<f64> = (0..k).flat_map(|i| (0..i).map(move |j| (i, j))).map(|pair| cosines[pair]).collect();
        let apart = 1.0 / (k as f64 - 1.0);
        let far = pairs.iter().map(|cosine| (cosine + apart).abs()).sum::<f64>() / pairs.len() as f64;
        Simplex { equinorm: deviation(&lengths) / mean(&lengths), equiangle: deviation(&pairs), max_angle: far }
    }
}

/// Cosines between the columns of `vectors` (K×K).
pub fn cosines(vectors: &DMatrix<f64>) -> DMatrix<f64> {
    let mut unit = vectors.clone();
    unit.column_iter_mut().for_each(|mut v| v /= v.norm());
    unit.tr_mul(&unit)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    (values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / values.len() as f64).sqrt()
}

/// A linear classifier: scores W h + b.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// One row a class (K×d).
    pub w: DMatrix<f64>,
    /// One entry a class. Without a bias the best W is an orthogonal frame; NC2 and NC3 then look at its
    /// [`centred`](Classifier::centred) rows.
    pub bias: Option<DVector<f64>>,
}

impl Classifier {
    /// The rows that are compared with the centred means: W, or (I − 11ᵀ/K) W without a bias; one a column (d×K).
    pub fn centred(&self) -> DMatrix<f64> {
        let mut rows = self.w.transpose();
        if self.bias.is_none() {
            let centre = rows.column_mean();
            rows.column_iter_mut().for_each(|mut row| row -= &centre);
        }
        rows
    }

    /// The share of the features `h` (d×N) whose largest score is not their label's.
    pub fn error(&self, h: &DMatrix<f64>, labels: &[u8]) -> f64 {
        let mut scores = &self.w * h;
        if let Some(bias) = &self.bias {
            scores.column_iter_mut().for_each(|mut column| column += bias);
        }
        let wrong = scores.column_iter().zip(labels).filter(|(column, label)| column.imax() != usize::from(**label));
        wrong.count() as f64 / labels.len() as f64
    }
}

/// NC3: ‖Wᵀ/‖W‖ − M/‖M‖‖² (Frobenius) for classifier rows and centred means, both d×K. 0 when they are the same up to scale.
pub fn self_duality(rows: &DMatrix<f64>, centred: &DMatrix<f64>) -> f64 {
    (rows / rows.norm() - centred / centred.norm()).norm_squared()
}

/// NC4: the share of features that the classifier gives to another class than the nearest class mean does.
pub fn nearest_mean_mismatch(h: &DMatrix<f64>, means: &Means, classifier: &Classifier) -> f64 {
    let scores = &classifier.w * h;
    let bias = classifier.bias.as_ref().map_or(vec![0.0; scores.nrows()], |b| b.as_slice().to_vec());
    let said: Vec<usize> = scores.as_slice().chunks_exact(bias.len()).map(|scores| best(scores, &bias)).collect();
    mismatch(h, means, &said)
}

/// The same for what a network `said` of each feature's sample, whichever of its layers the features are of.
pub fn mismatch(h: &DMatrix<f64>, means: &Means, said: &[usize]) -> f64 {
    // argmin ‖h − h̄_k‖ = argmax h̄_kᵀ h − ‖h̄_k‖²/2
    let nearness = means.of_classes.tr_mul(h);
    let offset: Vec<f64> = means.of_classes.column_iter().map(|mean| -0.5 * mean.norm_squared()).collect();
    let near = nearness.as_slice().chunks_exact(offset.len()).map(|near| best(near, &offset));
    near.zip(said).filter(|(near, said)| near != *said).count() as f64 / h.ncols() as f64
}

/// The class with the largest score plus offset, the first one among equals.
fn best(scores: &[f64], offset: &[f64]) -> usize {
    let score = |k: usize| scores[k] + offset[k];
    (1..scores.len()).fold(0, |best, k| if score(k) > score(best) { k } else { best })
}

/// What there is of collapse in a layer that has no classifier above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// NC1 of its features.
    pub variability: Variability,
    /// NC2 of their centred class means.
    pub means: Simplex,
    /// NC4: how often the nearest of these means is not what the whole network says.
    pub mismatch: f64,
}

impl Layer {
    /// How far the features `h` of a layer are from collapse, when the network `said` this of their samples.
    pub fn of(h: &DMatrix<f64>, labels: &[u8], means: &Means, said: &[usize]) -> Self {
        Layer {
            variability: Variability::of(h, labels, means),
            means: Simplex::of(&means.centred),
            mismatch: mismatch(h, means, said),
        }
    }
}

impl From<Collapse> for Layer {
    fn from(collapse: Collapse) -> Layer {
        Layer { variability: collapse.variability, means: collapse.means, mismatch: collapse.mismatch }
    }
}

/// All four at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collapse {
    /// NC1 of the features.
    pub variability: Variability,
    /// NC2 of the centred class means.
    pub means: Simplex,
    /// NC2 of the classifier's rows.
    pub classifier: Simplex,
    /// NC3.
    pub self_duality: f64,
    /// NC4.
    pub mismatch: f64,
}

impl Collapse {
    /// How far features and classifier are from collapse.
    pub fn of(h: &DMatrix<f64>, labels: &[u8], means: &Means, classifier: &Classifier) -> Self {
        let rows = classifier.centred();
        Collapse {
            variability: Variability::of(h, labels, means),
            means: Simplex::of(&means.centred),
            classifier: Simplex::of(&rows),
            self_duality: self_duality(&rows, &means.centred),
            mismatch: nearest_mean_mismatch(h, means, classifier),
        }
    }

    /// The same where there is no classifier: what needs one is NaN.
    pub fn of_features(h: &DMatrix<f64>, labels: &[u8], means: &Means) -> Self {
        let none = f64::NAN;
        Collapse {
            variability: Variability::of(h, labels, means),
            means: Simplex::of(&means.centred),
            classifier: Simplex { equinorm: none, equiangle: none, max_angle: none },
            self_duality: none,
            mismatch: none,
        }
    }
}

/// What is measured beside the four.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Further {
    /// ‖h_G‖ over the mean length of the m_k: 0 when the simplex is centred at the origin.
    pub shift: f64,
    /// Mean over samples of the margin: the label's score less the largest other one.
    pub margin: f64,
    /// The least margin; positive when every sample is classified rightly.
    pub least_margin: f64,
    /// Effective rank of the features around h_G: exp of the entropy of their singular values, scaled to sum 1 (Roy & Vetterli
    /// 2007). K − 1 at a simplex. NaN where all features are equal, or where it would take too long: both d and N above
    /// [`Further::LARGEST`].
    pub rank: f64,
}

impl Further {
    /// The largest matrix whose spectrum is taken.
    pub const LARGEST: usize = 128;

    /// The measures of features, their means and a classifier of K ≥ 2 classes.
    pub fn of(h: &DMatrix<f64>, labels: &[u8], means: &Means, classifier: &Classifier) -> Self {
        let mut scores = &classifier.w * h;
        if let Some(bias) = &classifier.bias {
            scores.column_iter_mut().for_each(|mut column| column += bias);
        }
        let (mut sum, mut least) = (0.0, f64::INFINITY);
        for (column, label) in scores.column_iter().zip(labels) {
            let own = usize::from(*label);
            let other = column.iter().enumerate().filter(|(k, _)| *k != own);
            let margin = column[own] - other.fold(f64::NEG_INFINITY, |most, (_, score)| most.max(*score));
            sum += margin;
            least = least.min(margin);
        }
        Further { margin: sum / labels.len() as f64, least_margin: least, ..Self::of_features(h, means) }
    }

    /// The same where there is no classifier: margins are NaN.
    pub fn of_features(h: &DMatrix<f64>, means: &Means) -> Self {
        let length = means.centred.column_iter().map(|m| m.norm()).sum::<f64>() / means.centred.ncols() as f64;
        let shift = means.global.norm() / length;
        Further { shift, margin: f64::NAN, least_margin: f64::NAN, rank: effective_rank(h, &means.global) }
    }
}

/// Effective rank of the columns of `h` around `centre`.
fn effective_rank(h: &DMatrix<f64>, centre: &DVector<f64>) -> f64 {
    let (d, n) = h.shape();
    if d.min(n) > Further::LARGEST {
        return f64::NAN;
    }
    let mut around = h.clone();
    around.column_iter_mut().for_each(|mut column| column -= centre);
    let side = d.min(n);
    let mut gram = DMatrix::zeros(side, side);
    // Column-major H is row-major Hᵀ.
    if d <= n {
        f64::product_tn(gram.as_mut_slice(), around.as_slice(), around.as_slice(), d, n, d);
    } else {
        f64::product_nt(gram.as_mut_slice(), around.as_slice(), around.as_slice(), n, d, n);
    }
    if !gram.iter().all(|g| g.is_finite()) {
        return f64::NAN;
    }
    let squares = gram.symmetric_eigenvalues();
    // What is below the rounding of the largest is none.
    let floor = squares.max() * 1e-14 * side as f64;
    let values: Vec<f64> = squares.iter().filter(|square| **square > floor).map(|square| square.sqrt()).collect();
    if values.is_empty() {
        return f64::NAN;
    }
    let sum: f64 = values.iter().sum();
    libm::exp(-values.iter().map(|value| value / sum * libm::log(value / sum)).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::frame::orthonormal;
    use crate::random::Random;

    fn gaussian(rows: usize, columns: usize, random: &mut Random) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |_, _| random.normal())
    }

    /// A simplex of K vectors in d dimensions around a global mean, 7 samples a class without any noise.
    fn simplex(k: usize, d: usize, random: &mut Random) -> (DMatrix<f64>, Vec<u8>) {
        let frame = orthonormal(d, k, random);
        let vertices = &frame * (DMatrix::identity(k, k) - DMatrix::from_element(k, k, 1.0 / k as f64)) * 3.0;
        let centre = gaussian(d, 1, random);
        let labels: Vec<u8> = (0..k * 7).map(|i| (i / 7) as u8).collect();
        (DMatrix::from_fn(d, k * 7, |r, i| vertices[(r, i / 7)] + centre[r]), labels)
    }

    #[test]
    fn all_are_zero_at_a_simplex() {
        let mut random = Random::new(1, "metrics");
        for (k, d) in [(2, 3), (3, 5), (4, 8), (10, 12)] {
            let (h, labels) = simplex(k, d, &mut random);
            let means = Means::of(&h, &labels, k);
            let w = means.centred.transpose();
            let bias = -&w * &means.global;
            let collapse = Collapse::of(&h, &labels, &means, &Classifier { w, bias: Some(bias) });
            assert!(collapse.variability.nc1 < 1e-12 && collapse.variability.traces < 1e-12, "{collapse:?}");
            for side in [collapse.means, collapse.classifier] {
                assert!(side.equinorm < 1e-12 && side.equiangle < 1e-12 && side.max_angle < 1e-12, "{collapse:?}");
            }
            assert!(collapse.self_duality < 1e-12 && collapse.mismatch == 0.0, "{collapse:?}");
        }
    }

    /// Every metric against its definition, written with explicit covariances and a pseudo-inverse.
    #[test]
    fn agrees_with_the_definitions() {
        let mut random = Random::new(2, "metrics");
        let (k, d, n) = (4, 9, 11);
        let labels: Vec<u8> = (0..k * n).map(|i| (i % k) as u8).collect();
        let centres = gaussian(d, k, &mut random);
        let h = DMatrix::from_fn(d, k * n, |r, i| centres[(r, i % k)] + 0.7 * random.normal());
        let means = Means::of(&h, &labels, k);
        let classifier = Classifier { w: gaussian(k, d, &mut random), bias: Some(DVector::from_fn(k, |_, _| random.normal())) };
        let collapse = Collapse::of(&h, &labels, &means, &classifier);

        let (mut sigma_w, mut sigma_b) = (DMatrix::zeros(d, d), DMatrix::zeros(d, d));
        for i in 0..k * n {
            let off = h.column(i) - means.of_classes.column(i % k);
            sigma_w += &off * off.transpose() / (k * n) as f64;
        }
        for c in 0..k {
            let off = means.of_classes.column(c) - &means.global;
            sigma_b += &off * off.transpose() / k as f64;
        }
        let inverse = sigma_b.clone().pseudo_inverse(1e-10 * sigma_b.norm()).unwrap();
        assert!((collapse.variability.nc1 - (&sigma_w * inverse).trace() / k as f64).abs() < 1e-10);
        assert!((collapse.variability.traces - sigma_w.trace() / sigma_b.trace()).abs() < 1e-12);
        let mismatch = (0..k * n).filter(|&i| {
            let scores = &classifier.w * h.column(i) + classifier.bias.as_ref().unwrap();
            let distances = DVector::from_fn(k, |c, _| (h.column(i) - means.of_classes.column(c)).norm());
            scores.argmax().0 != distances.argmin().0
        });
        assert_eq!(collapse.mismatch, mismatch.count() as f64 / (k * n) as f64);
        assert!(collapse.mismatch > 0.1 && collapse.self_duality > 0.1);
    }

    /// All metrics of unequal classes in a mixed order against numpy's; see make_neural_collapse.py.
    #[test]
    fn agrees_with_numpy() {
        let bytes = include_bytes!("../../tests/fixtures/neural_collapse.npz");
        let arrays = crate::fixture::npz(bytes);
        let of = |name: &str| arrays.iter().find(|array| array.name == name).unwrap();
        let (d, k) = (of("features").shape[1], of("bias").shape[0]);
        let h = DMatrix::from_column_slice(d, of("features").shape[0], &of("features").values);
        let labels: Vec<u8> = of("labels").values.iter().map(|label| *label as u8).collect();
        let w = DMatrix::from_row_slice(k, d, &of("weights").values);
        let classifier = Classifier { w, bias: Some(DVector::from_column_slice(&of("bias").values)) };
        let means = Means::of(&h, &labels, k);
        let (c, f) = (Collapse::of(&h, &labels, &means, &classifier), Further::of(&h, &labels, &means, &classifier));
        let simplex = |s: Simplex| [s.equinorm, s.equiangle, s.max_angle];
        let ours = [
            vec![c.variability.nc1, c.variability.traces],
            [simplex(c.means), simplex(c.classifier)].concat(),
            vec![c.self_duality, c.mismatch, f.shift, f.margin, f.least_margin, f.rank],
        ]
        .concat();
        assert_eq!(ours.len(), of("expected").values.len());
        for (ours, theirs) in ours.iter().zip(&of("expected").values) {
            assert!((ours - theirs).abs() < 1e-10 * theirs.abs().max(1.0), "{ours} and {theirs}");
        }
        assert!(c.mismatch > 0.0, "the fixture has a sample that the two rules tell apart");
    }

    /// Twice as large features and a classifier three times as large: all ratios stay.
    #[test]
    fn scale_changes_nothing() {
        let mut random = Random::new(4, "metrics");
        let (k, d, n) = (4, 7, 12);
        let labels: Vec<u8> = (0..k * n).map(|i| (i / n) as u8).collect();
        let (h, w) = (gaussian(d, k * n, &mut random), gaussian(k, d, &mut random));
        let measure = |h: DMatrix<f64>, w: DMatrix<f64>| {
            let (means, classifier) = (Means::of(&h, &labels, k), Classifier { w, bias: None });
            let (c, f) = (Collapse::of(&h, &labels, &means, &classifier), Further::of(&h, &labels, &means, &classifier));
            let of = |s: Simplex| [s.equinorm, s.equiangle, s.max_angle];
            let others = [c.variability.nc1, c.variability.traces, c.self_duality, f.shift, f.rank];
            ([&of(c.means)[..], &of(c.classifier), &others].concat(), f.margin)
        };
        let (before, margin) = measure(h.clone(), w.clone());
        let (after, larger) = measure(h * 2.0, w * 3.0);
        for (a, b) in before.iter().zip(&after) {
            assert!((a - b).abs() < 1e-10, "{before:?} {after:?}");
        }
        assert!((larger - 6.0 * margin).abs() < 1e-10, "the margin is no ratio");
    }

    #[test]
    fn a_simplex_has_its_rank_and_margin() {
        let mut random = Random::new(5, "metrics");
        let (h, labels) = simplex(4, 8, &mut random);
        let means = Means::of(&h, &labels, 4);
        let w = means.centred.transpose();
        let bias = -&w * &means.global;
        let further = Further::of(&h, &labels, &means, &Classifier { w, bias: Some(bias) });
        // Vertices of squared length 9·3/4, at the cosine −1/3.
        assert!((further.rank - 3.0).abs() < 1e-6 && (further.least_margin - 9.0).abs() < 1e-10, "{further:?}");
        assert!((further.margin - further.least_margin).abs() < 1e-10);
    }

    #[test]
    fn rotations_change_nothing() {
        let mut random = Random::new(3, "metrics");
        let (k, d, n) = (5, 8, 12);
        let labels: Vec<u8> = (0..k * n).map(|i| (i / n) as u8).collect();
        let h = gaussian(d, k * n, &mut random);
        let w = gaussian(k, d, &mut random);
        let q = orthonormal(d, d, &mut random);
        let measure = |h: &DMatrix<f64>, w: DMatrix<f64>| {
            let c = Collapse::of(h, &labels, &Means::of(h, &labels, k), &Classifier { w, bias: None });
            let of = |s: Simplex| [s.equinorm, s.equiangle, s.max_angle];
            [of(c.means), of(c.classifier), [c.variability.nc1, c.variability.traces, c.self_duality]].concat()
        };
        let (before, after) = (measure(&h, w.clone()), measure(&(&q * &h), &w * q.transpose()));
        for (a, b) in before.iter().zip(&after) {
            assert!((a - b).abs() < 1e-10, "{before:?} {after:?}");
        }
    }

    #[test]
    fn without_means_there_is_no_variability_to_speak_of() {
        let labels = [0, 0, 1, 1];
        let h = DMatrix::from_row_slice(2, 4, &[1.0, -1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        for h in [h.clone(), h * f64::INFINITY, DMatrix::from_element(2, 4, f64::NAN)] {
            let means = Means::of(&h, &labels, 2);
            let variability = Variability::of(&h, &labels, &means);
            assert!(variability.nc1.is_nan() && variability.traces.is_nan());
            assert!(Further::of_features(&h, &means).rank.is_nan() != h[0].is_finite());
        }
        let alike = DMatrix::from_element(2, 4, 1.0);
        assert!(Further::of_features(&alike, &Means::of(&alike, &labels, 2)).rank.is_nan());
    }
}
