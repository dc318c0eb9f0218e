//! A hundred thousand files for every reader that were good once: no panic, no hang, no more memory than a file may take.

mod counting;

use std::io::{Read, Write};

use counting::{allowed, alone, answer, fixtures};
use flate2::{Compression, Crc, read::ZlibDecoder, write::ZlibEncoder};
use ground::random::Random;
use run::data::{Dataset, Kind, Library};

const ROUNDS: usize = 100_000;

/// Reads mutations of the good files of this kind; `mend` makes checksums right again in most. How many were read well
/// must be between `least` and `most` of a hundred: mutations are neither all harmless nor all fatal.
fn mutate(kind: Kind, words: &[&[u8]], mend: fn(Vec<u8>, &mut Random) -> Vec<u8>, least: usize, most: usize) {
    let _alone = alone();
    let good = |name: &str, bytes: &[u8]| Kind::of(name) == Ok(kind) && answer(name, bytes).0.is_ok();
    let mut files = fixtures();
    // Small ones: what a large one has more of takes time alone.
    files.retain(|(name, bytes)| bytes.len() < 4096 && good(name, bytes));
    assert!(files.len() >= 3, "{kind:?}: {} files", files.len());
    let mut random = Random::new(1, kind.endings()[0]);
    let mut read_well = 0;
    for round in 0..ROUNDS {
        let (name, bytes) = &files[random.below(files.len())];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(2) {
            change(&mut bytes, words, &mut random);
        }
        if random.below(4) > 0 {
            bytes = mend(bytes, &mut random);
        }
        // One in twenty under another kind's name.
        let other = Kind::ALL[random.below(Kind::ALL.len())].endings()[0];
        let name = if round % 20 == 0 { &format!("a.{other}") } else { name };
        let (answer, peak) = answer(name, &bytes);
        assert!(peak <= allowed(&bytes), "{name}: {peak} bytes held for a file of {}", bytes.len());
        read_well += usize::from(answer.is_ok());
    }
    let share = 100 * read_well / ROUNDS;
    println!("{kind:?}: {share} of a hundred were read");
    assert!((least..=most).contains(&share), "{kind:?}: {share} of a hundred were read");
}

/// One change: a bit, a byte, a length made larger, a cut, something put in, left out or written over.
fn change(bytes: &mut Vec<u8>, words: &[&[u8]], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let word = words[random.below(words.len())];
    match random.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.bits() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.splice(at..at, word.iter().copied())),
        4 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
        5 => inflate(&mut bytes[at..], random),
        // A number written in digits gets one more.
        6 => {
            if let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
                bytes.insert(at + digit, b'1' + random.below(9) as u8);
            }
        }
        _ => {
            let end = (at + word.len()).min(bytes.len());
            drop(bytes.splice(at..end, word.iter().copied()));
        }
    }
}

/// Makes the whole number at the beginning of `bytes`, of 2, 4 or 8 bytes and either order, larger.
fn inflate(bytes: &mut [u8], random: &mut Random) {
    let size = [2, 4, 8][random.below(3)];
    let Some(bytes) = bytes.get_mut(..size) else { return };
    let big_endian = random.below(2) == 0;
    let place = |i: usize| if big_endian { size - 1 - i } else { i };
    let old = (0..size).fold(0u64, |n, i| n | u64::from(bytes[place(i)]) << (8 * i));
    let new = match random.below(4) {
        0 => old.wrapping_mul(2 + random.below(300) as u64),
        1 => old.wrapping_add(1 << random.below(8 * size)),
        2 => u64::MAX,
        _ => u64::MAX >> 1 >> (64 - 8 * size),
    };
    (0..size).for_each(|i| bytes[place(i)] = (new >> (8 * i)) as u8);
}

fn as_it_is(bytes: Vec<u8>, _: &mut Random) -> Vec<u8> {
    bytes
}

/// The parts of a png, as far as they can be told.
fn parts(bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut parts = Vec::new();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>()
        && let Some((kind, after)) = after.split_first_chunk::<4>()
    {
        let (data, after) = after.split_at(after.len().min(u32::from_be_bytes(*length) as usize));
        parts.push((*kind, data));
        rest = after.get(4..).unwrap_or_default();
    }
    parts
}

