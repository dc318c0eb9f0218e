//! The reader's own files in every form that an experiment takes, and in many that none does: whatever they are, there is something to
//! see of them before, during and after the run, or one sentence.
//!
//! `ORRERY_FILES=10000` looks at so many random ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gpu::Device;
use ground::controls::{Kind, Settings, Value};
use ground::random::Random;
use ground::view::View;
use orrery::{catalogue, pool};
use run::data::{Array, Files, Library, open};
use run::experiment::Entry;
use run::session::Session;

/// Experiments that take files.
fn takers() -> impl Iterator<Item = &'static Entry> {
    catalogue::entries().filter(|entry| entry.card.own_data.is_some())
}

/// Controls at which a run is short: counts at their least, as far as the experiment goes along.
fn short(entry: &Entry) -> Settings {
    let mut settings = Settings::default_of(entry.controls);
    for (index, spec) in entry.controls.iter().enumerate() {
        if let Kind::Count { min, .. } = spec.kind {
            settings.0[index] = Value::Number(min);
        }
    }
    settings
}

/// Is a number that is none among the words?
fn check_words(text: &str, place: &str) {
    let none = |word: &str| ["nan", "inf", "infinity"].contains(&word.to_lowercase().as_str());
    let found = text.split(|c: char| !c.is_alphanumeric()).find(|word| none(word));
    assert!(found.is_none(), "{place}: '{}' in: {}", found.unwrap_or_default(), text.chars().take(300).collect::<String>());
}

/// Everything that there is to see and to be said now.
fn check_views(session: &mut Session, place: &str) {
    let frame = session.look();
    for (panel, bytes) in session.entry.panels().zip(&frame.views) {
        let view = View::decode(bytes).unwrap();
        let place = format!("{place}, {}", panel.id);
        check_words(&plot::svg(&view, &plot::Style::default(), &plot::Camera::default()), &place);
        check_words(&plot::describe(&view, panel.title), &place);
    }
    check_words(&session.verdict().text, place);
    session.understood().iter().for_each(|sentence| check_sentence(sentence, place));
}

/// One sentence, on one line.
fn check_sentence(sentence: &str, place: &str) {
    assert!(sentence.len() < 700 && !sentence.chars().any(char::is_control), "{place}: {sentence:?}");
    check_words(sentence, place);
}

/// Looks at a run on these files before it begins, after 1, 2, 4, 8, … units and at its end; or what is said in its place.
fn watch(entry: &'static Entry, settings: &Settings, files: &Arc<Files>, place: &str) -> Result<(), String> {
    let library = Library::shipped(entry.card.data).with_files(files.clone());
    let said = |error: orrery::Error| {
        check_sentence(&error.to_string(), place);
        error.to_string()
    };
    let mut session = Session::new(entry, settings.clone(), 0, &library, &Device::cpu()).map_err(said)?;
    check_views(&mut session, &format!("{place}, at the start"));
    for parts in 1usize.. {
        let progress = pollster::block_on(session.advance(|_| true)).map_err(said)?;
        if progress.over || parts.is_power_of_two() && parts > 2 {
            check_views(&mut session, &format!("{place}, after {parts}"));
        }
        if progress.over {
            return Ok(());
        }
    }
    unreachable!()
}

fn array(name: &str, shape: &[usize], value: impl Fn(usize) -> f64) -> Array {
    Array {
        name: name.into(),
        shape: shape.into(),
        values: (0..shape.iter().product()).map(value).collect(),
        columns: Vec::new(),
    }
}

fn table(name: &str, columns: &[&str], rows: usize, value: impl Fn(usize, usize) -> f64) -> Array {
    let of = |i: usize| value(i / columns.len(), i % columns.len());
    Array { columns: columns.iter().map(|c| c.to_string()).collect(), ..array(name, &[rows, columns.len()], of) }
}

/// Numbers that look random and are always the same.
fn noise(i: usize) -> f64 {
    (i * 7919 % 1000) as f64 / 1000.0 - 0.5
}

