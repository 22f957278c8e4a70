//! One request on its way through a verb, and what the verb answers.

use super::metadata;
use crate::admission::{self, Notes, Operation};
use crate::auth::{escalation, group};
use crate::prelude::*;
use crate::subresources::{scale_of, scaled};

/// Where roles and bindings are stored.
const RBAC: &str = "rbac.authorization.k8s.io/";

/// Everything a verb needs to know.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) server: &'a ApiServer,
    pub(crate) resource: Arc<Resource>,
    pub(crate) info: RequestInfo,
    pub(crate) user: UserInfo,
    pub(crate) query: Query,
    pub(crate) accept: Accept,
    pub(crate) content_type: String,
    pub(crate) notes: Arc<Notes>,
    /// Whether admission has let in already what this call is a part of.
    pub(crate) admitted: bool,
}

/// What a verb answers.
pub(crate) struct Reply {
    pub(crate) code: StatusCode,
    pub(crate) content: Content,
}

/// The content of an answer before it takes the form the client asked for.
pub(crate) enum Content {
    /// One object of the call's resource, as JSON.
    Object(Bytes),
    /// Something else, as JSON: a Status, a Scale, a review.
    Other(Bytes),
    /// A collection.
    List(List),
    /// A finished response: watches and proxied streams.
    Raw(Response<Body>),
}

/// A collection, or a page of it.
pub(crate) struct List {
    pub(crate) revision: Revision,
    pub(crate) items: Vec<Arc<Entry>>,
    pub(crate) continue_token: String,
    pub(crate) remaining: Option<usize>,
}

impl List {
    /// What the list says of itself.
    pub(crate) fn metadata(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if !self.continue_token.is_empty() {
            metadata["continue"] = json!(self.continue_token);
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        metadata
    }
}

impl Reply {
    pub(crate) fn ok(content: Content) -> Self {
        Self { code: StatusCode::OK, content }
    }

    pub(crate) fn created(content: Content) -> Self {
        Self { code: StatusCode::CREATED, content }
    }

    /// A JSON value that is no object of the resource.
    pub(crate) fn other(code: StatusCode, value: &Value) -> Result<Self, Status> {
        Ok(Self { code, content: Content::Other(super::to_bytes(value)?) })
    }
}

impl<'a> Call<'a> {
    /// A call in the server's own name on the resource in this namespace.
    pub(crate) fn own(server: &'a ApiServer, resource: Arc<Resource>, namespace: &str) -> Self {
        let of = [resource.group.as_str(), &resource.version, &resource.plural, ""];
        let info = RequestInfo::of("create", of, namespace, "");
        let user = UserInfo::authenticated("system:apiserver", &[group::MASTERS]);
        let query = Query { field_manager: "kube-apiserver".to_owned(), ..Query::default() };
        Self {
            server,
            resource,
            info,
            user,
            query,
            accept: Accept::default(),
            content_type: String::new(),
            notes: Arc::default(),
            admitted: false,
        }
    }
}

impl Call<'_> {
    /// The key of an object of this resource in the call's namespace.
    pub(crate) fn key(&self, name: &str) -> Key {
        let namespace = if self.resource.namespaced() { self.info.namespace.as_str() } else { "" };
        key(&self.resource.storage, namespace, name)
    }

    /// What of the object the request is about.
    pub(super) fn part(&self) -> Part {
        if self.info.subresource == "status" { Part::Status } else { Part::Main }
    }

    /// 400 unless an object bears the name that the URL has.
    pub(crate) fn check_name(&self, given: &str) -> Result<(), Status> {
        let name = &self.info.name;
        let text = match given {
            given if given == name => return Ok(()),
            "" => format!("the name of the object ({name} based on URL) was undeterminable: name must be provided"),
            given => format!("the name of the object ({given}) does not match the name on the URL ({name})"),
        };
        Err(Status::bad_request(text))
    }

    pub(crate) fn not_found(&self, name: &str) -> Status {
        Status::not_found(self.resource.group_resource(), name)
    }

