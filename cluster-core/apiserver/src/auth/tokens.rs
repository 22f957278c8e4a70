//! Service account tokens: issued by `TokenRequest`, verified on every request that carries one.

use crate::kinds::prelude::*;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

/// Upstream's `--service-account-extend-token-expiration` is not needed: the kubelet renews in time.
const DEFAULT_SECONDS: i64 = 3600;
const MIN_SECONDS: i64 = 600;
const MAX_SECONDS: i64 = 1 << 32;

/// Issues and verifies the tokens of service accounts.
pub struct Tokens {
    encoding: EncodingKey,
    /// The keys whose tokens are good: the one that signs, then those that did before.
    keys: JwkSet,
    /// The `iss` claim, and the one audience that the API server accepts.
    pub issuer: String,
}

/// Why a token cannot be taken; for the log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key is unusable; or signature, issuer or time do not fit.
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
    /// What `spec.boundObjectRef` names, with the pod's node: by `pod`, `secret` and `node`.
    #[serde(flatten)]
    objects: BTreeMap<String, Reference>,
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
        let keys = JwkSet { keys: Vec::new() };
        Self { encoding, keys, issuer: issuer.to_owned() }.accepting(private_key)
    }

    /// Takes the tokens of another key too, after a rotation for those it has signed, before one on the other masters.
    pub fn accepting(mut self, private_key: &str) -> Result<Self, TokenError> {
        let private = EncodingKey::from_ec_pem(private_key.as_bytes())?;
        let mut key = Jwk::from_encoding_key(&private, Algorithm::ES256)?;
        key.common.key_id = Some(key.thumbprint(ThumbprintHash::SHA256)?);
        key.common.public_key_use = Some(PublicKeyUse::Signature);
        self.keys.keys.push(key);
        Ok(self)
    }

    /// `/openid/v1/jwks`.
    pub fn jwks(&self) -> Value {
        json!(self.keys)
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
        let objects = bound(store, namespace, account, &spec["boundObjectRef"])?;

        let audiences: Vec<String> = texts(&spec["audiences"]).map(str::to_owned).collect();
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
                objects,
            },
        };
        let kid = self.keys.keys.first().and_then(|key| key.common.key_id.clone());
        let header = Header { kid, ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(Status::internal)?;
        let expires = jiff::Timestamp::from_second(claims.exp).map_err(Status::internal)?;

        let mut answer = request.clone();
        let said = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": {"name": account, "namespace": namespace, "creationTimestamp": meta::now()},
            "spec": {"audiences": claims.aud, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": meta::whole(expires)},
        });
        merge_patch(&mut answer, &said);
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
        let id = jsonwebtoken::decode_header(token)?.kid.unwrap_or_default();
        let key = self.keys.find(&id).unwrap_or(&self.keys.keys[0]);
        let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;

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
        for (kind, object) in &self.objects {
            let namespace = if kind == "node" { "" } else { namespace };
            // A pod's token ends with the pod, whatever becomes of its node before.
            if kind != "node" || !self.objects.contains_key("pod") {
                still_there(store, &format!("{kind}s"), namespace, object)?;
            }
            if kind != "secret" {
                extra(&format!("{kind}-name"), &object.name);
                extra(&format!("{kind}-uid"), &object.uid);
            }
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
fn bound(
    store: &dyn Store,
    namespace: &str,
    account: &str,
    reference: &Value,
) -> Result<BTreeMap<String, Reference>, Status> {
    let name = text(&reference["name"]);
    let (kind, resource, namespace) = match text(&reference["kind"]) {
        "" => return Ok(BTreeMap::new()),
        "Pod" => ("pod", "pods", namespace),
        "Secret" => ("secret", "secrets", namespace),
        "Node" => ("node", "nodes", ""),
        kind => {
            return Err(Status::bad_request(format!("cannot bind token for serviceaccount {account:?} to {kind}")));
        }
    };
    let group_resource = GroupResource { group: "", resource };
    let entry = store.get(&Key::new(resource, namespace, name));
    let entry = entry.ok_or_else(|| Status::not_found(group_resource, name))?;
    let object: Value = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
    let (wanted, found) = (text(&reference["uid"]), meta::uid(&object));
    if !wanted.is_empty() && wanted != found {
        let why = "the UID in the bound object reference does not match the UID in record";
        return Err(Status::conflict(group_resource, name, why));
    }
    let named = |name: &str, uid: String| Reference { name: name.to_owned(), uid };
    let mut objects = BTreeMap::from([(kind.to_owned(), named(name, found.to_owned()))]);
    if kind == "pod" {
        if meta::text(&object, "spec.serviceAccountName") != account {
            return Err(Status::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
            )));
        }
        let node = meta::text(&object, "spec.nodeName");
        objects.extend(uid(store, "nodes", "", node).map(|uid| ("node".to_owned(), named(node, uid))));
    }
    Ok(objects)
}

fn check_seconds(seconds: i64) -> Result<(), Status> {
    let detail = match seconds {
        ..MIN_SECONDS => "may not specify a duration less than 10 minutes",
        MIN_SECONDS..=MAX_SECONDS => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let error = Error::invalid(&Path::new("spec.expirationSeconds"), &json!(seconds), detail);
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
