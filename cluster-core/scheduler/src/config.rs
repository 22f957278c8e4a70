//! Reads a `KubeSchedulerConfiguration` file.

use crate::model::{RequiredNodes, Spread, preferred_nodes};
use crate::prelude::*;
use crate::profile::{Point, Strategy};
use k8s_openapi::api::core::v1::{NodeAffinity, TopologySpreadConstraint};
use serde::Deserialize;
use serde_json::Value;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is no YAML.
    #[error(transparent)]
    Yaml(#[from] cluster_object::yaml::Error),
    /// A field does not exist, or does not hold what it should.
    #[error("failed to understand the scheduler's configuration: {0}")]
    Field(#[from] serde_json::Error),
    /// A field's value is wrong.
    #[error("{0}")]
    Value(String),
}

/// What a file may also hold: it concerns the process and not its decisions, and has no effect.
const WITHOUT_EFFECT: &str =
    "parallelism leaderElection clientConnection enableProfiling enableContentionProfiling delayCacheUntilActive";

/// The file.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct File {
    api_version: String,
    kind: String,
    profiles: Vec<FileProfile>,
    percentage_of_nodes_to_score: usize,
    pod_initial_backoff_seconds: Option<u64>,
    pod_max_backoff_seconds: Option<u64>,
    extenders: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FileProfile {
    scheduler_name: Option<String>,
    percentage_of_nodes_to_score: Option<usize>,
    plugins: BTreeMap<String, Switches>,
    plugin_config: Vec<PluginConfig>,
}

/// What is switched at one extension point.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Switches {
    enabled: Vec<Switch>,
    disabled: Vec<Switch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    name: String,
    weight: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginConfig {
    name: String,
    args: Option<Args>,
}

/// What the plugins that take arguments take.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Args {
    scoring_strategy: Option<ScoringStrategy>,
    added_affinity: Option<NodeAffinity>,
    default_constraints: Vec<TopologySpreadConstraint>,
    defaulting_type: Option<String>,
    hard_pod_affinity_weight: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScoringStrategy {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    resources: Vec<ResourceSpec>,
    requested_to_capacity_ratio: Option<Ratio>,
}

#[derive(Deserialize)]
struct ResourceSpec {
    name: String,
    #[serde(default)]
    weight: i64,
}

#[derive(Deserialize)]
struct Ratio {
    shape: Vec<ShapePoint>,
}

#[derive(Deserialize)]
struct ShapePoint {
    utilization: i64,
    score: i64,
}

impl Settings {
    /// Reads a `kubescheduler.config.k8s.io/v1` `KubeSchedulerConfiguration`.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        let mut document = cluster_object::yaml::from_manifest(text)?.into_iter().next().unwrap_or_default();
        if let Some(fields) = document.as_object_mut() {
            fields.retain(|name, _| !WITHOUT_EFFECT.split(' ').any(|known| known == name));
        }
        let mut file: File = serde_json::from_value(document)?;
        if file.kind != "KubeSchedulerConfiguration" || file.api_version != "kubescheduler.config.k8s.io/v1" {
            let text = format!("{} {} is no KubeSchedulerConfiguration of version v1", file.api_version, file.kind);
            return Err(ConfigError::Value(text));
        }
        if !file.extenders.is_empty() {
            return Err(ConfigError::Value("extenders: the scheduler calls none".to_owned()));
        }
        let mut settings = Self::default();
        let seconds = |given: Option<u64>, default| given.map_or(default, Duration::from_secs);
        settings.first_backoff = seconds(file.pod_initial_backoff_seconds, settings.first_backoff);
        settings.longest_backoff = seconds(file.pod_max_backoff_seconds, settings.longest_backoff);
        if file.profiles.is_empty() {
            file.profiles.push(FileProfile::default());
        }
        let read = |profile: FileProfile| profile.read(file.percentage_of_nodes_to_score);
        settings.profiles = file.profiles.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(settings)
    }
}

impl FileProfile {
    fn read(self, percentage: usize) -> Result<Profile, ConfigError> {
        let percentage = self.percentage_of_nodes_to_score.unwrap_or(percentage);
        let mut profile = Profile { percentage, ..Profile::default() };
        profile.name = self.scheduler_name.unwrap_or(profile.name);
        // What is said of one point counts more than what is said of all.
        let points = [(Point::Multi, vec!["multiPoint"]), (Point::Filter, vec!["preFilter", "filter", "postFilter"])];
        for (point, names) in points.into_iter().chain([(Point::Score, vec!["preScore", "score"])]) {
            let switches: Vec<&Switches> = names.iter().filter_map(|name| self.plugins.get(*name)).collect();
            let disabled = switches.iter().flat_map(|s| &s.disabled).map(|plugin| (plugin, false));
            let enabled = switches.iter().flat_map(|s| &s.enabled).map(|plugin| (plugin, true));
            for (plugin, on) in disabled.chain(enabled) {
                if !profile.set(&plugin.name, on, point, plugin.weight) {
                    return Err(ConfigError::Value(format!("there is no plugin {:?}", plugin.name)));
                }
            }
        }
        for config in self.plugin_config {
            profile.configure(&config.name, config.args.unwrap_or_default())?;
        }
        Ok(profile)
    }
}

