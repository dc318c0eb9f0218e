// Losses of a fully connected network at many settings of its weights on the same samples.
//
// `forward` is one layer, above = activation(below · W + b), at every setting: a workgroup computes a tile of samples by units at one
// setting. `mean_loss` is a workgroup a setting.

const SIDE = 16u;
const LANES = 64u;

struct Layer {
    samples: u32,
    inputs: u32,
    outputs: u32,
    // Where this layer's weights begin among a setting's parameters, and how many parameters a setting has.
    weights: u32,
    parameters: u32,
    // See activation.wgsl.
    activation: u32,
    // 1 where `below` are the samples, the same at every setting.
    first: u32,
    // 0 cross-entropy, 1 half the squared error.
    loss: u32,
}

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> theta: array<f32>;
@group(0) @binding(2) var<storage, read> below: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<f32>;
@group(0) @binding(4) var<storage, read_write> above: array<f32>;

var<workgroup> left: array<f32, 256>;
var<workgroup> right: array<f32, 256>;

@compute @workgroup_size(SIDE, SIDE)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let sample = group.y * SIDE + local.y;
    let unit = group.x * SIDE + local.x;
    let setting = group.z;
    let weights = setting * layer.parameters + layer.weights;
    let rows = select(setting * layer.samples, 0u, layer.first == 1u);
    let own = local.y * SIDE + local.x;
    var sum = 0.0;
    for (var first = 0u; first < layer.inputs; first += SIDE) {
        left[own] = 0.0;
        if sample < layer.samples && first + local.x < layer.inputs {
            left[own] = below[(rows + sample) * layer.inputs + first + local.x];
        }
        right[own] = 0.0;
        if unit < layer.outputs && first + local.y < layer.inputs {
            right[own] = theta[weights + (first + local.y) * layer.outputs + unit];
        }
        workgroupBarrier();
        for (var k = 0u; k < SIDE; k++) {
            sum += left[local.y * SIDE + k] * right[k * SIDE + local.x];
        }
        workgroupBarrier();
    }
    if sample < layer.samples && unit < layer.outputs {
        let bias = theta[weights + layer.inputs * layer.outputs + unit];
        above[(setting * layer.samples + sample) * layer.outputs + unit] = activated(layer.activation, sum + bias);
    }
}

// Of the outputs in `below`, into above[setting].
@compute @workgroup_size(LANES)
fn mean_loss(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    var total = 0.0;
    for (var sample = lane; sample < layer.samples; sample += LANES) {
        let row = (group.x * layer.samples + sample) * layer.inputs;
        let label = u32(labels[sample]);
        if layer.loss == 0u {
            var top = below[row];
            for (var k = 1u; k < layer.inputs; k++) {
                top = max(top, below[row + k]);
            }
            var sum = 0.0;
            for (var k = 0u; k < layer.inputs; k++) {
                sum += exp(below[row + k] - top);
            }
            total += log(sum) + top - below[row + label];
        } else {
            for (var k = 0u; k < layer.inputs; k++) {
                let error = below[row + k] - select(0.0, 1.0, k == label);
                total += 0.5 * error * error;
            }
        }
    }
    left[lane] = total;
    for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if lane < reach {
            left[lane] += left[lane + reach];
        }
    }
    if lane == 0u {
        above[group.x] = left[0] / f32(layer.samples);
    }
}
