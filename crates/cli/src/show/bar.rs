//! A ring as a bar: one cell for a share of its hosts, and never fewer than one cell for anything that is there.

use ringway_engine::view::RingView;

use super::paint::{Paint, paint};

/// The bar's width in cells.
pub(crate) const WIDTH: usize = 24;

/// What a ring's hosts are, in the order of the bar, with the sign and the colour of each.
fn parts(ring: &RingView) -> [(u32, char, Paint); 7] {
    [
        (ring.done, '█', Paint::Good),
        (ring.visiting + ring.settling, '▓', Paint::Busy),
        (ring.failed, 'X', Paint::Bad),
        (ring.withheld + ring.debt, '?', Paint::Busy),
        (ring.rolled_back, '<', Paint::Good),
        (
            ring.skipped + ring.vanished + ring.excepted + ring.outside,
            '-',
            Paint::Faint,
        ),
        (ring.pending, '·', Paint::Faint),
    ]
}

/// The bar.
pub(crate) fn bar(ring: &RingView) -> String {
    let parts = parts(ring);
    let counts = parts.map(|(count, _, _)| count);
    let cells = share_out(&counts, WIDTH);
    let mut text = String::new();
    let mut width = 0;
    for ((_, sign, colour), cells) in parts.into_iter().zip(cells) {
        if cells > 0 {
            text.push_str(&paint(colour, &sign.to_string().repeat(cells)));
            width += cells;
        }
    }
    text + &" ".repeat(WIDTH - width)
}

/// Cells for each count: in proportion, at least one for what is there, `width` in all (none for a ring without hosts).
fn share_out(counts: &[u32; 7], width: usize) -> [usize; 7] {
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if total == 0 {
        return [0; 7];
    }
    let mut cells = counts.map(|count| {
        let exact = u64::from(count) * width as u64 / total;
        usize::try_from(exact)
            .unwrap_or(width)
            .max(usize::from(count > 0))
    });
    // What rounding left over or took too much is settled with the largest part.
    let largest = (0..counts.len()).max_by_key(|&i| counts[i]).unwrap_or(0);
    let others: usize = (0..counts.len())
        .filter(|&i| i != largest)
        .map(|i| cells[i])
        .sum();
    cells[largest] = width.saturating_sub(others);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A single failure among a million hosts must be seen.
    #[test]
    fn whatever_is_there_has_a_cell_and_the_bar_is_full() {
        for counts in [
            [1_000_000, 0, 1, 0, 0, 2, 3],
            [0, 1, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1, 1],
            [7, 3, 0, 0, 0, 0, 14],
        ] {
            let cells = share_out(&counts, WIDTH);
            assert_eq!(cells.iter().sum::<usize>(), WIDTH, "{counts:?}");
            for (count, cells) in counts.iter().zip(cells) {
                assert_eq!(*count > 0, cells > 0, "{counts:?}");
            }
        }
        assert_eq!(share_out(&[0; 7], WIDTH), [0; 7]);
    }
}
