//! Parameters of operators as they stand in the file.

use crate::TensorType;
use crate::error::Fault;
use crate::shape::MAX_RANK;
use crate::wire::{Table, Vector};

#[cfg(feature = "write")]
use flatbuffers::{FlatBufferBuilder, VOffsetT, WIPOffset};

/// A value that can be a parameter: a number, an enumeration or a short list.
pub trait Param: Copy + PartialEq {
    /// Checks the parameter in `slot`.
    ///
    /// # Errors
    /// Where it reaches outside the file or is no member of its enumeration.
    fn check(table: &Table<'_>, slot: usize) -> Result<(), Fault>;

    /// Reads the parameter in `slot`, which was checked.
    fn read(table: &Table<'_>, slot: usize, default: Self) -> Self;

    /// What is pushed into the table: the value, or a reference to what was written before it.
    #[cfg(feature = "write")]
    type Staged;

    /// Writes what must stand before the table.
    #[cfg(feature = "write")]
    fn stage(self, builder: &mut FlatBufferBuilder<'_>) -> Self::Staged;

    /// Writes the parameter into `slot` of the table that is being built.
    #[cfg(feature = "write")]
    fn push(staged: Self::Staged, builder: &mut FlatBufferBuilder<'_>, slot: usize, default: Self);
}

/// Where the offset of `slot` stands in a vtable.
#[cfg(feature = "write")]
fn vtable_offset(slot: usize) -> VOffsetT {
    4 + 2 * slot as VOffsetT
}

macro_rules! number_params {
    ($($t:ty),*) => {$(
        impl Param for $t {
            fn check(table: &Table<'_>, slot: usize) -> Result<(), Fault> {
                table.try_get::<$t>(slot).map(|_| ())
            }

            fn read(table: &Table<'_>, slot: usize, default: Self) -> Self {
                table.get_or(slot, default)
            }

            #[cfg(feature = "write")]
            type Staged = $t;

            #[cfg(feature = "write")]
            fn stage(self, _builder: &mut FlatBufferBuilder<'_>) -> $t {
                self
            }

            #[cfg(feature = "write")]
            fn push(staged: $t, builder: &mut FlatBufferBuilder<'_>, slot: usize, default: Self) {
                builder.push_slot(vtable_offset(slot), staged, default);
            }
        }
    )*};
}
number_params!(i32, f32, bool);

/// Parameters that are enumerations, stored as a number of the given type.
macro_rules! enum_params {
    ($($name:ident($t:ty): $from:expr;)*) => {$(
        impl Param for $name {
            fn check(table: &Table<'_>, slot: usize) -> Result<(), Fault> {
                match table.try_get::<$t>(slot)? {
                    Some(code) if $from(code).is_none() => Err(Fault::Enum(code.into())),
                    _ => Ok(()),
                }
            }

            fn read(table: &Table<'_>, slot: usize, default: Self) -> Self {
                table.get::<$t>(slot).and_then($from).unwrap_or(default)
            }

            #[cfg(feature = "write")]
            type Staged = $t;

            #[cfg(feature = "write")]
            fn stage(self, _builder: &mut FlatBufferBuilder<'_>) -> $t {
                self as $t
            }

            #[cfg(feature = "write")]
            fn push(staged: $t, builder: &mut FlatBufferBuilder<'_>, slot: usize, default: Self) {
                builder.push_slot(vtable_offset(slot), staged, default as $t);
            }
        }
    )*};
}
enum_params! {
    Padding(i8): Padding::from_code;
    Activation(i8): Activation::from_code;
    TensorType(i8): TensorType::from_code;
    WeightsFormat(i8): WeightsFormat::from_code;
    LstmKernel(i8): LstmKernel::from_code;
    MirrorMode(i8): MirrorMode::from_code;
    WindowFunction(i32): WindowFunction::from_code;
}

/// How the weights of a FULLY_CONNECTED are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WeightsFormat {
    /// Row by row.
    Default,
    /// In blocks of 4 by 16, for one processor's kernel.
    Shuffled4x16Int8,
}

impl WeightsFormat {
    fn from_code(code: i8) -> Option<Self> {
        [Self::Default, Self::Shuffled4x16Int8].get(usize::try_from(code).ok()?).copied()
    }
}

/// Which inputs an LSTM has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LstmKernel {
    /// Weights for each gate, and optionally peepholes, projection and layer normalization.
    Full,
    /// The gates' weights in one matrix.
    Basic,
}

impl LstmKernel {
    fn from_code(code: i8) -> Option<Self> {
        [Self::Full, Self::Basic].get(usize::try_from(code).ok()?).copied()
    }
}

/// Which cells MIRROR_PAD mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MirrorMode {
    /// Those inside the outermost ones: `2 1 | 0 1 2 | 1 0`.
    Reflect,
    /// All: `1 0 | 0 1 2 | 2 1`.
    Symmetric,
}

impl MirrorMode {
    fn from_code(code: i8) -> Option<Self> {
        [Self::Reflect, Self::Symmetric].get(usize::try_from(code).ok()?).copied()
    }
}

/// How REDUCE_WINDOW makes one element of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WindowFunction {
    /// None that the format has a name for.
    Unsupported,
    /// `a + b`.
    Add,
    /// `a * b`.
    Mul,
    /// The lesser.
    Minimum,
    /// The greater.
    Maximum,
    /// 1 where both are not 0, else 0.
    All,
    /// 1 where either is not 0, else 0.
    Any,
}

