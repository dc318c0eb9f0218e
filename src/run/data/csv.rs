//! Tables of numbers as text: csv with commas, semicolons or tabs, and numpy.savetxt's spaces.
//!
//! A header is a first line of names, or pandas' `,0,1,2`; a first line that could be data is never taken for one. Under a header, a
//! first column without a name is what pandas and R write as row labels, and a column without a single number is no number's: both
//! are left out, and that is said. Lines that begin with `#` are comments, Excel's first line `sep=;` says what separates.

use std::borrow::Cow;

use csv::ByteRecord;

use super::Array;
use super::cell::{Cell, Notation, cell};
use super::files::{File, LEFT_OUT};
use super::limits::{MAX_VALUES, too_many};
use super::roles::{Role, role};
use ground::error::{Error, Result};
use ground::file::printable;

/// The widest table that is read.
const MAX_COLUMNS: usize = 1_000_000;

/// The table as an array of shape `[rows, columns]`, with gaps where cells are empty.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<File> {
    let wrong = |what: String| Error::new(format!("{name}: {what}"));
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(wrong("is UTF-16 text; save it as UTF-8".into()));
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (delimiter, text) = match excel(text) {
        Some((delimiter, skipped)) => (delimiter, &text[skipped..]),
        None => (delimiter(text), text),
    };
    let before = bytes[..bytes.len() - text.len()].iter().filter(|b| **b == b'\n').count();
    let text = &*if delimiter == b' ' { single_spaces(text).into() } else { Cow::Borrowed(text) };
    // Refused before it is read: parsing takes seconds, and a record many times the memory of its text.
    let lines = text.iter().filter(|b| **b == b'\n').count();
    let cells = |text: &[u8]| text.iter().filter(|b| **b == delimiter).count() + 1;
    if lines + cells(text) > MAX_VALUES + MAX_COLUMNS {
        return Err(too_many(name, format!("about {}", lines + cells(text) - 1)));
    }
    if let Some(width) = text.split(|b| *b == b'\n').map(cells).find(|width| *width > MAX_COLUMNS) {
        return Err(wrong(format!("a line has {width} cells; tables of at most {MAX_COLUMNS} columns are read")));
    }
    let mut options = csv::ReaderBuilder::new();
    options.has_headers(false).flexible(true).delimiter(delimiter).comment(Some(b'#'));
    let mut reader = options.from_reader(text);
    let mut record = ByteRecord::new();
    // A line of blanks is an empty one; where there is but one column, `""` is a gap.
    let mut next = |record: &mut ByteRecord| loop {
        match reader.read_byte_record(record) {
            Ok(true) if record.len() == 1 && !record[0].is_empty() && record[0].trim_ascii().is_empty() => {}
            read => return read.map_err(|e| wrong(printable(&e.to_string(), 120))),
        }
    };
    let line = |record: &ByteRecord| before + line(text, record);

    if !next(&mut record)? {
        return Err(wrong("has no numbers in it".into()));
    }
    let mut table = Table::begin(name, &record, line(&record), delimiter)?;
    let about = lines.saturating_mul(table.width());
    if about > MAX_VALUES.saturating_add(2 * table.width()) {
        return Err(too_many(name, format!("about {about}")));
    }
    table.values.reserve(about.min(text.len() / 2).min(MAX_VALUES));
    if table.header && !next(&mut record)? {
        return Err(wrong(format!("has a header in line {} but no rows of numbers under it", table.first_line)));
    }
    loop {
        table.row(&record, || line(&record))?;
        if !next(&mut record)? {
            return table.finish();
        }
    }
}

/// A table while its rows come in.
struct Table<'a> {
    name: &'a str,
    delimiter: u8,
    first_line: usize,
    /// Cells of the first line.
    cells: usize,
    /// The first line names the columns.
    header: bool,
    /// 1 where the first column has no name under a header, and is left out; else 0.
    labels: usize,
    titles: Vec<String>,
    columns: Vec<Column>,
    values: Vec<f64>,
    /// Values up to the end of the last row that has any.
    filled: usize,
}

