//! Element types of tensors as Rust types.

use sedge_schema::TensorType;

/// A Rust type that holds elements of a tensor.
pub trait Element: bytemuck::Pod {
    /// The element type that it stands for first.
    const TYPE: TensorType;

    /// Whether a tensor of this type can be read as a slice of `Self`.
    fn holds(tensor_type: TensorType) -> bool {
        tensor_type == Self::TYPE
    }
}

macro_rules! elements {
    ($($t:ty: $variant:ident $(or $($other:ident),*)?;)*) => {$(
        impl Element for $t {
            const TYPE: TensorType = TensorType::$variant;

            $(fn holds(tensor_type: TensorType) -> bool {
                matches!(tensor_type, TensorType::$variant $(| TensorType::$other)*)
            })?
        }
    )*};
}

// Half-precision and packed types are read as the bits that hold them.
elements! {
    i8: Int8;
    u8: UInt8 or Bool, Int4, Int2, UInt4, Float8E4M3Fn, Float8E5M2;
    i16: Int16;
    u16: UInt16 or Float16, BFloat16;
    i32: Int32 or Resource;
    u32: UInt32;
    i64: Int64;
    u64: UInt64;
    f32: Float32 or Complex64;
    f64: Float64 or Complex128;
}

/// Bytes that the address of an element of this type must be a multiple of.
pub(crate) fn alignment(tensor_type: TensorType) -> usize {
    match tensor_type {
        TensorType::Complex64 => 4,
        TensorType::Complex128 => 8,
        other => (other.bits() / 8).max(1),
    }
}
