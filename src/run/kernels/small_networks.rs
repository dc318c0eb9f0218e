//! Many small networks trained side by side, on the GPU where that is faster.
//!
//! The GPU's side is `shaders/small_networks.wgsl` (`f32`), its CPU twin [`Training::step`]. After an epoch the two agree to 1e-4 of
//! the largest weight; training then drives rounding apart, as it does between any two machines that do not round alike.

use std::hint::black_box;
use std::sync::OnceLock;

use super::activation_number;
use gpu::{BySize, Gpu, Program, READ, WRITE};
use ground::Result;
use ground::random::Random;
use methods::network::dense::Classification;
use methods::network::model::Model;
use methods::network::training::{Epoch, Training};

/// Epochs of one submission, at most.
const EPOCHS: usize = 16;
/// Numbers that a submission may leave, over all networks and epochs.
const KEPT: usize = 1 << 22;

/// What is known of a device: the compiled kernel, and at which sizes it is faster than the CPU.
#[derive(Default)]
pub(super) struct Known {
    program: OnceLock<Program<1>>,
    faster: BySize<bool>,
}

/// Networks of one shape and their samples on the GPU.
pub struct Kernel {
    gpu: Gpu,
    samples: usize,
    parameters: usize,
    shape: Vec<u32>,
    at_once: usize,
    x: wgpu::Buffer,
    labels: wgpu::Buffer,
    theta: wgpu::Buffer,
    room: wgpu::Buffer,
}

impl Kernel {
    /// Puts every training's network and its samples on the GPU. `None` if they are not fully connected networks of one shape and as
    /// many samples, moved by plain gradient descent; or too large.
    pub fn new(gpu: &Gpu, trainings: &[Training], tasks: &[&Classification]) -> Option<Self> {
        let networks = trainings.len();
        let Model::Dense(network) = &trainings.first()?.network else { return None };
        let (sizes, parameters, samples) = (network.sizes(), network.theta.len(), tasks[0].y.len());
        let (step_size, decay, loss, batch) = trainings[0].plain()?;
        let alike = |(training, task): (&Training, &&Classification)| {
            matches!(&training.network, Model::Dense(other) if other.sizes() == sizes) && task.y.len() == samples
        };
        let widest = sizes.iter().copied().max()?;
        let units: usize = sizes[1..].iter().sum();
        let batch = batch.min(samples);
        let room = networks * batch * (units + 2 * widest);
        let at_once = (KEPT / (networks * (3 * parameters + 1))).min(EPOCHS);
        let largest = room.max(networks * samples * sizes[0].max(at_once)).max(KEPT);
        if samples == 0 || at_once == 0 || !trainings.iter().zip(tasks).all(alike) || 4 * largest as u64 > gpu.largest_buffer() {
            return None;
        }
        let layers = sizes.len() - 1;
        let numbers = [samples, sizes[0], parameters, layers, units, widest, batch];
        let mut shape: Vec<u32> = numbers.iter().map(|n| *n as u32).collect();
        shape.extend([
            activation_number(network.activation()),
            loss as u32,
            0,
            (step_size as f32).to_bits(),
            (decay as f32).to_bits(),
        ]);
        let mut begin = 0;
        for l in 0..layers {
            shape.extend([sizes[l], sizes[l + 1], network.place(l).0.start, begin].map(|n| n as u32));
            begin += sizes[l + 1];
        }
        let x = gpu.filled("samples", &tasks.iter().flat_map(|task| task.x.iter().copied()).collect::<Vec<f32>>());
        let classes: Vec<u32> = tasks.iter().flat_map(|task| task.y.iter().map(|y| u32::from(*y))).collect();
        let labels = gpu.filled("labels", &classes);
        let (theta, room) = (gpu.storage("weights", networks * parameters), gpu.storage("activities", room));
        Some(Kernel { gpu: gpu.clone(), samples, parameters, shape, at_once, x, labels, theta, room })
    }

    /// The next epochs of every training, as many as fit in a submission and `left` at most: what each leaves, training by training.
    /// The trainings have gone on by as much. An error means that the GPU is lost; then nothing has changed.
    pub async fn epochs(&self, trainings: &mut [Training], left: usize) -> Result<Vec<Vec<Epoch>>> {
        let epochs = left.min(self.at_once);
        let left = self.submit(trainings, epochs).await?;
        for (training, left) in trainings.iter_mut().zip(&left) {
            training.go_on(left);
        }
        Ok(left)
    }

