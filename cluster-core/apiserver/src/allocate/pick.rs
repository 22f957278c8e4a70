//! The choice of a free number.

use std::ops::RangeInclusive;

/// A free number of the range: from the upper part while that has any, because people choose from the lower one.
pub(super) fn pick(range: &RangeInclusive<u32>, is_free: impl Fn(u32) -> bool) -> Option<u32> {
    let (first, last) = (*range.start(), *range.end());
    let size = last - first + 1;
    let reserved = if size < 16 { 0 } else { (size / 16).clamp(16, 256).min(size - 1) };
    let probe = |first: u32, last: u32| {
        let start = rand::random_range(first..=last);
        (start..=last).chain(first..start).find(|number| is_free(*number))
    };
    probe(first + reserved, last).or_else(|| probe(first, first + reserved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_number_is_found_and_the_upper_part_first() {
        let mut taken = HashSet::new();
        let mut next = || {
            let found = pick(&(1..=32), |number| !taken.contains(&number));
            taken.extend(found);
            found
        };
        let first: Vec<u32> = (0..16).filter_map(|_| next()).collect();
        assert!(first.iter().all(|n| *n > 16), "{first:?}");
        let rest: HashSet<u32> = (0..16).filter_map(|_| next()).collect();
        assert_eq!((rest.len(), next()), (16, None));
    }
}
