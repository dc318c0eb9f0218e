//! The compiled modules as the browser loads them, with their JavaScript bindings.
//!
//! LLVM's code goes to the browser as it is: wasm-opt makes it neither smaller on the wire nor faster, and takes minutes.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use super::keep::Kept;
use super::{Files, Making, each, read};
use crate::catalogue::{entries, module};
use ground::error::{Error, Result};

/// The page's module.
pub const PAGE: &str = "page";
/// The module of tests and measurements; in a folder of its own, where it is no part of what visitors get.
const TIMERS: &str = "timers";

/// How bindings are made: what is kept of them is of use as long as this stays.
const BINDINGS: &str = "wasm-bindgen 0.2.130, without names";

/// Puts `NAME.js` and `NAME_bg.wasm` into `files` for every module, made from what is compiled in the folder `compiled`.
pub fn make(compiled: &Path, kept: &Kept, making: Making, files: &mut Files) -> Result<()> {
    let mut names: Vec<String> = entries().map(|entry| module(entry).name).chain([PAGE.to_string()]).collect();
    names.extend(making.timers.then(|| TIMERS.to_string()));
    names.sort();
    names.dedup();
    for (name, made) in names.iter().zip(each(&names, |name| bind(compiled, name, kept))) {
        let (script, wasm) = made?;
        let folder = if name == TIMERS { "timers/" } else { "" };
        files.insert(format!("{folder}{name}.js"), script);
        files.insert(format!("{folder}{name}_bg.wasm"), wasm);
    }
    Ok(())
}

/// Bindings and wasm of a module.
fn bind(compiled: &Path, name: &str, kept: &Kept) -> Result<(Vec<u8>, Vec<u8>)> {
    let path = compiled.join(format!("orrery_{}.wasm", name.replace('-', "_")));
    if !path.is_file() {
        return Err(Error::new(format!("{}: not there; './dev build' compiles it", path.display())));
    }
    let fails = |why: String| Error::new(format!("{}: no bindings can be made for it ({why})", path.display()));
    let compiled = read(&path)?;
    let bound = kept.or_make(&[BINDINGS.as_bytes(), name.as_bytes(), &compiled], || {
        let mut bindgen = Bindgen::new();
        // The page compiles a module once and hands it to its workers: no address of it in the bindings.
        bindgen.input_bytes(name, compiled.clone()).typescript(false).omit_default_module_path(true).remove_name_section(true);
        let mut output = bindgen.web(true).and_then(|bindgen| bindgen.generate_output()).map_err(|e| fails(format!("{e:#}")))?;
        if output.snippets().values().any(|modules| !modules.is_empty()) || !output.local_modules().is_empty() {
            return Err(fails("it brings JavaScript of its own along; modules belong in www".into()));
        }
        let script = output.js().as_bytes().to_vec();
        postcard::to_allocvec(&(script, output.wasm_mut().emit_wasm())).map_err(|e| fails(e.to_string()))
    })?;
    postcard::from_bytes(&bound).map_err(|e| fails(e.to_string()))
}
