//! Trajectories.

run::lab! { "trajectory", "Trajectories", "Which way do optimizers go, and where do they end?";
    diffgrad::DiffGrad,
}
