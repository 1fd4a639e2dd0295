//! Codes of few bits, the highest bit of each byte first.

/// Bits that are read one code after the other.
pub(super) struct Bits<'c> {
    bytes: &'c [u8],
    /// The number of the next bit.
    next: usize,
}

impl<'c> Bits<'c> {
    pub(super) fn new(bytes: &'c [u8]) -> Self {
        Self { bytes, next: 0 }
    }

    /// The next `count` bits; behind the last byte there are zeros.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let mut code = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.next / 8).copied().unwrap_or(0);
            code = code << 1 | u32::from(byte >> (7 - self.next % 8) & 1);
            self.next += 1;
        }
        code
    }

    /// Gives the last `count` bits back.
    pub(super) fn give_back(&mut self, count: u32) {
        self.next = self.next.saturating_sub(count as usize);
    }

    /// Whether all bits that were taken are there.
    pub(super) fn are_there(&self) -> bool {
        self.next <= self.bytes.len().saturating_mul(8)
    }
}
