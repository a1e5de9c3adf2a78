//! What a reading's result changes: which value is served from now on, and who hears of it.

use std::sync::Arc;
use std::time::SystemTime;

use super::Keeper;
use crate::secrets::chain::Read;
use crate::secrets::changes::{Change, ChangeKind};
use crate::secrets::entry::NEVER;
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::index::Id;
use crate::secrets::request::{PREVIOUS, Which};
use crate::secrets::shared::Shared;
use crate::secrets::slot;
use crate::secrets::value::{Secret, Source};

impl Keeper {
    /// Takes a value in.
    pub(super) fn accept(
        &self,
        shared: &Arc<Shared>,
        number: u64,
        read: Read,
        after_refusal: bool,
    ) -> Secret {
        let settings = shared.settings.load();
        let config = &settings.config;
        let now = shared.now();
        let mut slots = self.slots.borrow_mut();
        let name = slots.get(&number).map_or("", |slot| slot.name()).to_owned();
        let secret = Secret::new(
            &name,
            read.fetched,
            read.fetched_at.unwrap_or_else(SystemTime::now),
        );
        // Before anybody has it: what is not known cannot be scrubbed.
        shared.register_values([secret.reveal_bytes()]);
        if let Some(telemetry) = shared.telemetry() {
            telemetry.refreshes.increment();
        }
        let Some(slot) = slots.get_mut(&number) else {
            return secret;
        };
        let before = slot.secret().cloned();
        let changed = before
            .as_ref()
            .filter(|old| !old.same_value(&secret) || old.version() != secret.version())
            .cloned();
        if let Some(old) = &changed
            && !old.same_value(&secret)
        {
            let until = now.saturating_add(crate::coarse::whole(config.previous_grace));
            slot.previous = Some((old.clone(), until));
        }
        if changed.is_some() {
            slot.refused_streak = 0;
            slot.refused_until = 0;
        } else if after_refusal {
            // Whoever was refused with it will be again: not each of them asks anew.
            slot.refused_until =
                now.saturating_add(crate::coarse::whole(slot::pause(slot.refused_streak)));
            slot.refused_streak = slot.refused_streak.saturating_add(1);
        }
        slot.file = read.stamp;
        slot.file_due = NEVER;
        if slot.file.is_some() {
            slot.look_at_file_later(now);
        }
        let value = slot::value(secret.clone(), now, config.ttl, config.max_stale);
        slot.enter(Some(value), None, now);
        // The ARN is the secret's own name: whoever asks by it finds this value.
        if let Some((arn, which)) = secret.arn().zip(slot.which().cloned()) {
            let id = Id::new(arn, which);
            if !slot.ids.contains(&id) {
                slot.ids.push(id.clone());
            }
            let known = self.ids.borrow_mut().insert(id, number);
            if let Some(other) = known.filter(|other| *other != number) {
                // Two slots turn out to be one secret. One of them with a reading under way stays
                // until that lands, and then takes this one in.
                drop(slots);
                self.merge(other, number);
                slots = self.slots.borrow_mut();
            }
        }
        let Some(slot) = slots.get_mut(&number) else {
            return secret;
        };
        let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
        let is_current = slot.which().is_some_and(Which::is_current);
        drop(slots);
        if let Some(old) = changed {
            if is_current {
                self.drop_previous_stage(shared, &ids);
            }
            self.publish(shared, &ids, &entry);
            self.tell(shared, &ids, ChangeKind::Rotated, Some(&secret), &old);
        } else {
            self.publish(shared, &ids, &entry);
        }
        if secret.source() == Source::Aws {
            self.disk.store_soon(shared, &ids, &secret);
        }
        secret
    }

