//! Instances of optimal transport from handwritten digits and from files of the user's.

use super::{Array, Dataset, Library};
use ground::error::{Error, Result};
use ground::random::Random;
use methods::transport::{Instance, scaled, simplex, squared_distances};

/// Fewest and most places on a side that a user's file may have.
pub const OWN_SIZES: std::ops::RangeInclusive<usize> = 2..=400;

/// A handwritten 0 and a handwritten 1 as masses on a 16 × 16 grid, at squared distance. The seed picks the two.
pub fn digits(library: &Library, seed: u64) -> Result<Instance> {
    const SIDE: usize = 16;
    let pictures = library.pictures(Dataset::Digits)?;
    let mut random = Random::new(seed, "digits");
    let mut masses = |digit: u8| {
        let all: Vec<usize> = (0..pictures.len()).filter(|i| pictures.labels[*i] == digit).collect();
        let picture = enlarge(pictures.image(all[random.below(all.len())]), pictures.width, SIDE);
        // A little everywhere: Sinkhorn needs positive masses.
        let floor = 1e-3 * picture.iter().fold(0.0, |a: f64, b| a.max(*b));
        simplex(picture.into_iter().map(|p| p + floor).collect())
    };
    let (source, target) = (masses(0), masses(1));
    let pixels: Vec<f64> = (0..SIDE * SIDE).flat_map(|p| [(p % SIDE) as f64, (p / SIDE) as f64]).collect();
    Ok(Instance { cost: scaled(squared_distances(&pixels, &pixels, 2)), source, target })
}

/// The user's own: two arrays are point clouds, a single one is a cost matrix.
///
/// Two clouds have the same number of coordinate columns, one point a row, and are taken at squared distance; a csv column
/// named `weight` holds the points' masses, which are equal without it. A cost matrix is square or has at least 5 rows and
/// 5 columns, and has equal masses. If costs are negative, all are raised until the least is 0, which changes no plan; then
/// they are divided by the largest.
pub fn own(arrays: &[Array]) -> Result<Instance> {
    for array in arrays {
        array.check_finite()?;
        // Squares and differences of them must fit a double.
        if let Some(i) = array.values.iter().position(|v| v.abs() > 1e100) {
            let (name, place, value) = (&array.name, array.place(i), array.values[i]);
            return Err(Error::new(format!("{name}: {place} is {value:e}; values within ±1e100 would be right")));
        }
    }
    match arrays {
        [matrix] => cost_matrix(matrix),
        [source, target] => {
            let ((from, source), (to, target)) = (cloud(source)?, cloud(target)?);
            let dimensions = |points: &[f64], mass: &[f64]| points.len() / mass.len();
            let (d, e) = (dimensions(&from, &source), dimensions(&to, &target));
            if d != e {
                let [a, b] = [&arrays[0].name, &arrays[1].name];
                return Err(Error::new(format!(
                    "{a} has {d} coordinate columns but {b} has {e}: two point clouds need the same number"
                )));
            }
            Ok(Instance { cost: scaled(squared_distances(&from, &to, d)), source, target })
        }
        _ => {
            let names: Vec<_> = arrays.iter().take(4).map(|a| a.name.as_str()).collect();
            let (more, n) = (if arrays.len() > 4 { ", …" } else { "" }, arrays.len());
            Err(Error::new(format!(
                "{n} arrays were given ({}{more}): one cost matrix or two point clouds would be right",
                names.join(", ")
            )))
        }
    }
}

fn cost_matrix(array: &Array) -> Result<Instance> {
    let name = &array.name;
    let &[rows, columns] = &array.shape[..] else {
        return Err(Error::new(format!("{name}: a cost matrix has two dimensions, this array has {}", array.shape.len())));
    };
    if rows != columns && rows.min(columns) < 5 {
        return Err(Error::new(format!(
            "{name}: {rows} x {columns} is no cost matrix (square, or at least 5 x 5); for point clouds drop two files at once, or an npz with two arrays"
        )));
    }
    size(name, "rows", rows)?;
    size(name, "columns", columns)?;
    let mass = |n: usize| vec![1.0 / n as f64; n];
    let lift = array.values.iter().fold(0.0, |a: f64, b| a.min(*b));
    let cost = scaled(array.values.iter().map(|c| c - lift).collect());
    Ok(Instance { cost, source: mass(rows), target: mass(columns) })
}

