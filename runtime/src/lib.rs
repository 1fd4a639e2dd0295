//! Sedge's interpreter: runs a checked model in memory that the caller gives. No heap, no panic,
//! no `unsafe` (vector instructions live in `sedge-simd`).
//!
//! Data goes one way:
//!
//! ```text
//! &[u8] --Model::check--> Model --Session::new--> plan, prepared kernels --invoke--> outputs
//! ```
//!
//! [`Session::new`] does, once, everything that does not depend on the inputs' values: it asks each
//! operator's kernel for its output shapes and its prepared data ([`kernels`]), works out when each
//! tensor lives and where it lies so that no two live ones overlap ([`plan`]), proves that, and lays
//! all of it into the arena ([`arena`]). [`Session::invoke`] then only runs kernels.
//!
//! Which kernels are linked is the caller's choice: a [`Resolver`] names them ([`op_set!`]), and what
//! it does not name is not in the binary.
//!
//! ```
//! use sedge_runtime::{Model, Resolver, Session, op_set};
//!
//! fn run(file: &[u8], arena: &mut [u8], sample: &[i8]) -> Result<i8, sedge_runtime::Error> {
//!     let model = Model::check(file)?;
//!     let mut session = Session::new(model, op_set![Conv2d, FullyConnected, Softmax], arena)?;
//!     session.input_mut::<i8>(0)?.copy_from_slice(sample);
//!     session.invoke()?;
//!     Ok(session.output::<i8>(0)?[0])
//! }
//! ```

#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "std", test))]
extern crate std;

pub mod arena;
pub mod compiled;
pub mod element;
mod error;
pub mod fixed;
mod heap;
pub mod kernels;
mod node;
pub mod plan;
mod profile;
mod resolver;
mod session;
mod slices;
mod threads;

pub use element::Element;
pub use error::Error;
pub use node::{Affine, Binary, Invoke, Prepare, Unary};
pub use profile::{Observer, Step};
pub use resolver::{Kernel, Resolver};
pub use sedge_schema::{self as schema, BuiltinOperator, Model, Refusal, Shape, Slot, TensorType};
pub use sedge_simd::Level;
pub use session::{Memory, Options, Progress, Session, Several, Tenant, Weights};
