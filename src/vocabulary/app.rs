//! The program as a whole: `app` and `target`.

use super::{DeployVariables, KubernetesGateway, LabelRule, TargetId};
use crate::source::{Spanned, Str};
use crate::types::Duration;
use std::net::Ipv4Addr;

block! {
    /// The program: one per build.
    pub struct App = "app" LabelRule::Name; {
        /// What to write for; all of them where it is left out.
        targets: attribute(Vec<Spanned<TargetId>>),
        /// Whether `PROOF.md` and `proof.json`, what was proved and what that rests on, are written
        /// beside the manifests; false by default.
        certificate: attribute(bool),
        /// Annotations of origin on everything that is written; never selectors.
        labels: block(Labels),
    }
}

block! {
    /// Labels: any keys.
    pub struct Labels = "labels" LabelRule::None; {
        /// A label.
        entries: entries(Str),
    }
}

block! {
    /// Settings of one target.
    pub struct TargetSettings = "target" LabelRule::Variant(TargetId::WORDS); {
        /// kubernetes: what carries the gateways' routes; an Ingress by default.
        gateway: attribute(KubernetesGateway),
        /// kubernetes: what becomes of deploy-time variables; `build` by default.
        deploy_variables: attribute(DeployVariables),
        /// kubernetes: the namespace of every object; none is written by default.
        namespace: attribute(Str),
        /// kubernetes: the class of every Ingress; the cluster's default where it is left out.
        ingress_class: attribute(Str),
        /// kubernetes: the class of every Gateway; needed for `gateway = gateway_api`.
        gateway_class: attribute(Str),
        /// kubernetes: the namespace of the ingress controller, from which routed ports are
        /// admitted; every namespace by default.
        ingress_from: attribute(Str),
        /// nginx: the name server asked at request time; Docker's, `127.0.0.11`, by default.
        resolver: attribute(Ipv4Addr),
        /// nginx: the version that reads the configuration; `1.22` by default. `resolve` in an
        /// upstream needs 1.27.3.
        version: attribute(Str),
        /// nginx: plain hosts are delivered to by AWS CodeDeploy.
        codedeploy: block(CodeDeploy),
    }
}

block! {
    /// How AWS CodeDeploy puts a bundle on a host.
    pub struct CodeDeploy = "codedeploy" LabelRule::None; {
        /// The folder that the bundle is copied to.
        destination: attribute(Str),
        /// Who the files belong to; whoever runs the agent by default.
        owner: attribute(Str),
        /// Who runs the scripts; whoever runs the agent by default.
        runas: attribute(Str),
        /// How long each script may take; 1h by default, as CodeDeploy has it.
        timeout: attribute(Duration),
    }
}