/// What the cells of a column were so far.
#[derive(Clone, Default)]
struct Column {
    numbers: bool,
    /// Not all of its cells are empty.
    filled: bool,
    /// The first cell that is text, and its line.
    text: Option<Box<(String, usize)>>,
    /// The different words of a column of labels, which are numbered as they come; nothing where words are no labels.
    classes: Option<Vec<String>>,
}

/// Different words that a column of labels may have.
const MOST_CLASSES: usize = 100;

impl<'a> Table<'a> {
    /// A table that begins with this line, which is its header or its first row.
    fn begin(name: &'a str, first: &ByteRecord, line: usize, delimiter: u8) -> Result<Self> {
        let unnamed = first.len() > 1 && matches!(first[0].trim_ascii(), b"" | b"Unnamed: 0");
        let numbered = unnamed && first.iter().skip(1).enumerate().all(|(i, cell)| *cell == *i.to_string().as_bytes());
        let find = |is: fn(Cell) -> bool| first.iter().position(|bytes| is(cell(bytes)));
        let (number, foreign) = (find(|c| matches!(c, Cell::Number(_))), find(|c| matches!(c, Cell::Foreign(_))));
        let word = find(|c| c == Cell::Text);
        // Names are neither numbers, however they are written, nor gaps alone.
        let header = numbered || number.is_none() && foreign.is_none() && word.is_some();
        let labels = usize::from(header && unnamed);
        let titles = if header { first.iter().skip(labels).map(text).collect() } else { Vec::new() };
        let is_label = |title: Option<&String>| title.is_some_and(|title| matches!(role(title), Some((Role::Labels, _))));
        let column = |which: usize| Column { classes: is_label(titles.get(which)).then(Vec::new), ..Column::default() };
        let columns = (0..first.len() - labels).map(column).collect();
        let (cells, values) = (first.len(), Vec::new());
        let table = Table { name, delimiter, first_line: line, cells, header, labels, titles, columns, values, filled: 0 };
        match (header, foreign, word) {
            (false, Some(at), _) => {
                let why = complaint(&first[at]);
                Err(table.wrong(line, at, &format!("{why} (or, if it is a name, let it begin with a letter)")))
            }
            (false, None, Some(at)) => {
                let text = printable(&text(&first[at]), 40);
                Err(table.wrong(line, at, &format!("'{text}' is not a number, and a header must not have numbers in it")))
            }
            _ => Ok(table),
        }
    }

    /// Columns of numbers.
    fn width(&self) -> usize {
        self.columns.len()
    }

    /// What is wrong with a cell.
    fn wrong(&self, line: usize, index: usize, what: &str) -> Error {
        let title = index.checked_sub(self.labels).and_then(|i| self.titles.get(i)).filter(|title| !title.is_empty());
        let title = title.map_or(String::new(), |title| format!(" ('{}')", printable(title, 40)));
        Error::new(format!("{}: line {line}, column {}{title}: {what}", self.name, index + 1))
    }

