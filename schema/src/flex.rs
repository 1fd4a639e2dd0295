//! A bounds-checked reader of FlexBuffers, in which most custom operators keep their options.
//!
//! ```text
//! bytes --Map::root--> Map --get("key")--> Value --as_int, as_float, as_str, as_map, ...--> number, text
//! ```
//!
//! Nothing is checked beforehand: every step is checked where it is taken, and what lies outside the
//! bytes or is of another kind reads as `None`. Nothing recurses and nothing is allocated.
//!
//! The layout: numbers are little-endian and 1, 2, 4 or 8 bytes wide; references are unsigned distances
//! back from where they stand. A vector is its length, its elements, all of one width, and one byte for
//! each element: the kind in the six upper bits and, for what is referred to, the width's power of two in
//! the lower two. A map is a vector with a reference to its sorted keys, and their width, before the
//! length. The last two bytes of a buffer are the root's kind and the width of the root value before
//! them. Source: the FlexBuffers documents of FlatBuffers.

/// A range of bytes with elements of one width.
#[derive(Clone, Copy, Debug)]
struct Elements<'a> {
    bytes: &'a [u8],
    /// Where the first element starts.
    at: usize,
    width: usize,
    len: usize,
}

/// What a value is, as far as this reader tells kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Int,
    UInt,
    Float,
    Bool,
    Key,
    String,
    Map,
    Vector,
    /// A vector whose elements all have one kind.
    Typed(u8),
    /// As [`Kind::Typed`], of this many elements, with no length before them.
    Fixed(u8, u8),
    Blob,
}

const INT: u8 = 1;
const UINT: u8 = 2;
const FLOAT: u8 = 3;
const KEY: u8 = 4;
const BOOL: u8 = 26;

impl Kind {
    /// The kind, and whether the value is referred to and not in its place itself.
    fn of(code: u8) -> Option<(Self, bool)> {
        Some(match code {
            0 => (Self::Null, false),
            INT => (Self::Int, false),
            UINT => (Self::UInt, false),
            FLOAT => (Self::Float, false),
            BOOL => (Self::Bool, false),
            KEY => (Self::Key, true),
            5 => (Self::String, true),
            6 => (Self::Int, true),
            7 => (Self::UInt, true),
            8 => (Self::Float, true),
            9 => (Self::Map, true),
            10 => (Self::Vector, true),
            11..=14 => (Self::Typed(code - 10), true),
            16..=24 => (Self::Fixed((code - 16) % 3 + INT, (code - 16) / 3 + 2), true),
            25 => (Self::Blob, true),
            36 => (Self::Typed(BOOL), true),
            _ => return None,
        })
    }
}

fn unsigned(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    let mut wide = [0; 8];
    wide.get_mut(..width)?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(wide))
}

/// Where the reference at `at` leads.
fn follow(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    at.checked_sub(usize::try_from(unsigned(bytes, at, width)?).ok()?)
}

impl<'a> Elements<'a> {
    /// The elements from `at` on, whose number stands before them.
    fn counted(bytes: &'a [u8], at: usize, width: usize) -> Option<Self> {
        let len = usize::try_from(unsigned(bytes, at.checked_sub(width)?, width)?).ok()?;
        Self::fixed(bytes, at, width, len)
    }

    fn fixed(bytes: &'a [u8], at: usize, width: usize, len: usize) -> Option<Self> {
        let end = len.checked_mul(width)?.checked_add(at)?;
        (end <= bytes.len()).then_some(Self { bytes, at, width, len })
    }

    fn position(&self, i: usize) -> Option<usize> {
        (i < self.len).then(|| self.at + i * self.width)
    }
}

/// A value: a number, a text, a vector or a map.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    bytes: &'a [u8],
    kind: Kind,
    at: usize,
    width: usize,
}

impl<'a> Value<'a> {
    /// The root of a buffer.
    pub fn root(bytes: &'a [u8]) -> Option<Self> {
        let (&[kind, width], rest) = bytes.split_last_chunk::<2>().map(|(rest, last)| (last, rest))?;
        let width = usize::from(width);
        if !matches!(width, 1 | 2 | 4 | 8) {
            return None;
        }
        Self::of(bytes, kind, rest.len().checked_sub(width)?, width)
    }

