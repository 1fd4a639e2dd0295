//! Constants, variables, and nodes that hand on what they get.

use sedge_schema::TensorType;

use super::call::{Call, Value};
use super::tensor::{self, Constant};
use super::{Handler, Importer, MAX_BYTES};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(match op {
        "Const" | "HostConst" => Handler::Values(constant),
        "DisableCopyOnRead" | "NoOp" | "Assert" => Handler::Values(|_, _, _| Ok(Vec::new())),
        "EnsureShape"
        | "Identity"
        | "IdentityN"
        | "PlaceholderWithDefault"
        | "PreventGradient"
        | "Snapshot"
        | "StopGradient" => Handler::Values(|_, _, x| Ok(x.to_vec())),
        "Placeholder" => Handler::Values(placeholder),
        "ReadVariableOp" => Handler::Values(read),
        "VarHandleOp" => Handler::Values(|_, c, _| Ok(vec![Value::Variable(c.node.name.clone())])),
        "Variable" | "VariableV2" => Handler::Values(variable),
        _ => return None,
    })
}

impl Importer<'_> {
    fn known(&mut self, name: &str, constant: Constant) -> Result<TensorId, Failure> {
        self.bytes = self.bytes.saturating_add(constant.bytes.len());
        if self.bytes > MAX_BYTES {
            return Err(Failure::new("the model's constants have more than 2 GiB together"));
        }
        let Constant { tensor_type, dims, bytes } = constant;
        let tensor = self.builder.constant(name, tensor_type, &dims, bytes)?;
        self.builder.graph.tensor_mut(tensor).has_rank = dims.is_empty();
        Ok(tensor)
    }

    /// The value of a variable, which is a constant of the model.
    pub(super) fn variable(&mut self, handle: &str) -> Result<TensorId, Failure> {
        if let Some(&tensor) = self.read.get(handle) {
            return Ok(tensor);
        }
        let constant = self.variables.get(handle)?;
        let tensor = self.known(handle, constant)?;
        self.read.insert(handle.to_owned(), tensor);
        Ok(tensor)
    }

    /// An int32 constant of these numbers.
    pub(super) fn shape_list(&mut self, name: &str, dims: &[usize]) -> Result<TensorId, Failure> {
        let list: Vec<i32> = dims.iter().map(|&d| i32::try_from(d).unwrap_or(i32::MAX)).collect();
        self.builder.ints(name, &list)
    }

    /// Integers of the type that a node asks for as `attr`.
    pub(super) fn counted(
        &mut self,
        call: &Call<'_>,
        attr: &str,
        dims: &[usize],
        numbers: &[usize],
    ) -> Result<TensorId, Failure> {
        let (tensor_type, bytes): (_, Vec<u8>) = match call.kind(attr, TensorType::Int32)? {
            TensorType::Int64 => {
                (TensorType::Int64, numbers.iter().flat_map(|&n| (n as i64).to_le_bytes()).collect())
            }
            _ => (TensorType::Int32, numbers.iter().flat_map(|&n| (n as i32).to_le_bytes()).collect()),
        };
        self.known(&call.name, Constant { tensor_type, dims: dims.to_vec(), bytes })
    }
}

fn constant<'m>(importer: &mut Importer<'m>, call: &Call<'m>, _: &[Value]) -> Result<Vec<Value>, Failure> {
    let proto = call.attr("value").and_then(|a| a.tensor.as_ref());
    let proto = proto.ok_or_else(|| Failure::new("it has no value"))?;
    // Texts are only read by what checks or saves.
    if !proto.string_val.is_empty() {
        return Ok(Vec::new());
    }
    let constant = tensor::constant(proto)?;
    Ok(vec![Value::Tensor(importer.known(&call.name, constant)?)])
}

fn placeholder<'m>(_: &mut Importer<'m>, call: &Call<'m>, _: &[Value]) -> Result<Vec<Value>, Failure> {
    Err(Failure::new(format!(
        "the output depends on '{}', which the signature has no input for",
        call.node.name
    )))
}

fn read<'m>(importer: &mut Importer<'m>, _: &Call<'m>, inputs: &[Value]) -> Result<Vec<Value>, Failure> {
    match inputs {
        [Value::Variable(handle)] => Ok(vec![Value::Tensor(importer.variable(handle)?)]),
        _ => Err(Failure::new("it reads what is no variable")),
    }
}

fn variable<'m>(importer: &mut Importer<'m>, call: &Call<'m>, _: &[Value]) -> Result<Vec<Value>, Failure> {
    Ok(vec![Value::Tensor(importer.variable(&call.node.name)?)])
}
