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
    let run = with_files::<InformationPlane>(&Controls { bins: 16, shown: 1, ..Controls::default() }, &files);
    let (x, y) = run.subjects[0].measured[1].by[0];
    assert!((x - 4.0).abs() < 1e-12 && (y - 1.0).abs() < 1e-12, "{x} {y}");
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
    let told = |arrays: &[Array]| own::read(arrays).unwrap_err().to_string();
    assert!(told(&[zeros("a.npz/first", &[2, 9, 1])]).starts_with("a.npz/first: no array named labels"));
    let wrong = told(&[zeros("a.npz/labels", &[9]), zeros("a.npz/first", &[2, 8, 1])]);
    assert!(wrong.starts_with("a.npz/first: its shape [2, 8, 1] does not fit 9 labels"), "{wrong}");
    assert!(problem::widths("10-x").unwrap_err().to_string().starts_with("control layers: '10-x'"));
    assert_eq!(problem::widths("10-7-5").unwrap(), [10, 7, 5]);
}
