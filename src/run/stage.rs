//! Where a run plays: it is written as the loop that it is, and lends itself to its caller between two units of work.
//!
//! `self = stage.next(self).await` puts the run where its caller can reach it and is pending once; the next poll takes it back. So a caller
//! can look at a run, revise it or never come back, between any two units, and a loop that forgets to take its run back does not compile.
//! A future that is pending while the place is empty waits for something else: an answer of the GPU.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use gpu::Device;
use ground::error::Result;

/// What a run knows of its caller.
pub struct Stage<R>(Rc<Place<R>>);

/// What a run and its caller share.
struct Place<R> {
    run: RefCell<Option<Box<R>>>,
    device: Device,
    done: Cell<usize>,
    of: Cell<usize>,
    judged: Cell<bool>,
}

impl<R> Stage<R> {
    /// What to compute on.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// The time line: so many units are done, and so many there are in all, as far as is known now.
    pub fn span(&self, units: Range<usize>) {
        self.0.done.set(units.start);
        self.0.of.set(units.end);
    }

    /// One unit of work is done, what the card calls its `unit`; the caller may look, revise, or never come back.
    pub async fn next(&self, run: Box<R>) -> Box<R> {
        self.0.done.set(self.0.done.get() + 1);
        self.part(run).await
    }

    /// A part of a unit is done, where one takes longer than a few milliseconds.
    pub async fn part(&self, run: Box<R>) -> Box<R> {
        self.0.run.replace(Some(run));
        let mut asked = false;
        poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        self.0.run.take().expect("the caller lends the run back before it goes on")
    }

    /// The verdict is settled: what follows is for pictures only.
    pub fn judged(&self) {
        self.0.judged.set(true);
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub done: usize,
    /// Units in all, as far as is known now; 0 where nothing is known.
    pub of: usize,
    /// The verdict is settled.
    pub judged: bool,
    /// Nothing is left to do.
    pub over: bool,
}

/// A run on its stage, as its caller has it.
pub struct Course<R> {
    place: Rc<Place<R>>,
    begin: fn(Box<R>, Stage<R>) -> Rest<R>,
    future: Option<Rest<R>>,
    over: bool,
}

/// The rest of a run.
pub type Rest<R> = Pin<Box<dyn Future<Output = Result<Box<R>>>>>;

impl<R: 'static> Course<R> {
    /// A run that has not begun. `begin` plays it from where it stands.
    pub fn new(run: Box<R>, device: &Device, begin: fn(Box<R>, Stage<R>) -> Rest<R>) -> Self {
        let place = Place {
            run: RefCell::new(Some(run)),
            device: device.clone(),
            done: Cell::new(0),
            of: Cell::new(0),
            judged: Cell::new(false),
        };
        Course { place: Rc::new(place), begin, future: None, over: false }
    }

