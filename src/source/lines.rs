//! Lines and columns of a text, each found in constant time however many are asked for.

/// Bytes between two counts of lines and characters.
const BLOCK: usize = 1024;

/// What is before each block of a text's bytes: where one thing is told of a large text, no more is
/// looked at than has to be.
#[derive(Clone, Debug)]
pub(super) struct Lines(Vec<Before>);

#[derive(Clone, Copy, Debug, Default)]
struct Before {
    /// Ends of lines.
    lines: usize,
    characters: usize,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let mut before = Before::default();
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            let here = before;
            before.add(block);
            here
        });
        Self(blocks.collect())
    }

    /// What is before an offset.
    fn before(&self, text: &str, offset: usize) -> Before {
        let offset = offset.min(text.len());
        // The end of a text that fills its last block begins none.
        let block = (offset / BLOCK).min(self.0.len().saturating_sub(1));
        let mut before = self.0.get(block).copied().unwrap_or_default();
        let rest = text.as_bytes().get(block * BLOCK..offset);
        before.add(rest.unwrap_or_default());
        before
    }

    /// The line, from 0.
    pub(super) fn line(&self, text: &str, offset: usize) -> usize {
        self.before(text, offset).lines
    }

    /// The first byte of a line, by its number from 0.
    pub(super) fn start(&self, text: &str, line: usize) -> Option<usize> {
        if line == 0 {
            return Some(0);
        }
        let block = self.0.partition_point(|before| before.lines < line);
        let block = block.checked_sub(1)?;
        let skipped = line - 1 - self.0.get(block)?.lines;
        let rest = text.as_bytes().get(block * BLOCK..)?;
        let mut ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Some(block * BLOCK + ends.nth(skipped)?.0 + 1)
    }

    /// Line and column, from 1.
    pub(super) fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = offset.min(text.len());
        let here = self.before(text, offset);
        let start = self.start(text, here.lines).unwrap_or(0);
        let column = here.characters - self.before(text, start).characters;
        (here.lines + 1, column + 1)
    }
}

impl Before {
    fn add(&mut self, bytes: &[u8]) {
        let ends = bytes.iter().map(|byte| usize::from(*byte == b'\n'));
        self.lines += ends.sum::<usize>();
        self.characters += count(bytes);
    }
}

/// The characters that begin in some bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| *byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_where_counting_from_the_start_finds_it() {
        let long = "é word\n\n".repeat(300);
        let (full, _) = long.split_at(BLOCK * 2);
        let (less, _) = long.split_at(BLOCK * 2 - 1);
        for text in ["", "\n", "one", &long, full, less] {
            let lines = Lines::of(text);
            for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let (before, _) = text.split_at(offset);
                let number = before.matches('\n').count();
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                let (_, here) = before.split_at(start);
                let place = (number + 1, here.chars().count() + 1);
                assert_eq!(lines.position(text, offset), place);
                assert_eq!(lines.start(text, number), Some(start));
            }
            assert_eq!(lines.start(text, text.matches('\n').count() + 1), None);
        }
    }
}
