//! Resource variables: known by two names, kept in the state.
//!
//! Which variable a handle is of is known when it is prepared: the handle's place says it, and nothing is
//! stored. A variable's type and shape are those of the value that is assigned or read first.

use sedge_schema::op::VarHandle;
use sedge_schema::{Refusal, Shape, Slot};

use crate::arena::{Home, Place, Span};
use crate::node::{Lasting, Prepare, first_byte, out_of_memory};

/// A variable's shape and place in the state.
pub(crate) struct Variable {
    pub(crate) shape: Shape,
    pub(crate) state: Span,
}

/// Makes output 0 the handle of the variable that the operator names.
pub(crate) fn name(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let model = node.graph.model;
    let names = VarHandle::names(&node.operator);
    let same = |l: &Lasting| {
        let named =
            model.subgraphs().get(l.subgraph as usize).and_then(|g| g.operators().get(l.index as usize));
        l.kind == Lasting::RESOURCE && named.is_some_and(|operator| VarHandle::names(&operator) == names)
    };
    let at = match Lasting::find(&node.arena, same) {
        Some((at, _)) => at,
        None => {
            let (subgraph, index) = (node.graph.number, node.index);
            let like = Lasting::UNKNOWN;
            let lasting = Lasting { kind: Lasting::RESOURCE, subgraph, index, like, ..Lasting::default() };
            lasting.add(&mut node.arena).map_err(out_of_memory)?
        }
    };
    if let Some(tensor) = node.index_of(Slot::Output(0)) {
        node.set_place(tensor, Place::new(Home::Handle(at as usize), 0));
    }
    Ok(())
}

/// The variable whose handle is input 0. Where nothing tells its type and shape yet, it has those of the
/// tensor in slot `like`, as the file declares them.
///
/// # Errors
/// [`Refusal::NotConstant`] where the handle is no output of VAR_HANDLE.
pub(crate) fn find(node: &mut Prepare<'_>, like: Slot) -> Result<Variable, Refusal> {
    let handle = Slot::Input(0);
    let place = node.index_of(handle).map(|t| node.place(t)).ok_or(Refusal::Absent(handle))?;
    let Home::Handle(at) = place.home() else { return Err(Refusal::NotConstant(handle)) };
    let at = at as u32;
    let mut lasting = Lasting::at(at, |span| node.arena.get(span)).ok_or(Refusal::Internal)?;
    let model = node.graph.model;
    let tensor = |[graph, t]: [u32; 2]| model.subgraphs().get(graph as usize)?.tensors().get(t as usize);
    let tensor = match tensor(lasting.like) {
        Some(tensor) => tensor,
        None => {
            let t = node.index_of(like).ok_or(Refusal::Absent(like))?;
            let tensor = node.graph.tensor(t).ok_or(Refusal::Internal)?;
            if tensor.tensor_type().bits() == 0 {
                return Err(Refusal::Type(like));
            }
            lasting.like = [node.graph.number, t];
            lasting.state = node.state(tensor.bytes())?;
            lasting.fill = first_byte(&tensor);
            lasting.put(&mut node.arena, at);
            tensor
        }
    };
    node.type_in(like, &[tensor.tensor_type()])?;
    Ok(Variable { shape: tensor.shape(), state: lasting.state })
}
