//! The kinds of files that are read, and how Python writes each.

use ground::error::{Error, Result};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table of numbers as text.
    Csv,
    /// One array of numpy's.
    Npy,
    /// Several arrays of numpy's, by name.
    Npz,
    /// Tensors by name, as weights are shared.
    Safetensors,
    /// A picture.
    Png,
    /// A photograph.
    Jpg,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [Kind::Csv, Kind::Npy, Kind::Npz, Kind::Safetensors, Kind::Png, Kind::Jpg];

    /// The endings of such a file's name, in lower case; the first is also what the kind is called.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Kind::Csv => &["csv", "tsv", "txt"],
            Kind::Npy => &["npy"],
            Kind::Npz => &["npz"],
            Kind::Safetensors => &["safetensors"],
            Kind::Png => &["png"],
            Kind::Jpg => &["jpg", "jpeg"],
        }
    }

    /// The two lines of Python that save such a file. `arrays` and `tensors` are dictionaries, such as a model's `state_dict()`; `pixels`
    /// is height × width × 3, bytes.
    pub fn python(self) -> [&'static str; 2] {
        match self {
            Kind::Csv => ["import pandas as pd", r#"pd.DataFrame(table, columns=names).to_csv("table.csv", index=False)"#],
            Kind::Npy => ["import numpy as np", r#"np.save("array.npy", array)"#],
            Kind::Npz => ["import numpy as np", r#"np.savez("arrays.npz", **arrays)"#],
            Kind::Safetensors => ["from safetensors.torch import save_file", r#"save_file(tensors, "tensors.safetensors")"#],
            Kind::Png => ["from PIL import Image", r#"Image.fromarray(pixels).save("picture.png")"#],
            Kind::Jpg => ["from PIL import Image", r#"Image.fromarray(pixels).save("picture.jpg", quality=95)"#],
        }
    }

    /// The kinds that a sentence names: those whose name is a word of it.
    pub fn named_in(sentence: &str) -> Vec<Kind> {
        let words: Vec<&str> = sentence.split(|c: char| !c.is_alphanumeric()).collect();
        Kind::ALL.into_iter().filter(|kind| kind.endings().iter().any(|ending| words.contains(ending))).collect()
    }

    /// The kind of the file `name` by its ending; an error says what could be done with a file of another kind.
    pub fn of(name: &str) -> Result<Kind> {
        let ending = name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.endings().contains(&&*ending)) {
            return Ok(kind);
        }
        let what = match &*ending {
            "pt" | "pth" | "ckpt" | "bin" | "pkl" | "pickle" | "joblib" => {
                "Python pickles are never opened here; safetensors.torch.save_file saves weights, numpy.save an array"
            }
            "xls" | "xlsx" | "ods" => "a spreadsheet is not read; save its sheet as csv",
            "gif" | "webp" | "avif" | "heic" | "bmp" | "tif" | "tiff" | "svg" => {
                "pictures are read as png and jpg; save it as one of them"
            }
            _ => "neither .csv, .npy, .npz, .safetensors, .png nor .jpg; an array can be saved with numpy.save, a table as csv",
        };
        Err(Error::new(format!("{name}: {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_ending() {
        assert_eq!(Kind::of("A.B.JPEG").unwrap(), Kind::Jpg);
        assert_eq!(Kind::of("model-00001-of-00002.safetensors").unwrap(), Kind::Safetensors);
        for (name, says) in [("w.pt", "save_file"), ("t.xlsx", "as csv"), ("p.webp", "png and jpg"), ("csv", "neither .csv")] {
            let sentence = Kind::of(name).unwrap_err().to_string();
            assert!(sentence.starts_with(&format!("{name}: ")) && sentence.contains(says), "{sentence}");
        }
    }

    #[test]
    fn kinds_that_a_sentence_names() {
        assert_eq!(Kind::named_in("Points (csv, or npy)."), [Kind::Csv, Kind::Npy]);
        assert_eq!(Kind::named_in("Two pictures as png/jpeg: their colours."), [Kind::Png, Kind::Jpg]);
        assert_eq!(Kind::named_in("Nothing of yours."), []);
    }
}
