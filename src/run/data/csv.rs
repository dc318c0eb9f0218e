//! Tables of numbers as text: csv with commas, semicolons or tabs, and numpy.savetxt's spaces.
//!
//! A header is a first line without a single number in it, or pandas' `,0,1,2`. Under a header, a first column without a name is
//! what pandas and R write as row labels, and is left out (but counted, where a file is too large). Lines that begin with `#` are
//! comments.

use std::borrow::Cow;

use csv::ByteRecord;

use super::Array;
use super::limits::{MAX_VALUES, too_many};
use ground::error::{Error, Result};
use ground::file::printable;

/// The widest table that is read.
const MAX_COLUMNS: usize = 1_000_000;

/// The table as an array of shape `[rows, columns]`.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Array> {
    let wrong = |what: String| Error::new(format!("{name}: {what}"));
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(wrong("is UTF-16 text; save it as UTF-8".into()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let delimiter = delimiter(bytes);
    let bytes = &*if delimiter == b' ' { single_spaces(bytes).into() } else { Cow::Borrowed(bytes) };
    // Refused before it is read: parsing takes seconds, and a record many times the memory of its text.
    let lines = bytes.iter().filter(|b| **b == b'\n').count();
    let cells = |text: &[u8]| text.iter().filter(|b| **b == delimiter).count() + 1;
    if lines + cells(bytes) > MAX_VALUES + MAX_COLUMNS {
        return Err(too_many(name, format!("about {}", lines + cells(bytes) - 1)));
    }
    if let Some(width) = bytes.split(|b| *b == b'\n').map(cells).find(|width| *width > MAX_COLUMNS) {
        return Err(wrong(format!("a line has {width} cells; tables of at most {MAX_COLUMNS} columns are read")));
    }
    let mut options = csv::ReaderBuilder::new();
    options.has_headers(false).flexible(true).delimiter(delimiter).comment(Some(b'#'));
    let mut reader = options.from_reader(bytes);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| reader.read_byte_record(record).map_err(|e| wrong(printable(&e.to_string(), 120)));

    if !next(&mut record)? {
        return Err(wrong("has no numbers in it".into()));
    }
    let (width, first_line) = (record.len(), line(bytes, &record));
    let unnamed = width > 1 && record[0].trim_ascii().is_empty();
    let numbered = unnamed && record.iter().skip(1).enumerate().all(|(i, cell)| *cell == *i.to_string().as_bytes());
    let is_header = numbered || !record.iter().any(|cell| text(cell).parse::<f64>().is_ok());
    let labels = usize::from(is_header && unnamed);
    let columns: Vec<String> = if is_header { record.iter().skip(labels).map(text).collect() } else { Vec::new() };
    let about = lines.saturating_mul(width - labels);
    if about > MAX_VALUES.saturating_add(2 * width) {
        return Err(too_many(name, format!("about {about}")));
    }
    if is_header && !next(&mut record)? {
        return Err(wrong(format!("has a header in line {first_line} but no rows of numbers under it")));
    }

    let mut values = Vec::with_capacity(about.min(bytes.len() / 2).min(MAX_VALUES));
    loop {
        if record.len() != width {
            let (here, cells) = (line(bytes, &record), record.len());
            return Err(wrong(format!("line {here} has {cells} cells where line {first_line} has {width}")));
        }
        for (index, cell) in record.iter().enumerate().skip(labels) {
            let Some(value) = number(cell) else {
                let title = columns.get(index - labels).filter(|title| !title.is_empty());
                let title = title.map_or(String::new(), |title| format!(" ('{}')", printable(title, 40)));
                let in_first_line = !is_header && values.len() < width;
                let (here, why) = (line(bytes, &record), complaint(cell, delimiter, in_first_line));
                return Err(wrong(format!("line {here}, column {}{title}: {why}", index + 1)));
            };
            if values.len() == MAX_VALUES {
                return Err(too_many(name, format!("more than {MAX_VALUES}")));
            }
            values.push(value);
        }
        if !next(&mut record)? {
            break;
        }
    }
    let width = width - labels;
    Ok(Array { name: name.into(), shape: vec![values.len() / width, width], values, columns })
}

/// What a cell says, as far as a name or a message needs it.
fn text(cell: &[u8]) -> String {
    printable(String::from_utf8_lossy(&cell[..cell.len().min(400)]).trim(), 80)
}

/// Aligned columns have several spaces between two of them, and before the first.
fn single_spaces(bytes: &[u8]) -> Vec<u8> {
    let mut single = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match (byte, single.last()) {
            (b' ', None | Some(b' ' | b'\n')) => {}
            (b'\n' | b'\r', Some(b' ')) => *single.last_mut().expect("a last byte") = *byte,
            _ => single.push(*byte),
        }
    }
    if single.last() == Some(&b' ') {
        single.pop();
    }
    single
}

