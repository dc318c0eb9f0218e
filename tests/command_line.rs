//! The command line: what it prints, its exit codes, and one line for everything it cannot do.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn orrery(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orrery")).args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("words")
}

/// A fresh folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("orrery-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn bad_input_is_one_line_and_exit_code_two() {
    let folder = folder("bad");
    let file = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let empty = file("empty.npy", b"");
    let words = file("words.csv", b"x,y\n1,2\n3,four\n");
    let ragged = file("ragged.csv", b"1,2\n3\n");
    let nan = file("nan.csv", b"x,y\n1,2\n3,nan\n");
    let pickle = file("pickle.npy", b"\x80\x04\x95");
    let other = file("other.txt.gz", b"1,2\n3,4\n");
    let sinkhorn = |path: &str| ["run", "sinkhorn-newton-sparse", "--data", path].map(String::from).to_vec();
    let given = |arguments: &[&str]| arguments.iter().map(|a| a.to_string()).collect::<Vec<_>>();
    for (arguments, told) in [
        (given(&["run", "nothing"]), "experiment 'nothing'"),
        (given(&["run", "diffgrad", "--preset", "none"]), "preset none"),
        (given(&["run", "diffgrad", "--set", "learning_rate=9"]), "control learning_rate: '9' is outside 0.005 to 0.5"),
        (given(&["run", "diffgrad", "--set", "learning_rate=NaN"]), "'NaN' is not a finite number"),
        (given(&["run", "diffgrad", "--set", "learning_rate=0.05\n0.1"]), "'0.05·0.1' is not a finite number"),
        (given(&["run", "diffgrad", "--set", "\u{1b}[31m\u{202e}"]), "--set ·[31m·: not NAME=VALUE"),
        (given(&["run", "diffgrad", "--out", "/dev/null/pictures"]), "--out /dev/null/pictures"),
        (
            given(&["sweep", "transport-plan", "--set", "beside=Sinkhorn, scaling,none", "--out", "/dev/null"]),
            "'none' is not one of '",
        ),
        (given(&["sweep", "diffgrad", "--out", &words]), "words.csv: is there already"),
        (given(&["run", "diffgrad", "--set", "speed=1"]), "control speed: there is none of that name"),
        (given(&["run", "diffgrad", "--set", "speed"]), "--set speed: not NAME=VALUE"),
        (given(&["run", "diffgrad", "--seeds", "abc"]), "--seeds abc"),
        (given(&["run", "diffgrad", "--seeds", "4..1"]), "--seeds 4..1"),
        (given(&["run", "diffgrad", "--data", &words]), "diffgrad takes no files"),
        (given(&["run", "--all", "--lab", "none"]), "--lab none"),
        (given(&["run"]), ""),
        (given(&["fly"]), "fly"),
        (given(&["sweep", "diffgrad", "--shard", "3/2", "--out", "/dev/null"]), "--shard 3/2"),
        (given(&["sweep", "diffgrad", "--out", "/nowhere/at/all.csv"]), "/nowhere/at/all.csv"),
        (given(&["serve", "--dir", "/nowhere"]), "/nowhere"),
        (sinkhorn("/nowhere.csv"), "/nowhere.csv"),
        (sinkhorn(&empty), "empty.npy"),
        (sinkhorn(&words), "four"),
        (sinkhorn(&ragged), "ragged.csv"),
        (sinkhorn(&nan), "nan.csv"),
        (sinkhorn(&pickle), "pickle.npy"),
        (sinkhorn(&other), "other.txt.gz"),
    ] {
        let output = orrery(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.contains(told), "{arguments:?}: '{error}' does not say '{told}'");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// Whatever there is in a file, and whichever experiment it is given to.
#[test]
fn every_file_is_used_or_refused_in_one_line() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/files");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let takers: Vec<_> = orrery::catalogue::entries().filter(|entry| entry.card.own_data.is_some()).collect();
    // One file, and two of a kind; at controls at which a run is short.
    let jobs: Vec<_> = files.iter().flat_map(|file| takers.iter().map(move |entry| (file, *entry))).collect();
    orrery::pool::each(&jobs, orrery::pool::cores(), |(file, entry)| {
        let least = |spec: &ground::controls::Spec| match spec.kind {
            ground::controls::Kind::Count { min, .. } => Some(format!("{}={min}", spec.name)),
            _ => None,
        };
        let set: Vec<String> = entry.controls.iter().filter_map(least).flat_map(|set| ["--set".to_string(), set]).collect();
        let path = file.to_string_lossy();
        let begin = ["run", entry.card.slug, "--seeds", "0", "--data", &path];
        let output = orrery(&[&begin[..], &set.iter().map(String::as_str).collect::<Vec<_>>()].concat());
        let (told, error) = (text(&output.stdout), text(&output.stderr));
        let place = format!("{} with {path}: {:?}, {told}{error}", entry.card.slug, output.status.code());
        match output.status.code() {
            Some(0 | 1) => assert!(error.is_empty() && told.contains("\n"), "{place}"),
            Some(2) => assert!(told.is_empty() && error.ends_with('\n') && error.lines().count() == 1, "{place}"),
            _ => panic!("{place}"),
        }
        let mut words = [&told, &error].into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        assert!(!words.any(|word| word.eq_ignore_ascii_case("nan")), "{place}");
    });
}