    async fn submit(&self, trainings: &[Training], epochs: usize) -> Result<Vec<Vec<Epoch>>> {
        let leaves = 3 * self.parameters + 1;
        let gpu = &self.gpu;
        let known = gpu.known::<Known>();
        let Program { pipelines: [pipeline], layout } = known.program.get_or_init(|| {
            let source =
                [include_str!("../../../shaders/activation.wgsl"), include_str!("../../../shaders/small_networks.wgsl")].concat();
            let shader =
                wgpu::ShaderModuleDescriptor { label: Some("networks"), source: wgpu::ShaderSource::Wgsl(source.into()) };
            gpu.program(shader, &[READ, READ, READ, READ, WRITE, WRITE, WRITE], ["train"])
        });
        let mut shape = self.shape.clone();
        shape[9] = epochs as u32;
        let orders: Vec<u32> = trainings.iter().flat_map(|training| training.orders(epochs)).map(|i| i as u32).collect();
        let theta: Vec<f32> = trainings.iter().flat_map(|training| training.network.theta().iter().copied()).collect();
        gpu.write(&self.theta, &theta);
        let (shape, orders) = (gpu.filled("shape", &shape), gpu.filled("orders", &orders));
        let count = trainings.len() * epochs * leaves;
        let (kept, result) = (gpu.storage("kept", count), gpu.read_back("kept", count));
        let bound = gpu.bind(layout, &[&shape, &self.x, &self.labels, &orders, &self.theta, &self.room, &kept]);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &bound, &[]);
            pass.dispatch_workgroups(trainings.len() as u32, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&kept, 0, &result, 0, 4 * count as u64);
        gpu.queue.submit([encoder.finish()]);
        let values = gpu.read(&result).await?;
        let epoch = |values: &[f32]| {
            let (theta, rest) = values.split_at(self.parameters);
            let (sums, squares) = rest.split_at(self.parameters);
            let pair = |(sum, square): (&f32, &f32)| [f64::from(*sum), f64::from(*square)];
            let slopes = sums.iter().zip(squares).map(pair).collect();
            Epoch { theta: theta.to_vec(), slopes, loss: f64::from(values[leaves - 1]) }
        };
        let training = |values: &[f32]| values.chunks_exact(leaves).map(epoch).collect();
        Ok(values.chunks_exact(epochs * leaves).map(training).collect())
    }

    /// Are epochs faster here than on the CPU, one network after the other? Measured once a device and size; a GPU in software never is.
    pub async fn pays(&self, trainings: &[Training], task: &Classification) -> bool {
        // An epoch of one of them tells of the CPU.
        let first = &trainings[0];
        let one_epoch = || {
            let network = first.network.with(first.network.theta().to_vec());
            let mut one = Training::new(network, first.recipe().clone(), self.samples, Random::new(0, "measured"));
            while one.epochs() == 0 {
                one.step(task);
            }
            black_box(one);
        };
        let here = async || self.submit(trainings, self.at_once).await.map(drop);
        let size = trainings.len() * self.samples * self.parameters;
        let shares = (trainings.len() * self.at_once) as f64;
        self.gpu.pays(&self.gpu.known::<Known>().faster, size, here, (shares, one_epoch)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu::testing::gpu;
    use methods::network::dense::{Activation, Loss, Network, Start};
    use methods::network::training::Recipe;
    use methods::optimize::{Optimizer, Rule};

    fn ensemble(sizes: &[usize], samples: usize, activation: Activation, loss: Loss) -> (Vec<Training>, Vec<Classification>) {
        (0..3)
            .map(|seed| {
                let mut random = Random::new(seed, "ensemble");
                let network = Network::new(sizes, activation, Start::Normal { gain: 2.0 }, &mut random);
                let optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, 0.1, network.theta.len());
                let recipe = Recipe { loss, optimizer, decay: 1e-3, batch: 32 };
                let x: Vec<f32> = (0..samples * sizes[0]).map(|_| random.normal() as f32).collect();
                let y: Vec<u8> = (0..samples).map(|_| random.below(sizes[sizes.len() - 1]) as u8).collect();
                let task = Classification { features: sizes[0], x, y, test_x: Vec::new(), test_y: Vec::new() };
                (Training::new(network, recipe, samples, Random::new(seed, "batches")), task)
            })
            .unzip()
    }

    #[test]
    fn gpu_and_twin_agree() {
        let Some(device) = gpu() else { return };
        for (sizes, samples, activation, loss) in [
            (&[12, 10, 7, 5, 4, 3, 2][..], 300, Activation::Tanh, Loss::CrossEntropy),
            (&[3, 70, 4][..], 33, Activation::Relu, Loss::Squared),
            (&[5, 4, 3][..], 20, Activation::Softplus, Loss::CrossEntropy),
            (&[2, 2][..], 64, Activation::Sigmoid, Loss::Squared),
            (&[2, 6, 3, 2][..], 65, Activation::Sigmoid, Loss::CrossEntropy),
        ] {
            let (mut trainings, tasks) = ensemble(sizes, samples, activation, loss);
            let (mut twins, _) = ensemble(sizes, samples, activation, loss);
            let kernel = Kernel::new(device.gpu().expect("not lost"), &trainings, &tasks.iter().collect::<Vec<_>>());
            let kernel = kernel.expect("small enough");
            // Two submissions: the second goes on where the first one stopped.
            for epochs in [2, 1] {
                let left = pollster::block_on(kernel.epochs(&mut trainings, epochs)).expect("not lost");
                for ((training, twin), (task, left)) in trainings.iter().zip(&mut twins).zip(tasks.iter().zip(left)) {
                    let mut slopes = Vec::new();
                    while twin.epochs() < training.epochs() {
                        let before = twin.epochs();
                        let mut sums = vec![[0.0; 2]; training.network.theta().len()];
                        while twin.epochs() == before {
                            twin.step(task);
                            for ([sum, squares], g) in sums.iter_mut().zip(twin.gradient()) {
                                *sum += f64::from(*g);
                                *squares += f64::from(*g) * f64::from(*g);
                            }
                        }
                        slopes.push(sums);
                    }
                    let theta = twin.network.theta();
                    let largest = theta.iter().fold(0.0f32, |m, t| m.max(t.abs()));
                    assert_eq!(training.path.len(), twin.path.len());
                    for (a, b) in training.network.theta().iter().zip(theta) {
                        assert!((a - b).abs() <= 1e-4 * largest, "{sizes:?}: {a} and {b}");
                    }
                    for (epoch, twin) in left.iter().zip(&slopes) {
                        for (a, b) in epoch.slopes.iter().flatten().zip(twin.iter().flatten()) {
                            assert!((a - b).abs() <= 1e-3 * b.abs().max(1e-2), "{sizes:?}: {a} and {b}");
                        }
                    }
                    for (a, b) in training.loss.iter().zip(&twin.loss) {
                        assert!((a - b).abs() <= 1e-4 * b.max(1e-2), "{sizes:?}: {a} and {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_the_kernel_computes_is_taken() {
        let Some(device) = gpu() else { return };
        let gpu = device.gpu().expect("not lost");
        let (trainings, tasks) = ensemble(&[3, 4, 2], 40, Activation::Tanh, Loss::CrossEntropy);
        let (others, _) = ensemble(&[3, 5, 2], 40, Activation::Tanh, Loss::CrossEntropy);
        let tasks: Vec<_> = tasks.iter().chain(&tasks[..1]).collect();
        assert!(Kernel::new(gpu, &trainings, &tasks[..3]).is_some());
        let optimizer = Optimizer::new(Rule::ADAM, 0.1, trainings[0].network.theta().len());
        let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: 0.0, batch: 8 };
        let network = trainings[0].network.with(trainings[0].network.theta().to_vec());
        let adam = Training::new(network, recipe, 40, Random::new(0, "batches"));
        assert!(Kernel::new(gpu, &[adam], &tasks[..1]).is_none());
        assert!(Kernel::new(gpu, &trainings.into_iter().chain(others).take(4).collect::<Vec<_>>(), &tasks).is_none());
    }

    #[test]
    fn a_lost_gpu_changes_nothing() {
        let Some(device) = gpu() else { return };
        let (mut trainings, tasks) = ensemble(&[3, 4, 2], 40, Activation::Tanh, Loss::CrossEntropy);
        let kernel = Kernel::new(device.gpu().expect("not lost"), &trainings, &tasks.iter().collect::<Vec<_>>());
        let before = trainings[0].network.theta().to_vec();
        device.lose();
        assert!(pollster::block_on(kernel.expect("small enough").epochs(&mut trainings, 3)).is_err());
        assert!(device.gpu().is_none() && trainings[0].epochs() == 0 && trainings[0].network.theta() == before);
    }
}
