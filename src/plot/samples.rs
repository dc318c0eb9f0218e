//! A sample of every view type and every mark: what the tests and the gallery draw.
//!
//! The numbers come from closed forms and from [`Random`], the same everywhere.

use ground::random::Random;
use ground::view::*;

/// One sample or more for every view type and every mark, by name.
pub fn samples() -> Vec<(&'static str, View)> {
    vec![
        ("lines", lines()),
        ("legend", legend()),
        ("log-log", log_log()),
        ("bands-and-rules", bands_and_rules()),
        ("ramp", ramp()),
        ("scatter", scatter()),
        ("trail", trail()),
        ("histogram", histogram()),
        ("bars", bars()),
        ("grouped-bars", grouped_bars()),
        ("heat-map", View::HeatMap(landscape())),
        ("diverging", diverging()),
        ("surface", View::Surface(wells())),
        ("plan", plan()),
        ("confusion", confusion()),
        ("space", space()),
        ("plane", plane()),
        ("graph", graph()),
        ("network", network()),
        ("images", images()),
        ("colour-images", colour_images()),
        ("field", field()),
        ("table", table()),
    ]
}

fn steps(n: usize, from: f64, to: f64) -> Vec<f64> {
    (0..n).map(|i| from + (to - from) * i as f64 / (n - 1) as f64).collect()
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

/// Learning curves whose names stand at the lines' ends.
fn lines() -> View {
    let mut random = Random::new(1, "lines");
    let x = steps(120, 0.0, 60.0);
    let mut curve = |rate: f64, end: f64, noise: f64| -> Vec<f64> {
        x.iter().map(|t| end - (end - 0.1) * libm::exp(-t / rate) + noise * random.normal()).collect()
    };
    let (ours, theirs, plain) = (curve(6.0, 0.967, 0.004), curve(11.0, 0.931, 0.005), curve(22.0, 0.902, 0.006));
    View::Chart(Chart {
        x: Axis::linear("epoch"),
        y: Axis::linear("test accuracy"),
        marks: vec![
            Mark::line("momentum", Ink::Series(0), x.clone(), ours),
            Mark::line("plain", Ink::Series(1), x.clone(), theirs),
            Mark::dashed("chance", Ink::Muted, vec![0.0, 60.0], vec![0.1, 0.1]),
            Mark::line("small step", Ink::Series(2), x, plain),
        ],
        ..Chart::default()
    })
}

/// Lines that end inside the chart, so that their names stand in a legend.
fn legend() -> View {
    let x = steps(400, 0.0, 40.0);
    let ring =
        |decay: f64, pace: f64| -> Vec<f64> { x.iter().map(|t| 3.0 * libm::exp(-t * decay) * libm::cos(pace * t)).collect() };
    let cut = |y: Vec<f64>, n: usize| (x[..n].to_vec(), y[..n].to_vec());
    let names = ["heavy ball, μ = 0.9", "Nesterov, μ = 0.9", "gradient descent", "restarted Nesterov"];
    let rings = [(0.05, 0.9, 400), (0.09, 0.7, 320), (0.16, 0.2, 400), (0.2, 0.8, 260)];
    let marks = names
        .iter()
        .zip(rings)
        .enumerate()
        .map(|(i, (name, (decay, pace, n)))| {
            let (x, y) = cut(ring(decay, pace), n);
            Mark::line(*name, Ink::Series(i as u8), x, y)
        })
        .collect();
    View::Chart(Chart { x: Axis::linear("step"), y: Axis::linear("displacement").unit("m"), marks, ..Chart::default() })
}

/// Rates of convergence, over six powers of ten.
fn log_log() -> View {
    let x: Vec<f64> = (0..=60).map(|i| libm::pow(10.0, i as f64 / 12.0)).collect();
    let rate = |scale: f64, power: f64| -> Vec<f64> { x.iter().map(|t| scale * libm::pow(*t, power)).collect() };
    View::Chart(Chart {
        x: Axis::log("iterations"),
        y: Axis::log("marginal error").unit("nats"),
        marks: vec![
            Mark::line("1/k", Ink::Series(1), x.clone(), rate(0.8, -1.0)),
            Mark::line("1/k²", Ink::Series(0), x.clone(), rate(0.5, -2.0)),
            Mark::at_y("machine precision", 1.1e-7),
        ],
        ..Chart::default()
    })
}

/// Mean and spread over seeds, a marked time, a phase.
fn bands_and_rules() -> View {
    let mut random = Random::new(3, "bands");
    let x = steps(200, 0.0, 100.0);
    let mean: Vec<f64> =
        x.iter().map(|t| 0.12 + 2.2 * libm::exp(-t / 18.0) + 0.3 * libm::exp(-(t - 62.0) * (t - 62.0) / 60.0)).collect();
    let spread: Vec<f64> = x.iter().map(|t| 0.06 + 0.25 * libm::exp(-t / 25.0) + 0.01 * random.normal().abs()).collect();
    let low = mean.iter().zip(&spread).map(|(m, s)| m - s).collect();
    let high = mean.iter().zip(&spread).map(|(m, s)| m + s).collect();
    View::Chart(Chart {
        x: Axis::linear("epoch"),
        y: Axis::linear("loss").unit("nats"),
        marks: vec![
            Mark::Span { label: "warm-up".into(), from: 0.0, to: 15.0 },
            Mark::Band { name: "10 seeds, one standard deviation".into(), ink: Ink::Series(0), x: x.clone(), low, high },
            Mark::line("mean", Ink::Series(0), x, mean),
            Mark::at_x("step size halved", 62.0),
            Mark::at_y("noise floor", 0.12),
        ],
        ..Chart::default()
    })
}

/// Layers of a network in the order of the colour map.
fn ramp() -> View {
    let x = steps(80, 0.0, 12.0);
    let marks = (0..6)
        .map(|layer| {
            let depth = layer as f64;
            let y = x.iter().map(|t| (1.0 - libm::exp(-t / (1.0 + depth))) * (1.2 - 0.14 * depth)).collect();
            Mark::line(format!("layer {}", layer + 1), Ink::Ramp(layer as f32 / 5.0), x.clone(), y)
        })
        .collect();
    View::Chart(Chart {
        x: Axis::linear("I(X; T)").unit("bits"),
        y: Axis::linear("I(T; Y)").unit("bits"),
        marks,
        ..Chart::default()
    })
}

/// Three classes, a boundary, a point that can be dragged.
fn scatter() -> View {
    let mut random = Random::new(5, "scatter");
    let mut cloud = |cx: f64, cy: f64, n: usize| -> (Vec<f64>, Vec<f64>) {
        (0..n).map(|_| (cx + 0.55 * random.normal(), cy + 0.45 * random.normal())).unzip()
    };
    let (a, b, c) = (cloud(-1.3, 0.4, 70), cloud(1.2, 1.0, 70), cloud(0.4, -1.5, 70));
    View::Chart(Chart {
        x: Axis::linear("first component"),
        y: Axis::linear("second component"),
        marks: vec![
            Mark::points("setosa", Ink::Series(0), a.0, a.1, 6.0),
            Mark::points("virginica", Ink::Series(1), b.0, b.1, 6.0),
            Mark::points("versicolor", Ink::Series(2), c.0, c.1, 6.0),
            Mark::dashed("boundary", Ink::Text, vec![-0.2, 0.1, 1.9], vec![2.4, -0.2, -1.0]),
            Mark::Arrow { ink: Ink::Text, from: (0.0, 0.0), to: (1.0, 0.75) },
            Mark::Label { text: "w".into(), at: (1.16, 0.87), ink: Ink::Text },
        ],
        equal: true,
        handle: Some(Handle { name: "query".into(), at: (-0.2, -0.55) }),
    })
}

/// A path whose colour is its time.
fn trail() -> View {
    let n = 600;
    let turn = |i: usize| i as f64 / (n - 1) as f64;
    let radius = |t: f64| 2.0 * libm::exp(-2.4 * t);
    View::Chart(Chart {
        x: Axis::linear("θ₁"),
        y: Axis::linear("θ₂"),
        marks: vec![
            Mark::Trail {
                name: "iterates, early to late".into(),
                x: (0..n).map(|i| radius(turn(i)) * libm::cos(22.0 * turn(i))).collect(),
                y: (0..n).map(|i| 0.7 * radius(turn(i)) * libm::sin(22.0 * turn(i))).collect(),
                shade: (0..n).map(|i| turn(i) as f32).collect(),
            },
            Mark::points("minimum", Ink::Series(1), vec![0.0], vec![0.0], 8.0),
        ],
        equal: true,
        ..Chart::default()
    })
}

/// Two histograms over each other and a density.
fn histogram() -> View {
    let edges = steps(41, -4.0, 6.0);
    let bins = |seed: u64, mean: f64, spread: f64| {
        let mut random = Random::new(seed, "histogram");
        let mut counts = vec![0.0; 40];
        for _ in 0..4000 {
            let place = ((mean + spread * random.normal() + 4.0) * 4.0).floor();
            if (0.0..40.0).contains(&place) {
                counts[place as usize] += 1.0 / 1000.0;
            }
        }
        counts
    };
    let x = steps(150, -4.0, 6.0);
    let density = x.iter().map(|t| 0.3989 * libm::exp(-0.5 * t * t)).collect();
    View::Chart(Chart {
        x: Axis::linear("pre-activation"),
        y: Axis::linear("density"),
        marks: vec![
            Mark::Histogram { name: "at the start".into(), ink: Ink::Series(0), edges: edges.clone(), y: bins(1, 0.0, 1.0) },
            Mark::Histogram { name: "after training".into(), ink: Ink::Series(1), edges, y: bins(2, 1.8, 1.35) },
            Mark::line("N(0, 1)", Ink::Text, x, density),
        ],
        ..Chart::default()
    })
}

/// Bars with their numbers.
fn bars() -> View {
    View::Chart(Chart {
        y: Axis::linear("test error").unit("%"),
        marks: vec![Mark::Bars {
            name: String::new(),
            ink: Ink::Series(0),
            labels: words(&["SGD", "Adam", "AdaGrad", "diffGrad", "heavy ball"]),
            y: vec![7.42, 6.91, 8.3, 5.85, 6.6],
        }],
        ..Chart::default()
    })
}

/// Two bars a label, some below zero, long labels.
fn grouped_bars() -> View {
    let labels =
        words(&["wide ResNet", "transformer encoder", "MLP", "logistic regression", "kernel ridge", "nearest neighbour"]);
    View::Chart(Chart {
        y: Axis::linear("gain over the baseline").unit("%"),
        marks: vec![
            Mark::Bars {
                name: "with augmentation".into(),
                ink: Ink::Series(0),
                labels: labels.clone(),
                y: vec![3.1, 4.6, 1.2, -0.8, 0.4, -1.9],
            },
            Mark::Bars { name: "without".into(), ink: Ink::Series(1), labels, y: vec![1.9, 2.2, 0.7, 0.3, -0.5, -1.1] },
        ],
        ..Chart::default()
    })
}

fn valley(x: f64, y: f64) -> f64 {
    let (a, b) = (1.0 - x, y - x * x);
    a * a + 20.0 * b * b
}

/// A curved valley on a logarithmic scale with two descents.
fn landscape() -> HeatMap {
    let (columns, rows) = (120, 90);
    let at = |i: usize, n: usize, low: f64, high: f64| low + (high - low) * (i as f64 + 0.5) / n as f64;
    let values = (0..rows)
        .flat_map(|j| (0..columns).map(move |i| (valley(at(i, columns, -1.6, 1.6), at(j, rows, -0.6, 2.2)) + 0.05) as f32))
        .collect();
    let descend = |step: f64, momentum: f64| -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y, mut vx, mut vy) = (-1.2, 1.9, 0.0, 0.0);
        let mut path = vec![(x, y)];
        for _ in 0..220 {
            let (gx, gy) = (-2.0 * (1.0 - x) - 80.0 * x * (y - x * x), 40.0 * (y - x * x));
            (vx, vy) = (momentum * vx - step * gx, momentum * vy - step * gy);
            (x, y) = (x + vx, y + vy);
            path.push((x, y));
        }
        path.into_iter().unzip()
    };
    let (plain, fast) = (descend(0.003, 0.0), descend(0.003, 0.85));
    HeatMap {
        x: Axis::linear("θ₁").range(-1.6, 1.6),
        y: Axis::linear("θ₂").range(-0.6, 2.2),
        value: Axis::log("loss"),
        columns,
        values,
        contours: 9,
        paths: vec![
            Path { name: "gradient descent".into(), ink: Ink::Series(1), x: plain.0, y: plain.1 },
            Path { name: "momentum".into(), ink: Ink::Series(3), x: fast.0, y: fast.1 },
        ],
        handle: Some(Handle { name: "start".into(), at: (-1.2, 1.9) }),
    }
}

