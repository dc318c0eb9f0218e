//! Readers of the user's files: the kind is told by the name's ending.
//!
//! Whatever the bytes, the answer comes soon and is either arrays or one sentence that names the file and the place in it.

use super::files::{File, file_name};
use super::{Array, Kind, csv, npy, npz, safetensors};
#[cfg(any(feature = "pictures", not(target_arch = "wasm32")))]
use super::{jpg, png};
use ground::error::Result;
use ground::file::check_size;

/// The arrays that can be read in the file `name` with these `bytes`, in the file's order; see [`open`].
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<Array>> {
    open(name, bytes).map(|file| file.arrays)
}

/// What can be read of the file `name` with these `bytes`: at least one array, with at least one number in each.
///
/// The kind is told by the name's ending, see [`Kind::endings`]. An array that cannot be read is left out and named.
///
/// # Errors
/// A file of no known kind, a damaged or too large one, or one in which nothing can be read.
pub fn open(name: &str, bytes: &[u8]) -> Result<File> {
    let name = &file_name(name);
    check_size(name, bytes.len() as u64)?;
    let mut file = of_kind(Kind::of(name)?, name, bytes)?;
    file.notes.extend(file.arrays.iter().filter_map(gaps));
    Ok(file)
}

fn of_kind(kind: Kind, name: &str, bytes: &[u8]) -> Result<File> {
    let alone = |array| Ok(File { arrays: vec![array], ..File::named(name) });
    match kind {
        Kind::Csv => csv::read(name, bytes),
        Kind::Npy => npy::parse(name, bytes)?.array().and_then(alone),
        Kind::Npz => npz::read(name, bytes),
        Kind::Safetensors => safetensors::read(name, bytes),
        #[cfg(any(feature = "pictures", not(target_arch = "wasm32")))]
        Kind::Png => png::read(name, bytes).and_then(alone),
        #[cfg(any(feature = "pictures", not(target_arch = "wasm32")))]
        Kind::Jpg => jpg::read(name, bytes).and_then(alone),
        // A module of the browser is small because it has no readers that nothing in it asks for.
        #[cfg(not(any(feature = "pictures", not(target_arch = "wasm32"))))]
        Kind::Png | Kind::Jpg => Err(ground::Error::new(format!("{name}: a picture, of which nothing here takes any"))),
    }
}

