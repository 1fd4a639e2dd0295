//! The sums of [`small`](crate::small) by the vectors of Cortex-M55 and M85 (Helium, the M-profile Vector Extension): sixteen products
//! of int8 in an instruction, and outputs made four at a time.
//!
//! Stable Rust has no intrinsics for them. Inputs stay bytes: of `sum((x + offset) * w) = sum(x * w) + offset * sum(w)` the loops
//! form both sums, and [`finish`] puts them together. Loops are predicated, so no number of elements is special.

use core::arch::asm;

use crate::small::{Filters, Taps};

/// Filters whose sums are worked out before outputs are made of them.
const BLOCK: usize = 32;

/// Constants for a block of filters, where the layer has one for all.
struct Repeated {
    bias: [i32; BLOCK],
    q: [i32; BLOCK],
    shift: [i8; BLOCK],
    /// The largest output four times, then the least.
    limits: [i32; 8],
}

impl Repeated {
    fn of(filters: &Filters<'_>) -> Self {
        let [min, max] = filters.range.map(i32::from);
        let (q, shift) = (filters.q.first().copied().unwrap_or(0), filters.shift.first().copied().unwrap_or(0));
        let limits = [max, max, max, max, min, min, min, min];
        Self { bias: [0; BLOCK], q: [q; BLOCK], shift: [shift; BLOCK], limits }
    }
}

/// Sums of a block of filters: of products at two positions, and of weights.
struct Sums {
    products: [[i32; BLOCK]; 2],
    weights: [i32; BLOCK],
}

impl Sums {
    fn new() -> Self {
        Self { products: [[0; BLOCK]; 2], weights: [0; BLOCK] }
    }
}

/// Makes outputs of the sums of `count` filters from `first` on: `products + offset * weights + bias`, scaled as [`Filters`]
/// tells.
///
/// # Safety
/// `first + count` filters must have their constants, `out` places for `count` outputs, and `count` must be at most [`BLOCK`].
#[inline]
unsafe fn finish(
    filters: &Filters<'_>,
    repeated: &Repeated,
    (products, weights): (&[i32; BLOCK], &[i32; BLOCK]),
    (first, count): (usize, usize),
    out: *mut i8,
) {
    if count == 0 {
        return;
    }
    let bias = if filters.bias.is_empty() { repeated.bias.as_ptr() } else { filters.bias.as_ptr().wrapping_add(first) };
    let q = if filters.q.len() > 1 { filters.q.as_ptr().wrapping_add(first) } else { repeated.q.as_ptr() };
    let shift =
        if filters.shift.len() > 1 { filters.shift.as_ptr().wrapping_add(first) } else { repeated.shift.as_ptr() };
    // SAFETY: the caller says that constants and places are there; the arrays have `BLOCK` elements. The loop is predicated:
    // it reads and writes no more than `count` elements of each.
    unsafe {
        asm!(
            "vldrw.u32 q3, [{t}]",
            "vldrw.u32 q4, [{t}, #16]",
            "mov {t}, #-1",
            "dlstp.32 lr, {n}",
            "2:",
            "vldrw.u32 q0, [{products}], #16",
            "vldrw.u32 q1, [{weights}], #16",
            "vmul.i32 q1, q1, {offset}",
            "vadd.i32 q0, q0, q1",
            "vldrw.u32 q1, [{bias}], #16",
            "vadd.i32 q0, q0, q1",
            "vldrw.u32 q1, [{q}], #16",
            "vqrdmulh.s32 q0, q0, q1",
            // Twice the product, so that the half has a place, and one less of it for negative ones.
            "vshr.s32 q2, q0, #31",
            "vshl.i32 q0, q0, #1",
            "vadd.i32 q0, q0, q2",
            "vldrb.s32 q1, [r1], #4",
            "vadd.i32 q1, q1, {t}",
            "vrshl.s32 q0, q0, q1",
            "vadd.i32 q0, q0, {zero}",
            "vmin.s32 q0, q0, q3",
            "vmax.s32 q0, q0, q4",
            "vstrb.32 q0, [r0], #4",
            "letp lr, 2b",
            t = inout(reg) repeated.limits.as_ptr() => _,
            products = inout(reg) products.as_ptr() => _,
            weights = inout(reg) weights.as_ptr() => _,
            bias = inout(reg) bias => _,
            q = inout(reg) q => _,
            // Loads that widen and stores that narrow take the first registers only.
            inout("r0") out => _,
            inout("r1") shift => _,
            offset = in(reg) filters.offset,
            zero = in(reg) i32::from(filters.zero),
            n = in(reg) count,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _, out("q4") _,
            options(nostack)
        );
    }
}

