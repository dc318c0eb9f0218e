//! Where heavy kernels run: the GPU where there is one and it is faster, else the CPU twin.

pub mod sinkhorn;

/// What a run computes on.
#[derive(Clone, Default)]
pub struct Device(());

impl Device {
    /// The CPU alone: the same bits everywhere.
    pub fn cpu() -> Device {
        Device(())
    }
}
