//! Information.

run::lab! { "information", "Information", "What do layers keep of their input, and can it be measured?";
    information_plane::InformationPlane,
    information_generalization_bounds::GeneralizationBounds,
    information_bottleneck_bounds::InformationBottleneckBounds,
    information_screening::InformationScreening,
    frechet_cumulative_covariance::FrechetCumulativeCovariance,
    wasserstein_dependency::WassersteinDependency,
    cauchy_schwarz_bottleneck::CauchySchwarzBottleneck,
    generalization_difficulty::GeneralizationDifficulty,
    programmable_gradient_information::ProgrammableGradientInformation,
}
