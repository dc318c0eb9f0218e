//! Kernels for the GPU, each one file in `shaders/` with a CPU twin beside the code that runs it.

use methods::network::dense::Activation;

pub mod basins;
pub mod kernel_sum;
pub mod loss_grid;
pub mod sinkhorn;
pub mod small_networks;

/// An activation's number in `shaders/activation.wgsl`.
fn activation_number(activation: Activation) -> u32 {
    match activation {
        Activation::Relu => 1,
        Activation::Tanh => 2,
        Activation::Softplus => 3,
        Activation::Sigmoid => 4,
    }
}
