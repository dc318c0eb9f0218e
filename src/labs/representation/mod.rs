//! Representations.

run::lab! { "representation", "Representations", "What do features look like after training, and why?";
    neural_collapse_perturbation::NeuralCollapse,
}
