//! Whatever the user drops: one sentence that names what and where, soon, within memory. Nothing panics.

mod counting;

use std::io::{Cursor, Write};

use counting::{allowed, alone, fixtures};
use flate2::{Compression, Crc, write::ZlibEncoder};
use ground::file::{MAX_BYTES, check_size};
use run::data::{Array, Kind, MAX_VALUES};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What a reader answers, known to have kept within memory.
fn answer(name: &str, bytes: &[u8]) -> Result<Vec<Array>, String> {
    let (answer, peak) = counting::answer(name, bytes);
    assert!(peak <= allowed(bytes) + (96 << 20), "{name}: {peak} bytes held for a file of {}", bytes.len());
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

/// A png of this size, depth and type of colour, with these rows, which begin with their filters.
fn png(width: u32, height: u32, depth: u8, kind: u8, rows: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(rows).unwrap();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, kind, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", packed.finish().unwrap()), (b"IEND", Vec::new())] {
        let content = [kind, &data[..]].concat();
        let mut crc = Crc::new();
        crc.update(&content);
        png.extend([&(data.len() as u32).to_be_bytes()[..], &content, &crc.sum().to_be_bytes()].concat());
    }
    png
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn nothing_and_far_too_much() {
    let _alone = alone();
    for kind in Kind::ALL {
        let name = format!("a.{}", kind.endings()[0]);
        assert_eq!(says(&name, b""), format!("{name}: the file is empty (0 bytes)"));
    }
    assert!(check_size("a.npy", 1 << 30).unwrap_err().to_string().contains("1024 MB are too many; files of at most 256 MB"));
    assert!(check_size("a.npy", MAX_BYTES).is_ok());
    // Zeros are not touched before they are read: this costs no memory.
    assert!(says("a.csv", &vec![0; MAX_BYTES as usize + 1]).contains("too many"));
}

#[test]
fn cut_off_anywhere() {
    let _alone = alone();
    for (name, bytes) in fixtures() {
        for length in 0..bytes.len() {
            let part = answer(&name, &bytes[..length]);
            assert!(part.is_err() || name.ends_with("csv") || name.ends_with("txt"), "{name} cut off at {length}");
        }
    }
}

#[test]
fn twenty_million_rows() {
    let _alone = alone();
    let rows = "0.5\n".repeat(20_000_000);
    assert_eq!(
        says("a.csv", rows.as_bytes()),
        "a.csv: about 20000000 numbers are too many; at most 16 million are read, so take every k-th row"
    );
    // As many as are allowed are read.
    assert_eq!(answer("a.csv", &rows.as_bytes()[..4 * MAX_VALUES]).unwrap()[0].shape, [MAX_VALUES, 1]);
    let header = "wide,".repeat(1_500_000);
    assert_eq!(says("a.csv", header.as_bytes()), "a.csv: a line has 1500001 cells; tables of at most 1000000 columns are read");
    answer("a.csv", format!("{0}\n{1}\n", &header[..4_999_999], &"0,".repeat(1_000_000)[..1_999_999]).as_bytes()).unwrap();
    let wide = ",".repeat(20_000_000);
    assert!(says("a.csv", wide.as_bytes()).contains("too many"));
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (20000000, 1), }";
    assert_eq!(
        says("a.npy", &npy(header, &vec![1; 20_000_000])),
        "a.npy: 20000000 numbers are too many; at most 16 million are read, so take every k-th row"
    );
    let most = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': ({}, 2), }}", MAX_VALUES / 2);
    assert_eq!(answer("a.npy", &npy(&most, &vec![1; MAX_VALUES])).unwrap()[0].shape, [MAX_VALUES / 2, 2]);
}

#[test]
fn text_without_an_end() {
    let _alone = alone();
    let long = |piece: &str| piece.repeat(5_000_000 / piece.len());
    for piece in ["\"", "a", "\"a", "9", "1e", " ", "\n", "\r", "#", "\"\n", "\0", "é", "\"\"", ";", "a \n", "x\r"] {
        says("a.csv", long(piece).as_bytes());
        // Blanks, quoted or not, are a gap.
        let blank = piece.trim_matches('"').trim().is_empty();
        assert!(answer("a.csv", format!("a,b\n1,2\n3,{}", long(piece)).as_bytes()).is_err() || blank, "{piece:?}");
        says("a.csv", format!("\"{}", long(piece)).as_bytes());
    }
}

