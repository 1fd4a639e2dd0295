//! `include_model!`: a `.tflite` model compiled into the program.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro::{Literal, Span, TokenStream, TokenTree};

/// Puts the model in a `.tflite` file into the program, planned and prepared while that is compiled: the device neither
/// reads the file nor plans, only the kernels of the model's operators are linked, and weights lie in flash.
///
/// The file is looked for beside the source file, as `include_bytes!` does. The macro makes items, so it stands in a
/// module of its own: `ARENA_SIZE`, the bytes that the model runs in, exactly; `Arena`, memory of that size; and `Model`,
/// with the inputs and outputs as arrays of their elements. A file that is no model, or one that cannot run, is a compile
/// error that tells the place in it.
///
/// ```
/// mod sine {
///     sedge_macros::include_model!("../../../tests/data/sine/sine_int8_tf.tflite");
/// }
///
/// let mut arena = sedge_runtime::arena::Aligned([0; sine::ARENA_SIZE]);
/// let mut model = sine::Model::new(&mut arena);
/// *model.input() = [0];
/// model.invoke()?;
/// // A bit more than half a turn: the sine is nearly 0.
/// assert!(model.output()[0].abs() <= 4);
/// # Ok::<(), sedge_runtime::Error>(())
/// ```
///
/// With `fast = BYTES` behind the path the model runs in two regions of memory: `Fast`, of at most so many bytes (`FAST_SIZE`), holds
/// the tensors with the most traffic, `Arena` the others; `Model::new` takes both.
///
/// ```
/// mod digits {
///     sedge_macros::include_model!("../../../tests/data/digits/digits_int8_tf.tflite", fast = 1024);
/// }
///
/// let mut fast = sedge_runtime::arena::Aligned([0; digits::FAST_SIZE]);
/// let mut arena = sedge_runtime::arena::Aligned([0; digits::ARENA_SIZE]);
/// let mut model = digits::Model::new(&mut fast, &mut arena);
/// model.invoke()?;
/// # Ok::<(), sedge_runtime::Error>(())
/// ```
///
/// Models whose operators call subgraphs (IF, WHILE), or whose shapes depend on computed values, need a
/// `sedge_runtime::Session` on the device.
///
/// ```compile_fail
/// sedge_macros::include_model!("lib.rs");
/// ```
#[proc_macro]
pub fn include_model(input: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let span = tokens.first().map_or_else(Span::call_site, TokenTree::span);
    expand(&tokens).unwrap_or_else(|message| error(&message, span))
}

fn expand(tokens: &[TokenTree]) -> Result<TokenStream, String> {
    let (path, fast) = match tokens {
        [TokenTree::Literal(literal)] => (string(literal), None),
        [TokenTree::Literal(literal), rest @ ..] => (string(literal), Some(fast(rest)?)),
        _ => (None, None),
    };
    let path = path.ok_or("the path of a .tflite file in quotes is wanted here")?;
    let path = beside_source(Path::new(&path));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let compiled =
        sedge_compile::compile(&file, &name, fast).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut tokens: TokenStream = compiled.source.parse().map_err(|e| format!("{}: {e}", path.display()))?;
    // So that the program is compiled again when the file changes.
    let watched = format!("const _: &[u8] = include_bytes!({:?});", path.display().to_string());
    tokens.extend(watched.parse::<TokenStream>().map_err(|e| e.to_string())?);
    Ok(tokens)
}

/// The bytes of `, fast = BYTES`.
fn fast(tokens: &[TokenTree]) -> Result<usize, String> {
    let bytes = match tokens {
        [
            TokenTree::Punct(comma),
            TokenTree::Ident(name),
            TokenTree::Punct(equals),
            TokenTree::Literal(bytes),
        ] if comma.as_char() == ',' && name.to_string() == "fast" && equals.as_char() == '=' => {
            bytes.to_string().replace('_', "").parse().ok()
        }
        _ => None,
    };
    bytes.ok_or("behind the path, `fast = BYTES` is what can stand".to_owned())
}

/// The path, from the folder of the source file on.
fn beside_source(path: &Path) -> PathBuf {
    let source = Span::call_site().local_file();
    let joined = source.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

/// The text of a string literal without escapes.
fn string(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains('\\')).then(|| inside.to_owned())
}

/// A compile error at `span`.
fn error(message: &str, span: Span) -> TokenStream {
    let error: TokenStream = format!("compile_error!({message:?});").parse().expect("these are Rust tokens");
    error
        .into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}
