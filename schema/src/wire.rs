//! A bounds-checked reader of FlatBuffers over `&[u8]`.
//!
//! Reading has two faces over the same code. While a model is checked, the `try_` functions report
//! what lies outside the file. Afterwards the plain accessors read the same bytes, and what cannot
//! happen any more reads as absent, so that no accessor can fail or panic.
//!
//! The layout (all little-endian): a table starts with an `i32` that is subtracted from its
//! position to give its vtable; a vtable is `u16 size, u16 table size, u16 offset per slot`, an
//! offset of 0 meaning absent; vectors are a `u32` length and the elements; references are `u32`
//! offsets forward from where they stand. Source: the FlatBuffers internals document.

use core::marker::PhantomData;

use crate::error::Fault;

/// A fixed-size little-endian number.
pub trait Scalar: Copy + Default + PartialEq {
    /// Its bytes in the file.
    const BYTES: usize;

    /// Reads it from the start of `bytes`; 0 where there are too few.
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! scalars {
    ($($t:ty),*) => {$(
        impl Scalar for $t {
            const BYTES: usize = size_of::<$t>();

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(Self::default(), |b| Self::from_le_bytes(*b))
            }
        }
    )*};
}
scalars!(u8, i8, u16, i32, u32, u64, i64, f32);

impl Scalar for bool {
    const BYTES: usize = 1;

    fn read(bytes: &[u8]) -> Self {
        bytes.first().is_some_and(|&b| b != 0)
    }
}

/// The bytes that a check may still read. It bounds the time of a check by the file's length even
/// where a hostile file lets many references point at the same bytes.
pub(crate) struct Work {
    left: u64,
}

impl Work {
    /// A check may read each byte this many times over. Honest files share vtables and sometimes
    /// strings; their tables are larger than what they share.
    const READS_PER_BYTE: u64 = 8;

    pub(crate) fn for_file(file: &[u8]) -> Self {
        Self { left: (file.len() as u64).saturating_mul(Self::READS_PER_BYTE) }
    }

    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes as u64).ok_or(Fault::Overlapping)?;
        Ok(())
    }
}

fn truncated(at: usize) -> Fault {
    Fault::Truncated(u32::try_from(at).unwrap_or(u32::MAX))
}

fn try_read<T: Scalar>(file: &[u8], at: usize) -> Result<T, Fault> {
    let end = at.checked_add(T::BYTES).ok_or(truncated(at))?;
    file.get(at..end).map(T::read).ok_or(truncated(at))
}

/// The position that the reference standing at `at` leads to.
fn try_follow(file: &[u8], at: usize) -> Result<usize, Fault> {
    let offset: u32 = try_read(file, at)?;
    at.checked_add(offset as usize).ok_or(truncated(at))
}

/// A table of the file: its fields lie in numbered slots, any of which may be absent.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    file: &'a [u8],
    at: usize,
    /// The offsets of the slots, two bytes each.
    slots: &'a [u8],
    size: u16,
}

impl<'a> Table<'a> {
    pub(crate) fn root(file: &'a [u8]) -> Result<Self, Fault> {
        Self::try_at(file, try_follow(file, 0)?)
    }

    fn try_at(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        let back: i32 = try_read(file, at)?;
        let vtable = i64::try_from(at).ok().map(|at| at - i64::from(back));
        let vtable = vtable.and_then(|v| usize::try_from(v).ok()).ok_or(truncated(at))?;
        let vtable_size: u16 = try_read(file, vtable)?;
        let size: u16 = try_read(file, vtable.saturating_add(2))?;
        let slots = file
            .get(vtable.saturating_add(4)..vtable.saturating_add(vtable_size.into()))
            .ok_or(truncated(vtable))?;
        // The table itself, from its first byte (the reference to the vtable) to its last.
        let fits = size >= 4 && at.checked_add(size.into()).is_some_and(|end| end <= file.len());
        if fits { Ok(Self { file, at, slots, size }) } else { Err(truncated(at)) }
    }

    /// Bytes that a check of this table reads.
    fn work(&self) -> usize {
        self.slots.len() + usize::from(self.size)
    }

    /// The position of a field of `width` bytes; `None` where the slot is absent.
    #[inline]
    fn try_field(&self, slot: usize, width: usize) -> Result<Option<usize>, Fault> {
        let offset: u16 = self.slots.get(2 * slot..).map_or(0, Scalar::read);
        if offset == 0 {
            return Ok(None);
        }
        let end = usize::from(offset) + width;
        if end <= self.size.into() {
            Ok(Some(self.at + usize::from(offset)))
        } else {
            Err(truncated(self.at))
        }
    }

