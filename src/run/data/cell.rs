//! What a cell of a table says: a number, a gap, a number as only people write it, or words.

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    Number(f64),
    /// There is no number, and the cell says so: it is empty, `NA`, `-`, NaN, an infinity.
    Gap,
    /// It is written for people.
    Foreign(Notation),
    Text,
}

/// How numbers are written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// `0,5`
    Comma,
    /// `1.234,5` or `1,234.5`
    Both,
    /// `1 234` or `1'234`
    Thousands,
    /// `$5`
    Currency,
    /// `25 %`
    Share,
    /// `1e999`
    Large,
    /// `2020-01-01` or `12:30`
    Date,
    /// `5 kg`
    Unit,
    /// `(5)`, `3/4`, `2×10⁵`
    Other,
}

impl Notation {
    /// What would be right.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Notation::Comma => "write the decimal mark as a point",
            Notation::Both => "write the decimal mark as a point, and no thousands separators",
            Notation::Thousands => "write no thousands separators",
            Notation::Currency => "leave the currency out",
            Notation::Share => "leave the sign of per cent out",
            Notation::Large => "no double is as large",
            Notation::Date => "write dates and times as plain numbers, such as days",
            Notation::Unit => "leave the unit out",
            Notation::Other => "write it with digits, a point and an e alone",
        }
    }

    /// It stands for one number, so a column of it is one of numbers; dates, units and the like may be names as well.
    pub(super) fn counts(self) -> bool {
        !matches!(self, Notation::Date | Notation::Unit | Notation::Other)
    }
}

/// What statistics programs write where there is no number.
const GAPS: [&str; 22] = [
    "", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "#N/A N/A", "NULL", "null", "None", "-", "--", "−", "–", "—", ".", "?",
    "-1.#IND", "1.#IND", "1.#QNAN", "∞",
];
const MINUS: [char; 4] = ['\u{2212}', '\u{2013}', '\u{fe63}', '\u{ff0d}'];
const CURRENCIES: [&str; 14] = ["USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "kr"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// What the cell says.
pub(super) fn cell(bytes: &[u8]) -> Cell {
    let Ok(text) = std::str::from_utf8(bytes) else { return Cell::Text };
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => return Cell::Number(value),
        Ok(_) if text.contains(|c: char| c.is_ascii_digit()) => return Cell::Foreign(Notation::Large),
        Ok(_) => return Cell::Gap,
        Err(_) if GAPS.contains(&text) => return Cell::Gap,
        Err(_) => {}
    }
    // A minus sign as it is printed can be nothing else.
    if text.starts_with(MINUS)
        && let Ok(value) = text.replace(MINUS, "-").parse::<f64>()
    {
        return if value.is_finite() { Cell::Number(value) } else { Cell::Gap };
    }
    notation(text).map_or(Cell::Text, Cell::Foreign)
}

/// How the number is written, if the text is one that only people read.
fn notation(text: &str) -> Option<Notation> {
    let digit = |c: char| c.is_numeric();
    if !text.contains(digit) || text.chars().count() > 40 {
        return None;
    }
    let currency = |text: &str| {
        let rest = text.trim_matches(|c: char| "$€£¥₹₽₩¢₺₴".contains(c) || c.is_whitespace());
        let code = CURRENCIES.iter().find_map(|code| text.strip_prefix(code).or(text.strip_suffix(code)));
        [Some(rest).filter(|rest| rest.len() < text.len()), code].into_iter().flatten().any(plain)
    };
    if currency(text) || text.strip_prefix(['-', '+', '(']).is_some_and(currency) {
        return Some(Notation::Currency);
    }
    if text.strip_suffix(['%', '‰']).is_some_and(plain) {
        return Some(Notation::Share);
    }
    if date(text) {
        return Some(Notation::Date);
    }
    if plain(text) {
        let unsigned = text.trim_start_matches(|c: char| c == '-' || c == '+' || MINUS.contains(&c));
        let numeric = |allowed: &str| unsigned.chars().all(|c| c.is_ascii_digit() || allowed.contains(c) || c.is_whitespace());
        let comma = unsigned.split_once(',');
        return Some(match comma {
            Some((whole, part)) if numeric(",eE-+") && whole.len() + part.len() > 0 && !part.contains(',') => {
                let digits = part.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 3 && digits == part.len() || whole.contains(char::is_whitespace) {
                    Notation::Both
                } else {
                    Notation::Comma
                }
            }
            Some(_) if numeric(".,'’_eE-+") => Notation::Both,
            None if numeric(".'’_eE") && (unsigned.contains(char::is_whitespace) || unsigned.contains(['\'', '’', '_'])) => {
                Notation::Thousands
            }
            _ => Notation::Other,
        });
    }
    unit(text).then_some(Notation::Unit)
}

