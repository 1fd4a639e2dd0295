//! The reports as a table in Markdown.

use super::Report;

pub(super) fn markdown(reports: &[Report]) -> String {
    let mut rows = vec![
        ["program", "board", "core", "flash", "without data", "RAM", "arena", "result"].map(String::from),
    ];
    for report in reports {
        rows.push([
            report.program.to_owned(),
            report.board.to_owned(),
            report.core.to_owned(),
            report.flash.to_string(),
            report.flash_code.to_string(),
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
