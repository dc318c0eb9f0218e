//! The GPU's side: costs stay there, many sweeps go in one submission, potentials and errors come back.

use std::f64::consts::{LN_2, LOG2_E};

use gpu::{Gpu, READ, WRITE};
use ground::Result;

/// Sweeps of one submission at most: the kernel keeps an error for each.
const BATCH: usize = 1024;
/// Columns are read four at a time.
const PACK: usize = 4;

/// A problem on the GPU. See [the module](super).
pub struct Kernel {
    gpu: Gpu,
    rows: usize,
    columns: usize,
    u: wgpu::Buffer,
    v: wgpu::Buffer,
    history: wgpu::Buffer,
    result: wgpu::Buffer,
    row_step: wgpu::BindGroup,
    column_step: wgpu::BindGroup,
}

/// What a batch of sweeps gives.
#[derive(Clone, Debug)]
pub struct Batch {
    /// u = ηx after the batch.
    pub u: Vec<f64>,
    /// v = ηy after the batch.
    pub v: Vec<f64>,
    /// ‖P1 − r‖₁ before each of the sweeps.
    pub errors: Vec<f64>,
}

impl Kernel {
    /// Puts ηC (`source.len()` rows of `target.len()`), r and c on the GPU, with u = v = 0. `None` if they are too large for it.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(gpu: &Gpu, scaled_cost: &[f64], source: &[f64], target: &[f64]) -> Option<Self> {
        let (rows, columns) = (source.len(), target.len());
        assert_eq!(scaled_cost.len(), rows * columns, "one cost for each row and column");
        let packed = |count: usize| count.next_multiple_of(PACK);
        let largest = 4 * (rows * packed(columns)).max(columns * packed(rows)) as u64;
        let groups = gpu.device.limits().max_compute_workgroups_per_dimension as usize;
        if largest > gpu.largest_buffer() || rows.max(columns) > groups {
            return None;
        }
        let known = gpu.known::<super::Known>();
        let program = known.program.get_or_init(|| {
            let shader = wgpu::include_wgsl!("../../../../shaders/sinkhorn_log.wgsl");
            gpu.program(shader, &[READ, READ, WRITE, READ, WRITE, WRITE], ["half_step_rows", "half_step_columns"])
        });

        let matrix = |rows: usize, columns: usize, entry: &dyn Fn(usize, usize) -> f64| {
            let stride = packed(columns);
            // Padding costs so much that no mass goes there.
            let mut matrix = vec![1e30; rows * stride];
            for i in 0..rows {
                for j in 0..columns {
                    matrix[i * stride + j] = (entry(i, j) * LOG2_E) as f32;
                }
            }
            gpu.filled("costs", &matrix)
        };
        let mass = |mass: &[f64]| gpu.filled("mass", &mass.iter().map(|m| *m as f32).collect::<Vec<_>>());
        let cost = matrix(rows, columns, &|i, j| scaled_cost[i * columns + j]);
        let transposed = matrix(columns, rows, &|j, i| scaled_cost[i * columns + j]);
        let (source, target) = (mass(source), mass(target));
        let u = gpu.filled("u", &vec![0.0f32; packed(rows)]);
        let v = gpu.filled("v", &vec![0.0f32; packed(columns)]);
        let row_errors = gpu.storage("row errors", rows);
        let history = gpu.storage("history", 1 + BATCH);
        let result = gpu.read_back("potentials and errors", rows + columns + BATCH);
        let step = |buffers: [&wgpu::Buffer; 6]| gpu.bind(&program.layout, &buffers);
        let row_step = step([&cost, &v, &u, &source, &row_errors, &history]);
        let column_step = step([&transposed, &u, &v, &target, &row_errors, &history]);
        Some(Kernel { gpu: gpu.clone(), rows, columns, u, v, history, result, row_step, column_step })
    }

    /// Goes on from (u, v).
    pub fn set_potentials(&self, u: &[f64], v: &[f64]) {
        let bits = |x: &[f64]| x.iter().map(|x| (x * LOG2_E) as f32).collect::<Vec<_>>();
        self.gpu.write(&self.u, &bits(u));
        self.gpu.write(&self.v, &bits(v));
    }

    /// Makes `count` sweeps, at most 1,024 at a time. An error means that the GPU is lost.
    pub async fn sweeps(&self, count: usize) -> Result<Batch> {
        let count = count.min(BATCH);
        let known = self.gpu.known::<super::Known>();
        let [rows, columns] = &known.program.get().expect("made with the first kernel").pipelines;
        self.gpu.write(&self.history, &[0.0]);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for _ in 0..count {
                pass.set_pipeline(rows);
                pass.set_bind_group(0, &self.row_step, &[]);
                pass.dispatch_workgroups(self.rows as u32, 1, 1);
                pass.set_pipeline(columns);
                pass.set_bind_group(0, &self.column_step, &[]);
                pass.dispatch_workgroups(self.columns as u32, 1, 1);
            }
        }
        let mut end = 0;
        for (buffer, from, count) in [(&self.u, 0, self.rows), (&self.v, 0, self.columns), (&self.history, 1, count)] {
            encoder.copy_buffer_to_buffer(buffer, 4 * from, &self.result, 4 * end as u64, 4 * count as u64);
            end += count;
        }
        self.gpu.queue.submit([encoder.finish()]);
        let result = self.gpu.read(&self.result).await?;
        let natural = |bits: &[f32]| bits.iter().map(|b| f64::from(*b) * LN_2).collect();
        let (u, rest) = result.split_at(self.rows);
        let (v, rest) = rest.split_at(self.columns);
        Ok(Batch { u: natural(u), v: natural(v), errors: rest[..count].iter().map(|e| f64::from(*e)).collect() })
    }
}
