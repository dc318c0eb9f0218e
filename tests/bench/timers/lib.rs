//! What `./dev bench` times in the browser, on one thread, and what the tests compare there. No visitor gets it.

#![cfg(target_arch = "wasm32")]

use std::future::poll_fn;
use std::hint::black_box;

use wasm_bindgen::prelude::*;
use wide::f32x4;

use gpu::{Device, milliseconds as now};
use ground::controls::Controls as _;
use ground::random::Random;
use instrument_transport_plan::{Controls, TransportPlan};
use methods::information::estimators::nearest_neighbours;
use methods::information::{Bins, States};
use methods::linear;
use methods::network::autodiff::{Function, Geometry};
use methods::network::dense::{Activation, Classification, Loss, Network, Start, Tape};
use methods::network::layered::{Layer, Layered};
use methods::network::model::{Model, Room};
use methods::network::narrow::Narrow;
use methods::network::plane::{Plane, Scaling, random_direction};
use methods::network::training::{Recipe, Training, evaluate};
use methods::number::formula::Formula;
use methods::optimize::basins::Flow;
use methods::optimize::test_functions::Landscape;
use methods::optimize::{Optimizer, Rule};
use methods::transport::{NetworkSimplex, Projected, directions, squared_distances};
use run::data::Library;
use run::experiment::{Entry, Experiment as _, play};
use run::kernels::sinkhorn::{Kernel, Twin};
use run::kernels::{basins, kernel_sum, loss_grid, small_networks};

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
    Ok(Some(largest(pairs().map(|(a, b)| (a - b).abs())) / largest(pairs().map(|(_, x)| x.abs()))))
}

/// How far the losses of the GPU's `loss_grid` (f32) are from those of its CPU twin at `settings` settings of a network 64-32-10 on 200
/// samples, at most, as a share of the loss. Nothing where there is no GPU.
#[wasm_bindgen]
pub async fn compare_loss_grid(settings: usize) -> Result<Option<f64>, JsError> {
    let mut random = Random::new(0, "bench");
    let network = Network::<f32>::new(&[64, 32, 10], Activation::Tanh, Start::Normal { gain: 1.0 }, &mut random);
    let x: Vec<f32> = (0..200 * 64).map(|_| random.normal() as f32).collect();
    let y: Vec<u8> = (0..200).map(|_| random.below(10) as u8).collect();
    let mut moved = || network.theta.iter().map(|t| t + random.normal() as f32).collect::<Vec<f32>>();
    let settings: Vec<Vec<f32>> = (0..settings).map(|_| moved()).collect();
    let device = Device::best().await;
    let Some(kernel) = device.gpu().and_then(|gpu| loss_grid::Kernel::new(gpu, &network, Loss::CrossEntropy, &x, &y)) else {
        return Ok(None);
    };
    let losses = kernel.losses(&settings).await?;
    let (model, mut room) = (Model::from(network), Room::default());
    let twins = settings.into_iter().map(|theta| evaluate(&model.with(theta), Loss::CrossEntropy, &x, &y, &mut room).0);
    Ok(Some(largest(losses.iter().zip(twins).map(|(a, b)| (a - b).abs() / b))))
}

/// How far the GPU's sums of kernels between `n` samples are from those of their CPU twin, at most, as a share of the sum. Nothing where
/// there is no GPU.
#[wasm_bindgen]
pub async fn compare_kernel_sum(n: usize) -> Result<Option<f64>, JsError> {
    let mut random = Random::new(0, "bench");
    let labels: Vec<u8> = (0..n).map(|_| random.below(2) as u8).collect();
    let mut layer = |units: usize| {
        let t = (0..n * units).map(|_| libm::tanhf(random.normal() as f32)).collect();
        kernel_sum::Layer { t, units, variance: 0.01 }
    };
    let layers = [10, 7, 5].map(&mut layer);
    let device = Device::best().await;
    let Some(gpu) = device.gpu() else { return Ok(None) };
    let ours = kernel_sum::kernel_sums(gpu, &layers, &labels).await?;
    let twin = |layer: &kernel_sum::Layer| {
        let mut twin = layer.sums(&labels);
        twin.step(usize::MAX);
        twin.sums()
    };
    let pairs = ours.iter().flatten().flatten().zip(layers.iter().flat_map(twin).flatten());
    Ok(Some(largest(pairs.map(|(a, b)| f64::from((a - b).abs() / b)))))
}

