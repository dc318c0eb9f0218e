//! Matrix products by register tiles: 4 rows by two registers of `out` stay in registers while the inner dimension runs.
//!
//! Both factors are first copied into the order in which the tile reads them ("packing", Goto & van de Geijn, "Anatomy of
//! high-performance matrix multiplication", 2008), in blocks of the inner dimension that stay in the nearest cache. Each entry is the sum
//! of its products in the order of the inner index, whatever the shape: the bits of the plain triple loop.

use super::lanes::{Element, Lanes};

/// Rows of a tile.
const ROWS: usize = 4;
/// Inner indices of a block.
const DEPTH: usize = 256;

/// `out` (m×n) = `a` (m×k) · `b` (k×n). `out` is overwritten.
///
/// # Panics
/// If a slice has not the length that its shape needs.
pub fn matmul<T: Element>(out: &mut [T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
    check(out, a, b, m, k, n);
    product(out, Factor { of: a, along: k, inner: 1 }, Factor { of: b, along: 1, inner: n }, [m, k, n]);
}

/// `out` (m×n) = `a`ᵀ · `b`, with `a` k×m and `b` k×n. `out` is overwritten.
///
/// # Panics
/// If a slice has not the length that its shape needs.
pub fn matmul_tn<T: Element>(out: &mut [T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
    check(out, a, b, m, k, n);
    product(out, Factor { of: a, along: 1, inner: m }, Factor { of: b, along: 1, inner: n }, [m, k, n]);
}

/// `out` (m×n) = `a` · `b`ᵀ, with `a` m×k and `b` n×k. `out` is overwritten.
///
/// # Panics
/// If a slice has not the length that its shape needs.
pub fn matmul_nt<T: Element>(out: &mut [T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
    check(out, a, b, m, k, n);
    product(out, Factor { of: a, along: k, inner: 1 }, Factor { of: b, along: k, inner: 1 }, [m, k, n]);
}

fn check<T>(out: &[T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
    assert_eq!((out.len(), a.len(), b.len()), (m * n, m * k, k * n), "lengths of out, a, b for a product {m}×{k}×{n}");
}

/// A factor whose entry at outer index `i` and inner index `p` is `of[i * along + p * inner]`.
#[derive(Clone, Copy)]
struct Factor<'a, T> {
    of: &'a [T],
    along: usize,
    inner: usize,
}

impl<T: Element> Factor<'_, T> {
    /// Outer indices `first..first + count` of the inner indices `from..from + depth` into `packed`: for each inner index, `width` entries
    /// side by side, zeros past `count`.
    #[inline(always)]
    fn pack(&self, packed: &mut [T], width: usize, first: usize, count: usize, from: usize, depth: usize) {
        let packed = &mut packed[..depth * width];
        if count < width {
            packed.fill(T::default());
        }
        if self.inner == 1 {
            let row = |i: usize| &self.of[(first + i) * self.along + from..][..depth];
            // Four rows at a time: what is written lies side by side.
            let fours = count - count % 4;
            for i in (0..fours).step_by(4) {
                let (a, b, c, d) = (row(i), row(i + 1), row(i + 2), row(i + 3));
                for ((((to, a), b), c), d) in packed.chunks_exact_mut(width).zip(a).zip(b).zip(c).zip(d) {
                    to[i..i + 4].copy_from_slice(&[*a, *b, *c, *d]);
                }
            }
            for i in fours..count {
                packed.iter_mut().skip(i).step_by(width).zip(row(i)).for_each(|(to, x)| *to = *x);
            }
        } else {
            for (p, to) in packed.chunks_exact_mut(width).enumerate() {
                to[..count].copy_from_slice(&self.of[(from + p) * self.inner + first..][..count]);
            }
        }
    }
}

fn product<T: Element>(out: &mut [T], a: Factor<T>, b: Factor<T>, [m, k, n]: [usize; 3]) {
    out.fill(T::default());
    if m == 0 || n == 0 {
        return;
    }
    let wide = 2 * T::Lanes::WIDTH;
    let panels = n.div_ceil(wide);
    let mut right = vec![T::default(); panels * wide * DEPTH.min(k)];
    let mut left = [T::default(); ROWS * DEPTH];
    for from in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - from);
        for (panel, to) in right.chunks_exact_mut(wide * depth).take(panels).enumerate() {
            b.pack(to, wide, panel * wide, wide.min(n - panel * wide), from, depth);
        }
        for (rows, out) in out.chunks_mut(ROWS * n).enumerate() {
            let count = out.len() / n;
            a.pack(&mut left, ROWS, rows * ROWS, count, from, depth);
            let left = &left[..ROWS * depth];
            for (panel, right) in right.chunks_exact(wide * depth).take(panels).enumerate() {
                let first = panel * wide;
                let left_over = n - first;
                if count == ROWS && left_over >= wide {
                    tile::<T, 2>(&mut out[first..], n, left, right);
                    continue;
                }
                // At the edges the tile works on a copy of its part of `out`.
                let width = wide.min(left_over);
                let mut edge = [T::default(); 4 * 8];
                let edge = &mut edge[..ROWS * wide];
                for r in 0..count {
                    edge[r * wide..][..width].copy_from_slice(&out[r * n + first..][..width]);
                }
                if width <= T::Lanes::WIDTH {
                    tile::<T, 1>(edge, wide, left, right);
                } else {
                    tile::<T, 2>(edge, wide, left, right);
                }
                for r in 0..count {
                    out[r * n + first..][..width].copy_from_slice(&edge[r * wide..][..width]);
                }
            }
        }
    }
}