#[test]
fn run_prints_the_object_that_the_design_names() {
    let output = orrery(&["run", "diffgrad", "--json", "--seeds", "0..1"]);
    assert_eq!(output.status.code(), Some(0));
    let run: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&run["slug"], &run["lab"], &run["preset"]), (&"diffgrad".into(), &"trajectory".into(), &"default".into()));
    assert_eq!(run["controls"]["learning_rate"], 0.1);
    assert_eq!(run["runs"].as_array().map(Vec::len), Some(2));
    assert!(run["runs"][0]["measures"]["adam_x"].is_f64() && run["runs"][0]["seconds"].is_f64());
    assert_eq!(run["runs"][0]["hash"].as_str().map(str::len), Some(16));
    assert_eq!(run["verdict"]["holds"], true);
    assert!(run["verdict"]["text"].is_string() && run["verdict"]["figure"].is_f64() && run["verdict"]["threshold"].is_f64());
}

#[test]
fn a_claim_that_does_not_hold_is_exit_code_one() {
    assert_eq!(orrery(&["run", "diffgrad", "--preset", "break-it"]).status.code(), Some(1));
}

#[test]
fn list_names_every_experiment() {
    let cards: Value = serde_json::from_slice(&orrery(&["list", "--json"]).stdout).expect("JSON");
    let words = text(&orrery(&["list"]).stdout);
    let slugs: Vec<&str> = cards.as_array().expect("an array").iter().filter_map(|card| card["slug"].as_str()).collect();
    assert_eq!(slugs.len(), orrery::catalogue::entries().count());
    assert!(slugs.iter().all(|slug| words.contains(slug)));
}

#[test]
fn views_are_written_and_sweeps_tabulated() {
    let folder = folder("out");
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    assert_eq!(orrery(&["run", "diffgrad", "--out", &path("")]).status.code(), Some(0));
    for ending in ["svg", "png", "csv"] {
        let content = std::fs::read(path(&format!("diffgrad-paths.{ending}"))).expect("written");
        let begins: &[u8] = match ending {
            "svg" => b"<svg",
            "png" => b"\x89PNG",
            _ => b"",
        };
        assert!(content.starts_with(begins) && content.len() > 500, "{ending}");
    }
    let sweep = |shard: &str, out: &str| {
        let set = ["--set", "learning_rate=0.05,0.1", "--set", "momentum=0.9,0.95"];
        let output = orrery(&[&["sweep", "diffgrad"], &set[..], &["--seeds", "0..1", "--shard", shard, "--out", out]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        std::fs::read_to_string(out).expect("a table")
    };
    let whole = sweep("1/1", &path("whole.csv"));
    assert_eq!(whole.lines().count(), 1 + 2 * 2 * 2);
    assert!(
        whole
            .lines()
            .next()
            .is_some_and(|head| head.contains("learning_rate") && head.contains("adam_x") && head.contains("holds"))
    );
    // A third part of one run has no row, but its columns; and what was broken off goes on where it ends, with the rows that it had.
    let one = |out: &str| {
        let set = ["sweep", "diffgrad", "--set", "learning_rate=0.05,0.1", "--seeds", "0", "--out", out];
        assert_eq!(orrery(&set).status.code(), Some(0));
        std::fs::read_to_string(out).expect("a table")
    };
    assert_eq!(sweep("9/9", &path("none.csv")).lines().count(), 1);
    let finished = one(&path("cut.csv"));
    let first = finished.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
    std::fs::write(path("cut.csv"), format!("{first}1,0.1,0.9")).expect("written");
    let resumed = one(&path("cut.csv"));
    assert!(resumed.starts_with(&first) && resumed.lines().count() == 3, "{resumed}");
    assert_eq!(one(&path("cut.csv")), resumed);
    // The parts have the whole's rows, seconds aside.
    let rows = |table: &str| -> Vec<String> {
        table.lines().skip(1).map(|row| row.rsplit_once(',').map_or(row, |(row, _)| row).to_string()).collect()
    };
    let mut parts = [rows(&sweep("1/2", &path("a.csv"))), rows(&sweep("2/2", &path("b.csv")))].concat();
    let mut all = rows(&whole);
    parts.sort();
    all.sort();
    assert_eq!(parts, all);
}
