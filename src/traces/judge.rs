//! Predictions beside what was seen.

use super::{Case, Seen, Subject, nginx};
use crate::models::nginx::Verdict;
use crate::models::prediction::{Prediction, Race};
use crate::models::{kubernetes, swarm};
use std::collections::BTreeSet;

/// What the models say of some recordings.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each recording, in its order.
    pub cases: Vec<Judged>,
}

/// What the models say of one.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Whether it is another run of a case, and none of its own.
    pub is_repeat: bool,
    /// What was seen.
    pub seen: Seen,
    /// What was predicted, or why nothing was.
    pub predicted: Result<Predicted, String>,
    /// What was seen outside of what was predicted; nothing where the prediction is sound.
    pub unsound: Vec<String>,
    /// Whether it was seen as predicted.
    pub tightness: Tightness,
}

/// A model's answer.
#[derive(Clone, Debug)]
pub enum Predicted {
    /// Of an orchestrator.
    Capacity(Box<Prediction>),
    /// Of nginx.
    Requests(Verdict),
}

/// Whether what was predicted, the fewest serving or the loss of requests, was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tightness {
    /// As predicted.
    Exact,
    /// As predicted in another run of the same.
    Repeat,
    /// One of several that were predicted, where chance within the orchestrator decides: several
    /// runs of it were seen to differ, or it is the race of a failure with the next slot.
    Race,
    /// More was seen than was predicted; or nothing was decided, for a reason that is given.
    Loose,
    /// Nothing was predicted, or it was wrong.
    None,
}

impl Report {
    /// How many recordings the models take, repeats among them.
    pub fn modelled(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| case.predicted.is_ok())
            .count()
    }

    /// How many of those are repeats.
    pub fn repeats(&self) -> usize {
        let repeat = |case: &&Judged| case.predicted.is_ok() && case.is_repeat;
        self.cases.iter().filter(repeat).count()
    }

    /// How many cases the models take, each once.
    pub fn distinct(&self) -> usize {
        self.modelled().saturating_sub(self.repeats())
    }

    /// How many recordings nothing was seen outside of.
    pub fn sound(&self) -> usize {
        let sound = |case: &&Judged| case.predicted.is_ok() && case.unsound.is_empty();
        self.cases.iter().filter(sound).count()
    }

    /// How many cases were seen as predicted, in this way.
    pub fn with(&self, tightness: Tightness) -> usize {
        let with = |case: &&Judged| case.tightness == tightness && !case.is_repeat;
        self.cases.iter().filter(with).count()
    }

    /// How many cases were seen as predicted.
    pub fn tight(&self) -> usize {
        let tight = [Tightness::Exact, Tightness::Repeat, Tightness::Race];
        tight
            .into_iter()
            .map(|tightness| self.with(tightness))
            .sum()
    }
}

/// Predicts every recording and compares, with these latencies of a swarm.
pub fn judge(cases: &[Case], profile: &swarm::Profile) -> Report {
    judge_with(cases, &|scenario| swarm::predict(scenario, profile))
}

/// The same with another model of a swarm.
pub fn judge_with(cases: &[Case], swarm: &dyn Fn(&swarm::Scenario) -> Prediction) -> Report {
    let judged = cases.iter().map(|case| judge_one(case, cases, swarm));
    Report {
        cases: judged.collect(),
    }
}

fn judge_one(
    case: &Case,
    cases: &[Case],
    swarm: &dyn Fn(&swarm::Scenario) -> Prediction,
) -> Judged {
    let predicted = match &case.subject {
        Ok(subject) => searched(predict(subject, swarm)),
        Err(why) => Err(why.clone()),
    };
    let (unsound, tightness) = match &predicted {
        Err(_) => (Vec::new(), Tightness::None),
        Ok(Predicted::Capacity(prediction)) => {
            let mut unsound = unsound(prediction, &case.seen);
            if let Some(again) = &case.again {
                let again = self::unsound(prediction, again).into_iter();
                unsound.extend(again.map(|what| format!("{what} in another run")));
            }
            let tightness = if unsound.is_empty() {
                tightness(case, prediction, cases)
            } else {
                Tightness::None
            };
            (unsound, tightness)
        }
        Ok(Predicted::Requests(verdict)) => {
            let lost = case.seen.lost.is_some_and(|lost| lost > 0);
            match (verdict, lost) {
                (Verdict::Maybe(_), _) => (Vec::new(), Tightness::Loose),
                (Verdict::Kept, false) | (Verdict::Lost(_), true) => (Vec::new(), Tightness::Exact),
                (Verdict::Kept, true) => (vec!["requests lost".to_owned()], Tightness::None),
                (Verdict::Lost(_), false) => (vec!["no request lost".to_owned()], Tightness::None),
            }
        }
    };
    Judged {
        name: case.name.clone(),
        is_repeat: case.repeats.is_some(),
        seen: case.seen.clone(),
        predicted,
        unsound,
        tightness,
    }
}

