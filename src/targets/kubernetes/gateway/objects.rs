//! The objects of the Gateway API, v1, as far as they are written; no crate of ours has them
//! (`gateway-api.sigs.k8s.io/reference/spec`, module `sigs.k8s.io/gateway-api` v1.4).

use crate::targets::kubernetes::order::{InOrder, Ordered};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Where requests come in.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) metadata: ObjectMeta,
    pub(super) spec: GatewaySpec,
}

/// Where they go.
#[derive(Debug)]
pub(super) struct HttpRoute {
    pub(super) metadata: ObjectMeta,
    pub(super) spec: RouteSpec<Rule>,
}

/// Where calls go.
#[derive(Debug)]
pub(super) struct GrpcRoute {
    pub(super) metadata: ObjectMeta,
    pub(super) spec: RouteSpec<CallRule>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewaySpec {
    pub(super) gateway_class_name: String,
    pub(super) listeners: Vec<Listener>,
}

#[derive(Debug, serde::Serialize)]
pub(super) struct Listener {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<String>,
    pub(super) port: u64,
    /// `HTTP` or `HTTPS`.
    pub(super) protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<ListenerTls>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenerTls {
    pub(super) certificate_refs: Vec<Named>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteSpec<R> {
    pub(super) parent_refs: Vec<ParentRef>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hostnames: Vec<String>,
    pub(super) rules: Vec<R>,
}

#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParentRef {
    pub(super) name: String,
    /// A listener, by name; all where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) section_name: Option<String>,
}

/// A request that fits one of `matches` goes through the filters to one of the backends.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) matches: Vec<Match>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<Filter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) backend_refs: Vec<BackendRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeouts: Option<Timeouts>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Match {
    pub(super) path: PathMatch,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<HeaderValue>,
}

/// A call that fits one of `matches`, any where there is none, goes through the filters to one of the
/// backends.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallRule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) matches: Vec<CallMatch>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<Filter>,
    pub(super) backend_refs: Vec<BackendRef>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct CallMatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<CallMethod>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<HeaderValue>,
}

/// The calls of a service, or one of its methods, by their exact names.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct CallMethod {
    pub(super) service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct PathMatch {
    /// `Exact` or `PathPrefix`.
    pub(super) r#type: &'static str,
    pub(super) value: String,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct HeaderValue {
    pub(super) name: String,
    pub(super) value: String,
}

/// One of these, with its name beside it.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_header_modifier: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_header_modifier: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_redirect: Option<RequestRedirect>,
    #[serde(rename = "urlRewrite", skip_serializing_if = "Option::is_none")]
    url_rewrite: Option<UrlRewrite>,
}

#[derive(Clone, Debug, Default, serde::Serialize)]
pub(super) struct HeaderModifier {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) set: Vec<HeaderValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remove: Vec<String>,
}

#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestRedirect {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheme: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<PathModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u64>,
    /// 301 or 302; 302 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_code: Option<u64>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct UrlRewrite {
    pub(super) path: PathModifier,
}

#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum PathModifier {
    /// The whole path.
    ReplaceFullPath { replace_full_path: String },
    /// What the match has, and what follows it stays.
    ReplacePrefixMatch { replace_prefix_match: String },
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct BackendRef {
    pub(super) name: String,
    pub(super) port: u64,
    /// Its share of the sum; 1 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<u64>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Timeouts {
    pub(super) request: String,
}

impl Filter {
    const NONE: Filter = Filter {
        r#type: "",
        request_header_modifier: None,
        response_header_modifier: None,
        request_redirect: None,
        url_rewrite: None,
    };

    pub(super) fn request_headers(modifier: HeaderModifier) -> Self {
        Filter {
            r#type: "RequestHeaderModifier",
            request_header_modifier: Some(modifier),
            ..Filter::NONE
        }
    }

    pub(super) fn response_headers(modifier: HeaderModifier) -> Self {
        Filter {
            r#type: "ResponseHeaderModifier",
            response_header_modifier: Some(modifier),
            ..Filter::NONE
        }
    }

    pub(super) fn redirect(redirect: RequestRedirect) -> Self {
        Filter {
            r#type: "RequestRedirect",
            request_redirect: Some(redirect),
            ..Filter::NONE
        }
    }

    pub(super) fn rewrite(path: PathModifier) -> Self {
        Filter {
            r#type: "URLRewrite",
            url_rewrite: Some(UrlRewrite { path }),
            ..Filter::NONE
        }
    }

    /// Whether it changes headers and nothing else.
    pub(super) fn changes_headers(&self) -> bool {
        self.request_redirect.is_none() && self.url_rewrite.is_none()
    }

    /// Whether it replaces a prefix: then its rule may have one match only.
    pub(super) fn replaces_prefix(&self) -> bool {
        let path = self.url_rewrite.as_ref().map(|rewrite| &rewrite.path);
        matches!(path, Some(PathModifier::ReplacePrefixMatch { .. }))
    }
}

/// Objects of the API's group, in the order people read.
macro_rules! objects {
    ($($object:ident $kind:literal $plural:literal;)*) => {$(
        impl Resource for $object {
            const API_VERSION: &'static str = "gateway.networking.k8s.io/v1";
            const GROUP: &'static str = "gateway.networking.k8s.io";
            const KIND: &'static str = $kind;
            const VERSION: &'static str = "v1";
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = NamespaceResourceScope;
        }

        impl Metadata for $object {
            type Ty = ObjectMeta;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl InOrder for $object {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut state = serializer.serialize_struct($kind, 4)?;
                state.serialize_field("apiVersion", Self::API_VERSION)?;
                state.serialize_field("kind", Self::KIND)?;
                state.serialize_field("metadata", &Ordered(&self.metadata))?;
                state.serialize_field("spec", &self.spec)?;
                state.end()
            }
        }

        impl Serialize for $object {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.write(serializer)
            }
        }
    )*};
}

objects! {
    Gateway "Gateway" "gateways";
    HttpRoute "HTTPRoute" "httproutes";
    GrpcRoute "GRPCRoute" "grpcroutes";
}