    /// Whether the field in `slot` is there.
    pub fn has(&self, slot: usize) -> bool {
        matches!(self.try_field(slot, 1), Ok(Some(_)))
    }

    pub(crate) fn try_get<T: Field<'a>>(&self, slot: usize) -> Result<Option<T>, Fault> {
        match self.try_field(slot, T::WIDTH)? {
            Some(at) => T::try_read(self.file, at).map(Some),
            None => Ok(None),
        }
    }

    /// The field in `slot`, or `default` where it is absent.
    pub fn get_or<T: Field<'a>>(&self, slot: usize, default: T) -> T {
        self.get(slot).unwrap_or(default)
    }

    /// The field in `slot`, or `None` where it is absent.
    pub fn get<T: Field<'a>>(&self, slot: usize) -> Option<T> {
        self.try_get(slot).ok().flatten()
    }
}

impl core::fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "table at byte {}", self.at)
    }
}

/// What a slot of a table can hold.
pub trait Field<'a>: Sized {
    /// Bytes that it takes in the table itself.
    const WIDTH: usize;

    /// Reads it from where it stands in the file.
    fn try_read(file: &'a [u8], at: usize) -> Result<Self, Fault>;
}

impl<'a, T: Scalar> Field<'a> for T {
    const WIDTH: usize = T::BYTES;

    #[inline]
    fn try_read(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        try_read(file, at)
    }
}

/// A vector of numbers.
#[derive(Clone, Copy)]
pub struct Vector<'a, T> {
    bytes: &'a [u8],
    element: PhantomData<T>,
}

impl<'a, T: Scalar> Vector<'a, T> {
    /// A vector without elements, as an absent one reads.
    pub const EMPTY: Self = Self { bytes: &[], element: PhantomData };

    /// The numbers in these bytes, little-endian.
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, element: PhantomData }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / T::BYTES
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Element `i`; `None` beyond the end.
    #[inline]
    pub fn get(&self, i: usize) -> Option<T> {
        let start = i.checked_mul(T::BYTES)?;
        self.bytes.get(start..start.checked_add(T::BYTES)?).map(T::read)
    }

    /// The elements in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone + use<'a, T> {
        self.bytes.chunks_exact(T::BYTES).map(T::read)
    }

    /// The elements' bytes as they lie in the file, little-endian.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<T: Scalar> Default for Vector<'_, T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T: Scalar + core::fmt::Debug> core::fmt::Debug for Vector<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The length of the vector that the reference at `at` leads to, and where its elements start.
fn try_vector(file: &[u8], at: usize) -> Result<(usize, usize), Fault> {
    let at = try_follow(file, at)?;
    let len: u32 = try_read(file, at)?;
    Ok((len as usize, at + 4))
}

impl<'a, T: Scalar> Field<'a> for Vector<'a, T> {
    const WIDTH: usize = 4;

    #[inline]
    fn try_read(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        let (len, start) = try_vector(file, at)?;
        let end = len.checked_mul(T::BYTES).and_then(|n| start.checked_add(n)).ok_or(truncated(start))?;
        let bytes = file.get(start..end).ok_or(truncated(start))?;
        Ok(Self { bytes, element: PhantomData })
    }
}

/// A string of the file. The format asks for UTF-8, files do not always keep to it: what is not
/// UTF-8 reads as the part before it.
#[derive(Clone, Copy, Default)]
pub struct Text<'a>(Vector<'a, u8>);

impl<'a> Text<'a> {
    /// The text up to the first byte that is not UTF-8.
    pub fn as_str(&self) -> &'a str {
        let bytes = self.0.bytes;
        core::str::from_utf8(bytes)
            .or_else(|e| core::str::from_utf8(bytes.get(..e.valid_up_to()).unwrap_or_default()))
            .unwrap_or_default()
    }

    /// The bytes as they lie in the file.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0.bytes
    }
}

impl core::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<'a> Field<'a> for Text<'a> {
    const WIDTH: usize = 4;

    fn try_read(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        Vector::try_read(file, at).map(Self)
    }
}

impl<'a> Field<'a> for Table<'a> {
    const WIDTH: usize = 4;

    #[inline]
    fn try_read(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        Self::try_at(file, try_follow(file, at)?)
    }
}

/// A typed view of a table, made by [`views!`].
pub trait View<'a>: Copy {
    /// The view of `table`.
    fn of(table: Table<'a>) -> Self;
}

/// A vector of tables.
#[derive(Clone, Copy)]
pub struct Tables<'a, V> {
    file: &'a [u8],
    at: usize,
    len: usize,
    view: PhantomData<V>,
}

