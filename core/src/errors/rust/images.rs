//! Which files are loaded into this process, and where: what turns an address into a file and an
//! offset that anyone can look up later.
//!
//! The list is made once and made again when an address is in none of the files, so that a capture
//! only searches a table. It needs the dynamic loader's lock for that, never for a search.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sentry_core::protocol::DebugImage;

/// A loaded file.
pub(super) struct Image {
    /// The first address, and the first one behind it.
    pub(super) start: u64,
    end: u64,
    pub(super) path: String,
    /// With its build id; none when the file has no build id.
    pub(super) described: Option<DebugImage>,
}

/// The loaded files by their addresses.
#[derive(Default)]
pub(super) struct Images {
    sorted: Vec<Image>,
    /// How often the loader has loaded and unloaded a file so far.
    changes: (u64, u64),
}

static KNOWN: ArcSwapOption<Images> = ArcSwapOption::const_empty();

impl Images {
    /// The files in which these addresses are, and all others.
    pub(super) fn holding(addresses: &[usize]) -> Arc<Self> {
        if let Some(known) = KNOWN.load_full()
            && (addresses.iter().all(|at| known.find(*at as u64).is_some())
                || known.changes == loader::changes())
        {
            return known;
        }
        let fresh = Arc::new(loader::list());
        KNOWN.store(Some(Arc::clone(&fresh)));
        fresh
    }

    /// The number of the file that holds an address, and the file.
    pub(super) fn find(&self, address: u64) -> Option<(usize, &Image)> {
        let after = self.sorted.partition_point(|image| image.start <= address);
        let index = after.checked_sub(1)?;
        let image = self.sorted.get(index)?;
        (address < image.end).then_some((index, image))
    }

    /// The file of that number.
    pub(super) fn get(&self, index: usize) -> Option<&Image> {
        self.sorted.get(index)
    }
}

/// Asking the dynamic loader of Linux.
#[cfg(target_os = "linux")]
mod loader {
    use std::ffi::{CStr, c_int, c_void};

    use sentry_core::protocol::debugid::{CodeId, DebugId};
    use sentry_core::protocol::{Addr, SymbolicDebugImage};

    use super::{Image, Images};

    /// The type of the note that holds a build id, whose name is `GNU`.
    const BUILD_ID: u32 = 3;
    /// Notes end on four bytes; source: the gABI's note section.
    const NOTE_ALIGN: usize = 4;

    pub(super) fn changes() -> (u64, u64) {
        let mut changes = (0, 0);
        // SAFETY: the callback gets this pair, during this call only.
        unsafe { libc::dl_iterate_phdr(Some(count), (&raw mut changes).cast()) };
        changes
    }

    unsafe extern "C" fn count(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        changes: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader gives a valid record, and `changes` passed its own local.
        unsafe { *changes.cast() = ((*info).dlpi_adds, (*info).dlpi_subs) };
        1
    }

