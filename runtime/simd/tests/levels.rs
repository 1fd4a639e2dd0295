//! Every operation of every level of this processor against its definition, on random lanes and on the
//! extremes.

use sedge_simd::{Kernel, Level, MAX_GROUP, Simd};

/// Numbers that look random, the same every time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Random bits, and every fourth an extreme.
    fn int(&mut self) -> i32 {
        const EXTREMES: [i32; 6] = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX];
        let x = self.next();
        if x.is_multiple_of(4) { EXTREMES[(x >> 8) as usize % EXTREMES.len()] } else { (x >> 32) as i32 }
    }

    fn ints(&mut self, n: usize) -> Vec<i32> {
        (0..n).map(|_| self.int()).collect()
    }

    fn bytes(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| if self.next().is_multiple_of(4) { i8::MIN } else { self.next() as i8 }).collect()
    }
}

struct Check(u64);

impl Kernel for Check {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        all(simd, self.0);
        all(simd.half(), self.0);
    }
}

#[inline(always)]
fn all<S: Simd>(simd: S, seed: u64) {
    let mut numbers = Numbers(seed);
    integers(simd, &mut numbers);
    products(simd, &mut numbers);
    woven(simd, &mut numbers);
    bytes(simd, &mut numbers);
    floats(simd, &mut numbers);
}

fn lanes<S: Simd>(simd: S, x: S::I32) -> Vec<i32> {
    let mut out = vec![0; S::LANES];
    simd.store_i32(x, &mut out);
    out
}

#[inline(always)]
fn integers<S: Simd>(simd: S, numbers: &mut Numbers) {
    let (a, b) = (numbers.ints(S::LANES), numbers.ints(S::LANES));
    let counts: Vec<i32> = (0..S::LANES).map(|_| (numbers.next() % 32) as i32).collect();
    let positive: Vec<i32> = b.iter().map(|x| x & i32::MAX).collect();
    let (va, vb, vc) = (simd.load_i32(&a), simd.load_i32(&b), simd.load_i32(&counts));
    let each = |got: S::I32, b: &[i32], f: fn(i32, i32) -> i32, name: &str| {
        let expected: Vec<i32> = a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect();
        assert_eq!(lanes(simd, got), expected, "{name} of {a:?} and {b:?}");
    };
    each(simd.add_i32(va, vb), &b, i32::wrapping_add, "sum");
    each(simd.sub_i32(va, vb), &b, i32::wrapping_sub, "difference");
    each(simd.mul_i32(va, vb), &b, i32::wrapping_mul, "product");
    each(simd.min_i32(va, vb), &b, i32::min, "minimum");
    each(simd.max_i32(va, vb), &b, i32::max, "maximum");
    each(simd.shift_left(va, vc), &counts, |a, n| a << n, "left shift");
    let high = |a, b| ((i128::from(a) * i128::from(b) * 2 + (1 << 31)) >> 32) as i32;
    each(simd.doubling_high_mul(va, simd.load_i32(&positive)), &positive, high, "high product");
    // Halves away from zero: the magnitude rounds halves up.
    let shift = |a: i32, n: i32| {
        let magnitude = (i64::from(a).abs() + if n == 0 { 0 } else { 1 << (n - 1) }) >> n;
        (magnitude * i64::from(a.signum())) as i32
    };
    each(simd.rounding_shift_right(va, vc), &counts, shift, "rounding right shift");
    // Sums near the limit and small ones, whose halves matter.
    let sums: Vec<i32> =
        a.iter().map(|a| a >> 1 >> (numbers.next() % 30)).filter(|s| *s != -(1 << 30)).collect();
    let rights: Vec<i32> = counts.iter().map(|&n| n.max(1)).collect();
    let halves: Vec<i32> = rights.iter().map(|&n| 1 << (n - 1)).collect();
    let [vs, vq, vr, vh] = [&sums, &positive, &rights, &halves].map(|list| simd.load_i32(list));
    let both = sums.iter().zip(&positive).zip(&rights).map(|((&s, &q), &n)| shift(high(s, q), n));
    let both: Vec<i32> = both.collect();
    let got = lanes(simd, simd.requantize(vs, vq, vr, vh));
    assert_eq!(got[..both.len()], both[..], "{sums:?} times {positive:?} / 2^{rights:?}");
    assert_eq!(lanes(simd, simd.splat_i32(7)), vec![7; S::LANES]);
    assert_eq!(lanes(simd, simd.load_i32(&[3]))[..2], [3, 0], "missing elements are 0");
    let mut one = [0];
    simd.store_i32(va, &mut one);
    assert_eq!(one, a[..1], "lanes without a place are dropped");
}

