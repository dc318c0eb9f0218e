//! First-order optimizers: each owns one update of the parameters; loops, schedules and limits live elsewhere.
//!
//! Those that look at more than one gradient a step are in [`solver`].

pub mod basins;
pub mod test_functions;

pub mod solver;

use crate::number::real::Real;
use crate::statistics::sort;

/// How an optimizer turns a gradient g into a step of the parameters θ ← θ − step; α is the step size, t counts from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// u ← μu + g, step αu: heavy ball as in PyTorch (Polyak 1964); μ = 0 is gradient descent.
    Momentum { mu: f64 },
    /// u ← μu + g, step α(g + μu) (Nesterov 1983, as in PyTorch).
    Nesterov { mu: f64 },
    /// step α sign g
    Sign,
    /// step α g/‖g‖
    Normalised,
    /// s ← s + g², step αg/(√s + ε) (Duchi, Hazan & Singer 2011).
    AdaGrad { epsilon: f64 },
    /// b² ← b² + ‖g‖², step αg/b (Ward, Wu & Bottou 2019).
    AdaGradNorm,
    /// v ← ρv + (1−ρ)g², step αg/(√v + ε) (Tieleman & Hinton 2012).
    RmsProp { rho: f64, epsilon: f64 },
    /// v ← ρv + (1−ρ)g², d = g√(a+ε)/√(v+ε), a ← ρa + (1−ρ)d², step αd (Zeiler 2012).
    AdaDelta { rho: f64, epsilon: f64 },
    /// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², step α m̂/(√v̂ + ε), m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ) (Kingma & Ba 2015).
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// Adam after θ ← (1 − αλ)θ (Loshchilov & Hutter 2019).
    AdamW { beta1: f64, beta2: f64, epsilon: f64, decay: f64 },
    /// Adam with the largest v so far in place of v (Reddi, Kale & Kumar 2018).
    AmsGrad { beta1: f64, beta2: f64, epsilon: f64 },
    /// Adam with Nesterov's look-ahead and μ_t = β₁(1 − ½·0.96^{t/250}) (Dozat 2016, as in PyTorch).
    NAdam { beta1: f64, beta2: f64, epsilon: f64 },
    /// Adam with the variance of its own scale rectified, plain momentum while there is none (Liu et al. 2020).
    RAdam { beta1: f64, beta2: f64, epsilon: f64 },
    /// Adam with v ← β₂v + (1−β₂)(g−m)² + ε (Zhuang et al. 2020).
    AdaBelief { beta1: f64, beta2: f64, epsilon: f64 },
    /// step α sign(β₁m + (1−β₁)g), then m ← β₂m + (1−β₂)g (Chen et al. 2023).
    Lion { beta1: f64, beta2: f64 },
    /// Adam's step times the [`friction`] ξ of Δg = g_{t−1} − g_t, g₀ = 0 (Dubey et al. 2019; the paper's sharpness is 1).
    DiffGrad { beta1: f64, beta2: f64, epsilon: f64, sharpness: f64 },
}

choice! {
    /// A first-order optimizer, by its name.
    pub enum First {
        Momentum => "momentum",
        Gradient => "SGD",
        Nesterov => "Nesterov",
        RmsProp => "RMSProp",
        AdaGrad => "AdaGrad",
        Adam => "Adam",
        AdamW => "AdamW",
        AmsGrad => "AMSGrad",
        NAdam => "NAdam",
        RAdam => "RAdam",
        AdaBelief => "AdaBelief",
        Lion => "Lion",
        DiffGrad => "diffGrad",
        AdaDelta => "Adadelta",
        AdaGradNorm => "AdaGrad-Norm",
        Normalised => "normalised GD",
        Sign => "sign GD",
    }
}

/// What first-order optimizers can be told beside the step size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyperparameters {
    /// μ and β₁: how long past gradients are felt; for Adadelta, which has no momentum, ρ.
    pub momentum: f64,
    /// β₂: how long squares of gradients are felt; Lion's is at most 0.99.
    pub beta2: f64,
    /// RMSProp's ρ.
    pub rho: f64,
    /// ε, added to the root of the squares; Adadelta's is a hundred times that, as in PyTorch: its first steps are as long as √ε.
    pub epsilon: f64,
    /// AdamW's λ.
    pub decay: f64,
}