/// How far the weights of two small networks that the GPU has trained for two epochs are from those of their CPU twins, at most, as a
/// share of the largest weight. Nothing where there is no GPU.
#[wasm_bindgen]
pub async fn compare_small_networks() -> Result<Option<f64>, JsError> {
    let ensemble = || -> (Vec<Training>, Vec<Classification>) {
        let one = |seed: u64| {
            let mut random = Random::new(seed, "bench");
            let sizes = [12, 10, 7, 5, 2];
            let network = Network::new(&sizes, Activation::Tanh, Start::Normal { gain: 1.0 }, &mut random);
            let optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, 0.1, network.theta.len());
            let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: 0.001, batch: 64 };
            let x: Vec<f32> = (0..300 * 12).map(|_| random.normal() as f32).collect();
            let y: Vec<u8> = (0..300).map(|_| random.below(2) as u8).collect();
            let task = Classification { features: 12, x, y, test_x: Vec::new(), test_y: Vec::new() };
            (Training::new(network, recipe, 300, random), task)
        };
        (0..2).map(one).unzip()
    };
    let ((mut ours, tasks), (mut twins, _)) = (ensemble(), ensemble());
    let device = Device::best().await;
    let tasks: Vec<&Classification> = tasks.iter().collect();
    let Some(kernel) = device.gpu().and_then(|gpu| small_networks::Kernel::new(gpu, &ours, &tasks)) else { return Ok(None) };
    kernel.epochs(&mut ours, 2).await?;
    for (twin, task) in twins.iter_mut().zip(tasks) {
        while twin.epochs() < 2 {
            twin.step(task);
        }
    }
    let weights = |all: &[Training]| all.iter().flat_map(|t| t.network.theta().to_vec()).map(f64::from).collect::<Vec<f64>>();
    let (ours, twins) = (weights(&ours), weights(&twins));
    Ok(Some(largest(ours.iter().zip(&twins).map(|(a, b)| (a - b).abs())) / largest(twins.iter().map(|b| b.abs()))))
}

/// The largest of some distances; NaN if one is NaN, which `max` would pass over.
fn largest(distances: impl Iterator<Item = f64>) -> f64 {
    distances.fold(0.0, |top, d| if top.is_nan() || d <= top { top } else { d })
}

