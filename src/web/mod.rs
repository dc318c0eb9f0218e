//! The boundary to the browser, thin: [`worker`] runs experiments, [`page`] draws what they show, [`surface`] with the GPU.
//!
//! One compiled module serves both; neither side knows the other. Frames cross as encoded views, everything that a person
//! reads crosses as text, and every error as a JavaScript `Error` whose message is the sentence to show.

pub mod bench;
pub mod page;
pub mod surface;
pub mod worker;

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::Result;
use crate::controls::Settings;
use crate::experiment::Entry;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// A panic ends the instance; its message goes to the console before that.
#[wasm_bindgen(start)]
fn begin() {
    std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
}

/// A plain JavaScript object with these fields.
fn object<const N: usize>(fields: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &name.into(), &value).expect("a fresh object takes every field");
    }
    object
}

/// The settings that `pairs` (name, text, name, text, …) lay over an experiment's defaults.
fn settings(entry: &Entry, pairs: &[String]) -> Result<Settings> {
    Settings::parse(entry.controls, pairs.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())))
}
