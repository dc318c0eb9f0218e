//! The compiled modules as the browser loads them: JavaScript bindings, and wasm made small and fast by wasm-opt.

use std::path::Path;
use std::process::{Command, Stdio};

use wasm_bindgen_cli_support::Bindgen;

use super::keep::Kept;
use super::{Files, Making, each, read};
use crate::catalogue::{entries, module};
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

/// The page's module.
pub const PAGE: &str = "page";
/// The module of tests and measurements; in a folder of its own, where it is no part of what visitors get.
const TIMERS: &str = "timers";

/// Puts `NAME.js` and `NAME_bg.wasm` into `files` for every module, made from what is compiled in the folder `compiled`.
pub fn make(compiled: &Path, kept: &Kept, making: Making, files: &mut Files) -> Result<()> {
    let mut names: Vec<String> = entries().map(|entry| module(entry).name).chain([PAGE.to_string()]).collect();
    names.extend(making.timers.then(|| TIMERS.to_string()));
    names.sort();
    names.dedup();
    for (name, made) in names.iter().zip(each(&names, |name| bind(compiled, name, kept, making))) {
        let (script, wasm) = made?;
        let folder = if name == TIMERS { "timers/" } else { "" };
        files.insert(format!("{folder}{name}.js"), script);
        files.insert(format!("{folder}{name}_bg.wasm"), wasm);
    }
    Ok(())
}

/// Bindings and wasm of a module.
fn bind(compiled: &Path, name: &str, kept: &Kept, making: Making) -> Result<(Vec<u8>, Vec<u8>)> {
    let path = compiled.join(format!("orrery_{}.wasm", name.replace('-', "_")));
    if !path.is_file() {
        return Err(Error::new(format!("{}: not there; './dev build' compiles it", path.display())));
    }
    let fails = |why: String| Error::new(format!("{}: no bindings can be made for it ({why})", path.display()));
    let compiled = read(&path)?;
    let bound = kept.or_make(&[b"bindings", name.as_bytes(), &compiled], || {
        let mut bindgen = Bindgen::new();
        // The page compiles a module once and hands it to its workers: no address of it in the bindings.
        bindgen.input_bytes(name, compiled.clone()).typescript(false).omit_default_module_path(true);
        let mut output = bindgen.web(true).and_then(|bindgen| bindgen.generate_output()).map_err(|e| fails(format!("{e:#}")))?;
        if output.snippets().values().any(|modules| !modules.is_empty()) || !output.local_modules().is_empty() {
            return Err(fails("it brings JavaScript of its own along; modules belong in www".into()));
        }
        let script = output.js().as_bytes().to_vec();
        postcard::to_allocvec(&(script, output.wasm_mut().emit_wasm())).map_err(|e| fails(e.to_string()))
    })?;
    let (script, wasm): (Vec<u8>, Vec<u8>) = postcard::from_bytes(&bound).map_err(|e| fails(e.to_string()))?;
    Ok((script, optimise(name, wasm, kept, making)?))
}

/// The module after wasm-opt, or as it is where there is none, or no time.
fn optimise(name: &str, module: Vec<u8>, kept: &Kept, making: Making) -> Result<Vec<u8>> {
    let Ok(version) = read(Path::new(PACKAGE)) else {
        if !making.quick && name == PAGE {
            eprintln!("wasm-opt: not installed ('npm ci' in tests); the wasm stays larger and slower than it could be");
        }
        return Ok(module);
    };
    let options = OPTIONS.join(" ");
    let inputs: [&[u8]; 3] = [&module, options.as_bytes(), &version];
    if making.quick {
        return Ok(kept.find(&inputs).unwrap_or(module));
    }
    kept.or_make(&inputs, || {
        let folder = std::env::temp_dir().join(format!("orrery-wasm-opt-{}-{name}", std::process::id()));
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