    /// Takes the next row in; `line` counts to where it is.
    fn row(&mut self, record: &ByteRecord, line: impl Fn() -> usize) -> Result<()> {
        self.check_width(record, &line)?;
        let cells = record.iter().chain(std::iter::once(&b""[..])).take(self.cells).enumerate().skip(self.labels);
        for (index, bytes) in cells {
            let which = index - self.labels;
            let value = match cell(bytes) {
                Cell::Number(value) => {
                    if let Some((text, line)) = self.columns[which].text.as_deref() {
                        return Err(self.wrong(*line, index, &format!("'{text}' is not a number; every cell must hold one")));
                    }
                    self.columns[which].numbers = true;
                    value
                }
                Cell::Gap => f64::NAN,
                Cell::Foreign(notation) if notation.counts() || !self.may_be_text(which) => {
                    return Err(self.wrong(line(), index, &complaint(bytes)));
                }
                Cell::Text if !self.may_be_text(which) => return Err(self.wrong(line(), index, &complaint(bytes))),
                Cell::Text | Cell::Foreign(_) => {
                    let word = printable(&text(bytes), 40);
                    let number = self.columns[which].classes.as_mut().map_or(f64::NAN, |classes| {
                        let known = classes.iter().position(|class| *class == word);
                        if known.is_none() && classes.len() <= MOST_CLASSES {
                            classes.push(word.clone());
                        }
                        known.unwrap_or(classes.len() - 1) as f64
                    });
                    self.columns[which].text.get_or_insert_with(|| Box::new((word, line())));
                    number
                }
            };
            self.columns[which].filled |= !bytes.trim_ascii().is_empty();
            if self.values.len() == MAX_VALUES {
                return Err(too_many(self.name, format!("more than {MAX_VALUES}")));
            }
            self.values.push(value);
        }
        // Spreadsheets write rows of nothing after the last one.
        if self.cells == 1 || record.iter().any(|bytes| !bytes.trim_ascii().is_empty()) {
            self.filled = self.values.len();
        }
        Ok(())
    }

    /// A column under a name in which there was no number yet.
    fn may_be_text(&self, which: usize) -> bool {
        self.header && !self.columns[which].numbers
    }

    /// As many cells as the first line has, give or take an empty last one.
    fn check_width(&self, record: &ByteRecord, line: &impl Fn() -> usize) -> Result<()> {
        let (here, cells) = (record.len(), self.cells);
        let longer = here == cells + 1 && record[cells].trim_ascii().is_empty();
        let shorter = here + 1 == cells && self.titles.last().is_some_and(String::is_empty);
        if here == cells || longer || shorter {
            return Ok(());
        }
        let numbers = record.iter().all(|bytes| matches!(cell(bytes), Cell::Number(_)));
        if cells == 1 && here == 2 && numbers && self.delimiter == b',' {
            let whole = [&record[0], b",", &record[1]].concat();
            return Err(self.wrong(line(), 0, &complaint(&whole)));
        }
        let marks = if here > cells && numbers && self.delimiter == b',' {
            "; a comma separates cells here, so write a decimal mark as a point"
        } else {
            ""
        };
        Err(Error::new(format!(
            "{}: line {} has {here} cells where line {} has {cells}{marks}",
            self.name,
            line(),
            self.first_line
        )))
    }

    /// The table, without the columns that hold no numbers.
    fn finish(mut self) -> Result<File> {
        let width = self.width();
        self.values.truncate(self.filled);
        let mut file = File::named(self.name);
        let last = width - 1;
        let mut kept: Vec<usize> = Vec::with_capacity(width);
        for (which, column) in self.columns.iter().enumerate() {
            let title = self.titles.get(which).map_or("", |title| title);
            let place = format!("{}: column {}", self.name, which + self.labels + 1);
            if let Some(classes) = column.classes.as_deref().filter(|classes| (2..=MOST_CLASSES).contains(&classes.len())) {
                let some: Vec<String> = classes.iter().take(6).enumerate().map(|(k, class)| format!("{k} {class}")).collect();
                let more = if classes.len() > 6 { ", …" } else { "" };
                let title = printable(title, 40);
                file.notes.push(format!("{place} ('{title}') has words, numbered as they come: {}{more}", some.join(", ")));
                kept.push(which);
                continue;
            }
            match column.text.as_deref() {
                // Each line ends with what separates cells.
                None if which == last && !column.filled && title.is_empty() && width > 1 => {}
                None if column.numbers || title.is_empty() => kept.push(which),
                None => file.notes.push(format!("{LEFT_OUT}{place} ('{}') has no numbers in it", printable(title, 40))),
                Some((text, line)) => {
                    let title = if title.is_empty() { String::new() } else { format!(" ('{}')", printable(title, 40)) };
                    file.notes.push(format!("{LEFT_OUT}{place}{title} has words in it, as '{text}' in line {line}"));
                }
            }
        }
        if !self.columns.iter().any(|column| column.numbers) {
            let texts = self.columns.iter().enumerate().filter_map(|(which, column)| Some((which, column.text.as_deref()?)));
            return Err(match texts.min_by_key(|(_, (_, line))| *line) {
                Some((which, (text, line))) => {
                    self.wrong(*line, which + self.labels, &format!("'{text}' is not a number; every cell must hold one"))
                }
                None => Error::new(format!("{}: has no numbers in it", self.name)),
            });
        }
        if self.labels == 1 {
            file.notes.push(format!("{}: column 1 has no name, so its cells are row labels, which are not used", self.name));
        }
        let whole = |values: &[f64]| values.iter().all(|v| v.fract() == 0.0 && v.abs() < 1e6);
        if self.delimiter == b',' && !self.header && self.cells == 2 && whole(&self.values) {
            file.notes.push(format!(
                "{}: two columns of whole numbers; were the comma a decimal mark, a point would have to stand there",
                self.name
            ));
        }
        if kept.len() < width {
            let row = |row: &[f64]| kept.iter().map(|which| row[*which]).collect::<Vec<f64>>();
            self.values = self.values.chunks_exact(width).flat_map(row).collect();
            if self.header {
                self.titles = kept.iter().map(|which| self.titles[*which].clone()).collect();
            }
        }
        let shape = vec![self.values.len() / kept.len(), kept.len()];
        file.arrays.push(Array { name: self.name.into(), shape, values: self.values, columns: self.titles });
        Ok(file)
    }
}

