//! Compressed copies beside the files, for servers that hand them out as they are.

use std::convert::Infallible;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::keep::Kept;
use super::{Files, each};

/// Puts `NAME.br` and `NAME.gz` beside every file that gets smaller by it.
pub fn make(kept: &Kept, files: &mut Files) {
    let plain: Vec<_> = files.iter().filter(|(name, _)| is_compressible(name)).map(|(n, b)| (n.clone(), b.clone())).collect();
    let compressed = each(&plain, |(name, bytes)| {
        let keep = |how: &str, make: fn(&[u8]) -> Vec<u8>| {
            let Ok(small) = kept.or_make(&[how.as_bytes(), bytes], || Ok::<_, Infallible>(make(bytes)));
            (small.len() < bytes.len()).then(|| (format!("{name}.{how}"), small))
        };
        [keep("br", brotli), keep("gz", gzip)]
    });
    files.extend(compressed.into_iter().flatten().flatten());
}

/// Data sets and pictures are compressed already.
fn is_compressible(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(extension, "html" | "js" | "mjs" | "css" | "json" | "wasm" | "svg" | "txt" | "csv" | "webmanifest")
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut small, &parameters).expect("memory can be written to");
    small
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::tests::folder;
    use super::*;

    #[test]
    fn copies_unpack_to_the_file() {
        let folder = folder("compress");
        let text = "how learning works ".repeat(100).into_bytes();
        let mut files = Files::from([("a.js".to_string(), text.clone()), ("b.npz".to_string(), text.clone())]);
        files.insert("tiny.js".into(), vec![b'x']);
        make(&Kept::new(&folder), &mut files);
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a.js", "a.js.br", "a.js.gz", "b.npz", "tiny.js"]);
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut &*files["a.js.br"], &mut back).unwrap();
        assert_eq!(back, text);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*files["a.js.gz"]).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
