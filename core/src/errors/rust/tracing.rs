//! What `tracing` tells, as errors, breadcrumbs and spans.

use ::tracing::{Level, Subscriber, level_filters::LevelFilter};
use sentry_tracing::{BreadcrumbLayer, ErrorLayer, SpanLayer};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// A layer that captures events of level `ERROR` as errors, keeps those of `WARN` and `INFO` as
/// breadcrumbs, and makes spans from `INFO` on a trace, sampled by
/// [`ErrorsConfig::traces_sample_rate`](crate::ErrorsConfig::traces_sample_rate).
///
/// A field that holds an error (`error = &error as &dyn std::error::Error`) becomes the event's
/// exception, with its sources. The bridge's `TracingLayer` may stand beside it: that one measures
/// every span, this one tells of the sampled ones.
///
/// ```
/// use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
///
/// // A program calls `init` in the place of `set_default`.
/// let _guard = tracing_subscriber::registry()
///     .with(tallylight::errors::tracing_layer())
///     .set_default();
/// tracing::error!(disk = "/dev/sda1", "no space left");
/// ```
pub fn tracing_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_crumb =
        filter_fn(|about| about.is_event() && matches!(*about.level(), Level::WARN | Level::INFO));
    // A list, since `and_then` right above a registry takes the last layer's level for that of all.
    vec![
        SpanLayer::new().with_filter(LevelFilter::INFO).boxed(),
        BreadcrumbLayer::new().with_filter(is_crumb).boxed(),
        ErrorLayer::new().with_filter(LevelFilter::ERROR).boxed(),
    ]
}