/// The share of 64 × 64 starts that the GPU's map (a shader written for the occasion) and the CPU's lead to the same place. Nothing
/// where there is no GPU.
#[wasm_bindgen]
pub async fn compare_basins() -> Result<Option<f64>, JsError> {
    const SIDE: usize = 64;
    let landscape = Landscape::Typed(Formula::parse("(x^2 - 1)^2 + tanh(y)^2 + sin(3 x)/5")?);
    let (x, y) = landscape.window().into();
    let rule = Rule::ADAM;
    let flow = Flow { landscape, rule, step_sizes: vec![0.05; 200], tilts: Vec::new(), still: 1e-3 };
    let device = Device::best().await;
    let Some(gpu) = device.gpu() else { return Ok(None) };
    let ours = basins::landings(gpu, &flow, [x, y], SIDE).await?;
    let place = |i: usize, (low, high): (f64, f64)| (low + (high - low) * (i as f64 + 0.5) / SIDE as f64) as f32;
    let twins = (0..SIDE * SIDE)
        .step_by(8)
        .flat_map(|eight| flow.run(&std::array::from_fn(|i| place((eight + i) % SIDE, x)), &[place(eight / SIDE, y); 8]));
    let near = |a: f32, b: f32| (a - b).abs() < 0.02;
    let same = ours.iter().zip(twins).filter(|(a, b)| near(a.at[0], b.at[0]) && near(a.at[1], b.at[1])).count();
    Ok(Some(same as f64 / (SIDE * SIDE) as f64))
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

/// Seconds that `work` takes, the least of `times`.
fn least(times: usize, mut work: impl FnMut()) -> f64 {
    let mut time = || {
        let begin = now();
        work();
        (now() - begin) / 1000.0
    };
    (0..times).map(|_| time()).fold(f64::INFINITY, f64::min)
}

/// 10⁹ operations a second of an `n` × `n` product of matrices in f32, two a multiplication and addition.
#[wasm_bindgen]
pub fn time_product(n: usize) -> f64 {
    let mut random = Random::new(0, "bench");
    let mut matrix = || (0..n * n).map(|_| random.normal() as f32).collect::<Vec<f32>>();
    let (a, b, mut out) = (matrix(), matrix(), vec![0.0; n * n]);
    // Often enough that the browser has replaced its first, plain code.
    let seconds = least(if n < 512 { 60 } else { 6 }, || linear::matmul(&mut out, &a, &b, n, n, n));
    2.0 * (n * n * n) as f64 / seconds / 1e9
}

/// 10⁹ operations a second of multiplications and additions of four f32 at a time that never leave the registers.
#[wasm_bindgen]
pub fn time_peak() -> f64 {
    const CALLS: usize = 2_000;
    let mut sums: [f32x4; 12] = std::array::from_fn(|i| f32x4::splat(i as f32));
    let seconds = least(4, || (0..CALLS).for_each(|_| in_registers(&mut sums)));
    black_box(sums);
    (2 * 4 * sums.len() * IN_REGISTERS * CALLS) as f64 / seconds / 1e9
}

const IN_REGISTERS: usize = 5_000;

/// Twelve chains of a product and a sum: as many as fit beside the two constants, and enough that none waits for itself. A function of
/// its own, since browsers replace their first, plain code for one when it is called again.
#[inline(never)]
fn in_registers(sums: &mut [f32x4; 12]) {
    let (factor, term) = (black_box(f32x4::splat(0.999)), black_box(f32x4::splat(0.001)));
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h, mut i, mut j, mut k, mut l] = *sums;
    for _ in 0..IN_REGISTERS {
        (a, b, c) = (a * factor + term, b * factor + term, c * factor + term);
        (d, e, f) = (d * factor + term, e * factor + term, f * factor + term);
        (g, h, i) = (g * factor + term, h * factor + term, i * factor + term);
        (j, k, l) = (j * factor + term, k * factor + term, l * factor + term);
    }
    *sums = [a, b, c, d, e, f, g, h, i, j, k, l];
}

/// Training samples a second of 2-64-64-1, tanh, squared error, batch 10, plain SGD, f32.
#[wasm_bindgen]
pub fn time_small_training(steps: usize) -> f64 {
    const BATCH: usize = 10;
    let mut random = Random::new(0, "bench");
    let mut network = Network::<f32>::new(&[2, 64, 64, 1], Activation::Tanh, Start::Uniform, &mut random);
    let (mut tape, mut delta, mut gradient) = (Tape::default(), vec![0.0; BATCH], vec![0.0; network.theta.len()]);
    let mut optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, 0.03, network.theta.len());
    let x: Vec<f32> = (0..2 * BATCH).map(|_| random.normal() as f32).collect();
    let seconds = least(3, || {
        for _ in 0..steps {
            network.forward(&x, &mut tape);
            // The target is the sign of the first coordinate's product with the second.
            let targets = x.chunks_exact(2).map(|x| if x[0] * x[1] > 0.0 { 1.0 } else { -1.0 });
            delta.iter_mut().zip(tape.logits()).zip(targets).for_each(|((d, z), t)| *d = (z - t) / BATCH as f32);
            network.backward(&mut tape, &delta, &mut gradient);
            optimizer.step(&mut network.theta, &gradient);
        }
    });
    (steps * BATCH) as f64 / seconds
}

