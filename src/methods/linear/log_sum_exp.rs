//! ln Σ exp over the rows and the columns of a matrix, the kernel of optimal transport in the log domain.

use super::elementary::{BLOCK, exp_term};
use super::lanes::{Element, Lanes};

/// Columns worked on at a time when the sums run down: the strip of all rows stays in the second cache between its two passes.
const STRIP: usize = 64;

/// `out[i]` = ln Σⱼ exp(`scale` (`g[j]` − `c[i][j]`)), the rows of `c` having `columns` entries.
///
/// `scale` > 0. Entries of `g` may be −∞ (such a column does not count); `out` is −∞ where no column counts. The largest term is
/// taken out of the sum first, so nothing overflows.
///
/// # Panics
/// If `g` has not `columns` entries, or `c` not `out.len() * columns`.
pub fn row_log_sum_exp<T: Element>(out: &mut [T], scale: T, c: &[T], columns: usize, g: &[T]) {
    assert_eq!((g.len(), c.len()), (columns, out.len() * columns), "lengths of g and c");
    for (i, out) in out.iter_mut().enumerate() {
        *out = log_sum_exp(scale, &c[i * columns..][..columns], g);
    }
}

fn log_sum_exp<T: Element>(scale: T, c: &[T], g: &[T]) -> T {
    let none = T::real(f64::NEG_INFINITY);
    let size = BLOCK * T::Lanes::WIDTH;
    let differences = || {
        c.chunks(size).zip(g.chunks(size)).map(|(c, g)| {
            let (c, g) = (block(c, T::default()), block(g, none));
            std::array::from_fn::<T::Lanes, BLOCK, _>(|i| g[i] - c[i])
        })
    };
    let mut top = [T::Lanes::splat(none); BLOCK];
    differences().for_each(|x| top = std::array::from_fn(|i| x[i].larger(top[i])));
    let top = lanes(top).fold(none, |top, x| if x > top { x } else { top });
    if top == none {
        return none;
    }
    let mut sum = [T::Lanes::splat(T::default()); BLOCK];
    differences().for_each(|x| {
        let term = exp_term(x.map(|x| (x - T::Lanes::splat(top)) * T::Lanes::splat(scale)));
        sum = std::array::from_fn(|i| sum[i] + term[i]);
    });
    scale * top + lanes(sum).fold(T::default(), |sum, x| sum + x).ln()
}

/// `out[j]` = ln Σᵢ exp(`scale` (`f[i]` − `c[i][j]`)), the rows of `c` having `columns` entries. See [`row_log_sum_exp`].
///
/// # Panics
/// If `out` has not `columns` entries, or `c` not `f.len() * columns`.
pub fn column_log_sum_exp<T: Element>(out: &mut [T], scale: T, c: &[T], columns: usize, f: &[T]) {
    assert_eq!((out.len(), c.len()), (columns, f.len() * columns), "lengths of out and c");
    let none = T::real(f64::NEG_INFINITY);
    let size = BLOCK * T::Lanes::WIDTH;
    for (strip, out) in out.chunks_mut(STRIP).enumerate() {
        let from = strip * STRIP;
        let mut top = [none; STRIP];
        for (i, f) in f.iter().enumerate() {
            let c = &c[i * columns + from..][..out.len()];
            for (c, top) in c.chunks(size).zip(top.chunks_exact_mut(size)) {
                let c = block(c, T::default());
                for (c, top) in c.into_iter().zip(top.chunks_exact_mut(T::Lanes::WIDTH)) {
                    (T::Lanes::splat(*f) - c).larger(T::Lanes::load(top)).store(top);
                }
            }
        }
        let mut sum = [T::default(); STRIP];
        for (i, f) in f.iter().enumerate() {
            let c = &c[i * columns + from..][..out.len()];
            for ((c, top), sum) in c.chunks(size).zip(top.chunks_exact(size)).zip(sum.chunks_exact_mut(size)) {
                let (c, top) = (block(c, T::default()), block(top, none));
                let term = exp_term(std::array::from_fn::<T::Lanes, BLOCK, _>(|r| {
                    (T::Lanes::splat(*f) - c[r] - top[r]) * T::Lanes::splat(scale)
                }));
                for (term, sum) in term.into_iter().zip(sum.chunks_exact_mut(T::Lanes::WIDTH)) {
                    (T::Lanes::load(sum) + term).store(sum);
                }
            }
        }
        for ((out, top), sum) in out.iter_mut().zip(top).zip(sum) {
            *out = if top == none { none } else { scale * top + sum.ln() };
        }
    }
}

/// A block of registers from a slice that may be shorter, filled up with `pad`.
#[inline(always)]
fn block<T: Element>(from: &[T], pad: T) -> [T::Lanes; BLOCK] {
    let width = T::Lanes::WIDTH;
    if from.len() == BLOCK * width {
        std::array::from_fn(|i| T::Lanes::load(&from[i * width..]))
    } else {
        let mut whole = [pad; 4 * BLOCK];
        whole[..from.len()].copy_from_slice(from);
        std::array::from_fn(|i| T::Lanes::load(&whole[i * width..]))
    }
}

/// The values of all lanes of a block, in order.
#[inline(always)]
fn lanes<L: Lanes>(block: [L; BLOCK]) -> impl Iterator<Item = L::Scalar> {
    block.into_iter().flat_map(|lanes| {
        let mut values = [L::Scalar::default(); 4];
        lanes.store(&mut values);
        values.into_iter().take(L::WIDTH)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn exact<T: Element>(scale: T, terms: impl Iterator<Item = T>) -> f64 {
        let terms: Vec<f64> = terms.map(|x| scale.double() * x.double()).collect();
        let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY { top } else { top + libm::log(terms.iter().map(|x| libm::exp(x - top)).sum()) }
    }

    fn agrees<T: Element + std::fmt::Debug>(tolerance: f64) {
        let mut random = Random::new(7, "log-sum-exp");
        for (rows, columns) in [(1, 1), (3, 8), (5, 17), (130, 67), (67, 130), (2, 1000)] {
            for scale in [0.1, 20.0, 1500.0] {
                let mut draw = |count: usize| (0..count).map(|_| T::real(random.uniform())).collect::<Vec<T>>();
                let (c, mut f, g) = (draw(rows * columns), draw(rows), draw(columns));
                f[rows / 2] = T::real(f64::NEG_INFINITY);
                let scale = T::real(scale);
                let close =
                    |got: T, want: f64| got.double() == want || (got.double() - want).abs() <= tolerance * want.abs().max(1.0);
                let mut out = vec![T::default(); rows];
                row_log_sum_exp(&mut out, scale, &c, columns, &g);
                for (i, got) in out.iter().enumerate() {
                    let want = exact(scale, (0..columns).map(|j| g[j] - c[i * columns + j]));
                    assert!(close(*got, want), "row {i} of {rows}×{columns} at {scale:?}: {got:?} for {want}");
                }
                let mut out = vec![T::default(); columns];
                column_log_sum_exp(&mut out, scale, &c, columns, &f);
                for (j, got) in out.iter().enumerate() {
                    let want = exact(scale, (0..rows).map(|i| f[i] - c[i * columns + j]));
                    assert!(close(*got, want), "column {j} of {rows}×{columns} at {scale:?}: {got:?} for {want}");
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        agrees::<f64>(1e-14);
        agrees::<f32>(3e-6);
    }
}
