// Gaussian kernels between all pairs of samples, summed: an invocation a sample.

struct Work {
    samples: f32,
    units: f32,
    // −1/(8σ²)
    scale: f32,
}

@group(0) @binding(0) var<storage, read> work: Work;
// Samples × units.
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
// With 8σ² over all samples and over the sample's class, then with 2σ².
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;

const TILE = 64u;

@compute @workgroup_size(64)
fn sum(@builtin(global_invocation_id) id: vec3u) {
    let samples = u32(work.samples);
    let units = u32(work.units);
    let i = id.x;
    if i >= samples {
        return;
    }
    var total = vec4f();
    // Tile by tile, so that small terms are not lost beside a large sum.
    for (var first = 0u; first < samples; first += TILE) {
        var part = vec4f();
        for (var j = first; j < min(first + TILE, samples); j++) {
            var square = 0.0;
            for (var u = 0u; u < units; u++) {
                let apart = t[i * units + u] - t[j * units + u];
                square += apart * apart;
            }
            let wide = exp(square * work.scale);
            // exp(−d/2σ²) is the fourth power of exp(−d/8σ²).
            let narrow = (wide * wide) * (wide * wide);
            let same = select(0.0, 1.0, labels[i] == labels[j]);
            part += vec4f(wide, same * wide, narrow, same * narrow);
        }
        total += part;
    }
    sums[i] = total;
}