/// Training samples a second of 784-300-100-10, ReLU, cross-entropy, batch 128, plain SGD, f32.
#[wasm_bindgen]
pub fn time_dense_training(steps: usize) -> f64 {
    let network = Network::<f32>::new(&[784, 300, 100, 10], Activation::Relu, Start::Uniform, &mut Random::new(0, "bench"));
    time_digits(network.into(), 128, steps)
}

/// The same of a small convolutional network: two 3 × 3 convolutions of 8 and 16 filters, each with ReLU and 2 × 2 mean pooling, and a dense
/// layer, batch 32.
#[wasm_bindgen]
pub fn time_convolutional_training(steps: usize) -> f64 {
    let whole = Geometry { channels: 1, height: 28, width: 28, side: 3 };
    let half = Geometry { channels: 8, height: 14, width: 14, side: 3 };
    let relu = Layer::Activate(Function::Relu);
    let layers = vec![
        Layer::Convolve { geometry: whole, to: 8 },
        relu,
        Layer::MeanPool(Geometry { channels: 8, ..whole }),
        Layer::Convolve { geometry: half, to: 16 },
        relu,
        Layer::MeanPool(Geometry { channels: 16, ..half }),
        Layer::Dense { from: 16 * 49, to: 10 },
    ];
    time_digits(Layered::new(layers, 784, Start::Uniform, &mut Random::new(0, "bench")).into(), 32, steps)
}

/// Training samples a second on pictures of 28 × 28.
fn time_digits(network: Model, batch: usize, steps: usize) -> f64 {
    let mut random = Random::new(1, "bench");
    let optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, 0.01, network.theta().len());
    let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: 0.0, batch };
    // One epoch is one batch, so that nothing but steps is timed.
    let x: Vec<f32> = (0..784 * batch).map(|_| random.uniform() as f32).collect();
    let y: Vec<u8> = (0..batch).map(|i| (i % 10) as u8).collect();
    let task = Classification { features: 784, x, y, test_x: Vec::new(), test_y: Vec::new() };
    let mut training = Training::new(network, recipe, batch, random);
    let seconds = least(3, || {
        (0..steps).for_each(|_| training.step(&task));
        training.path.truncate(1);
    });
    (steps * batch) as f64 / seconds
}

/// Losses of a network 784-64-10 on 500 samples over `side` × `side` places of a plane, places a second.
#[wasm_bindgen]
pub fn time_loss_grid(side: usize) -> f64 {
    let mut random = Random::new(0, "bench");
    let network = Network::<f32>::new(&[784, 64, 10], Activation::Relu, Start::Normal { gain: 2.0 }, &mut random);
    let x: Vec<f32> = (0..500 * 784).map(|_| random.uniform() as f32).collect();
    let y: Vec<u8> = (0..500).map(|_| random.below(10) as u8).collect();
    let mut direction = || random_direction(&network.theta, &network.neurons(), Scaling::Filter, &mut random);
    let (first, second) = (direction(), direction());
    let plane = Plane { centre: network.theta.clone(), first, second };
    let network = Model::from(network);
    let mut room = Room::default();
    let seconds = least(1, || {
        for i in 0..side * side {
            let at = network.with(plane.at((i % side) as f64 / side as f64, (i / side) as f64 / side as f64));
            black_box(evaluate(&at, Loss::CrossEntropy, &x, &y, &mut room));
        }
    });
    (side * side) as f64 / seconds
}

/// Seconds of the estimate of mutual information by nearest neighbours on `n` pairs of numbers.
#[wasm_bindgen]
pub fn time_neighbours(n: usize) -> f64 {
    let mut random = Random::new(0, "bench");
    let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let y: Vec<f64> = x.iter().map(|x| x + random.normal()).collect();
    least(5, || {
        black_box(nearest_neighbours(&x, 1, &y, 1, 3));
    })
}

/// Seconds of sliced W₂² between two clouds of `n` points in space over `lines` directions.
#[wasm_bindgen]
pub fn time_sliced(n: usize, lines: usize) -> f64 {
    let mut random = Random::new(0, "bench");
    let mut cloud = || (0..3 * n).map(|_| random.normal()).collect::<Vec<f64>>();
    let (x, y) = (cloud(), cloud());
    let lines = directions(3, lines, &mut random);
    least(10, || {
        let measures = Projected::equal(&x, &y, 3);
        black_box(lines.chunks_exact(3).map(|line| measures.squared(line)).sum::<f64>());
    })
}