    /// The stored object, or 404.
    pub(crate) fn stored(&self, name: &str) -> Result<Arc<Entry>, Status> {
        self.server.store.get(&self.key(name)).ok_or_else(|| self.not_found(name))
    }

    /// The object as this version serves it, or 404.
    pub(crate) async fn object(&self, name: &str) -> Result<Value, Status> {
        self.resource.value(self.server, &self.stored(name)?).await
    }

    /// A stored state as this version serves it.
    pub(super) async fn answer(&self, entry: &Arc<Entry>) -> Result<Bytes, Status> {
        self.resource.served_one(self.server, entry).await
    }

    /// The same call on another core resource.
    pub(crate) fn on(&self, plural: &str) -> Result<Call<'_>, Status> {
        let resource = self.server.registry.stored(plural).ok_or_else(|| Status::internal(format!("no {plural}")))?;
        let info = RequestInfo { resource: plural.to_owned(), ..self.info.clone() };
        Ok(Call { resource, info, ..self.clone() })
    }

    /// 403 unless the caller also has the right to `verb` what the request names.
    pub(crate) async fn may(&self, verb: &'static str) -> Result<(), Status> {
        let info = RequestInfo { verb: verb.into(), ..self.info.clone() };
        self.server.authorizer.require(&self.user, &info).await
    }

    /// 422 when there are errors.
    pub(crate) fn invalid_if(&self, name: &str, errors: &[cluster_object::field::Error]) -> Result<(), Status> {
        match errors {
            [] => Ok(()),
            errors => Err(Status::invalid(&self.resource.group, &self.resource.kind, name, errors)),
        }
    }

    /// Runs one phase of admission.
    pub(crate) async fn admit(&self, request: &mut AdmissionRequest<'_>, phase: Phase) -> Result<(), Status> {
        if self.admitted {
            return Ok(());
        }
        if request.subresource != "scale" {
            return self.run(request, phase).await;
        }
        // What admission sees of a scale is the Scale.
        let mut scale = scale_of(self, request.object);
        let old = request.old.map(|old| scale_of(self, old));
        let before = scale.clone();
        let mut seen = AdmissionRequest { object: &mut scale, old: old.as_ref(), ..*request };
        Box::pin(self.run(&mut seen, phase)).await?;
        if scale != before {
            *request.object = scaled(self, request.name, request.object, &scale)?;
        }
        Ok(())
    }

    async fn run(&self, request: &mut AdmissionRequest<'_>, phase: Phase) -> Result<(), Status> {
        if phase == Phase::Mutating {
            // What a patch makes of an object is looked at once.
            if self.info.verb != "patch" {
                metadata::single_owners(request.object, "", request.notes);
            }
            admission::mutate(self, request).await?;
            metadata::single_owners(request.object, " after mutating admission happens", request.notes);
            return Ok(());
        }
        let resource = &self.resource;
        let writes = !matches!(request.operation, Operation::Delete | Operation::Connect);
        if writes && resource.storage.starts_with(RBAC) {
            escalation::check(self, request.object, request.old).await?;
        }
        admission::check(self, request).await
    }

    /// Runs both phases on something that is not stored afterwards.
    pub(crate) async fn admit_both(&self, mut request: AdmissionRequest<'_>) -> Result<(), Status> {
        self.admit(&mut request, Phase::Mutating).await?;
        self.admit(&mut request, Phase::Validating).await
    }

    /// A failed write in the words of the API; conflicts are the callers' own business.
    pub(crate) fn write_error(&self, name: &str, error: &WriteError) -> Status {
        match error {
            WriteError::Exists => Status::already_exists(self.resource.group_resource(), name),
            WriteError::NotFound => self.not_found(name),
            WriteError::Conflict { .. } => Status::modified(self.resource.group_resource(), name),
            other => Status::internal(other),
        }
    }
}

/// Which plugins run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Mutating,
    Validating,
}

/// A store key.
pub(crate) fn key(storage: &str, namespace: &str, name: &str) -> Key {
    Key { resource: storage.into(), namespace: namespace.into(), name: name.into() }
}
