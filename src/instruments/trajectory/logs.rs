//! Tables of losses as loggers write them: which column counts, which are curves, and where those have gaps and ends.

use run::prelude::*;

/// Curves of the reader's.
pub struct Logs {
    /// Those that are drawn.
    pub curves: Vec<Curve>,
    /// What the horizontal axis counts.
    pub counted: String,
    /// What the tables were taken for.
    pub understood: Vec<String>,
}

/// A column of losses.
pub struct Curve {
    /// Its title, with its file where another has the same.
    pub name: String,
    file: String,
    /// Where it is counted to be, and the loss: the rows where both are numbers.
    pub points: Vec<(f64, f64)>,
    /// The row of each point, among those that are counted.
    pub rows: Vec<usize>,
    /// Counted rows of its table.
    of: usize,
}

/// Curves shown at most: as many as there are colours.
const CURVES: usize = 8;
/// Names in a sentence at most.
const NAMES: usize = 12;
/// Titles of columns that count, the finest first; see [`plain`].
const COUNTS: [&str; 24] = [
    "step",
    "_step",
    "global_step",
    "trainer/global_step",
    "steps",
    "iteration",
    "iterations",
    "iter",
    "it",
    "batch",
    "epoch",
    "epochs",
    "t",
    "relative_time_(process)",
    "relative_time_(wall)",
    "_runtime",
    "elapsed",
    "time",
    "wall_time",
    "walltime",
    "_timestamp",
    "timestamp",
    "index",
    "unnamed:_0",
];
/// Those of them that count seconds since 1970.
const CLOCKS: [&str; 4] = ["wall_time", "walltime", "_timestamp", "timestamp"];

/// A title in lower case with low lines for spaces, without the run that Weights & Biases put before it ("run - _step").
fn plain(title: &str) -> String {
    let title = title.rsplit(" - ").next().unwrap_or(title);
    title.trim().to_lowercase().replace(' ', "_")
}

/// The place of a title among those that count; the smaller, the finer.
pub fn counts(title: &str) -> Option<usize> {
    // Trackers put a group before a name: "train/global_step".
    let title = plain(title);
    let place = |title: &str| COUNTS.iter().position(|count| *count == title);
    place(&title).or_else(|| place(title.rsplit('/').next()?))
}

/// Names side by side, the first ones of many.
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(AsRef::as_ref).collect();
    let more = if names.len() > NAMES { format!(" and {} more", names.len() - NAMES) } else { String::new() };
    shown.join(", ") + &more
}

/// A table, column by column.
struct Table<'a> {
    array: &'a Array,
    titles: Vec<String>,
}

impl<'a> Table<'a> {
    fn of(array: &'a Array) -> Self {
        let columns = array.shape.get(1).copied().unwrap_or(1);
        let title = |k: usize| array.columns.get(k).filter(|title| !title.is_empty()).cloned();
        Table { array, titles: (0..columns).map(|k| title(k).unwrap_or_else(|| format!("column {}", k + 1))).collect() }
    }

    fn column(&self, k: usize) -> impl Iterator<Item = f64> + Clone {
        self.array.values.iter().skip(k).step_by(self.titles.len()).copied()
    }

    /// Columns that count, the best first: one that falls (or is empty) counts nothing, one that stands still now and then counts less
    /// well; then the finest. Where no column has a title, the first may count 0, 1, 2 …
    fn counting(&self) -> Vec<(bool, bool, usize, usize)> {
        let rank = |k: usize| {
            if !self.array.columns.is_empty() {
                return counts(&self.titles[k]);
            }
            let whole = || self.column(k).all(|v| v.fract() == 0.0 && v >= 0.0);
            let rises = || self.column(k).zip(self.column(k).skip(1)).all(|(a, b)| a < b);
            (k == 0 && self.titles.len() > 1 && whole() && rises()).then_some(0)
        };
        let of = |k: usize| {
            let rank = rank(k)?;
            let known: Vec<f64> = self.column(k).filter(|v| v.is_finite()).collect();
            let falls = known.is_empty() || known.windows(2).any(|pair| pair[1] < pair[0]);
            Some((falls, known.windows(2).any(|pair| pair[1] == pair[0]), rank, k))
        };
        let mut all: Vec<_> = (0..self.titles.len()).filter_map(of).collect();
        all.sort_unstable();
        all
    }