/// Adds `left` · `right` to the tile of `ROWS` rows and `REGISTERS` registers a row at the start of `out`.
#[inline(always)]
fn tile<T: Element, const REGISTERS: usize>(out: &mut [T], stride: usize, left: &[T], right: &[T]) {
    let width = T::Lanes::WIDTH;
    let mut sum: [[T::Lanes; REGISTERS]; ROWS] =
        std::array::from_fn(|r| std::array::from_fn(|c| T::Lanes::load(&out[r * stride + c * width..])));
    for (left, right) in left.chunks_exact(ROWS).zip(right.chunks_exact(2 * width)) {
        let right: [T::Lanes; REGISTERS] = std::array::from_fn(|c| T::Lanes::load(&right[c * width..]));
        for r in 0..ROWS {
            let x = T::Lanes::splat(left[r]);
            for c in 0..REGISTERS {
                sum[r][c] = sum[r][c] + x * right[c];
            }
        }
    }
    for r in 0..ROWS {
        for c in 0..REGISTERS {
            sum[r][c].store(&mut out[r * stride + c * width..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn naive<T: Element>(a: impl Fn(usize, usize) -> T, b: impl Fn(usize, usize) -> T, [m, k, n]: [usize; 3]) -> Vec<T> {
        let entry = |i, j| (0..k).fold(T::default(), |sum, p| sum + a(i, p) * b(p, j));
        (0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect()
    }

    fn equals_the_triple_loop<T: Element + std::fmt::Debug>() {
        let mut random = Random::new(3, "product");
        for [m, k, n] in
            [[1, 1, 1], [4, 3, 8], [5, 7, 9], [256, 12, 10], [12, 256, 10], [3, 600, 17], [31, 1, 4], [2, 0, 3], [64, 64, 64]]
        {
            let mut draw = |count: usize| (0..count).map(|_| T::real(random.normal())).collect::<Vec<T>>();
            let (a, b, mut out) = (draw(m * k), draw(k * n), draw(m * n));
            matmul(&mut out, &a, &b, m, k, n);
            assert_eq!(out, naive(|i, p| a[i * k + p], |p, j| b[p * n + j], [m, k, n]), "{m}×{k}×{n}");
            matmul_tn(&mut out, &a, &b, m, k, n);
            assert_eq!(out, naive(|i, p| a[p * m + i], |p, j| b[p * n + j], [m, k, n]), "ᵀ {m}×{k}×{n}");
            matmul_nt(&mut out, &a, &b, m, k, n);
            assert_eq!(out, naive(|i, p| a[i * k + p], |p, j| b[j * k + p], [m, k, n]), "·ᵀ {m}×{k}×{n}");
        }
    }

    #[test]
    fn products_equal_the_triple_loop_bit_for_bit() {
        equals_the_triple_loop::<f32>();
        equals_the_triple_loop::<f64>();
    }

    #[test]
    fn agrees_with_nalgebra() {
        let mut random = Random::new(4, "product");
        let (m, k, n) = (33, 129, 65);
        let a = nalgebra::DMatrix::from_fn(m, k, |_, _| random.normal());
        let b = nalgebra::DMatrix::from_fn(k, n, |_, _| random.normal());
        let mut out = vec![0.0; m * n];
        // nalgebra is column-major: its storage of `a` is the row-major transpose.
        matmul_tn(&mut out, a.as_slice(), b.transpose().as_slice(), m, k, n);
        let want = (&a * &b).transpose();
        assert!(out.iter().zip(want.as_slice()).all(|(out, want)| (out - want).abs() < 1e-12));
    }
}