/// Every form of data that an experiment takes, with the experiment.
fn forms() -> Vec<(&'static str, &'static str, Vec<Array>)> {
    let labels = |name: &str, n: usize, k: usize| array(name, &[n], move |i| (i % k) as f64);
    let plane = |name: &str, n: usize| table(name, &["x", "y"], n, |i, j| noise(2 * i + j + n));
    let layer = |name: &str, shape: &[usize]| array(name, shape, |i| noise(3 * i + 1));
    vec![
        (
            "neural-collapse",
            "a table",
            vec![table("t.csv", &["x", "y", "label"], 12, |i, j| if j < 2 { noise(2 * i + j) } else { (i % 3) as f64 })],
        ),
        ("neural-collapse", "features alone", vec![layer("a.npz/features", &[12, 4]), labels("a.npz/labels", 12, 3)]),
        (
            "neural-collapse",
            "features and classifier",
            vec![
                layer("a.npz/h", &[12, 4]),
                labels("a.npz/y", 12, 3),
                layer("a.npz/fc.weight", &[3, 4]),
                layer("a.npz/fc.bias", &[3]),
            ],
        ),
        (
            "neural-collapse",
            "a history",
            vec![
                layer("a.npz/h", &[5, 12, 4]),
                labels("a.npz/y", 12, 3),
                layer("a.npz/w", &[5, 3, 4]),
                layer("a.npz/b", &[5, 3]),
            ],
        ),
        ("neural-collapse", "all alike", vec![array("a.npz/h", &[12, 2], |_| 1.0), labels("a.npz/y", 12, 3)]),
        (
            "landscape",
            "a grid as a table",
            vec![table("g.csv", &["x", "y", "loss"], 30, |i, j| [(i % 6) as f64, (i / 6) as f64, noise(i)][j])],
        ),
        (
            "landscape",
            "a grid as arrays",
            vec![array("g.npz/x", &[6], |i| i as f64), array("g.npz/y", &[5], |i| i as f64), layer("g.npz/loss", &[5, 6])],
        ),
        (
            "landscape",
            "samples",
            vec![table("t.csv", &["a", "b", "label"], 40, |i, j| if j < 2 { noise(2 * i + j) } else { (i % 2) as f64 })],
        ),
        (
            "landscape",
            "weights and samples",
            vec![
                layer("s.npz/0.weight", &[3, 2]),
                layer("s.npz/0.bias", &[3]),
                layer("s.npz/2.weight", &[2, 3]),
                layer("s.npz/2.bias", &[2]),
                table("t.csv", &["a", "b", "label"], 40, |i, j| if j < 2 { noise(2 * i + j) } else { (i % 2) as f64 }),
            ],
        ),
        (
            "landscape",
            "weights as they were learned",
            vec![
                layer("s.npz/1/kernel", &[4, 2, 5]),
                layer("s.npz/2/kernel", &[4, 5, 3]),
                table("t.csv", &["a", "b", "label"], 40, |i, j| if j < 2 { noise(2 * i + j) } else { (i % 2) as f64 }),
            ],
        ),
        (
            "information-estimators",
            "a layer an array",
            vec![labels("a.npz/labels", 64, 2), layer("a.npz/layer1", &[3, 64, 2]), layer("a.npz/layer2", &[3, 64, 1])],
        ),
        ("information-estimators", "layers on an axis", vec![labels("a.npz/labels", 64, 2), layer("a.npz/t", &[3, 2, 64, 2])]),
        (
            "information-estimators",
            "an array an epoch and layer",
            vec![labels("a.npz/labels", 64, 2), layer("a.npz/0_0", &[64, 2]), layer("a.npz/10_0", &[64, 2])],
        ),
        (
            "information-estimators",
            "one that never moves",
            vec![labels("a.npz/labels", 64, 2), array("a.npz/t", &[2, 64, 2], |_| 1.0)],
        ),
        ("transport-plan", "two clouds", vec![plane("a.csv", 12), plane("b.csv", 9)]),
        ("transport-plan", "two clouds with weights", {
            let weighed =
                |name: &str, n: usize| table(name, &["x", "y", "weight"], n, move |i, j| noise(3 * i + j + n).abs() + 0.1);
            vec![weighed("a.csv", 12), weighed("b.csv", 9)]
        }),
        ("transport-plan", "a cloud and itself", vec![plane("a.csv", 12), plane("b.csv", 12)]),
        ("transport-plan", "clouds in space", vec![layer("a.npy", &[12, 3]), layer("b.npy", &[9, 3])]),
        (
            "transport-plan",
            "histograms",
            vec![array("a.npy", &[12], |i| (i % 5) as f64), array("b.npy", &[12], |i| (i % 4) as f64)],
        ),
        (
            "transport-plan",
            "ink",
            vec![array("a.npy", &[12, 14], |i| (i % 5) as f64), array("b.npy", &[12, 14], |i| (i % 4) as f64)],
        ),
        (
            "transport-plan",
            "colours",
            vec![array("a.npy", &[8, 8, 3], |i| (i * 37 % 256) as f64), array("b.npy", &[8, 9, 3], |i| (i * 91 % 256) as f64)],
        ),
        ("transport-plan", "costs", vec![array("c.npy", &[7, 7], |i| noise(i) + 1.0)]),
        (
            "transport-plan",
            "costs and masses",
            vec![
                array("c.npz/c", &[7, 6], |i| noise(i) + 1.0),
                array("c.npz/a", &[7], |i| 1.0 + i as f64),
                array("c.npz/b", &[6], |_| 1.0),
            ],
        ),
        (
            "transport-plan",
            "a graph",
            vec![
                table("e.csv", &["from", "to", "length"], 9, |i, j| [i as f64, (i + 1) as f64, 1.0][j]),
                array("a.npy", &[10], |i| (i < 3) as u8 as f64),
                array("b.npy", &[10], |i| (i > 6) as u8 as f64),
            ],
        ),
        (
            "transport-plan",
            "walls",
            vec![
                table("w.csv", &["x0", "y0", "x1", "y1"], 1, |_, j| [0.0, -0.3, 0.1, 0.3][j]),
                plane("a.csv", 12),
                plane("b.csv", 9),
            ],
        ),
        ("trajectory", "weights", vec![layer("a.npz/w", &[6, 3, 2]), layer("a.npz/b", &[6, 3])]),
        ("trajectory", "two runs", vec![layer("a.npy", &[6, 5]), array("b.npy", &[8, 5], noise)]),
        ("trajectory", "weights that do not move", vec![array("a.npy", &[6, 5], |_| 1.0)]),
        (
            "trajectory",
            "losses",
            vec![table("l.csv", &["epoch", "adam", "sgd"], 9, |i, j| [i as f64, 2.0 / (i + 1) as f64, 3.0 / (i + 1) as f64][j])],
        ),
        ("sinkhorn-newton-sparse", "two clouds", vec![plane("a.csv", 12), plane("b.csv", 9)]),
        ("sinkhorn-newton-sparse", "costs", vec![array("c.npy", &[7, 7], |i| noise(i) + 1.0)]),
    ]
}