/// The sums of products of two rows with two filters, and of the filters' weights, over `length` elements: `[x0 v, x1 v, v, x0 w,
/// x1 w, w]`.
///
/// # Safety
/// The rows and the filters must have so many elements.
#[inline(always)]
unsafe fn two_by_two(x: [*const i8; 2], w: [*const i8; 2], length: usize) -> [i32; 6] {
    let mut sums = [0; 6];
    let [a, b, c, d, e, f] = &mut sums;
    // SAFETY: the caller says that the elements are there. The loop is predicated: it reads no more.
    unsafe {
        asm!(
            "dlstp.8 lr, r11",
            "2:",
            "vldrb.u8 q0, [r1], #16",
            "vldrb.u8 q1, [r5], #16",
            "vmladava.s8 r0, q0, q1",
            "vldrb.u8 q2, [r3], #16",
            "vmladava.s8 r2, q2, q1",
            "vaddva.s8 r4, q1",
            "vldrb.u8 q1, [r9], #16",
            "vmladava.s8 r8, q0, q1",
            "vmladava.s8 r10, q2, q1",
            "vaddva.s8 r12, q1",
            "letp lr, 2b",
            inout("r1") x[0] => _,
            inout("r3") x[1] => _,
            inout("r5") w[0] => _,
            inout("r9") w[1] => _,
            in("r11") length,
            inout("r0") 0 => *a,
            inout("r2") 0 => *b,
            inout("r4") 0 => *c,
            inout("r8") 0 => *d,
            inout("r10") 0 => *e,
            inout("r12") 0 => *f,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _,
            options(nostack, readonly)
        );
    }
    sums
}

/// The outputs of `count` filters at two positions, whose rows of `length` bytes lie one after the other from `x` on: those of the
/// second go `second` places behind those of the first.
///
/// # Safety
/// The filters' constants, `length` weights each, both rows and places for the outputs must be there; `length` must not be 0.
pub(crate) unsafe fn convolve(
    filters: &Filters<'_>,
    x: *const i8,
    (length, count): (usize, usize),
    out: *mut i8,
    second: usize,
) {
    let repeated = Repeated::of(filters);
    let mut sums = Sums::new();
    let rows = [x, x.wrapping_add(length)];
    for first in (0..count).step_by(BLOCK) {
        let block = (count - first).min(BLOCK);
        for f in (0..block).step_by(2) {
            // The last of an odd number goes with itself.
            let g = (f + 1).min(block - 1);
            let row = |f: usize| filters.weights.as_ptr().wrapping_add((first + f) * length);
            // SAFETY: the caller says that the rows and the weights of both filters are there.
            let [a, b, c, d, e, h] = unsafe { two_by_two(rows, [row(f), row(g)], length) };
            let [one, two] = &mut sums.products;
            put(one, f, g, [a, d]);
            put(two, f, g, [b, e]);
            put(&mut sums.weights, f, g, [c, h]);
        }
        for (p, products) in sums.products.iter().enumerate() {
            let out = out.wrapping_add(first + p * second);
            // SAFETY: the caller says that the constants and the places are there.
            unsafe { finish(filters, &repeated, (products, &sums.weights), (first, block), out) };
        }
    }
}

/// Writes two of a block's sums.
#[inline(always)]
fn put(to: &mut [i32; BLOCK], f: usize, g: usize, values: [i32; 2]) {
    for (at, value) in [f, g].into_iter().zip(values) {
        if let Some(to) = to.get_mut(at) {
            *to = value;
        }
    }
}

/// The outputs of `units` units for the row `x`.
///
/// # Safety
/// The units' constants, a row of weights of as many elements as `x` has for each, which are not 0, and places for the outputs
/// must be there.
pub(crate) unsafe fn connect(filters: &Filters<'_>, x: &[i8], units: usize, out: *mut i8) {
    let repeated = Repeated::of(filters);
    let mut sums = Sums::new();
    let length = x.len();
    for first in (0..units).step_by(BLOCK) {
        let block = (units - first).min(BLOCK);
        for f in (0..block).step_by(2) {
            let g = (f + 1).min(block - 1);
            let row = |f: usize| filters.weights.as_ptr().wrapping_add((first + f) * length);
            // SAFETY: the caller says that the row and the weights of both units are there.
            let [a, b, c, d] = unsafe { one_by_two(x.as_ptr(), [row(f), row(g)], length) };
            put(&mut sums.products[0], f, g, [a, b]);
            put(&mut sums.weights, f, g, [c, d]);
        }
        let parts = (&sums.products[0], &sums.weights);
        // SAFETY: the caller says that the constants and the places are there.
        unsafe { finish(filters, &repeated, parts, (first, block), out.wrapping_add(first)) };
    }
}

