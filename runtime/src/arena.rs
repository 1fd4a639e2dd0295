//! The arena: the caller's memory, and how it is divided.
//!
//! ```text
//! low                                                            high
//! | activations, state ->   | temporary while planning ->  ...   <- prepared data |
//! ```
//!
//! Tensors that are computed lie at the low end, where the plan puts them. Everything that is
//! prepared once (tables, multipliers, packed weights) is taken from the high end. While a plan is
//! made its working lists lie above the activations; they are gone when it is done. What operators
//! keep from one invocation to the next is the state: counted while they are prepared, it lies behind
//! the activations of the first part, and positions in it count from its own start.
//!
//! All positions are offsets from the first byte of the arena whose address is a multiple of
//! [`ALIGNMENT`], so the memory may be moved between two sessions, but not during one.

mod pieces;

use bytemuck::{Pod, Zeroable};

pub(crate) use pieces::Pieces;

use crate::node::Memory;
use crate::slices;

/// Activations start at multiples of this many bytes, and so does the used part of the arena.
pub const ALIGNMENT: usize = 16;

/// Bytes of a line of the cache.
pub(crate) const LINE: usize = 64;

/// The part of `scratch` that starts at a line of the cache and is [`LINE`] shorter.
pub(crate) fn in_lines(scratch: &mut [u8]) -> &mut [u8] {
    let skip = scratch.as_ptr().align_offset(LINE).min(LINE);
    let length = scratch.len().saturating_sub(LINE);
    scratch.get_mut(skip..skip + length).unwrap_or_default()
}

/// Bytes that are aligned as an arena and constants want it: `Aligned([0; 20_000])`.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Aligned<T: ?Sized>(pub T);

/// Rounds up to a multiple of [`ALIGNMENT`].
pub const fn align_up(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// The part of `memory` that starts and ends at multiples of [`ALIGNMENT`]; empty where there is
/// none. Offsets have 32 bits, so of more than 4 GiB the first are used.
pub(crate) fn aligned_part(memory: &mut [u8]) -> &mut [u8] {
    let skip = memory.as_ptr().align_offset(ALIGNMENT);
    let aligned = memory.get_mut(skip..).unwrap_or_default();
    let len = aligned.len().min(u32::MAX as usize) & !(ALIGNMENT - 1);
    aligned.get_mut(..len).unwrap_or_default()
}

/// A list in the arena's prepared data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Span {
    /// Where it starts, in bytes from the arena's start.
    pub offset: u32,
    /// Bytes.
    pub bytes: u32,
}

impl Span {
    /// The list without elements.
    pub const NONE: Self = Self { offset: 0, bytes: 0 };

    /// Whether it holds nothing.
    pub fn is_empty(self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn range(self) -> core::ops::Range<usize> {
        let start = self.offset as usize;
        start..start.saturating_add(self.bytes as usize)
    }
}

/// Where the bytes of a tensor lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Place {
    low: u32,
    /// The kind in the three upper bits, below them the upper bits of the offset.
    high: u32,
    pub(crate) bytes: u32,
}

/// Which memory a [`Place`] counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// Not placed yet, or a tensor without data.
    Nowhere,
    /// Not placed yet: at this offset of the block that it shares with others.
    Within(usize),
    /// The activations at this offset.
    Activations(usize),
    /// The model file at this offset.
    File(usize),
    /// The prepared data at this offset: a constant copied because the file is not aligned, or worked out
    /// from others.
    Prepared(usize),
    /// The state at this offset: a variable of a subgraph that another one calls.
    State(usize),
    /// Nowhere: the tensor is a handle of the variable with this index.
    Handle(usize),
}

impl Place {
    const KIND_SHIFT: u32 = 29;

    /// `bytes` bytes of the arena from `at` on, where activations lie.
    pub const fn activation(at: u32, bytes: u32) -> Self {
        Self::new(Home::Activations(at as usize), bytes)
    }

