//! Digests of the sources, by which the ledger tells whether a run that it holds is still the run that these sources make.

use std::fs;
use std::path::{Path, PathBuf};

/// What every run hangs on.
const COMMON: [&str; 8] = ["src/ground", "src/methods", "src/gpu", "src/run", "shaders", "www/data", "Cargo.toml", "Cargo.lock"];
/// Where experiments are; a run hangs on its own files there.
const OWN: [&str; 2] = ["src/labs", "src/instruments"];

fn main() {
    COMMON.iter().chain(&OWN).for_each(|path| println!("cargo::rerun-if-changed={path}"));
    let compiler = std::process::Command::new(std::env::var_os("RUSTC").expect("cargo tells it")).arg("-Vv").output();
    let mut common = digest(FNV, &compiler.map(|told| told.stdout).unwrap_or_default());
    files(&COMMON).iter().for_each(|file| common = digest(common, &fs::read(file).expect("it was there just now")));
    let mut source = format!("/// Of what every run hangs on.\npub const COMMON: u64 = {common};\n");
    source += "/// Of the experiments' own files, by their paths.\npub const OWN: &[(&str, u64)] = &[\n";
    for file in files(&OWN) {
        let own = digest(FNV, &fs::read(&file).expect("it was there just now"));
        source += &format!("    ({:?}, {own}),\n", file.display().to_string());
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo tells it"));
    fs::write(out.join("digests.rs"), source + "];\n").expect("cargo's folder can be written");
}

/// The files in these places that runs hang on, in the order of their names.
fn files(places: &[&str]) -> Vec<PathBuf> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_file() {
            found.push(path.into());
        } else if let Ok(entries) = fs::read_dir(path) {
            entries.flatten().for_each(|entry| walk(&entry.path(), found));
        }
    }
    let mut found = Vec::new();
    places.iter().for_each(|place| walk(Path::new(place), &mut found));
    found.retain(|file| file.extension().is_some_and(|ending| ending != "md"));
    found.sort();
    found
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits: not against malice, but against chance.
fn digest(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}
