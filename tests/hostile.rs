//! Whatever the user drops: one sentence that names what and where, soon, within memory. Nothing panics.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Cursor, Write};

use orrery::data::{self, Array, MAX_BYTES, MAX_VALUES, read};
use orrery::methods::random::Random;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The system's allocator, counting what each thread holds, and the largest piece it ever asked for.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn count(change: isize) {
    let held = HELD.get() + change;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    LARGEST.set(LARGEST.get().max(change.max(0) as usize));
}

// SAFETY: every call is passed on unchanged; the counters neither allocate nor have destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `read` answers, once it is known to have kept within memory: no piece beyond four times the file and 64 MiB.
fn answer(name: &str, bytes: &[u8]) -> Result<Vec<Array>, String> {
    let before = HELD.get();
    PEAK.set(before);
    LARGEST.set(0);
    let answer = read(name, bytes).map_err(|e| e.to_string());
    let allowed = 4 * bytes.len() + (64 << 20);
    let (largest, peak) = (LARGEST.get(), (PEAK.get() - before) as usize);
    assert!(largest <= allowed, "{name}: {largest} bytes in one piece for a file of {}", bytes.len());
    assert!(peak <= allowed + (96 << 20), "{name}: {peak} bytes held for a file of {}", bytes.len());
    match &answer {
        Ok(arrays) => {
            for array in arrays {
                assert_eq!(array.values.len(), array.shape.iter().product::<usize>(), "{name}");
                assert!(!array.shape.is_empty() && !array.values.is_empty() && array.values.iter().all(|v| v.is_finite()));
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
    answer
}

fn says(name: &str, bytes: &[u8]) -> String {
    match answer(name, bytes) {
        Ok(arrays) => panic!("{name} is read: {} arrays, the first of shape {:?}", arrays.len(), arrays[0].shape),
        Err(sentence) => sentence,
    }
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn zipped(method: CompressionMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/files");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().into(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn nothing_and_far_too_much() {
    for name in ["a.csv", "a.npy", "a.npz"] {
        assert_eq!(says(name, b""), format!("{name}: the file is empty (0 bytes)"));
    }
    assert!(
        data::check_size("a.npy", 1 << 30).unwrap_err().to_string().contains("1024 MB are too many; files of at most 256 MB")
    );
    assert!(data::check_size("a.npy", MAX_BYTES).is_ok());
    // Zeros are not touched before they are read: this costs no memory.
    assert!(says("a.csv", &vec![0; MAX_BYTES as usize + 1]).contains("too many"));
}

#[test]
fn cut_off_anywhere() {
    for (name, bytes) in fixtures() {
        for length in 0..bytes.len() {
            let part = answer(&name, &bytes[..length]);
            assert!(part.is_err() || name.ends_with("csv") || name.ends_with("txt"), "{name} cut off at {length}");
        }
    }
}

#[test]
fn ten_million_rows() {
    let rows = "0.5\n".repeat(10_000_000);
    assert_eq!(
        says("a.csv", rows.as_bytes()),
        "a.csv: about 10000000 numbers are too many; at most 8 million are read, so take every k-th row"
    );
    // As many as are allowed are read.
    assert_eq!(answer("a.csv", &rows.as_bytes()[..4 * MAX_VALUES]).unwrap()[0].shape, [MAX_VALUES, 1]);
    let header = "wide,".repeat(1_500_000);
    assert_eq!(says("a.csv", header.as_bytes()), "a.csv: a line has 1500001 cells; tables of at most 1000000 columns are read");
    answer("a.csv", format!("{0}\n{1}\n", &header[..4_999_999], &"0,".repeat(1_000_000)[..1_999_999]).as_bytes()).unwrap();
    let wide = ",".repeat(20_000_000);
    assert!(says("a.csv", wide.as_bytes()).contains("too many"));
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (10000000, 1), }";
    assert_eq!(
        says("a.npy", &npy(header, &vec![1; 10_000_000])),
        "a.npy: 10000000 numbers are too many; at most 8 million are read, so take every k-th row"
    );
    let most = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': ({}, 2), }}", MAX_VALUES / 2);
    assert_eq!(answer("a.npy", &npy(&most, &vec![1; MAX_VALUES])).unwrap()[0].shape, [MAX_VALUES / 2, 2]);
}

#[test]
fn text_without_an_end() {
    let long = |piece: &str| piece.repeat(5_000_000 / piece.len());
    for piece in ["\"", "a", "\"a", "9", "1e", " ", "\n", "\r", "#", "\"\n", "\0", "é", "\"\"", ";", "a \n", "x\r"] {
        says("a.csv", long(piece).as_bytes());
        says("a.csv", format!("a,b\n1,2\n3,{}", long(piece)).as_bytes());
        says("a.csv", format!("\"{}", long(piece)).as_bytes());
    }
}

#[test]
fn shapes_that_lie() {
    for shape in [
        "(1099511627776,)",
        "(4294967296, 4294967296)",
        "(18446744073709551615,)",
        "(3, 4)",
        "(0, 9)",
        "(-1,)",
        "(1e3,)",
        "3",
        "(2,,)",
        "((2),)",
    ] {
        for order in ["True", "False"] {
            says("a.npy", &npy(&format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}, }}"), &[0; 64]));
        }
    }
    let brackets = "(".repeat(60_000);
    assert!(
        says("a.npy", &npy(&brackets, b"")).contains("its header is damaged: '{' should stand where '(((((((((((((((((((…' is")
    );
    says("a.npy", &npy(&format!("{{'descr': {brackets}"), b""));
    says("a.npy", &npy(&format!("{{'shape': {brackets}"), b""));
    says("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'");
}

#[test]
fn not_a_number_has_a_place() {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
    let with = |value: f64, index: usize| {
        let data: Vec<u8> = (0..6).flat_map(|i| if i == index { value } else { 0.0 }.to_le_bytes()).collect();
        says("a.npy", &npy(header, &data))
    };
    assert_eq!(with(f64::NAN, 4), "a.npy: row 2, column 2 (counted from 1) is NaN; every number must be finite");
    assert_eq!(with(f64::NEG_INFINITY, 0), "a.npy: row 1, column 1 (counted from 1) is -inf; every number must be finite");
    let filled = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", &[0xff; 16]);
    assert_eq!(
        says("a.npz", &zipped(CompressionMethod::Deflated, &[("x.npy", &filled)])),
        "a.npz/x: number 1 (counted from 1) is NaN; every number must be finite"
    );
}

#[test]
fn archives_that_are_none() {
    let (stored, deflated) = (CompressionMethod::Stored, CompressionMethod::Deflated);
    let good = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (8,), }", &[0; 64]);
    assert_eq!(answer("a.npz", &zipped(deflated, &[("x.npy", &good), ("y.txt", b"no array")])).unwrap().len(), 1);
    for (bytes, sentence) in [
        (zipped(stored, &[]), "a.npz: the archive has no npy arrays in it; numpy.savez writes them"),
        (zipped(stored, &[("a.txt", b"hello")]), "a.npz: the archive has no npy arrays in it; numpy.savez writes them"),
        (zipped(stored, &[("x.npy", b"hello")]), "a.npz/x: does not begin like an npy file; numpy.save writes one"),
        (zipped(stored, &[("x.npy", b"")]), "a.npz/x: the file is empty (0 bytes)"),
        (zipped(stored, &[("a\u{7}\n.npy", b"")]), "a.npz/a··: the file is empty (0 bytes)"),
        (good.clone(), "a.npz: is an npy array, not an npz archive; name it .npy"),
        (b"1,2,3\n".to_vec(), "a.npz: is not an npz archive; numpy.savez writes one"),
    ] {
        assert_eq!(says("a.npz", &bytes), sentence);
    }
    assert!(says("a.npy", &zipped(stored, &[("x.npy", &good)])).contains("is a zip archive"));

    // Bit 0 of the flags in the local header and in the directory says that a member is encrypted.
    let mut locked = zipped(stored, &[("x.npy", &good)]);
    let directory = locked.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    locked[6] |= 1;
    locked[directory + 8] |= 1;
    assert_eq!(says("a.npz", &locked), "a.npz: the archive is encrypted");

    // A byte of the content, behind the checksum's back.
    let mut damaged = zipped(stored, &[("x.npy", &good)]);
    let content = damaged.windows(6).position(|w| w == b"\x93NUMPY").unwrap();
    damaged[content + 90] ^= 1;
    assert!(says("a.npz", &damaged).starts_with("a.npz/x: is damaged or cut off"));
}

#[test]
fn bombs_do_not_go_off() {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (100000000,), }";
    let bomb = zipped(CompressionMethod::Deflated, &[("x.npy", &npy(header, &vec![0; 100_000_000]))]);
    assert!(bomb.len() < 200_000);
    let sentence = says("a.npz", &bomb);
    assert!(sentence.starts_with("a.npz/x: unpacks to far more than an archive of"), "{sentence}");

    // The same with a size of 64 bytes declared in both headers.
    let mut liar = bomb.clone();
    let directory = liar.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    liar[22..26].copy_from_slice(&64u32.to_le_bytes());
    liar[directory + 24..directory + 28].copy_from_slice(&64u32.to_le_bytes());
    says("a.npz", &liar);
    // And with four gigabytes declared for a hundred bytes.
    let mut boaster = zipped(CompressionMethod::Deflated, &[("x.npy", b"hello")]);
    let directory = boaster.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    boaster[directory + 24..directory + 28].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff]);
    says("a.npz", &boaster);

    // Many small charges: each within the limit, all together not.
    let charge = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000,), }", &vec![0; 4_000_000]);
    let names: Vec<String> = (0..30).map(|i| format!("{i}.npy")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &charge[..])).collect();
    assert!(says("a.npz", &zipped(CompressionMethod::Deflated, &many)).contains("numbers are too many"));
    // A directory of a million members.
    assert_eq!(says("a.npz", &b"PK\x01\x02".repeat(1_000_000)), "a.npz: the archive has more than 10000 members");
}