/// How many numbers the array lacks, if any, and where the first one is missing.
fn gaps(array: &Array) -> Option<String> {
    let first = array.values.iter().position(|v| v.is_nan())?;
    let (name, of, place) = (&array.name, array.values.len(), array.place(first));
    Some(match array.values.iter().filter(|v| v.is_nan()).count() {
        1 => format!("{name}: 1 of {of} numbers is missing: {place}"),
        count => format!("{name}: {count} of {of} numbers are missing, the first: {place}"),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn names_and_kinds() {
        let says = |name: &str, bytes: &[u8]| read(name, bytes).unwrap_err().to_string();
        assert!(says("a\nb.xlsx", b"PK").starts_with("a·b.xlsx: a spreadsheet"));
        assert!(says("noending", b"1").contains("neither .csv"));
        assert_eq!(says("x.npz", b""), "x.npz: the file is empty (0 bytes)");
        assert!(check_size("big.npy", 1 << 30).unwrap_err().to_string().contains("1024 MB are too many"));
        assert_eq!(read("A.CSV", b"1,2\n").unwrap()[0].shape, [1, 2]);
    }

    /// A file that a program in Python wrote (tests/fixtures/make_files.py, make_own_data.py).
    pub(in crate::data) fn fixture(name: &str) -> Result<Vec<Array>> {
        let path = format!("{}/../../tests/fixtures/files/{name}", env!("CARGO_MANIFEST_DIR"));
        read(name, &std::fs::read(path).unwrap())
    }

    pub(in crate::data) fn count_up(count: usize) -> Vec<f64> {
        (0..count).map(|i| i as f64).collect()
    }

    #[test]
    fn reads_what_numpy_writes() {
        for name in ["c_order", "fortran_order", "version_2"] {
            let array = fixture(&format!("{name}.npy")).unwrap().remove(0);
            assert_eq!((&array.shape[..], array.values), (&[2, 3, 4][..], count_up(24)), "{name}");
        }
        let kinds = "little_f2 little_f4 big_f4 little_f8 big_f8 i1 u1 little_i2 big_i2 little_u2 little_i4 big_i4 little_u4 little_i8 big_i8 big_u8";
        for kind in kinds.split(' ') {
            let array = fixture(&format!("{kind}.npy")).unwrap().remove(0);
            assert_eq!((&array.shape[..], array.values), (&[2, 3][..], count_up(6)), "{kind}");
        }
        assert_eq!(fixture("b1.npy").unwrap()[0].values, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(fixture("zero_dimensional.npy").unwrap()[0].shape, [1]);
        assert_eq!(fixture("one_dimensional.npy").unwrap()[0].values, count_up(5));
        for archive in ["stored.npz", "deflated.npz"] {
            let arrays = fixture(archive).unwrap();
            let names: Vec<&str> = arrays.iter().map(|a| a.name.as_str()).collect();
            assert_eq!(names, [format!("{archive}/source"), format!("{archive}/labels")]);
            assert_eq!((&arrays[0].shape[..], &arrays[0].values), (&[2, 3, 4][..], &count_up(24)));
            assert_eq!((&arrays[1].shape[..], &arrays[1].values), (&[3][..], &count_up(3)));
        }
    }

    #[test]
    fn reads_what_pandas_and_savetxt_write() {
        for name in [
            "pandas_index.csv",
            "pandas_no_index.csv",
            "pandas_semicolon.csv",
            "pandas_tab.csv",
            "pandas_numbered.csv",
            "savetxt.txt",
        ] {
            let array = fixture(name).unwrap().remove(0);
            assert_eq!((&array.shape[..], array.values), (&[4, 3][..], count_up(12)), "{name}");
            match name {
                "savetxt.txt" => assert!(array.columns.is_empty()),
                "pandas_numbered.csv" => assert_eq!(array.columns, ["0", "1", "2"]),
                _ => assert_eq!(array.columns, ["x", "y, z", "größe"]),
            }
        }
    }

    #[test]
    fn reads_what_the_page_tells_python_to_write() {
        let script =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/make_own_data.py")).unwrap();
        for kind in Kind::ALL {
            let lines = kind.python().join("\n");
            assert!(script.contains(&format!("\n{lines}\n")), "the script runs other lines than\n{lines}");
            let file = lines.split('"').rfind(|word| Kind::of(word).is_ok_and(|of| of == kind)).expect("a line names the file");
            let arrays = fixture(file).unwrap();
            let shapes: Vec<_> = arrays.iter().map(|a| (&a.name[file.len()..], &a.shape[..])).collect();
            match kind {
                Kind::Csv => assert_eq!(
                    (shapes, &arrays[0].values, &arrays[0].columns[..]),
                    (vec![("", &[4, 2][..])], &count_up(8), &["x".to_string(), "y".into()][..])
                ),
                Kind::Npy => assert_eq!((shapes, &arrays[0].values), (vec![("", &[2, 3, 4][..])], &count_up(24))),
                Kind::Npz => {
                    assert_eq!(shapes, [("/features", &[4, 3][..]), ("/labels", &[4])]);
                    assert_eq!((&arrays[0].values, &arrays[1].values), (&count_up(12), &count_up(4)));
                }
                // Their values: see safetensors.rs and picture.rs.
                Kind::Safetensors => assert_eq!(shapes.len(), 6),
                Kind::Png | Kind::Jpg => assert_eq!(shapes, [("", &[10, 13, 3][..])]),
            }
        }
    }

    #[test]
    fn refuses_in_one_sentence() {
        for (name, sentence) in [
            ("refused_float8.safetensors/weight", "numbers of type F8_E4M3 are not read; save them as F32 (tensor.float())"),
            ("refused_empty.safetensors/weight", "the tensor is empty (shape [0, 3])"),
            (
                "refused_large_whole.safetensors/step",
                "has whole numbers beyond ±2^53, which a double cannot hold exactly; subtract an offset or save as float64",
            ),
            (
                "refused_pickle.safetensors",
                "holds Python pickles, which are never opened here; safetensors.torch.save_file writes one",
            ),
            (
                "refused_progressive.jpg",
                "a progressive jpg of 4096 x 4096 pixels in 197312 bytes; save it smaller, or as baseline",
            ),
            ("refused_cmyk.jpg", "is a CMYK picture, made for print; save it as RGB"),
            ("refused_png.jpg", "is a png, not a jpg; name it .png"),
            ("refused_gif.gif", "pictures are read as png and jpg; save it as one of them"),
            ("refused_empty.npy", "the array is empty (shape (0, 3))"),
            (
                "refused_objects.npy",
                "holds pickled Python objects, which are never opened here (dtype '|O'); whole, real and truth numbers are read",
            ),
            ("refused_structured.npy", "holds structured records; save each field as an array of its own"),
            ("refused_complex.npy", "holds complex numbers (dtype '<c16'); whole, real and truth numbers are read"),
            ("refused_text.npy", "holds text (dtype '<U2'); whole, real and truth numbers are read"),
            ("refused_dates.npy", "holds dates or times (dtype '<M8[D]'); whole, real and truth numbers are read"),
            (
                "refused_extended.npy",
                "holds extended-precision numbers, which differ between machines: save them as float64 (dtype '<f16'); whole, real and truth numbers are read",
            ),
            (
                "refused_large_whole.npy",
                "has whole numbers beyond ±2^53, which a double cannot hold exactly; subtract an offset or save as float64",
            ),
            ("refused_pickle.npy", "is a Python pickle, which is never opened here; save the array with numpy.save"),
            ("refused_nothing.npz/class_names", "holds text (dtype '<U5'); whole, real and truth numbers are read"),
            (
                "refused_keras_store.npz/layers/dense/vars",
                "holds pickled Python objects, which are never opened here (dtype '|O'); whole, real and truth numbers are read",
            ),
            ("refused_decimal_comma.csv", "line 2, column 1 ('a'): '1,5' is not a number; write the decimal mark as a point"),
            (
                "refused_money.csv",
                "line 1, column 1: '$1' is not a number; leave the currency out (or, if it is a name, let it begin with a letter)",
            ),
        ] {
            let file = name.split('/').next().expect("a name");
            assert_eq!(fixture(file).unwrap_err().to_string(), format!("{name}: {sentence}"));
        }
    }

    fn whole(name: &str) -> File {
        let path = format!("{}/../../tests/fixtures/files/{name}", env!("CARGO_MANIFEST_DIR"));
        open(name, &std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_named() {
        let file = whole("mixed.npz");
        let names: Vec<&str> = file.arrays.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["mixed.npz/features", "mixed.npz/labels"]);
        let reasons = [
            "unused: the array is empty (shape (0, 3))",
            "class_names: holds text (dtype '<U5'); whole, real and truth numbers are read",
            "config: holds pickled Python objects, which are never opened here (dtype '|O'); whole, real and truth numbers are read",
            "note: holds text (dtype '<U7'); whole, real and truth numbers are read",
            "made: holds dates or times (dtype '<M8[D]'); whole, real and truth numbers are read",
            "exact: holds extended-precision numbers, which differ between machines: save them as float64 (dtype '<f16'); whole, real and truth numbers are read",
            "ids: has whole numbers beyond ±2^53, which a double cannot hold exactly; subtract an offset or save as float64",
            "seed: a single number, not an array",
        ];
        assert_eq!(file.notes, reasons.map(|reason| format!("left out: mixed.npz/{reason}")));
        assert_eq!(whole("mixed_weights.npz").notes.len(), reasons.len());
        assert_eq!(whole("mixed.safetensors").notes, ["left out: mixed.safetensors/unused: the tensor is empty (shape [0, 3])"]);
        // A counter and an empty tensor among weights.
        assert_eq!((whole("state_dict.safetensors").arrays.len(), whole("state_dict.safetensors").notes.len()), (8, 2));
        assert_eq!((whole("state_dict.npz").arrays.len(), whole("state_dict.npz").notes.len()), (8, 1));
        let bunch = whole("sklearn_bunch.npz");
        assert_eq!(bunch.arrays.iter().map(|a| a.shape.clone()).collect::<Vec<_>>(), [vec![15, 4], vec![15]]);
    }

    #[test]
    fn gaps_are_no_numbers_and_are_counted() {
        for (name, at, place) in [
            ("gap.npy", 5, "gap.npy: row 2, column 3"),
            ("gap_infinite_fortran.npy", 5, "gap_infinite_fortran.npy: row 2, column 3"),
            ("gap.safetensors", 2, "gap.safetensors/weight: row 2, column 1"),
            ("gap.npz", 9, "gap.npz/features: row 3, column 2"),
            ("gap.csv", 2, "gap.csv: row 2, column 1 ('mass')"),
            ("words.csv", 1, "words.csv: row 2, column 1 ('mass')"),
            ("pandas_label_gap.csv", 9, "pandas_label_gap.csv: row 4, column 1 ('x')"),
            ("pandas_label_gap_na.csv", 9, "pandas_label_gap_na.csv: row 4, column 1 ('x')"),
            ("pandas_one_column_gap.csv", 1, "pandas_one_column_gap.csv: row 2, column 1 ('loss')"),
        ] {
            let file = whole(name);
            let array = &file.arrays[0];
            assert_eq!(array.values.iter().position(|v| v.is_nan()), Some(at), "{name}");
            assert!(array.values.iter().all(|v| !v.is_infinite()));
            let sentence = array.check_finite().unwrap_err().to_string();
            assert_eq!(sentence, format!("{place} is empty or not finite; every number must be finite here"));
            let counted = format!("{}: 1 of {} numbers is missing: {}", array.name, array.values.len(), array.place(at));
            assert!(file.notes.contains(&counted), "{:?}", file.notes);
        }
    }

    #[test]
    fn reads_what_programs_export() {
        let table = |name: &str| {
            let array = whole(name).arrays.remove(0);
            (array.shape, array.columns)
        };
        for (name, shape, columns) in [
            ("pandas_label.csv", [12, 3], &["x", "y", "label"][..]),
            ("pandas_label_gap.csv", [12, 3], &["x", "y", "label"]),
            ("tensorboard_scalar.csv", [3, 3], &["Wall time", "Step", "Value"]),
            ("excel_semicolon.csv", [2, 2], &["a", "b"]),
            ("wandb_runs.csv", [3, 3], &["Runtime", "lr", "loss"]),
            ("words.csv", [2, 1], &["mass"]),
        ] {
            assert_eq!(table(name), (shape.to_vec(), columns.iter().map(|c| c.to_string()).collect()), "{name}");
        }
        assert_eq!(table("sklearn_frame.csv").1[4], "target");
        let wandb = whole("wandb_chart.csv");
        assert_eq!((&wandb.arrays[0].shape[..], &*wandb.arrays[0].columns[4]), (&[4, 7][..], "sgd - loss"));
        assert_eq!(wandb.notes, ["wandb_chart.csv: 9 of 28 numbers are missing, the first: row 2, column 5 ('sgd - loss')"]);
        assert_eq!(wandb.arrays[0].values[4..7], [2.3; 3]);
        let runs = whole("wandb_runs.csv").notes;
        assert!(runs[0] == "left out: wandb_runs.csv: column 1 ('Name') has words in it, as 'adam-1' in line 2", "{runs:?}");
        assert!(runs[2] == "left out: wandb_runs.csv: column 3 ('Notes') has no numbers in it", "{runs:?}");
        // A kernel is dims × classes.
        let keras = whole("keras_variables.npz");
        assert_eq!((&*keras.arrays[0].name, &keras.arrays[0].shape[..]), ("keras_variables.npz/dense/kernel", &[4, 3][..]));
    }

    #[test]
    fn writes_what_numpy_writes() {
        for (name, shape) in [("c_order.npy", vec![2, 3, 4]), ("one_dimensional.npy", vec![5]), ("little_f8.npy", vec![2, 3])] {
            let bytes = std::fs::read(format!("{}/../../tests/fixtures/files/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let values = count_up(shape.iter().product());
            let array = Array { name: name.into(), shape, values, columns: Vec::new() };
            if name == "little_f8.npy" {
                // numpy saved whole numbers made double: the same bytes again.
                assert_eq!(read(name, &bytes).unwrap(), std::slice::from_ref(&array));
            }
            assert_eq!(crate::data::write_npy(&array), bytes, "{name}");
            assert_eq!(read(name, &crate::data::write_npy(&array)).unwrap(), [array]);
        }
    }
}
