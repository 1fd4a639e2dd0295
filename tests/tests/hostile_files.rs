//! Files that want to do harm: whatever a file holds, it is refused with a typed error, or all of
//! it can be read.

use sedge_schema::generated::{BuiltinOperator, BuiltinOptionsT, ConcatenationOptionsT};
use sedge_schema::op::Op;
use sedge_schema::write::to_bytes;
use sedge_schema::{Error, Fault, Model, Place, Refusal};
use sedge_tests::agree::{agree, official_root};
use sedge_tests::walk::{FileNode, walk};
use sedge_tests::{samples, table};

/// Checks `file` and reads all of it where it passes. Where the official code accepts the file as
/// well, both must read the same.
fn examine(file: &[u8]) -> Result<(), Error> {
    let model = Model::check(file)?;
    walk(&model);
    if let Some(theirs) = official_root(file) {
        agree(&model, &theirs);
    }
    Ok(())
}

/// How many of the files that a test made were accepted and refused.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    fn examine(&mut self, file: &[u8]) {
        match examine(file) {
            Ok(()) => self.accepted += 1,
            Err(_) => self.refused += 1,
        }
    }

    /// Prints the numbers, and makes sure that the test saw both outcomes.
    fn finish(&self, what: &str) {
        println!("{what}: {} accepted, {} refused", self.accepted, self.refused);
        assert!(self.accepted > 0 && self.refused > 0, "{what}");
    }
}

