//! Readers of the user's files: csv, npy, npz.

use std::io::{Cursor, Read};

use super::Array;
use crate::error::{Error, Result};

/// The arrays in the file `name` with these `bytes`. The kind is told by the name's ending: csv, npy or npz.
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<Array>> {
    match name.rsplit('.').next() {
        Some("npz") => npz(name, bytes),
        Some("npy") => Ok(vec![npy(name, bytes)?]),
        _ => Err(Error::new(format!("{name}: neither .csv, .npy nor .npz"))),
    }
}

fn npz(name: &str, bytes: &[u8]) -> Result<Vec<Array>> {
    let broken = |e: &dyn std::fmt::Display| Error::new(format!("{name}: not a readable npz archive: {e}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).map_err(|e| broken(&e))?;
            let full = format!("{name}/{}", member.name().map_err(|e| broken(&e))?.trim_end_matches(".npy"));
            let mut content = Vec::new();
            member.read_to_end(&mut content).map_err(|e| broken(&e))?;
            npy(&full, &content)
        })
        .collect()
}

fn npy(name: &str, bytes: &[u8]) -> Result<Array> {
    let broken = |e: std::io::Error| Error::new(format!("{name}: not a readable npy array: {e}"));
    let file = npyz::NpyFile::new(bytes).map_err(broken)?;
    let shape = file.shape().iter().map(|n| *n as usize).collect();
    let values = match file.try_data::<u8>() {
        Ok(data) => data.map(|v| v.map(f64::from)).collect::<std::io::Result<Vec<f64>>>(),
        Err(file) => file.into_vec::<f64>(),
    };
    let values = values.map_err(broken)?;
    Ok(Array { name: name.to_string(), shape, values, columns: Vec::new() })
}
