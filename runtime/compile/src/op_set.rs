//! Which kernels a program must name that runs a model with an interpreter.

use std::collections::BTreeMap;

use sedge_runtime::compiled::Image;
use sedge_runtime::{BuiltinOperator, Model, kernels};

/// What stands in [`op_set!`](sedge_runtime::op_set) for a model whose weights lie in flash, so that the least is linked:
/// `int8::Conv2d, Reshape, int8::Softmax`. Operators that Sedge has no kernel for stand behind a semicolon, by their names.
/// `image` is [`crate::image`]'s of the model; without it no kernel is known to be enough that has one element type only.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use sedge_runtime::Model;
/// # let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/sine/sine_int8_tf.tflite"))?;
/// let model = Model::check(&file)?;
/// assert_eq!(sedge_compile::op_set(model, None), "FullyConnected");
/// let image = sedge_compile::image(model)?;
/// assert_eq!(sedge_compile::op_set(model, Some(&image)), "int8::FullyConnected");
/// # Ok(())
/// # }
/// ```
pub fn op_set(model: Model<'_>, image: Option<&Image>) -> String {
    // The kernel of an operator in one type takes what the function of a compiled model in that type takes.
    let mut modules = BTreeMap::new();
    for operator in image.into_iter().flat_map(|image| &image.operators) {
        let module = operator.typed.and_then(|path| path.split_once("::")).map(|(module, _)| module);
        let every = modules.entry((operator.code.code(), operator.custom_name.as_str())).or_insert(module);
        *every = every.filter(|_| *every == module);
    }
    let (mut known, mut own) = (Vec::new(), Vec::new());
    for code in model.operator_codes().iter() {
        let builtin = code.builtin();
        let name = match builtin {
            BuiltinOperator::Custom => kernels::custom_type(code.name()),
            _ => kernels::builtin_type(builtin),
        };
        match name {
            Some(name) => match modules.get(&(builtin.code(), code.custom_code().as_str())) {
                Some(Some(module)) => known.push(format!("{module}::{name}")),
                _ => known.push(name.to_owned()),
            },
            None => own.push(code.name().to_owned()),
        }
    }
    for list in [&mut known, &mut own] {
        list.sort();
        list.dedup();
    }
    let own = if own.is_empty() { String::new() } else { format!("; {}", own.join(", ")) };
    known.join(", ") + &own
}
