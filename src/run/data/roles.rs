//! What names say of arrays and columns: features, labels, weights, bias. The best name wins, and a tie is nobody's to break.

use super::Array;
use ground::error::{Error, Result};
use ground::file::printable;

/// What an array or a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Features,
    Labels,
    Weights,
    Bias,
}

/// Names that tell a role, the better ones first; those of one list are as good as one another.
const NAMES: [(Role, &[&[&str]]); 4] = [
    (Role::Labels, &[&["label", "labels"], &["class", "classes", "target", "targets"], &["y"]]),
    (Role::Features, &[&["features", "feature"], &["embeddings", "embedding", "activations"], &["h", "x"]]),
    (Role::Weights, &[&["weights", "weight", "kernel", "w", "classifier"]]),
    (Role::Bias, &[&["bias", "biases", "b"]]),
];

/// The role that a word names, and how well: 0 is best.
pub(super) fn role(word: &str) -> Option<(Role, usize)> {
    let word = word.trim().to_lowercase();
    let grade = |lists: &[&[&str]]| lists.iter().position(|list| list.contains(&&*word));
    NAMES.iter().find_map(|(role, lists)| Some((*role, grade(lists)?)))
}

/// The last part of an array's name inside its file, or the file's name without its ending: "weight" of "net.npz/fc.weight".
pub(super) fn word(array: &Array) -> &str {
    match array.name.split_once('/') {
        Some((_, inside)) => inside.rsplit(['/', '.']).next().unwrap_or(""),
        None => array.name.split('.').next().unwrap_or(""),
    }
}

/// All of the best grade, in their order.
pub(super) fn best<T>(graded: impl IntoIterator<Item = (usize, T)>) -> Vec<T> {
    let graded: Vec<(usize, T)> = graded.into_iter().collect();
    let least = graded.iter().map(|(grade, _)| *grade).min();
    graded.into_iter().filter(|(grade, _)| Some(*grade) == least).map(|(_, one)| one).collect()
}

/// The column of a table that holds the labels, by its name: `label` before `class` and `target`, and those before `y`, which beside
/// an `x` is a coordinate.
///
/// # Errors
/// Two columns whose names are as good.
pub fn label_column(table: &Array) -> Result<Option<usize>> {
    let names = || table.columns.iter().map(|name| role(name));
    let plane = table.columns.iter().any(|name| name.trim().eq_ignore_ascii_case("x"));
    let coordinate = |at: usize| plane && table.columns[at].trim().eq_ignore_ascii_case("y");
    let labels = names().enumerate().filter_map(|(at, found)| match found {
        Some((Role::Labels, grade)) if !coordinate(at) => Some((grade, at)),
        _ => None,
    });
    match best(labels)[..] {
        [] => Ok(None),
        [at] => Ok(Some(at)),
        [one, other, ..] => Err(Error::new(format!(
            "{}: {} and {} could both be the labels; name the right one 'label' and the other one something else",
            table.name,
            column(table, one),
            column(table, other)
        ))),
    }
}

/// The columns, other than the one of the labels, whose names would also do for labels.
pub(super) fn label_like(table: &Array, taken: usize) -> impl Iterator<Item = String> {
    let like = move |at: &usize| *at != taken && matches!(role(&table.columns[*at]), Some((Role::Labels, _)));
    (0..table.columns.len()).filter(like).map(|at| column(table, at))
}

/// A column in words: "column 3 ('label')".
pub(super) fn column(table: &Array, at: usize) -> String {
    format!("column {} ('{}')", at + 1, printable(&table.columns[at], 40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_column_of_labels_wins() {
        let table = |header: &str| {
            let columns: Vec<String> = header.split(',').map(String::from).collect();
            Array { name: "t.csv".into(), shape: vec![1, columns.len()], values: vec![0.0; columns.len()], columns }
        };
        for (header, at) in [
            ("x,y,label", Some(2)),
            ("label,x,y", Some(0)),
            ("x,y,class", Some(2)),
            ("x,target,label", Some(2)),
            ("y,target,a", Some(1)),
            ("a, Labels ,class,target", Some(1)),
            ("x1,x2,y", Some(2)),
            ("Y,a,b", Some(0)),
            ("x,y", None),
            ("X,Y,z", None),
            ("a,b,c", None),
        ] {
            assert_eq!(label_column(&table(header)).unwrap(), at, "{header}");
        }
        assert_eq!(
            label_column(&table("a,class,target")).unwrap_err().to_string(),
            "t.csv: column 2 ('class') and column 3 ('target') could both be the labels; name the right one 'label' and the other one something else"
        );
        assert!(label_column(&table("label,labels,y")).is_err() && label_column(&table("class,target,label")).is_ok());
    }

    #[test]
    fn words_of_names() {
        let word_of =
            |name: &str| word(&Array { name: name.into(), shape: vec![1], values: vec![0.0], columns: vec![] }).to_string();
        for (name, told) in
            [("y.npy", "y"), ("a.npz/net.fc.weight", "weight"), ("a.npz/dense/kernel", "kernel"), ("a.npz/H", "H")]
        {
            assert_eq!(word_of(name), told);
        }
        assert_eq!((role("Kernel"), role("step")), (Some((Role::Weights, 0)), None));
    }
}
