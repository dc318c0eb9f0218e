//! The map: heights over the plane, on a grid that is refined.

use run::kernels::loss_grid::Kernel;

use super::*;

/// The first grid's cells a side; each finer one halves them.
pub const COARSEST: usize = 8;
/// Products for the ends of the spectrum at one place of the map.
const LOCAL: usize = 10;

/// The distances between neighbours of the grids, the coarsest first, in cells of the finest.
pub fn strides(cells: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(cells / COARSEST), |stride| Some(stride / 2)).take_while(|stride| *stride > 0)
}

/// The places of a grid of so many cells a side in the order in which it is refined: what a coarser grid has stays.
pub fn order(cells: usize) -> Vec<usize> {
    let mut taken = vec![false; (cells + 1) * (cells + 1)];
    let places = strides(cells).flat_map(|stride| {
        let side = cells / stride + 1;
        (0..side * side).map(move |i| i / side * stride * (cells + 1) + i % side * stride)
    });
    places.filter(|place| !std::mem::replace(&mut taken[*place], true)).collect()
}

impl Controls {
    /// Cells a side of the finest grid.
    pub(super) fn cells(&self) -> usize {
        let wanted = [16, 32, 64, 128][self.detail as usize];
        // A spectrum at every place is a hundred times dearer than a loss.
        if self.height == Height::Curvature { wanted.min(16) } else { wanted }
    }
}

impl Landscape {
    /// The coordinate of a column or row of the finest grid.
    pub(super) fn place(&self, i: usize) -> f64 {
        let (low, high) = self.controls.window();
        low + (high - low) * i as f64 / self.controls.cells() as f64
    }

    /// Heights over the plane, batch by batch on the GPU where that is faster, else place by place.
    pub(super) async fn survey(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let cells = self.controls.cells();
        let order = order(cells);
        let plane = self.scene.plane.clone().expect("directions come first");
        let (network, mut room) = (self.network(), Room::default());
        let mut kernel = if self.scene.computed < order.len() { self.kernel(&network, stage.device()).await } else { None };
        for batch in order[self.scene.computed..].chunks(BATCH) {
            let at = |place: &usize| plane.at(self.place(place % (cells + 1)), self.place(place / (cells + 1)));
            let weights: Vec<Vec<f32>> = batch.iter().map(at).collect();
            let heights = match &kernel {
                Some(kernel) => kernel.losses(&weights).await.ok(),
                None => None,
            };
            if let Some(heights) = heights {
                batch.iter().zip(heights).for_each(|(place, height)| self.raise(*place, height));
            } else {
                // There is no GPU, or none any more.
                kernel = None;
                for (place, theta) in batch.iter().zip(weights) {
                    let height = self.height(&network.with(theta), &mut room);
                    self.raise(*place, height);
                    self = stage.part(self).await;
                }
            }
            self = stage.next(self).await;
        }
        self
    }

    /// The kernel, where the map's height is one that it computes and it is faster here.
    async fn kernel(&self, network: &Model, device: &Device) -> Option<Kernel> {
        if !matches!(self.controls.height, Height::Loss | Height::LogLoss) {
            return None;
        }
        let (Model::Dense(dense), Some(gpu)) = (network, device.gpu()) else { return None };
        let (x, y) = self.samples();
        let kernel = Kernel::new(gpu, dense, self.controls.loss, x, y)?;
        kernel.pays(network, self.controls.loss, x, y).await.then_some(kernel)
    }

    /// Keeps the height of the next place.
    fn raise(&mut self, place: usize, height: f64) {
        // A number that is none stays none: a minimum would take the other.
        self.scene.heights[place] = if height.is_nan() { f32::NAN } else { height.min(f64::from(f32::MAX)) as f32 };
        self.scene.computed += 1;
    }

    /// The map's height at a network.
    pub(super) fn height(&self, network: &Model, room: &mut Room) -> f64 {
        let ((x, y), (test_x, test_y)) = (self.samples(), self.tests());
        match self.controls.height {
            Height::Loss | Height::LogLoss => evaluate(network, self.controls.loss, x, y, room).0,
            Height::Test => evaluate(&network.frozen(x), self.controls.loss, test_x, test_y, room).0,
            Height::Accuracy => evaluate(&network.frozen(x), self.controls.loss, test_x, test_y, room).1,
            Height::Curvature => {
                let mut lanczos = Lanczos::random(self.weights.len(), &mut Random::new(self.seed, "local"));
                while lanczos.steps() < LOCAL && !lanczos.exhausted() {
                    let image = self.hessian(network, lanczos.next()).1;
                    if image.iter().any(|v| !v.is_finite() || v.abs() > 1e100) {
                        return f64::NAN;
                    }
                    lanczos.step(image);
                }
                let values = lanczos.ritz().values;
                let (low, high) = (values[0].min(0.0), values[values.len() - 1].max(0.0));
                if high > 0.0 { (-low / high).min(10.0) } else { f64::NAN }
            }
        }
    }
}
