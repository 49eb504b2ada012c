//! shelf: a cairn backend in Rust, without crates. What cairn/abi.h says in C, said in Rust.
//!
//! Keeps entries in a map behind a mutex. A payload that has an owner is shared, one that has none is
//! copied. `panic = "abort"` in Cargo.toml: nothing may unwind into C.

use std::collections::HashMap;
use std::ffi::c_void;
use std::os::raw::c_char;
use std::sync::atomic::{AtomicI64, Ordering};
use std::mem::size_of;
use std::sync::Mutex;

// ---- the part of cairn/abi.h that a backend needs -------------------------------------------------

type Status = i32;
const OK: Status = 0;
const MISS: Status = 1;
const UNSUPPORTED: Status = -5;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    data: *const u8,
    size: usize,
}
impl Bytes {
    /// Borrowed until the call returns. The pointer may be null when there are no bytes.
    unsafe fn get(&self) -> &[u8] {
        if self.size == 0 { &[] } else { std::slice::from_raw_parts(self.data, self.size) }
    }
}

#[repr(C)]
pub struct Owner {
    refs: AtomicI64,
    destroy: unsafe extern "C" fn(*mut Owner),
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    data: *const u8,
    size: usize,
    owner: *mut Owner,
    type_: *const c_void,
    kind: u16,
    flags: u16,
    value_version: i32,
    created_ns: i64,
    expires_ns: i64,
    cas: u64,
}

#[repr(C)]
pub struct SetOptions {
    size: u32,
    flags: u32,
    ttl_ns: i64,
}

#[repr(C)]
pub struct Host {
    size: u32,
    abi: [u16; 2],
    name: *const c_char,
    version: *const c_char,
    log_level: *const i32,
    log: *const c_void,
    now_ns: unsafe extern "C" fn(*const Host) -> i64,
}

type Call = c_void;
type Unused = Option<unsafe extern "C" fn()>;

#[repr(C)]
struct Ops {
    size: u32,
    reserved: u32,
    get: unsafe extern "C" fn(*mut c_void, *mut Call, Bytes, *mut Entry) -> Status,
    set: unsafe extern "C" fn(*mut c_void, *mut Call, Bytes, *const Entry, *const SetOptions) -> Status,
    remove: unsafe extern "C" fn(*mut c_void, *mut Call, Bytes) -> Status,
    rest: [Unused; 9],
}

#[repr(C)]
struct Component {
    size: u32,
    role: u32,
    name: *const c_char,
    help: *const c_char,
    transforms: u32,
    threads: u32,
    accepts: u32,
    emits: u32,
    max_key_bytes: u32,
    reserved: u32,
    options: *const c_void,
    option_count: usize,
    ops: *const Ops,
    create: unsafe extern "C" fn(*const Host, *const c_void, *const c_void, *mut Call, *mut *mut c_void) -> Status,
    destroy: unsafe extern "C" fn(*mut c_void),
    after_fork: Unused,
}

#[repr(C)]
pub struct Plugin {
    size: u32,
    abi: [u16; 2],
    id: *const c_char,
    version: *const c_char,
    components: *const &'static Component,
    component_count: usize,
}
unsafe impl Sync for Component {}
unsafe impl Sync for Plugin {}

// ---- entries that are kept ------------------------------------------------------------------------

/// An entry with one reference that is ours.
struct Kept(Entry);
unsafe impl Send for Kept {}

/// Bytes that nobody owned, copied behind a count of our own.
#[repr(C)]
struct Copied {
    owner: Owner,
    bytes: Box<[u8]>,
}
unsafe extern "C" fn destroy_copied(owner: *mut Owner) {
    drop(Box::from_raw(owner as *mut Copied));
}

impl Kept {
    unsafe fn new(entry: &Entry) -> Kept {
        let mut kept = *entry;
        if let Some(owner) = entry.owner.as_ref() {
            owner.refs.fetch_add(1, Ordering::Relaxed);
        } else {
            let bytes = Bytes { data: entry.data, size: entry.size }.get().into();
            let owner = Owner { refs: AtomicI64::new(1), destroy: destroy_copied };
            let copied = Box::new(Copied { owner, bytes });
            kept.data = copied.bytes.as_ptr();
            kept.owner = Box::into_raw(copied) as *mut Owner;
        }
        Kept(kept)
    }
}
impl Drop for Kept {
    fn drop(&mut self) {
        unsafe {
            if (*self.0.owner).refs.fetch_sub(1, Ordering::AcqRel) == 1 {
                ((*self.0.owner).destroy)(self.0.owner);
            }
        }
    }
}