/// Digits, and nothing but what people put between or around them.
fn plain(text: &str) -> bool {
    let exponent = |i: usize| {
        let before = text[..i].chars().next_back().is_some_and(|c| c.is_numeric() || ".,".contains(c));
        let after = text[i + 1..].trim_start_matches(['-', '+', '\u{2212}']);
        before && after.starts_with(char::is_numeric)
    };
    text.contains(char::is_numeric)
        && text.char_indices().all(|(i, c)| match c {
            'e' | 'E' | 'd' | 'D' => exponent(i),
            c => c.is_numeric() || c.is_whitespace() || "+-.,'’_/:()*^×·⋅⁻<>≤≥~≈±".contains(c) || MINUS.contains(&c),
        })
}

/// Years, months and days, or hours and minutes.
fn date(text: &str) -> bool {
    let (day, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let parts = |text: &str, marks: &[char], counts: &[usize]| {
        let parts: Vec<&str> = text.split(marks).collect();
        counts.contains(&parts.len()) && parts.iter().all(|p| (1..=4).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let clock = |text: &str| {
        let text = text.trim_end_matches('Z').split(['+', '.']).next().unwrap_or_default();
        parts(text, &[':'], &[2, 3])
    };
    let days = |text: &str| ['-', '/', '.'].iter().any(|mark| parts(text, &[*mark], &[3])) || parts(text, &['/'], &[2]);
    if days(day) && (time.is_empty() || clock(time)) || clock(text) {
        return true;
    }
    // 1 January 2020, 01-Jan-20.
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let month =
        |word: &str| MONTHS.iter().any(|month| word.to_lowercase().starts_with(month)) && word.chars().all(char::is_alphabetic);
    let number = |word: &&&str| word.bytes().all(|b| b.is_ascii_digit());
    words.len() == 3 && words.iter().filter(number).count() == 2 && words.iter().take(2).any(|word| month(word))
}

/// A number and up to three letters: `5 kg`, but not `1st` and `2d`.
fn unit(text: &str) -> bool {
    let letters = |c: char| c.is_alphabetic() || c == '°';
    let number = text.trim_end_matches(letters);
    let unit = &text[number.len()..];
    let number = number.trim_end();
    let ordinal = ["st", "nd", "rd", "th", "d", "D"].contains(&unit);
    (1..=3).contains(&unit.chars().count())
        && !ordinal
        && (number.parse::<f64>().is_ok() || number.replacen(',', ".", 1).parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_gaps() {
        for (text, value) in [("1.5", 1.5), (" -4e5 ", -4e5), ("−1.5", -1.5), ("−2e−3", -2e-3), ("+.5", 0.5), ("\u{a0}7", 7.0)]
        {
            assert_eq!(cell(text.as_bytes()), Cell::Number(value), "{text}");
        }
        for text in ["", "  ", "NA", "nan", "NaN", "-inf", "Infinity", "−inf", "-", "<NA>", "null", "None", "∞"] {
            assert_eq!(cell(text.as_bytes()), Cell::Gap, "{text}");
        }
    }

    #[test]
    fn numbers_as_people_write_them() {
        use Notation::*;
        for (notation, texts) in [
            (Comma, &["0,5", "-0,25", "−1,5", "1,5e-3", ",5"][..]),
            (Both, &["1.234,5", "1,234.5", "1 234,5", "1,234", "1,234,567", "1'234,5", "1\u{202f}234,5"]),
            (Thousands, &["1 234", "1'234.5", "1_000", "1\u{a0}234"]),
            (Currency, &["$1", "1 €", "-$5", "€1,50", "USD 3", "3 EUR", "$1,234.00"]),
            (Share, &["12%", "12 %", "1,5 %", "3‰"]),
            (Large, &["1e999", "-1e400"]),
            (
                Date,
                &[
                    "2020-01-01",
                    "01/02",
                    "1.2.2020",
                    "2020-01-01T12:30:00Z",
                    "2020-01-01 12:30",
                    "12:30",
                    "1 Jan 2020",
                    "Jan 1, 2020",
                ],
            ),
            (Unit, &["5 kg", "3ms", "1,5 m", "20 °C"]),
            (Other, &["(5)", "3/4/5/6", "2×10⁵", "1.2.3.4", "<0.05", "1.0D+00", "1-2", "١٢"]),
        ] {
            for text in texts {
                assert_eq!(cell(text.as_bytes()), Cell::Foreign(notation), "{text}");
            }
        }
        for text in ["x1", "layer 2", "1st", "2d", "loss (0-1)", "Adelie", "r0", "e5", "Na", "0.weight", "größe", "May", "a/b"]
        {
            assert_eq!(cell(text.as_bytes()), Cell::Text, "{text}");
        }
        assert_eq!(cell(b"\xff1"), Cell::Text);
    }
}