/// A hundred thousand files that were good once.
#[test]
fn a_hundred_thousand_mutations() {
    let mut files = fixtures();
    let digits = &include_bytes!("../www/data/digits.npz")[..];
    files.push(("small.npz".into(), zipped(CompressionMethod::Stored, &[("a.npy", &files[0].1), ("b.npy", &files[1].1)])));
    let mut random = Random::new(1, "mutations");
    let words: [&[u8]; 14] = [
        b"PK\x05\x06",
        b"PK\x01\x02",
        b"PK\x03\x04",
        b"PK\x06\x07",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"'shape': (",
        b"9999999999,",
        b"nan",
        b"\"",
        b"\n",
        b",,,",
        b"'<f8'",
        b"{",
    ];
    let mut read_well = 0;
    for round in 0..100_000 {
        let (name, bytes) = &files[random.below(files.len())];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len() + 1);
            match random.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
                1 if at < bytes.len() => bytes[at] = random.bits() as u8,
                2 => bytes.truncate(at),
                3 => drop(bytes.splice(at..at, words[random.below(words.len())].iter().copied())),
                4 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
                _ => {
                    let word = words[random.below(words.len())];
                    let end = (at + word.len()).min(bytes.len());
                    drop(bytes.splice(at..end, word.iter().copied()));
                }
            }
        }
        // One in ten under a wrong name.
        let wrong = ["a.csv", "a.npy", "a.npz"][random.below(3)];
        read_well += usize::from(answer(if round % 10 == 0 { wrong } else { name }, &bytes).is_ok());
    }
    assert!((5_000..50_000).contains(&read_well), "mutations are neither all harmless nor all fatal: {read_well}");
    for _ in 0..200 {
        let mut bytes = digits.to_vec();
        (0..3).for_each(|_| bytes[random.below(digits.len())] = random.bits() as u8);
        let _ = answer("digits.npz", &bytes);
        let mut library = data::Library::default();
        if library.put(data::Dataset::Digits, &bytes).is_err() {
            assert!(!library.has(data::Dataset::Digits));
        }
    }
}
