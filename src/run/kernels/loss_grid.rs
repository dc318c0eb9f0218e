//! The loss of a fully connected network at many settings of its weights, on the GPU where that is faster.
//!
//! The GPU's side is `shaders/loss_grid.wgsl` (`f32`), its CPU twin [`evaluate`]. The two agree to 1e-4 of the loss.

use std::hint::black_box;
use std::sync::OnceLock;

use super::activation_number;
use gpu::{BySize, Gpu, Program, READ, WRITE};
use ground::Result;
use methods::network::dense::{Loss, Network};
use methods::network::model::{Model, Room};
use methods::network::training::evaluate;

/// Settings of one submission, at most.
pub const BATCH: usize = 64;

/// What is known of a device: the compiled kernel, and at which sizes it is faster than the CPU.
#[derive(Default)]
pub(super) struct Known {
    program: OnceLock<Program<2>>,
    faster: BySize<bool>,
}

/// A network's shape and its samples on the GPU.
pub struct Kernel {
    gpu: Gpu,
    parameters: usize,
    theta: wgpu::Buffer,
    losses: wgpu::Buffer,
    result: wgpu::Buffer,
    /// A bind group a layer, and its workgroups along units and samples; the last one is the loss's.
    steps: Vec<(wgpu::BindGroup, u32, u32)>,
}

impl Kernel {
    /// Puts the samples `x` (samples × inputs) and their labels on the GPU. `None` if they are too large for it.
    pub fn new(gpu: &Gpu, network: &Network, loss: Loss, x: &[f32], y: &[u8]) -> Option<Self> {
        let (sizes, samples, parameters) = (network.sizes(), y.len(), network.theta.len());
        let widest = sizes[1..].iter().copied().max()?;
        if 4 * (BATCH * parameters).max(BATCH * samples * widest).max(x.len()) as u64 > gpu.largest_buffer() {
            return None;
        }
        let known = gpu.known::<Known>();
        let program = known.program.get_or_init(|| {
            let bindings = [wgpu::BufferBindingType::Uniform, READ, READ, READ, WRITE];
            let source =
                [include_str!("../../../shaders/activation.wgsl"), include_str!("../../../shaders/loss_grid.wgsl")].concat();
            let shader = wgpu::ShaderModuleDescriptor { label: Some("losses"), source: wgpu::ShaderSource::Wgsl(source.into()) };
            gpu.program(shader, &bindings, ["forward", "mean_loss"])
        });
        let inputs = gpu.filled("samples", x);
        let labels = gpu.filled("labels", &y.iter().map(|y| f32::from(*y)).collect::<Vec<f32>>());
        let theta = gpu.storage("settings", BATCH * parameters);
        let losses = gpu.storage("losses", BATCH);
        let rooms = [gpu.storage("activities", BATCH * samples * widest), gpu.storage("activities", BATCH * samples * widest)];
        let activation = activation_number(network.activation()) as usize;
        let depth = sizes.len() - 1;
        let step = |l: usize| {
            let hidden = l + 1 < depth;
            // The loss looks at the outputs as its inputs.
            let outputs = if l < depth { sizes[l + 1] } else { 1 };
            let weights = if l < depth { network.place(l).0.start } else { 0 };
            let numbers =
                [samples, sizes[l], outputs, weights, parameters, if hidden { activation } else { 0 }, usize::from(l == 0)];
            let numbers: Vec<u32> = numbers.into_iter().chain([loss as usize]).map(|n| n as u32).collect();
            let uniform = gpu.buffer("layer", numbers.len(), wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST);
            gpu.queue.write_buffer(&uniform, 0, wide::bytemuck::cast_slice(&numbers));
            let below = if l == 0 { &inputs } else { &rooms[(l - 1) % 2] };
            let above = if l < depth { &rooms[l % 2] } else { &losses };
            let bound = gpu.bind(&program.layout, &[&uniform, &theta, below, &labels, above]);
            (bound, outputs.div_ceil(16) as u32, samples.div_ceil(16) as u32)
        };
        let steps = (0..=depth).map(step).collect();
        let result = gpu.read_back("losses", BATCH);
        Some(Kernel { gpu: gpu.clone(), parameters, theta, losses, result, steps })
    }