/// Two wells and the saddle between them, with two descents from near one ridge.
fn wells() -> HeatMap {
    let (columns, rows) = (72, 72);
    let well = |x: f64, y: f64, cx: f64, cy: f64, w: f64| libm::exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / w);
    let loss =
        move |x: f64, y: f64| 0.9 + 0.09 * (x * x + y * y) - 0.95 * well(x, y, -1.0, -0.5, 0.9) - 0.7 * well(x, y, 1.0, 0.6, 0.7);
    let at = |i: usize| -2.2 + 4.4 * (i as f64 + 0.5) / 72.0;
    let values = (0..rows).flat_map(|j| (0..columns).map(move |i| loss(at(i), at(j)) as f32)).collect();
    let descend = |x: f64, y: f64| -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y, mut path) = (x, y, Vec::new());
        for _ in 0..160 {
            path.push((x, y));
            let h = 1e-4;
            let gradient = ((loss(x + h, y) - loss(x - h, y)) / (2.0 * h), (loss(x, y + h) - loss(x, y - h)) / (2.0 * h));
            (x, y) = (x - 0.08 * gradient.0, y - 0.08 * gradient.1);
        }
        path.into_iter().unzip()
    };
    let (left, right) = (descend(-0.1, -1.9), descend(1.9, -1.5));
    HeatMap {
        x: Axis::linear("θ₁").range(-2.2, 2.2),
        y: Axis::linear("θ₂").range(-2.2, 2.2),
        value: Axis::linear("loss"),
        columns,
        values,
        contours: 0,
        paths: vec![
            Path { name: "seed 0".into(), ink: Ink::Series(1), x: left.0, y: left.1 },
            Path { name: "seed 1".into(), ink: Ink::Series(3), x: right.0, y: right.1 },
        ],
        handle: None,
    }
}