#[test]
fn shapes_that_lie() {
    let _alone = alone();
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
fn what_is_no_number_is_a_gap() {
    let _alone = alone();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
    for value in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        for index in [0, 4] {
            let data: Vec<u8> = (0..6).flat_map(|i| if i == index { value } else { 0.5 }.to_le_bytes()).collect();
            let array = answer("a.npy", &npy(header, &data)).unwrap().remove(0);
            assert!(array.values.iter().enumerate().all(|(i, v)| if i == index { v.is_nan() } else { *v == 0.5 }));
            let (row, column) = (index / 3 + 1, index % 3 + 1);
            let place = format!("a.npy: row {row}, column {column} is empty or not finite; every number must be finite here");
            assert_eq!(array.check_finite().unwrap_err().to_string(), place);
            assert_eq!(array.check_single().unwrap_err().to_string(), place);
        }
    }
    let filled = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", &[0xff; 16]);
    let array = answer("a.npz", &zipped(CompressionMethod::Deflated, &[("x.npy", &filled)])).unwrap().remove(0);
    assert!(array.values.iter().all(|v| v.is_nan()));
}

#[test]
fn archives_that_are_none() {
    let _alone = alone();
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
    let _alone = alone();
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
    assert!(says("a.npz", &zipped(CompressionMethod::Deflated, &many)).contains("unpacks to far more than an archive of"));
    // What is more than may be read is left out.
    let some = run::data::open("a.npz", &zipped(CompressionMethod::Deflated, &many[..6])).unwrap();
    assert_eq!((some.arrays.len(), some.notes.len()), (4, 2));
    assert!(some.notes[0].contains("left out: a.npz/4: with those before it, 20000000 numbers are too many"), "{:?}", some.notes);
    // A directory of a million members.
    assert_eq!(says("a.npz", &b"PK\x01\x02".repeat(1_000_000)), "a.npz: the archive has more than 10000 members");
}

#[test]
fn pictures_larger_than_they_are() {
    let _alone = alone();
    // As large as may be.
    let most = png(4096, 4096, 16, 6, &vec![0; (1 + 8 * 4096) * 4096]);
    assert!(most.len() < 200_000);
    let picture = answer("a.png", &most).unwrap().remove(0);
    // Black, and transparent.
    assert_eq!((&picture.shape[..], picture.values[77]), (&[1024, 1024, 3][..], 255.0));
    // Means of four pixels, of two at the edges, and of one in the corner.
    let rows: Vec<u8> = (0..1025)
        .flat_map(|y| std::iter::once(0).chain((0..2049).map(move |x| x % 2 * 100 + y % 2 * 50)))
        .map(|v: i32| v as u8)
        .collect();
    let halved = answer("a.png", &png(2049, 1025, 8, 0, &rows)).unwrap().remove(0);
    let at = |row: usize, column: usize| halved.values[3 * (row * 1025 + column)];
    assert_eq!(
        (&halved.shape[..], at(7, 9), at(7, 1024), at(512, 9), at(512, 1024)),
        (&[513, 1025, 3][..], 75.0, 25.0, 50.0, 0.0)
    );
    assert!(says("a.png", &png(4097, 4096, 1, 0, &[0; 64])).contains("4097 x 4096 pixels are too many"));
    assert!(says("a.png", &png(u32::MAX, u32::MAX, 16, 6, &[0; 64])).contains("pixels are too many"));
    assert!(says("a.png", &png(0, 4, 8, 0, &[0; 4])).contains("its header says 0 x 4 pixels"));
    assert!(says("a.png", &png(2000, 1000, 8, 2, &[0; 64])).contains("bytes cannot hold 2000 x 1000 pixels"));
    assert!(says("a.png", &png(2, 2, 8, 0, &[0; 60])).contains("it holds more than its size says"));
    assert!(says("a.png", &png(2, 2, 8, 3, &[0; 6])).contains("a colour is not in its palette"));
    assert!(says("a.png", &png(2, 2, 8, 0, &[0, 1, 2, 9, 1, 2])).contains("a row has an unknown filter"));
    assert!(says("a.png", &png(2, 2, 3, 0, &[0; 6])).contains("its header is damaged"));
    // Ten million parts without anything in them.
    let empty = [&most[..33], &b"\0\0\0\0IDAT\x35\xaf\x06\x1e".repeat(1_000_000)].concat();
    assert_eq!(says("a.png", &empty), "a.png: the file is cut off");

    let (_, photo) = fixtures().into_iter().find(|(name, _)| name == "progressive.jpg").unwrap();
    let frame = photo.windows(2).position(|w| w == b"\xff\xc2").unwrap() + 5;
    let sized = |height: u16, width: u16| {
        let mut photo = photo.clone();
        photo[frame..frame + 4].copy_from_slice(&[height.to_be_bytes(), width.to_be_bytes()].concat());
        says("a.jpg", &photo)
    };
    assert!(sized(0xffff, 0xffff).contains("65535 x 65535 pixels are too many"));
    assert!(sized(1000, 2000).contains("bytes cannot hold 2000 x 1000 pixels"));
    // The last scan again and again.
    let last = photo.windows(2).rposition(|w| w == b"\xff\xda").unwrap();
    let scans = [&photo[..last], &photo[last..photo.len() - 2].repeat(1000), b"\xff\xd9"].concat();
    assert!(says("a.jpg", &scans).contains("scans where a progressive jpg has about ten"));
    assert!(says("a.jpg", b"\xff\xd8\xff\xd9").starts_with("a.jpg: is damaged"));
}

