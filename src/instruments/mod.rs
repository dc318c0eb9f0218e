//! The instruments: like experiments, but the reader brings the problem, and its claim says how far the instrument can be trusted.

crate::labs::lab! { "instruments", "Instruments", "What does your own problem look like?";
    landscape::Landscape,
    information_estimators::InformationPlane,
    neural_collapse::NeuralCollapse,
    transport_plan::TransportPlan,
    trajectory::Race,
}
