//! Functional maps: how functions on one shape become functions on another, told from features; the losses they are learned with.
//!
//! With the eigenfunctions Φ of two shapes X, Y, features F have the coefficients A = Φ⁺F (K × m). The map C from X to Y is
//!
//! ```text
//! C = argmin ‖C A_X − A_Y‖² + α Σ_ij C_ij² (λ^Y_i − λ^X_j)²,      row i:  (A_X A_Xᵀ + α diag_j (λ^Y_i − λ^X_j)²) c_i = A_X (A_Y)_iᵀ,
//! ```
//!
//! and the features are good if C_XY and C_YX undo each other, are orthogonal, and are what the soft matching Π of the features says:
//!
//! ```text
//! E_bij = ‖C_XY C_YX − I‖² + ‖C_YX C_XY − I‖²,      E_orth = ‖C_XYᵀC_XY − I‖² + ‖C_YXᵀC_YX − I‖²,
//! E_align = ‖C_XY − Φ_Y⁺ Π Φ_X‖²,  Π = softmax of the rows of F_Y F_Xᵀ/τ,      E_OT = n × the mean over directions of SW₂²(F_X, F_Y).
//! ```
//!
//! Sources: Ovsjanikov, Ben-Chen, Solomon, Butscher & Guibas, "Functional maps", 2012; Le, Nguyen, Sun, Ho & Xie, "Integrating efficient
//! optimal transport and functional maps for unsupervised shape correspondence learning", 2024.

use nalgebra::{Cholesky, DMatrix, DVector};

use methods::geometry::mesh::Spectrum;
use methods::linear::exp_in_place;
use methods::statistics::order;

/// A map between the spans of eigenfunctions, and what its derivative needs.
#[derive(Clone, Debug)]
pub struct FunctionalMap {
    /// C, K × K.
    pub matrix: DMatrix<f64>,
    rows: Vec<Cholesky<f64, nalgebra::Dyn>>,
}

impl FunctionalMap {
    /// The map that takes the coefficients `from` (A_X) nearest to `to` (A_Y), α > 0, with the shapes' eigenvalues on one scale.
    pub fn solve(from: &DMatrix<f64>, to: &DMatrix<f64>, values: [&[f64]; 2], alpha: f64) -> Self {
        let gram = from * from.transpose();
        // Where features span less than all functions, a row may be free in one direction: it stays 0 there.
        let least = 1e-14 * (1.0 + gram.trace());
        let right = from * to.transpose();
        let mut matrix = DMatrix::zeros(to.nrows(), from.nrows());
        let rows: Vec<_> = (0..to.nrows())
            .map(|i| {
                let mut system = gram.clone();
                for j in 0..from.nrows() {
                    let apart = values[1][i] - values[0][j];
                    system[(j, j)] += alpha * apart * apart + least;
                }
                let system = Cholesky::new(system).expect("a Gram matrix with a positive diagonal added is positive definite");
                matrix.set_row(i, &system.solve(&right.column(i).into_owned()).transpose());
                system
            })
            .collect();
        FunctionalMap { matrix, rows }
    }

    /// The gradients by `from` and `to` of a function whose gradient by C is `slope`: with the rows z_i = S_i⁻¹ (slope)_i of Z,
    /// Zᵀ A_Y − Zᵀ C A_X − Cᵀ Z A_X and Z A_X.
    pub fn pull_back(&self, slope: &DMatrix<f64>, from: &DMatrix<f64>, to: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
        let mut z = DMatrix::zeros(slope.nrows(), slope.ncols());
        for (i, system) in self.rows.iter().enumerate() {
            z.set_row(i, &system.solve(&slope.row(i).transpose()).transpose());
        }
        let (c, moved) = (&self.matrix, &z * from);
        (z.transpose() * (to - c * from) - c.transpose() * &moved, moved)
    }
}

/// Two shapes with as many vertices, by their spectra.
#[derive(Clone, Debug)]
pub struct Pair {
    vectors: [DMatrix<f64>; 2],
    weighted: [DMatrix<f64>; 2],
    /// Eigenvalues over the largest of the first shape.
    values: [Vec<f64>; 2],
}

/// What is asked of features.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// α of the maps.
    pub alpha: f64,
    /// τ of the soft matching.
    pub temperature: f64,
    /// λ_OT.
    pub transport: f64,
}

