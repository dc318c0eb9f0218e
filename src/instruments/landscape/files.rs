//! Files of the reader's: what they are taken for, and that every picture stands on them.

use run::testing::watched;

use super::controls::{Along, Detail};
use super::*;

fn array(name: &str, shape: &[usize], values: &[f64]) -> Array {
    Array { name: name.into(), shape: shape.into(), values: values.into(), columns: Vec::new() }
}

/// (±1, ±1) times `scale` about `centre`, label 1 where both signs are equal.
fn xor(scale: f64, centre: f64) -> Array {
    let row = |i: usize| {
        let (a, b) = ([1.0, 1.0, -1.0, -1.0][i % 4], [1.0, -1.0, 1.0, -1.0][i % 4]);
        [centre + scale * a, centre + scale * b, f64::from(u8::from(a == b))]
    };
    let values: Vec<f64> = (0..100).flat_map(row).collect();
    Array { columns: ["x1", "x2", "label"].map(String::from).to_vec(), ..array("xor.csv", &[100, 3], &values) }
}

/// A network that tells them with a margin of 6.
const W1: [f64; 4] = [1.0, 1.0, -1.0, -1.0];
const B1: [f64; 2] = [-1.0, -1.0];
const W2: [f64; 4] = [-6.0, -6.0, 6.0, 6.0];
const B2: [f64; 2] = [3.0, -3.0];
/// ln(1 + e⁻⁶).
const LOSS: f64 = 0.002_475_685_137_730_449_6;

fn weights() -> [Array; 4] {
    [
        array("s.npz/0.weight", &[2, 2], &W1),
        array("s.npz/0.bias", &[2], &B1),
        array("s.npz/2.weight", &[2, 2], &W2),
        array("s.npz/2.bias", &[2], &B2),
    ]
}

fn begun(files: &[Array]) -> Result<Landscape> {
    let library = Library::default().with_own(files.to_vec());
    Landscape::new(&Controls { detail: Detail::Coarse, ..Controls::default() }, 0, &library)
}

/// The loss at the centre, beside these samples.
fn loss_on(samples: Array, state: &[Array]) -> Result<f64> {
    let run = begun(&[&[samples], state].concat())?;
    let (x, y) = run.samples();
    Ok(evaluate(&run.network(), run.controls.loss, x, y, &mut Room::default()).0)
}

fn loss(state: &[Array]) -> Result<f64> {
    loss_on(xor(1.0, 0.0), state)
}

fn says(state: &[Array]) -> String {
    loss(state).expect_err("it is refused").to_string()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-8
}

fn transposed(w: [f64; 4]) -> [f64; 4] {
    [w[0], w[2], w[1], w[3]]
}