#[test]
fn every_view_of_every_form() {
    let slugs: Vec<&str> = takers().map(|entry| entry.card.slug).collect();
    let forms = forms();
    assert!(slugs.iter().all(|slug| forms.iter().any(|form| form.0 == *slug)), "{slugs:?}");
    pool::each(&forms, pool::cores(), |(slug, name, arrays)| {
        let entry = catalogue::find(slug).unwrap();
        let files = Arc::new(Files::from(arrays.clone()));
        let place = format!("{slug}, {name}");
        watch(entry, &short(entry), &files, &place).unwrap_or_else(|sentence| panic!("{place}: {sentence}"));
    });
}

/// Gaps in what is used are a sentence with the place, or something to see.
#[test]
fn every_form_with_a_gap() {
    let forms = forms();
    pool::each(&forms, pool::cores(), |(slug, name, arrays)| {
        let entry = catalogue::find(slug).unwrap();
        for torn in 0..arrays.len() {
            let mut arrays = arrays.clone();
            let at = arrays[torn].values.len() / 2;
            arrays[torn].values[at] = f64::NAN;
            let (place, of) = (arrays[torn].place(at), arrays[torn].name.clone());
            let told = format!("{slug}, {name} with a gap in {of}");
            if let Err(sentence) = watch(entry, &short(entry), &Arc::new(arrays.into()), &told) {
                assert!(sentence.contains(&of) && sentence.contains(&place), "{told}: {sentence}");
            }
        }
    });
}

