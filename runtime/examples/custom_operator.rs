//! A custom operator of a program's own: `cargo run -p sedge-runtime --example custom_operator`.
//!
//! `docs/custom-operators.md` explains it.

use sedge_runtime::arena::Aligned;
use sedge_runtime::schema::op::NodeExt as _;
use sedge_runtime::{Error, Invoke, Kernel, Model, Prepare, Refusal, Session, Slot, TensorType, op_set};

/// `out[i] = before[i] + weight * (in[i] - before[i])`, with `before` the output of the last invocation.
struct Smooth;

impl Kernel for Smooth {
    fn custom_name(&self) -> &str {
        "Smooth"
    }

    fn prepare(&self, node: &mut Prepare<'_>) -> Result<(), Refusal> {
        node.arity(1, 1)?;
        node.type_in(Slot::Input(0), &[TensorType::Float32])?;
        node.type_in(Slot::Output(0), &[TensorType::Float32])?;
        let weight = node.options()?.get("weight").and_then(|v| v.as_float());
        let weight = weight.ok_or(Refusal::Parameter("weight"))? as f32;
        let shape = node.input(0)?;
        node.set_shape(0, shape)?;
        let before = node.state(size_of::<f32>() * shape.elements())?;
        let weight = node.store(weight)?;
        node.set_data([before, weight])
    }

    fn invoke(&self, node: &mut Invoke<'_>) -> Result<(), Refusal> {
        let [before, weight] = *node.data()?;
        let weight = *node.load::<f32>(weight)?;
        let to = node.output::<f32>(0)?;
        let before = node.state::<f32>(before)?;
        for ((y, before), x) in to.iter_mut().zip(before).zip(node.input::<f32>(0)?) {
            *before += weight * (x - *before);
            *y = *before;
        }
        Ok(())
    }
}

/// A model of that one operator: float32 `[2]` to `[2]`, with `{"weight": 0.5}`; made by
/// `custom_operator.py`.
static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("custom_operator.tflite"));

fn main() -> Result<(), Error> {
    let mut memory = Aligned([0; 1024]);
    let model = Model::check(&MODEL.0)?;
    let mut session = Session::new(model, op_set![; Smooth], &mut memory.0)?;
    for input in [[1.0f32, -8.0], [1.0, -8.0], [0.0, 0.0]] {
        session.set_input(0, &input)?;
        session.invoke()?;
        println!("{input:?} -> {:?}", session.output::<f32>(0)?);
    }
    Ok(())
}
