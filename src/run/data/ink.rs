//! Images as clouds of points.

use super::Pictures;
use ground::random::Random;

impl Pictures {
    /// `n` points of image `index`, two coordinates each, the image filling −1..1 both ways: a pixel drawn by its ink, and a place in it.
    ///
    /// # Panics
    /// If the image has no ink.
    pub fn cloud(&self, index: usize, n: usize, random: &mut Random) -> Vec<f64> {
        let mut below = 0;
        let sums: Vec<usize> = self
            .image(index)
            .iter()
            .map(|ink| {
                below += usize::from(*ink);
                below
            })
            .collect();
        assert!(below > 0, "an image with ink");
        let mut points = Vec::with_capacity(2 * n);
        for _ in 0..n {
            let ink = random.below(below);
            let pixel = sums.partition_point(|sum| *sum <= ink);
            let mut place = |at: usize, of: usize| 2.0 * (at as f64 + random.uniform()) / of as f64 - 1.0;
            let across = place(pixel % self.width, self.width);
            points.extend([across, -place(pixel / self.width, self.height)]);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fall_where_the_ink_is() {
        // Ink 1 at the top left, 3 at the bottom right.
        let pictures = Pictures { width: 2, height: 2, pixels: vec![1, 0, 0, 3], labels: vec![0], palette: Vec::new() };
        let points = pictures.cloud(0, 4000, &mut Random::new(1, "ink"));
        let right = points.chunks(2).filter(|p| p[0] > 0.0).count();
        assert!((2850..3150).contains(&right), "{right}");
        assert!(points.chunks(2).all(|p| (p[0] > 0.0) == (p[1] < 0.0) && p[0].abs() <= 1.0 && p[1].abs() <= 1.0));
    }
}
