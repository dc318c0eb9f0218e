//! Where to look from: the directions in which class means are seen best, and the simplex that they are near to.

use nalgebra::DMatrix;

/// Up to three directions in the span of centred class means.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Orthonormal columns (d×3): the left singular vectors of M with the largest singular values. Two classes span a line, which is
    /// completed to a plane; the third direction of a plane is 0.
    pub axes: DMatrix<f64>,
    /// The simplex nearest to M among those of its size, along these directions (3×K).
    pub simplex: DMatrix<f64>,
    /// The share of ‖M‖² that is seen along each.
    pub shares: [f64; 3],
}

impl Projection {
    /// For M = `centred` (d×K), d ≥ 2 and K ≥ 2, all finite.
    pub fn of(centred: &DMatrix<f64>) -> Self {
        let (d, k) = centred.shape();
        let svd = centred.clone().svd(true, true);
        let (u, vt) = (svd.u.expect("asked for"), svd.v_t.expect("asked for"));
        let kept = 3.min(k - 1).min(d);
        let mut axes = DMatrix::zeros(d, 3);
        axes.columns_mut(0, kept).copy_from(&u.columns(0, kept));
        if kept == 1 {
            // The coordinate axis that is least along the line, made orthogonal to it.
            let least = u.column(0).iamin();
            let mut second = u.column(0) * -u[(least, 0)];
            second[least] += 1.0;
            axes.set_column(1, &second.normalize());
        }
        // M = U S Vᵀ; its columns sum to 0, so that one singular value is 0. The nearest simplex has all others equal: s U Vᵀ.
        let size = centred.norm() / (k as f64 - 1.0).sqrt();
        let mut simplex = DMatrix::zeros(3, k);
        simplex.rows_mut(0, kept).copy_from(&(vt.rows(0, kept) * size));
        let all = centred.norm_squared();
        let share = |j: usize| if j < kept { svd.singular_values[j] * svd.singular_values[j] / all } else { 0.0 };
        Projection { axes, simplex, shares: [0, 1, 2].map(share) }
    }

    /// The simplex of unit lengths nearest to M = `centred` (d×K), along these directions (3×K). M need not be the one that they
    /// are of.
    pub fn nearest(&self, centred: &DMatrix<f64>) -> DMatrix<f64> {
        let k = centred.ncols();
        let svd = centred.clone().svd(true, true);
        let (u, vt) = (svd.u.expect("asked for"), svd.v_t.expect("asked for"));
        let kept = (k - 1).min(centred.nrows());
        // Unit lengths: K − 1 equal singular values whose squares sum to K.
        let size = (k as f64 / (k as f64 - 1.0)).sqrt();
        self.axes.tr_mul(&u.columns(0, kept)) * vt.rows(0, kept) * size
    }

    /// Where `vector` (d entries) is seen.
    pub fn place(&self, vector: impl Iterator<Item = f64>) -> [f64; 3] {
        let mut place = [0.0; 3];
        for (row, value) in vector.enumerate() {
            place.iter_mut().enumerate().for_each(|(j, p)| *p += self.axes[(row, j)] * value);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::frame::orthonormal;
    use crate::random::Random;

    #[test]
    fn a_simplex_is_its_own_nearest_one() {
        let mut random = Random::new(1, "projection");
        for k in [2, 3, 4, 7] {
            let centring = DMatrix::identity(k, k) - DMatrix::from_element(k, k, 1.0 / k as f64);
            let m = orthonormal(9, k, &mut random) * centring * 2.0;
            let projection = Projection::of(&m);
            for (j, column) in m.column_iter().enumerate() {
                let place = projection.place(column.iter().copied());
                let gap = (0..3).fold(0.0, |gap: f64, i| gap.max((place[i] - projection.simplex[(i, j)]).abs()));
                assert!(gap < 1e-12, "K = {k}: {gap}");
            }
            let nearest = projection.nearest(&m) * (m.norm() / (k as f64).sqrt());
            assert!((nearest - &projection.simplex).abs().max() < 1e-12, "K = {k}");
            let seen: f64 = projection.shares.iter().sum();
            assert!((seen - 3.0f64.min(k as f64 - 1.0) / (k as f64 - 1.0)).abs() < 1e-12, "K = {k}: {seen}");
            let directions = projection.axes.tr_mul(&projection.axes);
            let expected = DMatrix::from_diagonal(&vec![1.0, 1.0, if k < 4 { 0.0 } else { 1.0 }].into());
            assert!((directions - expected).abs().max() < 1e-12, "K = {k}");
        }
    }
}
