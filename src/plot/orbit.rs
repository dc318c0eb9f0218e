//! Looking at a cube from around it: the projection that surfaces and space share with the GPU.

use crate::page::Camera;
use crate::pen::{Px, Rect};

/// The distance of the eye at `Camera::distance` 1, where the cube's half side is 1.
const EYE: f64 = 7.0;

/// A perspective view of the cube [-1, 1]³ from an orbit around its middle; z is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Orbit {
    /// Unit vectors to the right, up and towards the eye.
    right: [f64; 3],
    up: [f64; 3],
    eye: [f64; 3],
    distance: f64,
    /// Half of what is seen at distance 1, across and up.
    half: (f64, f64),
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

impl Orbit {
    /// A view that shows what reaches to `fit` (across, up) from the middle, in a picture of that aspect (width / height).
    pub fn new(camera: &Camera, aspect: f64, fit: (f64, f64)) -> Self {
        let usable = |v: f64, other: f64| if v.is_finite() { v } else { other };
        let (yaw, pitch) = (usable(camera.yaw, 0.0), usable(camera.pitch, 0.5).clamp(-1.57, 1.57));
        let distance = EYE * usable(camera.distance, 1.0).clamp(0.2, 20.0);
        let (sy, cy, sp, cp) = (libm::sin(yaw), libm::cos(yaw), libm::sin(pitch), libm::cos(pitch));
        let aspect = usable(aspect, 1.0).clamp(0.01, 100.0);
        let height = fit.1.max(fit.0 / aspect) / EYE;
        Orbit {
            right: [cy, sy, 0.0],
            up: [-sy * sp, cy * sp, cp],
            eye: [sy * cp, -cy * cp, sp],
            distance,
            half: (height * aspect, height),
        }
    }

    /// How far a point is from the eye, along the line of sight.
    pub fn depth(&self, p: [f64; 3]) -> f64 {
        self.distance - dot(self.eye, p)
    }

    /// Where a point is in the picture; `None` if it is behind the eye.
    pub fn px(&self, rect: &Rect, p: [f64; 3]) -> Option<Px> {
        let depth = self.depth(p);
        if depth.is_nan() || depth <= 0.05 {
            return None;
        }
        let (x, y) = (dot(self.right, p) / (depth * self.half.0), dot(self.up, p) / (depth * self.half.1));
        Some((rect.x + rect.w * (0.5 + 0.5 * x), rect.y + rect.h * (0.5 - 0.5 * y)))
    }

    /// How much nearer than the middle: the factor on sizes.
    pub fn nearness(&self, p: [f64; 3]) -> f64 {
        EYE / self.depth(p).max(0.05)
    }

    /// 0 for the nearest of what is around the middle, 1 for the farthest.
    pub fn recess(&self, p: [f64; 3]) -> f64 {
        (0.5 - dot(self.eye, p) / 3.0).clamp(0.0, 1.0)
    }

    /// Does the eye see this side of a plane with that normal?
    pub fn faces(&self, normal: [f64; 3]) -> bool {
        dot(self.eye, normal) > 0.0
    }

    /// The matrix from the cube to clip space, by columns, depth 0..=1 as WebGPU has it.
    pub fn matrix(&self) -> [[f32; 4]; 4] {
        let (near, far) = ((self.distance - 2.5).max(0.05), self.distance + 2.5);
        let slope = far / (far - near);
        let column = |i: usize| {
            let toward = -self.eye[i];
            [(self.right[i] / self.half.0) as f32, (self.up[i] / self.half.1) as f32, (slope * toward) as f32, toward as f32]
        };
        [column(0), column(1), column(2), [0.0, 0.0, (slope * (self.distance - near)) as f32, self.distance as f32]]
    }
}