/// A score field around zero.
fn diverging() -> View {
    let (columns, rows) = (80, 60);
    let at = |i: usize, n: usize| -3.0 + 6.0 * (i as f64 + 0.5) / n as f64;
    let bump = |x: f64, y: f64, cx: f64, cy: f64| libm::exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / 1.4);
    let value = |x: f64, y: f64| 2.0 * bump(x, y, -1.0, 0.8) - 1.6 * bump(x, y, 1.2, -0.6) + 0.5 * bump(x, y, 1.6, 1.9);
    let values = (0..rows).flat_map(|j| (0..columns).map(move |i| value(at(i, columns), at(j, rows)) as f32)).collect();
    View::HeatMap(HeatMap {
        x: Axis::linear("x₁").unit("σ").range(-3.0, 3.0),
        y: Axis::linear("x₂").unit("σ").range(-3.0, 3.0),
        value: Axis::linear("decision value").around(0.0),
        columns,
        values,
        contours: 7,
        ..HeatMap::default()
    })
}

/// A transport plan between two mixtures, in logarithmic colours.
fn plan() -> View {
    let n = 64;
    let place = |i: usize| i as f64 / (n - 1) as f64;
    let warp = |t: f64| t * t * (3.0 - 2.0 * t);
    let values = (0..n)
        .flat_map(|i| {
            (0..n).map(move |j| {
                let d = place(j) - warp(place(i));
                (libm::exp(-d * d / 0.004) / 64.0 + 1e-9) as f32
            })
        })
        .collect();
    View::Matrix(Matrix {
        row: "source point".into(),
        column: "target point, in the order in which its source comes along the line, from left to right".into(),
        value: Axis::log("mass").range(1e-6, 0.02),
        columns: n,
        values,
        ..Matrix::default()
    })
}

