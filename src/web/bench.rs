//! What `./dev bench` times in the browser, on one thread, and what the tests compare there.

use wasm_bindgen::prelude::*;

use super::now;
use crate::gpu::Device;
use crate::gpu::sinkhorn::{Kernel, Twin};
use crate::methods::narrow::Narrow;
use crate::methods::nn::{Activation, Network, Start};
use crate::methods::optimize::{Optimizer, Rule};
use crate::methods::random::Random;

/// Random costs ηC of `n` points a side, ε = 0.01, and the mass of each point.
fn transport(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random::new(0, "bench");
    ((0..n * n).map(|_| 100.0 * random.uniform()).collect(), vec![1.0 / n as f64; n])
}

/// How far the potentials of the GPU's `sinkhorn_log` (f32) are from those of its CPU twin (f64) after `sweeps` sweeps from zero, at most,
/// as a share of the largest potential. Nothing where there is no GPU.
#[wasm_bindgen]
pub async fn compare_sinkhorn(n: usize, sweeps: usize) -> Result<Option<f64>, JsError> {
    let (cost, mass) = transport(n);
    let device = Device::best().await;
    let Some(kernel) = device.gpu().and_then(|gpu| Kernel::new(gpu, &cost, &mass, &mass)) else { return Ok(None) };
    let batch = kernel.sweeps(sweeps).await?;
    let mut twin = Twin::<f64>::new(cost.into_iter(), &mass, &mass);
    (0..sweeps).for_each(|_| assert!(twin.sweep().is_finite()));
    let (u, v) = twin.potentials();
    let pairs = || batch.u.iter().zip(&u).chain(batch.v.iter().zip(&v));
    let largest = pairs().fold(0.0, |top: f64, (_, x)| top.max(x.abs()));
    // `max` would pass over a NaN.
    let off = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, |top: f64, d| if d <= top { top } else { d });
    Ok(Some(off / largest))
}

/// Seconds a sweep of Sinkhorn in the log domain, f64, `n` points a side, random costs, ε = 0.01.
#[wasm_bindgen]
pub fn time_sinkhorn(n: usize, sweeps: usize) -> f64 {
    let (cost, mass) = transport(n);
    let mut sinkhorn = Twin::<f64>::new(cost.into_iter(), &mass, &mass);
    let begin = now();
    (0..sweeps).for_each(|_| assert!(sinkhorn.sweep().is_finite()));
    (now() - begin) / 1000.0 / sweeps as f64
}

/// Training samples a second of the network of the information plane, 12-10-7-5-4-3-2, tanh, batch 256, f32.
#[wasm_bindgen]
pub fn time_training(steps: usize) -> f64 {
    const BATCH: usize = 256;
    let mut random = Random::new(0, "bench");
    let start = Start::Normal { gain: 1.0 };
    let mut network = Network::<f32>::new(&[12, 10, 7, 5, 4, 3, 2], Activation::Tanh, start, &mut random);
    let mut optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, 0.1, network.theta.len());
    let mut gradient = vec![0.0; network.theta.len()];
    let labels: Vec<u8> = (0..BATCH).map(|_| random.below(2) as u8).collect();
    let mut batch = Narrow::default();
    let begin = now();
    for _ in 0..steps {
        batch.batch(&network, BATCH).fill_with(|| random.below(2) as f32 - 0.5);
        batch.forward(&network);
        batch.cross_entropy(&labels);
        batch.backward(&network, &mut gradient);
        optimizer.step(&mut network.theta, &gradient);
    }
    (steps * BATCH) as f64 / ((now() - begin) / 1000.0)
}
