//! A GPU, open for work; where heavy kernels run if there is one and it is faster than their CPU twin.
//!
//! Each kernel is one file in `shaders/` with a CPU twin beside the code that runs it. A GPU may vanish at any moment (a driver restarts,
//! a laptop switches graphics): kernels then return an error, [`Device::gpu`] becomes `None`, and callers go on with the twin.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use ground::{Error, Result};

/// What a run computes on. Cheap to clone; clones share the GPU, and lose it together.
#[derive(Clone, Default)]
pub struct Device(Option<Gpu>);

impl Device {
    /// The CPU alone: the same bits everywhere.
    pub const fn cpu() -> Device {
        Device(None)
    }

    /// The fastest GPU that there is, or the CPU. Never fails; works in a window, in a worker and natively.
    pub async fn best() -> Device {
        Device(Gpu::request().await)
    }

    /// The GPU, if there is one and it has not been lost.
    pub fn gpu(&self) -> Option<&Gpu> {
        self.0.as_ref().filter(|gpu| !gpu.shared.loss.happened())
    }

    /// What the page says: "CPU" or "GPU: " and its name.
    pub fn name(&self) -> String {
        self.gpu().map_or("CPU".to_string(), |gpu| format!("GPU: {}", gpu.shared.name))
    }

    /// Destroys the GPU's device, as a driver's restart would: what is running on it fails. For tests.
    pub fn lose(&self) {
        if let Some(gpu) = &self.0 {
            gpu.device.destroy();
        }
    }
}

/// A GPU, open for work.
#[derive(Clone)]
pub struct Gpu {
    /// Makes buffers and pipelines.
    pub device: wgpu::Device,
    /// Takes work.
    pub queue: wgpu::Queue,
    /// What it is, for those who show pictures with it.
    pub adapter: wgpu::Adapter,
    shared: Rc<Shared>,
}

struct Shared {
    name: String,
    software: bool,
    loss: Arc<Loss>,
    known: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
}

/// Whether a GPU is lost, and who waits to be told.
#[derive(Default)]
struct Loss {
    happened: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Loss {
    fn happened(&self) -> bool {
        self.happened.load(Ordering::Relaxed)
    }

    fn tell(&self) {
        let mut waiting = self.waiting.lock().expect("nobody panics with the lock");
        self.happened.store(true, Ordering::Relaxed);
        waiting.drain(..).for_each(Waker::wake);
    }
}

/// Storage buffers that a kernel may bind: what every browser gives.
const STORAGE_BUFFERS: u32 = 8;
/// Threads of a workgroup that every browser gives.
const WORKGROUP: u32 = 256;

impl Gpu {
    async fn request() -> Option<Gpu> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let power_preference = wgpu::PowerPreference::HighPerformance;
        let adapter =
            instance.request_adapter(&wgpu::RequestAdapterOptions { power_preference, ..Default::default() }).await.ok()?;
        Gpu::open(&adapter).await
    }

    /// Opens `adapter` with all that it can do; `None` if that is less than kernels count on.
    pub async fn open(adapter: &wgpu::Adapter) -> Option<Gpu> {
        let limits = adapter.limits();
        if limits.max_storage_buffers_per_shader_stage < STORAGE_BUFFERS
            || limits.max_compute_invocations_per_workgroup < WORKGROUP
        {
            return None;
        }
        let description = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
        let (device, queue) = adapter.request_device(&description).await.ok()?;
        let loss = Arc::<Loss>::default();
        let told = loss.clone();
        device.set_device_lost_callback(move |_, _| told.tell());
        // Without a handler of ours an error would be a panic. Whatever it is, this device is not to be trusted any more.
        let told = loss.clone();
        device.on_uncaptured_error(Arc::new(move |_| told.tell()));
        let info = adapter.get_info();
        let name =
            [info.name, info.driver_info, info.driver].into_iter().find(|name| !name.is_empty()).unwrap_or("WebGPU".into());
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let shared = Shared { name, software, loss, known: RefCell::default() };
        Some(Gpu { device, queue, adapter: adapter.clone(), shared: Rc::new(shared) })
    }