    /// "run - loss__MIN" and the like: what Weights & Biases put beside a column.
    fn is_range(&self, k: usize) -> bool {
        let title = &self.titles[k];
        let of = title.strip_suffix("__MIN").or_else(|| title.strip_suffix("__MAX"));
        of.is_some_and(|of| self.titles.iter().any(|title| title == of))
    }

    /// Its curves, what counts them, and what is to be said of that.
    fn read(&self) -> (Vec<Curve>, String, Vec<String>) {
        let (file, rows, counting) = (&self.array.name, self.array.shape[0], self.counting());
        let best = counting.first().filter(|(falls, ..)| !falls).map(|(.., k)| *k);
        let clock = best.filter(|k| CLOCKS.contains(&plain(&self.titles[*k]).as_str()));
        let start = clock.and_then(|k| self.column(k).find(|v| v.is_finite())).unwrap_or(0.0);
        let places: Vec<f64> = match best {
            Some(k) => self.column(k).map(|v| v - start).collect(),
            None => (1..=rows).map(|row| row as f64).collect(),
        };
        let of = places.iter().filter(|v| v.is_finite()).count();
        let curve = |k: &usize| {
            let counted = places.iter().copied().zip(self.column(*k)).filter(|(x, _)| x.is_finite()).enumerate();
            let (rows, points) = counted.filter(|(_, (_, y))| y.is_finite()).unzip();
            Curve { name: self.titles[*k].clone(), file: file.clone(), points, rows, of }
        };
        let names = |columns: &[usize]| list(&columns.iter().map(|k| &self.titles[*k]).collect::<Vec<_>>());
        let others = (0..self.titles.len()).filter(|k| counting.iter().all(|(.., count)| count != k));
        let (ranges, drawn): (Vec<usize>, Vec<usize>) = others.partition(|k| self.is_range(*k));
        let (counted, by) = match (best, counting.first()) {
            (Some(k), _) if clock.is_some() => {
                ("seconds".into(), format!("'{}' counts them, in seconds after the first", self.titles[k]))
            }
            (Some(k), _) => (plain(&self.titles[k]), format!("'{}' counts them", self.titles[k])),
            (None, Some((.., k))) => ("row".into(), format!("'{}' falls from row to row, so rows are counted", self.titles[*k])),
            (None, None) => ("row".into(), "no column counts them, so rows are counted".into()),
        };
        let mut understood = vec![format!("{file}: {rows} rows, a curve a column ({}); {by}", names(&drawn))];
        if of < rows {
            understood.push(format!("{file}: {} rows without a number to count them are left out", rows - of));
        }
        let count: Vec<usize> = counting.iter().map(|(.., k)| *k).filter(|k| Some(*k) != best).collect();
        if !count.is_empty() {
            understood.push(format!("{file}: columns that count as well are no losses and are left out ({})", names(&count)));
        }
        if !ranges.is_empty() {
            understood.push(format!("{file}: ranges of other columns are left out ({})", names(&ranges)));
        }
        (drawn.iter().map(curve).collect(), counted, understood)
    }
}

impl Curve {
    /// Does its table go on without it?
    pub fn ends_early(&self) -> bool {
        self.rows.last().is_some_and(|row| row + 1 < self.of)
    }

    /// What is to be said of its gaps and ends, if it has any.
    fn told(&self, counted: &str) -> Option<String> {
        let ((first, _), (last, _)) = (self.points.first()?, self.points.last()?);
        let gaps = self.rows[self.rows.len() - 1] + 1 - self.rows[0] - self.rows.len();
        let told = [
            (self.rows[0] > 0).then(|| format!("begins at {counted} {first}")),
            (gaps > 0).then(|| format!("is dashed where {gaps} rows have no finite number")),
            self.ends_early().then(|| format!("ends at {counted} {last}: no finite number follows")),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| format!("{}: {}", self.name, told.join(", ")))
    }
}