/// A confusion matrix with names, numbers and outlines.
fn confusion() -> View {
    let names = words(&["plane", "car", "bird", "cat", "deer", "dog", "frog"]);
    let n = names.len();
    let mut random = Random::new(9, "confusion");
    let mut values = vec![0.0_f32; n * n];
    for (i, value) in values.iter_mut().enumerate() {
        *value = if i % (n + 1) == 0 { 80.0 + random.below(18) as f32 } else { random.below(6) as f32 };
    }
    values[3 * n + 5] = 17.0;
    values[5 * n + 3] = 14.0;
    View::Matrix(Matrix {
        row: "true class".into(),
        column: "predicted class".into(),
        value: Axis::linear("pictures"),
        columns: n,
        values,
        names,
        outlined: vec![(3 * n + 5) as u32, (5 * n + 3) as u32],
    })
}

/// Class means on a simplex, the features around them.
fn space() -> View {
    let mut random = Random::new(11, "space");
    let corners = [[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]];
    let mut clouds = Vec::new();
    let mut segments = Vec::new();
    for (class, corner) in corners.iter().enumerate() {
        let at = (0..60).map(|_| corner.map(|v: f64| (0.68 * v + 0.13 * random.normal()) as f32)).collect();
        clouds.push(Cloud { name: format!("class {class}"), ink: Ink::Series(class as u8), at, size: 5.0 });
        segments.push(Segment {
            from: [0.0; 3],
            to: corner.map(|v| 0.68 * v as f32),
            ink: Ink::Text,
            dashed: false,
            arrow: true,
        });
    }
    View::Space(Space { axes: ["feature 1".into(), "feature 2".into(), "feature 3".into()], clouds, segments, reach: 1.1 })
}

