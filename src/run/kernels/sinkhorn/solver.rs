//! The two sides as one: the faster one sweeps, and when the GPU is lost or its precision is used up the CPU goes on.

use super::{Kernel, Twin};
use gpu::{Device, milliseconds};

/// Who sweeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The GPU, if it turns out to be faster at this size; measured once a device and size.
    #[default]
    Faster,
    /// The GPU, if there is one.
    Gpu,
}

/// How long sweeps of one size take, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// A sweep on the CPU.
    cpu: f64,
    /// What a batch takes on the GPU besides its sweeps: submission and read-back.
    batch: f64,
    /// A sweep on the GPU.
    gpu: f64,
}

impl Speed {
    fn favours_gpu(&self, sweeps: usize) -> bool {
        self.batch + self.gpu * (sweeps as f64) < self.cpu * sweeps as f64
    }
}

/// Sinkhorn's algorithm on whichever side is faster. See [the module](super) for the problem.
///
/// The GPU computes in `f32`: once the marginal error is down to what that can resolve, the CPU goes on in `f64` from there. It also goes
/// on, in the same call, when the GPU is lost.
pub struct Solver {
    device: Device,
    choice: Choice,
    twin: Twin<f64>,
    kernel: Option<Kernel>,
    /// The kernel has the twin's potentials.
    in_step: bool,
}

impl Solver {
    /// At u = v = 0, with costs ηC (`source.len()` rows of `target.len()`), row sums r and column sums c, all positive.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(device: &Device, choice: Choice, scaled_cost: &[f64], source: &[f64], target: &[f64]) -> Self {
        let twin = Twin::new(scaled_cost.iter().copied(), source, target);
        // A GPU in software never pays; it is there for tests.
        let gpu = device.gpu().filter(|gpu| choice == Choice::Gpu || !gpu.is_software());
        let kernel = gpu.and_then(|gpu| Kernel::new(gpu, scaled_cost, source, target));
        Solver { device: device.clone(), choice, twin, kernel, in_step: true }
    }

    /// (u, v).
    pub fn potentials(&self) -> (Vec<f64>, Vec<f64>) {
        self.twin.potentials()
    }

    /// Goes on from (u, v).
    pub fn set_potentials(&mut self, u: &[f64], v: &[f64]) {
        self.twin.set_potentials(u, v);
        self.in_step = false;
    }

    /// Makes `count` sweeps. Returns ‖P1 − r‖₁ before each of them.
    pub async fn sweeps(&mut self, count: usize) -> Vec<f64> {
        self.up_to(count, count).await
    }

    /// Makes `count` sweeps if the GPU does; the CPU returns after `on_cpu` of them (at least one), so that a slice does not get long.
    /// Returns ‖P1 − r‖₁ before each that was made.
    pub async fn up_to(&mut self, count: usize, on_cpu: usize) -> Vec<f64> {
        let mut errors = Vec::with_capacity(count);
        let on_gpu = self.prefers_gpu(count, &mut errors).await;
        let mut left = on_cpu.max(1).saturating_sub(errors.len());
        while errors.len() < count {
            if !(on_gpu && self.sweep_on_gpu(count - errors.len(), &mut errors).await) {
                if left == 0 {
                    break;
                }
                left -= 1;
                errors.push(self.twin.sweep());
                self.in_step = false;
            }
        }
        errors
    }

    /// A batch on the GPU; `false` if there is none any more.
    async fn sweep_on_gpu(&mut self, count: usize, errors: &mut Vec<f64>) -> bool {
        let Some(kernel) = self.kernel.as_ref().filter(|_| self.device.gpu().is_some()) else { return false };
        let (u, v) = self.twin.potentials();
        if !self.in_step {
            kernel.set_potentials(&u, &v);
        }
        let Ok(batch) = kernel.sweeps(count).await else {
            self.kernel = None;
            return false;
        };
        // A NaN would come from a driver's bug; the twin knows better.
        if batch.u.iter().chain(&batch.v).any(|x| !x.is_finite()) {
            self.kernel = None;
            return false;
        }
        self.in_step = true;
        self.twin.set_potentials(&batch.u, &batch.v);
        let largest = batch.u.iter().chain(&batch.v).fold(0.0, |top: f64, x| top.max(x.abs()));
        if batch.errors.last().is_some_and(|error| *error < RESOLUTION * largest) {
            self.kernel = None;
        }
        errors.extend(batch.errors);
        true
    }

    /// Is a batch of `count` faster on the GPU? Measured at the first call; the CPU's part of that are sweeps of this batch.
    async fn prefers_gpu(&mut self, count: usize, errors: &mut Vec<f64>) -> bool {
        let (Some(kernel), Some(gpu)) = (&self.kernel, self.device.gpu()) else { return false };
        if self.choice == Choice::Gpu {
            return true;
        }
        let size = self.twin.size();
        if let Some(speed) = gpu.known::<super::Known>().speeds.get(size) {
            return speed.favours_gpu(count);
        }
        let start = milliseconds();
        while errors.len() < count && milliseconds() - start < 2.0 {
            errors.push(self.twin.sweep());
        }
        if errors.is_empty() {
            return false;
        }
        let cpu = (milliseconds() - start) / errors.len() as f64;
        let (u, v) = self.twin.potentials();
        let mut times = [0.0; 3];
        // The first batch also compiles the kernel.
        for (time, sweeps) in times.iter_mut().zip([1, SHORT, LONG]) {
            kernel.set_potentials(&u, &v);
            let start = milliseconds();
            if kernel.sweeps(sweeps).await.is_err() {
                self.kernel = None;
                return false;
            }
            *time = milliseconds() - start;
        }
        self.in_step = false;
        let per_sweep = ((times[2] - times[1]) / (LONG - SHORT) as f64).max(0.0);
        let speed = Speed { cpu, batch: (times[1] - per_sweep * SHORT as f64).max(0.0), gpu: per_sweep };
        gpu.known::<super::Known>().speeds.put(size, speed);
        speed.favours_gpu(count)
    }
}

