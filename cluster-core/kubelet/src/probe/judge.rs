//! When single answers of a probe add up to a verdict: success and failure thresholds.

use crate::pod::state::ProbeKind;
use k8s_openapi::api::core::v1::Probe;

/// Counts answers of one probe.
#[derive(Debug)]
pub(super) struct Judge {
    success_threshold: i32,
    failure_threshold: i32,
    run: (bool, i32),
    verdict: Option<bool>,
}

impl Judge {
    pub(super) fn new(probe: &Probe, kind: ProbeKind) -> Self {
        // Before the first verdict a container counts as alive and as not ready.
        let verdict = (kind == ProbeKind::Liveness).then_some(true);
        Self {
            success_threshold: probe.success_threshold.unwrap_or(1).max(1),
            failure_threshold: probe.failure_threshold.unwrap_or(3).max(1),
            run: (true, 0),
            verdict,
        }
    }

    /// Takes one answer in; tells the verdict when it changes.
    pub(super) fn observe(&mut self, ok: bool) -> Option<bool> {
        self.run = if self.run.0 == ok { (ok, self.run.1 + 1) } else { (ok, 1) };
        let threshold = if ok { self.success_threshold } else { self.failure_threshold };
        if self.run.1 < threshold || self.verdict == Some(ok) {
            return None;
        }
        self.verdict = Some(ok);
        Some(ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_change_only_at_their_thresholds() {
        let probe = Probe { success_threshold: Some(2), failure_threshold: Some(3), ..Probe::default() };
        let cases = [
            (ProbeKind::Readiness, "++", vec![None, Some(true)]),
            (ProbeKind::Readiness, "+-++", vec![None, None, None, Some(true)]),
            (ProbeKind::Readiness, "---", vec![None, None, Some(false)]),
            (ProbeKind::Liveness, "++---", vec![None, None, None, None, Some(false)]),
            (ProbeKind::Liveness, "--+--", vec![None; 5]),
        ];
        for (kind, answers, wanted) in cases {
            let mut judge = Judge::new(&probe, kind);
            let verdicts: Vec<Option<bool>> = answers.chars().map(|c| judge.observe(c == '+')).collect();
            assert_eq!(verdicts, wanted, "{kind:?} {answers}");
        }
    }
}