impl Logs {
    /// The curves of tables, those that fit.
    ///
    /// # Errors
    /// Tables without a curve.
    pub fn read(tables: &[&Array]) -> Result<Logs> {
        let (mut curves, mut counted, mut understood) = (Vec::<Curve>::new(), Vec::new(), Vec::new());
        for table in tables {
            let (drawn, by, told) = Table::of(table).read();
            curves.extend(drawn);
            counted.push(by);
            understood.extend(told);
        }
        let wrong = |what: &str| Err(Error::new(format!("{}: {what}", tables[0].name)));
        if curves.is_empty() {
            return wrong("no column of losses, only one that counts; a log has a column of losses for each run");
        }
        if curves.iter().all(|curve| curve.of < 2) {
            return wrong("one row is no curve; a log has a row for each step");
        }
        if curves.iter().all(|curve| curve.points.is_empty()) {
            return wrong("no finite number in any column of losses");
        }
        // Curves of two files with one title are told apart by their files.
        let titles: Vec<String> = curves.iter().map(|curve| curve.name.clone()).collect();
        for curve in &mut curves {
            if tables.len() > 1 && titles.iter().filter(|title| **title == curve.name).count() > 1 {
                curve.name = format!("{}: {}", curve.file, curve.name);
            }
        }
        counted.dedup();
        let counted = if counted.len() == 1 { counted.remove(0) } else { "step".into() };
        let (mut curves, empty): (Vec<Curve>, Vec<Curve>) = curves.into_iter().partition(|curve| !curve.points.is_empty());
        let rest: Vec<String> = curves.drain(CURVES.min(curves.len())..).map(|curve| curve.name).collect();
        understood.extend(curves.iter().filter_map(|curve| curve.told(&counted)));
        if !empty.is_empty() {
            let names: Vec<&String> = empty.iter().map(|curve| &curve.name).collect();
            understood.push(format!("Columns without a finite number are left out ({})", list(&names)));
        }
        if !rest.is_empty() {
            understood.push(format!("{CURVES} curves are drawn, as many as there are colours; left out are {}", list(&rest)));
        }
        Ok(Logs { curves, counted, understood })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f64 = f64::NAN;

    fn table(name: &str, titles: &[&str], rows: &[&[f64]]) -> Array {
        let columns = titles.iter().map(|title| title.to_string()).collect();
        Array { name: name.into(), shape: vec![rows.len(), rows[0].len()], values: rows.concat(), columns }
    }

    fn read(table: &Array) -> Logs {
        Logs::read(&[table]).unwrap()
    }

    fn names(logs: &Logs) -> Vec<&str> {
        logs.curves.iter().map(|curve| curve.name.as_str()).collect()
    }

    /// inf, NaN and what a cell without a number is read as: gaps and ends, each of them told.
    #[test]
    fn curves_have_gaps_and_ends() {
        let logs = read(&table(
            "l.csv",
            &["step", "adam", "sgd", "late"],
            &[&[0.0, 2.0, 2.0, NONE], &[1.0, 1.5, 1e300, NONE], &[2.0, NONE, f64::INFINITY, 3.0], &[3.0, 0.5, NONE, 2.0]],
        ));
        assert_eq!((names(&logs), logs.counted.as_str()), (vec!["adam", "sgd", "late"], "step"));
        assert_eq!(logs.curves[0].points, [(0.0, 2.0), (1.0, 1.5), (3.0, 0.5)]);
        assert_eq!((&logs.curves[0].rows[..], logs.curves[0].ends_early()), (&[0, 1, 3][..], false));
        assert_eq!(logs.curves[1].points, [(0.0, 2.0), (1.0, 1e300)]);
        assert!(logs.curves[1].ends_early());
        assert_eq!(
            logs.understood,
            [
                "l.csv: 4 rows, a curve a column (adam, sgd, late); 'step' counts them",
                "adam: is dashed where 1 rows have no finite number",
                "sgd: ends at step 1: no finite number follows",
                "late: begins at step 2",
            ]
        );
    }

    /// The finest of the columns that count does; one that falls does not.
    #[test]
    fn one_column_counts() {
        let logs = read(&table("l.csv", &["epoch", "step", "loss"], &[&[0.0, 0.0, 2.0], &[0.0, 10.0, 1.5], &[1.0, 20.0, 1.0]]));
        assert_eq!((names(&logs), logs.counted.as_str()), (vec!["loss"], "step"));
        assert_eq!(logs.curves[0].points, [(0.0, 2.0), (10.0, 1.5), (20.0, 1.0)]);
        assert_eq!(logs.understood[1], "l.csv: columns that count as well are no losses and are left out (epoch)");
        for title in ["global_step", "_step", "Step", "trainer/global_step", "run 3 - _step", "Iteration", "Unnamed: 0"] {
            let logs = read(&table("l.csv", &[title, "loss"], &[&[10.0, 2.0], &[20.0, 1.0]]));
            assert_eq!((names(&logs), logs.curves[0].points[1]), (vec!["loss"], (20.0, 1.0)), "{title}");
        }
        // Steps that begin anew with every epoch.
        let logs = read(&table("l.csv", &["step", "epoch", "loss"], &[&[5.0, 1.0, 3.0], &[0.0, 2.0, 2.0], &[0.0, 3.0, 1.0]]));
        assert_eq!((logs.counted.as_str(), logs.curves[0].points[2]), ("epoch", (3.0, 1.0)));
        let logs = read(&table("l.csv", &["step", "loss"], &[&[5.0, 3.0], &[0.0, 2.0]]));
        assert_eq!((logs.counted.as_str(), logs.curves[0].points[1]), ("row", (2.0, 2.0)));
        assert!(logs.understood[0].ends_with("'step' falls from row to row, so rows are counted"));
        // Without titles a column that counts is known by its numbers.
        let logs = read(&table("l.txt", &[], &[&[0.0, 3.0], &[1.0, 2.0]]));
        assert_eq!((names(&logs), logs.curves[0].points[1]), (vec!["column 2"], (1.0, 2.0)));
        // Rows that nothing counts have no place.
        let logs = read(&table("l.csv", &["step", "loss"], &[&[0.0, 3.0], &[NONE, 9.0], &[2.0, 2.0]]));
        assert_eq!(logs.curves[0].points, [(0.0, 3.0), (2.0, 2.0)]);
        assert_eq!(logs.understood[1], "l.csv: 1 rows without a number to count them are left out");
    }

    #[test]
    fn logs_of_known_programs() {
        let board = |name| table(name, &["Wall time", "Step", "Value"], &[&[1.7e9, 0.0, 2.0], &[1.7e9 + 5.0, 100.0, 1.0]]);
        let logs = read(&board("a.csv"));
        assert_eq!((names(&logs), &logs.curves[0].points[..]), (vec!["Value"], &[(0.0, 2.0), (100.0, 1.0)][..]));
        let (a, b) = (board("a.csv"), board("b.csv"));
        assert_eq!(names(&Logs::read(&[&a, &b]).unwrap()), ["a.csv: Value", "b.csv: Value"]);
        let logs = read(&table(
            "wandb.csv",
            &["Step", "run - loss", "run - loss__MIN", "run - loss__MAX", "run - _step"],
            &[&[0.0, 2.0, 2.0, 2.0, 0.0], &[1.0, 1.0, 1.0, 1.0, 1.0]],
        ));
        assert_eq!(names(&logs), ["run - loss"]);
        assert_eq!(
            logs.understood[1..],
            [
                "wandb.csv: columns that count as well are no losses and are left out (run - _step)",
                "wandb.csv: ranges of other columns are left out (run - loss__MIN, run - loss__MAX)",
            ]
        );
        // Training and validation in rows of their own, as Lightning writes them.
        let rows: [&[f64]; 4] =
            [&[0.0, 49.0, 2.0, NONE], &[0.0, 49.0, NONE, 2.5], &[1.0, 99.0, 1.0, NONE], &[1.0, 99.0, NONE, 1.5]];
        let logs = read(&table("metrics.csv", &["epoch", "step", "train_loss", "val_loss"], &rows));
        assert_eq!((names(&logs), logs.counted.as_str()), (vec!["train_loss", "val_loss"], "step"));
        assert_eq!(logs.curves[1].points, [(49.0, 2.5), (99.0, 1.5)]);
        // A clock alone counts from the first row.
        let logs = read(&table("l.csv", &["Wall time", "loss"], &[&[1.7e9, 2.0], &[1.7e9 + 5.0, 1.0]]));
        assert_eq!((logs.counted.as_str(), logs.curves[0].points[1]), ("seconds", (5.0, 1.0)));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let titles: Vec<String> = (0..10).map(|k| format!("r{k}")).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let logs = read(&table("l.csv", &titles, &[&[1.0; 10], &[0.5; 10]]));
        assert_eq!(logs.curves.len(), 8);
        assert_eq!(logs.understood[1], "8 curves are drawn, as many as there are colours; left out are r8, r9");
        let logs = read(&table("l.csv", &["a", "b"], &[&[1.0, NONE], &[2.0, NONE]]));
        assert_eq!((names(&logs), logs.understood[1].as_str()), (vec!["a"], "Columns without a finite number are left out (b)"));
        let told = Logs::read(&[&table("l.csv", &["a"], &[&[NONE], &[NONE]])]).err().unwrap().to_string();
        assert_eq!(told, "l.csv: no finite number in any column of losses");
    }
}
