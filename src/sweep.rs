//! `orrery sweep`: a run for every combination of values and every seed, a row each. A row is in the file as soon as it and those before it
//! are done, and a sweep that was broken off goes on where its file ends.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Mutex;

use gpu::Device;
use ground::claim::Runs;
use ground::controls::{Kind, Spec};
use orrery::{Error, Result, catalogue};
use run::session::Session;

use super::{Outcome, Setting, SweepArgs, pairs, say, side_by_side};

/// Does what is asked, and tells how many rows there are.
pub fn sweep(args: &SweepArgs) -> Result<()> {
    let specs = catalogue::find(&args.slug)?.controls;
    let settings = combinations(specs, &pairs(&args.at.set)?)
        .iter()
        .map(|set| Setting::new(&args.slug, &args.at, set))
        .collect::<Result<Vec<_>>>()?;
    let (part, parts) = args.shard.as_deref().map_or(Ok((1, 1)), shard)?;
    let jobs = settings.iter().flat_map(|setting| setting.seeds.iter().map(move |seed| (setting, *seed)));
    let jobs: Vec<(&Setting, u64)> = jobs.skip(part - 1).step_by(parts).collect();
    // The file is opened before the work is done: a place that cannot be written is told at once.
    let (table, there) = Table::open(&args.out, &header(&settings[0])?)?;
    let left: Vec<(usize, (&Setting, u64))> =
        jobs.iter().copied().filter(|(setting, seed)| !there.contains(&key(setting, *seed))).enumerate().collect();
    let table = Mutex::new(table);
    let done = side_by_side(&left, args.jobs, |(place, (setting, seed)), tell| {
        let outcome = setting.run(*seed, tell);
        let row = outcome.as_ref().ok().map(|outcome| row(setting, outcome));
        table.lock().expect("nobody panics with the table").put(*place, row)?;
        Ok(outcome.err())
    })?;
    let failed: Vec<Error> = done.into_iter().flatten().collect();
    if let Some(first) = failed.first() {
        return Err(Error::new(format!("{} of {} runs came to nothing, the first: {first}", failed.len(), jobs.len())));
    }
    let before =
        if left.len() < jobs.len() { format!(", {} of them from before", jobs.len() - left.len()) } else { String::new() };
    say(&format!("{} runs of {} in {}{before}", jobs.len(), args.slug, args.out.display()));
    Ok(())
}

/// Every combination of the values that the controls are given; a control that is named twice has the values of both.
fn combinations(specs: &[Spec], pairs: &[(String, String)]) -> Vec<Vec<(String, String)>> {
    let mut controls: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, text) in pairs {
        let values = values(specs.iter().find(|spec| spec.name == *name), text);
        match controls.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.extend(values),
            None => controls.push((name, values)),
        }
    }
    controls.iter().fold(vec![Vec::new()], |combinations, (name, values)| {
        let with = |set: &Vec<_>, value: &str| [&set[..], &[(name.to_string(), value.to_string())]].concat();
        combinations.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).collect()
    })
}

/// The values that `text` lists, parted by commas. Options may have commas in their names; words are one value, whatever is in them.
fn values<'a>(spec: Option<&Spec>, mut text: &'a str) -> Vec<&'a str> {
    let options: Vec<&str> = match spec.map(|spec| &spec.kind) {
        Some(Kind::Text { .. }) => return vec![text],
        Some(Kind::Choice { options }) => options.iter().collect(),
        _ => Vec::new(),
    };
    let mut values = Vec::new();
    loop {
        let ends = |option: &&&str| text.strip_prefix(**option).is_some_and(|rest| rest.is_empty() || rest.starts_with(','));
        let longest = options.iter().filter(ends).map(|option| option.len()).max();
        let (value, rest) = text.split_at(longest.unwrap_or_else(|| text.find(',').unwrap_or(text.len())));
        values.push(value);
        match rest.strip_prefix(',') {
            Some(rest) => text = if options.is_empty() { rest } else { rest.trim_start() },
            None => return values,
        }
    }
}

/// `2/8` as (2, 8).
fn shard(text: &str) -> Result<(usize, usize)> {
    text.split_once('/')
        .and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)))
        .filter(|(i, n): &(usize, usize)| *i >= 1 && i <= n)
        .ok_or_else(|| Error::new(format!("--shard {text}: not I/N with I from 1 to N")))
}

/// What a row is told by: its controls, the files that it has read, its seed.
fn key(setting: &Setting, seed: u64) -> Vec<String> {
    let controls = setting.entry.controls.iter().zip(&setting.settings.0).map(|(spec, value)| spec.format(value));
    controls.chain(setting.names.clone()).chain([seed.to_string()]).collect()
}

