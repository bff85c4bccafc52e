/*-------------------------------------------------------------------------
 *
 * sandbox.c
 *	  What a courier gives up before it touches the network.
 *
 * Whoever takes over a courier through the bytes it parses finds a process
 * that cannot start a program, open a file for writing, trace another process
 * or make new code; one that listens cannot even open a socket or a file.
 * System calls go by name, since their numbers differ between machines, and a
 * name that this machine does not have is passed over.
 *
 * src/courier/sandbox.c
 *
 *-------------------------------------------------------------------------
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/sched.h>
#include <malloc.h>
#include <openssl/sha.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

/* Sanitizers need a shadow of terabytes, /proc and ptrace. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define MAX_MEMORY (UINT64_C(2) << 30)
#define MAX_FILES_SEND 65536
#define MAX_FILES_LISTEN 2048

/* Time, memory, waiting, and the sockets that are open already. */
static const char *const both_calls[] = {
	"brk",			"clock_getres",	   "clock_gettime", "clock_nanosleep",
	"close",		"epoll_ctl",	   "epoll_pwait",	"epoll_wait",
	"exit",			"exit_group",	   "fcntl",			"fstat",
	"futex",		"getpeername",	   "getpid",		"getrandom",
	"getsockname",	"getsockopt",	   "gettid",		"gettimeofday",
	"madvise",		"mremap",		   "munmap",		"nanosleep",
	"poll",			"ppoll",		   "read",			"recvfrom",
	"recvmsg",		"restart_syscall", "rt_sigaction",	"rt_sigprocmask",
	"rt_sigreturn", "sched_yield",	   "sendmsg",		"sendto",
	"setsockopt",	"shutdown",		   "time",			"write",
	"writev",
};

static const char *const listen_calls[] = {
	"accept",
	"accept4",
};

/* Name resolution with its modules and threads, certificates, connecting. */
static const char *const send_calls[] = {
	"access",		   "bind",	   "connect",			"dup",
	"epoll_create1",   "eventfd2", "faccessat",			"faccessat2",
	"fstatfs",		   "getcwd",   "getdents64",		"getegid",
	"geteuid",		   "getgid",   "getppid",			"getuid",
	"lseek",		   "lstat",	   "newfstatat",		"pipe2",
	"pread64",		   "readlink", "readlinkat",		"readv",
	"recvmmsg",		   "rseq",	   "sched_getaffinity", "sendmmsg",
	"set_robust_list", "socket",   "socketpair",		"stat",
	"statfs",		   "statx",	   "sysinfo",			"timerfd_create",
	"timerfd_settime", "uname",
};

static void
limit(int resource, uint64_t most)
{
	struct rlimit limits;

	if (getrlimit(resource, &limits) != 0)
		return;
	if (limits.rlim_max > most)
		limits.rlim_max = most;
	limits.rlim_cur = limits.rlim_max;
	setrlimit(resource, &limits);
}

/*
 * Die when the worker does.  It may have died before we could ask for that;
 * the kernel remembers who made the socket, and that must be our parent.
 */
static void
die_with_worker(void)
{
	struct ucred worker = {0};
	socklen_t len = sizeof(worker);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getsockopt(WIRE_FD, SOL_SOCKET, SO_PEERCRED, &worker, &len) != 0 ||
		worker.pid != getppid())
		_exit(1);
}

void
sandbox_start(SandboxKind kind)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	sigset_t none;

	die_with_worker();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE,
		  kind == SANDBOX_SEND ? MAX_FILES_SEND : MAX_FILES_LISTEN);
	if (!SANITIZED)
		limit(RLIMIT_AS, MAX_MEMORY);
	mallopt(M_ARENA_MAX, 2); /* resolver threads would take 64 MB each */
}

/* A rule that cannot be made leaves a call forbidden: safe, but say so. */
static void
check(int error)
{
	if (error < 0)
		link_fatal("cannot set up seccomp: %s", strerror(-error));
}

static void
allow(scmp_filter_ctx filter, const char *name, unsigned n,
	  const struct scmp_arg_cmp *conditions)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number >= 0)
		check(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, n,
									 conditions));
}

static void
allow_all(scmp_filter_ctx filter, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		allow(filter, names[i], 0, NULL);
}

/* Allow a call only with these bits of an argument clear. */
static void
allow_without(scmp_filter_ctx filter, const char *name, unsigned arg,
			  scmp_datum_t bits)
{
	struct scmp_arg_cmp condition =
		SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bits, 0);

	allow(filter, name, 1, &condition);
}

static void
allow_equal(scmp_filter_ctx filter, const char *name, unsigned arg,
			scmp_datum_t value)
{
	struct scmp_arg_cmp condition = SCMP_CMP64(arg, SCMP_CMP_EQ, value, 0);

	allow(filter, name, 1, &condition);
}

static void
allow_send(scmp_filter_ctx filter)
{
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
	struct scmp_arg_cmp thread =
		SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	int clone3 = seccomp_syscall_resolve_name("clone3");

	allow_all(filter, send_calls, sizeof(send_calls) / sizeof(char *));
	allow_without(filter, "open", 1, writing);
	allow_without(filter, "openat", 2, writing);

	/* Modules are mapped as code, but nothing both written and run. */
	allow_without(filter, "mmap", 2, PROT_WRITE);

	/* Threads, not processes.  glibc falls back from clone3 to clone, */
	/* whose flags are in a register where a filter can see them. */
	allow(filter, "clone", 1, &thread);
	if (clone3 >= 0)
		check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0));

	allow_equal(filter, "prlimit64", 2, 0); /* asking, not setting */
}

static void
confine(SandboxKind kind)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (filter == NULL)
		link_fatal("cannot set up seccomp: out of memory");
	allow_all(filter, both_calls, sizeof(both_calls) / sizeof(char *));
	allow_without(filter, "mmap", 2, PROT_EXEC);
	allow_without(filter, "mprotect", 2, PROT_EXEC);
	allow_equal(filter, "ioctl", 1, 0x5421); /* FIONBIO */
	allow_equal(filter, "ioctl", 1, 0x541B); /* FIONREAD */
	if (kind == SANDBOX_SEND)
		allow_send(filter);
	else if (kind == SANDBOX_LISTEN)
		allow_all(filter, listen_calls, sizeof(listen_calls) / sizeof(char *));
	check(seccomp_load(filter));
	seccomp_release(filter);
}

void
sandbox_enter(SandboxKind kind)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		link_fatal("cannot give up privileges: %s", strerror(errno));
	if (SANITIZED)
		return;
	prctl(PR_SET_DUMPABLE, 0);
	json_object_seed(0); /* these read a file at first use */
	tzset();
	SHA256((const unsigned char *) "", 0, digest);
	confine(kind);
}