/// The same in the plane.
fn plane() -> View {
    let mut random = Random::new(12, "plane");
    let mut clouds = Vec::new();
    let mut segments = Vec::new();
    for class in 0..3 {
        let angle = std::f64::consts::TAU * (class as f64 + 0.25) / 3.0;
        let (cx, cy) = (libm::cos(angle), libm::sin(angle));
        let at = (0..80)
            .map(|_| [(0.75 * cx + 0.12 * random.normal()) as f32, (0.75 * cy + 0.12 * random.normal()) as f32, 0.0])
            .collect();
        clouds.push(Cloud { name: format!("class {class}"), ink: Ink::Series(class), at, size: 4.0 });
        let to = [0.75 * cx as f32, 0.75 * cy as f32, 0.0];
        segments.push(Segment { from: [0.0; 3], to, ink: Ink::Text, dashed: class == 2, arrow: true });
    }
    View::Space(Space { axes: ["feature 1".into(), "feature 2".into(), String::new()], clouds, segments, reach: 1.2 })
}

/// A directed graph of causes.
fn graph() -> View {
    let node = |x: f32, y: f32, label: &str, ink: Ink| Node { at: (x, y), label: label.into(), ink, size: 18.0 };
    let edge = |from, to, weight| Edge { from, to, weight, directed: true };
    View::Graph(Graph {
        nodes: vec![
            node(0.12, 0.85, "rain", Ink::Series(0)),
            node(0.12, 0.2, "sprinkler", Ink::Series(0)),
            node(0.5, 0.62, "wet grass", Ink::Series(1)),
            node(0.88, 0.85, "slippery", Ink::Series(2)),
            node(0.88, 0.2, "growth", Ink::Series(2)),
        ],
        edges: vec![edge(0, 1, 0.15), edge(0, 2, 0.9), edge(1, 2, 0.6), edge(2, 3, 0.75), edge(2, 4, 0.35), edge(0, 4, 0.5)],
    })
}

