//! Maps of where starts lead, on the GPU (`shaders/basins.wgsl`, `f32`); the CPU's twin is [`Flow::run`].
//!
//! The shader's step is not written by hand: landscape and optimizer are run once on numbers that [write
//! down](methods::number::wgsl) what is done with them, for every step of the run. Steps that do the same with other constants (β₁ᵗ, a
//! schedule) share a function.

use std::hint::black_box;

use gpu::{BySize, Gpu, READ, WRITE};
use ground::Result;
use methods::number::wgsl::{Record, Trace, record};
use methods::optimize::Optimizer;
use methods::optimize::basins::{Flow, Landing};

/// Numbers of a state: two coordinates, and three that an optimizer remembers of each.
const STATE: usize = 8;
/// Threads of a workgroup.
const WORKGROUP: usize = 64;

/// What is known of a device: at which sizes (starts times steps) it is faster than the CPU.
#[derive(Default)]
pub(super) struct Known {
    faster: BySize<bool>,
}

/// Is a map of `side` × `side` starts faster here than on the CPU? Measured once a device and size; a GPU in software never is.
pub async fn pays(gpu: &Gpu, flow: &Flow, window: [(f64, f64); 2], side: usize) -> bool {
    let eight = || _ = black_box(flow.run(&[window[0].0 as f32; 8], &[window[1].0 as f32; 8]));
    let here = async || landings(gpu, flow, window, side).await.map(drop);
    let shares = (side * side).div_ceil(8) as f64;
    gpu.pays(&gpu.known::<Known>().faster, side * side * flow.step_sizes.len(), here, (shares, eight)).await
}

/// The landings of `side` × `side` starts in the middles of the cells of a window, row by row from its lower left corner. An error means
/// that the GPU is lost.
pub async fn landings(gpu: &Gpu, flow: &Flow, [x, y]: [(f64, f64); 2], side: usize) -> Result<Vec<Landing>> {
    let (functions, constants, stride) = steps(flow);
    let source = format!("{}\n{functions}", include_str!("../../../shaders/basins.wgsl"));
    let shader = wgpu::ShaderModuleDescriptor { label: Some("basins"), source: wgpu::ShaderSource::Wgsl(source.into()) };
    let program = gpu.program(shader, &[READ, READ, WRITE], ["let_go"]);
    let count = 3 * side * side;
    let numbers = [side as f64, flow.step_sizes.len() as f64, stride as f64, flow.still, x.0, x.1, y.0, y.1].map(|v| v as f32);
    let (map, rows) = (gpu.filled("map", &numbers), gpu.filled("constants", &constants));
    let (landings, result) = (gpu.storage("landings", count), gpu.read_back("landings", count));
    let group = gpu.bind(&program.layout, &[&map, &rows, &landings]);
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&program.pipelines[0]);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups((side * side).div_ceil(WORKGROUP) as u32, 1, 1);
    }
    encoder.copy_buffer_to_buffer(&landings, 0, &result, 0, 4 * count as u64);
    gpu.queue.submit([encoder.finish()]);
    let numbers = gpu.read(&result).await?;
    Ok(numbers.chunks_exact(3).map(|n| Landing { at: [n[0], n[1]], settled: n[2] }).collect())
}