/// Sweeps of the two batches that are timed.
const SHORT: usize = 2;
const LONG: usize = 10;

/// The marginal error that `f32` resolves, per unit of the largest potential: exponents are rounded to 2⁻²⁴ of their size.
const RESOLUTION: f64 = 1.0 / (1 << 21) as f64;

#[cfg(test)]
mod tests {
    use super::*;
    use gpu::testing::gpu;
    use ground::random::Random;

    /// ηC, r, c.
    fn problem(rows: usize, columns: usize, scale: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut random = Random::new(11, "sinkhorn");
        let cost = (0..rows * columns).map(|_| scale * random.uniform()).collect();
        let mut mass = |count: usize| {
            let mass: Vec<f64> = (0..count).map(|_| 0.1 + random.uniform()).collect();
            let sum: f64 = mass.iter().sum();
            mass.into_iter().map(|m| m / sum).collect::<Vec<_>>()
        };
        (cost, mass(rows), mass(columns))
    }

    fn range(x: &[f64]) -> f64 {
        x.iter().fold(0.0, |top: f64, x| top.max(x.abs()))
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn gpu_and_twin_agree() {
        let Some(device) = gpu() else { return };
        for (rows, columns, scale) in [(1, 1, 5.0), (3, 130, 20.0), (200, 200, 50.0), (257, 190, 300.0)] {
            let (cost, source, target) = problem(rows, columns, scale);
            let kernel = Kernel::new(device.gpu().expect("not lost"), &cost, &source, &target).expect("small enough");
            let mut twin = Twin::<f32>::new(cost.iter().copied(), &source, &target);
            let mut double = Twin::<f64>::new(cost.iter().copied(), &source, &target);
            for sweeps in [1, 10, 40] {
                let batch = pollster::block_on(kernel.sweeps(sweeps)).expect("not lost");
                let errors: Vec<f64> = (0..sweeps).map(|_| (twin.sweep(), double.sweep()).1).collect();
                for (u, v) in [twin.potentials(), double.potentials()] {
                    let off = distance(&u, &batch.u).max(distance(&v, &batch.v)) / range(&u).max(range(&v));
                    assert!(off < 1e-4, "{rows}×{columns} at {scale} after {sweeps} more: {off:e}");
                }
                let off = errors.iter().zip(&batch.errors).map(|(a, b)| (a - b).abs() / a.max(1.0)).fold(0.0, f64::max);
                assert!(off < 1e-3, "errors of {rows}×{columns} at {scale}: {off:e}");
            }
        }
    }

    /// The CPU's result of `sweeps` sweeps.
    fn on_cpu(cost: &[f64], source: &[f64], target: &[f64], sweeps: usize) -> (Vec<f64>, Vec<f64>) {
        let mut solver = Solver::new(&Device::cpu(), Choice::Faster, cost, source, target);
        pollster::block_on(solver.sweeps(sweeps));
        solver.potentials()
    }

    /// x and y are known up to a number added to one and taken from the other.
    fn plans_differ_by((u, v): &(Vec<f64>, Vec<f64>), (a, b): &(Vec<f64>, Vec<f64>)) -> f64 {
        let shift = u[0] - a[0];
        let du = u.iter().zip(a).map(|(u, a)| (u - a - shift).abs()).fold(0.0, f64::max);
        v.iter().zip(b).map(|(v, b)| (v - b + shift).abs()).fold(du, f64::max)
    }

    #[test]
    fn the_cpu_returns_after_its_share() {
        let (cost, source, target) = problem(20, 30, 10.0);
        let mut solver = Solver::new(&Device::cpu(), Choice::Faster, &cost, &source, &target);
        let errors = pollster::block_on(async { [solver.up_to(64, 3).await, solver.up_to(64, 0).await].concat() });
        assert_eq!(errors.len(), 4);
        assert_eq!(solver.potentials(), on_cpu(&cost, &source, &target, 4));
    }

    #[test]
    fn precision_of_the_gpu_used_up_the_cpu_goes_on() {
        let Some(device) = gpu() else { return };
        let (cost, source, target) = problem(120, 90, 30.0);
        let mut solver = Solver::new(&device, Choice::Gpu, &cost, &source, &target);
        let errors = pollster::block_on(async {
            let mut errors = Vec::new();
            for _ in 0..20 {
                errors.extend(solver.sweeps(20).await);
            }
            errors
        });
        assert!(solver.kernel.is_none() && errors.len() == 400);
        assert!(*errors.last().expect("400") < 1e-12, "{:e}", errors[399]);
        assert!(plans_differ_by(&solver.potentials(), &on_cpu(&cost, &source, &target, 400)) < 1e-9);
    }

    #[test]
    fn a_lost_gpu_is_replaced_within_the_call() {
        let Some(device) = gpu() else { return };
        let (cost, source, target) = problem(120, 90, 30.0);
        let mut solver = Solver::new(&device, Choice::Gpu, &cost, &source, &target);
        let before = pollster::block_on(solver.sweeps(5));
        assert!(before.len() == 5 && solver.kernel.is_some());
        device.lose();
        let after = pollster::block_on(solver.sweeps(395));
        assert!(after.len() == 395 && solver.kernel.is_none());
        assert!(device.gpu().is_none() && device.clone().gpu().is_none() && device.name() == "CPU");
        assert!(plans_differ_by(&solver.potentials(), &on_cpu(&cost, &source, &target, 400)) < 1e-9);
        let mut fresh = Solver::new(&device, Choice::Gpu, &cost, &source, &target);
        pollster::block_on(fresh.sweeps(400));
        assert_eq!(fresh.potentials(), on_cpu(&cost, &source, &target, 400));
    }

    #[test]
    fn a_gpu_may_be_lost_in_the_middle_of_a_batch() {
        let Some(device) = gpu() else { return };
        let (cost, source, target) = problem(300, 200, 15.0);
        let mut solver = Solver::new(&device, Choice::Gpu, &cost, &source, &target);
        let driver = std::thread::spawn({
            let device = device.gpu().expect("not lost yet").device.clone();
            move || {
                std::thread::sleep(std::time::Duration::from_millis(40));
                device.destroy();
            }
        });
        // Until the GPU is gone: its precision is used up only near the fixed point, from where it would start anew.
        let mut sweeps = 0;
        while device.gpu().is_some() {
            solver.set_potentials(&vec![0.0; 300], &vec![0.0; 200]);
            sweeps += pollster::block_on(solver.sweeps(300)).len();
        }
        driver.join().expect("the thread ends");
        assert!(sweeps > 0 && sweeps % 300 == 0);
        let errors = pollster::block_on(solver.sweeps(300));
        assert!(errors[299] < 1e-12);
        assert!(plans_differ_by(&solver.potentials(), &on_cpu(&cost, &source, &target, 600)) < 1e-9);
    }

    #[test]
    fn the_choice_is_measured_once_and_changes_nothing_but_speed() {
        let Some(device) = gpu() else { return };
        let (cost, source, target) = problem(64, 64, 10.0);
        let mut solver = Solver::new(&device, Choice::Gpu, &cost, &source, &target);
        solver.choice = Choice::Faster;
        assert_eq!(pollster::block_on(solver.sweeps(200)).len(), 200);
        let known = device.gpu().expect("not lost").known::<super::super::Known>();
        let speeds = &known.speeds;
        assert_eq!(speeds.len(), 1);
        assert_eq!(pollster::block_on(solver.sweeps(200)).len(), 200);
        assert_eq!(speeds.len(), 1);
        assert!(plans_differ_by(&solver.potentials(), &on_cpu(&cost, &source, &target, 400)) < 1e-9);
    }
}
