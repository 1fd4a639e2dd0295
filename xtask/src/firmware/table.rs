//! The reports as a table in Markdown.

use super::Report;

pub(super) fn markdown(reports: &[Report]) -> String {
    let mut rows = vec![
        ["program", "board", "core", "flash", "without data", "kernels", "RAM", "arena", "result"]
            .map(String::from),
    ];
    for report in reports {
        rows.push([
            report.program.to_owned(),
            report.board.to_owned(),
            report.core.to_owned(),
            report.flash.to_string(),
            report.flash_code.to_string(),
            report.kernels.to_string(),
            report.ram.to_string(),
            report.arena.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            if report.failures.is_empty() { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    render(&rows)
}

/// The table of [`super::bench`].
pub(super) fn bench(measured: &[[String; 7]]) -> String {
    let head = ["model", "core", "form", "M instructions", "M to set up", "arena", "flash without model"];
    let rows: Vec<_> = [head.map(String::from)].into_iter().chain(measured.iter().cloned()).collect();
    render(&rows)
}

/// The instructions of each operator of a model, and its share.
pub(super) fn profile<'o>(operators: impl Iterator<Item = (&'o str, u64)> + Clone) -> String {
    let all: u64 = operators.clone().map(|(_, instructions)| instructions).sum();
    let mut rows = vec![["operator", "instructions", "share"].map(String::from)];
    for (name, instructions) in operators {
        let share = format!("{:.1} %", 100.0 * instructions as f64 / all.max(1) as f64);
        rows.push([name.to_owned(), instructions.to_string(), share]);
    }
    render(&rows)
}

fn render<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        for (cell, &width) in row.iter().zip(&widths) {
            text += &format!("| {cell:width$} ");
        }
        text += "|\n";
        if i == 0 {
            for &width in &widths {
                text += &format!("| {} ", "-".repeat(width));
            }
            text += "|\n";
        }
    }
    text
}
