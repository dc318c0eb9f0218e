//! The same race from other starts.

use super::*;

/// Fresh starts, and everyone's results from each.
pub struct Visits {
    /// The starts.
    pub starts: Vec<Rc<[f64]>>,
    /// From each start, the results in the order of the racers.
    pub results: Vec<Vec<(f64, f64)>>,
}

impl Visits {
    /// Nobody was there yet.
    pub fn new(starts: Vec<Rc<[f64]>>) -> Self {
        Visits { results: vec![Vec::new(); starts.len()], starts }
    }

    /// How many walks there were.
    pub fn made(&self) -> usize {
        self.results.iter().map(Vec::len).sum()
    }
}

impl Race {
    /// Everyone from everywhere.
    pub(super) async fn visit(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for place in 0..self.visits.starts.len() {
            for i in self.visits.results[place].len()..self.racers.len() {
                let Racer { who, step_size, .. } = self.racers[i];
                let mut walk = self.walk(who, step_size, &self.visits.starts[place], &self.controls);
                while !walk.decided(&self.course) {
                    walk.advance(&self.course);
                    self = stage.part(self).await;
                }
                self.visits.results[place].push(walk.result());
                self = stage.next(self).await;
            }
        }
        self
    }

    /// The race and all of its repetitions are over.
    pub(super) fn whole(&self) -> bool {
        let over = |racer: &Racer| racer.walk.as_ref().is_some_and(|walk| walk.over(&self.course));
        self.racers.iter().all(over) && self.visits.made() == self.visits.starts.len() * self.racers.len()
    }

    /// Pairs of racers at other starts with the order of this start, and how many pairs have an order at both.
    pub(super) fn pairs(&self) -> (f64, f64) {
        let here: Vec<(f64, f64)> = self.racers.iter().filter_map(|r| r.walk.as_ref()).map(Walk::result).collect();
        let (mut same, mut all) = (0.0, 0.0);
        for there in self.visits.results.iter().filter(|r| r.len() == here.len()) {
            for i in 0..here.len() {
                for j in 0..i {
                    let (a, b) = (compare(here[i], here[j]), compare(there[i], there[j]));
                    // Both diverged, or the same number of gradients: no order.
                    if a != 0 && b != 0 {
                        all += 1.0;
                        same += f64::from(u8::from(a == b));
                    }
                }
            }
        }
        (same, all)
    }

    /// The share of other starts at which `i` is first.
    pub(super) fn wins(&self, i: usize) -> f64 {
        let whole: Vec<_> = self.visits.results.iter().filter(|r| r.len() == self.racers.len()).collect();
        let first = |r: &&&Vec<(f64, f64)>| (0..r.len()).all(|j| compare(r[i], r[j]) <= 0);
        whole.iter().filter(first).count() as f64 / whole.len() as f64
    }
}