    /// `bytes` bytes of prepared data from position `at` on.
    pub const fn constant(at: u32, bytes: u32) -> Self {
        Self::new(Home::Prepared(at as usize), bytes)
    }

    /// What [`Place::activation`] was given, where it is one.
    pub fn as_activation(self) -> Option<[u32; 2]> {
        let Home::Activations(at) = self.home() else { return None };
        Some([at as u32, self.bytes])
    }

    /// What [`Place::constant`] was given, where it is one.
    pub fn as_constant(self) -> Option<[u32; 2]> {
        let Home::Prepared(at) = self.home() else { return None };
        Some([at as u32, self.bytes])
    }

    /// No bytes.
    pub const NOWHERE: Self = Self::new(Home::Nowhere, 0);

    pub(crate) const fn new(home: Home, bytes: u32) -> Self {
        let (kind, offset) = match home {
            Home::Nowhere => (0, 0),
            Home::Activations(at) => (1, at),
            Home::File(at) => (2, at),
            Home::Prepared(at) => (3, at),
            Home::State(at) => (4, at),
            Home::Handle(index) => (5, index),
            Home::Within(at) => (6, at),
        };
        let offset = offset as u64;
        Self { low: offset as u32, high: (offset >> 32) as u32 | kind << Self::KIND_SHIFT, bytes }
    }

    pub(crate) fn home(self) -> Home {
        let upper = self.high & !(7 << Self::KIND_SHIFT);
        let at = (u64::from(upper) << 32 | u64::from(self.low)) as usize;
        match self.high >> Self::KIND_SHIFT {
            0 => Home::Nowhere,
            1 => Home::Activations(at),
            2 => Home::File(at),
            3 => Home::Prepared(at),
            4 => Home::State(at),
            5 => Home::Handle(at),
            _ => Home::Within(at),
        }
    }

    /// The variable that the tensor is a handle of.
    pub(crate) fn handle(self) -> Option<usize> {
        match self.home() {
            Home::Handle(at) => Some(at),
            _ => None,
        }
    }

    /// Whether the plan has to find a place for it.
    pub(crate) fn is_planned(self) -> bool {
        matches!(self.home(), Home::Nowhere | Home::Within(_) | Home::Activations(_))
    }

    /// Where it lies in the block that it shares with others, while neither is placed.
    pub(crate) fn skip(self) -> usize {
        match self.home() {
            Home::Within(at) => at,
            _ => 0,
        }
    }
}

/// The arena was too small: bytes that it must have at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSmall(pub(crate) usize);

/// How far the arena is used, from both ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// Where the activations end.
    low: usize,
    /// Where the temporary lists end; 0 where there are none.
    temporary: usize,
    /// Bytes of prepared data, at the high end.
    prepared: usize,
    /// Bytes of state.
    state: usize,
    /// Where the state lies, once that is settled; no more can be taken then.
    state_at: Option<usize>,
    /// The offset of the first record of what the operators share; 0 for none.
    shared: u32,
    /// The most bytes ever needed at once.
    peak: usize,
}

impl Marks {
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }

    pub(crate) fn prepared(&self) -> usize {
        self.prepared
    }

    /// Takes over the peak of other marks of the same arena.
    pub(crate) fn keep_peak(&mut self, other: &Self) {
        self.peak = self.peak.max(other.peak);
    }

    /// Where the next temporary list starts.
    pub(crate) fn temporary_start(&self) -> usize {
        align_up(self.low.max(self.temporary))
    }

    /// Forgets the temporary lists.
    pub(crate) fn end_temporary(&mut self) {
        self.temporary = 0;
    }

    /// Where the activations end, with the state among them.
    pub(crate) fn activations(&self) -> usize {
        self.low
    }

    /// The offset of the first record of what the operators share; 0 for none.
    pub(crate) fn shared(&self) -> u32 {
        self.shared
    }

    /// Moves the state to `at`; from `end` on the memory is free for what a run takes.
    pub(crate) fn move_state(&mut self, at: usize, end: usize) {
        (self.state_at, self.low) = (Some(at), end);
    }

    /// Where the state lies.
    pub(crate) fn state(&self) -> core::ops::Range<usize> {
        let start = self.state_at.unwrap_or(self.low);
        start..start + self.state
    }
}