/// The finite number that a cell writes.
fn number(cell: &[u8]) -> Option<f64> {
    std::str::from_utf8(cell).ok()?.trim().parse().ok().filter(|v: &f64| v.is_finite())
}

/// Why a cell is no number.
fn complaint(cell: &[u8], delimiter: u8, in_first_line: bool) -> String {
    let text = printable(&text(cell), 40);
    if text.is_empty() {
        "the cell is empty; every cell must hold a number".into()
    } else if text.parse::<f64>().is_ok() {
        format!("'{text}' is not finite; every cell must hold a finite number")
    } else if delimiter != b',' && text.replacen(',', ".", 1).parse::<f64>().is_ok() {
        format!("'{text}' is not a number; write the decimal mark as a point")
    } else if in_first_line {
        format!("'{text}' is not a number, and a header must not have numbers in it")
    } else {
        format!("'{text}' is not a number; every cell must hold one")
    }
}

/// The separator: what the second line has (the first may be prose), or the first if there is only one.
fn delimiter(bytes: &[u8]) -> u8 {
    let lines = bytes.split(|b| *b == b'\n' || *b == b'\r').map(<[u8]>::trim_ascii);
    let line = lines.filter(|line| !line.is_empty() && line[0] != b'#').take(2).last().unwrap_or_default();
    let mut quoted = false;
    let mut has = [false; 4];
    for byte in line {
        quoted ^= *byte == b'"';
        if let (false, Some(kind)) = (quoted, b";\t, ".iter().position(|d| d == byte)) {
            has[kind] = true;
        }
    }
    // A decimal comma may stand beside a semicolon or a tab, and a space beside any of them.
    has.iter().position(|has| *has).map_or(b',', |kind| b";\t, "[kind])
}

/// The line, from 1, in which a record begins; the reader's own count stops before the blank lines and comments that it skips.
fn line(bytes: &[u8], record: &ByteRecord) -> usize {
    let mut start = record.position().map_or(0, |p| p.byte() as usize).min(bytes.len());
    loop {
        match bytes[start..] {
            [b'\n' | b'\r', ..] => start += 1,
            [b'#', ..] => start += bytes[start..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - start),
            _ => break,
        }
    }
    // A carriage return alone ends a line too.
    let ends = |i: &usize| bytes[*i] == b'\n' || (bytes[*i] == b'\r' && bytes.get(i + 1) != Some(&b'\n'));
    1 + (0..start).filter(ends).count()
}

