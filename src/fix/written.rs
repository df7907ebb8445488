//! Where the policy of a service is written that is in force.

use crate::rollout::remedies::Part;
use crate::source::Span;
use crate::vocabulary::{Attribute, Service};

/// Where the head of a part's block is written.
pub(super) fn head(service: &Service, part: Part) -> Option<Span> {
    match part {
        Part::Health => service.health.as_ref().map(|it| it.span),
        Part::Liveness => service.liveness.as_ref().map(|it| it.span),
        Part::Shutdown => service.shutdown.as_ref().map(|it| it.span),
        Part::Update => service.update.as_ref().map(|it| it.span),
        Part::Rollback => service
            .update
            .as_ref()
            .and_then(|it| it.rollback.as_ref())
            .map(|it| it.span),
        Part::Placement => service.placement.as_ref().map(|it| it.span),
        Part::Restart => service.restart.as_ref().map(|it| it.span),
    }
}

/// The label of a part's block; of a new one, the usual.
pub(super) fn label(service: &Service, part: Part) -> &str {
    match part {
        Part::Health => service.health.as_ref().map_or("http", |it| it.label.name()),
        Part::Liveness => service
            .liveness
            .as_ref()
            .map_or("http", |it| it.label.name()),
        Part::Update => service
            .update
            .as_ref()
            .map_or("rolling", |it| it.label.name()),
        _ => "",
    }
}

/// Where the key of a property is written.
pub(super) fn key(service: &Service, part: Part, property: &str) -> Option<Span> {
    fn of<T>(written: Option<&Attribute<T>>) -> Option<Span> {
        written.map(|written| written.key_span)
    }
    match part {
        Part::Health => {
            let it = service.health.as_ref()?;
            match property {
                "interval" => of(it.interval.as_ref()),
                "start_period" => of(it.start_period.as_ref()),
                _ => None,
            }
        }
        Part::Liveness => of(service.liveness.as_ref()?.retries.as_ref()),
        Part::Shutdown => {
            let it = service.shutdown.as_ref()?;
            match property {
                "grace" => of(it.grace.as_ref()),
                _ => of(it.drain.as_ref()),
            }
        }
        Part::Update => {
            let it = service.update.as_ref()?;
            match property {
                "order" => of(it.order.as_ref()),
                "parallelism" => of(it.parallelism.as_ref()),
                "delay" => of(it.delay.as_ref()),
                "monitor" => of(it.monitor.as_ref()),
                "max_failure_ratio" => of(it.max_failure_ratio.as_ref()),
                "on_failure" => of(it.on_failure.as_ref()),
                "config_test" => of(it.config_test.as_ref()),
                "lock" => of(it.lock.as_ref()),
                "swap_back" => of(it.swap_back.as_ref()),
                _ => None,
            }
        }
        Part::Rollback => {
            let it = service.update.as_ref()?.rollback.as_ref()?;
            match property {
                "order" => of(it.order.as_ref()),
                _ => of(it.parallelism.as_ref()),
            }
        }
        Part::Placement => of(service.placement.as_ref()?.max_per_node.as_ref()),
        Part::Restart => {
            let it = service.restart.as_ref()?;
            match property {
                "condition" => of(it.condition.as_ref()),
                _ => of(it.max_attempts.as_ref()),
            }
        }
    }
}