/// Pairs by name, whatever order they come in and whatever else is there.
#[test]
fn weights_and_biases_belong_together_by_name() {
    let right = weights();
    assert!(near(loss(&right).unwrap(), LOSS));
    let [w1, b1, w2, b2] = right.clone();
    let shuffled = [b2.clone(), w1.clone(), b1.clone(), w2.clone()];
    assert!(near(loss(&shuffled).unwrap(), LOSS));
    // No bias in the first layer: margins of 18 and 6, for as many samples each.
    let without = [w1.clone(), w2.clone(), b2.clone()];
    assert!(near(loss(&without).unwrap(), 0.5 * (LOSS + libm::log1p(libm::exp(-18.0)))));
    let with_more = [&right[..], &[array("s.npz/temperature", &[1], &[1.0])]].concat();
    assert!(near(loss(&with_more).unwrap(), LOSS));
    let run = begun(&[&[xor(1.0, 0.0)], &with_more[..]].concat()).unwrap();
    assert!(run.understood().iter().any(|line| line == "s.npz: left out, for they are no layer's: temperature"));
    assert_eq!(run.weights.len(), 12);
    let alone = begun(&[&[xor(1.0, 0.0)], &without[..]].concat()).unwrap();
    assert_eq!(alone.weights, [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn houses_and_wrappers_of_names() {
    let named = |names: [&str; 4], turn: bool| {
        let w = |w: [f64; 4]| if turn { transposed(w) } else { w };
        [
            array(&format!("s.npz/{}", names[0]), &[2, 2], &w(W1)),
            array(&format!("s.npz/{}", names[1]), &[2], &B1),
            array(&format!("s.npz/{}", names[2]), &[2, 2], &w(W2)),
            array(&format!("s.npz/{}", names[3]), &[2], &B2),
        ]
    };
    for names in [
        ["model.layers.0.weight", "model.layers.0.bias", "model.layers.1.weight", "model.layers.1.bias"],
        ["_orig_mod.0.weight", "_orig_mod.0.bias", "_orig_mod.2.weight", "_orig_mod.2.bias"],
        ["module._orig_mod.z.weight", "module._orig_mod.z.bias", "module._orig_mod.a.weight", "module._orig_mod.a.bias"],
        // Half of it wrapped, half of it not: names count without.
        ["module.fc1.weight", "fc1.bias", "fc2.weight", "module.fc2.bias"],
        ["fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"],
    ] {
        assert!(near(loss(&named(names, false)).unwrap(), LOSS), "{names:?}");
    }
    for names in [
        ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"],
        ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"],
        ["layers/dense/vars/0", "layers/dense/vars/1", "layers/dense_1/vars/0", "layers/dense_1/vars/1"],
        ["params.Dense_0.kernel", "params.Dense_0.bias", "params.Dense_1.kernel", "params.Dense_1.bias"],
    ] {
        assert!(near(loss(&named(names, true)).unwrap(), LOSS), "{names:?}");
    }
    // Ten comes after two, in whatever order the file has them.
    let [a, b, c, d] = named(["10.weight", "10.bias", "2.weight", "2.bias"], false);
    assert!(!near(loss(&[a.clone(), b.clone(), c.clone(), d.clone()]).unwrap(), LOSS));
    let [e, f, g, h] = named(["2.weight", "2.bias", "10.weight", "10.bias"], false);
    assert!(near(loss(&[g, h, e, f]).unwrap(), LOSS));
    // Square matrices whose names do not say what they are.
    let square = named(["W1", "b1", "W2", "b2"], false);
    assert!(says(&square).starts_with("s.npz: its matrices fit as outputs × inputs and as inputs × outputs; name them weight"));
    // Weights and biases of the same name twice.
    let twice = [&weights()[..], &[array("s.npz/module.0.bias", &[2], &B1)]].concat();
    assert!(says(&twice).starts_with("s.npz/module.0.bias: is there twice"));
}

/// Three layers, of which the middle one is the identity, in the file's order: the alphabet has another.
#[test]
fn layers_follow_one_another_as_in_the_file() {
    let state = |names: [&str; 3]| {
        let w = [&W1[..], &[1.0, 0.0, 0.0, 1.0], &W2];
        let b = [&B1[..], &[0.0, 0.0], &B2];
        let of = |l: usize| {
            [array(&format!("s.npz/{}.weight", names[l]), &[2, 2], w[l]), array(&format!("s.npz/{}.bias", names[l]), &[2], b[l])]
        };
        (0..3).flat_map(of).collect::<Vec<_>>()
    };
    for names in [["input", "hidden", "a"], ["z", "y", "x"], ["first", "second", "third"]] {
        assert!(near(loss(&state(names)).unwrap(), LOSS), "{names:?}");
    }
    // What sizes alone tell: 2 → 3 → 2, kept the other way round, as files that sort by name do.
    let wide = |name: &str, shape: &[usize]| array(&format!("s.npz/{name}"), shape, &[0.5; 6][..shape.iter().product()]);
    let run = begun(&[wide("classifier.weight", &[2, 3]), wide("features.weight", &[3, 2])]).unwrap();
    assert_eq!(run.walks[0].network.neurons().iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    assert!(run.understood().iter().any(|line| line.contains("the only order in which their sizes do")));
    // Twenty layers of which one fits nowhere are not tried in all their orders.
    let letter = |k: u8| char::from(b'a' + k).to_string();
    let many: Vec<Array> =
        (0..20).map(|k| wide(&format!("{}.weight", letter(k)), if k == 9 { &[1, 1] } else { &[2, 2] })).collect();
    assert!(says(&many).contains("do not follow one another"));
    let broken = [array("s.npz/fc1.weight", &[3, 5], &[0.0; 15]), array("s.npz/fc2.weight", &[2, 4], &[0.0; 8])];
    assert_eq!(
        says(&broken),
        "s.npz: matrices of 3 × 5, 2 × 4 do not follow one another as the layers of a fully connected network"
    );
}

#[test]
fn normalisations_are_kept_or_refused_by_name() {
    let [w1, b1, w2, b2] = weights();
    let vector = |name: &str, value: f64| array(&format!("s.npz/{name}"), &[2], &[value; 2]);
    let none = array("s.npz/0.bias", &[2], &[0.0; 2]);
    let third = [array("s.npz/3.weight", &[2, 2], &W2), array("s.npz/3.bias", &[2], &B2)];
    let torch = |mean: f64, variance: f64| {
        let own = [
            vector("1.weight", 1.0),
            vector("1.bias", 0.0),
            vector("1.running_mean", mean),
            vector("1.running_var", variance),
            array("s.npz/1.num_batches_tracked", &[1], &[7.0]),
        ];
        [&[w1.clone(), none.clone()], &own[..], &third].concat()
    };
    assert!(near(loss(&torch(1.0, 1.0 - 1e-5)).unwrap(), LOSS));
    let run = begun(&[&[xor(1.0, 0.0)], &torch(1.0, 1.0 - 1e-5)[..]].concat()).unwrap();
    // W, b, γ, β, W, b: the statistics are no weights.
    assert_eq!(run.weights.len(), 16);
    let told = run.understood().join("\n");
    assert!(
        told.contains("1.running_mean, 1.running_var: a batch normalisation of 2 by its running statistics, ε = 1e-5, before"),
        "{told}"
    );
    assert!(told.contains("left out, for they are no layer's: 1.num_batches_tracked"), "{told}");
    // 0, 2, 3: the activation stands between the layer and its normalisation, (h − 0)/1.
    let after: Vec<Array> = torch(0.0, 1.0 - 1e-5)
        .into_iter()
        .map(|mut a| {
            a.name = a.name.replace("/1.", "/2.");
            a
        })
        .collect();
    let biased = [&[w1.clone(), b1.clone()], &after[2..]].concat();
    assert!(near(loss(&biased).unwrap(), LOSS));
    assert!(begun(&[&[xor(1.0, 0.0)], &biased[..]].concat()).unwrap().understood().join(" ").contains("after an activation"));
    // Keras adds 1e-3, and keeps its own names.
    let keras = [
        array("k.npz/batch_normalization/gamma", &[2], &[1.0; 2]),
        array("k.npz/batch_normalization/beta", &[2], &[0.0; 2]),
        array("k.npz/batch_normalization/moving_mean", &[2], &[1.0; 2]),
        array("k.npz/batch_normalization/moving_variance", &[2], &[1.0 - 1e-3; 2]),
        array("k.npz/dense/kernel", &[2, 2], &transposed(W1)),
        array("k.npz/dense_1/kernel", &[2, 2], &transposed(W2)),
        array("k.npz/dense_1/bias", &[2], &B2),
    ];
    let in_order = [&keras[4..5], &keras[..4], &keras[5..]].concat();
    assert!(near(loss(&in_order).unwrap(), LOSS));
    for (state, begins) in [
        (vec![w1.clone(), vector("1.running_mean", 1.0), w2.clone(), b2.clone()], "s.npz/1.running_mean: stands alone"),
        (
            vec![w1.clone(), vector("1.weight", 1.0), vector("1.bias", 1.0), w2.clone(), b2.clone()],
            "s.npz/1.weight: is a vector without",
        ),
        (vec![w1.clone(), w2.clone(), b2.clone(), vector("7.bias", 1.0)], "s.npz/7.bias: has no weight beside it"),
        (vec![w1.clone(), w2.clone(), vector("0.weight_g", 1.0)], "s.npz/0.weight_g: is by its name a parameter of a layer"),
        (
            vec![array("s.npz/conv.weight", &[1, 1, 3, 3], &[0.0; 9])],
            "s.npz/conv.weight: shape [1, 1, 3, 3]; a fully connected network",
        ),
    ] {
        assert!(says(&state).starts_with(begins), "{}", says(&state));
    }
}

/// The network was trained on the file's own numbers, and its outputs are the file's own labels.
#[test]
fn samples_beside_checkpoints_are_taken_as_they_are() {
    let far = [
        array("s.npz/0.weight", &[2, 2], &W1.map(|w| w / 20.0)),
        array("s.npz/0.bias", &[2], &[-1.0 - 10.0, -1.0 + 10.0]),
        array("s.npz/2.weight", &[2, 2], &W2),
        array("s.npz/2.bias", &[2], &B2),
    ];
    // In single precision, of weights like 1/20 and numbers like 100.
    assert!((loss_on(xor(20.0, 100.0), &far).unwrap() - LOSS).abs() < 1e-7);
    let mut half = weights();
    half[0] = array("s.npz/0.weight", &[2, 2], &W1.map(|w| w / 2.0));
    assert!(near(loss_on(xor(2.0, 0.0), &half).unwrap(), LOSS));
    // Three outputs, and labels 0 and 2 among the samples.
    let mut three = weights();
    three[2] = array("s.npz/2.weight", &[3, 2], &[-6.0, -6.0, -90.0, -90.0, 6.0, 6.0]);
    three[3] = array("s.npz/2.bias", &[3], &[3.0, -90.0, -3.0]);
    let mut labels = xor(1.0, 0.0);
    labels.values.iter_mut().skip(2).step_by(3).for_each(|label| *label *= 2.0);
    assert!(near(loss_on(labels, &three).unwrap(), LOSS));
    // Counted from 1 elsewhere.
    let mut counted = xor(1.0, 0.0);
    counted.values.iter_mut().skip(2).step_by(3).for_each(|label| *label += 1.0);
    assert!(near(loss_on(counted, &weights()).unwrap(), LOSS));
    let told = begun(&[&[xor(20.0, 100.0)], &far[..]].concat()).unwrap().understood();
    assert!(told.iter().any(|line| line.starts_with("labels: xor.csv, column 3 ('label'), 2 classes")));
    assert!(told.iter().any(|line| line.starts_with("samples are taken as they are")));
}

/// Every picture of every form of files, before the run, on its way and at its end, without a number that is none in its words.
#[test]
fn every_picture_stands_on_every_form_of_files() {
    let walk = |name: &str, shape: &[usize], of: &dyn Fn(f64) -> Vec<f64>| {
        let values: Vec<f64> = (0..5).flat_map(|t| of(0.2 + 0.2 * f64::from(t))).collect();
        array(&format!("walk.npz/{name}"), &[&[5], shape].concat(), &values)
    };
    let times = |values: &'static [f64]| move |t: f64| values.iter().map(|v| v * t).collect::<Vec<f64>>();
    let series = [
        walk("0.weight", &[2, 2], &times(&W1)),
        walk("0.bias", &[2], &times(&B1)),
        walk("2.weight", &[2, 2], &times(&W2)),
        walk("2.bias", &[2], &times(&B2)),
    ];
    let dead = weights().map(|mut array| {
        array.values.iter_mut().for_each(|v| *v = 0.0);
        array
    });
    let endless = weights().map(|mut array| {
        array.values.iter_mut().for_each(|v| *v *= 1e25);
        array
    });
    let gaps = [0.0, 0.0, 1.0, 1.0, 0.0, f64::NAN, 0.0, 1.0, 3.0, 1.0, 1.0, 4.0];
    let forms: Vec<(&str, Vec<Array>)> = vec![
        ("one checkpoint and samples", [&[xor(1.0, 0.0)], &weights()[..]].concat()),
        ("one checkpoint alone", weights().to_vec()),
        ("a walk and samples", [&[xor(1.0, 0.0)], &series[..]].concat()),
        ("samples far away", [&[xor(20.0, 100.0)], &weights()[..]].concat()),
        ("samples alone", vec![xor(20.0, 100.0)]),
        ("nothing but zeros", [&[xor(1.0, 0.0)], &dead[..]].concat()),
        ("no finite loss", [&[xor(1.0, 0.0)], &endless[..]].concat()),
        ("drawn by hand", Vec::new()),
        ("a grid", vec![array("grid.csv", &[4, 3], &gaps)]),
        ("a grid and a checkpoint", [&[array("grid.csv", &[4, 3], &gaps)], &weights()[..]].concat()),
    ];
    for (form, files) in forms {
        for plane in [Through::Filter, Through::Path, Through::Top, Through::Ends, Through::Solutions] {
            let along = if plane == Through::Path { Along::Walk } else { Along::First };
            let problem = if files.is_empty() { Problem::Drawn } else { Problem::Moons };
            let controls =
                Controls { plane, along, detail: Detail::Coarse, epochs: 5, plane_samples: 50, problem, ..Controls::default() };
            let library = Library::default().with_own(files.clone());
            let run = match Landscape::new(&controls, 0, &library) {
                Ok(run) => watched(run),
                Err(error) => {
                    assert!(error.to_string().starts_with("plane: "), "{form}: {error}");
                    continue;
                }
            };
            for look in <Landscape as run::experiment::Views>::VIEWS {
                let words = format!("{:?}", (look.make)(&run));
                let quoted = words.split('"').skip(1).step_by(2);
                assert!(quoted.clone().all(|text| !text.contains("NaN") && !text.contains("inf ")), "{form}: {}", look.panel.id);
            }
            let verdict = Landscape::verdict(&controls, &Runs(vec![run.measures()]));
            assert!(!verdict.text.contains("NaN"), "{form}: {}", verdict.text);
            assert!(run.understood().is_empty() == files.is_empty(), "{form}");
            assert!(run.understood().iter().all(|line| !line.contains("NaN")), "{form}");
        }
    }
}
