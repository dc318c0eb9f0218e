// One half step of Sinkhorn's algorithm in the log domain, a workgroup a row; everything in base 2.
//
//   potential_i <- log2 mass_i - log2 sum_j 2^(other_j - cost_ij)
//
// `half_step_rows` also notes how far the row was from its mass before, and `half_step_columns`, which runs on the transposed
// costs, adds these notes up. The sum keeps the largest exponent so far beside it, so that nothing overflows.

const WIDTH = 128u;

struct History {
    sweeps: u32,
    errors: array<f32>,
}

@group(0) @binding(0) var<storage, read> cost: array<vec4f>;
@group(0) @binding(1) var<storage, read> other: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> potential: array<f32>;
@group(0) @binding(3) var<storage, read> mass: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_errors: array<f32>;
@group(0) @binding(5) var<storage, read_write> history: History;

var<workgroup> tops: array<f32, WIDTH>;
var<workgroup> sums: array<f32, WIDTH>;

// log2 sum_j 2^(other_j - cost_ij), in the first invocation of the workgroup.
fn log_sum(row: u32, lane: u32) -> f32 {
    let length = arrayLength(&other);
    var top = -3e38;
    var sum = 0.0;
    for (var j = lane; j < length; j += WIDTH) {
        let x = other[j] - cost[row * length + j];
        let higher = max(top, max(max(x.x, x.y), max(x.z, x.w)));
        sum = sum * exp2(top - higher) + dot(exp2(x - higher), vec4f(1.0));
        top = higher;
    }
    tops[lane] = top;
    sums[lane] = sum;
    for (var reach = WIDTH / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if lane < reach {
            let higher = max(tops[lane], tops[lane + reach]);
            sums[lane] = sums[lane] * exp2(tops[lane] - higher) + sums[lane + reach] * exp2(tops[lane + reach] - higher);
            tops[lane] = higher;
        }
    }
    return tops[0] + log2(sums[0]);
}

@compute @workgroup_size(WIDTH)
fn half_step_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let log_sum = log_sum(row, lane);
    if lane == 0u {
        row_errors[row] = abs(exp2(min(potential[row] + log_sum, 100.0)) - mass[row]);
        potential[row] = log2(mass[row]) - log_sum;
    }
}

@compute @workgroup_size(WIDTH)
fn half_step_columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let column = group.x;
    let log_sum = log_sum(column, lane);
    if lane == 0u {
        potential[column] = log2(mass[column]) - log_sum;
    }
    if column == 0u {
        workgroupBarrier();
        var error = 0.0;
        for (var i = lane; i < arrayLength(&row_errors); i += WIDTH) {
            error += row_errors[i];
        }
        sums[lane] = error;
        for (var reach = WIDTH / 2u; reach > 0u; reach /= 2u) {
            workgroupBarrier();
            if lane < reach {
                sums[lane] += sums[lane + reach];
            }
        }
        if lane == 0u {
            history.errors[history.sweeps] = sums[0];
            history.sweeps += 1u;
        }
    }
}
