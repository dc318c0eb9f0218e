//! Numbers as sentences write them.

/// A number for a sentence, with two significant digits: "−0.3", "0.0023", "1,200", "3×10⁻⁷".
pub fn figure(value: f64) -> String {
    figures(value, 2)
}

/// The same with so many significant digits: as few as what is told needs.
pub fn figures(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "unknown" } else { "beyond all bounds" }.into();
    }
    let scientific = format!("{:.*e}", digits.max(1) - 1, value.abs());
    let (mantissa, power) = scientific.split_once('e').expect("Rust writes an exponent");
    let power: i32 = power.parse().expect("an exponent is a whole number");
    let minus = if value < 0.0 { "−" } else { "" };
    // Zeros after the point say nothing.
    let short =
        |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text.to_string() };
    if value != 0.0 && !(-4..6).contains(&power) {
        return format!("{minus}{}×10{}", short(mantissa), raised(power));
    }
    let rounded: f64 = scientific.parse().expect("it has just been written");
    let decimals = (digits as i32 - 1 - power).max(0) as usize;
    format!("{minus}{}", grouped(&short(&format!("{rounded:.decimals$}"))))
}

/// A share as a percentage, with two significant digits: "12 %", "0.4 %".
pub fn percent(share: f64) -> String {
    format!("{} %", figure(100.0 * share))
}

/// A count with its noun: "1 point", "1,200 points".
pub fn count(n: usize, one: &str, more: &str) -> String {
    format!("{} {}", grouped(&n.to_string()), if n == 1 { one } else { more })
}

/// Thousands set apart.
fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn raised(power: i32) -> String {
    power
        .to_string()
        .chars()
        .map(|c| c.to_digit(10).map_or('⁻', |d| ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][d as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_reader_expects_them() {
        let told = [0.0, 1.0, -0.3, 0.002_345, 12.34, 1234.0, 99_999.0, 3.14e-7, -2.5e9, 0.000_999_9];
        let words = ["0", "1", "−0.3", "0.0023", "12", "1,200", "100,000", "3.1×10⁻⁷", "−2.5×10⁹", "0.001"];
        assert_eq!(told.map(figure), words);
        assert_eq!([figures(0.123_45, 3), figures(1234.5, 6), figures(7.0, 3)], ["0.123", "1,234.5", "7"]);
        assert_eq!([percent(0.1234), percent(0.0004), percent(1.0)], ["12 %", "0.04 %", "100 %"]);
        assert_eq!([count(1, "point", "points"), count(1234, "point", "points")], ["1 point", "1,234 points"]);
        assert_eq!([figure(f64::NAN), figure(f64::INFINITY)], ["unknown", "beyond all bounds"]);
    }
}
