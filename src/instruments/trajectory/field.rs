//! Who can run, on what.

use ground::controls::Options;
use methods::number::formula::Formula;
use methods::optimize::solver::Method;
use methods::optimize::test_functions::Landscape;
use methods::optimize::{First, Hyperparameters, Schedule};
use run::prelude::*;

use super::Controls;

choice! {
    /// What is minimised.
    pub enum On {
        Bowl => "quadratic bowl",
        Rosenbrock => "Rosenbrock",
        Himmelblau => "Himmelblau",
        Beale => "Beale",
        Booth => "Booth",
        StyblinskiTang => "Styblinski-Tang",
        Rastrigin => "Rastrigin",
        Ackley => "Ackley",
        Saddle => "saddle",
        MonkeySaddle => "monkey saddle",
        Valley => "two-scale valley",
        TwoBasins => "diffGrad F1",
        Wiggles => "diffGrad F2",
        Roof => "diffGrad F3",
        Typed => "your formula",
        Logistic => "logistic regression on digits",
        Factors => "matrix factorisation",
        Mlp => "MLP on digits",
        MnistMlp => "MLP on MNIST",
        Cnn => "CNN on digits",
    }
}

choice! {
    /// An optimizer.
    pub enum Who {
        Gradient => "GD",
        HeavyBall => "heavy ball",
        Nesterov => "Nesterov",
        AdaGrad => "AdaGrad",
        AdaGradNorm => "AdaGrad-Norm",
        RmsProp => "RMSProp",
        AdaDelta => "Adadelta",
        Adam => "Adam",
        AmsGrad => "AMSGrad",
        AdamW => "AdamW",
        NAdam => "NAdam",
        RAdam => "RAdam",
        DiffGrad => "diffGrad",
        AdaBelief => "AdaBelief",
        Lion => "Lion",
        Muon => "Muon",
        Shampoo => "Shampoo",
        Sam => "SAM",
        Normalised => "normalised GD",
        Sign => "sign GD",
        Polyak => "Polyak step",
        BarzilaiBorwein => "BB step",
        ConjugateGradient => "nonlinear CG",
        Lbfgs => "L-BFGS",
        Newton => "Newton",
        Cubic => "cubic Newton",
        Regularised => "regularised Newton",
        GaussNewton => "Gauss-Newton",
        MFac => "M-FAC",
        Nobody => "nobody",
    }
}

choice! {
    /// How the step size changes over the run.
    pub enum Pace {
        Constant => "constant",
        Inverse => "1/t",
        Step => "step",
        Cosine => "cosine",
        Linear => "linear decay",
        WarmupStableDecay => "warm-up-stable-decay",
        Refined => "refined",
    }
}

choice! {
    /// What the gradients are seen through.
    pub enum Weather { Clear => "none", Gaussian => "Gaussian", MiniBatch => "mini-batch", HeavyTailed => "heavy-tailed" }
}

choice! {
    /// What the curves are drawn against.
    pub enum Against { Steps => "steps", Evaluations => "gradient evaluations" }
}

impl Who {
    /// Everyone who is somebody.
    pub fn everyone() -> impl Iterator<Item = Who> {
        (0..Who::Nobody as usize).map(Who::of)
    }

    pub fn name(self) -> &'static str {
        Who::NAMES[self as usize]
    }

    /// The first-order optimizer that it is, if it is one; two have other names here.
    fn first(self) -> Option<First> {
        match self {
            Who::Gradient | Who::Nobody => Some(First::Gradient),
            Who::HeavyBall => Some(First::Momentum),
            _ => First::NAMES.iter().position(|name| *name == self.name()).map(First::of),
        }
    }

    /// The method with the reader's hyperparameters; `least` is the least value of the problem.
    pub fn method(self, c: &Controls, least: f64) -> Method {
        let Controls { momentum, beta2, epsilon, decay, .. } = *c;
        if let Some(first) = self.first() {
            return Method::First(first.with(&Hyperparameters { momentum, beta2, rho: beta2, epsilon, decay }));
        }
        match self {
            Who::Muon => Method::Muon { mu: momentum },
            Who::Shampoo => Method::Shampoo { epsilon },
            Who::Sam => Method::Sam { rho: c.radius },
            Who::Polyak => Method::Polyak { least },
            Who::BarzilaiBorwein => Method::BarzilaiBorwein,
            Who::ConjugateGradient => Method::ConjugateGradient,
            Who::Lbfgs => Method::Lbfgs { memory: c.memory, fixed: false },
            Who::Newton => Method::Newton { damping: c.damping },
            Who::Cubic => Method::CubicNewton { third: c.third_derivative },
            Who::Regularised => Method::GradientNewton { third: c.third_derivative },
            Who::GaussNewton => Method::GaussNewton { damping: c.damping },
            // An inverse of a sum of so few gradients is none without damping.
            Who::MFac => Method::MFac { memory: c.memory, damping: c.damping.max(1e-3) },
            other => unreachable!("{} is a first-order optimizer by its name", other.name()),
        }
    }

    /// Does it have a momentum to be mapped?
    pub fn has_momentum(self) -> bool {
        use Who::{AdaBelief, Adam, AdamW, AmsGrad, DiffGrad, HeavyBall, Lion, Muon, NAdam, Nesterov, RAdam};
        matches!(self, HeavyBall | Nesterov | Adam | AmsGrad | AdamW | NAdam | RAdam | DiffGrad | AdaBelief | Lion | Muon)
    }

    /// Does a first gradient norm to the power 2 weigh its refined schedule, as for gradient descent?
    pub fn refined_power(self) -> u8 {
        match self {
            Who::Gradient | Who::HeavyBall | Who::Nesterov | Who::Sam => 2,
            _ => 1,
        }
    }
}

impl Pace {
    /// The schedule; a refined one begins with linear decay.
    pub fn schedule(self) -> Schedule {
        match self {
            Pace::Constant => Schedule::Constant,
            Pace::Inverse => Schedule::Inverse,
            Pace::Step => Schedule::Step,
            Pace::Cosine => Schedule::Cosine,
            Pace::Linear | Pace::Refined => Schedule::Linear,
            Pace::WarmupStableDecay => Schedule::WarmupStableDecay,
        }
    }
}

impl On {
    /// The landscape, if it is one of two variables.
    pub fn landscape(self, c: &Controls) -> Result<Option<Landscape>> {
        Ok(Some(match self {
            On::Bowl => Landscape::bowl(c.condition, c.angle.to_radians()),
            On::Rosenbrock => Landscape::Rosenbrock,
            On::Himmelblau => Landscape::Himmelblau,
            On::Beale => Landscape::Beale,
            On::Booth => Landscape::Booth,
            On::StyblinskiTang => Landscape::StyblinskiTang,
            On::Rastrigin => Landscape::Rastrigin,
            On::Ackley => Landscape::Ackley,
            On::Saddle => Landscape::Saddle,
            On::MonkeySaddle => Landscape::MonkeySaddle,
            On::Valley => Landscape::Valley,
            On::TwoBasins => Landscape::TwoBasins,
            On::Wiggles => Landscape::Wiggles,
            On::Roof => Landscape::Roof,
            On::Typed => Landscape::Typed(Formula::parse(&c.formula).map_err(|e| Error::new(format!("control formula: {e}")))?),
            On::Logistic | On::Factors | On::Mlp | On::MnistMlp | On::Cnn => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_has_a_method() {
        let methods = Who::everyone().map(|who| who.method(&Controls::default(), 0.0));
        assert_eq!(methods.filter(|method| matches!(method, Method::First(_))).count(), First::NAMES.len());
    }
}