/// The little-endian word at `at`.
fn word(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

/// `file` with the word at `at` replaced.
fn with_word(file: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    file
}

/// The positions of the aligned words of `file`.
fn words(file: &[u8]) -> impl Iterator<Item = usize> + Clone + use<> {
    (0..file.len() / 4).map(|i| 4 * i)
}

#[test]
fn cut_off_anywhere() {
    for (name, file) in samples::files() {
        assert_eq!(examine(&file), Ok(()), "{name}");
        // Writers put nothing that is needless at the end but zeros that align what is before.
        let needed = file.len() - 16;
        for end in 0..file.len() {
            let verdict = examine(&file[..end]);
            assert!(verdict.is_err() || end > needed, "{name} cut at {end} of {}", file.len());
        }
    }
}

#[test]
fn any_byte_replaced() {
    for (name, file) in samples::files() {
        let mut tally = Tally::default();
        for at in 0..file.len() {
            let flips = (0..8).map(|bit| file[at] ^ (1 << bit));
            for value in flips.chain([0, 0xff, 0x7f, 0x80]) {
                let mut file = file.clone();
                file[at] = value;
                tally.examine(&file);
            }
        }
        tally.finish(name);
    }
}

#[test]
fn any_word_replaced() {
    for (name, file) in samples::files() {
        let mut tally = Tally::default();
        for at in words(&file) {
            let old = word(&file, at);
            let near = [1, 4].into_iter().flat_map(|d| [old.wrapping_add(d), old.wrapping_sub(d)]);
            for value in near.chain([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x4000_0000]) {
                tally.examine(&with_word(&file, at, value));
            }
        }
        tally.finish(name);
    }
}

/// Every word as a reference to every other word, itself and the file's end, forward as tables and
/// vectors are referred to and backward as vtables are.
#[test]
fn any_word_aimed_anywhere() {
    // The samples with data outside the tables have the same tables as two of the others.
    for (name, file) in samples::files().into_iter().filter(|(name, _)| !name.starts_with("outside")) {
        let mut tally = Tally::default();
        for at in words(&file) {
            for target in words(&file).chain([file.len() - 1, file.len(), file.len() + 1]) {
                let forward = (target as u32).wrapping_sub(at as u32);
                tally.examine(&with_word(&file, at, forward));
                tally.examine(&with_word(&file, at, forward.wrapping_neg()));
            }
        }
        tally.finish(name);
    }
}

/// Two words at once, which single changes cannot show: a length together with a reference.
#[test]
fn two_words_replaced() {
    let file = to_bytes(&samples::relu());
    let values = [0, 1, 2, 4, 8, 0x7fff_ffff, 0xffff_ffff];
    let mut tally = Tally::default();
    for first in words(&file) {
        for second in words(&file).filter(|&second| second > first) {
            for a in values {
                for b in values {
                    tally.examine(&with_word(&with_word(&file, first, a), second, b));
                }
            }
        }
    }
    tally.finish("relu");
}

/// A root table written out by hand. `vtable` says where its vtable lies, counted backward.
fn root(vtable: i32, slots: &[u16], fields: &[u32]) -> Vec<u8> {
    // 0: reference to the root, 4: identifier, 8: the root table, then the vtable.
    let table_size = 4 + 4 * fields.len() as u16;
    let mut file = 8u32.to_le_bytes().to_vec();
    file.extend(b"TFL3");
    file.extend(vtable.to_le_bytes());
    file.extend(fields.iter().flat_map(|f| f.to_le_bytes()));
    let header = [4 + 2 * slots.len() as u16, table_size];
    file.extend(header.iter().chain(slots).flat_map(|s| s.to_le_bytes()));
    file
}

#[test]
fn vtables_that_are_none() {
    let fault = |file: &[u8]| examine(file).unwrap_err().fault;
    // Version 3 in slot 0, four bytes into a table of eight: read, and found to have no subgraphs.
    let vtable = -8;
    assert_eq!(fault(&root(vtable, &[4], &[3])), Fault::Missing);
    assert_eq!(fault(&root(vtable, &[4], &[2])), Fault::Version(2));
    assert_eq!(fault(&root(vtable, &[], &[3])), Fault::Version(0));
    // The table as its own vtable: its size would be 0.
    assert_eq!(fault(&root(0, &[4], &[3])), Fault::Truncated(8));
    // Before the file, and behind it.
    assert!(matches!(fault(&root(9, &[4], &[3])), Fault::Truncated(_)));
    assert!(matches!(fault(&root(i32::MAX, &[4], &[3])), Fault::Truncated(_)));
    assert!(matches!(fault(&root(i32::MIN, &[4], &[3])), Fault::Truncated(_)));
    // A field that reaches beyond its table, though not beyond the file.
    assert_eq!(fault(&root(vtable, &[5], &[3])), Fault::Truncated(8));
    assert_eq!(fault(&root(vtable, &[u16::MAX], &[3])), Fault::Truncated(8));
    // A vtable that is longer than the file.
    let mut file = root(vtable, &[4], &[3]);
    file[16] = 200;
    assert_eq!(fault(&file), Fault::Truncated(16));
    // A vtable of an odd length ends with half a slot, which counts as absent.
    file[16] = 5;
    assert_eq!(fault(&file), Fault::Version(0));
    // A table without room for the reference to its vtable, which would have no fields.
    let mut file = root(vtable, &[], &[3]);
    file[18] = 3;
    assert_eq!(fault(&file), Fault::Truncated(8));
}

#[test]
fn references_to_themselves() {
    // Slot 2, the subgraphs: a vector at the reference itself, of 0 entries, because an offset of
    // 0 reads as that length too.
    let vtable = -12;
    assert_eq!(examine(&root(vtable, &[4, 0, 8], &[3, 0])).unwrap_err().fault, Fault::Missing);
    // The subgraphs are the vector at byte 4, whose length is the identifier.
    let backward = 4u32.wrapping_sub(16);
    let fault = examine(&root(vtable, &[4, 0, 8], &[3, backward])).unwrap_err().fault;
    assert!(matches!(fault, Fault::Truncated(_)), "{fault:?}");
}

#[test]
fn lists_longer_than_the_file() {
    // The list's length stands at byte 20, in the root table itself; its entries would follow.
    for length in [5, 0x3fff_ffff, 0x4000_0000, 0x8000_0000, u32::MAX] {
        for slots in [&[4, 8][..], &[4, 0, 8], &[4, 0, 0, 0, 8], &[4, 0, 0, 0, 0, 8]] {
            let file = root(-16, slots, &[3, 4, length]);
            let fault = examine(&file).unwrap_err().fault;
            assert_eq!(fault, Fault::Truncated(24), "{length} entries");
        }
    }
}

#[test]
fn wrong_arity() {
    // RELU takes one input and gives one output.
    for (inputs, outputs, expected) in [
        (vec![], vec![1], Refusal::Inputs(0)),
        (vec![-1], vec![1], Refusal::Inputs(0)),
        (vec![0, 0], vec![1], Refusal::Inputs(2)),
        (vec![0; 300], vec![1], Refusal::Inputs(300)),
        (vec![0], vec![], Refusal::Outputs(0)),
        (vec![0], vec![1; 257], Refusal::Outputs(257)),
    ] {
        let mut model = samples::relu();
        let graph = &mut model.subgraphs.as_mut().unwrap()[0];
        graph.operators = Some(vec![samples::operator(0, &inputs, &outputs)]);
        let file = to_bytes(&model);
        assert_eq!(examine(&file), Ok(()));
        assert_eq!(infer(&file), Err(expected));
    }
}

/// The rule of the first operator, applied to what the file declares.
fn infer(file: &[u8]) -> Result<sedge_schema::Shape, Refusal> {
    let model = Model::check(file).unwrap();
    let (graph, operator) = (model.main(), model.main().operators().get(0).unwrap());
    let op = Op::read(model.code(&operator).builtin(), operator.options()).unwrap();
    op.infer(&FileNode { model: &model, graph: &graph, operator: &operator }, 0)
}

/// A CONCATENATION counts each of its inputs, and refuses more than can be told apart.
#[test]
fn many_inputs() {
    let file = |count: usize| {
        let mut model = samples::relu();
        model.operator_codes = Some(vec![samples::code(BuiltinOperator::CONCATENATION)]);
        let graph = &mut model.subgraphs.as_mut().unwrap()[0];
        // The last input is wider than the others: 4 each, and 9.
        graph.tensors.as_mut().unwrap()[1].shape = Some(vec![1, 9]);
        let inputs = [vec![0; count - 1], vec![1]].concat();
        let mut operator = samples::operator(0, &inputs, &[1]);
        let options = table!(ConcatenationOptionsT { axis: 1 });
        operator.builtin_options = BuiltinOptionsT::ConcatenationOptions(Box::new(options));
        graph.operators = Some(vec![operator]);
        to_bytes(&model)
    };
    assert_eq!(infer(&file(2)).unwrap().dims(), [1, 13]);
    assert_eq!(infer(&file(256)).unwrap().dims(), [1, 255 * 4 + 9]);
    assert_eq!(infer(&file(257)), Err(Refusal::Inputs(257)));
}

/// The places in errors are those that were damaged, also in files with many tables.
#[test]
fn errors_name_the_place() {
    let mut model = samples::convolution();
    let graph = &mut model.subgraphs.as_mut().unwrap()[0];
    graph.operators.as_mut().unwrap()[1].outputs = Some(vec![77]);
    let error = examine(&to_bytes(&model)).unwrap_err();
    assert_eq!(error.place, Place::Operator { subgraph: 0, index: 1 });
    assert_eq!(error.to_string(), "operator 1 of subgraph 0: index 77 is out of range");
}