/// The arena with the marks of how far it is used.
#[derive(Debug)]
pub(crate) struct Arena<'a> {
    bytes: &'a mut [u8],
    marks: &'a mut Marks,
}

impl<'a> Arena<'a> {
    pub(crate) fn new(bytes: &'a mut [u8], marks: &'a mut Marks) -> Self {
        Self { bytes, marks }
    }

    pub(crate) fn reborrow(&mut self) -> Arena<'_> {
        Arena { bytes: self.bytes, marks: self.marks }
    }

    fn high(&self) -> usize {
        self.bytes.len() - self.marks.prepared
    }

    /// Sets new ends of what grows from below and from above, if they do not meet.
    fn grow(&mut self, low: usize, temporary: usize, prepared: usize) -> Result<(), TooSmall> {
        let needed = align_up(low.max(temporary)).saturating_add(align_up(prepared));
        if needed > self.bytes.len() {
            return Err(TooSmall(needed));
        }
        *self.marks = Marks { low, temporary, prepared, peak: self.marks.peak.max(needed), ..*self.marks };
        Ok(())
    }

    /// Takes `count` values from the high end, all zero.
    pub(crate) fn prepare<T: Pod>(&mut self, count: usize) -> Result<Span, TooSmall> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(TooSmall(usize::MAX))?;
        // The high end is aligned, so rounding the distance to it up keeps every start aligned.
        let prepared =
            self.marks.prepared.saturating_add(bytes).checked_next_multiple_of(align_of::<T>().max(4));
        let Marks { low, temporary, .. } = *self.marks;
        self.grow(low, temporary, prepared.ok_or(TooSmall(usize::MAX))?)?;
        Ok(self.cleared(self.high(), bytes))
    }

    /// Takes `count` values above the activations, all zero, until [`Arena::end_temporary`].
    pub(crate) fn temporary<T: Pod>(&mut self, count: usize) -> Result<Span, TooSmall> {
        let start = self.marks.temporary_start();
        let bytes = count.checked_mul(size_of::<T>()).ok_or(TooSmall(usize::MAX))?;
        let Marks { low, prepared, .. } = *self.marks;
        self.grow(low, start.saturating_add(bytes), prepared)?;
        Ok(self.cleared(start, bytes))
    }

    /// How far the arena is used now.
    pub(crate) fn marks(&self) -> Marks {
        *self.marks
    }

    /// Gives back all that was taken since the arena was used so far.
    pub(crate) fn restore(&mut self, marks: Marks) {
        *self.marks = Marks { peak: self.marks.peak, ..marks };
    }

    /// Gives back the temporary lists that were taken since the arena was used so far.
    pub(crate) fn forget_temporary(&mut self, since: Marks) {
        self.marks.temporary = since.temporary;
    }

    /// Takes `bytes` of state, at a multiple of 8; `None` where the state has its place already.
    pub(crate) fn state(&mut self, bytes: u32) -> Option<Span> {
        let Marks { state, state_at, .. } = *self.marks;
        let span = Span { offset: u32::try_from(state).ok()?, bytes };
        let end = state.checked_add(bytes as usize)?.checked_next_multiple_of(8)?;
        u32::try_from(end).ok().filter(|_| state_at.is_none())?;
        self.marks.state = end;
        Some(span)
    }

    /// Gives the state its place, behind the activations.
    pub(crate) fn place_state(&mut self) -> Result<(), TooSmall> {
        let start = self.marks.low;
        self.set_activations(align_up(start.saturating_add(self.marks.state)))?;
        self.marks.state_at = Some(start);
        Ok(())
    }

    /// Bytes of the arena.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The first of the records that the operators share.
    pub(crate) fn shared(&self) -> u32 {
        self.marks.shared
    }

    /// Makes `offset` the first of the records that the operators share.
    pub(crate) fn set_shared(&mut self, offset: u32) {
        self.marks.shared = offset;
    }

    /// Sets where the activations end. The temporary lists may lie there: the activations hold
    /// nothing until the first invocation.
    pub(crate) fn set_activations(&mut self, end: usize) -> Result<(), TooSmall> {
        let Marks { temporary, prepared, .. } = *self.marks;
        self.grow(end, temporary, prepared)
    }

    fn cleared(&mut self, offset: usize, bytes: usize) -> Span {
        // The arena is no longer than 32 bits can count.
        let span = Span { offset: offset as u32, bytes: bytes as u32 };
        self.bytes.get_mut(span.range()).unwrap_or_default().fill(0);
        span
    }

    /// A list that was taken before; empty where the span is none of this arena's.
    pub(crate) fn get<T: Pod>(&self, span: Span) -> &[T] {
        self.bytes.get(span.range()).and_then(|b| bytemuck::try_cast_slice(b).ok()).unwrap_or_default()
    }

    /// A list that was taken before, to change it.
    pub(crate) fn get_mut<T: Pod>(&mut self, span: Span) -> &mut [T] {
        self.bytes
            .get_mut(span.range())
            .and_then(|b| bytemuck::try_cast_slice_mut(b).ok())
            .unwrap_or_default()
    }

    /// The activations, the state among them, and the prepared data.
    #[inline]
    pub(crate) fn split(self) -> (Memory<'a>, Prepared<'a>) {
        let state = self.marks.state();
        let (low, prepared) = self.halves();
        let (low, rest) = low.split_at_mut_checked(state.start).unwrap_or_default();
        let (kept, high) = rest.split_at_mut_checked(state.len()).unwrap_or_default();
        (Memory { low, high: (state.end, high), state: kept }, prepared)
    }

    /// All below the prepared data, and these.
    pub(crate) fn halves(self) -> (&'a mut [u8], Prepared<'a>) {
        let start = self.high();
        let (low, bytes) = self.bytes.split_at_mut_checked(start).unwrap_or_default();
        (low, Prepared { bytes, start })
    }

    /// Copies `bytes` bytes from one offset to another.
    pub(crate) fn copy(&mut self, from: usize, to: usize, bytes: usize) -> Option<()> {
        slices::copy_within(self.bytes, from, bytes, to)
    }

    /// Moves `bytes` bytes down to `to`, where the temporary lists then end.
    pub(crate) fn move_temporary(&mut self, from: usize, to: usize, bytes: usize) -> Option<()> {
        self.copy(from, to, bytes)?;
        self.marks.temporary = to.checked_add(bytes)?;
        Some(())
    }

    /// The bytes from `offset` on.
    pub(crate) fn bytes(&self, offset: usize, bytes: u32) -> &[u8] {
        self.bytes.get(offset..offset.saturating_add(bytes as usize)).unwrap_or_default()
    }
}

/// The arena's prepared data while kernels run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Prepared<'a> {
    /// These bytes, of which the first is at position `start`.
    pub(crate) fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, start }
    }

    /// The bytes from `offset` of the arena on.
    pub(crate) fn bytes(&self, offset: usize, bytes: usize) -> &'a [u8] {
        let Some(at) = offset.checked_sub(self.start) else { return &[] };
        self.bytes.get(at..at.saturating_add(bytes)).unwrap_or_default()
    }

    /// A list that was prepared; empty where the span is none of this arena's.
    pub(crate) fn get<T: Pod>(&self, span: Span) -> &'a [T] {
        bytemuck::try_cast_slice(self.bytes(span.offset as usize, span.bytes as usize)).unwrap_or_default()
    }
}
