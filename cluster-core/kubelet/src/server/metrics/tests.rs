//! What is told of probes, and how a family is written.

use super::*;

#[test]
fn probes_are_told_by_result_and_successful_ones_by_their_time() {
    let key = |kind: &str| ["u", "n", "p", "c", kind].map(str::to_owned);
    let within = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    let told = probes(&BTreeMap::from([
        (key("Liveness"), Figures { failed: 3, ..Figures::default() }),
        (key("Readiness"), Figures { failed: 0, within, successful: 1, seconds: 0.0075 }),
    ]));
    let of = r#"container="c",namespace="n",pod="p""#;
    let (failed, passed) = (r#"probe_type="Liveness",result="failed"} 3"#, r#"result="successful"} 1"#);
    let ready = format!("prober_probe_duration_seconds_bucket{{{of},probe_type=\"Readiness\"");
    for line in [
        "# TYPE prober_probe_total counter".to_owned(),
        format!("prober_probe_total{{{of},pod_uid=\"u\",{failed}"),
        format!("prober_probe_total{{{of},pod_uid=\"u\",probe_type=\"Readiness\",{passed}"),
        "# TYPE prober_probe_duration_seconds histogram".to_owned(),
        format!("{ready},le=\"0.005\"}} 0"),
        format!("{ready},le=\"0.01\"}} 1"),
        format!("{ready},le=\"+Inf\"}} 1"),
        format!("prober_probe_duration_seconds_sum{{{of},probe_type=\"Readiness\"}} 0.0075"),
        format!("prober_probe_duration_seconds_count{{{of},probe_type=\"Readiness\"}} 1"),
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    assert_eq!(told.lines().count(), 18, "nothing is told of what did not happen\n{told}");
}

#[test]
fn a_family_is_told_with_its_kind_labels_and_moment() {
    let mut out = Exposition::default();
    out.family("gauge", "a", None, [(vec![], 1.5)]);
    out.family("counter", "b", Some(7), [(vec![("pod", "p"), ("container", "say \"c\"")], 2.0)]);
    let told = "# TYPE a gauge\na 1.5\n# TYPE b counter\nb{pod=\"p\",container=\"say \\\"c\\\"\"} 2 7\n";
    assert_eq!(out.0, told);
}