impl Hyperparameters {
    /// The usual ones.
    pub const USUAL: Hyperparameters = Hyperparameters { momentum: 0.9, beta2: 0.999, rho: 0.9, epsilon: 1e-8, decay: 0.01 };
}

impl First {
    /// Its rule at the [usual](Hyperparameters::USUAL) settings.
    pub fn rule(self) -> Rule {
        self.with(&Hyperparameters::USUAL)
    }

    /// Its rule.
    pub fn with(self, settings: &Hyperparameters) -> Rule {
        let Hyperparameters { momentum: mu, beta2, rho, epsilon, decay } = *settings;
        let beta1 = mu;
        match self {
            First::Momentum => Rule::Momentum { mu },
            First::Gradient => Rule::Momentum { mu: 0.0 },
            First::Nesterov => Rule::Nesterov { mu },
            First::RmsProp => Rule::RmsProp { rho, epsilon },
            First::AdaGrad => Rule::AdaGrad { epsilon },
            First::AdaGradNorm => Rule::AdaGradNorm,
            First::AdaDelta => Rule::AdaDelta { rho: mu, epsilon: 100.0 * epsilon },
            First::Adam => Rule::Adam { beta1, beta2, epsilon },
            First::AdamW => Rule::AdamW { beta1, beta2, epsilon, decay },
            First::AmsGrad => Rule::AmsGrad { beta1, beta2, epsilon },
            First::NAdam => Rule::NAdam { beta1, beta2, epsilon },
            First::RAdam => Rule::RAdam { beta1, beta2, epsilon },
            First::AdaBelief => Rule::AdaBelief { beta1, beta2, epsilon },
            First::Lion => Rule::Lion { beta1, beta2: beta2.min(0.99) },
            First::DiffGrad => Rule::DiffGrad { beta1, beta2, epsilon, sharpness: 1.0 },
            First::Normalised => Rule::Normalised,
            First::Sign => Rule::Sign,
        }
    }
}

impl Rule {
    /// On a quadratic, the curvature below which steps of `step_size` are stable, for the rules that have such a place; as only the
    /// product of the two counts, also the step size below which a curvature is stable.
    pub fn stable_below(self, step_size: f64) -> Option<f64> {
        match self {
            Rule::Momentum { mu } => Some(2.0 * (1.0 + mu) / step_size),
            Rule::Nesterov { mu } => Some(2.0 * (1.0 + mu) / ((1.0 + 2.0 * mu) * step_size)),
            _ => None,
        }
    }

    /// Adam with its authors' β₁ = 0.9, β₂ = 0.999 and ε = 10⁻⁸.
    pub const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/// diffGrad's friction ξ = 1/(1+exp(−k|Δg|)) for sharpness k: ½ where the gradient stays, 1 where it changes.
pub fn friction<T: Real>(sharpness: T, change: T) -> T {
    T::real(1.0) / (T::real(1.0) + (-(sharpness * change.abs())).exp())
}

/// An optimizer on its way: a rule, a step size and what it remembers of past gradients.
#[derive(Clone, Debug)]
pub struct Optimizer<T> {
    /// The rule.
    pub rule: Rule,
    /// The step size α; a schedule may change it between steps.
    pub step_size: f64,
    steps: i32,
    /// β₁ᵗ (NAdam: Πμ) and β₂ᵗ.
    powers: (f64, f64),
    /// Up to three numbers a parameter, in the order in which the rule's formula names them.
    memory: Vec<[T; 3]>,
}

impl<T: Real> Optimizer<T> {
    /// An optimizer of `size` parameters that has not stepped yet.
    pub fn new(rule: Rule, step_size: f64, size: usize) -> Self {
        Optimizer { rule, step_size, steps: 0, powers: (1.0, 1.0), memory: vec![[T::default(); 3]; size] }
    }

    /// What it remembers: up to three numbers a parameter.
    pub fn memory_mut(&mut self) -> &mut [[T; 3]] {
        &mut self.memory
    }

