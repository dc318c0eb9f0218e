// Where starts lead: an optimizer let go at every point of a grid, an invocation a point.
//
// The functions `step_0`, `step_1`, … and `advance`, which chooses among them, are written in at the end by `gpu::basins`: they are what
// the CPU does in a step, operation by operation. Their numbers come from `constants`, a row for each step, that of its kind first.

struct Map {
    side: f32,
    steps: f32,
    stride: f32,
    still: f32,
    x: vec2f,
    y: vec2f,
}

@group(0) @binding(0) var<storage, read> map: Map;
@group(0) @binding(1) var<storage, read> constants: array<f32>;
@group(0) @binding(2) var<storage, read_write> landings: array<f32>;

// Whoever is farther away does not come back.
const FAR = 1e30;

// As methods::pack has it: quarter turns are taken away, then minimax polynomials (Cephes, sinf.c).
fn sine_cosine(angle: f32) -> vec2f {
    let x = clamp(angle, -8192.0, 8192.0);
    let k = round(x * 0.63661977);
    let r = x - k * 1.5703125 - k * 4.838705e-4 - k * -4.371139e-8;
    let z = r * r;
    let s = r + r * z * (-1.6666655e-1 + z * (8.332161e-3 + z * -1.9515296e-4));
    let c = 1.0 - 0.5 * z + z * z * (4.1666646e-2 + z * (-1.3887316e-3 + z * 2.4433157e-5));
    let quarter = u32(i32(k)) & 3u;
    let both = select(vec2f(s, c), vec2f(c, s), (quarter & 1u) == 1u);
    return vec2f(select(both.x, -both.x, quarter >= 2u), select(both.y, -both.y, quarter == 1u || quarter == 2u));
}

@compute @workgroup_size(64)
fn let_go(@builtin(global_invocation_id) id: vec3u) {
    let side = u32(map.side);
    if id.x >= side * side {
        return;
    }
    let place = (vec2f(f32(id.x % side), f32(id.x / side)) + 0.5) / map.side;
    // The point, then what the optimizer remembers of each coordinate.
    var now = array<f32, 8>();
    now[0] = map.x.x + (map.x.y - map.x.x) * place.x;
    now[1] = map.y.x + (map.y.y - map.y.x) * place.y;
    var settled = 0.0;
    for (var t = 0u; t < u32(map.steps); t++) {
        let row = t * u32(map.stride);
        let before = vec2f(now[0], now[1]);
        now = advance(u32(constants[row]), now, row + 1u);
        let moved = abs(vec2f(now[0], now[1]) - before);
        if max(moved.x, moved.y) > map.still {
            settled = f32(t + 1u);
        }
        if !(abs(now[0]) < FAR && abs(now[1]) < FAR) {
            now[0] = FAR;
            break;
        }
    }
    landings[3u * id.x] = now[0];
    landings[3u * id.x + 1u] = now[1];
    landings[3u * id.x + 2u] = settled;
}
