//! Calls of functions, branches and loops, and the lists that loops collect tensors in.
//!
//! A branch whose condition is known is the function that it takes; a loop is its body as often as it runs, which must
//! be known, too: it is so where it goes over the steps of a sequence.

use sedge_schema::op::SelectV2;

use super::call::{Call, Value};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;

/// The most rounds of a loop.
const MAX_ROUNDS: usize = 4096;

/// The most entries of a list.
const MAX_ENTRIES: usize = 1 << 16;

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Values(match op {
        "PartitionedCall" | "StatefulPartitionedCall" => |i, c, x| i.call(c.function("f")?, x),
        "If" | "StatelessIf" => branch,
        "While" | "StatelessWhile" => repeat,
        "EmptyTensorList" | "TensorListReserve" => reserve,
        "TensorListFromTensor" => from_tensor,
        "TensorListGetItem" => get,
        "TensorListLength" => length,
        "TensorListPopBack" => pop,
        "TensorListPushBack" => push,
        "TensorListSetItem" => set,
        "TensorListStack" => stack,
        _ => return None,
    }))
}

impl Importer<'_> {
    /// A condition that is known.
    fn condition(&self, value: Option<&Value>) -> Result<Option<bool>, Failure> {
        let Some(Value::Tensor(tensor)) = value else {
            return Err(Failure::new("its condition is no tensor"));
        };
        let data = self.builder.graph.tensor(*tensor).data.as_deref();
        Ok(data.map(|bytes| bytes.iter().any(|&b| b != 0)))
    }
}

fn branch<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let (condition, inputs) = x.split_first().ok_or_else(|| Failure::new("it has no condition"))?;
    let (then, otherwise) = (call.function("then_branch")?, call.function("else_branch")?);
    match importer.condition(Some(condition))? {
        Some(true) => return importer.call(then, inputs),
        Some(false) => return importer.call(otherwise, inputs),
        None => {}
    }
    // Both are computed, and one is chosen.
    let (a, b) = (importer.call(then, inputs)?, importer.call(otherwise, inputs)?);
    let Value::Tensor(condition) = *condition else { return Err(Failure::new("its condition is no tensor")) };
    let mut chosen = Vec::new();
    for (k, pair) in a.into_iter().zip(b).enumerate() {
        let (Value::Tensor(a), Value::Tensor(b)) = pair else {
            return Err(Failure::new("its branches give what is no tensor, and its condition is computed"));
        };
        let kind = importer.builder.kind(a);
        if importer.dims(a) != importer.dims(b) || kind != importer.builder.kind(b) {
            return Err(Failure::new("its branches give other shapes, and its condition is computed"));
        }
        let name = call.part(&format!("choice {k}"));
        chosen.push(Value::Tensor(importer.builder.emit(&name, SelectV2 {}, &[condition, a, b], kind)?));
    }
    Ok(chosen)
}

fn repeat<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let (condition, body) = (call.function("cond")?, call.function("body")?);
    let mut carried = x.to_vec();
    for _ in 0..MAX_ROUNDS {
        let goes_on = importer.call(condition, &carried)?;
        match importer.condition(goes_on.first())? {
            Some(false) => return Ok(carried),
            Some(true) => carried = importer.call(body, &carried)?,
            None => return Err(Failure::new("when it ends depends on what it computes")),
        }
    }
    Err(Failure::new(format!("it has more than {MAX_ROUNDS} rounds")))
}

/// A list among the inputs.
fn list(x: &[Value]) -> Result<&[Option<TensorId>], Failure> {
    match x.first() {
        Some(Value::List(list)) => Ok(list),
        _ => Err(Failure::new("its first input is no list")),
    }
}

fn tensor(x: &[Value], i: usize) -> Result<TensorId, Failure> {
    match x.get(i) {
        Some(Value::Tensor(tensor)) => Ok(*tensor),
        _ => Err(Failure::new(format!("its input {i} is no tensor"))),
    }
}

/// The place in a list that an input names.
fn place(importer: &Importer<'_>, x: &[Value], list: &[Option<TensorId>]) -> Result<usize, Failure> {
    let number = importer.int(tensor(x, 1)?)?;
    let found = usize::try_from(number).ok().filter(|&i| i < list.len());
    found.ok_or_else(|| Failure::new(format!("{number} is no place in a list of {}", list.len())))
}

fn reserve<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let count = match call.op() {
        "TensorListReserve" => importer.int(tensor(x, 1)?)?,
        _ => 0,
    };
    let count = usize::try_from(count).ok().filter(|&n| n <= MAX_ENTRIES);
    let count = count.ok_or_else(|| Failure::new(format!("a list has more than {MAX_ENTRIES} entries")))?;
    Ok(vec![Value::List(vec![None; count])])
}

fn from_tensor<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let parts = importer.unpacked(&call.name, tensor(x, 0)?, 0)?;
    Ok(vec![Value::List(parts.into_iter().map(Some).collect())])
}

fn get<'m>(importer: &mut Importer<'m>, _: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let list = list(x)?;
    let at = place(importer, x, list)?;
    match list.get(at) {
        Some(Some(tensor)) => Ok(vec![Value::Tensor(*tensor)]),
        _ => Err(Failure::new(format!("place {at} of the list was not written"))),
    }
}

fn length<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let count = list(x)?.len();
    Ok(vec![Value::Tensor(importer.counted(call, "out_type", &[], &[count])?)])
}

fn pop<'m>(_: &mut Importer<'m>, _: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut list = list(x)?.to_vec();
    match list.pop() {
        Some(Some(last)) => Ok(vec![Value::List(list), Value::Tensor(last)]),
        _ => Err(Failure::new("the list is empty")),
    }
}

fn push<'m>(_: &mut Importer<'m>, _: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut list = list(x)?.to_vec();
    if list.len() >= MAX_ENTRIES {
        return Err(Failure::new(format!("a list has more than {MAX_ENTRIES} entries")));
    }
    list.push(Some(tensor(x, 1)?));
    Ok(vec![Value::List(list)])
}

fn set<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut list = list(x)?.to_vec();
    let number = importer.int(tensor(x, 1)?)?;
    let at = usize::try_from(number).ok().filter(|&i| i < MAX_ENTRIES);
    let at = at.ok_or_else(|| Failure::new(format!("{number} is no place in a list")))?;
    if at >= list.len() {
        if !call.flag("resize_if_index_out_of_bounds", false) {
            return Err(Failure::new(format!("{at} is no place in a list of {}", list.len())));
        }
        list.resize(at + 1, None);
    }
    let item = tensor(x, 2)?;
    list.iter_mut().skip(at).take(1).for_each(|entry| *entry = Some(item));
    Ok(vec![Value::List(list)])
}

fn stack<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let items = list(x)?.iter().copied().collect::<Option<Vec<TensorId>>>();
    let items = items.ok_or_else(|| Failure::new("places of the list were not written"))?;
    if items.is_empty() {
        return Err(Failure::new("the list is empty"));
    }
    Ok(vec![Value::Tensor(importer.packed(&call.name, &items, 0)?)])
}