    /// Goes on to the end of the next unit, or part of one. An error ends the run.
    pub fn poll(&mut self, context: &mut Context) -> Poll<Result<()>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        let future = self.future.get_or_insert_with(|| {
            let run = self.place.run.take().expect("a run that is not over and not at work stands in its place");
            (self.begin)(run, Stage(self.place.clone()))
        });
        match future.as_mut().poll(context) {
            Poll::Pending if self.place.run.borrow().is_some() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(end) => {
                self.future = None;
                self.over = true;
                self.place.judged.set(true);
                self.place.of.set(self.place.done.get());
                Poll::Ready(end.map(|run| _ = self.place.run.replace(Some(run))))
            }
        }
    }

    /// Looks at the run between two units; `None` after an error.
    pub fn with<T>(&self, look: impl FnOnce(&R) -> T) -> Option<T> {
        self.place.run.borrow().as_deref().map(look)
    }

    /// Takes the run off its stage; `None` while it waits inside a unit, and after an error.
    pub fn leave(self) -> Option<Box<R>> {
        self.place.run.take()
    }

    /// Lets `change` change the run between two units. Where it says that it did, the run is played anew from where it stands: its loops
    /// skip what is done.
    pub fn revise(&mut self, change: impl FnOnce(&mut R) -> bool) -> bool {
        let revised = self.place.run.borrow_mut().as_deref_mut().is_some_and(change);
        if revised {
            self.future = None;
            self.over = false;
            self.place.judged.set(false);
        }
        revised
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let Place { done, of, judged, .. } = &*self.place;
        Progress { done: done.get(), of: of.get(), judged: judged.get(), over: self.over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    struct Descent {
        rate: f64,
        x: f64,
        steps: usize,
        map: Vec<f64>,
        breaks: bool,
    }

    impl Descent {
        async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
            stage.span(self.steps..100);
            while self.steps < 100 {
                self.x -= self.rate * self.x;
                self.steps += 1;
                self = stage.next(self).await;
            }
            if self.breaks {
                return Err(ground::Error::new("x: fell off"));
            }
            stage.judged();
            self = answer(self).await;
            map(self, &stage).await
        }
    }

    /// A part of a run is a function like any other.
    async fn map(mut run: Box<Descent>, stage: &Stage<Descent>) -> Result<Box<Descent>> {
        while run.map.len() < 10 {
            run.map.push(run.map.len() as f64 * run.rate);
            run = stage.part(run).await;
        }
        Ok(run)
    }

    /// Something else than the caller is waited for, as for a GPU.
    async fn answer(run: Box<Descent>) -> Box<Descent> {
        let mut asked = false;
        poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        run
    }

    fn course(breaks: bool) -> Course<Descent> {
        let run = Box::new(Descent { rate: 0.1, x: 1.0, steps: 0, map: Vec::new(), breaks });
        Course::new(run, &Device::cpu(), |run, stage| Box::pin(run.run(stage)))
    }

    fn unit(course: &mut Course<Descent>) -> Poll<Result<()>> {
        course.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn units_are_counted_looked_at_and_revised() {
        let mut course = course(false);
        assert_eq!(course.with(|run| run.x), Some(1.0));
        for _ in 0..50 {
            assert_eq!(unit(&mut course), Poll::Ready(Ok(())));
        }
        assert_eq!(course.progress(), Progress { done: 50, of: 100, judged: false, over: false });
        assert!(!course.revise(|_| false));
        assert!(course.revise(|run| {
            run.rate = 0.2;
            true
        }));
        (0..50).for_each(|_| _ = unit(&mut course));
        assert_eq!(course.progress(), Progress { done: 100, of: 100, judged: false, over: false });
        // The wait for something else, during which there is nothing to look at; then the picture.
        assert_eq!(unit(&mut course), Poll::Pending);
        assert!(course.progress().judged && course.with(|_| ()).is_none());
        let mut parts = 0;
        while !course.progress().over {
            assert_eq!(unit(&mut course), Poll::Ready(Ok(())));
            parts += 1;
        }
        assert_eq!((parts, course.progress().done), (11, 100));
        let expected = 0.9f64.powi(50) * 0.8f64.powi(50);
        assert!((course.with(|run| run.x).unwrap() / expected - 1.0).abs() < 1e-12);
        // A run that is over goes on where there is more to do.
        assert!(course.revise(|run| {
            run.map.truncate(3);
            run.steps = 98;
            true
        }));
        while !course.progress().over {
            _ = unit(&mut course);
        }
        assert_eq!(course.with(|run| (run.steps, run.map.len())), Some((100, 10)));
    }

    #[test]
    fn an_error_ends_the_run() {
        let mut course = course(true);
        (0..100).for_each(|_| assert_eq!(unit(&mut course), Poll::Ready(Ok(()))));
        assert!(matches!(unit(&mut course), Poll::Ready(Err(error)) if error.to_string() == "x: fell off"));
        assert!(course.progress().over && course.with(|_| ()).is_none());
        assert_eq!(unit(&mut course), Poll::Ready(Ok(())));
    }
}