/// The sums of products of a row with two units, and of the units' weights, over `length` elements: `[x v, x w, v, w]`.
///
/// # Safety
/// The row and the units must have so many elements.
#[inline(always)]
unsafe fn one_by_two(x: *const i8, w: [*const i8; 2], length: usize) -> [i32; 4] {
    let mut sums = [0; 4];
    let [a, b, c, d] = &mut sums;
    // SAFETY: the caller says that the elements are there. The loop is predicated: it reads no more.
    unsafe {
        asm!(
            "dlstp.8 lr, r11",
            "2:",
            "vldrb.u8 q0, [r1], #16",
            "vldrb.u8 q1, [r3], #16",
            "vmladava.s8 r0, q0, q1",
            "vaddva.s8 r4, q1",
            "vldrb.u8 q1, [r5], #16",
            "vmladava.s8 r2, q0, q1",
            "vaddva.s8 r8, q1",
            "letp lr, 2b",
            inout("r1") x => _,
            inout("r3") w[0] => _,
            inout("r5") w[1] => _,
            in("r11") length,
            inout("r0") 0 => *a,
            inout("r2") 0 => *b,
            inout("r4") 0 => *c,
            inout("r8") 0 => *d,
            out("lr") _, out("q0") _, out("q1") _,
            options(nostack, readonly)
        );
    }
    sums
}

/// The cells of a depthwise convolution's window, as [`eight_channels`] reads them.
#[repr(C)]
struct Cells {
    rows: usize,
    columns: usize,
    /// Bytes of the image and of the weights from the end of a row of cells to the next one.
    image_row: usize,
    weights_row: usize,
    /// Bytes from a cell to the next.
    image_column: usize,
    weights_column: usize,
    offset: i32,
}

/// The sums of eight channels over all cells.
///
/// # Safety
/// The elements and weights of all cells, of which there is one at least, must be there for `channels` channels, of which there are
/// eight at most; what lies behind them is not read, and the sums of others are of no use.
#[inline(always)]
unsafe fn eight_channels(cells: &Cells, x: *const i8, w: *const i8, channels: usize, sums: *mut i32) {
    // SAFETY: the caller says that the elements are there; `vctp` leaves out the channels that are not. Eight sums have room.
    unsafe {
        asm!(
            "vmov.i32 q3, #0",
            "vmov.i32 q4, #0",
            "vctp.16 {rows}",
            "ldr {rows}, [{cells}]",
            "2:",
            "ldr lr, [{cells}, #4]",
            "dls lr, lr",
            "3:",
            "vpstt",
            "vldrbt.s16 q0, [r0]",
            "vldrbt.s16 q1, [r1]",
            "add r0, r0, {image}",
            "add r1, r1, {weights}",
            "vadd.i16 q0, q0, {offset}",
            "vmullb.s16 q2, q0, q1",
            "vadd.i32 q3, q3, q2",
            "vmullt.s16 q2, q0, q1",
            "vadd.i32 q4, q4, q2",
            "le lr, 3b",
            "ldr lr, [{cells}, #8]",
            "add r0, r0, lr",
            "ldr lr, [{cells}, #12]",
            "add r1, r1, lr",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            "vst20.32 {{q3, q4}}, [{sums}]",
            "vst21.32 {{q3, q4}}, [{sums}]",
            cells = in(reg) cells,
            inout("r0") x => _,
            inout("r1") w => _,
            rows = inout(reg) channels => _,
            image = in(reg) cells.image_column,
            weights = in(reg) cells.weights_column,
            offset = in(reg) cells.offset,
            sums = in(reg) sums,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _, out("q4") _,
            options(nostack)
        );
    }
}

/// The outputs of `channels` channels at a position.
///
/// # Safety
/// The filters' constants, the elements and weights of all cells, of which there is one at least, and places for the outputs must be
/// there.
pub(crate) unsafe fn depthwise(filters: &Filters<'_>, x: *const i8, taps: &Taps, channels: usize, out: *mut i8) {
    let repeated = Repeated::of(filters);
    let Taps { rows, columns, image: [image_row, image_column], weights: [weights_row, weights_column] } = *taps;
    let cells = Cells {
        rows,
        columns,
        image_row: image_row.wrapping_sub(columns.wrapping_mul(image_column)),
        weights_row: weights_row.wrapping_sub(columns.wrapping_mul(weights_column)),
        image_column,
        weights_column,
        offset: filters.offset,
    };
    let (mut products, weights) = ([0; BLOCK], [0; BLOCK]);
    for first in (0..channels).step_by(BLOCK) {
        let block = (channels - first).min(BLOCK);
        for (c, sums) in (first..first + block).step_by(8).zip(products.as_chunks_mut::<8>().0) {
            let (x, w) = (x.wrapping_add(c), filters.weights.as_ptr().wrapping_add(c));
            // SAFETY: the caller says that the channels up to `channels` are there.
            unsafe { eight_channels(&cells, x, w, (first + block - c).min(8), sums.as_mut_ptr()) };
        }
        // SAFETY: the caller says that the constants and the places are there.
        unsafe { finish(filters, &repeated, (&products, &weights), (first, block), out.wrapping_add(first)) };
    }
}

/// The `length` bytes of row `p` that lie in words.
pub(crate) fn row(to: &mut [u32], length: usize, p: usize) -> &mut [i8] {
    // SAFETY: bytes have no alignment, and as many lie in the words.
    let bytes = unsafe { core::slice::from_raw_parts_mut(to.as_mut_ptr().cast::<i8>(), size_of_val(to)) };
    bytes.get_mut(p * length..(p + 1) * length).unwrap_or_default()
}
