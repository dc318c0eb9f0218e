// The activations, by number: 0 none, 1 ReLU, 2 tanh, 3 softplus, 4 sigmoid.

fn activated(kind: u32, z: f32) -> f32 {
    switch kind {
        case 1u: { return max(z, 0.0); }
        // tanh of large arguments is NaN on some drivers.
        case 2u: { return tanh(clamp(z, -20.0, 20.0)); }
        case 3u: { return max(z, 0.0) + log(1.0 + exp(-abs(z))); }
        case 4u: { return 1.0 / (1.0 + exp(-clamp(z, -80.0, 80.0))); }
        default: { return z; }
    }
}

// The slope at z, told from the activity a.
fn slope(kind: u32, a: f32) -> f32 {
    switch kind {
        case 1u: { return select(0.0, 1.0, a > 0.0); }
        case 2u: { return 1.0 - a * a; }
        case 3u: { return 1.0 - exp(-a); }
        case 4u: { return a * (1.0 - a); }
        default: { return 1.0; }
    }
}
