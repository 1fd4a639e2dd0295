//! Products of tensors by Einstein's summation: labels name the dimensions, those that the result lacks are summed over.
//!
//! ```text
//! acbe,aecd->abcd   batch: what both operands and the result have   summed: what both have and the result lacks
//! ```
//!
//! Each operand is brought into the order `[batch, its own, summed]`, so that one product of matrices does the rest.

use sedge_schema::TensorType;
use sedge_schema::op::{BatchMatmul, FullyConnected, Sum};

use super::builder::Builder;
use crate::Failure;
use crate::graph::TensorId;

/// A tensor with a label for each of its dimensions.
#[derive(Clone, Debug)]
struct Operand {
    tensor: TensorId,
    labels: Vec<char>,
}

impl Builder {
    /// The operators of an equation such as `abc,cd->abd` over one or two float32 operands.
    ///
    /// # Errors
    /// Where the equation has an ellipsis, takes a diagonal, has more than two operands, or does not fit them.
    pub(super) fn einsum(
        &mut self,
        name: &str,
        equation: &str,
        inputs: &[TensorId],
    ) -> Result<TensorId, Failure> {
        let refuse = |why: &str| Failure::new(format!("the equation '{equation}' is not supported: {why}"));
        let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
        let (operands, result) = match equation.split_once("->") {
            Some((operands, result)) => (operands, result.to_owned()),
            None => (equation.as_str(), implied(&equation)),
        };
        if equation.contains('.') {
            return Err(refuse("write dimensions out in place of '...'"));
        }
        let wanted: Vec<char> = result.chars().collect();
        let lists: Vec<Vec<char>> = operands.split(',').map(|o| o.chars().collect()).collect();
        let fits = lists.iter().zip(inputs).all(|(labels, &t)| labels.len() == self.dims(t).len());
        let is_twice = |labels: &[char]| (1..labels.len()).any(|i| labels[..i].contains(&labels[i]));
        if lists.len() != inputs.len() || !fits {
            return Err(refuse("it does not fit the inputs"));
        }
        if lists.iter().any(|l| is_twice(l)) || is_twice(&wanted) {
            return Err(refuse("a label stands twice in one tensor"));
        }
        if let Some(label) = wanted.iter().find(|label| !lists.iter().any(|l| l.contains(label))) {
            return Err(refuse(&format!("no input has '{label}'")));
        }
        let mut given = Vec::new();
        for (i, (labels, &tensor)) in lists.iter().zip(inputs).enumerate() {
            let others: Vec<char> =
                lists.iter().enumerate().filter(|&(j, _)| j != i).flat_map(|(_, l)| l).copied().collect();
            let operand = Operand { tensor, labels: labels.clone() };
            let keep = |label: &char| wanted.contains(label) || others.contains(label);
            given.push(self.summed(&format!("{name}/sum {i}"), operand, keep)?);
        }
        match given.as_slice() {
            [one] => self.ordered(name, one, &wanted),
            [a, b] => self.multiplied(name, a, b, &wanted),
            _ => Err(refuse("it has more than two operands")),
        }
    }

    /// The operand without the dimensions that are not kept.
    fn summed(
        &mut self,
        name: &str,
        operand: Operand,
        keep: impl Fn(&char) -> bool,
    ) -> Result<Operand, Failure> {
        let places = operand.labels.iter().enumerate().filter(|(_, label)| !keep(label));
        let axes: Vec<i32> = places.map(|(i, _)| i as i32).collect();
        if axes.is_empty() {
            return Ok(operand);
        }
        let axes = self.ints(&format!("{name}/axes"), &axes)?;
        let op = Sum { keep_dims: false };
        let tensor = self.emit(name, op, &[operand.tensor, axes], TensorType::Float32)?;
        Ok(Operand { tensor, labels: operand.labels.into_iter().filter(keep).collect() })
    }

    /// The operand's tensor with its dimensions in this order.
    fn ordered(&mut self, name: &str, operand: &Operand, labels: &[char]) -> Result<TensorId, Failure> {
        let order: Option<Vec<usize>> =
            labels.iter().map(|label| operand.labels.iter().position(|l| l == label)).collect();
        let order = order.ok_or_else(|| Failure::new("a dimension is missing"))?;
        self.transpose(name, operand.tensor, &order)
    }

    fn multiplied(
        &mut self,
        name: &str,
        a: &Operand,
        b: &Operand,
        wanted: &[char],
    ) -> Result<TensorId, Failure> {
        let both: Vec<char> = a.labels.iter().filter(|l| b.labels.contains(l)).copied().collect();
        let (batch, inner): (Vec<char>, Vec<char>) = both.iter().partition(|l| wanted.contains(l));
        let own = |operand: &Operand| -> Vec<char> {
            wanted.iter().filter(|l| operand.labels.contains(l) && !both.contains(l)).copied().collect()
        };
        let is_table = batch.is_empty() && self.graph.tensor(b.tensor).is_constant();
        // Rows of the product are of the first operand: the result then needs no other order.
        let swapped =
            !is_table && own(a).last().is_some_and(|l| wanted.last() == Some(l)) && !own(b).is_empty();
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        let (rows, columns) = (own(a), own(b));
        let left = self.ordered(&format!("{name}/left"), a, &[&batch[..], &rows, &inner].concat())?;
        let right = self.ordered(&format!("{name}/right"), b, &[&batch[..], &columns, &inner].concat())?;
        let dims = self.dims(left);
        let (outer, rest) = dims.split_at(batch.len().min(dims.len()));
        let (row_dims, inner_dims) = rest.split_at(rows.len().min(rest.len()));
        let column_dims =
            self.dims(right).get(batch.len()..batch.len() + columns.len()).unwrap_or_default().to_vec();
        let count = |dims: &[usize]| dims.iter().product::<usize>();
        let (m, n, k) = (count(row_dims), count(&column_dims), count(inner_dims));
        let left = self.reshape(&format!("{name}/rows"), left, &[outer, &[m, k]].concat())?;
        let right = self.reshape(&format!("{name}/columns"), right, &[outer, &[n, k]].concat())?;
        let product = format!("{name}/product");
        let tensor = if is_table {
            self.emit(&product, FullyConnected::default(), &[left, right], TensorType::Float32)?
        } else {
            let op = BatchMatmul { adj_y: true, ..BatchMatmul::default() };
            self.emit(&product, op, &[left, right], TensorType::Float32)?
        };
        let full = [outer, row_dims, &column_dims].concat();
        let tensor = self.reshape(&format!("{name}/result"), tensor, &full)?;
        self.ordered(name, &Operand { tensor, labels: [batch, rows, columns].concat() }, wanted)
    }
}

