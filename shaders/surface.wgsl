// A surface in space, lit, and the paths on it.
//
// Colours are sRGB bytes throughout and are lit as they are, which is how the picture without a GPU does it.

struct Scene {
    // From the surface's space to clip space.
    view: mat4x4f,
    // A unit vector towards the light, and the share of the light that reaches every side alike.
    light: vec4f,
    // Half the picture's size and the length of a CSS pixel, in pixels.
    half_size: vec2f,
    css_pixel: f32,
    // The surface lies between this height and its negative.
    half_height: f32,
}

@group(0) @binding(0) var<uniform> scene: Scene;
// The colours of heights, from the lowest to the highest.
@group(0) @binding(1) var<uniform> colours: array<vec4f, 256>;

// How much lighter the sharpest ridge is, and how much darker the sharpest valley.
const CURVATURE = 0.13;

struct Ground {
    @builtin(position) place: vec4f,
    @location(0) normal: vec3f,
    @location(1) height: f32,
    @location(2) bend: f32,
}

@vertex
fn ground(@location(0) position: vec3f, @location(1) normal: vec3f, @location(2) bend: f32) -> Ground {
    return Ground(scene.view * vec4f(position, 1.0), normal, position.z, bend);
}

@fragment
fn ground_colour(in: Ground) -> @location(0) vec4f {
    // Between two colours of the map, or 256 steps would be seen.
    let step = clamp(127.5 * (in.height / scene.half_height + 1.0), 0.0, 255.0);
    let below = u32(step);
    let colour = mix(colours[below], colours[min(below + 1u, 255u)], fract(step)).rgb;
    let facing = abs(dot(normalize(in.normal), scene.light.xyz));
    let lit = mix(scene.light.w, 1.0, facing) + CURVATURE * in.bend;
    return vec4f(min(colour * lit, vec3f(1.0)), 1.0);
}

// A piece of a path, or a dot: all that is near enough to a line in the picture.
struct Stroke {
    @builtin(position) place: vec4f,
    // Along the line and across it, in pixels. Every sample has its own place, so that pieces meet without a seam.
    @location(0) @interpolate(linear, sample) at: vec2f,
    @location(1) @interpolate(flat, either) length: f32,
    @location(2) @interpolate(flat, either) radius: f32,
    @location(3) @interpolate(flat, either) colour: vec3f,
}

// What is nearer to the eye than that is not seen.
const NEAR = 0.05;

// `ahead`: how much nearer to the eye than it is, so that the surface under it does not hide it.
@vertex
fn stroke(
    @builtin(vertex_index) corner: u32,
    @location(0) begin: vec3f,
    @location(1) end: vec3f,
    @location(2) colour: vec4f,
    @location(3) radius: f32,
    @location(4) ahead: f32,
) -> Stroke {
    var a = scene.view * vec4f(begin, 1.0);
    var b = scene.view * vec4f(end, 1.0);
    if max(a.w, b.w) < NEAR {
        return Stroke(vec4f(2.0, 2.0, 0.0, 1.0), vec2f(), 0.0, 0.0, vec3f());
    }
    if a.w < NEAR {
        a = mix(b, a, (b.w - NEAR) / (b.w - a.w));
    }
    if b.w < NEAR {
        b = mix(a, b, (a.w - NEAR) / (a.w - b.w));
    }
    let from_px = a.xy / a.w * scene.half_size;
    let along = b.xy / b.w * scene.half_size - from_px;
    let long = length(along);
    let direction = select(vec2f(1.0, 0.0), along / long, long > 1e-4);
    let thick = radius * scene.css_pixel;
    // A pixel more than is drawn, for samples lie anywhere in it.
    let reach = thick + 1.0;
    let at_end = (corner & 1u) == 1u;
    let at = vec2f(select(-reach, long + reach, at_end), select(-reach, reach, corner > 1u));
    let px = from_px + direction * at.x + vec2f(-direction.y, direction.x) * at.y;
    let nearest = select(a, b, at_end);
    // How depth grows with the distance from the eye.
    let slope = length(vec3f(scene.view[0].z, scene.view[1].z, scene.view[2].z));
    let depth = max(nearest.z - ahead * slope, 0.0) / nearest.w;
    return Stroke(vec4f(px / scene.half_size, depth, 1.0), at, long, thick, colour.rgb);
}

@fragment
fn stroke_colour(in: Stroke) -> @location(0) vec4f {
    if distance(in.at, vec2f(clamp(in.at.x, 0.0, in.length), 0.0)) > in.radius {
        discard;
    }
    return vec4f(in.colour, 1.0);
}