/// The points of `array`, point by point, and their masses.
fn cloud(array: &Array) -> Result<(Vec<f64>, Vec<f64>)> {
    let name = &array.name;
    let (rows, columns) = match &array.shape[..] {
        &[rows] => (rows, 1),
        &[rows, columns] => (rows, columns),
        shape => {
            return Err(Error::new(format!(
                "{name}: a point cloud has one point a row, this array has {} dimensions",
                shape.len()
            )));
        }
    };
    size(name, "points", rows)?;
    let weight = array.columns.iter().position(|column| column.trim().eq_ignore_ascii_case("weight"));
    if columns == usize::from(weight.is_some()) {
        return Err(Error::new(format!("{name}: no coordinate columns; a point cloud has one a dimension")));
    }
    let points = array.values.chunks_exact(columns);
    let Some(weight) = weight else {
        return Ok((array.values.clone(), vec![1.0 / rows as f64; rows]));
    };
    let masses: Vec<f64> = points.clone().map(|point| point[weight]).collect();
    if let Some(row) = masses.iter().position(|mass| *mass <= 0.0) {
        return Err(Error::new(format!("{name}: weight {} in row {}: weights must be positive", masses[row], row + 1)));
    }
    let places = points.flat_map(|p| p.iter().enumerate().filter(|(j, _)| *j != weight).map(|(_, x)| *x)).collect();
    Ok((places, simplex(masses)))
}

fn size(name: &str, what: &str, n: usize) -> Result<()> {
    if OWN_SIZES.contains(&n) {
        return Ok(());
    }
    let (low, high) = (OWN_SIZES.start(), OWN_SIZES.end());
    Err(Error::new(format!("{name}: {n} {what}; this runs in the browser with {low} to {high}")))
}

