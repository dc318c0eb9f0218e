use super::*;
use gpu::testing::gpu;
use libm::log2;
use methods::network::dense::Classification;
use run::kernels::small_networks::Kernel;
use run::stage::Course;
use run::testing::{begun, finished, watched, with_files};

fn array(name: &str, shape: &[usize], values: Vec<f64>) -> Array {
    Array { name: name.into(), shape: shape.into(), values, columns: Vec::new() }
}

#[test]
fn no_estimate_by_bins_exceeds_what_there_is() {
    let run = finished::<InformationPlane>(&Controls { epochs: 60, ..Controls::default() }, 0);
    let (h, information) = run.limits();
    assert!(h <= 1.0 && (information - 0.99).abs() < 1e-9);
    for Reading { by: [(x, y), _], .. } in &run.subjects[0].measured {
        assert!(*y <= information + 1e-12 && y <= &(x + 1e-12) && *x <= 12.0 + 1e-12);
    }
    // Nor more than its bins can tell apart: five bins and one to three units.
    let narrow = Controls { epochs: 20, layers: "1-2-3".into(), bins: 5, ..Controls::default() };
    for estimator in [Estimator::Width, Estimator::Mass] {
        let run = finished::<InformationPlane>(&Controls { estimator, ..narrow.clone() }, 0);
        for l in 0..3 {
            assert!(run.subjects[0].layer(l).all(|reading| reading.by[0].0 <= (l + 1) as f64 * log2(5.0) + 1e-12));
        }
    }
    assert_eq!(run.bound.len(), run.betas().len());
    assert!(run.bound.iter().all(|(x, y)| y <= x && *y <= information + 1e-9));
}

/// Activities that are all different, then the labels; every view is looked at on the way.
#[test]
fn own_activities_are_measured_exactly() {
    let labels: Vec<f64> = (0..64).map(|i| f64::from(i % 4)).collect();
    let same: Vec<f64> = (0..64).map(f64::from).collect();
    let both = [same.clone(), labels.clone()].concat();
    let by_layer = [array("a.npz/first", &[2, 64, 1], both.clone())];
    let with_layers = [array("a.npz/all", &[2, 1, 64, 1], both)];
    let singly = [array("a.npz/10_1", &[64, 1], labels.clone()), array("a.npz/2_1", &[64, 1], same)];
    for form in [&by_layer[..], &with_layers, &singly] {
        let files = [&[array("a.npz/labels", &[64], labels.clone())], form].concat();
        for shown in [1, 8] {
            let controls = Controls { bins: 64, neighbours: 3, shown, ..Controls::default() };
            let run = InformationPlane::new(&controls, 0, &Library::default().with_own(files.clone())).unwrap();
            let run = watched(run);
            let [first, second] = [0, 1].map(|e| run.subjects[0].measured[e].by[0]);
            assert!((first.0 - 6.0).abs() < 1e-12 && (first.1 - 2.0).abs() < 1e-12);
            assert!((second.0 - 2.0).abs() < 1e-12 && (second.1 - 2.0).abs() < 1e-12);
            assert!(InformationPlane::verdict(&controls, &Runs(vec![run.measures()])).outside);
        }
    }
}

/// Sixteen states that fall onto four, and labels of two.
#[test]
fn two_epochs_of_the_readers_are_two_readings() {
    let numbers = |of: fn(u32) -> f64| (0..64).map(of).collect::<Vec<f64>>();
    let files = [
        array("a.npz/labels", &[64], numbers(|i| f64::from(i / 4 % 2))),
        array("a.npz/layer1", &[2, 64, 1], [numbers(|i| f64::from(i / 4) / 100.0), numbers(|i| f64::from(i / 4))].concat()),
    ];
    let controls = Controls { bins: 16, shown: 1, ..Controls::default() };
    let run = watched(InformationPlane::new(&controls, 0, &Library::default().with_own(files.to_vec())).unwrap());
    let (x, y) = run.subjects[0].measured[1].by[0];
    assert!((x - 4.0).abs() < 1e-12 && (y - 1.0).abs() < 1e-12, "{x} {y}");
    assert_eq!(
        run.understood(),
        ["a.npz/labels: labels of 64 samples, 2 different ones", "a.npz/layer1: layer 1, 2 epochs of 64 samples × 1 units",]
    );
}