/// Seconds that one look at the information plane takes: 4,096 patterns, layers of 10, 7, 5, 4, 3 and 2 units, 30 bins.
#[wasm_bindgen]
pub fn time_plane() -> f64 {
    const PATTERNS: usize = 4096;
    let mut random = Random::new(0, "bench");
    let layers: Vec<Vec<Vec<f32>>> = [10, 7, 5, 4, 3, 2]
        .map(|width| (0..width).map(|_| (0..PATTERNS).map(|_| libm::tanhf(random.normal() as f32)).collect()).collect())
        .into();
    let conditional: Vec<f64> = (0..PATTERNS).map(|_| random.uniform()).flat_map(|p| [p, 1.0 - p]).collect();
    let (mut tuples, mut states) = (Vec::new(), States::default());
    least(20, || {
        for units in &layers {
            tuples.resize(PATTERNS * units.len(), 0);
            let bins = Bins { low: -1.0, high: 1.0, count: 30 };
            units.iter().enumerate().for_each(|(u, unit)| bins.cut(unit, &mut tuples, units.len(), u));
            states.sort(&tuples, units.len());
            black_box((states.entropy(), states.information_about(&conditional, 2)));
        }
    })
}

/// Seconds that exact transport takes, `n` points a side in the plane at squared distance, proof included.
#[wasm_bindgen]
pub fn time_exact_transport(n: usize) -> f64 {
    let mut random = Random::new(0, "bench");
    let mut cloud = |shift: f64| (0..2 * n).map(|_| random.normal() + shift).collect::<Vec<f64>>();
    let cost = squared_distances(&cloud(0.0), &cloud(1.0), 2);
    let mass = vec![1.0 / n as f64; n];
    least(3, || {
        let mut simplex = NetworkSimplex::new(&cost, &mass, &mass);
        while !simplex.advance(1e7) {}
        assert!(simplex.certificate().gap < 1e-9);
    })
}

/// Seconds until the instrument has given one picture of 256 × 256 pixels the other's colours: palettes, costs, exact plan, every pixel.
#[wasm_bindgen]
pub async fn time_colour_transfer() -> Result<f64, JsError> {
    let settings = Entry::of::<TransportPlan>("bench").preset("colours").expect("the instrument has it");
    let controls = Controls::read(&settings);
    let begin = now();
    let mut course = play(TransportPlan::new(&controls, 0, &Library::default())?, &Device::cpu());
    while !course.with(TransportPlan::coloured).unwrap_or(true) {
        poll_fn(|context| course.poll(context)).await?;
    }
    Ok((now() - begin) / 1000.0)
}

/// Seconds that `rules` optimizers, at most four, take to say where 256 × 256 starts lead within 200 steps, on the CPU.
#[wasm_bindgen]
pub fn time_basins(rules: usize) -> f64 {
    const SIDE: usize = 256;
    let epsilon = 1e-8;
    let all = [Rule::Momentum { mu: 0.9 }, Rule::Nesterov { mu: 0.9 }, Rule::RmsProp { rho: 0.99, epsilon }, Rule::ADAM];
    let landscape = Landscape::Himmelblau;
    let (x, y) = landscape.window().into();
    let place = |i: usize, (low, high): (f64, f64)| (low + (high - low) * (i as f64 + 0.5) / SIDE as f64) as f32;
    let flows: Vec<Flow> = (all.into_iter().take(rules))
        .map(|rule| Flow { landscape: landscape.clone(), rule, step_sizes: vec![0.01; 200], tilts: Vec::new(), still: 1e-3 })
        .collect();
    least(2, || {
        for flow in &flows {
            for eight in (0..SIDE * SIDE).step_by(8) {
                let starts = std::array::from_fn(|i| place((eight + i) % SIDE, x));
                black_box(flow.run(&starts, &[place(eight / SIDE, y); 8]));
            }
        }
    })
}
