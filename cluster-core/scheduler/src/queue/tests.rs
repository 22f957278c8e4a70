//! Order, back-off, waking.

use super::*;
use crate::tests::pod;
use serde_json::json;

fn put(queue: &mut Queue, name: &str, priority: i32, now: Instant) {
    queue.put(pod(name, json!({"spec": {"priority": priority}})), true, now);
}

fn pop(queue: &mut Queue, now: Instant) -> Option<String> {
    queue.pop(now).map(|pod| pod.key.name.to_string())
}

fn queue() -> Queue {
    Queue::new(SECOND, Duration::from_secs(10))
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn priority_goes_before_age() {
    let (mut queue, now) = (queue(), Instant::now());
    put(&mut queue, "old", 0, now);
    put(&mut queue, "new", 0, now + SECOND);
    put(&mut queue, "urgent", 5, now + SECOND);
    let order = [(); 3].map(|()| pop(&mut queue, now + SECOND).expect("a pod"));
    assert_eq!(order, ["urgent", "old", "new"]);
    assert_eq!(pop(&mut queue, now + SECOND), None);
}

#[tokio::test(start_paused = true)]
async fn a_parked_pod_costs_nothing_until_one_of_its_plugins_may_change_its_mind() {
    let (mut queue, now) = (queue(), Instant::now());
    put(&mut queue, "p", 0, now);
    assert!(pop(&mut queue, now).is_some());
    queue.park("uid-p", 0b10, now);
    queue.wake(now + SECOND, 0b01, |_, _| true);
    queue.wake(now + SECOND, 0b10, |_, _| false);
    assert_eq!(pop(&mut queue, now + SECOND), None);
    queue.wake(now + SECOND, 0b11, |plugins, _| plugins == 0b10);
    assert_eq!(pop(&mut queue, now + SECOND).as_deref(), Some("p"));
}

#[tokio::test(start_paused = true)]
async fn an_error_backs_off_from_one_second_to_ten() {
    let (mut queue, mut now) = (queue(), Instant::now());
    put(&mut queue, "p", 0, now);
    assert!(pop(&mut queue, now).is_some());
    for seconds in [1, 2, 4, 8, 10, 10] {
        queue.fail("uid-p");
        assert_eq!(queue.next_deadline(), Some(now + SECOND * seconds));
        assert_eq!(pop(&mut queue, now + SECOND * seconds - Duration::from_millis(1)), None);
        now += SECOND * seconds;
        assert_eq!(pop(&mut queue, now).as_deref(), Some("p"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_woken_pod_backs_off_only_while_others_are_ready() {
    let (mut queue, now) = (queue(), Instant::now());
    put(&mut queue, "tried", 9, now);
    assert!(pop(&mut queue, now).is_some());
    queue.park("uid-tried", 1, now);
    put(&mut queue, "fresh", 0, now);
    queue.wake(now, 1, |_, _| true);
    assert_eq!(pop(&mut queue, now).as_deref(), Some("fresh"));
    assert_eq!(pop(&mut queue, now).as_deref(), Some("tried"));
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_a_pod_is_tried_again_after_five_minutes() {
    let (mut queue, now) = (queue(), Instant::now());
    put(&mut queue, "p", 0, now);
    assert!(pop(&mut queue, now).is_some());
    queue.park("uid-p", 1, now);
    let mut at = now;
    while pop(&mut queue, at).is_none() {
        at = queue.next_deadline().expect("a deadline");
    }
    assert_eq!(at, now + LONGEST_PARKED);
    assert_eq!(queue.next_deadline(), None);
}

#[tokio::test(start_paused = true)]
async fn a_gated_pod_waits_for_its_gates_and_a_removed_one_is_forgotten() {
    let (mut queue, now) = (queue(), Instant::now());
    queue.put(pod("p", json!({"spec": {"schedulingGates": [{"name": "x/y"}]}})), true, now);
    assert_eq!(pop(&mut queue, now), None);
    put(&mut queue, "p", 0, now);
    assert_eq!(pop(&mut queue, now).as_deref(), Some("p"));
    queue.park("uid-p", 1, now);
    queue.remove("uid-p");
    queue.wake(now, 1, |_, _| true);
    assert_eq!(pop(&mut queue, now), None);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_pod_itself_may_help() {
    let (mut queue, now) = (queue(), Instant::now());
    put(&mut queue, "p", 0, now);
    assert!(pop(&mut queue, now).is_some());
    queue.park("uid-p", 1, now);
    queue.put(pod("p", json!({})), false, now);
    assert_eq!(pop(&mut queue, now), None);
    queue.put(pod("p", json!({})), true, now + SECOND);
    assert_eq!(pop(&mut queue, now + SECOND).as_deref(), Some("p"));
}
