//! Models that are layers of other models, such as a trained base under a new head: their layers take their places, once
//! for each call.

use std::collections::HashMap;

use serde_json::json;

use super::config::{Layer, Model, Reference};
use crate::Failure;

/// Models are nested at most this deeply.
const MAX_DEPTH: usize = 8;

/// A model has at most this many layers once those inside of it are counted for each call.
const MAX_LAYERS: usize = 1 << 16;

fn is_model(class: &str) -> bool {
    matches!(class, "Sequential" | "Functional" | "Model")
}

impl Model {
    /// The model without models inside. A layer of one inside is called as that one, `/` and itself; from the second call
    /// on the number of the call stands between.
    pub(super) fn flattened(self, depth: usize) -> Result<Self, Failure> {
        if !self.layers.iter().any(|layer| is_model(&layer.class)) {
            return Ok(self);
        }
        if depth == MAX_DEPTH {
            return Err(Failure::new(format!("models are nested more than {MAX_DEPTH} deep")));
        }
        let Self { name, layers, inputs, mut outputs } = self;
        let mut flat: Vec<Layer> = Vec::new();
        let mut stands_for = HashMap::new();
        for layer in layers {
            if !is_model(&layer.class) {
                flat.push(layer);
                continue;
            }
            let config = json!({ "class_name": layer.class, "config": layer.config });
            for (call, sources) in layer.calls.iter().enumerate() {
                let inner = Self::read(&layer.name, &config)?.flattened(depth + 1)?;
                let prefix = match call {
                    0 => layer.name.clone(),
                    call => format!("{}/{call}", layer.name),
                };
                let renamed =
                    |r: &Reference| Reference { layer: format!("{prefix}/{}", r.layer), ..r.clone() };
                if inner.inputs.len() != sources.len() {
                    let (takes, given) = (inner.inputs.len(), sources.len());
                    return Err(Failure::new(format!(
                        "the model '{}' inside takes {takes} inputs and is given {given}",
                        layer.name
                    )));
                }
                stands_for.extend(inner.inputs.iter().map(renamed).zip(sources.iter().cloned()));
                for (output, given) in inner.outputs.iter().enumerate() {
                    stands_for.insert(Reference { layer: layer.name.clone(), call, output }, renamed(given));
                }
                let kept = inner.layers.into_iter().filter(|inner| inner.class != "InputLayer");
                flat.extend(kept.map(|inner| Layer {
                    name: format!("{prefix}/{}", inner.name),
                    calls: inner.calls.iter().map(|call| call.iter().map(renamed).collect()).collect(),
                    owner: [layer.owner.as_slice(), &inner.owner].concat(),
                    ..inner
                }));
                if flat.len() > MAX_LAYERS {
                    return Err(Failure::new(format!("the model has more than {MAX_LAYERS} layers")));
                }
            }
        }
        let most = stands_for.len();
        let settle = |reference: &mut Reference| {
            for _ in 0..=most {
                match stands_for.get(reference) {
                    Some(other) => *reference = other.clone(),
                    None => break,
                }
            }
        };
        flat.iter_mut().flat_map(|layer| layer.calls.iter_mut().flatten()).for_each(settle);
        outputs.iter_mut().for_each(settle);
        Ok(Self { name, layers: flat, inputs, outputs })
    }
}