    pub(super) fn list() -> Images {
        let mut images = Images::default();
        // SAFETY: the callback gets this list, during this call only.
        unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut images).cast()) };
        images.sorted.sort_by_key(|image| image.start);
        images
    }

    unsafe extern "C" fn add(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        images: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader gives a valid record, and `list` passed its own local.
        let (info, images) = unsafe { (&*info, &mut *images.cast::<Images>()) };
        images.changes = (info.dlpi_adds, info.dlpi_subs);
        let headers = match info.dlpi_phdr.is_null() {
            true => &[][..],
            // SAFETY: the loader says where the file's program headers are and how many.
            false => unsafe {
                std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum))
            },
        };
        let loaded = || headers.iter().filter(|head| head.p_type == libc::PT_LOAD);
        let (Some(low), Some(high)) = (
            loaded().map(|head| head.p_vaddr).min(),
            loaded().map(|head| head.p_vaddr + head.p_memsz).max(),
        ) else {
            return 0;
        };
        let notes = headers
            .iter()
            .filter(|head| head.p_type == libc::PT_NOTE)
            .map(|head| {
                let start = info.dlpi_addr.wrapping_add(head.p_vaddr) as *const u8;
                // SAFETY: notes are within a loaded part of a file, which stays loaded during
                // this call, since the loader holds its lock.
                unsafe { std::slice::from_raw_parts(start, head.p_memsz as usize) }
            });
        let id = notes.filter_map(build_id).next();
        let path = match info.dlpi_name.is_null() {
            true => String::new(),
            // SAFETY: the loader's names end in a zero.
            false => unsafe { CStr::from_ptr(info.dlpi_name) }
                .to_string_lossy()
                .into_owned(),
        };
        // The program itself has no name here.
        let path = match path.is_empty() {
            true => std::env::current_exe()
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default(),
            false => path,
        };
        // Loaded by whole pages.
        let low = low & !0xfff;
        let start = info.dlpi_addr.wrapping_add(low);
        let described = id.map(|id| {
            let mut first = [0; 16];
            let length = id.len().min(first.len());
            first[..length].copy_from_slice(&id[..length]);
            SymbolicDebugImage {
                name: path.clone(),
                arch: Some(std::env::consts::ARCH.to_owned()),
                image_addr: Addr(start),
                image_size: high - low,
                image_vmaddr: Addr(low),
                // As Sentry derives it: the first 16 bytes as a GUID of little-endian fields.
                id: DebugId::from_guid_age(&first, 0).unwrap_or_default(),
                code_id: Some(CodeId::from_binary(id)),
                debug_file: None,
            }
            .into()
        });
        images.sorted.push(Image {
            start,
            end: start + (high - low),
            path,
            described,
        });
        0
    }

    /// The build id among a segment's notes. Whatever is in them, it ends and reads only them.
    fn build_id(mut notes: &[u8]) -> Option<&[u8]> {
        loop {
            let (name, rest) = notes.split_first_chunk::<4>()?;
            let (size, rest) = rest.split_first_chunk::<4>()?;
            let (kind, rest) = rest.split_first_chunk::<4>()?;
            let name_size = u32::from_ne_bytes(*name) as usize;
            let size = u32::from_ne_bytes(*size) as usize;
            let name = rest.get(..name_size)?;
            let rest = rest.get(name_size.next_multiple_of(NOTE_ALIGN)..)?;
            let content = rest.get(..size)?;
            if u32::from_ne_bytes(*kind) == BUILD_ID && name == b"GNU\0" && !content.is_empty() {
                return Some(content);
            }
            notes = rest.get(size.next_multiple_of(NOTE_ALIGN)..)?;
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_build_id_is_found_among_other_notes_and_damage_is_none() {
            let note = |kind: u32, name: &[u8], content: &[u8]| {
                let mut bytes = Vec::new();
                bytes.extend((name.len() as u32).to_ne_bytes());
                bytes.extend((content.len() as u32).to_ne_bytes());
                bytes.extend(kind.to_ne_bytes());
                for part in [name, content] {
                    bytes.extend(part);
                    bytes.resize(bytes.len().next_multiple_of(4), 0);
                }
                bytes
            };
            let mut notes = note(5, b"GNU\0", b"12345");
            notes.extend(note(3, b"Other\0", b"abcd"));
            notes.extend(note(3, b"GNU\0", b"the id"));
            assert_eq!(build_id(&notes), Some(&b"the id"[..]));
            for end in 0..notes.len() - 2 {
                assert_eq!(build_id(&notes[..end]), None, "{end}");
            }
            let endless = [0xff; 40];
            assert_eq!(build_id(&endless), None);
        }
    }
}

/// Elsewhere addresses stay without their file; the process itself can still look them up.
#[cfg(not(target_os = "linux"))]
mod loader {
    use super::Images;

    pub(super) fn changes() -> (u64, u64) {
        (0, 0)
    }

    pub(super) fn list() -> Images {
        Images::default()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_in_the_program_and_libc_is_elsewhere() {
        let here = a_function_is_in_the_program_and_libc_is_elsewhere as *const () as usize;
        let there = libc::getpid as *const () as usize;
        let images = Images::holding(&[here, there]);
        let (ours, image) = images.find(here as u64).unwrap();
        let program = std::env::current_exe().unwrap();
        assert_eq!(image.path, program.to_string_lossy());
        assert!(image.start <= here as u64);
        let (libc, image) = images.find(there as u64).unwrap();
        assert_ne!(ours, libc);
        assert!(image.path.contains("libc"), "{}", image.path);
        let described = serde_json::to_value(image.described.as_ref().unwrap()).unwrap();
        assert_eq!(described["type"], "symbolic");
        assert!(described["code_id"].as_str().unwrap().len() >= 32);
    }

    #[test]
    fn an_address_of_nobody_is_in_no_file_and_makes_no_new_list() {
        let known = Images::holding(&[]);
        let again = Images::holding(&[1]);
        assert!(again.find(1).is_none() && again.find(u64::MAX).is_none());
        assert_eq!(known.changes, again.changes);
    }
}