    /// What is known of this GPU by the kernel that asks, whose type `T` is: its compiled program, how fast it was. Made at the first call.
    pub fn known<T: Default + 'static>(&self) -> Rc<T> {
        let mut known = self.shared.known.borrow_mut();
        let known = known.entry(TypeId::of::<T>()).or_insert_with(|| Rc::new(T::default())).clone();
        known.downcast().unwrap_or_else(|_| unreachable!("kept by its own type"))
    }

    /// Is it a GPU in software? It never pays, and is there for tests.
    pub fn is_software(&self) -> bool {
        self.shared.software
    }

    /// Waits until the GPU is lost.
    pub async fn lost(&self) {
        let loss = &self.shared.loss;
        poll_fn(|context| {
            let mut waiting = loss.waiting.lock().expect("nobody panics with the lock");
            if loss.happened() {
                return Poll::Ready(());
            }
            waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The largest buffer that a kernel can bind, in bytes.
    pub fn largest_buffer(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_buffer_size.min(limits.max_storage_buffer_binding_size)
    }

    /// A storage buffer of `count` four-byte numbers that kernels read and write, and that can be copied to and from.
    pub fn storage(&self, label: &str, count: usize) -> wgpu::Buffer {
        use wgpu::BufferUsages as Usage;
        self.buffer(label, count, Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC)
    }

    /// A buffer of `count` four-byte numbers that results are copied into for [`read`](Self::read).
    pub fn read_back(&self, label: &str, count: usize) -> wgpu::Buffer {
        self.buffer(label, count, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    /// A buffer of `count` four-byte numbers.
    pub fn buffer(&self, label: &str, count: usize, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let size = 4 * count.max(1) as u64;
        self.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
    }

    /// A storage buffer that holds `values`.
    pub fn filled<T: Word>(&self, label: &str, values: &[T]) -> wgpu::Buffer {
        let buffer = self.storage(label, values.len());
        self.queue.write_buffer(&buffer, 0, wide::bytemuck::cast_slice(values));
        buffer
    }

    /// The entry points of a shader, all bound alike.
    pub fn program<const N: usize>(
        &self,
        shader: wgpu::ShaderModuleDescriptor,
        bindings: &[wgpu::BufferBindingType],
        entries: [&str; N],
    ) -> Program<N> {
        let label = shader.label;
        let module = self.device.create_shader_module(shader);
        let slots: Vec<_> = (0..)
            .zip(bindings)
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty: *ty, has_dynamic_offset: false, min_binding_size: None },
                count: None,
            })
            .collect();
        let layout = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &slots });
        let all = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let pipelines = entries.map(|entry_point| {
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: Some(&all),
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: Default::default(),
                cache: None,
            })
        });
        Program { pipelines, layout }
    }

    /// Buffers in the places of a program's bindings, in their order.
    pub fn bind(&self, layout: &wgpu::BindGroupLayout, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }

    /// Puts `values` at the start of `buffer` before whatever is submitted next.
    pub fn write(&self, buffer: &wgpu::Buffer, values: &[f32]) {
        self.queue.write_buffer(buffer, 0, wide::bytemuck::cast_slice(values));
    }

    /// The numbers in `buffer`, a [`read_back`](Self::read_back) buffer, when all submitted work is done. An error means that the GPU is
    /// lost, and [`Device::gpu`] is `None` from then on.
    pub async fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<f32>> {
        let answer: Arc<Mutex<(Option<bool>, Option<Waker>)>> = Arc::default();
        let told = answer.clone();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            let mut told = told.lock().expect("nobody panics with the lock");
            told.0 = Some(result.is_ok());
            if let Some(waker) = told.1.take() {
                waker.wake();
            }
        });
        // Browsers answer by themselves; natively nothing happens unless one waits for it. The answer tells of errors.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        let mapped = poll_fn(|context| {
            let mut answer = answer.lock().expect("nobody panics with the lock");
            answer.1 = Some(context.waker().clone());
            answer.0.map_or(Poll::Pending, Poll::Ready)
        });
        let values = match mapped.await {
            true => buffer.get_mapped_range(..).ok().map(|bytes| wide::bytemuck::pod_collect_to_vec(&bytes)),
            false => None,
        };
        match values {
            Some(values) if !self.shared.loss.happened() => {
                buffer.unmap();
                Ok(values)
            }
            _ => {
                self.shared.loss.tell();
                Err(Error::new(format!("GPU {}: lost while it was computing; the CPU goes on", self.shared.name)))
            }
        }
    }
}