// ---- the backend ----------------------------------------------------------------------------------

struct Shelf {
    host: *const Host,
    items: Mutex<HashMap<Vec<u8>, (Kept, i64)>>,
}
impl Shelf {
    unsafe fn from<'a>(this: *mut c_void) -> &'a Shelf {
        &*(this as *const Shelf)
    }
    unsafe fn now(&self) -> i64 {
        ((*self.host).now_ns)(self.host)
    }
}

unsafe extern "C" fn get(this: *mut c_void, _: *mut Call, key: Bytes, out: *mut Entry) -> Status {
    let shelf = Shelf::from(this);
    let items = shelf.items.lock().unwrap();
    match items.get(key.get()) {
        Some((kept, ends)) if *ends > shelf.now() => {
            (*kept.0.owner).refs.fetch_add(1, Ordering::Relaxed);
            *out = kept.0;
            OK
        }
        _ => MISS,
    }
}

unsafe extern "C" fn set(
    this: *mut c_void, _: *mut Call, key: Bytes, entry: *const Entry, options: *const SetOptions,
) -> Status {
    let shelf = Shelf::from(this);
    let mut ends = i64::MAX;
    if let Some(options) = options.as_ref() {
        if options.flags != 0 {
            return UNSUPPORTED;
        }
        if options.ttl_ns != 0 {
            ends = shelf.now().saturating_add(options.ttl_ns);
        }
    }
    let kept = Kept::new(&*entry);
    let old = shelf.items.lock().unwrap().insert(key.get().to_vec(), (kept, ends));
    drop(old); // after the lock: the end of a payload may call us again
    OK
}

unsafe extern "C" fn remove(this: *mut c_void, _: *mut Call, key: Bytes) -> Status {
    let old = Shelf::from(this).items.lock().unwrap().remove(key.get());
    if old.is_some() { OK } else { MISS }
}

unsafe extern "C" fn create(
    host: *const Host, _: *const c_void, _: *const c_void, _: *mut Call, this: *mut *mut c_void,
) -> Status {
    let shelf = Shelf { host, items: Mutex::new(HashMap::new()) };
    *this = Box::into_raw(Box::new(shelf)) as *mut c_void;
    OK
}

unsafe extern "C" fn destroy(this: *mut c_void) {
    drop(Box::from_raw(this as *mut Shelf));
}

const fn text(terminated: &'static [u8]) -> *const c_char {
    terminated.as_ptr() as *const c_char
}

static OPS: Ops = Ops { size: size_of::<Ops>() as u32, reserved: 0, get, set, remove, rest: [None; 9] };

static SHELF: Component = Component {
    size: size_of::<Component>() as u32,
    role: 1, // CAIRN_BACKEND
    name: text(b"shelf\0"),
    help: text(b"Keeps entries in a map of Rust's.\0"),
    transforms: 0,
    threads: 0, // any
    accepts: 1, // CAIRN_BYTES
    emits: 0,
    max_key_bytes: 0,
    reserved: 0,
    options: std::ptr::null(),
    option_count: 0,
    ops: &OPS,
    create,
    destroy,
    after_fork: None,
};
static COMPONENTS: [&Component; 1] = [&SHELF];
static PLUGIN: Plugin = Plugin {
    size: size_of::<Plugin>() as u32,
    abi: [1, 0],
    id: text(b"org.example.shelf\0"),
    version: text(b"1.0.0\0"),
    components: &COMPONENTS as *const &Component,
    component_count: 1,
};

#[no_mangle]
pub extern "C" fn cairn_plugin_v1(_: *const Host) -> *const Plugin {
    &PLUGIN
}

// ---- the note, which tells what is in the file without running it -----------------------------------

const NOTE: &str = concat!(
    r#"{"abi":"1.0","id":"org.example.shelf","version":"1.0.0","#,
    r#""components":[{"role":"backend","name":"shelf"}]}"#
);
const ROOM: usize = (NOTE.len() + 3) / 4 * 4;

#[repr(C, align(4))]
pub struct Note {
    sizes: [u32; 3], // of the name, of the text; the type
    name: [u8; 8],
    text: [u8; ROOM],
}

const fn note() -> Note {
    let mut text = [0; ROOM];
    let mut i = 0;
    while i < NOTE.len() {
        text[i] = NOTE.as_bytes()[i];
        i += 1;
    }
    Note { sizes: [6, NOTE.len() as u32, 1], name: *b"cairn\0\0\0", text }
}

#[used]
#[link_section = ".note.cairn"]
static CAIRN_NOTE: Note = note();
