//! Who can run, on what.

use super::Controls;
use crate::methods::formula::Formula;
use crate::methods::landscapes::Landscape;
use crate::methods::optimize::solver::Method;
use crate::methods::optimize::{Rule, Schedule};
use crate::{Error, Result};

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
        (0..Who::Nobody as usize).map(<Who as crate::controls::Options>::of)
    }

    pub fn name(self) -> &'static str {
        <Who as crate::controls::Options>::NAMES[self as usize]
    }

    /// The method with the reader's hyperparameters; `least` is the least value of the problem.
    pub fn method(self, c: &Controls, least: f64) -> Method {
        let (mu, beta1, beta2, epsilon) = (c.momentum, c.momentum, c.beta2, c.epsilon);
        Method::First(match self {
            Who::Gradient | Who::Nobody => Rule::Momentum { mu: 0.0 },
            Who::HeavyBall => Rule::Momentum { mu },
            Who::Nesterov => Rule::Nesterov { mu },
            Who::AdaGrad => Rule::AdaGrad { epsilon },
            Who::AdaGradNorm => Rule::AdaGradNorm,
            Who::RmsProp => Rule::RmsProp { rho: beta2, epsilon },
            // PyTorch's ε for Adadelta is a hundred times that of Adam: its first steps are as long as √ε.
            Who::AdaDelta => Rule::AdaDelta { rho: c.momentum, epsilon: 100.0 * epsilon },
            Who::Adam => Rule::Adam { beta1, beta2, epsilon },
            Who::AmsGrad => Rule::AmsGrad { beta1, beta2, epsilon },
            Who::AdamW => Rule::AdamW { beta1, beta2, epsilon, decay: c.decay },
            Who::NAdam => Rule::NAdam { beta1, beta2, epsilon },
            Who::RAdam => Rule::RAdam { beta1, beta2, epsilon },
            Who::DiffGrad => Rule::DiffGrad { beta1, beta2, epsilon, sharpness: 1.0 },
            Who::AdaBelief => Rule::AdaBelief { beta1, beta2, epsilon },
            Who::Lion => Rule::Lion { beta1, beta2: beta2.min(0.99) },
            Who::Normalised => Rule::Normalised,
            Who::Sign => Rule::Sign,
            Who::Muon => return Method::Muon { mu },
            Who::Shampoo => return Method::Shampoo { epsilon },
            Who::Sam => return Method::Sam { rho: c.radius },
            Who::Polyak => return Method::Polyak { least },
            Who::BarzilaiBorwein => return Method::BarzilaiBorwein,
            Who::ConjugateGradient => return Method::ConjugateGradient,
            Who::Lbfgs => return Method::Lbfgs { memory: c.memory, fixed: false },
            Who::Newton => return Method::Newton { damping: c.damping },
            Who::Cubic => return Method::CubicNewton { third: c.third_derivative },
            Who::Regularised => return Method::GradientNewton { third: c.third_derivative },
            Who::GaussNewton => return Method::GaussNewton { damping: c.damping },
            // An inverse of a sum of so few gradients is none without damping.
            Who::MFac => return Method::MFac { memory: c.memory, damping: c.damping.max(1e-3) },
        })
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
            On::Logistic | On::Factors | On::Mlp | On::Cnn => return Ok(None),
        }))
    }
}