impl<'a, V: View<'a>> Tables<'a, V> {
    /// The number of tables.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Table `i`; `None` beyond the end.
    #[inline]
    pub fn get(&self, i: usize) -> Option<V> {
        (i < self.len).then(|| Table::try_read(self.file, self.at + 4 * i).map(V::of).ok()).flatten()
    }

    /// The tables in order.
    pub fn iter(&self) -> impl Iterator<Item = V> + use<'a, V> {
        let tables = *self;
        (0..self.len).map_while(move |i| tables.get(i))
    }
}

impl<'a, V> Field<'a> for Tables<'a, V> {
    const WIDTH: usize = 4;

    fn try_read(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        let (len, at) = try_vector(file, at)?;
        let fits = len.checked_mul(4).and_then(|n| at.checked_add(n)).is_some_and(|end| end <= file.len());
        if fits { Ok(Self { file, at, len, view: PhantomData }) } else { Err(truncated(at)) }
    }
}

impl<V> Default for Tables<'_, V> {
    fn default() -> Self {
        Self { file: &[], at: 0, len: 0, view: PhantomData }
    }
}

impl<'a, V: View<'a> + core::fmt::Debug> core::fmt::Debug for Tables<'a, V> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Checks the field in a slot and all that it refers to.
pub(crate) trait CheckField<'a>: Field<'a> {
    fn check(&self, _work: &mut Work) -> Result<(), Fault> {
        Ok(())
    }
}

impl<'a, T: Scalar> CheckField<'a> for T {}

impl<'a, T: Scalar> CheckField<'a> for Vector<'a, T> {
    fn check(&self, _work: &mut Work) -> Result<(), Fault> {
        // Nothing in a vector of numbers is looked at here; whoever reads its elements pays.
        Ok(())
    }
}

impl<'a> CheckField<'a> for Text<'a> {}

impl<'a> CheckField<'a> for Table<'a> {
    fn check(&self, work: &mut Work) -> Result<(), Fault> {
        work.spend(self.work())
    }
}

/// Checks every field of a view, and all that it refers to.
pub(crate) trait CheckView<'a>: View<'a> {
    fn check_fields(&self, work: &mut Work) -> Result<(), Fault>;
}

impl<'a, V: CheckView<'a>> CheckField<'a> for Tables<'a, V> {
    fn check(&self, work: &mut Work) -> Result<(), Fault> {
        for i in 0..self.len {
            work.spend(4)?;
            let table = Table::try_read(self.file, self.at + 4 * i)?;
            table.check(work)?;
            V::of(table).check_fields(work)?;
        }
        Ok(())
    }
}

pub(crate) fn check_slot<'a, T: CheckField<'a>>(
    table: &Table<'a>,
    slot: usize,
    work: &mut Work,
) -> Result<(), Fault> {
    match table.try_get::<T>(slot)? {
        Some(value) => value.check(work),
        None => Ok(()),
    }
}

/// Declares typed views of tables: for each field its documentation, slot, name, type and, for
/// numbers, the value that stands for an absent one.
macro_rules! views {
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $slot:literal $vis:vis $field:ident: $kind:ty $(= $default:expr)?;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a>(pub(crate) $crate::wire::Table<'a>);

        impl<'a> $name<'a> {$(
            $(#[$field_doc])*
            #[inline]
            $vis fn $field(&self) -> $kind {
                self.0.get($slot).unwrap_or($crate::wire::views!(@default $($default)?))
            }
        )*}

        impl<'a> $crate::wire::View<'a> for $name<'a> {
            fn of(table: $crate::wire::Table<'a>) -> Self {
                Self(table)
            }
        }

        impl<'a> $crate::wire::CheckView<'a> for $name<'a> {
            #[allow(unused_variables)]
            fn check_fields(&self, work: &mut $crate::wire::Work) -> Result<(), $crate::Fault> {
                $($crate::wire::check_slot::<$kind>(&self.0, $slot, work)?;)*
                Ok(())
            }
        }

        impl<'a> $crate::wire::Field<'a> for Option<$name<'a>> {
            const WIDTH: usize = 4;

            fn try_read(file: &'a [u8], at: usize) -> Result<Self, $crate::Fault> {
                <$crate::wire::Table<'a> as $crate::wire::Field<'a>>::try_read(file, at).map(|t| Some($name(t)))
            }
        }

        impl<'a> $crate::wire::CheckField<'a> for Option<$name<'a>> {
            fn check(&self, work: &mut $crate::wire::Work) -> Result<(), $crate::Fault> {
                use $crate::wire::CheckView as _;
                match self {
                    Some(view) => {
                        view.0.check(work)?;
                        view.check_fields(work)
                    }
                    None => Ok(()),
                }
            }
        }
    )*};
}
pub(crate) use views;
