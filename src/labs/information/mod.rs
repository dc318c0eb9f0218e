//! Information.

lab! { "information", "Information", "What do layers keep of their input, and can it be measured?";
    information_plane::InformationPlane,
    information_generalization_bounds::GeneralizationBounds,
    information_bottleneck_bounds::InformationBottleneckBounds,
    information_screening::InformationScreening,
}