impl WindowFunction {
    /// The function with this code in the format.
    pub fn from_code(code: i32) -> Option<Self> {
        use WindowFunction::{Add, All, Any, Maximum, Minimum, Mul, Unsupported};
        let all = [Unsupported, Add, Mul, Minimum, Maximum, All, Any];
        all.get(usize::try_from(code).ok()?).copied()
    }
}

/// How a window moves over an image's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Padding {
    /// As many positions as the stride fits into the image: `ceil(size / stride)`, the image
    /// padded on both sides, the odd cell at the end.
    Same,
    /// Only positions that lie wholly inside the image.
    Valid,
}

impl Padding {
    fn from_code(code: i8) -> Option<Self> {
        [Self::Same, Self::Valid].get(usize::try_from(code).ok()?).copied()
    }
}

/// A function that an operator applies to its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Activation {
    /// `x`.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, -1), 1)`.
    ReluN1To1,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `tanh(x)`.
    Tanh,
    /// 1 where the sign bit is set.
    SignBit,
}

impl Activation {
    fn from_code(code: i8) -> Option<Self> {
        let all = [Self::None, Self::Relu, Self::ReluN1To1, Self::Relu6, Self::Tanh, Self::SignBit];
        all.get(usize::try_from(code).ok()?).copied()
    }

    /// The interval that the function clamps to; `None` for a function that is no clamp.
    pub fn range(self) -> Option<(f32, f32)> {
        match self {
            Self::None => Some((f32::NEG_INFINITY, f32::INFINITY)),
            Self::Relu => Some((0.0, f32::INFINITY)),
            Self::ReluN1To1 => Some((-1.0, 1.0)),
            Self::Relu6 => Some((0.0, 6.0)),
            Self::Tanh | Self::SignBit => None,
        }
    }
}

/// A list of up to [`MAX_RANK`] numbers, such as dimensions.
pub type IntList = List<i32, MAX_RANK>;

/// A list of up to 128 numbers.
pub type FloatList = List<f32, 128>;

/// A list of up to `N` numbers.
#[derive(Clone, Copy)]
pub struct List<T, const N: usize> {
    len: usize,
    values: [T; N],
}

impl<T: Copy + Default, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self { len: 0, values: [T::default(); N] }
    }
}

impl<T: Copy + Default, const N: usize> List<T, N> {
    /// The list of these numbers; `None` where there are more than `N`.
    pub fn new(values: &[T]) -> Option<Self> {
        let mut out = Self { len: values.len(), ..Self::default() };
        out.values.get_mut(..values.len())?.copy_from_slice(values);
        Some(out)
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[T] {
        self.values.get(..self.len).unwrap_or_default()
    }
}

impl<T: Copy + Default + PartialEq, const N: usize> PartialEq for List<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Copy + Default + core::fmt::Debug, const N: usize> core::fmt::Debug for List<T, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.as_slice().fmt(f)
    }
}

macro_rules! list_params {
    ($($t:ty),*) => {$(
        impl<const N: usize> Param for List<$t, N> {
            fn check(table: &Table<'_>, slot: usize) -> Result<(), Fault> {
                match table.try_get::<Vector<'_, $t>>(slot)? {
                    Some(list) if list.len() > N => Err(Fault::ListLength(list.len() as u32)),
                    _ => Ok(()),
                }
            }

            fn read(table: &Table<'_>, slot: usize, default: Self) -> Self {
                let Some(list) = table.get::<Vector<'_, $t>>(slot) else { return default };
                let mut out = Self { len: list.len().min(N), ..Self::default() };
                out.values.iter_mut().zip(list.iter()).for_each(|(v, number)| *v = number);
                out
            }

            #[cfg(feature = "write")]
            type Staged = Option<WIPOffset<flatbuffers::Vector<'static, $t>>>;

            #[cfg(feature = "write")]
            fn stage(self, builder: &mut FlatBufferBuilder<'_>) -> Self::Staged {
                let list = builder.create_vector(self.as_slice());
                (!self.as_slice().is_empty()).then(|| WIPOffset::new(list.value()))
            }

            #[cfg(feature = "write")]
            fn push(staged: Self::Staged, builder: &mut FlatBufferBuilder<'_>, slot: usize, _default: Self) {
                if let Some(list) = staged {
                    builder.push_slot_always(vtable_offset(slot), list);
                }
            }
        }
    )*};
}
list_params!(i32, f32);