/// A search that was cut off predicts nothing.
fn searched(predicted: Predicted) -> Result<Predicted, String> {
    match predicted {
        Predicted::Capacity(prediction) if !prediction.complete => {
            Err(format!("more than {} states", prediction.states))
        }
        predicted => Ok(predicted),
    }
}

fn predict(subject: &Subject, swarm: &dyn Fn(&swarm::Scenario) -> Prediction) -> Predicted {
    let capacity = |prediction| Predicted::Capacity(Box::new(prediction));
    match subject {
        Subject::Swarm(scenario) => capacity(swarm(scenario)),
        Subject::Deployment(deployment) => capacity(kubernetes::predict(deployment)),
        Subject::Drain(drain) => capacity(drain.predict()),
        Subject::Nginx(nginx::Subject::Pool(pool, load)) => Predicted::Requests(pool.verdict(load)),
        Subject::Nginx(nginx::Subject::Switch(switch, load)) => {
            Predicted::Requests(switch.verdict(load))
        }
        Subject::Nginx(nginx::Subject::Name(name, load)) => Predicted::Requests(name.verdict(load)),
    }
}

/// Each thing that was seen and cannot be, if the prediction is right.
fn unsound(prediction: &Prediction, seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let below = |seen: Option<u32>, least: u32| seen.is_some_and(|seen| seen < least);
    let above = |seen: Option<u32>, most: u32| seen.is_some_and(|seen| seen > most);
    if below(seen.least_serving, prediction.least_serving) {
        found.push("fewer serving".to_owned());
    }
    if below(seen.least_listening, prediction.least_listening) {
        found.push("fewer listening".to_owned());
    }
    if above(seen.most_alive, prediction.most_alive) {
        found.push("more alive".to_owned());
    }
    if let Some(most) = prediction.most_with_terminating
        && above(seen.most_with_terminating, most)
    {
        found.push("more with those that terminate".to_owned());
    }
    if let Some(outcome) = seen.outcome
        && !prediction.outcomes.contains(&outcome)
    {
        found.push(format!("ended as {outcome}"));
    }
    if let (Some(duration), Some(predicted)) = (seen.duration, prediction.duration)
        && (duration < predicted.least || duration > predicted.most)
    {
        found.push(format!("took {duration} ms"));
    }
    found
}

fn tightness(case: &Case, prediction: &Prediction, cases: &[Case]) -> Tightness {
    let predicted = Some(prediction.least_serving);
    if case.seen.least_serving == predicted {
        return Tightness::Exact;
    }
    let again = case.again.as_ref().and_then(|again| again.least_serving);
    let others = cases.iter().filter(|other| other.subject == case.subject);
    let all = others.flat_map(|other| [Some(&other.seen), other.again.as_ref()]);
    let all: BTreeSet<u32> = all
        .flatten()
        .filter_map(|seen| seen.least_serving)
        .collect();
    if again == predicted || all.contains(&prediction.least_serving) {
        return Tightness::Repeat;
    }
    let differs = case.racy || all.len() > 1;
    let races = differs || prediction.races.contains(&Race::NextSlotOrFailure);
    let possible = prediction.least_serving..=prediction.best_least_serving;
    let within = case
        .seen
        .least_serving
        .is_some_and(|seen| possible.contains(&seen));
    if races && within {
        Tightness::Race
    } else {
        Tightness::Loose
    }
}
