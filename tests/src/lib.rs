//! What tests of several crates share.

/// A table of the schema with these fields, all others having the schema's defaults or what
/// `..base` has. (The generated types leave room for more fields, so other crates cannot write
/// them out as structures.)
#[macro_export]
macro_rules! table {
    (@value $field:ident) => { $field };
    (@value $field:ident $value:expr) => { $value };
    ($name:ident { $($field:ident $(: $value:expr)?,)* ..$base:expr }) => {{
        let mut table: $name = $base;
        $(table.$field = $crate::table!(@value $field $($value)?);)*
        table
    }};
    ($name:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        $crate::table!($name { $($field $(: $value)?,)* ..$name::default() })
    };
}

pub mod agree;
pub mod arrays;
pub mod case;
pub mod choices;
pub mod data;
pub mod graphs;
pub mod naive;
pub mod random;
pub mod run;
pub mod samples;
pub mod suite;
pub mod table;
pub mod walk;
