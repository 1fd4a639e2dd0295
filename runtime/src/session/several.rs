//! Several models in one arena, of which one runs at a time.
//!
//! Their activations lie in the same memory, which so has the size that the largest of them needs. What
//! each keeps from one invocation to the next lies behind, its prepared data at the arena's high end:
//!
//! ```text
//! | activations of whichever runs | state 0 | state 1 | ... free ... | prepared 1 | prepared 0 |
//! ```

use sedge_schema::Model;

use super::{Memory, Options, Session, build};
use crate::arena::{Marks, align_up, aligned_part};
use crate::error::Error;
use crate::node::{Graph, Setting, Tables, place_variables};
use crate::resolver::Resolver;

/// A model that shares an arena with others, with the kernels that it runs on.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'a> {
    /// The model.
    pub model: Model<'a>,
    /// Its kernels.
    pub resolver: Resolver,
}

/// `N` models in one arena.
///
/// A session of one of them borrows the arena while its inputs are set, while it runs, and while its
/// outputs are read. Another one overwrites its activations, but not what it keeps for its next
/// invocation.
///
/// ```
/// use sedge_runtime::{Error, Model, Resolver, Several, Tenant};
///
/// fn listen(wake: Model<'_>, command: Model<'_>, kernels: Resolver, arena: &mut [u8], sound: &[i8]) -> Result<i8, Error> {
///     let tenants = [wake, command].map(|model| Tenant { model, resolver: kernels });
///     let mut models = Several::new(tenants, arena)?;
///     for number in [0, 1] {
///         let mut session = models.session(number)?;
///         session.set_input(0, sound)?;
///         session.invoke()?;
///         if number == 1 || session.output::<i8>(0)?[0] < 100 {
///             return Ok(session.output::<i8>(0)?[0]);
///         }
///     }
///     Ok(0)
/// }
/// ```
#[derive(Debug)]
pub struct Several<'a, const N: usize> {
    memory: &'a mut [u8],
    rooms: [Option<Room<'a>>; N],
    usage: Memory,
}

/// A session without its memory.
#[derive(Clone, Copy, Debug)]
struct Room<'a> {
    model: Model<'a>,
    tables: Tables,
    setting: Setting,
    marks: Marks,
    loop_limit: u32,
    ready: u32,
    lower_bound: usize,
    /// Where its part of the arena ends: those of earlier models' prepared data follow.
    end: usize,
}

impl<'a> Room<'a> {
    fn graph(&self) -> Graph<'a> {
        let (view, number) = (self.model.main(), self.model.entry());
        Graph::new(self.model, view, number, self.tables)
    }

    fn session<'s>(&self, memory: &'s mut [u8]) -> Session<'s>
    where
        'a: 's,
    {
        let Self { setting, marks, loop_limit, ready, lower_bound, .. } = *self;
        let memory = memory.get_mut(..self.end).unwrap_or_default();
        Session {
            graph: self.graph(),
            setting,
            memory,
            marks,
            loop_limit,
            turns: 0,
            next: 0,
            ready,
            static_part: (ready, marks),
            lower_bound,
        }
    }
}

impl<'a, const N: usize> Several<'a, N> {
    /// Plans the models and lays them into `arena`.
    ///
    /// # Errors
    /// As [`Session::new`]; [`Error::NotLast`] where a model that must be the last is not, because its
    /// shapes depend on computed values.
    pub fn new(tenants: [Tenant<'a>; N], arena: &'a mut [u8]) -> Result<Self, Error> {
        Self::with_options(tenants.map(|tenant| (tenant, Options::default())), arena)
    }

    /// As [`Several::new`], with options for each model.
    ///
    /// # Errors
    /// As [`Several::new`], and where an input cannot have the shape asked for.
    pub fn with_options(tenants: [(Tenant<'a>, Options<'_>); N], arena: &'a mut [u8]) -> Result<Self, Error> {
        let memory = aligned_part(arena);
        let mut rooms = [None; N];
        let mut usage = Memory { arena: 0, activations: 0, state: 0, prepared: 0, lower_bound: 0 };
        for (number, (room, (tenant, options))) in (0u32..).zip(rooms.iter_mut().zip(&tenants)) {
            let end = memory.len() - usage.prepared;
            let part = memory.get_mut(..end).unwrap_or_default();
            let (model, more) = (tenant.model, usage.prepared);
            let session = build::build(model, tenant.resolver, part, options, place_variables);
            let session = session.map_err(|error| add(error, more))?;
            let operators = session.graph.view.operators().len() as u32;
            if session.ready < operators && number as usize + 1 < N {
                return Err(Error::NotLast { model: number });
            }
            let Memory { arena, activations, state, prepared, lower_bound } = session.memory();
            usage = Memory {
                arena: usage.arena.max(arena + more),
                activations: usage.activations.max(align_up(activations)),
                state: usage.state + align_up(state),
                prepared: more + prepared,
                lower_bound: usage.lower_bound.max(lower_bound),
            };
            let Session { setting, marks, loop_limit, ready, .. } = session;
            let tables = session.graph.tables;
            *room = Some(Room { model, tables, setting, marks, loop_limit, ready, lower_bound, end });
        }
        let low = usage.activations + usage.state;
        usage.arena = usage.arena.max(low + usage.prepared);
        if usage.arena > memory.len() {
            let (needed, found) = (usage.arena as u32, memory.len() as u32);
            return Err(Error::ArenaTooSmall { needed, found });
        }
        let mut at = usage.activations;
        for room in rooms.iter_mut().flatten() {
            let state = room.marks.state().len();
            room.marks.move_state(at, low);
            at += align_up(state);
            room.session(memory).reset();
        }
        Ok(Self { memory, rooms, usage })
    }

    /// The session of model `number`. Its inputs have to be set: another model may have run since.
    ///
    /// # Errors
    /// Where there is no such model.
    pub fn session(&mut self, number: usize) -> Result<Session<'_>, Error> {
        let room = self.rooms.get(number).copied().flatten().ok_or(Error::NoSuchTensor(number as u32))?;
        Ok(room.session(self.memory))
    }

    /// How much of the arena all models use together.
    pub fn memory(&self) -> Memory {
        self.usage
    }
}

/// An error that names the bytes needed for the whole arena, of which `more` are other models'.
fn add(error: Error, more: usize) -> Error {
    match error {
        Error::ArenaTooSmall { needed, found } => {
            let more = more as u32;
            Error::ArenaTooSmall { needed: needed.saturating_add(more), found: found.saturating_add(more) }
        }
        error => error,
    }
}
