//! Control flow, variables and entry points, on models whose results are worked out by hand.

use sedge_runtime::{Error, Model, Options, Refusal, Session, Weights, kernels, op_set};
use sedge_schema::generated::{
    BuiltinOperator as Code, BuiltinOptions2T as Of2, BuiltinOptionsT as Of, CallOnceOptionsT, IfOptionsT,
    StableHLOCompositeOptionsT, TensorType, VarHandleOptionsT, WhileOptionsT,
};
use sedge_tests::graphs::{Graph, Models};
use sedge_tests::run::arena;
use sedge_tests::table;

const INT: TensorType = TensorType::INT32;
const BOOL: TensorType = TensorType::BOOL;

fn if_of(then: i32, other: i32) -> Of {
    Of::IfOptions(Box::new(table!(IfOptionsT { then_subgraph_index: then, else_subgraph_index: other })))
}

fn while_of(cond: i32, body: i32) -> Of {
    Of::WhileOptions(Box::new(table!(WhileOptionsT { cond_subgraph_index: cond, body_subgraph_index: body })))
}

fn once_of(graph: i32) -> Of {
    Of::CallOnceOptions(Box::new(table!(CallOnceOptionsT { init_subgraph_index: graph })))
}

fn handle_of(container: &str, name: &str) -> Of {
    Of::VarHandleOptions(Box::new(table!(VarHandleOptionsT {
        container: Some(container.into()),
        shared_name: Some(name.into()),
    })))
}