    /// The value at `at`, in its place or referred to from there.
    fn of(bytes: &'a [u8], packed: u8, at: usize, width: usize) -> Option<Self> {
        let (kind, indirect) = Kind::of(packed >> 2)?;
        let (at, width) = match indirect {
            true => (follow(bytes, at, width)?, 1 << (packed & 3)),
            false => (at, width),
        };
        Some(Self { bytes, kind, at, width })
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// An integer; a boolean is 0 or 1.
    pub fn as_int(&self) -> Option<i64> {
        let bits = unsigned(self.bytes, self.at, self.width)?;
        match self.kind {
            Kind::Int => {
                let unused = 64 - 8 * self.width as u32;
                Some((bits << unused) as i64 >> unused)
            }
            Kind::UInt | Kind::Bool => i64::try_from(bits).ok(),
            _ => None,
        }
    }

    /// A floating-point number, or an integer as one.
    pub fn as_float(&self) -> Option<f64> {
        if self.kind != Kind::Float {
            return self.as_int().map(|x| x as f64);
        }
        let bits = unsigned(self.bytes, self.at, self.width)?;
        match self.width {
            4 => Some(f32::from_bits(bits as u32).into()),
            8 => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// A boolean; an integer is true where it is not 0.
    pub fn as_bool(&self) -> Option<bool> {
        self.as_int().map(|x| x != 0)
    }

    /// A text or a key.
    pub fn as_str(&self) -> Option<&'a str> {
        let text = match self.kind {
            Kind::String => self.as_bytes()?,
            Kind::Key => key(self.bytes, self.at)?,
            _ => return None,
        };
        core::str::from_utf8(text).ok()
    }

    /// The bytes of a text or a blob.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        if !matches!(self.kind, Kind::String | Kind::Blob) {
            return None;
        }
        let len =
            usize::try_from(unsigned(self.bytes, self.at.checked_sub(self.width)?, self.width)?).ok()?;
        self.bytes.get(self.at..self.at.checked_add(len)?)
    }

    /// A map.
    pub fn as_map(&self) -> Option<Map<'a>> {
        if self.kind != Kind::Map {
            return None;
        }
        let values = Elements::counted(self.bytes, self.at, self.width)?;
        let keys = self.at.checked_sub(3 * self.width)?;
        let width = unsigned(self.bytes, keys + self.width, self.width)?;
        if !matches!(width, 1 | 2 | 4 | 8) {
            return None;
        }
        let keys = Elements::counted(self.bytes, follow(self.bytes, keys, self.width)?, width as usize)?;
        Some(Map { keys, values: List { elements: values, kind: None } })
    }

    /// A vector of any kind; a map is that of its values.
    pub fn as_list(&self) -> Option<List<'a>> {
        let (kind, elements) = match self.kind {
            Kind::Vector | Kind::Map => (None, Elements::counted(self.bytes, self.at, self.width)?),
            Kind::Typed(kind) => (Some(kind), Elements::counted(self.bytes, self.at, self.width)?),
            Kind::Fixed(kind, len) => {
                (Some(kind), Elements::fixed(self.bytes, self.at, self.width, len.into())?)
            }
            _ => return None,
        };
        Some(List { elements, kind })
    }
}

/// The bytes of a key, which ends at the first 0.
fn key(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    rest.get(..rest.iter().position(|&b| b == 0)?)
}

/// A vector of values.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    elements: Elements<'a>,
    /// The kind of all elements; `None` where each has its own, in the byte after the elements.
    kind: Option<u8>,
}

impl<'a> List<'a> {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.elements.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Value `i`; `None` beyond the end, and where it does not lie within the bytes.
    pub fn get(&self, i: usize) -> Option<Value<'a>> {
        let Elements { bytes, width, .. } = self.elements;
        let at = self.elements.position(i)?;
        let packed = match self.kind {
            Some(kind) => kind << 2,
            None => *bytes.get(self.elements.at + self.elements.len * width + i)?,
        };
        Value::of(bytes, packed, at, width)
    }
}

/// Values by their keys.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    keys: Elements<'a>,
    values: List<'a>,
}

impl<'a> Map<'a> {
    /// A map without values.
    pub const EMPTY: Self = {
        let elements = Elements { bytes: &[], at: 0, width: 1, len: 0 };
        Self { keys: elements, values: List { elements, kind: None } }
    };

    /// The map that is the root of a buffer.
    pub fn root(bytes: &'a [u8]) -> Option<Self> {
        Value::root(bytes)?.as_map()
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Key number `i`, in the order of the keys' bytes.
    pub fn key(&self, i: usize) -> Option<&'a str> {
        let Elements { bytes, width, .. } = self.keys;
        let at = follow(bytes, self.keys.position(i)?, width)?;
        core::str::from_utf8(key(bytes, at)?).ok()
    }

