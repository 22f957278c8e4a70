//! A set of numbers out of a range, each held by at most one.

use std::collections::HashSet;
use std::ops::RangeInclusive;

/// The numbers of a range and which of them are taken.
#[derive(Debug)]
pub(crate) struct Pool {
    range: RangeInclusive<u32>,
    taken: HashSet<u32>,
}

impl Pool {
    /// Everything is free.
    pub(crate) fn new(range: RangeInclusive<u32>) -> Self {
        Self { range, taken: HashSet::new() }
    }

    /// The first and last number.
    pub(crate) fn bounds(&self) -> (u32, u32) {
        (*self.range.start(), *self.range.end())
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.range.contains(&number)
    }

    /// Takes this number; false when somebody has it.
    pub(crate) fn take(&mut self, number: u32) -> bool {
        self.taken.insert(number)
    }

    /// Takes a free number: from the upper part while that has any, because people choose from the lower one.
    pub(crate) fn take_any(&mut self) -> Option<u32> {
        let (first, last) = self.bounds();
        let size = last - first + 1;
        let reserved = if size < 16 { 0 } else { (size / 16).clamp(16, 256).min(size - 1) };
        let found = self.probe(first + reserved, last).or_else(|| self.probe(first, first + reserved))?;
        self.taken.insert(found);
        Some(found)
    }

    fn probe(&self, first: u32, last: u32) -> Option<u32> {
        let start = rand::random_range(first..=last);
        (start..=last).chain(first..start).find(|number| !self.taken.contains(number))
    }

    pub(crate) fn release(&mut self, number: u32) {
        self.taken.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_given_once_and_the_upper_part_first() {
        let mut pool = Pool::new(1..=32);
        let first: Vec<u32> = (0..16).filter_map(|_| pool.take_any()).collect();
        assert!(first.iter().all(|n| *n > 16), "{first:?}");
        let rest: HashSet<u32> = (0..16).filter_map(|_| pool.take_any()).collect();
        assert_eq!((rest.len(), pool.take_any()), (16, None));
        pool.release(3);
        assert!(pool.take(3) && !pool.take(3));
    }
}
