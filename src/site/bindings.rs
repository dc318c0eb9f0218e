//! The compiled library as the browser loads it: JavaScript bindings, and wasm made small and fast by wasm-opt.

use std::path::Path;
use std::process::{Command, Stdio};

use wasm_bindgen_cli_support::Bindgen;

use super::keep::Kept;
use super::{Files, read};
use ground::error::{Error, Result};

/// Where npm puts wasm-opt, and what says which one it is.
const WASM_OPT: &str = "tests/node_modules/binaryen/bin/wasm-opt";
const PACKAGE: &str = "tests/node_modules/binaryen/package.json";

/// `-O3`, with the features that rustc's code and the bindings use; every browser has had them since 2023.
const OPTIONS: [&str; 9] = [
    "-O3",
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Puts `orrery.js` and `orrery_bg.wasm` into `files`, made from the compiled library at `wasm`.
pub fn make(wasm: &Path, kept: &Kept, files: &mut Files) -> Result<()> {
    if !wasm.is_file() {
        return Err(Error::new(format!("{}: not there; './dev build' compiles it", wasm.display())));
    }
    let fails = |e| Error::new(format!("{}: no bindings can be made for it ({e:#})", wasm.display()));
    let mut bindgen = Bindgen::new();
    // The page compiles the module once and hands it to its workers: no address of it in the bindings.
    bindgen.input_bytes("orrery", read(wasm)?).typescript(false).omit_default_module_path(true);
    let mut output = bindgen.web(true).and_then(|bindgen| bindgen.generate_output()).map_err(fails)?;
    if output.snippets().values().any(|modules| !modules.is_empty()) || !output.local_modules().is_empty() {
        return Err(Error::new(format!("{}: brings JavaScript of its own along; modules belong in www", wasm.display())));
    }
    files.insert("orrery.js".into(), output.js().as_bytes().to_vec());
    files.insert("orrery_bg.wasm".into(), optimise(output.wasm_mut().emit_wasm(), kept)?);
    Ok(())
}

/// The module after wasm-opt, or as it is where there is none.
fn optimise(module: Vec<u8>, kept: &Kept) -> Result<Vec<u8>> {
    let Ok(version) = read(Path::new(PACKAGE)) else {
        eprintln!("wasm-opt: not installed ('npm ci' in tests); the wasm stays larger and slower than it could be");
        return Ok(module);
    };
    kept.or_make(&[&module, OPTIONS.join(" ").as_bytes(), &version], || {
        let folder = std::env::temp_dir().join(format!("orrery-wasm-opt-{}", std::process::id()));
        let (before, after) = (folder.join("before.wasm"), folder.join("after.wasm"));
        let fails = |why: String| Error::new(format!("{WASM_OPT}: {why}"));
        std::fs::create_dir_all(&folder).map_err(|e| fails(e.to_string()))?;
        std::fs::write(&before, &module).map_err(|e| fails(e.to_string()))?;
        let mut run = Command::new("node");
        run.arg(WASM_OPT).arg(&before).args(OPTIONS).arg("-o").arg(&after).stdin(Stdio::null());
        let ended = run.output().map_err(|e| fails(format!("cannot be run with node ({e})")))?;
        let optimised = read(&after);
        let _ = std::fs::remove_dir_all(&folder);
        if !ended.status.success() {
            return Err(fails(String::from_utf8_lossy(&ended.stderr).trim().lines().last().unwrap_or("failed").into()));
        }
        optimised
    })
}
