//! What f maximises, and the linear f that does.

use libm::sqrt;
use methods::network::dense::{Activation, Network, Start};
use nalgebra::{DMatrix, SymmetricEigen};
use run::prelude::*;

use super::dependence::times;

/// The linear f that is best for the form Â, and its share of what f̃ᵀÂf̃ can be for a variance of 1: f = uᵀΣ^{−½}(x − x̄), u the first
/// eigenvector of Σ^{−½} X̃ᵀ Â X̃ Σ^{−½}, κ its eigenvalue.
pub fn best_linear(x: &[f64], form: &[f64]) -> (Network<f64>, f64) {
    let n = form.len().isqrt();
    let inputs = x.len() / n;
    let means: Vec<f64> = (0..inputs).map(|j| x.iter().skip(j).step_by(inputs).sum::<f64>() / n as f64).collect();
    let centred = DMatrix::from_fn(n, inputs, |i, j| x[i * inputs + j] - means[j]);
    let SymmetricEigen { eigenvectors, eigenvalues } = (centred.transpose() * &centred / n as f64).symmetric_eigen();
    let white = &eigenvectors * DMatrix::from_diagonal(&eigenvalues.map(|v| 1.0 / sqrt(v))) * eigenvectors.transpose();
    let images: Vec<Vec<f64>> = centred.column_iter().map(|column| times(form, column.clone_owned().as_slice())).collect();
    let pulled = centred.transpose() * DMatrix::from_fn(n, inputs, |i, j| images[j][i]);
    let SymmetricEigen { eigenvectors, eigenvalues } = (&white * pulled * &white).symmetric_eigen();
    let weights = white * eigenvectors.column(eigenvalues.imax());
    let bias = -weights.iter().zip(&means).map(|(w, m)| w * m).sum::<f64>();
    let theta = weights.iter().copied().chain([bias]).collect();
    (linear(inputs, &mut Random::new(0, "shape")).with(theta), eigenvalues.max())
}

pub fn linear(inputs: usize, random: &mut Random) -> Network<f64> {
    Network::new(&[inputs, 1], Activation::Relu, Start::Normal { gain: 2.0 }, random)
}

/// f̃ᵀÂf̃ − λ(Var f − 1)² with its sign turned, and in `delta` its gradient by the values f; Â is centred.
pub fn penalised(form: &[f64], lambda: f64, f: &[f64], delta: &mut Vec<f64>) -> f64 {
    let n = f.len() as f64;
    let mean = f.iter().sum::<f64>() / n;
    let centred: Vec<f64> = f.iter().map(|f| f - mean).collect();
    let excess = centred.iter().map(|f| f * f).sum::<f64>() / n - 1.0;
    let pull = times(form, &centred);
    delta.clear();
    delta.extend(pull.iter().zip(&centred).map(|(pull, f)| 4.0 * lambda * excess * f / n - 2.0 * pull));
    lambda * excess * excess - pull.iter().zip(&centred).map(|(p, f)| p * f).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::dependence::centre;
    use super::super::task::INPUTS;
    use super::super::{Controls, FrechetCumulativeCovariance, Goal, Predictor};
    use super::*;
    use methods::network::dense::Tape;
    use methods::statistics::correlation;
    use run::testing::{begun, played};

    #[test]
    fn the_gradient_of_the_objective_matches_central_differences() {
        let (n, mut random) = (15, Random::new(5, "values"));
        let y: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mut form: Vec<f64> = y.iter().flat_map(|a| y.iter().map(move |b| -0.5 * (a - b).abs())).collect();
        centre(&mut form);
        let f: Vec<f64> = (0..n).map(|_| 2.0 * random.normal()).collect();
        let mut delta = Vec::new();
        penalised(&form, 3.0, &f, &mut delta);
        for i in 0..n {
            let at = |by: f64| {
                let mut f = f.clone();
                f[i] += by;
                penalised(&form, 3.0, &f, &mut Vec::new())
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope - delta[i]).abs() < 1e-6 * (1.0 + slope.abs()), "{i}: {slope} and {}", delta[i]);
        }
    }

    /// Adam on a linear f ends where the eigenvectors say, with a variance of 1 + κ/2λ.
    #[test]
    fn gradient_steps_find_the_closed_form() {
        let controls = Controls { samples: 150, ..Controls::default() };
        let run = played(begun::<FrechetCumulativeCovariance>(&controls, 4), |progress| progress.done == 1);
        let (best, kappa) = best_linear(&run.task.x, &run.forms[0]);
        let mut predictor = Predictor::new(Goal::Balls, linear(INPUTS, &mut Random::new(1, "weights")), false, 1);
        (0..2000).for_each(|_| predictor.step(&run.task, &run.forms, 1.0));
        let values = |network: &Network<f64>| {
            let mut tape = Tape::default();
            network.forward(&run.task.x, &mut tape);
            tape.logits().to_vec()
        };
        let (found, exact) = (values(&predictor.f.network), values(&best));
        assert!(correlation(&found, &exact).abs() >= 0.999, "{}", correlation(&found, &exact));
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let variance = found.iter().map(|f| (f - mean) * (f - mean)).sum::<f64>() / found.len() as f64;
        assert!((variance / (1.0 + kappa / 2.0) - 1.0).abs() < 0.01, "{variance} and κ = {kappa}");
    }
}
