//! Element types of tensors.

macro_rules! tensor_types {
    ($($(#[$doc:meta])* $variant:ident $name:literal $bits:literal,)*) => {
        /// The element type of a tensor (`TensorType` of the schema).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(u8)]
        pub enum TensorType { $($(#[$doc])* $variant,)* }

        impl TensorType {
            /// Every type, so that `ALL[code]` is the type with that code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that users know, such as `int8`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits of one element; 0 where an element has no fixed size.
            pub fn bits(self) -> usize {
                match self { $(Self::$variant => $bits,)* }
            }
        }
    };
}

tensor_types! {
    /// IEEE 754 binary32.
    Float32 "float32" 32,
    /// IEEE 754 binary16.
    Float16 "float16" 16,
    /// Two's complement, 32 bits.
    Int32 "int32" 32,
    /// Unsigned, 8 bits.
    UInt8 "uint8" 8,
    /// Two's complement, 64 bits.
    Int64 "int64" 64,
    /// Byte strings of any length.
    String "string" 0,
    /// One byte, 0 or 1.
    Bool "bool" 8,
    /// Two's complement, 16 bits.
    Int16 "int16" 16,
    /// Two float32: real, imaginary.
    Complex64 "complex64" 64,
    /// Two's complement, 8 bits.
    Int8 "int8" 8,
    /// IEEE 754 binary64.
    Float64 "float64" 64,
    /// Two float64: real, imaginary.
    Complex128 "complex128" 128,
    /// Unsigned, 64 bits.
    UInt64 "uint64" 64,
    /// A handle of a variable.
    Resource "resource" 32,
    /// A handle of a value of any type.
    Variant "variant" 0,
    /// Unsigned, 32 bits.
    UInt32 "uint32" 32,
    /// Unsigned, 16 bits.
    UInt16 "uint16" 16,
    /// Two's complement, 4 bits, the first of two in the low half of a byte.
    Int4 "int4" 4,
    /// The upper half of a float32.
    BFloat16 "bfloat16" 16,
    /// Two's complement, 2 bits, the first of four in the lowest bits of a byte.
    Int2 "int2" 2,
    /// Unsigned, 4 bits, the first of two in the low half of a byte.
    UInt4 "uint4" 4,
    /// 8-bit float with 4 exponent bits, finite values only.
    Float8E4M3Fn "float8_e4m3fn" 8,
    /// 8-bit float with 5 exponent bits.
    Float8E5M2 "float8_e5m2" 8,
}

impl TensorType {
    /// The type with this code, or `None` where the schema has none.
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The number that stands in the file.
    pub fn code(self) -> i8 {
        self as i8
    }

    /// Bytes of `elements` elements, `ceil(elements * bits / 8)`; `None` where that overflows.
    pub fn bytes(self, elements: usize) -> Option<usize> {
        let bits = self.bits();
        if bits >= 8 { elements.checked_mul(bits / 8) } else { Some(elements.checked_mul(bits)?.div_ceil(8)) }
    }

    /// The smallest and largest value, for the integer types of up to 32 bits.
    pub fn integer_range(self) -> Option<(i32, i32)> {
        Some(match self {
            Self::Int2 => (-2, 1),
            Self::Int4 => (-8, 7),
            Self::UInt4 => (0, 15),
            Self::Int8 => (i8::MIN.into(), i8::MAX.into()),
            Self::UInt8 => (0, u8::MAX.into()),
            Self::Int16 => (i16::MIN.into(), i16::MAX.into()),
            Self::UInt16 => (0, u16::MAX.into()),
            Self::Int32 => (i32::MIN, i32::MAX),
            _ => return None,
        })
    }
}

impl core::fmt::Display for TensorType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