    /// One update of `theta` by its `gradient`, both as long as the optimizer's size.
    pub fn step(&mut self, theta: &mut [T], gradient: &[T]) {
        let size = self.memory.len();
        assert!(theta.len() == size && gradient.len() == size, "an optimizer keeps its number of parameters");
        self.steps += 1;
        let (r, one, alpha) = (T::real, T::real(1.0), T::real(self.step_size));
        let squares = || gradient.iter().fold(T::default(), |s, g| s + *g * *g);
        // Below this a gradient counts as none, whose step is none.
        let over = |norm: T| alpha / norm.larger(r(1e-30));
        match self.rule {
            Rule::Momentum { mu } => self.each(theta, gradient, |[u, ..], g| {
                *u = r(mu) * *u + g;
                alpha * *u
            }),
            Rule::Nesterov { mu } => self.each(theta, gradient, |[u, ..], g| {
                *u = r(mu) * *u + g;
                alpha * (g + r(mu) * *u)
            }),
            Rule::Sign => self.each(theta, gradient, |_, g| alpha * g.sign()),
            Rule::Normalised => {
                let scale = over(squares().sqrt());
                self.each(theta, gradient, |_, g| scale * g);
            }
            Rule::AdaGrad { epsilon } => self.each(theta, gradient, |[s, ..], g| {
                *s += g * g;
                alpha * g / (s.sqrt() + r(epsilon))
            }),
            Rule::AdaGradNorm => {
                // b² is the first number remembered.
                let Some([b2, ..]) = self.memory.first_mut() else { return };
                *b2 += squares();
                let scale = over(b2.sqrt());
                self.each(theta, gradient, |_, g| scale * g);
            }
            Rule::RmsProp { rho, epsilon } => self.each(theta, gradient, |[v, ..], g| {
                *v = r(rho) * *v + r(1.0 - rho) * g * g;
                alpha * g / (v.sqrt() + r(epsilon))
            }),
            Rule::AdaDelta { rho, epsilon } => self.each(theta, gradient, |[v, a, _], g| {
                *v = r(rho) * *v + r(1.0 - rho) * g * g;
                let d = (*a + r(epsilon)).sqrt() / (*v + r(epsilon)).sqrt() * g;
                *a = r(rho) * *a + r(1.0 - rho) * d * d;
                alpha * d
            }),
            Rule::Lion { beta1, beta2 } => self.each(theta, gradient, |[m, ..], g| {
                let direction = r(beta1) * *m + r(1.0 - beta1) * g;
                *m = r(beta2) * *m + r(1.0 - beta2) * g;
                alpha * direction.sign()
            }),
            Rule::Adam { beta1, beta2, epsilon } => self.adam(theta, gradient, beta1, beta2, epsilon, |v, _, _| (v, one)),
            Rule::AdamW { beta1, beta2, epsilon, decay } => {
                let keep = r(1.0 - self.step_size * decay);
                theta.iter_mut().for_each(|x| *x = keep * *x);
                self.adam(theta, gradient, beta1, beta2, epsilon, |v, _, _| (v, one));
            }
            Rule::AmsGrad { beta1, beta2, epsilon } => self.adam(theta, gradient, beta1, beta2, epsilon, |v, largest, _| {
                *largest = largest.larger(v);
                (*largest, one)
            }),
            Rule::DiffGrad { beta1, beta2, epsilon, sharpness } => {
                self.adam(theta, gradient, beta1, beta2, epsilon, |v, before, g| {
                    let change = *before - g;
                    *before = g;
                    (v, friction(r(sharpness), change))
                });
            }
            Rule::NAdam { beta1, beta2, epsilon } => {
                let mu = |t: i32| beta1 * (1.0 - 0.5 * libm::pow(0.96, f64::from(t) * 0.004));
                let (now, next) = (mu(self.steps), mu(self.steps + 1));
                self.powers = (self.powers.0 * now, self.powers.1 * beta2);
                let by_gradient = r(self.step_size * (1.0 - now) / (1.0 - self.powers.0));
                let by_momentum = r(self.step_size * next / (1.0 - self.powers.0 * next));
                let unbias = r(1.0 - self.powers.1);
                self.each(theta, gradient, |[m, v, _], g| {
                    *m = r(beta1) * *m + r(1.0 - beta1) * g;
                    *v = r(beta2) * *v + r(1.0 - beta2) * g * g;
                    (by_gradient * g + by_momentum * *m) / ((*v / unbias).sqrt() + r(epsilon))
                });
            }
            Rule::RAdam { beta1, beta2, epsilon } => {
                self.powers = (self.powers.0 * beta1, self.powers.1 * beta2);
                let (unbias1, unbias2) = (1.0 - self.powers.0, 1.0 - self.powers.1);
                // ρ: the length of the average that v is; the rectification is known from ρ > 5 on.
                let longest = 2.0 / (1.0 - beta2) - 1.0;
                let rho = longest - 2.0 * f64::from(self.steps) * self.powers.1 / unbias2;
                let share = (rho - 4.0) * (rho - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * rho);
                let scale = if rho > 5.0 { Some(r((share * unbias2).sqrt())) } else { None };
                self.each(theta, gradient, |[m, v, _], g| {
                    *m = r(beta1) * *m + r(1.0 - beta1) * g;
                    *v = r(beta2) * *v + r(1.0 - beta2) * g * g;
                    alpha * *m / r(unbias1) * scale.map_or(one, |scale| scale / (v.sqrt() + r(epsilon)))
                });
            }
            Rule::AdaBelief { beta1, beta2, epsilon } => {
                self.powers = (self.powers.0 * beta1, self.powers.1 * beta2);
                let (unbias1, unbias2) = (r(1.0 - self.powers.0), r(1.0 - self.powers.1));
                self.each(theta, gradient, |[m, s, _], g| {
                    *m = r(beta1) * *m + r(1.0 - beta1) * g;
                    *s = r(beta2) * *s + r(1.0 - beta2) * (g - *m) * (g - *m) + r(epsilon);
                    alpha * (*m / unbias1) / ((*s / unbias2).sqrt() + r(epsilon))
                });
            }
        }
    }

