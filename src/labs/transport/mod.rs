//! Transport.

run::lab! { "transport", "Transport", "How is one distribution moved onto another, at what price, and how fast can that be computed?";
    sinkhorn_newton_sparse::SinkhornNewtonSparse,
    sparse_transport::SparseTransport,
    light_schrodinger_bridge::LightSchrodingerBridge,
    sliced_control_variates::SlicedControlVariates,
    amortized_sliced_projections::AmortizedSlicedProjections,
    bures_wasserstein_normalization::BuresWassersteinNormalization,
    monge_gap::MongeGap,
    spectral_shape_transport::SpectralShapeTransport,
    adversarial_adaptive_sampling::AdversarialAdaptiveSampling,
}