/// The four losses in the order E_bij, E_orth, E_align, E_OT (without λ_OT).
pub type Losses = [f64; 4];

/// What features are worth.
#[derive(Clone, Debug)]
pub struct Appraisal {
    /// The losses.
    pub losses: Losses,
    /// The gradients of E_bij + E_orth + E_align + λ_OT E_OT by the features of X and of Y.
    pub slopes: [DMatrix<f64>; 2],
    /// C_XY.
    pub map: DMatrix<f64>,
}

/// ‖PQ − I‖², its gradients by P and Q added to theirs.
fn inverse_loss(p: &DMatrix<f64>, q: &DMatrix<f64>, by_p: &mut DMatrix<f64>, by_q: &mut DMatrix<f64>) -> f64 {
    let rest = p * q - DMatrix::identity(p.nrows(), p.nrows());
    *by_p += &rest * q.transpose() * 2.0;
    *by_q += p.transpose() * &rest * 2.0;
    rest.norm_squared()
}

/// ‖CᵀC − I‖², its gradient added.
fn orthogonality_loss(c: &DMatrix<f64>, by_c: &mut DMatrix<f64>) -> f64 {
    let rest = c.transpose() * c - DMatrix::identity(c.ncols(), c.ncols());
    *by_c += c * &rest * 4.0;
    rest.norm_squared()
}

/// The soft matching of features: entry (x, y) is how much of y's mass goes to x; columns sum to 1.
pub fn soft_matching(features: [&DMatrix<f64>; 2], temperature: f64) -> DMatrix<f64> {
    let mut soft = features[0] * features[1].transpose() / temperature;
    for column in soft.as_mut_slice().chunks_exact_mut(features[0].nrows()) {
        let top = column.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        column.iter_mut().for_each(|v| *v -= top);
        exp_in_place(column);
        let sum: f64 = column.iter().sum();
        column.iter_mut().for_each(|v| *v /= sum);
    }
    soft
}

/// The mean over unit `directions` (a column each) of ‖sort(F_X θ) − sort(F_Y θ)‖², which is n SW₂², with `weight` times its gradients
/// added to `slopes`.
pub fn sliced_loss(features: [&DMatrix<f64>; 2], directions: &DMatrix<f64>, weight: f64, slopes: &mut [DMatrix<f64>; 2]) -> f64 {
    let share = 1.0 / directions.ncols() as f64;
    let mut loss = 0.0;
    for direction in directions.column_iter() {
        let shadows = features.map(|f| f * direction);
        let orders = shadows.each_ref().map(|shadow| order(shadow.as_slice()));
        for (&x, &y) in orders[0].iter().zip(&orders[1]) {
            let apart = shadows[0][x] - shadows[1][y];
            loss += share * apart * apart;
            for (k, t) in direction.iter().enumerate() {
                let pull = 2.0 * weight * share * apart * t;
                slopes[0][(x, k)] += pull;
                slopes[1][(y, k)] -= pull;
            }
        }
    }
    loss
}

impl Pair {
    /// Of the spectra of X and Y, of equal sizes.
    pub fn new(x: &Spectrum, y: &Spectrum) -> Self {
        let largest = x.values.iter().fold(1e-300, |a: f64, b| a.max(*b));
        Pair {
            vectors: [x.vectors.clone(), y.vectors.clone()],
            weighted: [x.weighted(), y.weighted()],
            values: [x, y].map(|shape| shape.values.iter().map(|value| value / largest).collect()),
        }
    }

