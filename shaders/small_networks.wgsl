// Many small networks of one shape trained side by side by gradient descent: a workgroup a network, which goes through whole epochs.
//
// Everything is in storage buffers, so that layers may have any width. Between the phases of a step the workgroup waits for itself.

const LANES = 256u;

struct Shape {
    // Of each network.
    samples: u32,
    inputs: u32,
    parameters: u32,
    layers: u32,
    // Activities of a sample: the inputs of every layer but the first, and the outputs.
    units: u32,
    widest: u32,
    batch: u32,
    activation: u32,
    // 0 cross-entropy, 1 half the squared error.
    loss: u32,
    epochs: u32,
    step_size: f32,
    decay: f32,
    // Of every layer: units below, units above, where its weights begin, where its activities begin.
    layer: array<vec4u>,
}

@group(0) @binding(0) var<storage, read> shape: Shape;
// networks × samples × inputs; networks × samples; networks × epochs × samples.
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> orders: array<u32>;
@group(0) @binding(4) var<storage, read_write> theta: array<f32>;
// For every network: a batch's activities, then twice as much room for slopes as its widest layer needs.
@group(0) @binding(5) var<storage, read_write> room: array<f32>;
// networks × epochs × what an epoch leaves: the weights, Σ of their slopes over the batches, Σ of the squares, the loss.
@group(0) @binding(6) var<storage, read_write> kept: array<f32>;

var<workgroup> losses: array<f32, 256>;

@compute @workgroup_size(256)
fn train(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let network = group.x;
    let weights = network * shape.parameters;
    let activities = network * shape.batch * (shape.units + 2u * shape.widest);
    let slopes = activities + shape.batch * shape.units;
    let last = shape.layers - 1u;
    let outputs = shape.layer[last].y;
    for (var epoch = 0u; epoch < shape.epochs; epoch++) {
        let order = (network * shape.epochs + epoch) * shape.samples;
        let leaves = (network * shape.epochs + epoch) * (3u * shape.parameters + 1u);
        for (var p = lane; p < 2u * shape.parameters; p += LANES) {
            kept[leaves + shape.parameters + p] = 0.0;
        }
        losses[lane] = 0.0;
        for (var first = 0u; first < shape.samples; first += shape.batch) {
            let count = min(shape.batch, shape.samples - first);
            for (var l = 0u; l < shape.layers; l++) {
                let layer = shape.layer[l];
                for (var at = lane; at < count * layer.y; at += LANES) {
                    let sample = at / layer.y;
                    let unit = at % layer.y;
                    var z = theta[weights + layer.z + layer.x * layer.y + unit];
                    for (var k = 0u; k < layer.x; k++) {
                        z += below(l, network, order + first, activities, sample, k) * theta[weights + layer.z + k * layer.y + unit];
                    }
                    room[activities + sample * shape.units + layer.w + unit] = activated(select(shape.activation, 0u, l == last), z);
                }
                storageBarrier();
            }
            // The slope by the outputs, each invocation its samples.
            for (var sample = lane; sample < count; sample += LANES) {
                let row = activities + sample * shape.units + shape.layer[last].w;
                let label = labels[network * shape.samples + orders[order + first + sample]];
                let share = 1.0 / f32(count);
                if shape.loss == 0u {
                    var top = room[row];
                    for (var k = 1u; k < outputs; k++) {
                        top = max(top, room[row + k]);
                    }
                    var sum = 0.0;
                    for (var k = 0u; k < outputs; k++) {
                        sum += exp(room[row + k] - top);
                    }
                    losses[lane] += log(sum) + top - room[row + label];
                    for (var k = 0u; k < outputs; k++) {
                        let p = exp(room[row + k] - top) / sum;
                        room[slopes + sample * shape.widest + k] = (p - select(0.0, 1.0, k == label)) * share;
                    }
                } else {
                    for (var k = 0u; k < outputs; k++) {
                        let error = room[row + k] - select(0.0, 1.0, k == label);
                        losses[lane] += 0.5 * error * error;
                        room[slopes + sample * shape.widest + k] = error * share;
                    }
                }
            }
            storageBarrier();
            for (var from_top = 0u; from_top < shape.layers; from_top++) {
                let l = last - from_top;
                let layer = shape.layer[l];
                let above = slopes + (from_top % 2u) * shape.batch * shape.widest;
                let under = slopes + ((from_top + 1u) % 2u) * shape.batch * shape.widest;
                // δ below = (δ·Wᵀ) σ′, with the weights as they were.
                for (var at = lane; at < select(count * layer.x, 0u, l == 0u); at += LANES) {
                    let sample = at / layer.x;
                    let unit = at % layer.x;
                    var sum = 0.0;
                    for (var k = 0u; k < layer.y; k++) {
                        sum += room[above + sample * shape.widest + k] * theta[weights + layer.z + unit * layer.y + k];
                    }
                    let a = below(l, network, order + first, activities, sample, unit);
                    room[under + sample * shape.widest + unit] = sum * slope(shape.activation, a);
                }
                storageBarrier();
                // ∂W = Aᵀ·δ, and ∂b as if of a unit that is always 1.
                for (var p = lane; p < (layer.x + 1u) * layer.y; p += LANES) {
                    let from_unit = p / layer.y;
                    let unit = p % layer.y;
                    let at = layer.z + p;
                    var g = shape.decay * theta[weights + at];
                    for (var sample = 0u; sample < count; sample++) {
                        let delta = room[above + sample * shape.widest + unit];
                        if from_unit == layer.x {
                            g += delta;
                        } else {
                            g += below(l, network, order + first, activities, sample, from_unit) * delta;
                        }
                    }
                    theta[weights + at] -= shape.step_size * g;
                    kept[leaves + shape.parameters + at] += g;
                    kept[leaves + 2u * shape.parameters + at] += g * g;
                }
                storageBarrier();
            }
        }
        for (var p = lane; p < shape.parameters; p += LANES) {
            kept[leaves + p] = theta[weights + p];
        }
        workgroupBarrier();
        if lane == 0u {
            var total = 0.0;
            for (var other = 0u; other < LANES; other++) {
                total += losses[other];
            }
            kept[leaves + 3u * shape.parameters] = total / f32(shape.samples);
        }
        workgroupBarrier();
    }
}

// The activity of a unit below layer l, of the batch's sample.
fn below(l: u32, network: u32, order: u32, activities: u32, sample: u32, unit: u32) -> f32 {
    if l == 0u {
        return x[(network * shape.samples + orders[order + sample]) * shape.inputs + unit];
    }
    return room[activities + sample * shape.units + shape.layer[l - 1u].w + unit];
}