    /// θ ← θ − `rule`(memory, g), parameter by parameter.
    fn each(&mut self, theta: &mut [T], gradient: &[T], rule: impl Fn(&mut [T; 3], T) -> T) {
        for ((x, memory), &g) in theta.iter_mut().zip(&mut self.memory).zip(gradient) {
            *x = *x - rule(memory, g);
        }
    }

    /// Adam, with what the variants change: from v, the third number remembered and g, the v that divides and a factor.
    fn adam(
        &mut self,
        theta: &mut [T],
        gradient: &[T],
        beta1: f64,
        beta2: f64,
        epsilon: f64,
        vary: impl Fn(T, &mut T, T) -> (T, T),
    ) {
        let r = T::real;
        self.powers = (self.powers.0 * beta1, self.powers.1 * beta2);
        let (alpha, epsilon) = (r(self.step_size), r(epsilon));
        let (unbias1, unbias2) = (r(1.0 - self.powers.0), r(1.0 - self.powers.1));
        self.each(theta, gradient, |[m, v, third], g| {
            *m = r(beta1) * *m + r(1.0 - beta1) * g;
            *v = r(beta2) * *v + r(1.0 - beta2) * g * g;
            let (v, factor) = vary(*v, third, g);
            alpha * factor * (*m / unbias1) / ((v / unbias2).sqrt() + epsilon)
        });
    }
}

/// How the step size changes over a run of `of` steps: a factor for step `t` in 0..of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// 1
    Constant,
    /// 1/(1 + t/τ) with τ a tenth of the run
    Inverse,
    /// ÷10 at one half and at three quarters of the run
    Step,
    /// ½(1 + cos(πt/of)) (Loshchilov & Hutter 2017)
    Cosine,
    /// 1 − t/of
    Linear,
    /// Up over the first twentieth, 1, then linearly down over the last fifth (Hu et al. 2024)
    WarmupStableDecay,
}

impl Schedule {
    /// The factor for step `t` of a run of `of` steps.
    pub fn factor(self, t: usize, of: usize) -> f64 {
        let share = t as f64 / of.max(1) as f64;
        match self {
            Schedule::Constant => 1.0,
            Schedule::Inverse => 1.0 / (1.0 + 10.0 * share),
            Schedule::Step => [1.0, 0.1, 0.01][usize::from(share >= 0.5) + usize::from(share >= 0.75)],
            Schedule::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share)),
            Schedule::Linear => 1.0 - share,
            Schedule::WarmupStableDecay => ((t + 1) as f64 / (0.05 * of as f64)).min(1.0).min((1.0 - share) / 0.2),
        }
    }
}