/// A graph of one operator of two int32 `[2]` inputs.
fn binary(m: &mut Models, code: Code) {
    let mut g = Graph::default();
    let [a, b, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
    m.operator(&mut g, code, &[a, b], &[y], Of::NONE);
    m.graph(g, &[a, b], &[y]);
}

/// A graph that says whether `n < 5`, of an int32 scalar and two int32 `[2]`.
fn less_than_5(m: &mut Models, limit: i32) {
    let mut g = Graph::default();
    let n = m.tensor(&mut g, INT, &[]);
    let [a, b] = [(); 2].map(|()| m.tensor(&mut g, INT, &[2]));
    let five = m.constant(&mut g, &[], &[limit]);
    let y = m.tensor(&mut g, BOOL, &[]);
    m.operator(&mut g, Code::LESS, &[n, five], &[y], Of::NONE);
    m.graph(g, &[n, a, b], &[y]);
}

/// Fibonacci's numbers: `while n < limit: (n, a, b) = (n + 1, b, a + b)`, in a branch of an IF that gives
/// `a + b` otherwise.
fn fibonacci(limit: i32) -> Vec<u8> {
    let mut m = Models::new();
    // 0: IF(c, a, b) with then = 1, else = 4.
    let mut g = Graph::default();
    let c = m.tensor(&mut g, BOOL, &[1]);
    let [a, b, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
    m.operator(&mut g, Code::IF, &[c, a, b], &[y], if_of(1, 4));
    m.graph(g, &[c, a, b], &[y]);
    // 1: WHILE(0, a, b) with cond = 2, body = 3.
    let mut g = Graph::default();
    let zero = m.constant(&mut g, &[], &[0]);
    let [a, b, x, y] = [(); 4].map(|()| m.tensor(&mut g, INT, &[2]));
    let n = m.tensor(&mut g, INT, &[]);
    m.operator(&mut g, Code::WHILE, &[zero, a, b], &[n, x, y], while_of(2, 3));
    m.graph(g, &[a, b], &[x]);
    less_than_5(&mut m, limit);
    // 3: (n, a, b) -> (n + 1, b, a + b); b goes through unchanged, to another place.
    let mut g = Graph::default();
    let n = m.tensor(&mut g, INT, &[]);
    let [a, b, sum] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
    let one = m.constant(&mut g, &[], &[1]);
    let next = m.tensor(&mut g, INT, &[]);
    m.operator(&mut g, Code::ADD, &[n, one], &[next], Of::NONE);
    m.operator(&mut g, Code::ADD, &[a, b], &[sum], Of::NONE);
    m.graph(g, &[n, a, b], &[next, b, sum]);
    binary(&mut m, Code::ADD);
    m.signature("main", 0, &[("c", 0), ("a", 1), ("b", 2)], &[("y", 3)]);
    m.signature("add", 4, &[("b", 1), ("a", 0)], &[("sum", 2)]);
    m.finish()
}

fn fibonacci_of(session: &mut Session<'_>, condition: u8) -> Result<Vec<i32>, Error> {
    session.set_input(0, &[condition])?;
    session.set_input(1, &[0i32, 1])?;
    session.set_input(2, &[1i32, 3])?;
    session.invoke()?;
    session.output::<i32>(0).map(<[i32]>::to_vec)
}

#[test]
fn a_loop_in_a_branch_gives_fibonaccis_numbers() {
    let file = fibonacci(10);
    let model = Model::check(&file).expect("a good model");
    let mut memory = vec![0u128; 4096];
    let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
    let bytes = {
        let mut session = Session::new(model, kernels::ALL, memory).expect("a session");
        for _ in 0..2 {
            assert_eq!(fibonacci_of(&mut session, 1), Ok(vec![55, 55 * 3 + 34]));
            assert_eq!(fibonacci_of(&mut session, 0), Ok(vec![1, 4]));
        }
        session.memory().arena
    };
    // The size is exact, planned subgraphs among it.
    let mut session = Session::new(model, kernels::ALL, &mut memory[..bytes]).expect("a session");
    assert_eq!(fibonacci_of(&mut session, 1), Ok(vec![55, 199]));
    let less = Session::new(model, kernels::ALL, &mut memory[..bytes - 1]).err();
    assert!(matches!(less, Some(Error::ArenaTooSmall { .. })), "{less:?}");
}

#[test]
fn a_loop_without_end_is_stopped() {
    let file = fibonacci(i32::MAX);
    let model = Model::check(&file).expect("a good model");
    let options = Options { loop_limit: 100, weights: Weights::InPlace, ..Options::default() };
    let mut memory = arena(1 << 16);
    let mut session = Session::with_options(model, kernels::ALL, &mut memory, &options).expect("a session");
    let stopped = fibonacci_of(&mut session, 1);
    let is = matches!(stopped, Err(Error::Called { subgraph: 1, operator: 0, code, refusal: Refusal::LoopLimit })
        if code.name() == "WHILE");
    assert!(is, "{stopped:?}");
    // Nothing is lost by it, and the limit is that of each invocation.
    assert_eq!(fibonacci_of(&mut session, 0), Ok(vec![1, 4]));
}

#[test]
fn entry_points_are_sessions_of_their_own() {
    let file = fibonacci(10);
    let model = Model::check(&file).expect("a good model");
    let mut memory = arena(1 << 16);
    let add = model.for_signature("add").expect("a signature");
    assert!(model.for_signature("none").is_none() && model.entering(5).is_none());
    // Only the operators of the subgraph are needed; and several sessions use one arena in turn.
    {
        let mut session = Session::new(add, op_set![Add], &mut memory).expect("a session");
        let (a, b) = (session.input_named("a").expect("a"), session.input_named("b").expect("b"));
        assert_eq!((a, b, session.input_named("c"), session.output_named("sum")), (0, 1, None, Some(0)));
        session.set_input(a, &[1i32, 2]).expect("an input");
        session.set_input(b, &[10i32, 20]).expect("an input");
        session.invoke().expect("an invocation");
        assert_eq!(session.output::<i32>(0), Ok(&[11, 22][..]));
    }
    let other = std::fs::read(sedge_tests::data::repository().join("tests/data/sine/sine_int8_tf.tflite"));
    let other = other.expect("the bundled model");
    {
        let sine = Model::check(&other).expect("a good model");
        let mut session = Session::new(sine, kernels::ALL, &mut memory).expect("a session");
        session.invoke().expect("an invocation");
    }
    let mut session = Session::new(model, kernels::ALL, &mut memory).expect("a session");
    assert_eq!(fibonacci_of(&mut session, 1), Ok(vec![55, 199]));
    let missing = Session::new(model, op_set![Add, If, Less], &mut arena(1 << 16)).err();
    assert!(
        matches!(missing, Some(Error::MissingKernel { code, .. }) if code.name() == "WHILE"),
        "{missing:?}"
    );
}

/// `y = count + x; count = y`, with `count` set to 100 once.
fn counter(names: [(&str, &str); 2]) -> Vec<u8> {
    let mut m = Models::new();
    let mut g = Graph::default();
    let handle = m.tensor(&mut g, TensorType::RESOURCE, &[]);
    let [x, before, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
    m.operator(&mut g, Code::CALL_ONCE, &[], &[], once_of(1));
    m.operator(&mut g, Code::VAR_HANDLE, &[], &[handle], handle_of(names[0].0, names[0].1));
    m.operator(&mut g, Code::READ_VARIABLE, &[handle], &[before], Of::NONE);
    m.operator(&mut g, Code::ADD, &[before, x], &[y], Of::NONE);
    m.operator(&mut g, Code::ASSIGN_VARIABLE, &[handle, y], &[], Of::NONE);
    m.graph(g, &[x], &[y]);
    let mut g = Graph::default();
    let handle = m.tensor(&mut g, TensorType::RESOURCE, &[]);
    let start = m.constant(&mut g, &[2], &[100, 200]);
    m.operator(&mut g, Code::VAR_HANDLE, &[], &[handle], handle_of(names[1].0, names[1].1));
    m.operator(&mut g, Code::ASSIGN_VARIABLE, &[handle, start], &[], Of::NONE);
    m.graph(g, &[], &[]);
    m.finish()
}

#[test]
fn variables_last_until_the_session_is_reset() {
    let step = |session: &mut Session<'_>| {
        session.set_input(0, &[1i32, 2]).expect("an input");
        session.invoke().expect("an invocation");
        session.output::<i32>(0).expect("an output").to_vec()
    };
    let file = counter([("", "count"), ("", "count")]);
    let mut memory = arena(1 << 16);
    let mut session =
        Session::new(Model::check(&file).expect("a model"), kernels::ALL, &mut memory).expect("a session");
    assert!(session.memory().state >= 9);
    assert_eq!(step(&mut session), [101, 202]);
    assert_eq!(step(&mut session), [102, 204]);
    session.reset();
    assert_eq!(step(&mut session), [101, 202]);
    // Another container or name is another variable, which is zero at first.
    for other in [("box", "count"), ("", "counts")] {
        let file = counter([("", "count"), other]);
        let mut memory = arena(1 << 16);
        let mut session = Session::new(Model::check(&file).expect("a model"), kernels::ALL, &mut memory)
            .expect("a session");
        assert_eq!(step(&mut session), [1, 2]);
    }
}

/// The refusal of a model whose main graph is `IF(c, a, b)` with these branches among the graphs that
/// `more` adds from number 1 on.
fn refusal(options: Of, more: impl FnOnce(&mut Models)) -> Error {
    let mut m = Models::new();
    let mut g = Graph::default();
    let c = m.tensor(&mut g, BOOL, &[1]);
    let [a, b, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
    m.operator(&mut g, Code::IF, &[c, a, b], &[y], options);
    m.graph(g, &[c, a, b], &[y]);
    more(&mut m);
    let file = m.finish();
    let model = Model::check(&file).expect("a model that passes the check");
    Session::new(model, kernels::ALL, &mut arena(1 << 20)).expect_err("a refusal")
}

#[test]
fn subgraphs_that_do_not_fit_are_refused() {
    let add = |m: &mut Models| binary(m, Code::ADD);
    let of_if = |why: Refusal| move |error: &Error| matches!(error, Error::Operator { operator: 0, refusal, .. } if *refusal == why);
    // There is no such subgraph.
    for (then, other) in [(2, 1), (1, 2), (-1, 1), (1, i32::MIN)] {
        let error = refusal(if_of(then, other), add);
        let bad = if then == 1 { other } else { then };
        assert!(of_if(Refusal::Subgraph(bad as u32))(&error), "{error:?}");
    }
    // The main graph takes three inputs, of which one is a bool.
    let error = refusal(if_of(0, 1), add);
    assert!(of_if(Refusal::Subgraph(0))(&error), "{error:?}");
    // One input, one output too few; another shape; another type.
    let error = refusal(if_of(1, 1), |m| {
        let mut g = Graph::default();
        let a = m.tensor(&mut g, INT, &[2]);
        m.graph(g, &[a], &[a]);
    });
    assert!(of_if(Refusal::Subgraph(1))(&error), "{error:?}");
    let error = refusal(if_of(1, 1), |m| {
        let mut g = Graph::default();
        let [a, b] = [(); 2].map(|()| m.tensor(&mut g, INT, &[2]));
        m.graph(g, &[a, b], &[]);
    });
    assert!(of_if(Refusal::Subgraph(1))(&error), "{error:?}");
    let error = refusal(if_of(1, 1), |m| {
        let mut g = Graph::default();
        let [a, b] = [TensorType::FLOAT32, INT].map(|kind| m.tensor(&mut g, kind, &[2]));
        m.graph(g, &[a, b], &[b]);
    });
    assert!(of_if(Refusal::Type(sedge_runtime::Slot::Input(1)))(&error), "{error:?}");
    // A tensor that nothing writes.
    let error = refusal(if_of(1, 1), |m| {
        let mut g = Graph::default();
        let [a, b, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
        m.graph(g, &[a, b], &[y]);
    });
    assert!(of_if(Refusal::Subgraph(1))(&error), "{error:?}");
}

#[test]
fn subgraphs_that_call_themselves_are_refused() {
    let error = refusal(if_of(1, 1), |m| {
        let mut g = Graph::default();
        let [a, b, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
        let c = m.tensor(&mut g, BOOL, &[]);
        let zero = m.constant(&mut g, &[], &[0]);
        m.operator(&mut g, Code::EQUAL, &[zero, zero], &[c], Of::NONE);
        m.operator(&mut g, Code::IF, &[c, a, b], &[y], if_of(1, 1));
        m.graph(g, &[a, b], &[y]);
    });
    let is = matches!(error, Error::Called { subgraph: 1, operator: 1, refusal: Refusal::Depth, .. });
    assert!(is, "{error:?}");
    // In turn: 0 calls itself through CALL_ONCE.
    let mut m = Models::new();
    m.operator(&mut Graph::default(), Code::CALL_ONCE, &[], &[], Of::NONE);
    let mut g = Graph::default();
    m.operator(&mut g, Code::CALL_ONCE, &[], &[], once_of(0));
    m.graph(g, &[], &[]);
    let file = m.finish();
    let error = Session::new(Model::check(&file).expect("a model"), kernels::ALL, &mut arena(1 << 20)).err();
    assert!(matches!(error, Some(Error::Called { refusal: Refusal::Depth, .. })), "{error:?}");
}

#[test]
fn an_error_inside_a_subgraph_names_its_place() {
    // ADD of bools is refused, in subgraph 1.
    let error = refusal(if_of(1, 1), |m| {
        let mut g = Graph::default();
        let [a, b, y] = [(); 3].map(|()| m.tensor(&mut g, INT, &[2]));
        let c = m.tensor(&mut g, BOOL, &[2]);
        m.operator(&mut g, Code::LESS, &[a, b], &[c], Of::NONE);
        m.operator(&mut g, Code::ADD, &[c, c], &[y], Of::NONE);
        m.graph(g, &[a, b], &[y]);
    });
    let text = error.to_string();
    assert!(text.starts_with("operator 1 of subgraph 1 (ADD): "), "{text}");
}

#[test]
fn handles_that_are_no_variables_are_refused() {
    let mut m = Models::new();
    let mut g = Graph::default();
    let handle = m.tensor(&mut g, TensorType::RESOURCE, &[]);
    let y = m.tensor(&mut g, INT, &[2]);
    m.operator(&mut g, Code::READ_VARIABLE, &[handle], &[y], Of::NONE);
    m.graph(g, &[handle], &[y]);
    let file = m.finish();
    let error = Session::new(Model::check(&file).expect("a model"), kernels::ALL, &mut arena(1 << 16)).err();
    assert!(matches!(error, Some(Error::Operator { refusal: Refusal::NotConstant(_), .. })), "{error:?}");
}

/// `while n < limit: (n, limit, a, b, tag) = (n + 1, limit, b, a with b behind it, [7])`, then `y = b with a behind it`.
fn fibonaccis_words() -> Vec<u8> {
    let mut m = Models::new();
    let mut g = Graph::default();
    let zero = m.constant(&mut g, &[], &[0]);
    let none = m.constant(&mut g, &[1], &[0]);
    let [limit, n, last] = [(); 3].map(|()| m.tensor(&mut g, INT, &[]));
    let a = m.tensor(&mut g, INT, &[1]);
    let b = m.tensor(&mut g, INT, &[2]);
    // What grows has no size in the file.
    let [x, y, tag, both] = [(); 4].map(|()| m.tensor(&mut g, INT, &[1]));
    m.operator(&mut g, Code::WHILE, &[zero, limit, a, b, none], &[n, last, x, y, tag], while_of(1, 2));
    m.operator(&mut g, Code::CONCATENATION, &[y, x], &[both], Of::NONE);
    m.graph(g, &[limit, a, b], &[both, tag, n]);
    let mut g = Graph::default();
    let [n, limit] = [(); 2].map(|()| m.tensor(&mut g, INT, &[]));
    let [a, b, tag] = [(); 3].map(|()| m.tensor(&mut g, INT, &[1]));
    let goes_on = m.tensor(&mut g, BOOL, &[]);
    m.operator(&mut g, Code::LESS, &[n, limit], &[goes_on], Of::NONE);
    m.graph(g, &[n, limit, a, b, tag], &[goes_on]);
    let mut g = Graph::default();
    let [n, limit, next] = [(); 3].map(|()| m.tensor(&mut g, INT, &[]));
    let [a, b, tag, joined] = [(); 4].map(|()| m.tensor(&mut g, INT, &[1]));
    let (one, seven) = (m.constant(&mut g, &[], &[1]), m.constant(&mut g, &[1], &[7]));
    m.operator(&mut g, Code::ADD, &[n, one], &[next], Of::NONE);
    m.operator(&mut g, Code::CONCATENATION, &[a, b], &[joined], Of::NONE);
    m.graph(g, &[n, limit, a, b, tag], &[next, limit, b, joined, seven]);
    m.finish()
}

#[test]
fn variables_of_a_loop_may_grow() {
    let file = fibonaccis_words();
    let model = Model::check(&file).expect("a good model");
    let options = Options { loop_limit: 12, ..Options::default() };
    let mut memory = arena(1 << 16);
    let mut session = Session::with_options(model, kernels::ALL, &mut memory, &options).expect("a session");
    let mut run = |limit: i32| {
        session.set_input(0, &[limit])?;
        session.set_input(1, &[1i32])?;
        session.set_input(2, &[2i32, 3])?;
        session.invoke()?;
        let tag = session.output::<i32>(1)?.to_vec();
        assert_eq!(
            (tag, session.output::<i32>(2)?),
            (vec![if limit > 0 { 7 } else { 0 }], &[limit.max(0)][..])
        );
        session.output::<i32>(0).map(<[i32]>::to_vec)
    };
    // Growing, shrinking, not at all, as often as allowed.
    for limit in [3, 1, 10, 0, -5, 12, 2] {
        let (mut a, mut b) = (vec![1], vec![2, 3]);
        for _ in 0..limit {
            let joined = [a, b.clone()].concat();
            (a, b) = (b, joined);
        }
        assert_eq!(run(limit), Ok([b, a].concat()), "{limit} turns");
    }
    let stopped = run(13);
    assert!(matches!(stopped, Err(Error::Operator { refusal: Refusal::LoopLimit, .. })), "{stopped:?}");
    assert_eq!(run(1), Ok(vec![1, 2, 3, 2, 3]));
    // What does not fit says so, whatever the size.
    let mut large = None;
    for words in 0..600 {
        let mut memory = arena(words * 16);
        let session = Session::with_options(model, kernels::ALL, &mut memory, &options);
        let result = session.and_then(|mut session| {
            session.set_input(0, &[8])?;
            session.invoke()?;
            session.output::<i32>(0).map(<[i32]>::len)
        });
        match result {
            Ok(length) => large = large.or(Some(length)),
            Err(error) => {
                let is = matches!(
                    error,
                    Error::ArenaTooSmall { .. }
                        | Error::Operator { refusal: Refusal::OutOfMemory { .. }, .. }
                );
                assert!(is && large.is_none(), "{words}: {error:?}");
            }
        }
    }
    // 3, 5, 8 and so on: 144 after eight turns.
    assert_eq!(large, Some(144));
}

/// `n, a = 0, [1, 2]; while n < 3: (n, a) = (n + 1, a with a behind it)`, of constants only.
#[test]
fn a_loop_over_constants_may_grow() {
    let mut m = Models::new();
    let mut g = Graph::default();
    let (zero, start) = (m.constant(&mut g, &[], &[0]), m.constant(&mut g, &[2], &[1, 2]));
    let (n, y) = (m.tensor(&mut g, INT, &[]), m.tensor(&mut g, INT, &[2]));
    m.operator(&mut g, Code::WHILE, &[zero, start], &[n, y], while_of(1, 2));
    m.graph(g, &[], &[y]);
    let mut g = Graph::default();
    let (n, a) = (m.tensor(&mut g, INT, &[]), m.tensor(&mut g, INT, &[2]));
    let three = m.constant(&mut g, &[], &[3]);
    let goes_on = m.tensor(&mut g, BOOL, &[]);
    m.operator(&mut g, Code::LESS, &[n, three], &[goes_on], Of::NONE);
    m.graph(g, &[n, a], &[goes_on]);
    let mut g = Graph::default();
    let (n, a) = (m.tensor(&mut g, INT, &[]), m.tensor(&mut g, INT, &[2]));
    let (next, twice) = (m.tensor(&mut g, INT, &[]), m.tensor(&mut g, INT, &[4]));
    let one = m.constant(&mut g, &[], &[1]);
    m.operator(&mut g, Code::ADD, &[n, one], &[next], Of::NONE);
    m.operator(&mut g, Code::CONCATENATION, &[a, a], &[twice], Of::NONE);
    m.graph(g, &[n, a], &[next, twice]);
    let file = m.finish();
    let mut memory = arena(1 << 16);
    let mut session =
        Session::new(Model::check(&file).expect("a model"), kernels::ALL, &mut memory).expect("a session");
    for _ in 0..2 {
        session.invoke().expect("an invocation");
        assert_eq!(session.output::<i32>(0), Ok(&[1, 2].repeat(8)[..]));
    }
}

/// `y = a + b - b`, where the sum is a composite that graph 1 stands for.
#[test]
fn a_composite_runs_its_decomposition() {
    let mut m = Models::new();
    let mut g = Graph::default();
    let [a, b, sum, y] = [(); 4].map(|()| m.tensor(&mut g, INT, &[2]));
    m.operator(&mut g, Code::STABLEHLO_COMPOSITE, &[a, b], &[sum], Of::NONE);
    let composite =
        table!(StableHLOCompositeOptionsT { name: Some("some.sum".into()), decomposition_subgraph_index: 1 });
    g.options_2(Of2::StableHLOCompositeOptions(Box::new(composite)));
    m.operator(&mut g, Code::SUB, &[sum, b], &[y], Of::NONE);
    m.graph(g, &[a, b], &[y, sum]);
    binary(&mut m, Code::ADD);
    let file = m.finish();
    let mut memory = arena(1 << 16);
    let mut session =
        Session::new(Model::check(&file).expect("a model"), kernels::ALL, &mut memory).expect("a session");
    session.set_input(0, &[5i32, 7]).expect("an input");
    session.set_input(1, &[10i32, 20]).expect("an input");
    session.invoke().expect("an invocation");
    assert_eq!(session.output::<i32>(1), Ok(&[15, 27][..]));
    assert_eq!(session.output::<i32>(0), Ok(&[5, 7][..]));
}