/// A change that leaves an array an array.
fn change(arrays: &mut Vec<Array>, random: &mut Random) {
    let (which, many) = (random.below(arrays.len()), arrays.len() > 1);
    if many && random.below(9) == 0 {
        arrays.remove(which);
        return;
    }
    let array = &mut arrays[which];
    let at = random.below(array.values.len());
    let odd = [f64::NAN, 0.0, -1.0, 1e300, 1e-300, 0.5, 7.0, 1e20, 255.0];
    match random.below(8) {
        0 | 1 => array.values[at] = odd[random.below(odd.len())],
        2 => array.values.fill(odd[random.below(odd.len())]),
        3 => array.values.iter_mut().for_each(|v| *v = v.round()),
        4 => array.values.iter_mut().for_each(|v| *v *= [1e-12, 1e12, -1.0, 1e160][random.below(4)]),
        // Another shape for as many numbers.
        5 => {
            array.shape.reverse();
            array.columns.clear();
        }
        6 => {
            let rows = 1 + random.below(array.shape[0]);
            array.values.truncate(array.values.len() / array.shape[0] * rows);
            array.shape[0] = rows;
        }
        _ => {
            let names = ["labels", "features", "weight", "bias", "y", "x", "loss", "0_1"];
            array.name = format!("{}/{}", array.file(), names[random.below(names.len())]);
        }
    }
}

#[test]
fn random_files_are_seen_or_refused() {
    let rounds = std::env::var("ORRERY_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(120);
    let (forms, takers) = (forms(), takers().collect::<Vec<_>>());
    let rounds: Vec<usize> = (0..rounds).collect();
    pool::each(&rounds, pool::cores(), |round| {
        let mut random = Random::new(*round as u64, "random files");
        let (slug, name, arrays) = &forms[random.below(forms.len())];
        // One in four is given to an experiment that it was not made for.
        let entry = if round % 4 == 0 { takers[random.below(takers.len())] } else { catalogue::find(slug).unwrap() };
        let mut arrays = arrays.clone();
        (0..1 + random.below(3)).for_each(|_| change(&mut arrays, &mut random));
        let place = format!("round {round}: {} with {slug}'s {name}", entry.card.slug);
        let shapes: Vec<String> = arrays.iter().map(|a| format!("{} {:?}", a.name, a.shape)).collect();
        let seen = catch_unwind(AssertUnwindSafe(|| watch(entry, &short(entry), &Arc::new(arrays.into()), &place)));
        assert!(seen.is_ok(), "{place}: {}", shapes.join(", "));
    });
}

/// All files that programs in Python wrote, alone and in pairs, given to every experiment.
#[test]
fn every_fixture_is_seen_or_refused() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/files");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let readable = paths.iter().filter_map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        open(name, &std::fs::read(path).unwrap()).ok()
    });
    let files: Vec<_> = readable.filter(|file| file.arrays.iter().all(|a| a.values.len() < 10_000)).collect();
    assert!(files.len() > 60);
    let takers: Vec<_> = takers().collect();
    let jobs: Vec<(usize, usize)> = (0..files.len()).flat_map(|file| (0..takers.len()).map(move |taker| (file, taker))).collect();
    pool::each(&jobs, pool::cores(), |(file, taker)| {
        let entry = takers[*taker];
        let mut together = Files::default();
        together.add(files[*file].clone());
        let alone = Arc::new(together.clone());
        together.add(files[(file + 1) % files.len()].clone());
        for files in [alone, Arc::new(together)] {
            let place = format!("{} with {}", entry.card.slug, files.arrays()[0].name);
            let seen = catch_unwind(AssertUnwindSafe(|| watch(entry, &short(entry), &files, &place)));
            assert!(seen.is_ok(), "{place}");
        }
    });
}