/// `array` as csv, with its column names as the header if it has any: one line for each index of the first dimension, the other
/// dimensions side by side. Numbers are written so that reading gives the same bits.
pub fn write_csv(array: &Array) -> String {
    let width: usize = array.shape.iter().skip(1).product();
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let kept = "writing to memory does not fail";
    if !array.columns.is_empty() {
        writer.write_record(&array.columns).expect(kept);
    }
    for row in array.values.chunks_exact(width.max(1)) {
        writer.write_record(row.iter().map(|v| format!("{v:?}"))).expect(kept);
    }
    String::from_utf8(writer.into_inner().expect(kept)).expect("numbers and names are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> String {
        read("t.csv", text.as_bytes()).unwrap_err().to_string()
    }

    fn table(text: &str) -> (Vec<usize>, Vec<f64>, Vec<String>) {
        let array = read("t.csv", text.as_bytes()).unwrap();
        (array.shape, array.values, array.columns)
    }

    #[test]
    fn tables_as_programs_write_them() {
        let plain = (vec![2, 2], vec![1.0, 2.0, 3.0, -4e5], vec![]);
        for text in [
            "1,2\n3,-4e5\n",
            "1;2\r\n3;-4e5\r\n",
            "1\t2\n3\t-4e5",
            "\u{feff}1, 2\n\n3, -4e5\n\n",
            "# made by hand\n\"1\",\"2\"\n3,-4e5\n",
            "  1.0   2\n  3  -4e5 \n",
        ] {
            assert_eq!(table(text), plain, "{text:?}");
        }
        let named = (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0], vec!["a, b".to_string(), "c".into()]);
        for text in ["\"a, b\",c\n1,2\n3,4\n", ",\"a, b\",c\n0,1,2\n1,3,4\n", "\"\";\"a, b\";\"c\"\n\"x\";1;2\n\"y\";3;4\n"] {
            assert_eq!(table(text), named, "{text:?}");
        }
        assert_eq!(table("weight in kg\n1.5\n2\n"), (vec![2, 1], vec![1.5, 2.0], vec!["weight in kg".into()]));
        // The distances of points on a line: whole numbers in a row are no header.
        assert_eq!(table("0,1,2\n1,0,1\n2,1,0\n").0, [3, 3]);
    }

    #[test]
    fn names_line_column_and_text() {
        for (text, sentence) in [
            ("a,b\n1,2\n3,Adelie\n", "t.csv: line 3, column 2 ('b'): 'Adelie' is not a number; every cell must hold one"),
            ("1,2\r\n\r\n# note\r\n3,x\r\n", "t.csv: line 4, column 2: 'x' is not a number; every cell must hold one"),
            ("1,x\n3,4\n", "t.csv: line 1, column 2: 'x' is not a number, and a header must not have numbers in it"),
            ("a,b\n1,\n", "t.csv: line 2, column 2 ('b'): the cell is empty; every cell must hold a number"),
            ("1,2\n3,NaN\n", "t.csv: line 2, column 2: 'NaN' is not finite; every cell must hold a finite number"),
            ("1,2\n-inf,4\n", "t.csv: line 2, column 1: '-inf' is not finite; every cell must hold a finite number"),
            ("1e999,2\n", "t.csv: line 1, column 1: '1e999' is not finite; every cell must hold a finite number"),
            ("a;b\n1,5;2\n", "t.csv: line 2, column 1 ('a'): '1,5' is not a number; write the decimal mark as a point"),
            (",2\n3,4\n", "t.csv: line 1, column 1: the cell is empty; every cell must hold a number"),
            ("1,2\r3,x\r", "t.csv: line 2, column 2: 'x' is not a number; every cell must hold one"),
            ("1,2,3\n4,5\n", "t.csv: line 2 has 2 cells where line 1 has 3"),
            ("a,b\n1,2\n\n4,5,6\n", "t.csv: line 4 has 3 cells where line 1 has 2"),
            (",a\nx,1\ny,2,3\n", "t.csv: line 3 has 3 cells where line 1 has 2"),
            ("a,b\n", "t.csv: has a header in line 1 but no rows of numbers under it"),
            ("\n\n", "t.csv: has no numbers in it"),
        ] {
            assert_eq!(says(text), sentence, "{text:?}");
        }
        assert!(read("t.csv", b"\xff\xfe1\x00").unwrap_err().to_string().contains("UTF-16"));
        assert!(read("t.csv", b"1,\xff\xfe\n").unwrap_err().to_string().starts_with("t.csv: line 1, column 2: '"));
    }

    #[test]
    fn writes_what_it_reads() {
        let array = Array {
            name: "t.csv".into(),
            shape: vec![2, 3],
            values: vec![0.1, -1e-300, 1.0 / 3.0, 5e300, 0.0, -7.0],
            columns: vec!["a \"b\", c".into(), "d".into(), "ü".into()],
        };
        assert_eq!(read("t.csv", write_csv(&array).as_bytes()).unwrap(), array);
        let cube = Array { shape: vec![1, 2, 3], columns: Vec::new(), ..array };
        assert_eq!(write_csv(&cube), "0.1,-1e-300,0.3333333333333333,5e300,0.0,-7.0\n");
    }
}