impl Profile {
    fn configure(&mut self, plugin: &str, args: Args) -> Result<(), ConfigError> {
        match plugin {
            "NodeResourcesFit" => {
                let Some(strategy) = args.scoring_strategy else { return Ok(()) };
                self.strategy = read_strategy(&strategy)?;
                if !strategy.resources.is_empty() {
                    let weighed = strategy.resources.into_iter().map(|one| (one.name, one.weight.max(1)));
                    self.resources = weighed.collect();
                }
            }
            "NodeAffinity" => {
                self.added_nodes = RequiredNodes::of_affinity(args.added_affinity.as_ref());
                self.added_preferences = preferred_nodes(args.added_affinity.as_ref());
            }
            "PodTopologySpread" => {
                if args.defaulting_type.as_deref() == Some("List") {
                    let of = |when: &str| -> Vec<Spread> {
                        let chosen = args.default_constraints.iter().filter(|c| c.when_unsatisfiable == when);
                        chosen.map(Spread::read).collect()
                    };
                    self.spread = Some((of("DoNotSchedule"), of("ScheduleAnyway")));
                }
            }
            "InterPodAffinity" => {
                self.hard_affinity_weight = args.hard_pod_affinity_weight.unwrap_or(1);
            }
            "DefaultPreemption" | "VolumeBinding" | "NodeResourcesBalancedAllocation" | "DynamicResources" => {}
            other => return Err(ConfigError::Value(format!("pluginConfig: {other:?} takes no arguments"))),
        }
        Ok(())
    }
}