/// A png with the right checksums; in every second one the rows are changed instead of what they are packed into.
fn seal(bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let mut sealed = bytes[..bytes.len().min(8)].to_vec();
    let parts = parts(&bytes);
    let packed: Vec<u8> = parts.iter().filter(|(kind, _)| kind == b"IDAT").flat_map(|(_, data)| *data).copied().collect();
    let mut rows = Vec::new();
    let unpacks = ZlibDecoder::new(&packed[..]).take(1 << 16).read_to_end(&mut rows).is_ok();
    let again = (unpacks && random.below(2) == 0).then(|| {
        for _ in 0..random.below(4) {
            change(&mut rows, &[b"\x00", b"\x04", b"\xff\xff"], random);
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&rows).unwrap();
        encoder.finish().unwrap()
    });
    let mut write = |kind: &[u8; 4], data: &[u8]| {
        let content = [kind, data].concat();
        let mut crc = Crc::new();
        crc.update(&content);
        sealed.extend((data.len() as u32).to_be_bytes());
        sealed.extend(content);
        sealed.extend(crc.sum().to_be_bytes());
    };
    let mut repacked = again.as_deref();
    for (kind, data) in parts {
        match (&kind, &again) {
            (b"IDAT", Some(_)) => {
                if let Some(data) = repacked.take() {
                    write(&kind, data);
                }
            }
            _ => write(&kind, data),
        }
    }
    sealed
}

#[test]
fn csv() {
    mutate(Kind::Csv, &[b"\"", b"\n", b",,,", b"nan", b"1e999", b"#", b";", b"\xff\xfe", b"\r", b"\0", b"  "], as_it_is, 10, 60);
}

#[test]
fn npy() {
    let words: [&[u8]; 9] =
        [b"'shape': (", b"9999999999,", b"'<f8'", b"'|O'", b"{", b"(", b"True", b"\x93NUMPY\x02\x00", b"\0\0\xc0\x7f"];
    mutate(Kind::Npy, &words, as_it_is, 10, 60);
}

#[test]
fn npz() {
    let words: [&[u8]; 8] =
        [b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04", b"PK\x06\x07", b"PK\x06\x06", b"\xff\xff\xff\xff", b"\0\0\0\0", b".npy"];
    // Most of an archive of a dozen arrays is content under a checksum.
    mutate(Kind::Npz, &words, as_it_is, 5, 60);
}

#[test]
fn safetensors() {
    let words: [&[u8]; 12] = [
        b"{",
        b"}",
        b"[",
        b"\"",
        b"\\u",
        b"\\ud800",
        b",",
        b"\"__metadata__\":{",
        b"\"F64\"",
        b"\"BF16\"",
        b"9999999999",
        b"\0\0\xc0\x7f",
    ];
    mutate(Kind::Safetensors, &words, as_it_is, 3, 60);
}

#[test]
fn png() {
    let words: [&[u8]; 8] = [b"IDAT", b"IEND", b"PLTE", b"tRNS", b"\0\0\0\0IDAT", b"\0\x20\0\0", b"\0", b"\x10"];
    mutate(Kind::Png, &words, seal, 3, 60);
}

#[test]
fn jpg() {
    let words: [&[u8]; 10] = [
        b"\xff\xd8",
        b"\xff\xd9",
        b"\xff\xda",
        b"\xff\xc4",
        b"\xff\xc0",
        b"\xff\xc2",
        b"\xff\xdb",
        b"\xff\xdd\0\x04\0\x01",
        b"\xff\x00",
        b"\x22",
    ];
    mutate(Kind::Jpg, &words, as_it_is, 5, 70);
}

/// The data sets that come with the site, damaged on their way.
#[test]
fn shipped_data() {
    let _alone = alone();
    let digits = &include_bytes!("../www/data/digits.npz")[..];
    let mut random = Random::new(1, "digits");
    for _ in 0..200 {
        let mut bytes = digits.to_vec();
        (0..3).for_each(|_| bytes[random.below(digits.len())] = random.bits() as u8);
        let _ = answer("digits.npz", &bytes);
        let mut library = Library::default();
        if library.put(Dataset::Digits, &bytes).is_err() {
            assert!(!library.has(Dataset::Digits));
        }
    }
}
