//! Service account tokens: issued by `TokenRequest`, verified on every request that carries one.

use crate::prelude::*;
use cluster_object::field::{self, Path};
use cluster_pki::PublicKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

/// Upstream's `--service-account-extend-token-expiration` is not needed: the kubelet renews in time.
const DEFAULT_SECONDS: i64 = 3600;
const MIN_SECONDS: i64 = 600;
const MAX_SECONDS: i64 = 1 << 32;

/// Issues and verifies the tokens of service accounts.
pub struct Tokens {
    encoding: EncodingKey,
    /// The keys whose tokens are good: the one that signs, then those that did before.
    keys: Vec<(PublicKey, DecodingKey)>,
    /// The `iss` claim, and the one audience that the API server accepts.
    pub issuer: String,
}

/// Why a token cannot be taken; for the log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The signing key is unusable.
    #[error("failed to read the service account key: {0}")]
    Key(String),
    /// Signature, issuer or time do not fit.
    #[error("invalid token: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// The token is for somebody else.
    #[error("token audiences {0:?} do not include the wanted ones")]
    Audience(Vec<String>),
    /// What the token is bound to is gone.
    #[error("{0} is gone or was made anew")]
    Gone(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: Vec<String>,
    exp: i64,
    iat: i64,
    nbf: i64,
    iss: String,
    jti: String,
    sub: String,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Bound,
}

#[derive(Debug, Serialize, Deserialize)]
struct Bound {
    namespace: String,
    serviceaccount: Reference,
    #[serde(flatten)]
    object: BoundObject,
}

#[derive(Debug, Serialize, Deserialize)]
struct Reference {
    name: String,
    uid: String,
}

impl Tokens {
    /// Takes the PEM private key that signs, and the issuer's URL.
    pub fn new(private_key: &str, issuer: &str) -> Result<Self, TokenError> {
        let encoding = EncodingKey::from_ec_pem(private_key.as_bytes())?;
        Self { encoding, keys: Vec::new(), issuer: issuer.to_owned() }.accepting(private_key)
    }

    /// Takes the tokens of another key too, after a rotation for those it has signed, before one on the other masters.
    pub fn accepting(mut self, private_key: &str) -> Result<Self, TokenError> {
        let public = PublicKey::of(private_key).map_err(|e| TokenError::Key(e.to_string()))?;
        let decoding = DecodingKey::from_ec_pem(public.pem.as_bytes())?;
        self.keys.push((public, decoding));
        Ok(self)
    }

    /// `/openid/v1/jwks`.
    pub fn jwks(&self) -> Value {
        let key = |(PublicKey { id, x, y, .. }, _): &(PublicKey, DecodingKey)| json!({ "use": "sig", "kty": "EC", "kid": id, "crv": "P-256", "alg": "ES256", "x": x, "y": y });
        json!({ "keys": self.keys.iter().map(key).collect::<Vec<_>>() })
    }