/// The factors that the gradient norms of a first run ask for, the largest 1: Ĝ the running median of `norms` over a tenth of the
/// run, w = Ĝ⁻ᵖ, factor wₜ Σ_{s>t} w_s (Defazio et al. 2023; `power` p is 2 for gradient descent). Constant norms give linear decay.
pub fn refined(norms: &[f64], power: u8) -> Vec<f64> {
    let n = norms.len();
    let half = n / 20;
    let median = |t: usize| {
        let at = |i: isize| norms[i.clamp(0, n as isize - 1) as usize];
        let mut around: Vec<f64> = (0..=2 * half).map(|i| at((t + i) as isize - half as isize)).collect();
        sort(&mut around);
        around[half].max(f64::MIN_POSITIVE)
    };
    let smooth: Vec<f64> = (0..n).map(median).collect();
    // In units of the least, so that the powers stay in range.
    let least = smooth.iter().copied().fold(f64::INFINITY, f64::min);
    let weight = |g: f64| if power == 2 { least / g * (least / g) } else { least / g };
    let weights: Vec<f64> = smooth.into_iter().map(weight).collect();
    let mut after = 0.0;
    let mut factors = vec![0.0; n];
    for t in (0..n).rev() {
        factors[t] = weights[t] * after;
        after += weights[t];
    }
    let most = factors.iter().copied().fold(0.0, f64::max);
    factors.iter_mut().for_each(|f| *f = if most > 0.0 { *f / most } else { 1.0 });
    factors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first steps of every rule that PyTorch has, on a quadratic and on Rosenbrock's function; see make_optimizers.py.
    #[test]
    fn first_twenty_steps_are_pytorchs() {
        let fixture = include_str!("../../tests/fixtures/optimizers.csv");
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        let rule = |name: &str| match name {
            "SGD" => Rule::Momentum { mu: 0.0 },
            "momentum" => Rule::Momentum { mu: 0.9 },
            "Nesterov" => Rule::Nesterov { mu: 0.9 },
            "Adagrad" => Rule::AdaGrad { epsilon: 1e-10 },
            "RMSprop" => Rule::RmsProp { rho: 0.99, epsilon },
            "Adadelta" => Rule::AdaDelta { rho: 0.9, epsilon: 1e-6 },
            "Adam" => Rule::Adam { beta1, beta2, epsilon },
            "AdamW" => Rule::AdamW { beta1, beta2, epsilon, decay: 0.01 },
            "AMSGrad" => Rule::AmsGrad { beta1, beta2, epsilon },
            "NAdam" => Rule::NAdam { beta1, beta2, epsilon },
            "RAdam" => Rule::RAdam { beta1, beta2, epsilon },
            other => panic!("the fixture names {other}"),
        };
        let mut seen = 0;
        let mut run: Option<(String, Optimizer<f64>, Vec<f64>)> = None;
        for row in fixture.lines().skip(1) {
            let cells: Vec<&str> = row.split(',').collect();
            let number = |i: usize| cells[i].parse::<f64>().unwrap();
            let (name, problem) = (cells[0], cells[1]);
            let id = format!("{name} on {problem}");
            if run.as_ref().is_none_or(|(r, ..)| *r != id) {
                run = Some((id.clone(), Optimizer::new(rule(name), number(2), 2), vec![-1.5, 2.0]));
            }
            let (_, optimizer, x) = run.as_mut().unwrap();
            let g = match problem {
                "quadratic" => vec![x[0] + 0.5 * x[1], 0.5 * x[0] + 10.0 * x[1]],
                _ => vec![-2.0 * (1.0 - x[0]) - 400.0 * x[0] * (x[1] - x[0] * x[0]), 200.0 * (x[1] - x[0] * x[0])],
            };
            optimizer.step(x, &g);
            for (i, ours) in x.iter().enumerate() {
                let theirs = number(4 + i);
                assert!((ours - theirs).abs() <= 1e-9 * (1.0 + theirs.abs()), "{id}, step {}: {ours} and {theirs}", cells[3]);
            }
            seen += 1;
        }
        assert_eq!(seen, 11 * 2 * 20);
    }

    /// Rules that PyTorch lacks, by their formulas written out for two steps on one parameter.
    #[test]
    fn first_two_steps_of_the_others() {
        let two = |rule| {
            let (mut optimizer, mut x) = (Optimizer::new(rule, 0.1, 1), vec![0.0]);
            optimizer.step(&mut x, &[2.0]);
            let first = x[0];
            optimizer.step(&mut x, &[-1.0]);
            (first, x[0])
        };
        let near =
            |(a, b): (f64, f64), (c, d): (f64, f64)| assert!((a - c).abs() < 1e-12 && (b - d).abs() < 1e-12, "{a} {b}, {c} {d}");
        near(two(Rule::Sign), (-0.1, 0.0));
        near(two(Rule::Normalised), (-0.1, 0.0));
        near(two(Rule::AdaGradNorm), (-0.1, -0.1 + 0.1 / 5f64.sqrt()));
        // β₁m + (1−β₁)g: 0.2, then 0.9·0.02 − 0.1 < 0.
        near(two(Rule::Lion { beta1: 0.9, beta2: 0.99 }), (-0.1, 0.0));
        // s = 0.1·(2 − 0.2)²; then m = 0.08 and s ← 0.9s + 0.1·1.08².
        let s1: f64 = 0.1 * 3.24;
        let s2: f64 = 0.9 * s1 + 0.1 * 1.08 * 1.08;
        let first = -0.1 * 2.0 / (s1 / 0.1).sqrt();
        near(
            two(Rule::AdaBelief { beta1: 0.9, beta2: 0.9, epsilon: 0.0 }),
            (first, first - 0.1 * (0.08 / 0.19) / (s2 / 0.19).sqrt()),
        );
        // ξ(2) for Δg = −2, then ξ(3).
        let (m2, v2): (f64, f64) = (0.08, 0.9 * 0.4 + 0.1);
        let first = -0.1 * friction(1.0, 2.0);
        let rule = Rule::DiffGrad { beta1: 0.9, beta2: 0.9, epsilon: 0.0, sharpness: 1.0 };
        near(two(rule), (first, first - 0.1 * friction(1.0, 3.0) * (m2 / 0.19) / (v2 / 0.19).sqrt()));
    }

    #[test]
    fn refined_schedules_have_their_closed_forms() {
        let n = 100;
        for (t, factor) in refined(&vec![3.0; n], 2).into_iter().enumerate() {
            assert!((factor - (n - 1 - t) as f64 / (n - 1) as f64).abs() < 1e-12);
        }
        // G = t^{−1/2} without smoothing (fewer than 20 steps): w = t, factor ∝ t(T(T+1) − t(t+1)).
        let norms: Vec<f64> = (1..=19).map(|t| 1.0 / f64::from(t).sqrt()).collect();
        let raw: Vec<f64> = (1..=19).map(|t| f64::from(t * (19 * 20 - t * (t + 1)))).collect();
        let most = raw.iter().copied().fold(0.0, f64::max);
        for (factor, raw) in refined(&norms, 2).iter().zip(raw) {
            assert!((factor - raw / most).abs() < 1e-12);
        }
    }

    #[test]
    fn schedules_begin_and_end_where_they_say() {
        for (schedule, begin, middle, end) in [
            (Schedule::Constant, 1.0, 1.0, 1.0),
            (Schedule::Inverse, 1.0, 1.0 / 6.0, 1.0 / 10.9),
            (Schedule::Step, 1.0, 0.1, 0.01),
            (Schedule::Cosine, 1.0, 0.5, 0.000_246_7),
            (Schedule::Linear, 1.0, 0.5, 0.01),
            (Schedule::WarmupStableDecay, 0.2, 1.0, 0.05),
        ] {
            for (t, expected) in [(0, begin), (50, middle), (99, end)] {
                let factor = schedule.factor(t, 100);
                assert!((factor - expected).abs() < 1e-4, "{schedule:?} at {t}: {factor}");
            }
        }
    }
}
