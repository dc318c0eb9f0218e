//! Files of the reader's: what they are taken for, and what they come to.

use super::*;
use run::testing::played;

fn judged(controls: &Controls, arrays: Vec<Array>) -> Box<TransportPlan> {
    played(begun(controls, &with(arrays)), |progress| progress.judged)
}

fn understood(controls: &Controls, arrays: Vec<Array>) -> (f64, String) {
    let run = judged(controls, arrays);
    (run.measures().get("exact"), run.understood().join("\n"))
}

fn refusal(controls: &Controls, arrays: Vec<Array>) -> String {
    let Err(error) = TransportPlan::new(controls, 0, &with(arrays)) else { panic!("taken") };
    error.to_string()
}

fn verdict(controls: &Controls, run: &TransportPlan) -> String {
    TransportPlan::verdict(controls, &Runs(vec![run.measures()])).text
}

/// Against scipy and POT, see `make_forbidden.py`: whatever a forbidden pair costs.
#[test]
fn forbidden_pairs_may_cost_anything() {
    let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/forbidden.npz")).unwrap();
    let arrays = run::data::read("forbidden.npz", &file).unwrap();
    let get = |name: String| arrays.iter().find(|a| a.name == format!("forbidden.npz/{name}"));
    let mut cases = 0;
    while let Some(given) = get(format!("cost_{cases}")) {
        let [r, c, exact] = ["r", "c", "exact"].map(|name| get(format!("{name}_{cases}")).unwrap().clone());
        for price in [1e16, 1e18, 1e20, 1e30, 1e300, f64::MAX, f64::INFINITY] {
            let mut cost = given.clone();
            cost.values.iter_mut().filter(|c| **c < 0.0).for_each(|c| *c = price);
            let controls = Controls { beside: Solver::Sinkhorn, epsilon: 0.1, ..Controls::default() };
            let run = judged(&controls, vec![cost, r.clone(), c.clone()]);
            let measures = run.measures();
            let off = measures.get("exact") / exact.values[0] - 1.0;
            assert!(off.abs() < 1e-12, "case {cases}, {price:e}: {off:e}");
            assert!((0.0..1e-9).contains(&measures.get("exact_gap")), "case {cases}, {price:e}: {measures:?}");
            let text = verdict(&controls, &run);
            assert!(!text.contains("miss") && !text.contains("NaN"), "case {cases}, {price:e}: {text}");
        }
        cases += 1;
    }
    assert_eq!(cases, 8);
    let none = array("c.npy", &[2, 2], &[f64::INFINITY, 1.0, f64::INFINITY, 2.0]);
    let run = judged(&Controls::default(), vec![none]);
    assert_eq!(pair(&run).courses[0].trouble, Some("every plan needs a forbidden pair"));
}

#[test]
fn of_nothing_there_is_no_share() {
    let mut random = Random::new(24, "itself");
    let places: Vec<f64> = (0..150).map(|_| random.normal()).collect();
    let shuffled: Vec<f64> = random.permutation(50).iter().flat_map(|i| places[3 * i..3 * i + 3].to_vec()).collect();
    for beside in [Solver::Sinkhorn, Solver::Annealed, Solver::Sliced, Solver::Quadratic] {
        let controls = Controls { beside, epsilon: 0.01, ..Controls::default() };
        let run = judged(&controls, vec![array("a.npy", &[50, 3], &places), array("b.npy", &[50, 3], &shuffled)]);
        let measures = run.measures();
        assert_eq!((measures.get("exact"), measures.get("exact_gap")), (0.0, 0.0));
        let text = verdict(&controls, &run);
        assert!(text.contains("of which nothing is a share") && !text.contains("miss") && !text.contains('%'), "{text}");
    }
}