/// The functions of all kinds of steps; a row of constants for each step, its kind before them; and how long a row is.
fn steps(flow: &Flow) -> (String, Vec<f32>, usize) {
    let mut optimizer = Optimizer::<Trace>::new(flow.rule, 0.0, 2);
    let mut kinds: Vec<Record> = Vec::new();
    let mut rows: Vec<(usize, Vec<f32>)> = Vec::new();
    for t in 0..flow.step_sizes.len() {
        let mut done = record(STATE, |state| {
            let mut theta = [state[0], state[1]];
            optimizer.memory_mut().as_flattened_mut().copy_from_slice(&state[2..]);
            flow.step(t, &mut theta, &mut optimizer);
            [&theta[..], optimizer.memory_mut().as_flattened()].concat()
        });
        let constants = std::mem::take(&mut done.constants);
        let kind = kinds.iter().position(|kind| *kind == done).unwrap_or_else(|| {
            kinds.push(done);
            kinds.len() - 1
        });
        rows.push((kind, constants));
    }
    let stride = 1 + rows.iter().map(|(_, constants)| constants.len()).max().unwrap_or(0);
    let mut constants = Vec::with_capacity(stride * rows.len());
    for (kind, row) in rows {
        constants.push(kind as f32);
        constants.extend_from_slice(&row);
        constants.resize(constants.len().next_multiple_of(stride), 0.0);
    }
    let mut source = String::new();
    for (k, kind) in kinds.iter().enumerate() {
        source += &format!(
            "fn step_{k}(inputs: array<f32, {STATE}>, first: u32) -> array<f32, {STATE}> {{\n{}    return array<f32, {STATE}>({});\n}}\n\n",
            kind.lines,
            kind.results.join(", ")
        );
    }
    source +=
        &format!("fn advance(kind: u32, now: array<f32, {STATE}>, first: u32) -> array<f32, {STATE}> {{\n    switch kind {{\n");
    for k in 1..kinds.len() {
        source += &format!("        case {k}u: {{ return step_{k}(now, first); }}\n");
    }
    source += "        default: { return step_0(now, first); }\n    }\n}\n";
    (source, constants, stride)
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::number::formula::Formula;
    use methods::optimize::Rule;
    use methods::optimize::test_functions::Landscape;

    const SIDE: usize = 256;

    /// Landings of the CPU.
    fn twin(flow: &Flow, [x, y]: [(f64, f64); 2]) -> Vec<Landing> {
        let place = |i: usize, (low, high): (f64, f64)| (low + (high - low) * (i as f64 + 0.5) / SIDE as f64) as f32;
        (0..SIDE * SIDE)
            .step_by(8)
            .flat_map(|eight| {
                let (row, column) = (eight / SIDE, eight % SIDE);
                flow.run(&std::array::from_fn(|i| place(column + i, x)), &[place(row, y); 8])
            })
            .collect()
    }

    #[test]
    fn steps_that_do_the_same_share_a_function() {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        let of = |rule| {
            let flow = Flow { landscape: Landscape::Himmelblau, rule, step_sizes: vec![0.1; 50], tilts: Vec::new(), still: 1e-3 };
            steps(&flow).0.matches("fn step_").count()
        };
        assert_eq!(of(Rule::Adam { beta1, beta2, epsilon }), 1);
        // RAdam's first five steps are plain momentum.
        assert_eq!(of(Rule::RAdam { beta1, beta2, epsilon }), 2);
    }

    #[test]
    fn gpu_and_twin_agree() {
        let Some(device) = gpu::testing::gpu() else { return };
        let gpu = device.gpu().expect("not lost");
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        let typed = Landscape::Typed(Formula::parse("(x^2 - 1)^2 + tanh(y)^2 + exp(-x y/4) + abs(y)^1.5").unwrap());
        for (landscape, rule, step_size) in [
            (Landscape::Himmelblau, Rule::Momentum { mu: 0.0 }, 0.01),
            (Landscape::Himmelblau, Rule::Momentum { mu: 0.8 }, 0.005),
            (Landscape::StyblinskiTang, Rule::Adam { beta1, beta2, epsilon }, 0.1),
            (Landscape::Himmelblau, Rule::RAdam { beta1, beta2, epsilon }, 0.005),
            (Landscape::Rastrigin, Rule::RmsProp { rho: 0.9, epsilon }, 0.02),
            (Landscape::Ackley, Rule::Nesterov { mu: 0.9 }, 0.02),
            (Landscape::Wiggles, Rule::AdaGradNorm, 0.3),
            (Landscape::Roof, Rule::Lion { beta1, beta2: 0.99 }, 0.01),
            (typed, Rule::NAdam { beta1, beta2, epsilon }, 0.05),
        ] {
            let window = landscape.window();
            let tilts = (0..200).map(|t| [0.01 * (t % 3) as f64 - 0.01, 0.0]).collect();
            let flow = Flow { landscape, rule, step_sizes: vec![step_size; 200], tilts, still: 1e-3 };
            let ours = pollster::block_on(landings(gpu, &flow, window, SIDE)).expect("not lost");
            let twins = twin(&flow, window);
            let far = |v: f32| v.is_nan() || v.abs() >= 1e6;
            // Where two basins meet, and where an optimizer does not come to rest, rounding decides.
            let near = |(a, b): (&Landing, &Landing)| {
                let close = |a: f32, b: f32| (a - b).abs() < 0.02 * (window[0].1 - window[0].0) as f32;
                far(a.at[0]) && (far(b.at[0]) || far(b.at[1])) || close(a.at[0], b.at[0]) && close(a.at[1], b.at[1])
            };
            let agree = ours.iter().zip(&twins).filter(|pair| near(*pair)).count() as f64 / twins.len() as f64;
            assert!(agree > 0.999, "{:?} on {:?}: {agree}", flow.rule, flow.landscape);
        }
    }
}
