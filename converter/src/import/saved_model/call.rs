//! A node that is being read, and what nodes give.

use std::fmt;

use sedge_schema::TensorType;
use sedge_schema::op::Padding;

use super::proto::{AttrValue, NodeDef};
use super::tensor::element_type;
use crate::Failure;
use crate::graph::TensorId;

/// What a node gives.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Tensor(TensorId),
    /// The handle of a variable, by the node that makes it.
    Variable(String),
    /// A list of tensors, as loops collect them; places that were not written have none.
    List(Vec<Option<TensorId>>),
}

impl Value {
    /// The tensor that it is.
    pub(super) fn tensor(&self) -> Result<TensorId, Failure> {
        match self {
            Self::Tensor(tensor) => Ok(*tensor),
            _ => Err(Failure::new("it reads what is no tensor")),
        }
    }
}

/// Values that are all tensors.
pub(super) fn tensors(values: &[Value]) -> Result<Vec<TensorId>, Failure> {
    values.iter().map(Value::tensor).collect()
}

/// A node with its name in the graph.
pub(super) struct Call<'m> {
    pub(super) node: &'m NodeDef,
    pub(super) name: String,
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.node.op, self.node.name)
    }
}

impl<'m> Call<'m> {
    pub(super) fn op(&self) -> &'m str {
        &self.node.op
    }

    /// The name of something that the node is made of.
    pub(super) fn part(&self, what: &str) -> String {
        format!("{}/{what}", self.name)
    }

    pub(super) fn attr(&self, name: &str) -> Option<&'m AttrValue> {
        self.node.attr.get(name)
    }

    pub(super) fn flag(&self, name: &str, otherwise: bool) -> bool {
        self.attr(name).and_then(|a| a.b).unwrap_or(otherwise)
    }

    pub(super) fn int(&self, name: &str, otherwise: i32) -> Result<i32, Failure> {
        let given = self.attr(name).and_then(|a| a.i).unwrap_or(otherwise.into());
        i32::try_from(given).map_err(|_| Failure::new(format!("its {name} is {given}")))
    }

    pub(super) fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.attr(name).and_then(|a| a.f).unwrap_or(otherwise)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'m str> {
        self.attr(name).and_then(|a| a.s.as_deref()).and_then(|s| std::str::from_utf8(s).ok())
    }

    pub(super) fn ints(&self, name: &str) -> Result<Vec<i32>, Failure> {
        let list = self.attr(name).and_then(|a| a.list.as_ref()).map(|l| l.i.as_slice()).unwrap_or_default();
        let numbers: Option<Vec<i32>> = list.iter().map(|&n| i32::try_from(n).ok()).collect();
        numbers.ok_or_else(|| Failure::new(format!("its {name} are {list:?}")))
    }

    /// An attribute that is an element type.
    pub(super) fn kind(&self, name: &str, otherwise: TensorType) -> Result<TensorType, Failure> {
        match self.attr(name).and_then(|a| a.r#type) {
            None => Ok(otherwise),
            Some(code) => element_type(code)
                .ok_or_else(|| Failure::new(format!("its {name} is TensorFlow's type {code}"))),
        }
    }

    /// The function that an attribute names.
    pub(super) fn function(&self, attr: &str) -> Result<&'m str, Failure> {
        function(self.node, attr).ok_or_else(|| Failure::new(format!("it names no function as '{attr}'")))
    }

    /// Rows and columns of a list with an entry for each dimension of an image `[batch, rows, columns, channels]`.
    pub(super) fn spatial(&self, name: &str) -> Result<[i32; 2], Failure> {
        if let Some(order @ ("NCHW" | "NCDHW")) = self.text("data_format") {
            return Err(Failure::new(format!("data_format {order} is not supported"))
                .help("save the model with its channels last"));
        }
        match *self.ints(name)?.as_slice() {
            [] => Ok([1, 1]),
            [1, rows, columns, 1] => Ok([rows, columns]),
            ref other => Err(Failure::new(format!("its {name} are {other:?}"))),
        }
    }

    /// The kind of border; `None` where its sizes are listed.
    pub(super) fn padding(&self) -> Result<Option<Padding>, Failure> {
        match self.text("padding").unwrap_or("VALID") {
            "SAME" => Ok(Some(Padding::Same)),
            "VALID" => Ok(Some(Padding::Valid)),
            "EXPLICIT" => Ok(None),
            other => Err(Failure::new(format!("padding {other} is not supported"))),
        }
    }

    /// The first operands, so many of them.
    pub(super) fn operands<const N: usize>(&self, x: &[TensorId]) -> Result<[TensorId; N], Failure> {
        x.first_chunk().copied().ok_or_else(|| Failure::new(format!("it has {} inputs, not {N}", x.len())))
    }
}

/// The function that a node's attribute names.
pub(super) fn function<'m>(node: &'m NodeDef, attr: &str) -> Option<&'m str> {
    node.attr.get(attr).and_then(|a| a.func.as_ref()).map(|f| f.name.as_str())
}