    /// The mean loss at every setting. An error means that the GPU is lost.
    ///
    /// # Panics
    /// If a setting has not as many weights as the network.
    pub async fn losses(&self, settings: &[Vec<f32>]) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(settings.len());
        for batch in settings.chunks(BATCH) {
            assert!(batch.iter().all(|theta| theta.len() == self.parameters), "settings of the network's weights");
            self.gpu.write(&self.theta, &batch.concat());
            let known = self.gpu.known::<Known>();
            let [forward, mean_loss] = &known.program.get().expect("made with the first kernel").pipelines;
            let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                let (loss, layers) = self.steps.split_last().expect("the loss is the last step");
                pass.set_pipeline(forward);
                for (bound, across, up) in layers {
                    pass.set_bind_group(0, bound, &[]);
                    pass.dispatch_workgroups(*across, *up, batch.len() as u32);
                }
                pass.set_pipeline(mean_loss);
                pass.set_bind_group(0, &loss.0, &[]);
                pass.dispatch_workgroups(batch.len() as u32, 1, 1);
            }
            encoder.copy_buffer_to_buffer(&self.losses, 0, &self.result, 0, 4 * batch.len() as u64);
            self.gpu.queue.submit([encoder.finish()]);
            let losses = self.gpu.read(&self.result).await?;
            all.extend(losses[..batch.len()].iter().map(|loss| f64::from(*loss)));
        }
        Ok(all)
    }

    /// Is a batch faster here than setting by setting on the CPU? Measured once a device and size; a GPU in software never is.
    pub async fn pays(&self, network: &Model, loss: Loss, x: &[f32], y: &[u8]) -> bool {
        let one = || _ = black_box(evaluate(network, loss, x, y, &mut Room::default()));
        let here = async || self.losses(&vec![network.theta().to_vec(); BATCH]).await.map(drop);
        self.gpu.pays(&self.gpu.known::<Known>().faster, network.cost() * y.len(), here, (BATCH as f64, one)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu::testing::gpu;
    use ground::random::Random;
    use methods::network::dense::{Activation, Start};

    #[test]
    fn gpu_and_twin_agree() {
        let Some(device) = gpu() else { return };
        let mut random = Random::new(5, "loss grid");
        for (sizes, samples, activation, loss) in [
            (&[2, 16, 16, 2][..], 50, Activation::Relu, Loss::CrossEntropy),
            (&[3, 7, 1][..], 1, Activation::Tanh, Loss::Squared),
            (&[64, 33, 10][..], 130, Activation::Softplus, Loss::CrossEntropy),
            (&[5, 40, 20, 3][..], 64, Activation::Sigmoid, Loss::Squared),
        ] {
            let network = Network::<f32>::new(sizes, activation, Start::Normal { gain: 2.0 }, &mut random);
            let x: Vec<f32> = (0..samples * sizes[0]).map(|_| random.normal() as f32).collect();
            let classes = sizes[sizes.len() - 1];
            let y: Vec<u8> = (0..samples).map(|_| random.below(classes) as u8).collect();
            // More than one batch, some of them far out.
            let setting = |k: usize, random: &mut Random| -> Vec<f32> {
                network.theta.iter().map(|t| t + 0.05 * k as f32 * random.normal() as f32).collect()
            };
            let settings: Vec<Vec<f32>> = (0..BATCH + 5).map(|k| setting(k, &mut random)).collect();
            let kernel = Kernel::new(device.gpu().expect("not lost"), &network, loss, &x, &y).expect("small enough");
            let losses = pollster::block_on(kernel.losses(&settings)).expect("not lost");
            let (model, mut room) = (Model::from(network), Room::default());
            for (theta, on_gpu) in settings.into_iter().zip(losses) {
                let twin = evaluate(&model.with(theta), loss, &x, &y, &mut room).0;
                assert!((on_gpu - twin).abs() <= 1e-4 * twin.max(1e-3), "{sizes:?}: {on_gpu} and {twin}");
            }
        }
    }

    #[test]
    fn a_lost_gpu_is_told() {
        let Some(device) = gpu() else { return };
        let network = Network::<f32>::new(&[2, 4, 2], Activation::Relu, Start::Uniform, &mut Random::new(0, "lost"));
        let kernel = Kernel::new(device.gpu().expect("not lost"), &network, Loss::CrossEntropy, &[0.0; 8], &[0, 1, 0, 1]);
        let kernel = kernel.expect("small enough");
        device.lose();
        assert!(pollster::block_on(kernel.losses(std::slice::from_ref(&network.theta))).is_err());
        assert!(device.gpu().is_none());
    }
}