#[inline(always)]
fn products<S: Simd>(simd: S, numbers: &mut Numbers) {
    let sums = numbers.ints(S::LANES);
    let group = numbers.bytes(S::GROUP);
    let weights = numbers.bytes(S::GROUP * S::LANES);
    let mut staged = vec![bytemuck::Zeroable::zeroed(); S::GROUP];
    simd.stage(&group, &mut staged);
    let staged_group = S::group(&staged, 0).unwrap();
    assert!(S::group(&staged, 1).is_none(), "too few for a group");
    let got = simd.dot(simd.load_i32(&sums), simd.splat_group(staged_group), simd.load_groups(&weights));
    let dot = |lane: usize| {
        let weights = &weights[lane * S::GROUP..][..S::GROUP];
        let products = group.iter().zip(weights).map(|(&x, &w)| (i32::from(x) + S::OFFSET) * i32::from(w));
        products.fold(sums[lane], i32::wrapping_add)
    };
    assert_eq!(lanes(simd, got), (0..S::LANES).map(dot).collect::<Vec<_>>(), "{group:?} times {weights:?}");

    let a = numbers.bytes(2 * S::LANES);
    let ones = simd.dot_pairs(simd.splat_i32(0), simd.widen_pairs(&a), simd.splat_pair([1, -2]));
    let each = a.as_chunks().0.iter().map(|&[x, y]| i32::from(x) - 2 * i32::from(y));
    assert_eq!(lanes(simd, ones), each.collect::<Vec<_>>(), "widened pairs");
}

#[inline(always)]
fn woven<S: Simd>(simd: S, numbers: &mut Numbers) {
    let length = numbers.next() as usize % 100;
    let rows = [0; MAX_GROUP].map(|_| numbers.bytes(length));
    let mut to = vec![bytemuck::Zeroable::zeroed(); S::GROUP * length];
    let mut views: [&[i8]; MAX_GROUP] = [&[]; MAX_GROUP];
    views.iter_mut().zip(&rows).for_each(|(to, row)| *to = row);
    simd.weave(views, &mut to);
    let weights = numbers.bytes(S::GROUP * S::LANES);
    for start in 0..length {
        let got = simd.load_woven(&to[start * S::GROUP..]);
        let got = lanes(simd, simd.dot(simd.splat_i32(0), got, simd.load_groups(&weights)));
        for (lane, at) in (start..length).take(S::LANES).enumerate() {
            let products = (0..S::GROUP)
                .map(|g| (i32::from(rows[g][at]) + S::OFFSET) * i32::from(weights[lane * S::GROUP + g]));
            assert_eq!(got[lane], products.sum::<i32>(), "woven rows at {at} of {length}");
        }
    }
}

