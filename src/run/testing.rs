//! What the tests of experiments share (native): runs played on the CPU to their verdict, or to their end.

use std::task::{Context, Waker};

use crate::data::{Array, Library};
use crate::experiment::{Entry, Experiment, play};
use crate::stage::Progress;
use gpu::Device;
use ground::claim::Runs;
use ground::controls::Controls;
use ground::view::View;

/// The controls of a preset.
pub fn preset<E: Experiment>(name: &str) -> E::Controls {
    E::Controls::read(&Entry::of::<E>("").preset(name).expect("a preset of its own"))
}

/// A run that has not begun, with the data sets of its card.
pub fn begun<E: Experiment>(controls: &E::Controls, seed: u64) -> E {
    E::new(controls, seed, &Library::shipped(E::CARD.data)).expect("these controls start")
}

/// A run at its end.
pub fn finished<E: Experiment>(controls: &E::Controls, seed: u64) -> Box<E> {
    played(begun(controls, seed), |_| false)
}

/// A run whose verdict has just been settled.
pub fn judged<E: Experiment>(controls: &E::Controls, seed: u64) -> Box<E> {
    played(begun(controls, seed), |progress| progress.judged)
}

/// A run on files of the reader's at its end.
pub fn with_files<E: Experiment>(controls: &E::Controls, files: &[Array]) -> Box<E> {
    let library = Library::shipped(E::CARD.data).with_own(files.to_vec());
    played(E::new(controls, 0, &library).expect("these files are taken"), |_| false)
}

/// A run played until it is over, or `enough` says so between two units.
pub fn played<E: Experiment>(run: E, mut enough: impl FnMut(Progress) -> bool) -> Box<E> {
    let mut course = play(run, &Device::cpu());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // On the CPU nothing is waited for.
        _ = course.poll(&mut context).map(|end| end.expect("the run goes on"));
        let progress = course.progress();
        if progress.over || enough(progress) {
            return course.leave().expect("between two units");
        }
    }
}

/// A run at its end, of which every view was made before it began, after 1, 2, 4, 8 … parts of it, and at its end, and no word of any of
/// them was NaN.
pub fn watched<E: Experiment>(run: E) -> Box<E> {
    let look_at = |run: &E| {
        for look in E::VIEWS {
            let view = (look.make)(run);
            view.encode();
            assert!(!says_nan(&view), "view {}: NaN or inf as a word", look.panel.id);
        }
    };
    let mut course = play(run, &Device::cpu());
    let mut context = Context::from_waker(Waker::noop());
    course.with(look_at);
    for parts in 1usize.. {
        _ = course.poll(&mut context).map(|end| end.expect("the run goes on"));
        let over = course.progress().over;
        if over || parts.is_power_of_two() {
            course.with(look_at);
        }
        if over {
            break;
        }
    }
    course.leave().expect("between two units")
}

/// Is NaN or inf a word of a label, a name or a cell? Numbers may be NaN: pictures leave those out.
fn says_nan(view: &View) -> bool {
    let shown = match view {
        View::Images(images) => format!("{:?}", images.captions),
        view => format!("{view:?}"),
    };
    // What is between quotes is text.
    let texts = shown.replace("\\\"", "");
    let mut words = texts.split('"').skip(1).step_by(2).flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.any(|word| word == "NaN" || word == "inf")
}

/// The measures of some seeds at the same controls, as far as the verdict.
pub fn runs<E: Experiment>(controls: &E::Controls, seeds: impl IntoIterator<Item = u64>) -> Runs {
    Runs(seeds.into_iter().map(|seed| judged::<E>(controls, seed).measures()).collect())
}