    /// `/.well-known/openid-configuration`.
    pub fn configuration(&self) -> Value {
        json!({
            "issuer": self.issuer, "jwks_uri": format!("{}/openid/v1/jwks", self.issuer),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// Answers a `TokenRequest` for a service account; `request` is the posted object.
    pub fn issue(&self, store: &dyn Store, namespace: &str, account: &str, request: &Value) -> Result<Value, Status> {
        let accounts = GroupResource { group: "", resource: "serviceaccounts" };
        let found = uid(store, "serviceaccounts", namespace, account);
        let account_uid = found.ok_or_else(|| Status::not_found(accounts, account))?;
        let spec = &request["spec"];
        let seconds = spec["expirationSeconds"].as_i64().unwrap_or(DEFAULT_SECONDS);
        check_seconds(seconds)?;
        let object = BoundObject::read(store, namespace, account, &spec["boundObjectRef"])?;

        let audiences: Vec<String> =
            spec["audiences"].as_array().into_iter().flatten().filter_map(|a| a.as_str().map(str::to_owned)).collect();
        let now = jiff::Timestamp::now();
        let claims = Claims {
            aud: if audiences.is_empty() { vec![self.issuer.clone()] } else { audiences },
            exp: now.as_second() + seconds,
            iat: now.as_second(),
            nbf: now.as_second(),
            iss: self.issuer.clone(),
            jti: uuid::Uuid::new_v4().to_string(),
            sub: format!("system:serviceaccount:{namespace}:{account}"),
            kubernetes: Bound {
                namespace: namespace.to_owned(),
                serviceaccount: Reference { name: account.to_owned(), uid: account_uid },
                object,
            },
        };
        let header =
            Header { kid: self.keys.first().map(|(public, _)| public.id.clone()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(Status::internal)?;
        let expires = jiff::Timestamp::from_second(claims.exp).map_err(Status::internal)?;

        let mut answer = request.clone();
        answer["apiVersion"] = json!("authentication.k8s.io/v1");
        answer["kind"] = json!("TokenRequest");
        answer["metadata"]["name"] = json!(account);
        answer["metadata"]["namespace"] = json!(namespace);
        answer["metadata"]["creationTimestamp"] = json!(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        answer["spec"]["audiences"] = json!(claims.aud);
        answer["spec"]["expirationSeconds"] = json!(seconds);
        answer["status"] =
            json!({ "token": token, "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() });
        Ok(answer)
    }

    /// Finds the user of a token and which of the wanted audiences it is for. With `audiences` empty the API server's
    /// own audience is wanted.
    pub fn verify(
        &self,
        store: &dyn Store,
        token: &str,
        audiences: &[String],
    ) -> Result<(UserInfo, Vec<String>), TokenError> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.leeway = 10;
        let id = jsonwebtoken::decode_header(token)?.kid;
        let named = self.keys.iter().find(|(public, _)| Some(&public.id) == id.as_ref());
        let Some((_, key)) = named.or(self.keys.first()) else {
            return Err(TokenError::Key("there is none".to_owned()));
        };
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation)?.claims;

        let own = [self.issuer.clone()];
        let wanted = if audiences.is_empty() { &own[..] } else { audiences };
        let matching: Vec<String> = claims.aud.iter().filter(|a| wanted.contains(a)).cloned().collect();
        if matching.is_empty() {
            return Err(TokenError::Audience(claims.aud));
        }
        Ok((claims.kubernetes.user(store, &claims.jti)?, matching))
    }
}

impl Bound {
    fn user(&self, store: &dyn Store, id: &str) -> Result<UserInfo, TokenError> {
        let namespace = &self.namespace;
        still_there(store, "serviceaccounts", namespace, &self.serviceaccount)?;
        let mut user = UserInfo::service_account(namespace, &self.serviceaccount.name, &self.serviceaccount.uid);
        let mut extra = |key: &str, value: &str| {
            user.extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
        };
        extra("credential-id", &format!("JTI={id}"));
        if let Some(secret) = &self.object.secret {
            still_there(store, "secrets", namespace, secret)?;
        }
        if let Some(pod) = &self.object.pod {
            still_there(store, "pods", namespace, pod)?;
            extra("pod-name", &pod.name);
            extra("pod-uid", &pod.uid);
        }
        if let Some(node) = &self.object.node {
            // A pod's token ends with the pod, whatever becomes of its node before.
            if self.object.pod.is_none() {
                still_there(store, "nodes", "", node)?;
            }
            extra("node-name", &node.name);
            extra("node-uid", &node.uid);
        }
        Ok(user)
    }
}

fn still_there(store: &dyn Store, resource: &str, namespace: &str, bound: &Reference) -> Result<(), TokenError> {
    if uid(store, resource, namespace, &bound.name).as_ref() == Some(&bound.uid) {
        Ok(())
    } else {
        Err(TokenError::Gone(format!("{resource} {namespace}/{}", bound.name)))
    }
}

/// What `spec.boundObjectRef` names, with the pod's node.
#[derive(Debug, Default, Serialize, Deserialize)]
struct BoundObject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<Reference>,
}

impl BoundObject {
    fn read(store: &dyn Store, namespace: &str, account: &str, reference: &Value) -> Result<Self, Status> {
        let Some(kind) = reference["kind"].as_str() else { return Ok(Self::default()) };
        let name = reference["name"].as_str().unwrap_or_default();
        let (resource, namespace) = match kind {
            "Pod" => ("pods", namespace),
            "Secret" => ("secrets", namespace),
            "Node" => ("nodes", ""),
            _ => {
                return Err(Status::bad_request(format!("cannot bind token for serviceaccount {account:?} to {kind}")));
            }
        };
        let group_resource = GroupResource { group: "", resource };
        let entry = store.get(&Key::new(resource, namespace, name));
        let entry = entry.ok_or_else(|| Status::not_found(group_resource, name))?;
        let object: Value = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
        let found = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        if reference["uid"].as_str().is_some_and(|wanted| !wanted.is_empty() && wanted != found) {
            let why = "the UID in the bound object reference does not match the UID in record";
            return Err(Status::conflict(group_resource, name, why));
        }
        let bound = Some(Reference { name: name.to_owned(), uid: found });
        Ok(match kind {
            "Secret" => Self { secret: bound, ..Self::default() },
            "Node" => Self { node: bound, ..Self::default() },
            _ => {
                if object["spec"]["serviceAccountName"].as_str() != Some(account) {
                    let text = format!(
                        "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
                    );
                    return Err(Status::bad_request(text));
                }
                let node = object["spec"]["nodeName"].as_str().unwrap_or_default();
                let node = uid(store, "nodes", "", node).map(|uid| Reference { name: node.to_owned(), uid });
                Self { pod: bound, node, ..Self::default() }
            }
        })
    }
}

fn check_seconds(seconds: i64) -> Result<(), Status> {
    let path = Path::new("spec").child("expirationSeconds");
    let detail = if seconds < MIN_SECONDS {
        "may not specify a duration less than 10 minutes"
    } else if seconds > MAX_SECONDS {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let error = field::Error::invalid(&path, &json!(seconds), detail);
    Err(Status::invalid("authentication.k8s.io", "TokenRequest", "", &[error]))
}

fn uid(store: &dyn Store, resource: &str, namespace: &str, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        uid: String,
    }
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    let entry = store.get(&Key::new(resource, namespace, name))?;
    serde_json::from_slice::<Object>(&entry.bytes).ok().map(|object| object.metadata.uid)
}
