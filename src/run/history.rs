//! What a run keeps of its way: numbers by step, and when it is time to take them.

/// `N` numbers at some steps of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track<const N: usize>(Vec<(f64, [f64; N])>);

impl<const N: usize> Track<N> {
    /// Notes the numbers at a step.
    pub fn note(&mut self, step: usize, numbers: [f64; N]) {
        self.0.push((step as f64, numbers));
    }

    /// The `k`-th numbers as points (step, number).
    pub fn points(&self, k: usize) -> impl ExactSizeIterator<Item = (f64, f64)> + DoubleEndedIterator + Clone {
        self.0.iter().map(move |(step, numbers)| (*step, numbers[k]))
    }

    /// The `k`-th number at the last step; NaN before the first.
    pub fn last(&self, k: usize) -> f64 {
        self.0.last().map_or(f64::NAN, |(_, numbers)| numbers[k])
    }

    /// The `k`-th number at that step; NaN where none was noted there.
    pub fn at(&self, step: usize, k: usize) -> f64 {
        self.0.iter().rev().find(|(at, _)| *at == step as f64).map_or(f64::NAN, |(_, numbers)| numbers[k])
    }

    /// All numbers, step by step.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (f64, [f64; N])> {
        self.0.iter().copied()
    }

    /// How often numbers were noted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing was noted yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// When numbers are taken: at equal distances, about so often in all, and at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    stride: usize,
    steps: usize,
}

impl Every {
    /// At most about `records` times in `steps` steps.
    pub const fn of(records: usize, steps: usize) -> Every {
        let stride = steps.div_ceil(records);
        Every { stride: if stride == 0 { 1 } else { stride }, steps }
    }

    /// Is it time?
    pub fn due(&self, step: usize) -> bool {
        step.is_multiple_of(self.stride) || step == self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_noted_at_equal_distances_and_at_the_end() {
        let every = Every::of(4, 10);
        let mut track = Track::default();
        assert!(track.is_empty() && track.last(0).is_nan());
        (0..=10).filter(|step| every.due(*step)).for_each(|step| track.note(step, [step as f64, -1.0]));
        assert_eq!(track.points(0).map(|p| p.0).collect::<Vec<_>>(), [0.0, 3.0, 6.0, 9.0, 10.0]);
        assert_eq!((track.len(), track.last(0), track.last(1)), (5, 10.0, -1.0));
        assert!(track.at(6, 0) == 6.0 && track.at(5, 0).is_nan());
        assert_eq!(track.rows().nth(1), Some((3.0, [3.0, -1.0])));
        assert!(Every::of(5, 0).due(0));
    }
}