impl Gpu {
    /// Is work of this `size` faster here than on the CPU? Measured once a device and size: `here` does it all, `there` one of so many
    /// `shares`. A GPU in software never is, nor one that is lost over it.
    pub async fn pays(
        &self,
        known: &BySize<bool>,
        size: usize,
        mut here: impl AsyncFnMut() -> Result<()>,
        (shares, there): (f64, impl FnOnce()),
    ) -> bool {
        if self.shared.software {
            return false;
        }
        if let Some(faster) = known.get(size) {
            return faster;
        }
        let mut gpu = f64::INFINITY;
        // The first time also compiles the kernel.
        for _ in 0..2 {
            let start = milliseconds();
            if here().await.is_err() {
                return false;
            }
            gpu = milliseconds() - start;
        }
        let start = milliseconds();
        there();
        let faster = gpu < shares * (milliseconds() - start);
        known.put(size, faster);
        faster
    }
}

/// What kernels count in: four bytes.
pub trait Word: wide::bytemuck::NoUninit {}
impl Word for f32 {}
impl Word for u32 {}

/// A compiled shader; see [`Gpu::program`].
pub struct Program<const N: usize> {
    /// One an entry point.
    pub pipelines: [wgpu::ComputePipeline; N],
    /// What each is bound to.
    pub layout: wgpu::BindGroupLayout,
}

/// A storage buffer that a kernel reads, and one that it writes.
pub const READ: wgpu::BufferBindingType = wgpu::BufferBindingType::Storage { read_only: true };
/// See [`READ`].
pub const WRITE: wgpu::BufferBindingType = wgpu::BufferBindingType::Storage { read_only: false };

/// What was measured of a device, by the size of the work (log₂, rounded down).
pub struct BySize<T>(Mutex<Vec<(u32, T)>>);

impl<T> Default for BySize<T> {
    fn default() -> Self {
        BySize(Mutex::default())
    }
}

impl<T: Copy> BySize<T> {
    /// What was measured at about this size.
    pub fn get(&self, size: usize) -> Option<T> {
        let all = self.0.lock().expect("nobody panics with the lock");
        all.iter().find(|(known, _)| *known == size.max(1).ilog2()).map(|(_, value)| *value)
    }

    /// At how many sizes it was measured.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.lock().expect("nobody panics with the lock").len()
    }

    /// Keeps what was measured at this size.
    pub fn put(&self, size: usize, value: T) {
        self.0.lock().expect("nobody panics with the lock").push((size.max(1).ilog2(), value));
    }
}

/// A clock, to find out who is faster.
#[cfg(target_arch = "wasm32")]
pub fn milliseconds() -> f64 {
    use wasm_bindgen::prelude::wasm_bindgen;
    #[wasm_bindgen]
    extern "C" {
        // The global object's, which windows and workers have alike.
        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        fn now() -> f64;
    }
    now()
}

/// A clock, to find out who is faster.
#[cfg(not(target_arch = "wasm32"))]
pub fn milliseconds() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

/// What tests of kernels need.
#[cfg(not(target_arch = "wasm32"))]
pub mod testing {
    use super::Device;

    /// A device with a GPU, lavapipe if there is nothing better. Under CI there must be one; elsewhere the test says that it did not run.
    pub fn gpu() -> Option<Device> {
        let device = pollster::block_on(Device::best());
        if device.gpu().is_none() {
            assert!(std::env::var_os("CI").is_none(), "no GPU adapter under CI: install mesa-vulkan-drivers (lavapipe)");
            eprintln!("NOT TESTED: no GPU adapter here; install mesa-vulkan-drivers for a software one");
            return None;
        }
        Some(device)
    }
}
