use std::vec;
use std::vec::Vec;

use super::{Places, Region, Steps, fill};

/// Runs the copy of `steps` over elements of `unit` bytes.
fn run(steps: Steps, unit: usize, from: &[u8], first: (u32, u32), to: &mut [u8]) {
    let mut steps = steps;
    if steps.as_slice().iter().any(|step| step.count == 0) {
        return;
    }
    let unit = steps.pop_run(unit as i64, unit as i64) * unit;
    let region = Region { unit: unit as u32, from: first.0, to: first.1, ..Region::default() };
    region.run(steps.as_slice(), from, to).unwrap();
}

/// Every index of a shape, in the elements' order.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &dim in dims {
        all = all.iter().flat_map(|i| (0..dim).map(move |k| [&i[..], &[k]].concat())).collect();
    }
    all
}

/// Elements between neighbours along each dimension.
fn strides(dims: &[usize]) -> Vec<usize> {
    (0..dims.len()).map(|axis| dims[axis + 1..].iter().product()).collect()
}

fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}

fn bytes(elements: usize, unit: usize) -> Vec<u8> {
    (0..elements * unit).map(|i| (i * 7 + i / 256) as u8).collect()
}

fn permutations(rank: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for _ in 0..rank {
        let longer = |p: &Vec<usize>| {
            let p = p.clone();
            (0..rank).filter(|k| !p.contains(k)).map(|k| [&p[..], &[k]].concat()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

const SHAPES: &[&[usize]] =
    &[&[], &[1], &[5], &[0], &[2, 3], &[3, 0, 2], &[4, 1, 3], &[2, 3, 4], &[2, 3, 1, 5], &[1, 4, 2, 2, 3]];

#[test]
fn transposing_is_the_naive_loop() {
    for (&dims, unit) in SHAPES.iter().zip([1, 2, 4, 8, 16].into_iter().cycle()) {
        let from = bytes(dims.iter().product(), unit);
        for order in permutations(dims.len()) {
            let (old, new) = (strides(dims), order.iter().map(|&axis| dims[axis]).collect::<Vec<_>>());
            let mut steps = Steps::default();
            for (&axis, to) in order.iter().zip(strides(&new)) {
                steps.push(dims[axis], (old[axis] * unit) as i64, (to * unit) as i64).unwrap();
            }
            let mut to = vec![0; from.len()];
            run(steps, unit, &from, (0, 0), &mut to);
            let permuted: Vec<usize> = order.iter().map(|&axis| old[axis]).collect();
            let naive: Vec<u8> = (indices(&new).iter())
                .flat_map(|index| from[offset(index, &permuted) * unit..][..unit].to_vec())
                .collect();
            assert_eq!(to, naive, "{dims:?} {order:?}");
        }
    }
}

#[test]
fn slicing_with_strides_is_the_naive_loop() {
    // For each dimension: the first index, the step, the number.
    let cuts = |dim: usize| -> Vec<(usize, i64, usize)> {
        let mut all = vec![(0, 1, dim), (0, 1, 0)];
        if dim > 1 {
            all.extend([(dim - 1, -1, dim), (1, 1, dim - 1), (0, 2, dim.div_ceil(2)), (dim - 1, -2, 1)]);
        }
        all
    };
    let (dims, unit) = ([3, 4, 5], 2);
    let from = bytes(60, unit);
    let old = strides(&dims);
    for a in cuts(3) {
        for b in cuts(4) {
            for c in cuts(5) {
                let cuts = [a, b, c];
                let new = cuts.map(|cut| cut.2);
                let mut steps = Steps::default();
                let mut first = 0;
                for ((cut, &stride), to) in cuts.iter().zip(&old).zip(strides(&new)) {
                    first += cut.0 * stride * unit;
                    steps.push(cut.2, cut.1 * (stride * unit) as i64, (to * unit) as i64).unwrap();
                }
                let mut to = vec![0; new.iter().product::<usize>() * unit];
                run(steps, unit, &from, (first as u32, 0), &mut to);
                let at = |index: &Vec<usize>| -> usize {
                    let place = |(i, cut): (&usize, &(usize, i64, usize))| {
                        (cut.0 as i64 + *i as i64 * cut.1) as usize
                    };
                    index.iter().zip(&cuts).map(place).zip(&old).map(|(i, s)| i * s).sum()
                };
                let naive: Vec<u8> = indices(&new)
                    .iter()
                    .flat_map(|index| from[at(index) * unit..][..unit].to_vec())
                    .collect();
                assert_eq!(to, naive, "{cuts:?}");
            }
        }
    }
}

#[test]
fn padding_is_the_naive_loop() {
    let padded = [(0, 0), (1, 0), (0, 2), (2, 1)];
    for unit in [1, 2, 8] {
        for &dims in SHAPES {
            let around: Vec<(usize, usize)> =
                padded.into_iter().cycle().skip(dims.len()).take(dims.len()).collect();
            let new: Vec<usize> = dims.iter().zip(&around).map(|(d, (b, a))| b + d + a).collect();
            let from = bytes(dims.iter().product(), unit);
            let mut steps = Steps::default();
            let mut first = 0;
            for (((&dim, old), to), (before, _)) in
                dims.iter().zip(strides(dims)).zip(strides(&new)).zip(&around)
            {
                first += before * to * unit;
                steps.push(dim, (old * unit) as i64, (to * unit) as i64).unwrap();
            }
            let value = &[3, 1, 4, 1, 5, 9, 2, 6][..unit];
            let mut to = vec![0; new.iter().product::<usize>() * unit];
            fill(&mut to, value);
            run(steps, unit, &from, (0, first as u32), &mut to);
            let cell = |index: &Vec<usize>| -> Vec<u8> {
                let old = index.iter().zip(&around).map(|(i, (before, _))| i.wrapping_sub(*before));
                let old: Vec<usize> = old.collect();
                match old.iter().zip(dims).all(|(i, dim)| i < dim) {
                    true => from[offset(&old, &strides(dims)) * unit..][..unit].to_vec(),
                    false => value.to_vec(),
                }
            };
            assert_eq!(to, indices(&new).iter().flat_map(cell).collect::<Vec<_>>(), "{dims:?}");
        }
    }
}

#[test]
fn loops_that_continue_each_other_are_one() {
    let mut steps = Steps::default();
    for (count, stride) in [(2, 60), (3, 20), (1, 99), (4, 5), (5, 1)] {
        steps.push(count, stride, stride).unwrap();
    }
    assert_eq!(steps.as_slice().len(), 1);
    assert_eq!(steps.pop_run(1, 1), 120);
    assert!(steps.as_slice().is_empty());
    assert_eq!(Places::new(steps.as_slice(), 3, 4).collect::<Vec<_>>(), [(3, 4)]);
}

#[test]
fn a_copy_beyond_either_side_is_refused() {
    let mut steps = Steps::default();
    steps.push(4, 2, 1).unwrap();
    let region = Region { unit: 1, ..Region::default() };
    assert!(region.run(steps.as_slice(), &[0; 7], &mut [0; 4]).is_ok());
    assert!(region.run(steps.as_slice(), &[0; 6], &mut [0; 4]).is_err());
    assert!(region.run(steps.as_slice(), &[0; 7], &mut [0; 3]).is_err());
    let region = Region { from: 8, ..region };
    assert!(region.run(steps.as_slice(), &[0; 7], &mut [0; 4]).is_err());
}