/// A square picture of `width` pixels a side brought to `side` pixels a side, bilinear, edges continued.
fn enlarge(pixels: &[u8], width: usize, side: usize) -> Vec<f64> {
    let corners = |k: usize| {
        let at = ((k as f64 + 0.5) * width as f64 / side as f64 - 0.5).clamp(0.0, (width - 1) as f64);
        let low = at.floor();
        (low as usize, (low as usize + 1).min(width - 1), at - low)
    };
    let value = |row: usize, column: usize| f64::from(pixels[row * width + column]);
    (0..side * side)
        .map(|p| {
            let ((top, bottom, down), (left, right, across)) = (corners(p / side), corners(p % side));
            let along = |row| value(row, left) * (1.0 - across) + value(row, right) * across;
            along(top) * (1.0 - down) + along(bottom) * down
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[usize], values: &[f64]) -> Array {
        Array { name: name.into(), shape: shape.into(), values: values.into(), columns: Vec::new() }
    }

    fn complaint(arrays: &[Array]) -> String {
        own(arrays).unwrap_err().to_string()
    }

    #[test]
    fn built_in_instances_are_proper() {
        let library = Library::shipped(&[Dataset::Digits]);
        for seed in 0..5 {
            for instance in
                [Instance::random_assignment(50, seed), Instance::densities(50, seed), digits(&library, seed).unwrap()]
            {
                assert_eq!(instance.cost.len(), instance.source.len() * instance.target.len());
                assert!(instance.cost.iter().all(|c| (0.0..=1.0).contains(c)));
                for mass in [&instance.source, &instance.target] {
                    assert!(mass.iter().all(|m| *m > 0.0));
                    assert!((mass.iter().sum::<f64>() - 1.0).abs() < 1e-14);
                }
            }
        }
        assert_ne!(digits(&library, 0).unwrap(), digits(&library, 1).unwrap());
    }

    #[test]
    fn enlarging_keeps_a_linear_picture_linear() {
        let ramp: Vec<u8> = (0..16).map(|p| (p % 4 * 4) as u8).collect();
        let large = enlarge(&ramp, 4, 8);
        assert_eq!(&large[..8], &[0.0, 1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 12.0]);
        assert_eq!(&large[..8], &large[56..]);
    }

    #[test]
    fn two_clouds_with_weights() {
        let mut a = array("a.csv", &[2, 3], &[0.0, 1.0, 0.0, 3.0, 3.0, 4.0]);
        a.columns = ["x", "weight", "y"].map(String::from).into();
        let b = array("b.npy", &[3, 2], &[0.0, 0.0, 3.0, 4.0, 0.0, 4.0]);
        let read = own(&[a, b]).unwrap();
        assert_eq!(read.source, [0.25, 0.75]);
        assert_eq!(read.target, [1.0 / 3.0; 3]);
        assert_eq!(read.cost, [0.0, 1.0, 16.0 / 25.0, 1.0, 0.0, 9.0 / 25.0]);
    }

    #[test]
    fn points_on_a_line_and_a_cost_matrix() {
        let line = array("a.npy", &[2], &[0.0, 2.0]);
        assert_eq!(own(&[line.clone(), line]).unwrap().cost, [0.0, 1.0, 1.0, 0.0]);
        let read = own(&[array("c.csv", &[2, 2], &[-2.0, 1.0, 2.0, 0.0])]).unwrap();
        assert_eq!((read.cost, read.source), (vec![0.0, 0.75, 1.0, 0.5], vec![0.5; 2]));
        // All points in one place: every plan costs nothing.
        let point = array("p.npy", &[2, 1], &[3.0, 3.0]);
        assert_eq!(own(&[point.clone(), point]).unwrap().cost, [0.0; 4]);
    }

    #[test]
    fn errors_name_the_file_and_what_would_be_right() {
        let cloud = |name, n, d| array(name, &[n, d], &vec![1.0; n * d]);
        assert_eq!(
            complaint(&[cloud("big.npy", 401, 2), cloud("b.npy", 3, 2)]),
            "big.npy: 401 points; this runs in the browser with 2 to 400"
        );
        assert_eq!(complaint(&[cloud("c.csv", 401, 401)]), "c.csv: 401 rows; this runs in the browser with 2 to 400");
        assert!(complaint(&[cloud("a.csv", 300, 2)]).starts_with("a.csv: 300 x 2 is no cost matrix"));
        assert!(
            complaint(&[cloud("a.csv", 9, 2), cloud("b.csv", 9, 3)]).contains("a.csv has 2 coordinate columns but b.csv has 3")
        );
        assert!(complaint(&[cloud("a.csv", 1, 2), cloud("b.csv", 9, 2)]).starts_with("a.csv: 1 points"));
        assert!(complaint(&vec![cloud("a.csv", 9, 2); 3]).contains("one cost matrix or two point clouds"));
        assert!(complaint(&[array("t.npy", &[2, 2, 2], &[0.0; 8])]).contains("this array has 3"));
        let mut far = cloud("a.csv", 9, 2);
        far.values[5] = -1e160;
        assert_eq!(
            complaint(&[far, cloud("b.csv", 9, 2)]),
            "a.csv: row 3, column 2 is -1e160; values within ±1e100 would be right"
        );
        let mut weighted = cloud("w.csv", 3, 3);
        weighted.columns = ["x", "y", "weight"].map(String::from).into();
        weighted.values[5] = 0.0;
        assert!(complaint(&[weighted.clone(), cloud("b.csv", 3, 2)]).contains("w.csv: weight 0 in row 2"));
        weighted.columns = vec!["weight".into()];
        weighted.shape = vec![9, 1];
        assert!(complaint(&[weighted, cloud("b.csv", 3, 2)]).contains("no coordinate columns"));
    }
}
