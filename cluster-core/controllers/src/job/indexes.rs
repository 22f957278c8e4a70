//! Sets of completion indexes as a job's status writes them: `1,3-5,7`.

use crate::prelude::*;

pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The index a pod works on.
pub(super) fn of(pod: &Pod) -> Option<u32> {
    pod.annotation(INDEX)?.parse().ok()
}

/// Pods whose work is not wanted: their index is beyond the job's, is `over`, or is another pod's as well.
pub(super) fn surplus(active: &[Arc<Pod>], completions: u32, over: impl Fn(u32) -> bool) -> Vec<Arc<Pod>> {
    let mut seen = BTreeSet::new();
    let mut wanted = |pod: &Pod| of(pod).is_some_and(|index| index < completions && !over(index) && seen.insert(index));
    active.iter().filter(|pod| !wanted(pod)).cloned().collect()
}

/// Reads a set; what is no number is left out.
pub(super) fn parse(text: &str, completions: u32) -> BTreeSet<u32> {
    let mut set = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            set.extend((first..=last).take_while(|index| *index < completions));
        }
    }
    set
}

/// Writes a set with its runs joined.
pub(super) fn format(set: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for index in set {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let text = |(first, last): (u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.into_iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_in_runs_and_read_back() {
        for text in ["", "0", "0,1", "1,3-5,7", "0-9"] {
            assert_eq!(format(&parse(text, 100)), text);
        }
        assert_eq!(format(&parse("0-9", 4)), "0-3");
        assert_eq!(format(&parse("x,2", 4)), "2");
    }
}
