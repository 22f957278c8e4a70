//! Amounts of resources as integers: milli-CPUs, bytes, counts.

use crate::prelude::*;
use cluster_object::quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// One amount per resource; what is not named is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
    pub(crate) storage: i64,
    /// Extended resources and huge pages.
    pub(crate) extended: BTreeMap<Arc<str>, i64>,
}

impl Resources {
    /// Reads a resource list; an amount that cannot be read counts as zero. `pods` is no resource here.
    pub(crate) fn read(list: &BTreeMap<String, Quantity>) -> Self {
        let mut resources = Self::default();
        for (name, quantity) in list {
            *resources.slot(name) = amount(name, quantity);
        }
        resources.extended.remove("pods");
        resources
    }

    /// The amount of one resource.
    pub(crate) fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.storage,
            _ => self.extended.get(name).copied().unwrap_or_default(),
        }
    }

    fn slot(&mut self, name: &str) -> &mut i64 {
        match name {
            "cpu" => &mut self.cpu,
            "memory" => &mut self.memory,
            "ephemeral-storage" => &mut self.storage,
            _ => self.extended.entry(name.into()).or_default(),
        }
    }

    /// Combines every amount with the other's by `with`.
    fn merge(&mut self, other: &Self, with: impl Fn(i64, i64) -> i64) {
        self.cpu = with(self.cpu, other.cpu);
        self.memory = with(self.memory, other.memory);
        self.storage = with(self.storage, other.storage);
        for (name, amount) in &other.extended {
            match self.extended.get_mut(name) {
                Some(own) => *own = with(*own, *amount),
                None => drop(self.extended.insert(name.clone(), with(0, *amount))),
            }
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.merge(other, i64::saturating_sub);
    }
}

impl Demand for Resources {
    fn add(&mut self, other: &Self) {
        self.merge(other, i64::saturating_add);
    }

    fn raise(&mut self, other: &Self) {
        self.merge(other, i64::max);
    }
}

/// The amount of a quantity: thousandths for CPU, whole units for everything else.
pub(crate) fn amount(resource: &str, quantity: &Quantity) -> i64 {
    let parsed = quantity::Quantity::parse(&quantity.0).unwrap_or_default();
    if resource == "cpu" { parsed.milli_value() } else { parsed.value() }
}
