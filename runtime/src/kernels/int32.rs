//! Kernels of operators that are int32 throughout, and of CAST between integers of up to 32 bits: what the operators' own kernels
//! do in other element types is not linked. A program with an interpreter names them as those of [`int8`](super::int8); a compiled
//! model calls the functions.

use sedge_schema::{BuiltinOperator, Refusal, Slot, TensorType};

use super::typed::typed;
use crate::node::Invoke;

fn allowed(code: BuiltinOperator, _slot: Slot) -> &'static [TensorType] {
    use TensorType::{Int8, Int16, Int32, UInt8, UInt16, UInt32};
    match code {
        BuiltinOperator::Cast => &[Int8, UInt8, Int16, UInt16, Int32, UInt32],
        _ => &[Int32],
    }
}

typed! {
    int32, invoke_int32;
    add = Add;
    cast = Cast;
    div = Div;
    maximum = Maximum;
    minimum = Minimum;
    mul = Mul;
    sub = Sub;
}
