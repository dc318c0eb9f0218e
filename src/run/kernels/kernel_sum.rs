//! Sums of Gaussian kernels over all pairs of samples, on the GPU where that is faster.
//!
//! The GPU's side is `shaders/kernel_sum.wgsl` (`f32`), its CPU twin [`KernelSums`]. The two agree to 1e-5 of a sum.

use std::hint::black_box;
use std::sync::OnceLock;

use gpu::{BySize, Gpu, Program, READ, WRITE};
use ground::Result;
use methods::information::kernels::{KernelSums, Sums};

/// What is known of a device: the compiled kernel, and at which sizes it is faster than the CPU.
#[derive(Default)]
pub(super) struct Known {
    program: OnceLock<Program<1>>,
    faster: BySize<bool>,
}

/// Activities of a layer, samples × `units`, and the variance of the noise that blurs them.
pub struct Layer {
    /// The activities.
    pub t: Vec<f32>,
    /// Units.
    pub units: usize,
    /// σ².
    pub variance: f64,
}

impl Layer {
    /// The CPU's sums of it, not begun.
    pub fn sums(&self, labels: &[u8]) -> KernelSums<f32> {
        KernelSums::new(&self.t, self.units, labels, self.variance)
    }
}

/// The sums of every sample for each of some layers (see [`KernelSums`]), in one submission. An error means that the GPU is lost.
pub async fn kernel_sums(gpu: &Gpu, layers: &[Layer], labels: &[u8]) -> Result<Vec<Vec<Sums<f32>>>> {
    let known = gpu.known::<Known>();
    let Program { pipelines: [pipeline], layout } = known.program.get_or_init(|| {
        gpu.program(wgpu::include_wgsl!("../../../shaders/kernel_sum.wgsl"), &[READ, READ, READ, WRITE], ["sum"])
    });
    let n = labels.len();
    let classes = gpu.filled("labels", &labels.iter().map(|y| f32::from(*y)).collect::<Vec<f32>>());
    let all = gpu.read_back("sums", 4 * n * layers.len());
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    for (place, Layer { t, units, variance }) in (0..).zip(layers) {
        let work = gpu.filled("work", &[n as f32, *units as f32, (-1.0 / (8.0 * variance)) as f32]);
        let (t, sums) = (gpu.filled("activities", t), gpu.storage("sums", 4 * n));
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &gpu.bind(layout, &[&work, &t, &classes, &sums]), &[]);
            pass.dispatch_workgroups(n.div_ceil(64) as u32, 1, 1);
        }
        let bytes = 16 * n as u64;
        encoder.copy_buffer_to_buffer(&sums, 0, &all, place * bytes, bytes);
    }
    gpu.queue.submit([encoder.finish()]);
    let values = gpu.read(&all).await?;
    let sums: Vec<Sums<f32>> = values.chunks_exact(4).map(|s| [s[0], s[1], s[2], s[3]]).collect();
    Ok(sums.chunks_exact(n.max(1)).map(<[_]>::to_vec).collect())
}

/// Are these layers faster here than on the CPU? Measured once a device and size; a GPU in software never is.
pub async fn pays(gpu: &Gpu, layers: &[Layer], labels: &[u8]) -> bool {
    let units: usize = layers.iter().map(|layer| layer.units).sum();
    let largest = layers.iter().map(|layer| layer.t.len()).max().unwrap_or(0).max(4 * labels.len());
    if 4 * largest as u64 > gpu.largest_buffer() {
        return false;
    }
    let n = labels.len();
    // A tenth of the pairs tells of the CPU.
    let tenth = || {
        for layer in layers {
            let mut sums = layer.sums(labels);
            sums.step(n * n / 20);
            black_box(sums);
        }
    };
    let here = async || kernel_sums(gpu, layers, labels).await.map(drop);
    gpu.pays(&gpu.known::<Known>().faster, n * n * units, here, (10.0, tenth)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu::testing::gpu;
    use ground::random::Random;

    #[test]
    fn gpu_and_twin_agree() {
        let Some(device) = gpu() else { return };
        let gpu = device.gpu().expect("not lost");
        let mut random = Random::new(3, "kernels");
        for (n, widths, variance) in
            [(1, vec![1], 0.1), (65, vec![3, 1], 0.3), (700, vec![10, 7, 5], 4e-4), (300, vec![40], 30.0)]
        {
            let labels: Vec<u8> = (0..n).map(|_| [0, 1, 255][random.below(3)]).collect();
            let mut layer = |units: usize| {
                let t = (0..n * units).map(|_| libm::tanhf(random.normal() as f32)).collect();
                Layer { t, units, variance: variance * units as f64 }
            };
            let layers: Vec<_> = widths.iter().map(|units| layer(*units)).collect();
            let ours = pollster::block_on(kernel_sums(gpu, &layers, &labels)).expect("not lost");
            for (layer, ours) in layers.iter().zip(ours) {
                let mut twin = layer.sums(&labels);
                twin.step(usize::MAX);
                for (a, b) in ours.iter().flatten().zip(twin.sums().iter().flatten()) {
                    assert!((a - b).abs() <= 1e-5 * b, "{n} × {}: {a} and {b}", layer.units);
                }
            }
        }
    }
}