fn header(setting: &Setting) -> Result<Vec<String>> {
    let seed = setting.seeds.first().copied().unwrap_or_default();
    let start = Session::new(setting.entry, setting.settings.clone(), seed, &setting.library(), &Device::cpu())?;
    let controls = setting.entry.controls.iter().map(|spec| spec.name.to_string());
    let files = setting.names.as_ref().map(|_| "data".to_string());
    let measures = start.measures().0.into_iter().map(|(name, _)| name.into_owned());
    let end = ["holds", "figure", "seconds"].map(String::from);
    Ok(controls.chain(files).chain(["seed".to_string()]).chain(measures).chain(end).collect())
}

fn row(setting: &Setting, outcome: &Outcome) -> Vec<String> {
    let verdict = (setting.entry.verdict)(&setting.settings, &Runs(vec![outcome.measures.clone()]));
    let measures = outcome.measures.0.iter().map(|(_, value)| value.to_string());
    let holds = verdict.holds.map_or(String::new(), |holds| holds.to_string());
    let end = [holds, verdict.figure.to_string(), format!("{:.3}", outcome.seconds)];
    key(setting, outcome.seed).into_iter().chain(measures).chain(end).collect()
}

/// A CSV file whose rows go out in their order.
struct Table<'a> {
    path: &'a Path,
    file: csv::Writer<File>,
    next: usize,
    /// What is done before what comes before it; nothing where a run has failed.
    waiting: BTreeMap<usize, Option<Vec<String>>>,
}

impl<'a> Table<'a> {
    /// The file at `path`, and the keys of the rows that are in it. A row that was cut off is not.
    fn open(path: &'a Path, header: &[String]) -> Result<(Self, HashSet<Vec<String>>)> {
        let failed = |e: &dyn std::fmt::Display| Error::new(format!("{}: {e}", path.display()));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            Err(e) => return Err(failed(&e)),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(whole.as_bytes());
        let rows = reader.deserialize::<Vec<String>>().collect::<Result<Vec<_>, _>>();
        let rows = rows.ok().filter(|rows| rows.first().is_none_or(|first| first == header));
        let Some(rows) = rows.filter(|rows| !rows.is_empty() || text.is_empty()) else {
            return Err(failed(&"is there already, and its columns are not those of this sweep; name another file"));
        };
        let keys = header.iter().position(|name| name == "seed").expect("a column of seeds") + 1;
        let there = rows.iter().skip(1).map(|row| row[..keys].to_vec()).collect();
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| failed(&e))?;
        // What is no file, a device for one, has no length to be set.
        if whole.len() < text.len() {
            file.set_len(whole.len() as u64).map_err(|e| failed(&e))?;
        }
        let mut table = Table { path, file: csv::Writer::from_writer(file), next: 0, waiting: BTreeMap::new() };
        if rows.is_empty() {
            table.write(header)?;
        }
        Ok((table, there))
    }

    /// Row number `place` is done, or has come to nothing.
    fn put(&mut self, place: usize, row: Option<Vec<String>>) -> Result<()> {
        self.waiting.insert(place, row);
        while let Some(row) = self.waiting.remove(&self.next) {
            self.next += 1;
            row.map_or(Ok(()), |row| self.write(&row))?;
        }
        Ok(())
    }

    fn write(&mut self, row: &[String]) -> Result<()> {
        let written =
            self.file.write_record(row).map_err(|e| e.to_string()).and_then(|()| self.file.flush().map_err(|e| e.to_string()));
        written.map_err(|e| Error::new(format!("{}: {e}", self.path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_with_commas_in_their_names_are_one_value() {
        let controls = catalogue::find("transport-plan").unwrap().controls;
        let of = |name: &str, text| values(controls.iter().find(|spec| spec.name == name), text);
        assert_eq!(of("beside", "Sinkhorn, scaling"), ["Sinkhorn, scaling"]);
        assert_eq!(of("beside", "Sinkhorn,Sinkhorn, scaling, exact"), ["Sinkhorn", "Sinkhorn, scaling", "exact"]);
        assert_eq!(of("beside", "none such,exact"), ["none such", "exact"]);
        assert_eq!(of("epsilon", "0.1,0.2"), ["0.1", "0.2"]);
        let twice = [("epsilon".to_string(), "0.1".to_string()), ("epsilon".into(), "0.2,0.3".into())];
        assert_eq!(combinations(controls, &twice).len(), 3);
    }
}
