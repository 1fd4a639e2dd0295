//! The drawing of a memory plan.
//!
//! Time goes to the right, one column for each operator; addresses go up from the bottom line, and each
//! piece of memory is a rectangle.

use std::fmt::Write as _;

use super::plan::{Piece, Plan};
use super::table::number;

/// Where the drawing area lies in the picture, and its scales.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    /// Width of an operator.
    column: f64,
    /// Bytes of the whole height.
    bytes: f64,
}

impl Frame {
    fn x(&self, operator: usize) -> f64 {
        self.left + self.column * operator as f64
    }

    fn y(&self, bytes: usize) -> f64 {
        self.top + self.height * (1.0 - bytes as f64 / self.bytes)
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#222}\
.small{font-size:9px}\
.title{font-size:15px;font-weight:600}\
.grid{stroke:#ddd;stroke-width:1}\
.axis{stroke:#444;stroke-width:1}\
.piece{stroke:#fff;stroke-width:1}\
.piece:hover{stroke:#000}\
.peak{fill:none;stroke:#d00000;stroke-width:2.5;pointer-events:none}\
.total{stroke:#c1121f;stroke-width:1.5}\
.bound{stroke:#1d3557;stroke-width:1.5;stroke-dasharray:6 4}";

impl Plan {
    /// The plan as an SVG picture with this title.
    pub fn svg(&self, title: &str) -> String {
        let columns = self.operators.len().max(1);
        let column = (900.0 / columns as f64).clamp(14.0, 80.0);
        let top = self.memory.activations.max(self.memory.lower_bound).max(1);
        let frame = Frame {
            left: 84.0,
            top: 64.0,
            width: (column * columns as f64).max(420.0),
            height: 420.0,
            column,
            bytes: top as f64 * 1.06,
        };
        let (width, height) = (frame.right() + 24.0, frame.bottom() + 150.0);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text class=\"title\" x=\"{:.0}\" y=\"24\">{}</text>\n",
            frame.left,
            escape(title)
        );
        self.draw_summary(&mut out, &frame);
        self.draw_axes(&mut out, &frame);
        for (i, piece) in self.pieces.iter().enumerate() {
            draw_piece(&mut out, &frame, piece, i);
        }
        self.draw_lines(&mut out, &frame);
        out += "</svg>\n";
        out
    }

    fn draw_summary(&self, out: &mut String, frame: &Frame) {
        let peak = self.peak().map_or(String::new(), |(i, bytes)| {
            let name = self.operators.get(i).copied().unwrap_or_default();
            format!(" Peak: {} bytes live during operator {i}, {name}.", number(bytes as u64))
        });
        let partial =
            if self.partial { " Some shapes depend on values and are not planned yet." } else { "" };
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"44\">Activations {} bytes, lower bound {}, prepared data {}, arena {}.{peak}{partial}</text>",
            frame.left,
            number(self.memory.activations as u64),
            number(self.memory.lower_bound as u64),
            number(self.memory.prepared as u64),
            number(self.memory.arena as u64)
        );
    }

    fn draw_axes(&self, out: &mut String, frame: &Frame) {
        let step = tick(frame.bytes);
        let mut bytes = 0;
        while (bytes as f64) <= frame.bytes {
            let (y, left, right) = (frame.y(bytes), frame.left, frame.right());
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                number(bytes as u64)
            );
            bytes += step;
        }
        // Every n-th operator is named where columns are narrow.
        let every = (14.0 / frame.column).ceil().max(1.0) as usize;
        for (i, name) in self.operators.iter().enumerate().step_by(every) {
            let (x, y) = (frame.x(i) + frame.column / 2.0 + 4.0, frame.bottom() + 8.0);
            let _ = writeln!(
                out,
                "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\" transform=\"rotate(-60 {x:.1} {y:.1})\">{i} {name}</text>"
            );
        }
        let (left, right, bottom) = (frame.left, frame.right(), frame.bottom());
        let (middle_x, middle_y, top) = (left + frame.width / 2.0, frame.top + frame.height / 2.0, frame.top);
        let below = bottom + 140.0;
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/>\n\
             <line class=\"axis\" x1=\"{left:.1}\" x2=\"{left:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>\n\
             <text x=\"{middle_x:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">operators in the order in which they run</text>\n\
             <text x=\"16\" y=\"{middle_y:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle_y:.1})\">offset in bytes</text>"
        );
    }

    fn draw_lines(&self, out: &mut String, frame: &Frame) {
        if let Some((peak, bytes)) = self.peak() {
            let (x, y, w, h) = (frame.x(peak), frame.top, frame.column, frame.height);
            let (middle, above) = (x + w / 2.0, y - 4.0);
            let _ = writeln!(
                out,
                "<rect class=\"peak\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/>\
                 <text x=\"{middle:.1}\" y=\"{above:.1}\" text-anchor=\"middle\">peak {}</text>",
                number(bytes as u64)
            );
        }
        let lines = [
            ("total", "activations", self.memory.activations),
            ("bound", "lower bound", self.memory.lower_bound),
        ];
        for (class, name, bytes) in lines {
            let (y, left, right) = (frame.y(bytes), frame.left, frame.right());
            let label = format!("{name} {}", number(bytes as u64));
            // The labels stand at opposite ends, as the lines often lie on each other.
            let (x, anchor) = if class == "total" { (right - 4.0, "end") } else { (left + 4.0, "start") };
            let _ = writeln!(
                out,
                "<line class=\"{class}\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"><title>{label}</title></line>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
                y - 5.0
            );
        }
    }
}

fn draw_piece(out: &mut String, frame: &Frame, piece: &Piece, index: usize) {
    let (x, width) = (frame.x(piece.first), frame.column * (piece.last - piece.first + 1) as f64);
    let (y, bottom) = (frame.y(piece.offset + piece.bytes), frame.y(piece.offset));
    let height = (bottom - y).max(1.0);
    // Neighbouring colours are far apart: steps of the golden angle.
    let colour = match piece.scratch {
        true => "#b8b8b8".to_owned(),
        false => pastel((index as f64 * 137.508) % 360.0),
    };
    let names = escape(&piece.names.join(" = "));
    let bytes = number(piece.bytes as u64);
    let _ = writeln!(
        out,
        "<rect class=\"piece\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\">\
         <title>{names}\n{bytes} bytes at {}, operators {} to {}</title></rect>",
        number(piece.offset as u64),
        piece.first,
        piece.last
    );
    // About five pixels for a character; what does not fit is left to the hover title.
    let room = ((width - 6.0) / 5.2).max(0.0) as usize;
    let name = piece.names.join(" = ");
    let lines = if height >= 24.0 { vec![name, bytes] } else { vec![format!("{name} ({bytes})")] };
    if height < 11.0 || room < 4 {
        return;
    }
    let first = f64::midpoint(y, bottom) + 3.0 - 6.0 * (lines.len() - 1) as f64;
    for (i, line) in lines.iter().enumerate() {
        let (x, y) = (x + 3.0, first + 12.0 * i as f64);
        let label = escape(&shortened(line, room));
        let _ = writeln!(
            out,
            "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\" pointer-events=\"none\">{label}</text>"
        );
    }
}

/// A light colour of this hue in degrees, written so that every reader of SVG knows it.
fn pastel(hue: f64) -> String {
    let channel = |shift: f64| {
        let distance = ((hue + shift) % 360.0 - 180.0).abs() / 60.0;
        (150.0 + 85.0 * (distance - 1.0).clamp(0.0, 1.0)) as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(240.0), channel(120.0))
}

/// The power of two of bytes that gives the axis 4 to 8 ticks.
fn tick(bytes: f64) -> usize {
    let rough = (bytes / 8.0).max(16.0) as usize;
    rough.next_power_of_two()
}

fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(' '),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
