//! Decisions drawn from bytes, so that whoever makes the bytes (a test library, a fuzzer) makes
//! structures, and shrinking the bytes shrinks the structures.

/// A source of decisions. When its bytes are used up, every decision is the simplest one.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Decisions drawn from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// Yes or no; no when nothing is left.
    pub fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A number below `n`, which must be in 1..=256.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    /// One of `all`.
    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Any 32 bits, small and extreme numbers more often than chance has them.
    pub fn word(&mut self) -> u32 {
        match self.byte() {
            0..128 => self.byte().into(),
            128..144 => u32::MAX,
            144..160 => 1 << 31,
            _ => u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
        }
    }

    /// Any number.
    pub fn int(&mut self) -> i32 {
        self.word() as i32
    }

    /// Any float, also those that are no numbers.
    pub fn float(&mut self) -> f32 {
        f32::from_bits(self.word())
    }

    /// `value` or nothing.
    pub fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    /// Up to `most` values.
    pub fn list<T>(&mut self, most: usize, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = self.below(most + 1);
        (0..len).map(|_| value(self)).collect()
    }

    /// A short text.
    pub fn text(&mut self) -> String {
        self.list(5, |c| c.one_of(&['a', 'B', '7', ' ', '\0', 'é', '深', '🪨'])).into_iter().collect()
    }
}
