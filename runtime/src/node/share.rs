//! Tensors that share bytes: what an operator says of its inputs and outputs while it is prepared.
//!
//! Each block of memory belongs to one tensor, at first each tensor's own. A tensor that shares another's block lies
//! somewhere in it ([`Home::Within`]), and the block lives until the last of them was read.

use sedge_schema::Slot;
use sedge_schema::op::Node as _;

use super::{OpRecord, Prepare};
use crate::arena::{Home, Place};
use crate::element::alignment;
use crate::plan::Lifetime;

/// Which bytes of an input an output may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// Those from this offset on, unchanged.
    View(usize),
    /// All, and the operator can write its output over them.
    Overwrite,
}

impl Prepare<'_> {
    /// Says that output `output` has the bytes of input `input`, unchanged: where the plan allows,
    /// both are one place and there is nothing to do in `invoke`.
    pub fn view(&mut self, input: usize, output: usize) {
        if self.place_of(Slot::Input(input as u8)).bytes == self.place_of(Slot::Output(output as u8)).bytes {
            self.share(input, output, Sharing::View(0));
        }
    }

    /// Says that output 0 has the bytes of input 0 from offset `skip` on, unchanged, and that this is all that the
    /// operator does: where the plan allows, there is nothing to do in `invoke`.
    pub(crate) fn part(&mut self, skip: usize) {
        if self.share(0, 0, Sharing::View(skip)) {
            self.has_nothing_to_do();
        }
    }

    /// As [`Prepare::part`] for outputs that have the bytes of input `input` one after the other.
    pub(crate) fn cut(&mut self, input: usize) {
        // All of them or none.
        for shares in [false, true] {
            let mut skip = 0;
            for output in 0..self.outputs() {
                let sharing = Sharing::View(skip);
                if shares {
                    self.share(input, output, sharing);
                } else if self.can_share(input, output, sharing).is_none() {
                    return;
                }
                skip += self.place_of(Slot::Output(output as u8)).bytes as usize;
            }
        }
        self.has_nothing_to_do();
    }

    /// Says that the operator does nothing in `invoke`.
    pub(crate) fn has_nothing_to_do(&mut self) {
        self.record.kernel = OpRecord::DONE;
    }

    /// Says that the kernel can write output `output` over input `input` (see
    /// [`Invoke::unary`](crate::Invoke::unary) and [`Invoke::binary`](crate::Invoke::binary)): where the
    /// plan allows, both are one place. Returns whether it does.
    pub fn overwrite(&mut self, input: usize, output: usize) -> bool {
        self.share(input, output, Sharing::Overwrite)
    }

    /// Says that output 0 holds the bytes of the inputs one after the other, unchanged, and that this is all that the
    /// operator does: where the plan allows, inputs are written there in the first place, and
    /// [`Invoke::is_within`](crate::Invoke) is true for them in `invoke`.
    ///
    /// The output lives as long as all of them then, which may take more memory at once, so only sessions that pack
    /// weights do so.
    pub(crate) fn join(&mut self) {
        if !self.packs_weights() {
            return;
        }
        let (mut skip, mut all) = (0, true);
        for input in 0..self.inputs() {
            let bytes = self.place_of(Slot::Input(input as u8)).bytes;
            all &= bytes == 0 || self.move_within(input, skip);
            skip += bytes;
        }
        if all {
            self.has_nothing_to_do();
        }
    }

    fn place_of(&self, slot: Slot) -> Place {
        self.index_of(slot).map(|t| self.place(t)).unwrap_or_default()
    }

    fn lifetime(&self, tensor: u32) -> Option<Lifetime> {
        self.arena.get::<Lifetime>(self.lifetimes).get(tensor as usize).copied()
    }

    fn set_lifetime(&mut self, tensor: u32, to: Lifetime) {
        if let Some(lifetime) = self.arena.get_mut::<Lifetime>(self.lifetimes).get_mut(tensor as usize) {
            *lifetime = to;
        }
    }

    /// How many inputs of this operator lie in a block.
    fn readers(&self, block: u32) -> usize {
        let inputs = self.operator.inputs().iter().filter_map(|t| u32::try_from(t).ok());
        inputs.filter(|&t| self.lifetime(t).is_some_and(|l| l.block == block)).count()
    }

    /// Whether a block has its place already, or is to have it elsewhere.
    fn is_placed(&self, block: u32, owner: &Lifetime) -> bool {
        let variable = self.graph.tensor(block).is_some_and(|t| t.is_variable());
        variable || (self.running && (self.graph.starts_alive(block) || owner.first < self.start))
    }

    /// Whether a tensor may start at this offset.
    fn is_aligned(&self, tensor: u32, at: usize) -> bool {
        self.graph.tensor(tensor).is_some_and(|t| at.is_multiple_of(alignment(t.tensor_type())))
    }

    /// The tensors of the input and the output, the block, and where in it the output lies; `None` where they cannot
    /// share bytes.
    fn can_share(&self, input: usize, output: usize, sharing: Sharing) -> Option<(u32, u32, usize)> {
        let from = self.index_of(Slot::Input(input as u8))?;
        let to = self.index_of(Slot::Output(output as u8))?;
        let (place, bytes) = (self.place(from), self.place(to).bytes as usize);
        let block = self.lifetime(from)?.block;
        let (owner, shared) = (self.lifetime(block)?, self.lifetime(to)?);
        let skip = match sharing {
            Sharing::View(skip) => skip,
            Sharing::Overwrite => 0,
        };
        let at = place.skip() + skip;
        // A part that outlives the rest keeps all of it alive.
        let is_part = bytes != place.bytes as usize;
        let lasts = !is_part || self.packs_weights() || shared.last <= owner.last;
        let free = match sharing {
            Sharing::View(_) => skip.checked_add(bytes)? <= place.bytes as usize && lasts,
            Sharing::Overwrite => !is_part && self.readers(block) == 1 && owner.last == self.index,
        };
        let fits = place.is_planned() && !self.is_placed(block, &owner) && self.is_aligned(to, at);
        (fits && free && shared.block == to).then_some((block, to, at))
    }

    fn share(&mut self, input: usize, output: usize, sharing: Sharing) -> bool {
        let Some((block, to, at)) = self.can_share(input, output, sharing) else { return false };
        let (Some(owner), Some(shared)) = (self.lifetime(block), self.lifetime(to)) else { return false };
        self.set_lifetime(block, Lifetime { last: owner.last.max(shared.last), ..owner });
        self.set_lifetime(to, Lifetime { block, ..shared });
        let bytes = self.place(to).bytes;
        self.set_place(to, Place::new(Home::Within(at), bytes));
        true
    }

    /// Makes the block of input `input` a part of output 0, from offset `skip` on.
    fn move_within(&mut self, input: usize, skip: u32) -> bool {
        let slots = (Slot::Input(input as u8), Slot::Output(0));
        let (Some(from), Some(to)) = (self.index_of(slots.0), self.index_of(slots.1)) else { return false };
        let (Some(block), Some(whole)) = (self.lifetime(from).map(|l| l.block), self.lifetime(to)) else {
            return false;
        };
        let Some(owner) = self.lifetime(block) else { return false };
        let (place, all) = (self.place(from), self.place(block));
        let fits = place.is_planned() && place.bytes == all.bytes && !self.is_placed(block, &owner);
        let apart = whole.block == to && block != to && self.readers(block) == 1;
        let tensors = self.graph.view.tensors().len() as u32;
        let sharing = |node: &Self, t: u32| node.lifetime(t).is_some_and(|l| l.block == block);
        let at = |node: &Self, t: u32| node.place(t).skip() + skip as usize;
        let aligned = (0..tensors).filter(|&t| sharing(self, t)).all(|t| self.is_aligned(t, at(self, t)));
        if !(fits && apart && aligned) {
            return false;
        }
        let (first, last) = (whole.first.min(owner.first), whole.last.max(owner.last));
        self.set_lifetime(to, Lifetime { first, last, ..whole });
        for t in 0..tensors {
            if let Some(lifetime) = self.lifetime(t).filter(|l| l.block == block) {
                let moved = Place::new(Home::Within(at(self, t)), self.place(t).bytes);
                self.set_place(t, moved);
                self.set_lifetime(t, Lifetime { block: to, ..lifetime });
            }
        }
        true
    }
}