#[test]
fn clouds_have_any_number_of_coordinates() {
    let a = || array("a.npy", &[2, 5], &[1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    let b = || array("b.npy", &[2, 5], &[1.0, 2.0, 3.0, 4.0, 6.0, 5.0, 4.0, 3.0, 2.0, 2.0]);
    let (exact, told) = understood(&Controls::default(), vec![a(), b()]);
    assert_eq!(exact, 1.0);
    assert!(
        told.starts_with("a.npy is the source: a cloud of 2 points in 5 dimensions, of equal mass\nb.npy is the target"),
        "{told}"
    );
    assert!(told.ends_with("pictures show the first two principal coordinates; costs are of all"), "{told}");
    // Named columns too, and a weight among them.
    let named =
        |name: &str, at: f64| table(name, &["f0", "f1", "weight", "f2", "f3"], &[at, 0.0, 2.0, 0.0, 0.0, at, 9.0, 1.0, 0.0, 0.0]);
    let (exact, told) = understood(&Controls::default(), vec![named("a.csv", 0.0), named("b.csv", 3.0)]);
    assert!((exact - 9.0).abs() < 1e-12 && told.contains("4 dimensions, with masses from its column weight"), "{exact}, {told}");
    // A plane in which two clouds lie is found again, whatever space it lies in.
    let flat = |name: &str, shift: f64| {
        let values = (0..20).flat_map(|k| [f64::from(k) * 3.0 + shift, 1.0, f64::from(k % 4), 0.0, -2.0]).collect::<Vec<f64>>();
        array(name, &[20, 5], &values)
    };
    let run = judged(&Controls::default(), vec![flat("a.npy", 0.0), flat("b.npy", 1.0)]);
    let task = &pair(&run).task;
    let apart = |p: (f64, f64), q: (f64, f64)| (p.0 - q.0) * (p.0 - q.0) + (p.1 - q.1) * (p.1 - q.1);
    let (from, to) = (task.sides[0].place(3), task.sides[1].place(14));
    let true_square: f64 = from.iter().zip(to).map(|(x, y)| (x - y) * (x - y)).sum();
    assert!((apart(task.seen(from), task.seen(to)) - true_square).abs() < 1e-9 * true_square);
    let controls = Controls { beside: Solver::Light, ..Controls::default() };
    let error = refusal(&controls, vec![a(), b()]);
    assert_eq!(error, "control beside: the light bridge takes places of one to three coordinates; these have 5");
}

#[test]
fn one_column_is_samples_or_heights_and_that_is_told() {
    let (before, after) = ([6.125, 5.8125, 6.40625, 5.96875, 6.21875], [7.25, 6.5, 7.0, 6.75, 6.25]);
    let distance = || Controls { cost: Price::Distance, ..Controls::default() };
    let plain = || vec![array("a.npy", &[5], &before), array("b.npy", &[5], &after)];
    let (exact, told) = understood(&distance(), plain());
    assert!((exact - 0.01262).abs() < 1e-5, "{exact}");
    assert!(
        told.starts_with("a.npy is the source: heights, of 5 bins of equal width on [0, 1], as no name says otherwise"),
        "{told}"
    );
    assert!(told.ends_with("the control files can take them for samples instead"), "{told}");
    let (exact, told) = understood(&Controls { files: Files::Samples, ..distance() }, plain());
    assert!(
        (exact - 0.64375).abs() < 1e-12 && told.contains("samples, 5 points on a line of equal mass, as chosen"),
        "{exact}, {told}"
    );
    let column = |name: &str, title: &str, values: &[f64]| table(name, &[title], values);
    let (exact, told) = understood(&distance(), vec![column("a.csv", "age", &before), column("b.csv", "age", &after)]);
    assert!((exact - 0.64375).abs() < 1e-12 && told.contains("by the column's name"), "{exact}, {told}");
    let (exact, _) = understood(&distance(), vec![column("a.csv", "mass", &before), column("b.csv", "mass", &after)]);
    assert!((exact - 0.01262).abs() < 1e-5, "{exact}");
    let mut negative = plain();
    negative[0].values[0] = -6.125;
    let (exact, told) = understood(&distance(), negative.clone());
    assert!((exact - 3.09375).abs() < 1e-12 && told.contains("as some are negative"), "{exact}, {told}");
    let heights = Controls { files: Files::Heights, ..distance() };
    assert_eq!(refusal(&heights, negative), "a.npy: mass -6.125 at place 1: masses must not be negative");
    // Five and four: no histograms on the same bins.
    let uneven = || vec![array("a.npy", &[5], &before), array("b.npy", &[4], &after[..4])];
    assert!(understood(&distance(), uneven()).1.contains("as there are not as many on both sides"));
    let told = understood(&heights, uneven()).1;
    assert!(told.contains("4 bins of equal width on [0, 1]") && told.contains("a.npy and b.npy are not of one width"), "{told}");
}

#[test]
fn a_table_is_ink_where_that_is_asked_for_or_nothing_else_fits() {
    let table =
        |name: &str, width: usize| array(name, &[6, width], &(0..6 * width).map(|k| (k % 7) as f64).collect::<Vec<f64>>());
    let told = |problem, widths: [usize; 2]| {
        let controls = Controls { problem, epsilon: 0.05, ..Controls::default() };
        understood(&controls, vec![table("a.npy", widths[0]), table("b.npy", widths[1])]).1
    };
    assert!(told(Problem::Clouds, [8, 8]).contains("a.npy is the source: a cloud of 6 points in 8 dimensions"));
    assert!(told(Problem::Pictures, [8, 8]).contains("a.npy is the source: the ink of 6 × 8 pixels"));
    assert!(told(Problem::Clouds, [8, 9]).contains("b.npy is the target: the ink of 6 × 9 pixels"));
}

#[test]
fn names_say_which_is_which_and_what_is_not_used() {
    let point = |name: &str, x: f64| array(name, &[1, 2], &[x, 0.0]);
    let own = vec![array("t.npz/labels", &[3], &[0.0; 3]), point("t.npz/target", 3.0), point("t.npz/source", 1.0)];
    let run = judged(&Controls::default(), own);
    assert_eq!((run.measures().get("exact"), pair(&run).task.sides[0].place(0)[0]), (4.0, 1.0));
    assert!(run.understood().contains(&"t.npz/labels is not used: the arrays called source and target are".to_string()));
    // Masses called so keep their costs.
    let (rows, columns) = (array("t.npz/source", &[2], &[1.0, 3.0]), array("t.npz/target", &[2], &[3.0, 1.0]));
    let (exact, told) = understood(&Controls::default(), vec![array("t.npz/C", &[2, 2], &[0.0, 1.0, 2.0, 0.0]), rows, columns]);
    assert!(exact == 1.0 && told.contains("t.npz/source has the masses of the rows"), "{exact}, {told}");
}

#[test]
fn gaps_are_named_with_their_place() {
    let mut gap = table("a.csv", &["x", "y"], &[0.0, 1.0, 2.0, f64::NAN]);
    let other = || array("b.csv", &[2, 2], &[0.0; 4]);
    assert_eq!(
        complaint(vec![gap.clone(), other()]),
        "a.csv: row 2, column 2 ('y') is empty or not finite; every number must be finite here"
    );
    gap.values[3] = f64::INFINITY;
    assert_eq!(
        complaint(vec![gap.clone(), other()]),
        "a.csv: row 2, column 2 ('y') is empty or not finite; every number must be finite here"
    );
    gap.values[0] = f64::NAN;
    assert_eq!(
        complaint(vec![gap]),
        "a.csv: row 1, column 1 ('x') is empty or not finite; every number must be finite here; a large one, as 1e30, forbids its pair"
    );
    let heights = array("h.npy", &[3], &[1.0, f64::NAN, 2.0]);
    assert_eq!(complaint(vec![heights, other()]), "h.npy: number 2 is empty or not finite; every number must be finite here");
}

#[test]
fn no_two_readings_have_one_name() {
    for problem in [Problem::Clouds, Problem::Barycenter] {
        let controls = Controls {
            problem,
            solver: Solver::Sliced,
            beside: Solver::Sliced,
            size: 20,
            target: Shape::Ring,
            ..Controls::default()
        };
        let run = over(&Controls { epsilon: 0.05, ..controls }, &Library::default());
        let Table { rows, .. } = run.readings();
        let mut names: Vec<String> = rows.iter().map(|row| format!("{:?}", row[0])).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), rows.len(), "{names:?}");
    }
}