fn read_strategy(strategy: &ScoringStrategy) -> Result<Strategy, ConfigError> {
    /// Scores of shapes go up to this.
    const MOST: i64 = 10;
    let wrong = |text: String| ConfigError::Value(format!("scoringStrategy: {text}"));
    match strategy.kind.as_str() {
        "LeastAllocated" => Ok(Strategy::Least),
        "MostAllocated" => Ok(Strategy::Most),
        "RequestedToCapacityRatio" => {
            let shape = strategy.requested_to_capacity_ratio.iter().flat_map(|ratio| &ratio.shape);
            let shape: Vec<(i64, i64)> = shape.map(|point| (point.utilization, point.score)).collect();
            let ranges = shape.iter().all(|(at, score)| (0..=100).contains(at) && (0..=MOST).contains(score));
            if shape.is_empty() || !ranges || !shape.is_sorted_by(|a, b| a.0 < b.0) {
                return Err(wrong(
                    "the shape needs points of growing utilization up to 100 and scores up to 10".into(),
                ));
            }
            let scale = crate::plugins::MAX_SCORE / MOST;
            Ok(Strategy::Ratio(shape.into_iter().map(|(at, score)| (at, score * scale)).collect()))
        }
        other => Err(wrong(format!("there is no type {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chooser;
    use crate::model::Cluster;
    use crate::tests::{cluster, node, pod, requests};
    use serde_json::json;

    fn settings(profile: &str) -> Result<Settings, ConfigError> {
        let head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- ";
        Settings::from_yaml(&format!("{head}{profile}"))
    }

    fn chosen(cluster: &Cluster, profile: &str, pod: &crate::PodInfo) -> Result<String, String> {
        let settings = settings(profile).expect("a configuration");
        let choice = Chooser::new(1).choose(cluster, &settings.profiles[0], pod);
        choice.map(|id| cluster.node(id).name().to_owned()).map_err(|diagnosis| diagnosis.to_string())
    }

    /// A strategy over CPU alone, and no other rule.
    fn fit(strategy: &str) -> String {
        let strategy = format!("{{resources: [{{name: cpu, weight: 1}}], {strategy}}}");
        format!(
            "{{plugins: {{score: {{disabled: [{{name: '*'}}], enabled: [{{name: NodeResourcesFit}}]}}}}, \
             pluginConfig: [{{name: NodeResourcesFit, args: {{scoringStrategy: {strategy}}}}}]}}"
        )
    }

    #[test]
    fn a_strategy_prefers_empty_nodes_full_ones_or_those_of_a_shape() {
        let mut cluster = cluster(&["empty", "half", "full"].map(|name| node(name, json!({}))));
        cluster.place(pod("a", requests("1500m", "1Gi")), "half", false);
        cluster.place(pod("b", requests("3", "1Gi")), "full", false);
        let shape =
            |points: &str| format!("type: RequestedToCapacityRatio, requestedToCapacityRatio: {{shape: [{points}]}}");
        let hill = "{utilization: 0, score: 0}, {utilization: 50, score: 10}, {utilization: 100, score: 0}";
        let rising = "{utilization: 0, score: 0}, {utilization: 100, score: 10}";
        let table = [
            ("type: LeastAllocated".to_owned(), "empty"),
            ("type: MostAllocated".to_owned(), "full"),
            (shape(hill), "half"),
            (shape(rising), "full"),
        ];
        for (strategy, name) in table {
            assert_eq!(
                chosen(&cluster, &fit(&strategy), &pod("p", requests("500m", "1Gi"))).as_deref(),
                Ok(name),
                "{strategy}"
            );
        }
    }

    #[test]
    fn a_profile_says_how_many_nodes_are_compared_or_else_the_file_does() {
        let head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n\
                    percentageOfNodesToScore: 30\n";
        let table = [
            ("", 30),
            ("profiles: [{schedulerName: x}]", 30),
            ("profiles: [{percentageOfNodesToScore: 70}]", 70),
            ("profiles: [{percentageOfNodesToScore: 0}]", 0),
        ];
        for (profiles, expected) in table {
            let settings = Settings::from_yaml(&format!("{head}{profiles}")).expect("a configuration");
            assert_eq!(settings.profiles[0].percentage, expected, "{profiles}");
        }
    }

    #[test]
    fn an_added_affinity_is_asked_of_every_pod() {
        let cluster = cluster(&["a", "b"].map(|name| node(name, json!({"metadata": {"labels": {"pool": name}}}))));
        let profile = |value: &str| {
            let term = format!("{{matchExpressions: [{{key: pool, operator: In, values: [{value}]}}]}}");
            let rule = format!("requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{term}]}}");
            format!("pluginConfig: [{{name: NodeAffinity, args: {{addedAffinity: {{{rule}}}}}}}]")
        };
        assert_eq!(chosen(&cluster, &profile("b"), &pod("p", json!({}))).as_deref(), Ok("b"));
        let text = "0/2 nodes are available: 2 node(s) didn't match scheduler-enforced node affinity.";
        assert_eq!(chosen(&cluster, &profile("c"), &pod("p", json!({}))), Err(text.to_owned()));
    }

    #[test]
    fn default_constraints_can_be_hard() {
        let zones = ["a", "b"].map(|name| node(name, json!({"metadata": {"labels": {"zone": name}}})));
        let mut cluster = cluster(&zones);
        let service = json!({"metadata": {"name": "s", "namespace": "ns"}, "spec": {"selector": {"app": "web"}}});
        cluster.set_service(&serde_json::from_value(service).expect("a service"));
        let web = |name: &str| pod(name, json!({"metadata": {"labels": {"app": "web"}}, "spec": {"nodeSelector": {}}}));
        cluster.place(web("w"), "a", false);
        cluster.place(pod("other", requests("3", "6Gi")), "b", false);
        let profile = "pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: \
                       [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]}}]";
        assert_eq!(chosen(&cluster, profile, &web("p")).as_deref(), Ok("b"));
        assert_eq!(chosen(&cluster, "schedulerName: x", &pod("p", json!({}))).as_deref(), Ok("a"));
    }

    #[test]
    fn plugins_are_switched_by_point_and_by_name() {
        let cluster = cluster(&[node("n", json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}))]);
        for (profile, fits) in [
            ("schedulerName: x", false),
            ("plugins: {filter: {disabled: [{name: TaintToleration}]}}", true),
            ("plugins: {multiPoint: {disabled: [{name: TaintToleration}]}}", true),
            ("plugins: {multiPoint: {disabled: [{name: '*'}], enabled: [{name: TaintToleration}]}}", false),
            ("plugins: {score: {disabled: [{name: TaintToleration}]}}", false),
        ] {
            assert_eq!(chosen(&cluster, profile, &pod("p", json!({}))).is_ok(), fits, "{profile}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for profile in [
            "typo: 1",
            "plugins: {filter: {enabled: [{name: Unknown}]}}",
            "pluginConfig: [{name: ImageLocality, args: {}}]",
            "pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Best}}}]",
            "pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio}}}]",
        ] {
            assert!(settings(profile).is_err(), "{profile}");
        }
        assert!(Settings::from_yaml("kind: Pod\napiVersion: v1").is_err());
    }
}