/// Why a cell is no number.
fn complaint(bytes: &[u8]) -> String {
    let text = printable(&text(bytes), 40);
    let advice = match cell(bytes) {
        Cell::Foreign(notation) => notation.advice(),
        _ => "every cell must hold one",
    };
    format!("'{text}' is not a number; {advice}")
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

/// What separates cells by Excel's own first line, and how long that line is.
fn excel(text: &[u8]) -> Option<(u8, usize)> {
    let line = text.split_inclusive(|b| *b == b'\n').next()?;
    match line.trim_ascii_end() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', mark @ (b';' | b',' | b'|')] => Some((*mark, line.len())),
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] if line.contains(&b'\t') => Some((b'\t', line.len())),
        _ => None,
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
    // Numbers with decimal commas that blanks separate.
    let words = || line[..line.len().min(400)].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let comma = |word: &[u8]| {
        let inside = !word.starts_with(b",") && !word.ends_with(b",");
        inside && matches!(cell(word), Cell::Foreign(Notation::Comma | Notation::Both))
    };
    if has == [false, false, true, true] && words().any(comma) && words().all(|w| comma(w) || matches!(cell(w), Cell::Number(_)))
    {
        return b' ';
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
        let array = read("t.csv", text.as_bytes()).unwrap().arrays.remove(0);
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
            ("a,b\n1,2\n3,Adelie\n", "line 3, column 2 ('b'): 'Adelie' is not a number; every cell must hold one"),
            ("a,b\n1,Adelie\n3,4\n", "line 2, column 2 ('b'): 'Adelie' is not a number; every cell must hold one"),
            ("a,b\nx,\ny,z\n", "line 2, column 1 ('a'): 'x' is not a number; every cell must hold one"),
            ("1,2\r\n\r\n# note\r\n3,x\r\n", "line 4, column 2: 'x' is not a number; every cell must hold one"),
            ("1,x\n3,4\n", "line 1, column 2: 'x' is not a number, and a header must not have numbers in it"),
            ("epoch,2019\n3,4\n", "line 1, column 1: 'epoch' is not a number, and a header must not have numbers in it"),
            ("1,2\r3,x\r", "line 2, column 2: 'x' is not a number; every cell must hold one"),
            ("1,2,3\n4,5\n", "line 2 has 2 cells where line 1 has 3"),
            (
                "a,b\n1,2\n\n4,5,6\n",
                "line 4 has 3 cells where line 1 has 2; a comma separates cells here, so write a decimal mark as a point",
            ),
            ("a;b\n1;2\n\n4;5;6\n", "line 4 has 3 cells where line 1 has 2"),
            (",a\nx,1\ny,2,z\n", "line 3 has 3 cells where line 1 has 2"),
        ] {
            assert_eq!(says(text), format!("t.csv: {sentence}"), "{text:?}");
        }
        for (text, sentence) in [
            ("a,b\n", "t.csv: has a header in line 1 but no rows of numbers under it"),
            ("a,b\n,\n", "t.csv: has no numbers in it"),
            ("nan\n", "t.csv: has no numbers in it"),
            ("\n\n", "t.csv: has no numbers in it"),
        ] {
            assert_eq!(says(text), sentence, "{text:?}");
        }
        assert!(read("t.csv", b"\xff\xfe1\x00").unwrap_err().to_string().contains("UTF-16"));
        assert!(read("t.csv", b"1,\xff\xfe\n").unwrap_err().to_string().starts_with("t.csv: line 1, column 2: '"));
    }

    /// A first line that is data in another notation is named, never taken for a header; so is every such cell below.
    #[test]
    fn other_notations_have_a_place() {
        let decimal = "write the decimal mark as a point";
        for (text, line, column, cell, advice) in [
            ("1,5;2,5\n3;4\n5;6\n", 1, "1", "1,5", decimal),
            ("3;4\n5;2,5\n", 2, "2", "2,5", decimal),
            ("a;b\n1,5;2\n", 2, "1 ('a')", "1,5", decimal),
            ("0,1   0,2\n0,3   0,4\n", 1, "1", "0,1", decimal),
            ("0,1 0,2\n", 1, "1", "0,1", decimal),
            ("a b\n1 0,2\n", 2, "2 ('b')", "0,2", decimal),
            ("0,1\t0,2\n", 1, "1", "0,1", decimal),
            ("a\tb\n1\t0,2\n", 2, "2 ('b')", "0,2", decimal),
            ("x\n0,5\n0,25\n", 2, "1 ('x')", "0,5", decimal),
            ("1.234,5;2\n", 1, "1", "1.234,5", "write the decimal mark as a point, and no thousands separators"),
            ("1;1 234,5\n", 1, "2", "1 234,5", "write the decimal mark as a point, and no thousands separators"),
            ("a,b\n1,\"1,234.5\"\n", 2, "2 ('b')", "1,234.5", "write the decimal mark as a point, and no thousands separators"),
            ("1 234;2\n", 1, "1", "1 234", "write no thousands separators"),
            ("$1,$2\n3,4\n5,6\n", 1, "1", "$1", "leave the currency out"),
            ("2020-01-01,01/02\n3,4\n5,6\n", 1, "1", "2020-01-01", "write dates and times as plain numbers, such as days"),
            ("a,12 %\n3,4\n", 1, "2", "12 %", "leave the sign of per cent out"),
            ("a,b\n3,12 %\n", 2, "2 ('b')", "12 %", "leave the sign of per cent out"),
            ("1e999,2\n", 1, "1", "1e999", "no double is as large"),
        ] {
            let name = if line == 1 { " (or, if it is a name, let it begin with a letter)" } else { "" };
            let sentence = format!("t.csv: line {line}, column {column}: '{cell}' is not a number; {advice}{name}");
            assert_eq!(says(text), sentence, "{text:?}");
        }
        assert_eq!(table("−1,2\n3,−4e−2\n").1, [-1.0, 2.0, 3.0, -0.04]);
    }

    #[test]
    fn gaps_are_kept_and_counted() {
        for text in
            ["a,b\n1,2\n,4\n", "a,b\n1,2\nNA,4\n", "a,b\n1,2\n-,4\n", "a,b\n1,2\nNaN,4\n", "a;b\n1;2\ninf;4\n", "1\t2\n-inf\t4\n"]
        {
            let array = read("t.csv", text.as_bytes()).unwrap().arrays.remove(0);
            assert!(array.shape == [2, 2] && array.values[2].is_nan() && array.values[3] == 4.0, "{text:?}");
            let place = if text.starts_with('1') { "row 2, column 1" } else { "row 2, column 1 ('a')" };
            let sentence = array.check_finite().unwrap_err().to_string();
            assert_eq!(sentence, format!("t.csv: {place} is empty or not finite; every number must be finite here"));
        }
        // As pandas writes a gap where there is but one column.
        let (shape, values, _) = table("loss\n2\n\"\"\n1\n");
        assert!(shape == [3, 1] && values[1].is_nan());
        // A first row of gaps is a row.
        assert_eq!(table("NaN,NaN\n1,2\n").0, [2, 2]);
        assert_eq!(table("NA,NA\n1,2\n").0, [2, 2]);
    }

    #[test]
    fn what_spreadsheets_add() {
        let plain = (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0], vec!["a".to_string(), "b".into()]);
        for text in [
            "a,b\n1,2\n3,4\n   \n",
            "a,b\n1,2\n3,4\n,\n,\n",
            "a,b,\n1,2,\n3,4,\n",
            "a,b\n1,2,\n3,4,\n",
            "a,b,\n1,2\n3,4\n",
            "sep=;\r\na;b\r\n1;2\r\n3;4\r\n",
            "\u{feff}sep=\t\na\tb\n1\t2\n3\t4\n",
            "sep=,\na,b\n1,2\n3,4\n \n",
        ] {
            assert_eq!(table(text), plain, "{text:?}");
        }
        assert_eq!(table("1,2,\n3,4,\n").0, [2, 2]);
        assert_eq!(
            says("sep=;\na;b\n1;x\n2;3\n"),
            "t.csv: line 3, column 2 ('b'): 'x' is not a number; every cell must hold one"
        );
    }

    #[test]
    fn what_is_left_out_is_said() {
        let file = read("t.csv", b"species,,day,mass\nAdelie,,2020-01-01,3.5\nGentoo,,2020-01-02,\n").unwrap();
        assert_eq!(file.arrays[0].columns, ["", "mass"]);
        let file = read("t.csv", b"species,note,day,mass\nAdelie,,2020-01-01,3.5\nGentoo,,2020-01-02,\n").unwrap();
        assert_eq!((&file.arrays[0].columns[..], &file.arrays[0].shape[..]), (&["mass".to_string()][..], &[2, 1][..]));
        assert_eq!(
            file.notes,
            [
                "left out: t.csv: column 1 ('species') has words in it, as 'Adelie' in line 2",
                "left out: t.csv: column 2 ('note') has no numbers in it",
                "left out: t.csv: column 3 ('day') has words in it, as '2020-01-01' in line 2",
            ]
        );
        let labelled = read("t.csv", b",a\n0,1\n1,2\n").unwrap();
        assert_eq!(labelled.notes, ["t.csv: column 1 has no name, so its cells are row labels, which are not used"]);
        let again = read("t.csv", b"Unnamed: 0,a\n0,1\n1,2\n").unwrap();
        assert_eq!((&again.arrays[0].columns[..], again.notes.len()), (&["a".to_string()][..], 1));
        assert_eq!(read("t.csv", b"0,5\n0,25\n").unwrap().notes.len(), 1);
    }

    #[test]
    fn writes_what_it_reads() {
        let array = Array {
            name: "t.csv".into(),
            shape: vec![2, 3],
            values: vec![0.1, -1e-300, 1.0 / 3.0, 5e300, 0.0, -7.0],
            columns: vec!["a \"b\", c".into(), "d".into(), "ü".into()],
        };
        assert_eq!(read("t.csv", write_csv(&array).as_bytes()).unwrap().arrays, std::slice::from_ref(&array));
        let cube = Array { shape: vec![1, 2, 3], columns: Vec::new(), ..array };
        assert_eq!(write_csv(&cube), "0.1,-1e-300,0.3333333333333333,5e300,0.0,-7.0\n");
    }
}
