//! Written files as the schema's official code sees them: flatc's reader and its verifier.

use sedge_schema::generated::{model_buffer_has_identifier, root_as_model};

/// Checks that other tools can read a file and show what is in it; gives it back.
pub(crate) fn verified(file: Vec<u8>) -> Vec<u8> {
    assert!(model_buffer_has_identifier(&file), "no TFL3");
    let model = root_as_model(&file).expect("the verifier takes the file");
    assert_eq!(model.version(), 3);
    let metadata = model.metadata().expect("metadata");
    assert!(metadata.iter().any(|m| m.name() == Some("min_runtime_version")), "no version of a runtime");
    let (codes, buffers) = (model.operator_codes().expect("codes"), model.buffers().expect("buffers"));
    // Readers take an empty first buffer for "no data".
    assert!(buffers.get(0).data().is_none_or(|data| data.is_empty()));
    let graphs = model.subgraphs().expect("graphs");
    for graph in graphs {
        let tensors = graph.tensors().expect("tensors");
        for tensor in tensors {
            assert!(tensor.name().is_some_and(|name| !name.is_empty()), "a tensor without a name");
            assert!((tensor.buffer() as usize) < buffers.len());
        }
        let mut names: Vec<_> = tensors.iter().filter_map(|t| t.name()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "two tensors of one name");
        for operator in graph.operators().into_iter().flatten() {
            let code = codes.get(operator.opcode_index() as usize);
            assert!(code.version() >= 1, "{code:?}");
            // Old readers look at the byte that once held the whole code.
            assert_eq!(code.deprecated_builtin_code(), code.builtin_code().0.min(127) as i8);
        }
    }
    for signature in model.signature_defs().into_iter().flatten() {
        let tensors = graphs.get(signature.subgraph_index() as usize).tensors().expect("tensors").len();
        for map in [signature.inputs(), signature.outputs()].into_iter().flatten().flatten() {
            assert!(map.name().is_some_and(|name| !name.is_empty()));
            assert!((map.tensor_index() as usize) < tensors);
        }
    }
    file
}
