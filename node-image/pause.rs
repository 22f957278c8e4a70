//! The container that holds a pod's namespaces: reaps orphaned children, ends on SIGTERM or SIGINT, else sleeps.
//!
//! No standard library and no libc, because every pod keeps one of these in memory. It blocks the signals it cares
//! about and waits for them, so it needs no handlers.
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGCHLD: i32 = 17;
const SIG_BLOCK: usize = 0;
const WNOHANG: usize = 1;
const ANY_CHILD: usize = usize::MAX;

#[cfg(target_arch = "x86_64")]
mod number {
    pub const RT_SIGPROCMASK: usize = 14;
    pub const EXIT: usize = 60;
    pub const WAIT4: usize = 61;
    pub const RT_SIGTIMEDWAIT: usize = 128;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub const EXIT: usize = 93;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const WAIT4: usize = 260;
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start: and rsp, -16", "call {main}", "ud2", main = sym main);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start: bl {main}", main = sym main);

extern "C" fn main() -> ! {
    let signals: u64 = 1 << (SIGINT - 1) | 1 << (SIGTERM - 1) | 1 << (SIGCHLD - 1);
    let set = &raw const signals as usize;
    syscall(number::RT_SIGPROCMASK, [SIG_BLOCK, set, 0, size_of::<u64>()]);
    loop {
        match syscall(number::RT_SIGTIMEDWAIT, [set, 0, 0, size_of::<u64>()]) as i32 {
            SIGINT | SIGTERM => exit(),
            SIGCHLD => while syscall(number::WAIT4, [ANY_CHILD, 0, WNOHANG, 0]) > 0 {},
            _interrupted => {}
        }
    }
}

fn exit() -> ! {
    loop {
        syscall(number::EXIT, [0; 4]);
    }
}

fn syscall(number: usize, arguments: [usize; 4]) -> isize {
    let [a, b, c, d] = arguments;
    let result: isize;
    // SAFETY: the calls above read only `signals`, which outlives them, and write no memory.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            out("rcx") _, out("r11") _, options(nostack));
        #[cfg(target_arch = "aarch64")]
        asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d, options(nostack));
    }
    result
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit()
}