const ALL: [Estimator; 7] = [
    Estimator::Width,
    Estimator::Mass,
    Estimator::Upper,
    Estimator::Lower,
    Estimator::Neighbours,
    Estimator::Gaussian,
    Estimator::Renyi,
];

/// One layer of one unit that holds `of` each of 64 samples, whose labels are 0, 1, 0, 1 …
fn one_unit(of: impl Fn(f64) -> f64) -> Vec<Array> {
    let label = |i: i32| f64::from(i % 2);
    let values = (0..64).map(|i| of(label(i))).collect();
    vec![array("a.npz/labels", &[64], (0..64).map(label).collect()), array("a.npz/layer1", &[1, 64, 1], values)]
}

/// Every estimator shows the reader's activities in every view, before, during and after.
#[test]
fn every_estimator_is_seen() {
    for (estimator, beside) in ALL.into_iter().zip(ALL.into_iter().cycle().skip(3)) {
        let controls = Controls { estimator, beside, unit: Unit::Nats, ..Controls::default() };
        for files in [one_unit(|_| 0.25), one_unit(|y| y)] {
            let run = watched(InformationPlane::new(&controls, 0, &Library::default().with_own(files)).unwrap());
            assert!(run.subjects[0].measured[0].by.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
        }
    }
}

/// A difference is one wherever it is: it is taken before numbers are rounded to single precision.
#[test]
fn activities_far_from_zero_tell_as_much() {
    for (offset, size) in [(0.0, 1.0), (1e6, 0.01), (1e3, 1e-5), (1e5, 0.001), (1e8, 1.0), (-1e8, 1.0), (0.0, 1e-12)] {
        for estimator in [Estimator::Width, Estimator::Mass, Estimator::Upper, Estimator::Lower] {
            let controls = Controls { estimator, ..Controls::default() };
            let run = with_files::<InformationPlane>(&controls, &one_unit(|y| offset + size * y));
            let (x, y) = run.subjects[0].measured[0].by[0];
            assert!((x - 1.0).abs() < 1e-6 && (y - 1.0).abs() < 1e-6, "{offset} + {size} y, {estimator:?}: {x} and {y}");
        }
        // The picture has the numbers of the file.
        let run = with_files::<InformationPlane>(&Controls::default(), &one_unit(|y| offset + size * y));
        let [Mark::Histogram { edges, .. }] = &run.histogram().marks[..] else { panic!("a histogram") };
        assert!((edges[0] - offset).abs() < 1e-6 * size && (edges[30] - offset - size).abs() <= 2e-5 * size, "{edges:?}");
    }
}

#[test]
fn a_layer_that_never_moves_tells_nothing() {
    for estimator in ALL {
        let controls = Controls { estimator, beside: estimator, neighbours: 1, ..Controls::default() };
        let run = with_files::<InformationPlane>(&controls, &one_unit(|_| 0.3));
        let reading = run.subjects[0].measured[0];
        assert_eq!((reading.by, reading.same), ([(0.0, 0.0); 2], [0.0; 2]), "{estimator:?}");
        assert_eq!((run.violations(), reading.kernels.to_bits()), ([0.0; 3], 0), "{estimator:?}");
    }
}

/// A Gaussian with the variance of two places tells more than there is, of the input and of the label: both are counted, and seen.
#[test]
fn what_cannot_be_is_counted_on_both_axes() {
    let normal = |seed| {
        let mut random = Random::new(seed, "normal");
        (0..80).map(|i| random.normal() + 40.0 * f64::from(i / 2 % 2)).collect::<Vec<f64>>()
    };
    let labels = (0..40).map(|i| f64::from(i % 2)).collect();
    let files = [
        array("a.npz/labels", &[40], labels),
        array("a.npz/layer1", &[1, 40, 2], normal(1)),
        array("a.npz/b", &[1, 40, 2], normal(2)),
    ];
    let controls = Controls { estimator: Estimator::Gaussian, bins: 100, ..Controls::default() };
    let run = with_files::<InformationPlane>(&controls, &files);
    let by = |l: usize| run.subjects[0].measured[l].by[0];
    let [input, label, beyond] = run.violations();
    let (inputs, largest) = (log2(40.0), by(0).0.max(by(1).0));
    assert!(largest > inputs && (beyond - (largest - inputs)).abs() < 1e-12, "{largest}");
    assert!((input - (by(1).0 - by(0).0).max(0.0)).abs() < 1e-12);
    assert!(by(0).1.max(by(1).1) > 1.0 && (label - (by(0).1.max(by(1).1) - 1.0)).abs() < 1e-12, "{label}");
    let plane = run.plane();
    assert!(plane.x.range.unwrap().1 > largest && plane.y.range.unwrap().1 > 1.0 + label);
    assert!(plane.marks.iter().any(|mark| matches!(mark, Mark::Rule { label, .. } if label == "H(X)")));
    // By bins there is nothing that cannot be.
    let bins = with_files::<InformationPlane>(&Controls { bins: 100, ..Controls::default() }, &files);
    assert_eq!(bins.violations()[1..], [0.0, 0.0]);
}

/// A reading names its estimator and how many samples that takes.
#[test]
fn readings_say_how_many_samples() {
    let run = begun::<InformationPlane>(&Controls { estimator: Estimator::Neighbours, samples: 4096, ..Controls::default() }, 0);
    assert_eq!(
        [run.seen_by(Estimator::Neighbours), run.seen_by(Estimator::Renyi), run.seen_by(Estimator::Mass)],
        [600, 100, 4096]
    );
    let run = with_files::<InformationPlane>(&Controls::default(), &one_unit(|y| y));
    let names: Vec<Cell> = run.readings().rows.into_iter().map(|mut row| row.remove(0)).collect();
    for name in ["solid: bins of equal width, n = 64", "dashed: kernels, upper bound, n = 64"] {
        let name = Cell::Text(format!("I(X;T) at the end, shown layer, {name}"));
        assert!(names.contains(&name), "{names:?}");
    }
}

/// What nobody asked for is left out and named; what could be either is asked about.
#[test]
fn what_is_left_out_is_named() {
    let zeros = |name: &str, shape: &[usize]| array(name, shape, vec![0.0; shape.iter().product()]);
    let files = [
        zeros("a.npz/epochs", &[2]),
        zeros("a.npz/y", &[9]),
        zeros("a.npz/10_1", &[9, 3]),
        zeros("a.npz/2_1", &[9, 3]),
        zeros("a.npz/w", &[3, 9]),
    ];
    let own = own::Own::read(&files).unwrap();
    assert_eq!((own.epochs, own.layers[0].array.shape.clone()), (vec![2, 10], vec![2, 9, 3]));
    assert_eq!(
        own.understood,
        [
            "a.npz/y: labels of 9 samples, 1 different ones",
            "a.npz/2_1, a.npz/10_1: layer 1, 2 epochs of 9 samples × 3 units",
            "The names have the epochs 2, 10",
            "Left out, as neither labels nor activities: a.npz/epochs, a.npz/w",
        ]
    );
    let told = |arrays: &[Array]| own::Own::read(arrays).unwrap_err().to_string();
    let two = [zeros("a.npz/u", &[9]), zeros("a.npz/v", &[9]), zeros("a.npz/t", &[2, 9, 1])];
    assert!(told(&two).starts_with("a.npz/u and a.npz/v: either may be the labels; name one so"));
    let apart = [zeros("a.npz/y", &[9]), zeros("a.npz/2_1", &[9, 3]), zeros("a.npz/3_2", &[9, 3])];
    assert!(told(&apart).starts_with("a.npz/3_2: its layer has the epochs 3 where another has 2"));
    let none = [zeros("a.npz/y", &[9]), array("a.npz/t", &[1, 9, 1], vec![f64::NAN; 9])];
    assert!(told(&none).starts_with("a.npz/t: ") && told(&none).contains("is empty or not finite"));
}

/// Several networks: the first is the one that is trained alone, and the plane shows their mean.
#[test]
fn networks_are_trained_side_by_side() {
    let alone = Controls { epochs: 30, ..Controls::default() };
    let one = finished::<InformationPlane>(&alone, 0);
    let three = watched(begun::<InformationPlane>(&Controls { networks: 3, ..alone }, 0));
    assert!(one.subjects[0].measured == three.subjects[0].measured && one.subjects[0].scores == three.subjects[0].scores);
    assert_ne!(three.subjects[0].measured, three.subjects[1].measured);
    let end = |s: &Subject| s.layer(2).last().unwrap().by[0].0;
    let mean = three.subjects.iter().map(end).sum::<f64>() / 3.0;
    let told = three.mean_of(2, |reading| reading.by[0].0);
    assert!((told.last().unwrap() - mean).abs() < 1e-12);
}

/// Whenever the ruler is changed, the end is that of a run that was started with it.
#[test]
fn a_run_that_was_revised_ends_as_a_fresh_one() {
    let before = Controls { epochs: 30, ..Controls::default() };
    let after = Controls { estimator: Estimator::Gaussian, bins: 10, beta: 20.0, shown: 1, ..before.clone() };
    let fresh = finished::<InformationPlane>(&after, 0);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // In the middle of training, of ranges, of a snapshot's layers, of the bound, and at the end.
    for units in [100, 460, 520, 700, usize::MAX] {
        let mut course = run::experiment::play(begun::<InformationPlane>(&before, 0), &Device::cpu());
        let mut polled = 0;
        while polled < units && !course.progress().over {
            assert!(course.poll(&mut context).is_ready());
            polled += 1;
        }
        assert!(course.revise(|run| run.revise(&after)));
        while !course.progress().over {
            assert!(course.poll(&mut context).is_ready());
        }
        let revised = course.leave().unwrap();
        assert!(revised.subjects[0].measured == fresh.subjects[0].measured && revised.bound == fresh.bound);
        assert!(revised.subjects[0].phases == fresh.subjects[0].phases && revised.seen == fresh.seen, "{units}");
    }
}

/// On the GPU the same networks are trained and the same pairs summed, up to rounding.
#[test]
fn a_gpu_shows_the_same_plane() {
    let Some(device) = gpu() else { return };
    let controls = Controls { epochs: 3, networks: 2, layers: "10-7-5".into(), ..Controls::default() };
    let on_cpu = finished::<InformationPlane>(&controls, 0);
    let begin = Box::new(begun::<InformationPlane>(&controls, 0));
    let mut course = Course::new(begin, &device, |run, stage| {
        Box::pin(async move {
            let tasks: Vec<&Classification> = run.subjects.iter().filter_map(Subject::task).collect();
            let kernel = Kernel::new(stage.device().gpu().expect("not lost"), &run.trainings, &tasks).expect("small enough");
            run.train_on(&kernel, &stage).await.run(stage).await
        })
    });
    while !course.progress().over {
        pollster::block_on(std::future::poll_fn(|context| course.poll(context))).unwrap();
    }
    for (ours, twin) in course.leave().unwrap().subjects.iter().zip(&on_cpu.subjects) {
        for (ours, twin) in ours.scores.iter().flatten().zip(twin.scores.iter().flatten()) {
            assert!((ours - twin).abs() < 2e-3, "{ours} and {twin}");
        }
        for (ours, twin) in ours.phases.iter().flatten().flatten().zip(twin.phases.iter().flatten().flatten()) {
            assert!((ours - twin).abs() < 1e-3 * twin, "{ours} and {twin}");
        }
        for (ours, twin) in ours.measured.iter().zip(&twin.measured) {
            assert!((ours.kernels - twin.kernels).abs() < 1e-3, "{ours:?} and {twin:?}");
        }
    }
}

#[test]
fn what_cannot_be_measured_is_said() {
    let zeros = |name: &str, shape: &[usize]| array(name, shape, vec![0.0; shape.iter().product()]);
    let told = |arrays: &[Array]| own::Own::read(arrays).unwrap_err().to_string();
    assert!(told(&[zeros("a.npz/first", &[2, 9, 1])]).starts_with("a.npz/first: no array named labels"));
    let wrong = told(&[zeros("a.npz/labels", &[9]), zeros("a.npz/first", &[2, 8, 1])]);
    assert!(wrong.starts_with("a.npz/first: its shape [2, 8, 1] does not fit 9 labels"), "{wrong}");
    assert!(problem::widths("10-x").unwrap_err().to_string().starts_with("control layers: '10-x'"));
    assert_eq!(problem::widths("10-7-5").unwrap(), [10, 7, 5]);
}