    /// Decides what stands after a reading that failed: the failure, and the stale value that is
    /// served all the same.
    pub(super) fn refuse(
        &self,
        shared: &Arc<Shared>,
        number: u64,
        failure: Failure,
    ) -> (Failure, Option<Secret>) {
        let now = shared.now();
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return (failure, None);
        };
        // That there is no version before the current one is no failure.
        let is_expected = slot.is_previous() && failure.kind == FailureKind::NotFound;
        if let Some(telemetry) = shared.telemetry().filter(|_| !is_expected) {
            telemetry.failed(failure.kind);
        }
        let refusal = slot::refusal(failure.clone(), slot.entry.refusal.as_ref(), now);
        let before = slot
            .entry
            .value
            .clone()
            .filter(|value| now < value.stale_until);
        let settings = shared.settings.load();
        // A file that is gone for the moment may be one that is being replaced.
        let is_file = slot
            .secret()
            .is_some_and(|secret| secret.source() == Source::File);
        let is_revoked = failure.kind.is_revocation() && !is_file;
        let kept = match before {
            _ if is_revoked => None,
            Some(value) => Some(value),
            None if failure.kind.is_outage() => self
                .disk
                .take(shared, &slot.ids)
                .map(|secret| {
                    slot::value(secret, now, settings.config.ttl, settings.config.max_stale)
                })
                // Read from the disk a while ago, it may be too old by now.
                .filter(|value| now < value.stale_until),
            None => None,
        };
        let evicted = slot.secret().cloned().filter(|_| kept.is_none());
        if is_revoked {
            slot.previous = None;
        }
        let mut failure = failure;
        if kept.is_none()
            && failure.kind.is_outage()
            && let Some(error) = shared.cache_file().and_then(|file| file.last_error)
        {
            failure.hint = format!("{}; the sealed cache was of no use: {error}", failure.hint);
        }
        let stale = kept.as_ref().map(|value| value.secret.clone());
        slot.enter(kept, Some(refusal), now);
        let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
        drop(slots);
        self.publish(shared, &ids, &entry);
        if is_revoked {
            // Also when there was none in memory: the file may have one.
            self.disk.remove_soon(shared, &ids, evicted.as_ref());
        }
        if let Some(old) = evicted {
            if let Some(telemetry) = shared.telemetry() {
                telemetry.evictions.increment();
            }
            if is_revoked {
                self.drop_other_versions(shared, number, &ids);
                self.tell(shared, &ids, ChangeKind::Evicted, None, &old);
            }
        }
        (failure, stale)
    }

    /// A secret that is revoked is so in every version.
    fn drop_other_versions(&self, shared: &Shared, number: u64, ids: &[Id]) {
        if !ids.first().is_some_and(|id| id.which.is_current()) {
            return;
        }
        let others: Vec<u64> = {
            let known = self.ids.borrow();
            let same_name = |id: &Id| ids.iter().any(|gone| gone.name == id.name);
            let others = known
                .iter()
                .filter(|(id, other)| **other != number && same_name(id));
            others.map(|(_, other)| *other).collect()
        };
        for other in others {
            self.remove(shared, other);
        }
    }

    /// After a rotation the version before is another one.
    fn drop_previous_stage(&self, shared: &Shared, ids: &[Id]) {
        for id in ids {
            let previous = Id::new(&id.name, Which::Stage(PREVIOUS.to_owned()));
            let number = self.ids.borrow().get(&previous).copied();
            if let Some(number) = number {
                self.remove(shared, number);
            }
        }
    }

    fn tell(
        &self,
        shared: &Shared,
        ids: &[Id],
        kind: ChangeKind,
        new: Option<&Secret>,
        old: &Secret,
    ) {
        let Some(first) = ids.first() else {
            return;
        };
        // Of the other stages and fixed versions nobody expects to hear.
        if !first.which.is_current() {
            return;
        }
        if let Some(telemetry) = shared.telemetry() {
            telemetry.changes.increment();
        }
        let names: Vec<&str> = ids.iter().map(|id| &*id.name).collect();
        shared.subscribers.tell(
            &names,
            &Change {
                name: first.name.to_string(),
                kind,
                version: new.and_then(Secret::version).map(str::to_owned),
                previous_version: old.version().map(str::to_owned),
                source: new.unwrap_or(old).source(),
                at: SystemTime::now(),
            },
        );
    }
}
