//! Running a session: all operators, or one at a time.

use core::cell::Cell;

use super::{Session, build};
use crate::arena::Arena;
use crate::error::Error;
use crate::node::{Scope, Setting};
use crate::profile::{Observer, Step};

impl Session<'_> {
    /// Runs the model on what its inputs hold.
    ///
    /// # Errors
    /// Where an operator cannot compute its result for these values, or the arena is too small for
    /// shapes that depend on them.
    pub fn invoke(&mut self) -> Result<(), Error> {
        self.invoke_with(&mut ())
    }

    /// As [`Session::invoke`], with an observer that sees every operator.
    ///
    /// # Errors
    /// As [`Session::invoke`].
    pub fn invoke_with<O: Observer + ?Sized>(&mut self, observer: &mut O) -> Result<(), Error> {
        self.next = 0;
        while self.step(observer)? == Progress::More {}
        Ok(())
    }

    /// Runs the next operator of an invocation, so that other tasks can have the processor between two of them;
    /// the first where none has begun. Inputs must not be written before it is done.
    ///
    /// ```
    /// use sedge_runtime::{Error, Progress, Session};
    ///
    /// async fn infer(session: &mut Session<'_>, pause: impl AsyncFn()) -> Result<(), Error> {
    ///     while session.invoke_step()? == Progress::More {
    ///         pause().await;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Session::invoke`]; the next step is the first of another invocation then.
    pub fn invoke_step(&mut self) -> Result<Progress, Error> {
        self.step(&mut ())
    }

    fn step<O: Observer + ?Sized>(&mut self, observer: &mut O) -> Result<Progress, Error> {
        let operators = self.graph.operators.len() as u32;
        let operator = core::mem::take(&mut self.next);
        if operator == 0 {
            self.begin(operators);
        }
        if operator == self.ready && operator < operators {
            build::prepare_rest(self)?;
        }
        if operator < operators {
            self.run(operator, observer)?;
        }
        if operator + 1 >= operators {
            return Ok(Progress::Done);
        }
        self.next = operator + 1;
        Ok(Progress::More)
    }

    /// Begins an invocation.
    fn begin(&mut self, operators: u32) {
        self.turns = self.loop_limit;
        let (ready, marks) = self.static_part;
        if ready < operators {
            // Shapes that depend on values are worked out anew for the values of this invocation.
            let peak = self.marks;
            (self.ready, self.marks) = (ready, marks);
            self.marks.keep_peak(&peak);
        }
    }

    pub(super) fn run<O: Observer + ?Sized>(&mut self, operator: u32, observer: &mut O) -> Result<(), Error> {
        observer.before(operator);
        let Setting { resolver, level, .. } = self.setting;
        let turns = Cell::new(self.turns);
        let (memory, prepared) = Arena::new(self.memory, &mut self.marks).split();
        Scope { graph: &self.graph, resolver }.run(level, prepared, &turns).step(operator, memory)?;
        self.turns = turns.get();
        observer.after(&Step { session: self, operator });
        Ok(())
    }
}

/// How far an invocation is that runs in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// There are operators left to run.
    More,
    /// The outputs can be read.
    Done,
}