    /// The losses of `features` (vertices × m, of X and of Y) with random unit `directions`. Where a `matching` is given (as
    /// [`soft_matching`] gives one), it stands in the place of the features' own and is held fixed.
    pub fn appraise(
        &self,
        features: [&DMatrix<f64>; 2],
        objective: &Objective,
        directions: &DMatrix<f64>,
        matching: Option<&DMatrix<f64>>,
    ) -> Appraisal {
        let [a, b] = [0, 1].map(|side| self.weighted[side].transpose() * features[side]);
        let there = FunctionalMap::solve(&a, &b, [&self.values[0], &self.values[1]], objective.alpha);
        let back = FunctionalMap::solve(&b, &a, [&self.values[1], &self.values[0]], objective.alpha);
        let k = a.nrows();
        let (mut by_there, mut by_back) = (DMatrix::zeros(k, k), DMatrix::zeros(k, k));
        let (c, d) = (&there.matrix, &back.matrix);
        let bijective = inverse_loss(c, d, &mut by_there, &mut by_back) + inverse_loss(d, c, &mut by_back, &mut by_there);
        let orthogonal = orthogonality_loss(c, &mut by_there) + orthogonality_loss(d, &mut by_back);

        let own = matching.is_none().then(|| soft_matching(features, objective.temperature));
        let soft = matching.or(own.as_ref()).expect("one of the two is there");
        // Φ_Y⁺ Π Φ_X, `soft` being Πᵀ.
        let said = self.weighted[1].transpose() * soft.transpose() * &self.vectors[0];
        let rest = c - said;
        let aligned = rest.norm_squared();
        by_there += &rest * 2.0;

        let (from_there, to_there) = there.pull_back(&by_there, &a, &b);
        let (from_back, to_back) = back.pull_back(&by_back, &b, &a);
        let mut slopes = [&self.weighted[0] * (from_there + to_back), &self.weighted[1] * (to_there + from_back)];
        if own.is_some() {
            let mut by_soft = &self.vectors[0] * (rest.transpose() * -2.0) * self.weighted[1].transpose();
            for (mut slope, soft) in by_soft.column_iter_mut().zip(soft.column_iter()) {
                let mean = slope.dot(&soft);
                slope.iter_mut().zip(soft.iter()).for_each(|(s, p)| *s = p * (*s - mean) / objective.temperature);
            }
            slopes[0] += &by_soft * features[1];
            slopes[1] += by_soft.transpose() * features[0];
        }
        let transported = sliced_loss(features, directions, objective.transport, &mut slopes);
        Appraisal { losses: [bijective, orthogonal, aligned, transported], slopes, map: there.matrix }
    }
}

/// Rows scaled to length 1, and their lengths before.
pub fn unit_rows(raw: &DMatrix<f64>) -> (DMatrix<f64>, DVector<f64>) {
    let lengths = DVector::from_fn(raw.nrows(), |i, _| raw.row(i).norm());
    (DMatrix::from_fn(raw.nrows(), raw.ncols(), |i, j| raw[(i, j)] / lengths[i]), lengths)
}

