//! What reading a file takes: every answer is known to have come soon, within memory, and in the form that it should have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use run::data::{Array, read};

/// The system's allocator, counting what all threads hold, and the largest piece that one asked for.
struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged; the counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        PEAK.fetch_max(HELD.fetch_add(size as isize, Relaxed) + size as isize, Relaxed);
        LARGEST.fetch_max(size, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as isize, Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Keeps the other tests waiting: what they hold would be counted.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a reader may ask for in one piece: four times the file and 64 MiB.
pub fn allowed(bytes: &[u8]) -> usize {
    4 * bytes.len() + (64 << 20)
}

/// What `read` answers, and the most bytes that it held for it.
pub fn answer(name: &str, bytes: &[u8]) -> (Result<Vec<Array>, String>, usize) {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    LARGEST.store(0, Relaxed);
    let begin = Instant::now();
    let answer = read(name, bytes).map_err(|e| e.to_string());
    let (took, largest) = (begin.elapsed(), LARGEST.load(Relaxed));
    let peak = PEAK.load(Relaxed).saturating_sub(before).max(0) as usize;
    assert!(took < Duration::from_secs(20), "{name}: {took:?} for a file of {}", bytes.len());
    assert!(largest <= allowed(bytes), "{name}: {largest} bytes in one piece for a file of {}", bytes.len());
    match &answer {
        Ok(arrays) => {
            for array in arrays {
                assert_eq!(array.values.len(), array.shape.iter().product::<usize>(), "{name}");
                assert!(!array.shape.is_empty() && !array.values.is_empty() && array.values.iter().all(|v| !v.is_infinite()));
                assert!(array.columns.is_empty() || array.columns.len() == array.shape[1]);
            }
        }
        Err(sentence) => {
            assert!(
                sentence.starts_with(name) && sentence.len() < 400 && !sentence.chars().any(char::is_control),
                "{sentence:?}"
            );
        }
    }
    (answer, peak)
}

/// The files that programs in Python wrote, by name.
pub fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/files");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().into(), std::fs::read(path).unwrap())).collect()
}