    /// The values, in the order of the keys' bytes.
    pub fn values(&self) -> List<'a> {
        self.values
    }

    /// The value with this key; `None` where there is none.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let Elements { bytes, width, .. } = self.keys;
        let is_key = |at: usize| {
            let rest = bytes.get(at..)?.strip_prefix(name.as_bytes())?;
            (rest.first() == Some(&0)).then_some(())
        };
        let position = |i| follow(bytes, self.keys.position(i)?, width);
        let i = (0..self.len()).find(|&i| position(i).and_then(is_key).is_some())?;
        self.values.get(i)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{Map, Value};

    // Written by `flatbuffers.flexbuffers` of Python from the dictionary beside each.
    include!("flex/written.rs");

    #[test]
    fn reads_what_the_official_code_writes() {
        let map = Map::root(WRITTEN).unwrap();
        assert_eq!(map.len(), 14);
        assert_eq!(map.key(0), Some("big"));
        let int = |key| map.get(key).and_then(|v| v.as_int());
        assert_eq!((int("small"), int("negative")), (Some(12), Some(-3)));
        assert_eq!((int("big"), int("wide")), (Some(1 << 40), Some(-70000)));
        assert_eq!(int("unsigned"), Some(200));
        assert_eq!((int("yes"), int("text"), int("absent")), (Some(1), None, None));
        assert_eq!(map.get("yes").unwrap().as_bool(), Some(true));
        assert_eq!(map.get("half").unwrap().as_float(), Some(0.5));
        assert_eq!(map.get("third").unwrap().as_float(), Some(1.0 / 3.0));
        assert_eq!(map.get("small").unwrap().as_float(), Some(12.0));
        assert_eq!(map.get("text").unwrap().as_str(), Some("sedge \u{1faa8}"));
        assert_eq!(map.get("blob").unwrap().as_bytes(), Some(&[0u8, 255, 7][..]));
        assert!(map.get("none").unwrap().is_null());
        let list = map.get("list").unwrap().as_list().unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(list.get(0).unwrap().as_int(), Some(1));
        assert_eq!(list.get(1).unwrap().as_str(), Some("two"));
        assert_eq!(list.get(2).unwrap().as_float(), Some(3.25));
        assert!(list.get(3).is_none());
        let typed = map.get("typed").unwrap().as_list().unwrap();
        let numbers: Vec<_> = (0..typed.len()).map(|i| typed.get(i).unwrap().as_int().unwrap()).collect();
        assert_eq!(numbers, [1, -2, 300]);
        let inner = map.get("map").unwrap().as_map().unwrap();
        assert_eq!(inner.get("deep").unwrap().as_int(), Some(-1));
        assert!(map.get("list").unwrap().as_map().is_none());
    }

    #[test]
    fn roots_that_are_no_maps() {
        assert_eq!(Value::root(&[13, 4, 1]).unwrap().as_int(), Some(13));
        for bytes in [&[][..], &[4], &[4, 1], &[4, 3], &[0, 0, 0, 0, 4, 3]] {
            assert!(Map::root(bytes).is_none() && Value::root(bytes).is_none(), "{bytes:?}");
        }
    }

    /// Reads whatever there is, to a depth that a reader without recursion reaches.
    fn read_all(bytes: &[u8]) {
        let Some(map) = Map::root(bytes) else { return };
        for i in 0..map.len().min(100) {
            let _ = map.key(i).map(|key| map.get(key));
            let Some(value) = map.values().get(i) else { continue };
            let _ = (value.as_int(), value.as_float(), value.as_bool(), value.as_str(), value.as_bytes());
            let list = value.as_list();
            let items = list.map(|l| (0..l.len().min(100)).filter(|&i| l.get(i).is_some()).count());
            let _ = (value.as_map(), items);
        }
    }

    #[test]
    fn damage_is_read_as_something_or_nothing() {
        let mut bytes = WRITTEN.to_vec();
        for at in 0..bytes.len() {
            let kept = bytes[at];
            for value in 0..=255 {
                bytes[at] = value;
                read_all(&bytes);
            }
            bytes[at] = kept;
            read_all(&bytes[..at]);
            read_all(&bytes[at..]);
        }
    }
}