/// The gradient by the raw rows of a function whose gradient by the unit rows is `slope`.
pub fn pull_back_unit_rows(slope: &DMatrix<f64>, unit: &DMatrix<f64>, lengths: &DVector<f64>) -> DMatrix<f64> {
    let mut out = slope.clone();
    for i in 0..unit.nrows() {
        let along = slope.row(i).dot(&unit.row(i));
        (0..unit.ncols()).for_each(|j| out[(i, j)] = (slope[(i, j)] - along * unit[(i, j)]) / lengths[i]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::geometry::mesh::Mesh;
    use methods::random::Random;
    use methods::transport::sliced;

    fn bumpy(bend: f64) -> Mesh {
        Mesh::sheet(6, 5, |i, j| {
            let (u, v) = (i as f64 / 4.0, j as f64 / 4.0);
            [u, v, 0.2 * libm::exp(-8.0 * ((u - 0.4) * (u - 0.4) + (v - 0.3) * (v - 0.3))) + bend * u * u]
        })
    }

    fn pair(k: usize) -> Pair {
        Pair::new(&bumpy(0.1).spectrum(k), &bumpy(0.4).spectrum(k))
    }

    fn normals(rows: usize, columns: usize, random: &mut Random) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |_, _| random.normal())
    }

    const OBJECTIVE: Objective = Objective { alpha: 1e-2, temperature: 0.3, transport: 0.7 };

    #[test]
    fn gradients_match_finite_differences() {
        let mut random = Random::new(1, "functional");
        let pair = pair(7);
        let features = [normals(30, 4, &mut random), normals(30, 4, &mut random)];
        let directions = unit_rows(&normals(5, 4, &mut random)).0.transpose();
        let fixed = soft_matching([&features[1], &features[0]], 0.1);
        for matching in [None, Some(&fixed)] {
            let value = |features: &[DMatrix<f64>; 2]| {
                let losses = pair.appraise([&features[0], &features[1]], &OBJECTIVE, &directions, matching).losses;
                losses[0] + losses[1] + losses[2] + OBJECTIVE.transport * losses[3]
            };
            let slopes = pair.appraise([&features[0], &features[1]], &OBJECTIVE, &directions, matching).slopes;
            for side in 0..2 {
                for k in 0..120 {
                    let at = |step: f64| {
                        let mut moved = features.clone();
                        moved[side][k] += step;
                        value(&moved)
                    };
                    let (slope, ours) = ((at(1e-6) - at(-1e-6)) / 2e-6, slopes[side][k]);
                    assert!((slope - ours).abs() < 1e-5 * (1.0 + slope.abs()), "side {side}, {k}: {slope} and {ours}");
                }
            }
        }
    }

    #[test]
    fn a_map_solves_its_normal_equations() {
        let mut random = Random::new(2, "functional");
        let (from, to) = (normals(7, 4, &mut random), normals(7, 4, &mut random));
        let values = [vec![0.0, 0.1, 0.3, 0.4, 0.7, 0.9, 1.0], vec![0.0, 0.2, 0.25, 0.5, 0.6, 0.8, 1.1]];
        let map = FunctionalMap::solve(&from, &to, [&values[0], &values[1]], 1e-3).matrix;
        let mut rest = (&map * &from - &to) * from.transpose();
        for i in 0..7 {
            for j in 0..7 {
                let apart: f64 = values[1][i] - values[0][j];
                rest[(i, j)] += 1e-3 * apart * apart * map[(i, j)];
            }
        }
        assert!(rest.norm() < 1e-10, "{}", rest.norm());
    }

    #[test]
    fn a_renumbered_shape_is_matched_by_the_identity_up_to_signs() {
        let mesh = bumpy(0.1);
        let order = Random::new(3, "order").permutation(30);
        let (x, y) = (mesh.spectrum(8), mesh.renumbered(&order).spectrum(8));
        let mut random = Random::new(3, "features");
        let f = normals(30, 10, &mut random);
        let g = DMatrix::from_fn(30, 10, |i, j| f[(order[i], j)]);
        let true_matching = DMatrix::from_fn(30, 30, |x, y| if order[y] == x { 1.0 } else { 0.0 });
        let directions = unit_rows(&normals(6, 10, &mut random)).0.transpose();
        let told = Pair::new(&x, &y).appraise([&f, &g], &OBJECTIVE, &directions, Some(&true_matching));
        let distance = (told.map.map(f64::abs) - DMatrix::identity(8, 8)).norm();
        assert!(distance < 0.02, "{distance}");
        // Signs apart, C is diagonal up to what α costs; and equal clouds are at no distance.
        assert!(
            told.losses[0] < 1e-3 && told.losses[1] < 1e-3 && told.losses[2] < 1e-3 && told.losses[3] < 1e-20,
            "{:?}",
            told.losses
        );
    }

    #[test]
    fn the_sliced_loss_is_the_sliced_distance() {
        let mut random = Random::new(4, "sliced");
        let (f, g) = (normals(25, 3, &mut random), normals(25, 3, &mut random));
        let directions = unit_rows(&normals(8, 3, &mut random)).0.transpose();
        let mut slopes = [DMatrix::zeros(25, 3), DMatrix::zeros(25, 3)];
        let ours = sliced_loss([&f, &g], &directions, 1.0, &mut slopes) / 25.0;
        let rows = |m: &DMatrix<f64>| m.transpose().as_slice().to_vec();
        let theirs = sliced(&rows(&f), &[0.04; 25], &rows(&g), &[0.04; 25], 3, directions.as_slice());
        assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
    }

    #[test]
    fn lengths_of_rows_change_nothing() {
        let mut random = Random::new(5, "rows");
        let raw = normals(6, 3, &mut random);
        let (unit, lengths) = unit_rows(&raw);
        let weights = normals(6, 3, &mut random);
        let back = pull_back_unit_rows(&weights, &unit, &lengths);
        for k in 0..18 {
            let at = |step: f64| {
                let mut moved = raw.clone();
                moved[k] += step;
                unit_rows(&moved).0.dot(&weights)
            };
            assert!(((at(1e-6) - at(-1e-6)) / 2e-6 - back[k]).abs() < 1e-8);
        }
    }
}