#[test]
fn tensors_that_lie() {
    let _alone = alone();
    let one = |i: usize, place: &str| format!("\"{i}\":{{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":{place}}}");
    let all = |n: usize, place: &dyn Fn(usize) -> String| {
        let entries: Vec<String> = (0..n).map(|i| one(i, &place(i))).collect();
        format!("{{{}}}", entries.join(","))
    };
    // All tensors in the same place, and one after the other.
    assert!(says("a.safetensors", &safetensors(&all(9000, &|_| "[0,8]".into()), &[0; 8])).contains("leave a gap or overlap"));
    let places = |i: usize| format!("[{},{}]", 8 * i, 8 * i + 8);
    assert_eq!(answer("a.safetensors", &safetensors(&all(10_000, &places), &vec![7; 80_000])).unwrap().len(), 10_000);
    let many = safetensors(&all(10_001, &places), &vec![7; 80_008]);
    assert_eq!(says("a.safetensors", &many), "a.safetensors: has more than 10000 tensors");
    let large = "{\"w\":{\"dtype\":\"F16\",\"shape\":[17000000],\"data_offsets\":[0,34000000]}}";
    assert!(says("a.safetensors", &safetensors(large, &vec![0; 34_000_000])).contains("numbers are too many"));
    for piece in ["{", "[", "\"", "\\", "\\u", "{\"a\":", "{\"a\":{\"shape\":[", "9", "{\"__metadata__\":{\"a\":\"", "\u{e9}"] {
        says("a.safetensors", &safetensors(&piece.repeat(1_000_000 / piece.len()), &[]));
        says("a.safetensors", &safetensors(&format!("{{{}", piece.repeat(1_000_000 / piece.len())), &[]));
    }
    // A header as long as a pickle or an archive begins.
    for length in [0x280, 0x580, 0x4b50] {
        let tensor = "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}";
        let padded = format!("{tensor}{}", " ".repeat(length - tensor.len()));
        assert_eq!(answer("a.safetensors", &safetensors(&padded, &[0; 8])).unwrap().len(), 1);
    }
    for length in [u64::MAX, 1 << 63, 1 << 32, 3] {
        says("a.safetensors", &[&length.to_le_bytes()[..], b"{}"].concat());
    }
}