/// The result of an equation that names none: labels that stand once, in the order of the alphabet.
fn implied(equation: &str) -> String {
    let mut labels: Vec<char> = equation.chars().filter(|c| c.is_alphabetic()).collect();
    labels.sort_unstable();
    let is_once = |label: &&char| labels.iter().filter(|l| l == label).count() == 1;
    labels.iter().filter(is_once).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The definition: a sum over all values of all labels.
    fn naive(operands: &[(&str, &[usize], &[f32])], result: &str) -> Vec<f32> {
        let mut sizes: Vec<(char, usize)> = Vec::new();
        for (labels, dims, _) in operands {
            for pair in labels.chars().zip(dims.iter().copied()) {
                if !sizes.contains(&pair) {
                    sizes.push(pair);
                }
            }
        }
        let size: HashMap<char, usize> = sizes.iter().copied().collect();
        let place = |labels: &str, at: &HashMap<char, usize>| {
            labels.chars().fold(0, |place, label| place * size[&label] + at[&label])
        };
        let mut sums = vec![0.0; result.chars().map(|l| size[&l]).product()];
        for n in 0..sizes.iter().map(|(_, s)| s).product() {
            let mut rest = n;
            let at = sizes.iter().map(|&(label, size)| {
                let value = rest % size;
                rest /= size;
                (label, value)
            });
            let at: HashMap<char, usize> = at.collect();
            sums[place(result, &at)] +=
                operands.iter().map(|(labels, _, values)| values[place(labels, &at)]).product::<f32>();
        }
        sums
    }

    #[test]
    fn equations_give_what_their_definition_says() {
        let size = |label: char| 2 + (label as usize - 'a' as usize) % 4;
        for (operands, result, written) in [
            (&["ij", "jk"][..], "ik", "ij,jk->ik"),
            (&["ij", "jk"], "ik", "ij , jk"),
            (&["abc", "cd"], "abd", "abc,cd->abd"),
            (&["abc", "cde"], "abde", "abc,cde->abde"),
            (&["aecd", "abcd"], "acbe", "aecd,abcd->acbe"),
            (&["acbe", "aecd"], "abcd", "acbe,aecd->abcd"),
            (&["bij", "bkj"], "bki", "bij,bkj->bki"),
            (&["abcd", "cde"], "abe", "abcd,cde->abe"),
            (&["i", "j"], "ij", "i,j->ij"),
            (&["ab", "cb"], "", "ab,cb->"),
            (&["abc"], "ca", "abc->ca"),
            (&["ab"], "ba", "ab->ba"),
            (&["abc", "abc"], "abc", "abc,abc->abc"),
        ] {
            let mut builder = Builder::default();
            let mut given = Vec::new();
            for (i, labels) in operands.iter().enumerate() {
                let dims: Vec<usize> = labels.chars().map(size).collect();
                let values: Vec<f32> =
                    (0..dims.iter().product()).map(|n: usize| (n * 7 % 11) as f32 - 4.0).collect();
                let tensor = builder.floats(&format!("x{i}"), &dims, &values).unwrap();
                given.push((*labels, dims, values, tensor));
            }
            let tensors: Vec<TensorId> = given.iter().map(|g| g.3).collect();
            let found = builder.einsum("y", written, &tensors).unwrap();
            let operands: Vec<(&str, &[usize], &[f32])> =
                given.iter().map(|(l, d, v, _)| (*l, d.as_slice(), v.as_slice())).collect();
            let dims: Vec<usize> = result.chars().map(size).collect();
            assert_eq!(builder.dims(found), dims, "{written}");
            // All numbers are small integers, so that sums are exact.
            assert_eq!(builder.graph.tensor(found).floats().unwrap(), naive(&operands, result), "{written}");
        }
    }

    #[test]
    fn equations_that_do_not_fit_are_refused() {
        let mut builder = Builder::default();
        let x = builder.floats("x", &[2, 2], &[1.0; 4]).unwrap();
        for (equation, count) in [
            ("ii->i", 1),
            ("ij->ji", 2),
            ("i,j->ij", 2),
            ("ij,jk->il", 2),
            ("ij,jk,kl->il", 3),
            ("...i->i", 1),
        ] {
            assert!(builder.einsum("y", equation, &vec![x; count]).is_err(), "{equation}");
        }
    }
}