/// A small network, its weights as widths.
fn network() -> View {
    let mut random = Random::new(13, "network");
    let sizes = [4, 6, 6, 3];
    let mut nodes = Vec::new();
    let mut starts = Vec::new();
    for (layer, &n) in sizes.iter().enumerate() {
        starts.push(nodes.len());
        for i in 0..n {
            let at = (0.05 + 0.3 * layer as f32, (i as f32 + 0.5) / n as f32);
            nodes.push(Node { at, label: String::new(), ink: Ink::Ramp(layer as f32 / 3.0), size: 12.0 });
        }
    }
    let mut edges = Vec::new();
    for layer in 0..3 {
        for i in 0..sizes[layer] {
            for j in 0..sizes[layer + 1] {
                let weight = (0.35 * random.normal()).abs().min(1.0) as f32;
                edges.push(Edge {
                    from: (starts[layer] + i) as u32,
                    to: (starts[layer + 1] + j) as u32,
                    weight,
                    directed: false,
                });
            }
        }
    }
    View::Graph(Graph { nodes, edges })
}

/// Blobs that look like digits from afar.
fn images() -> View {
    let (size, n) = (12, 18);
    let mut pixels = Vec::with_capacity(size * size * n);
    for k in 0..n {
        let turn = k as f64 * 0.35;
        for j in 0..size {
            for i in 0..size {
                let (x, y) = ((i as f64 - 5.5) / 5.5, (j as f64 - 5.5) / 5.5);
                let (u, v) = (x * libm::cos(turn) - y * libm::sin(turn), x * libm::sin(turn) + y * libm::cos(turn));
                let ring = libm::exp(-((u * u / 0.36 + v * v).sqrt() - 0.75) * ((u * u / 0.36 + v * v).sqrt() - 0.75) * 14.0);
                pixels.push((255.0 * ring).clamp(0.0, 255.0) as u8);
            }
        }
    }
    let captions = (0..n).map(|k| format!("{}°", 20 * k)).collect();
    View::Images(Images { width: size, height: size, channels: 1, columns: 6, pixels, captions })
}

/// Patches of colour without captions.
fn colour_images() -> View {
    let (size, n) = (16, 24);
    let mut pixels = Vec::with_capacity(3 * size * size * n);
    for k in 0..n {
        let (fx, fy) = ((k % 6) as f64 + 1.0, (k / 6) as f64 + 1.0);
        for j in 0..size {
            for i in 0..size {
                let (x, y) = (i as f64 / 15.0, j as f64 / 15.0);
                let wave = |phase: f64| 127.5 + 120.0 * libm::sin(3.0 * (fx * x + fy * y) + phase);
                pixels.extend([wave(0.0) as u8, wave(1.2) as u8, wave(2.6) as u8]);
            }
        }
    }
    View::Images(Images { width: size, height: size, channels: 3, columns: 8, pixels, captions: Vec::new() })
}

/// A pendulum's phase plane.
fn field() -> View {
    let mut at = Vec::new();
    let mut vectors = Vec::new();
    for j in 0..13 {
        for i in 0..19 {
            let (x, v) = (-4.5 + 0.5 * i as f64, -3.0 + 0.5 * j as f64);
            at.push((x, v));
            vectors.push((v, -libm::sin(x) - 0.15 * v));
        }
    }
    let (mut x, mut v, mut path) = (-4.2, 2.6, Vec::new());
    for _ in 0..420 {
        path.push((x, v));
        v += 0.04 * (-libm::sin(x) - 0.15 * v);
        x += 0.04 * v;
    }
    let (px, py) = path.into_iter().unzip();
    View::Field(Field {
        x: Axis::linear("angle").unit("rad"),
        y: Axis::linear("angular velocity").unit("rad/s"),
        at,
        vectors,
        paths: vec![Path { name: "damped pendulum".into(), ink: Ink::Series(1), x: px, y: py }],
    })
}

/// Words and numbers of very different sizes.
fn table() -> View {
    let row = |name: &str, a: f64, b: f64, note: &str| {
        vec![Cell::Text(name.into()), Cell::Number(a), Cell::Number(b), Cell::Text(note.into())]
    };
    View::Table(Table {
        columns: words(&["method", "steps", "final loss", "remark"]),
        rows: vec![
            row("gradient descent", 12_480.0, 0.003_127, "step size 0.003"),
            row("momentum", 1_310.0, 1.24e-7, "μ = 0.9"),
            row("Newton", 7.0, 2.2e-16, "exact Hessian, 2 × 2"),
            row("SR1", 19.0, f64::NAN, "did not converge"),
            row("random search", 1e6, 0.41, ""),
        ],
    })
}
