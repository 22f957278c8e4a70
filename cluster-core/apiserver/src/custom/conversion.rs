//! The rules of a definition's conversion, and of the webhook that does it.

use crate::kinds::extensions::webhook_url;
use crate::kinds::prelude::*;
use crate::kinds::rules::named;

/// The versions of `ConversionReview` that upstream's servers know.
const REVIEWS: &[&str] = &["v1", "v1beta1"];

pub(super) fn validate(conversion: &At<'_>, errors: &mut Errors) {
    let webhook = conversion.get("webhook");
    let client = conversion.moved("webhookClientConfig", webhook.get("clientConfig"));
    let reviews = conversion.moved("conversionReviewVersions", webhook.get("conversionReviewVersions"));
    if conversion.get("strategy").text() != "Webhook" {
        let why = "should not be set when strategy is not set to Webhook";
        errors.extend(client.is_set().then(|| client.forbidden(why)));
        errors.extend((!reviews.is_empty()).then(|| reviews.forbidden(why)));
        return;
    }
    let (url, service) = (client.get("url"), client.get("service"));
    if !client.is_set() {
        errors.push(client.missing("required when strategy is set to Webhook"));
    } else if url.is_set() == service.is_set() {
        errors.push(client.missing("exactly one of url or service is required"));
    } else if url.is_set() {
        webhook_url(&url, errors);
    } else {
        errors.extend(service.faults(named("WebhookService")));
    }
    if !reviews.required(errors) {
        return;
    }
    let mut seen = HashSet::new();
    for version in reviews.items() {
        if seen.insert(version.text()) {
            version.rule(name::dns1035_label, errors);
        } else {
            errors.push(version.invalid("duplicate version"));
        }
    }
    if !REVIEWS.iter().any(|known| seen.contains(known)) {
        errors.push(reviews.invalid(&format!("must include at least one of {}", REVIEWS.join(", "))));
    }
}