#[inline(always)]
fn bytes<S: Simd>(simd: S, numbers: &mut Numbers) {
    let a = numbers.bytes(S::LANES);
    let loaded = simd.load_i8(&a);
    assert_eq!(lanes(simd, loaded), a.iter().map(|&x| x.into()).collect::<Vec<i32>>());
    let mut out = vec![0; S::LANES + 1];
    simd.store_i8(loaded, &mut out);
    assert_eq!(out[..S::LANES], a[..]);
    assert_eq!(out[S::LANES], 0);

    let wide = numbers.ints(2 * S::LANES);
    let (zero, min, max) = (-100, -120, 90);
    for length in [2 * S::LANES, 2 * S::LANES - 1, S::LANES, 1] {
        let mut out = vec![0; length];
        let x = [simd.load_i32(&wide), simd.load_i32(&wide[S::LANES..])];
        // Sums of real operators are far from the ends of 32 bits; a zero point must not wrap.
        let far = [simd.splat_i32(i32::MIN + 200), simd.splat_i32(i32::MAX - 200)];
        let x = x.map(|x| simd.min_i32(simd.max_i32(x, far[0]), far[1]));
        simd.store_clamped::<2, false>(x, zero, (min, max), &mut out);
        let clamped = |&x: &i32| (i64::from(x) + i64::from(zero)).clamp(min.into(), max.into()) as i8;
        let expected: Vec<i8> = wide.iter().take(length).map(clamped).collect();
        assert_eq!(out, expected, "{wide:?}");
        simd.store_clamped::<2, true>(x, zero, (min, max), &mut out);
        assert_eq!(out, expected.iter().map(|x| x ^ i8::MIN).collect::<Vec<_>>(), "{wide:?}");
        let mut one = vec![0; length];
        simd.store_clamped::<1, false>([x[0]], zero, (min, max), &mut one);
        assert_eq!(one[..length.min(S::LANES)], expected[..length.min(S::LANES)], "{wide:?}");
        assert!(one.iter().skip(S::LANES).all(|&x| x == 0));
    }
}

#[inline(always)]
fn floats<S: Simd>(simd: S, numbers: &mut Numbers) {
    let mut list = || (0..S::LANES).map(|_| (numbers.int() >> 8) as f32).collect::<Vec<f32>>();
    let (a, b, c) = (list(), list(), list());
    let (va, vb) = (simd.load_f32(&a), simd.load_f32(&b));
    let each = |got: S::F32, f: fn(f32, f32) -> f32| {
        let mut out = vec![0.0; S::LANES];
        simd.store_f32(got, &mut out);
        assert_eq!(out, a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect::<Vec<_>>());
    };
    each(simd.min_f32(va, vb), f32::min);
    each(simd.max_f32(va, vb), f32::max);
    let ones = vec![3.0; S::LANES];
    each(simd.div_f32(va, simd.load_f32(&ones)), |a, _| a / 3.0);
    let bits: Vec<i32> = a.iter().map(|a| a.to_bits() as i32).collect();
    each(simd.f32_of_bits(simd.load_i32(&bits)), |a, _| a);
    each(simd.splat_f32(2.0), |_, _| 2.0);
    // Halves, what is just beside them, and numbers without places behind the point.
    let numbers_near: Vec<f32> = (0..S::LANES)
        .map(|_| {
            let half = (numbers.int() >> (numbers.next() % 31)) as f32 / 2.0;
            f32::from_bits(half.to_bits().wrapping_add((numbers.next() % 3) as u32).saturating_sub(1))
        })
        .map(|x| if x.abs() < 2_147_483_648.0 { x } else { f32::NAN })
        .collect();
    let rounded: Vec<i32> = numbers_near.iter().map(|x| x.round() as i32).collect();
    assert_eq!(lanes(simd, simd.round_f32(simd.load_f32(&numbers_near))), rounded, "{numbers_near:?}");
    let wide = numbers.ints(S::LANES);
    let mut out = vec![0.0; S::LANES];
    simd.store_f32(simd.to_f32(simd.load_i32(&wide)), &mut out);
    assert_eq!(out, wide.iter().map(|&x| x as f32).collect::<Vec<_>>());
    let mut out = vec![0.0; S::LANES];
    simd.store_f32(simd.mul_add_f32(va, vb, simd.load_f32(&c)), &mut out);
    for (((out, a), b), c) in out.iter().zip(&a).zip(&b).zip(&c) {
        let (fused, twice) = (f64::from(*a) * f64::from(*b) + f64::from(*c), a * b + c);
        assert!(*out == fused as f32 || *out == twice, "{a} * {b} + {c} = {out}");
    }
}

#[test]
fn every_operation_follows_its_definition() {
    for level in Level::available() {
        for seed in 1..2000 {
            level.run(Check(seed));
        }
    }
}
